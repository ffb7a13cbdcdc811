/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which descriptors are netlink sockets. A descriptor may be closed or replaced behind our back,
 * by a system call that did not pass through us: so each use compares the inode of what is open
 * there with that of the connection.
 *
 * One lock guards the table, the reference counts and the epoll lists. It is never held while
 * waiting.
 */
#include "shim.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct shim_sock *shim_table[SHIM_FDS_MAX];
static pthread_mutex_t shim_mutex = PTHREAD_MUTEX_INITIALIZER;
static pid_t *shim_owner; /* whose memory this is; zero in the copy that a fork makes */
static char shim_path[256];

static void shim_after_fork(void)
{
	pthread_mutex_init(&shim_mutex, NULL);
}

/* The number of the process, which the kernel is asked for once; 0: not to be had so. */
static pid_t shim_pid(void)
{
	if (shim_owner && !*shim_owner)
		*shim_owner = getpid();
	return shim_owner ? *shim_owner : 0;
}

/*
 * A child of vfork() runs in its parent's memory, but its descriptors are its own: what it does to
 * them must not be noted.
 */
static bool shim_is_guest(void)
{
	return shim_owner && shim_pid() != getpid();
}

/* The number of the thread, which the kernel is asked for once. */
uint32_t shim_tid(void)
{
	static __thread pid_t of, tid;
	pid_t pid = shim_pid();

	if (!pid || of != pid) {
		tid = (pid_t)syscall(SYS_gettid);
		of = pid;
	}
	return (uint32_t)tid;
}

__attribute__((constructor)) static void shim_start(void)
{
	const char *path = getenv("SKUA_SOCKET");

	void *owner;

	if (!path || strlen(path) >= sizeof(shim_path))
		return;
	strcpy(shim_path, path);
	pthread_atfork(NULL, NULL, shim_after_fork);
	owner = mmap(NULL, SKUA_NL_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (owner == MAP_FAILED)
		return;
	if (!madvise(owner, SKUA_NL_PAGE_SIZE, MADV_WIPEONFORK))
		shim_owner = owner;
}

const char *shim_server(void)
{
	return shim_path[0] ? shim_path : NULL;
}

void shim_lock(void)
{
	pthread_mutex_lock(&shim_mutex);
}

void shim_unlock(void)
{
	pthread_mutex_unlock(&shim_mutex);
}

uint64_t shim_inode(int fd)
{
	struct stat st;

	if (syscall(SYS_fstat, fd, &st) || !S_ISSOCK(st.st_mode))
		return 0;
	return st.st_ino;
}

/* Drop a reference under the lock. True: it was the last, shim_free it without the lock. */
static bool shim_drop(struct shim_sock *s)
{
	return --s->refs == 0;
}

static void shim_free(struct shim_sock *s)
{
	struct shim_epoll *e, *next;

	for (e = s->epolls; e; e = next) {
		next = e->next;
		free(e);
	}
	shim_look(s->page); /* the server is to see the end of it */
	munmap(s->page, SKUA_NL_PAGE_SIZE);
	free(s->tails);
	free(s);
}

void shim_put(struct shim_sock *s)
{
	bool last;

	shim_lock();
	last = shim_drop(s);
	shim_unlock();
	if (last)
		shim_free(s);
}

/* The coarse clock in nanoseconds: a few milliseconds to a tick, and cheap to read. */
static uint64_t shim_tick(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* seen: the tick up to which an earlier look at the inode will do. */
static struct shim_sock *shim_find(int fd, uint64_t now, uint64_t seen)
{
	struct shim_sock *s;
	int saved = errno;
	uint64_t inode = 0;

	if ((unsigned int)fd >= SHIM_FDS_MAX || !__atomic_load_n(&shim_table[fd], __ATOMIC_RELAXED))
		return NULL;
	shim_lock();
	s = shim_table[fd];
	if (s)
		s->refs++;
	shim_unlock();
	if (!s)
		return NULL;
	if (s->fd_seen == fd && s->tick_seen >= seen && s->pid_seen == shim_pid())
		return s;
	inode = shim_inode(fd);
	errno = saved;
	if (inode == s->inode) {
		s->fd_seen = fd;
		s->tick_seen = now;
		s->pid_seen = shim_pid();
		return s;
	}
	shim_put(s);
	shim_forget(fd);
	return NULL;
}

struct shim_sock *shim_get(int fd)
{
	if ((unsigned int)fd >= SHIM_FDS_MAX || !__atomic_load_n(&shim_table[fd], __ATOMIC_RELAXED))
		return NULL;
	return shim_find(fd, shim_tick(), UINT64_MAX);
}

/*
 * For sends and receives, of which there may be very many in a row: a descriptor that was looked at
 * in this tick, by this process, is not looked at again.
 */
struct shim_sock *shim_get_again(int fd)
{
	uint64_t now;

	if ((unsigned int)fd >= SHIM_FDS_MAX || !__atomic_load_n(&shim_table[fd], __ATOMIC_RELAXED))
		return NULL;
	now = shim_tick();
	return shim_find(fd, now, now);
}

/* Make fd another descriptor of s. */
int shim_track(int fd, struct shim_sock *s)
{
	if ((unsigned int)fd >= SHIM_FDS_MAX)
		return -1;
	if (shim_is_guest())
		return 0;
	shim_forget(fd);
	shim_lock();
	s->refs++;
	__atomic_store_n(&shim_table[fd], s, __ATOMIC_RELAXED);
	shim_unlock();
	return 0;
}

void shim_forget(int fd)
{
	struct shim_sock *s;
	bool last;

	if ((unsigned int)fd >= SHIM_FDS_MAX || !__atomic_load_n(&shim_table[fd], __ATOMIC_RELAXED))
		return;
	if (shim_is_guest())
		return;
	shim_lock();
	s = shim_table[fd];
	__atomic_store_n(&shim_table[fd], NULL, __ATOMIC_RELAXED);
	last = s && shim_drop(s);
	shim_unlock();
	if (last)
		shim_free(s);
}

void shim_forget_range(unsigned int first, unsigned int last)
{
	unsigned int fd;

	if (last >= SHIM_FDS_MAX)
		last = SHIM_FDS_MAX - 1;
	if (!shim_server())
		return;
	for (fd = first; fd <= last; fd++)
		shim_forget((int)fd);
}

/* Call f for each descriptor of s until it fails. */
int shim_each_fd(struct shim_sock *s, int (*f)(int fd, void *arg), void *arg)
{
	int fd, err = 0;

	for (fd = 0; fd < SHIM_FDS_MAX && !err; fd++) {
		if (__atomic_load_n(&shim_table[fd], __ATOMIC_RELAXED) == s &&
		    shim_inode(fd) == s->inode)
			err = f(fd, arg);
	}
	return err;
}

/*
 * The descriptor was closed and used anew behind our back since it was looked at (shim_get_again):
 * the call that failed is to be made as it is.
 */
bool shim_stale(int fd, ssize_t r)
{
	if (r >= 0 || errno != ENOTSOCK)
		return false;
	shim_forget(fd);
	return true;
}
