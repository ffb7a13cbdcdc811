/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connecting to the server, and connecting again when it was restarted: the client must not see
 * that. A new connection takes the place of the old one under the same descriptors, with the same
 * portid, memberships, page address, timeouts, filter and epoll registrations; the next receive
 * then says ENOBUFS once, which is how a netlink client learns that it lost messages.
 */
#include "shim.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SEND_BUFFER    (256 * 1024)
#define DEFAULT_BUFFER 212992 /* net.core.rmem_default */

static int shim_dial(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, size = SEND_BUFFER, err;

	if (strlen(shim_server()) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(sun.sun_path, shim_server());
	fd = real(socket)(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	real(setsockopt)(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	do
		err = real(connect)(fd, (struct sockaddr *)&sun, sizeof(sun));
	while (err && errno == EINTR);
	if (err) {
		err = errno;
		real(close)(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* A page to share: a file that cannot shrink below its mapping. */
static struct skua_nl_page *shim_page(int *memfd)
{
	void *page;

	*memfd = memfd_create("skua-netlink", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*memfd < 0)
		return NULL;
	if (!ftruncate(*memfd, SKUA_NL_PAGE_SIZE) &&
	    !real(fcntl)(*memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		page = mmap(NULL, SKUA_NL_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *memfd, 0);
		if (page != MAP_FAILED)
			return page;
	}
	real(close)(*memfd);
	return NULL;
}

__thread struct shim_client shim_client;

/* The namespace of the thread: threads may be in different ones. */
static uint64_t shim_netns(void)
{
	char path[40];
	struct stat st;

	if (shim_client.tid) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", shim_client.tid);
		return stat(path, &st) ? 0 : st.st_ino;
	}
	if (stat("/proc/thread-self/ns/net", &st) && stat("/proc/self/ns/net", &st))
		return 0;
	return st.st_ino;
}

/*
 * Dial from the namespace that the socket is to be in, s->netns: the server trusts what the kernel
 * says of a connection. Only for another process may that not be the namespace of this thread. old
 * is a connection from there, or -1: the calling thread of that process is there.
 */
static int shim_dial_from(const struct shim_sock *s, int old)
{
	char path[40];
	struct stat st;
	int own, ns, fd, err;

	if (!shim_client.tid || stat("/proc/thread-self/ns/net", &st) || st.st_ino == s->netns)
		return shim_dial();
	snprintf(path, sizeof(path), "/proc/%d/ns/net", shim_client.tid);
	ns = old < 0 ? open(path, O_RDONLY | O_CLOEXEC) : real(ioctl)(old, SIOCGSKNS);
	own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ns < 0 || own < 0 || setns(ns, CLONE_NEWNET)) {
		fd = shim_dial(); /* not permitted: the server may be content with less */
		err = errno;
	} else {
		fd = shim_dial();
		err = errno;
		if (setns(own, CLONE_NEWNET))
			abort(); /* what others open would be in the wrong one */
	}
	if (ns >= 0)
		real(close)(ns);
	if (own >= 0)
		real(close)(own);
	errno = err;
	return fd;
}

/* Say hello on a new connection; old is what the socket was before the restart, or NULL. */
static int shim_hello(int fd, int memfd, const struct shim_sock *s, struct skua_nl_page *page,
		      const struct skua_nl_page *old)
{
	static const unsigned int max = SKUA_NL_GROUP_WORDS * 32;
	struct skua_nl_frame f = {.op = SKUA_NL_HELLO, .a = SKUA_NL_VERSION};
	struct skua_nl_hello *hello = calloc(1, sizeof(*hello) + max * sizeof(uint32_t));
	struct iovec iov[2] = {{&f, sizeof(f)}, {hello, 0}};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = {.buf = {0}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	unsigned int g;
	int err = 0;

	if (!hello)
		return -ENOMEM;
	hello->netns = s->netns;
	hello->tgid = (uint32_t)(shim_client.tgid ? shim_client.tgid : getpid());
	if (old) {
		hello->portid = old->portid;
		hello->rcvbuf = old->rcvbuf;
		for (g = 1; g <= max; g++)
			if (old->groups[(g - 1) / 32] & (1u << ((g - 1) % 32)))
				hello->groups[hello->ngroups++] = g;
	}
	f.b = page->protocol;
	f.c = page->type;
	f.seq = ++page->seq;
	iov[1].iov_len = sizeof(*hello) + hello->ngroups * sizeof(uint32_t);
	f.len = (uint32_t)iov[1].iov_len;

	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &memfd, sizeof(int));

	if (real(sendmsg)(fd, &msg, MSG_NOSIGNAL) < 0)
		err = -errno;
	else if (shim_await(page, fd, f.seq))
		err = -ECONNREFUSED;
	else
		err = page->result;
	free(hello);
	return err;
}

/* socket(AF_NETLINK, type, protocol). */
int shim_open(int type, int protocol)
{
	struct shim_sock *s = calloc(1, sizeof(*s));
	int fd = -1, memfd = -1, err;

	if (!s)
		return -1;
	s->page = shim_page(&memfd);
	if (!s->page)
		goto fail;
	s->page->protocol = (uint32_t)protocol;
	s->page->type = (uint32_t)type & 0xf;
	s->page->rcvbuf = DEFAULT_BUFFER;
	s->page->sndbuf = DEFAULT_BUFFER;
	s->page->options = SKUA_NL_OPT_POSTS;
	s->netns = shim_netns();
	fd = shim_dial_from(s, -1);
	if (fd < 0)
		goto fail;
	err = shim_hello(fd, memfd, s, s->page, NULL);
	if (err) {
		errno = -err;
		goto fail;
	}
	if (!(type & SOCK_CLOEXEC))
		real(fcntl)(fd, F_SETFD, 0);
	if (type & SOCK_NONBLOCK)
		real(fcntl)(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	s->inode = shim_inode(fd);
	if (shim_track(fd, s)) {
		errno = EMFILE;
		goto fail;
	}
	real(close)(memfd);
	return fd;
fail:
	err = errno;
	if (fd >= 0)
		real(close)(fd);
	if (memfd >= 0)
		real(close)(memfd);
	if (s->page)
		munmap(s->page, SKUA_NL_PAGE_SIZE);
	free(s);
	errno = err;
	return -1;
}

static int shim_replace(int fd, void *arg)
{
	int flags = real(fcntl)(fd, F_GETFD);

	return real(dup3)(*(int *)arg, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0;
}

/* Give the new connection what the client set on the old one itself. */
static void shim_inherit(int from, int to)
{
	static const int timeouts[] = {SO_RCVTIMEO, SO_SNDTIMEO};
	struct sock_filter filter[BPF_MAXINSNS];
	struct sock_fprog prog = {.filter = filter};
	socklen_t len = 0;
	struct timeval tv;
	size_t i;

	for (i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		len = sizeof(tv);
		if (!real(getsockopt)(from, SOL_SOCKET, timeouts[i], &tv, &len))
			real(setsockopt)(to, SOL_SOCKET, timeouts[i], &tv, len);
	}
	len = BPF_MAXINSNS; /* counts instructions */
	if (!real(getsockopt)(from, SOL_SOCKET, SO_GET_FILTER, filter, &len) && len > 0) {
		prog.len = (unsigned short)len;
		real(setsockopt)(to, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
	}
	real(fcntl)(to, F_SETFL, real(fcntl)(from, F_GETFL));
}

int shim_reconnect(struct shim_sock *s, int fd)
{
	struct skua_nl_page *page = NULL;
	int to = shim_dial_from(s, fd), memfd = -1, err;
	struct shim_epoll *e;

	if (to < 0)
		return -1;
	page = shim_page(&memfd);
	if (!page)
		goto fail;
	/* Its first part is the server's, and empty for a new one. */
	memcpy(&page->waiters, &s->page->waiters,
	       sizeof(*page) - offsetof(struct skua_nl_page, waiters));
	page->waiters = 0;
	page->turn = SKUA_NL_TURN_SOCKET;
	err = shim_hello(to, memfd, s, page, s->page);
	if (err) {
		errno = -err;
		goto fail;
	}
	shim_inherit(fd, to);
	page->error = ENOBUFS;
	if (mmap(s->page, SKUA_NL_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memfd,
		 0) == MAP_FAILED)
		goto fail;
	shim_each_fd(s, shim_replace, &to);
	shim_lock();
	s->inode = shim_inode(to);
	for (e = s->epolls; e; e = e->next)
		real(epoll_ctl)(e->epfd, EPOLL_CTL_ADD, e->fd, &e->event);
	shim_unlock();
	munmap(page, SKUA_NL_PAGE_SIZE);
	real(close)(memfd);
	real(close)(to);
	return 0;
fail:
	err = errno;
	if (page) {
		munmap(page, SKUA_NL_PAGE_SIZE);
		real(close)(memfd);
	}
	real(close)(to);
	errno = err;
	return -1;
}
