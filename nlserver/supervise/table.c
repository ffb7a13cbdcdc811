/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervise.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUCKETS 256

static struct sup_sock *table[BUCKETS];
static unsigned int count, swept;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Forget what the server has closed, since the program had. */
static void sup_sweep(void)
{
	struct sup_sock **at, *k;
	unsigned int i;

	for (i = 0; i < BUCKETS; i++) {
		for (at = &table[i]; (k = *at);) {
			if (k->busy || __atomic_load_n(&k->shim->page->version, __ATOMIC_RELAXED)) {
				at = &k->next;
				continue;
			}
			*at = k->next;
			shim_put(k->shim);
			free(k);
			count--;
		}
	}
	swept = count;
}

void sup_add(uint64_t inode, struct shim_sock *s)
{
	struct sup_sock *k = calloc(1, sizeof(*k));

	if (!k)
		return;
	pthread_mutex_lock(&lock);
	if (count >= 2 * swept + 64)
		sup_sweep();
	k->inode = inode;
	k->shim = s;
	k->next = table[inode % BUCKETS];
	table[inode % BUCKETS] = k;
	count++;
	pthread_mutex_unlock(&lock);
}

struct sup_sock *sup_hold(uint64_t inode)
{
	struct sup_sock *k;

	pthread_mutex_lock(&lock);
	for (k = table[inode % BUCKETS]; k && k->inode != inode; k = k->next)
		;
	if (k)
		k->busy++;
	pthread_mutex_unlock(&lock);
	return k;
}

void sup_rename(struct sup_sock *k, uint64_t inode)
{
	struct sup_sock **at;

	pthread_mutex_lock(&lock);
	for (at = &table[k->inode % BUCKETS]; *at && *at != k; at = &(*at)->next)
		;
	if (*at) {
		*at = k->next;
		k->inode = inode;
		k->next = table[inode % BUCKETS];
		table[inode % BUCKETS] = k;
	}
	pthread_mutex_unlock(&lock);
}

void sup_release(struct sup_sock *k)
{
	pthread_mutex_lock(&lock);
	k->busy--;
	pthread_mutex_unlock(&lock);
}

bool sup_grab(struct sup_call *c, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, c->tgid, 0);

	if (pidfd < 0)
		return false;
	c->fd = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	real(close)(pidfd);
	if (c->fd < 0)
		return false;
	c->sock = sup_hold(shim_inode(c->fd));
	if (!c->sock) {
		real(close)(c->fd);
		c->fd = -1;
		return false;
	}
	shim_track(c->fd, c->sock->shim);
	return true;
}

void sup_drop(struct sup_call *c)
{
	close(c->fd); /* and untrack */
	sup_release(c->sock);
}
