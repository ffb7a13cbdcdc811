/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receiving. What waits is given to the program at once; a call that has to wait does so in a
 * thread of its own, which looks every now and then whether the program still wants it, or has a
 * signal to handle.
 */
#include "supervise.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_MAX 1024
#define RECV_MAX    (4u << 20)
#define LOOK_EVERY  50 /* ms */
#define ERESTARTSYS                                                                                \
	512 /* of the kernel: the call is made again, or is EINTR, as the handler says */

/* The arguments of recvmsg() or recvfrom(). */
struct sup_recv {
	struct msghdr msg; /* pointers of the program's */
	struct iovec iov[IOV_MAX];
	size_t cap;
	uint64_t namelenp; /* recvfrom: where the length of the name is */
	int flags;
};

static int sup_recv_args(struct sup_call *c, struct sup_recv *a)
{
	const __u64 *arg = c->req.data.args;
	socklen_t len;
	size_t i;
	int r;

	memset(&a->msg, 0, sizeof(a->msg));
	if (c->req.data.nr == SYS_recvfrom) {
		a->iov[0] = (struct iovec){(void *)(uintptr_t)arg[1], arg[2]};
		a->msg.msg_iovlen = 1;
		a->msg.msg_name = (void *)(uintptr_t)arg[4];
		a->namelenp = arg[4] ? arg[5] : 0;
		if (a->namelenp) {
			r = sup_read(c, a->namelenp, &len, sizeof(len));
			if (r)
				return r;
			a->msg.msg_namelen = len;
		}
		a->flags = (int)arg[3];
	} else {
		r = sup_read(c, arg[1], &a->msg, sizeof(a->msg));
		if (r)
			return r;
		if (a->msg.msg_iovlen > IOV_MAX)
			return -EMSGSIZE;
		r = sup_read(c, (uint64_t)(uintptr_t)a->msg.msg_iov, a->iov,
			     a->msg.msg_iovlen * sizeof(*a->iov));
		if (r)
			return r;
		a->flags = (int)arg[2];
	}
	a->cap = 0;
	for (i = 0; i < a->msg.msg_iovlen; i++)
		a->cap += a->iov[i].iov_len;
	return 0;
}

/* Write what was received into the program's memory. */
static int sup_recv_put(struct sup_call *c, struct sup_recv *a, const struct msghdr *got,
			const char *buf, size_t len)
{
	struct msghdr out = a->msg;
	socklen_t namelen = got->msg_namelen;
	size_t i, n;
	int r = 0;

	for (i = 0; !r && len && i < a->msg.msg_iovlen; i++) {
		n = a->iov[i].iov_len < len ? a->iov[i].iov_len : len;
		r = sup_write(c, (uint64_t)(uintptr_t)a->iov[i].iov_base, buf, n);
		buf += n;
		len -= n;
	}
	if (!r && a->msg.msg_name)
		r = sup_write(c, (uint64_t)(uintptr_t)a->msg.msg_name, got->msg_name,
			      namelen < a->msg.msg_namelen ? namelen : a->msg.msg_namelen);
	if (c->req.data.nr == SYS_recvfrom) {
		if (!r && a->namelenp)
			r = sup_write(c, a->namelenp, &namelen, sizeof(namelen));
		return r;
	}
	if (!r && a->msg.msg_control)
		r = sup_write(c, (uint64_t)(uintptr_t)a->msg.msg_control, got->msg_control,
			      got->msg_controllen);
	out.msg_namelen = a->msg.msg_name ? namelen : a->msg.msg_namelen;
	out.msg_controllen = got->msg_controllen;
	out.msg_flags = got->msg_flags;
	return r ? r : sup_write(c, c->req.data.args[1], &out, sizeof(out));
}

/*
 * Receive what waits, without waiting. It is looked at first and taken when the program has it: a
 * program that went away in between loses nothing.
 */
static long sup_recv_now(struct sup_call *c, struct sup_recv *a)
{
	char name[128], control[CONTROL_MAX];
	size_t size = a->cap < RECV_MAX ? a->cap : RECV_MAX;
	struct iovec iov = {malloc(size ? size : 1), size};
	struct msghdr got = {.msg_name = name,
			     .msg_namelen = sizeof(name),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = a->msg.msg_controllen < CONTROL_MAX
						   ? a->msg.msg_controllen
						   : CONTROL_MAX};
	int flags = (a->flags & ~MSG_WAITALL) | MSG_DONTWAIT;
	ssize_t n;
	long r;

	if (!iov.iov_base)
		return -ENOMEM;
	if (!a->msg.msg_control)
		got.msg_controllen = 0;
	n = shim_recvmsg(c->sock->shim, c->fd, &got, flags | MSG_PEEK);
	r = n < 0 ? -errno : n;
	if (r >= 0 && !sup_valid(c))
		r = -ESRCH;
	if (r >= 0) {
		int err =
		    sup_recv_put(c, a, &got, iov.iov_base, (size_t)r < size ? (size_t)r : size);

		if (err)
			r = err;
	}
	if (r >= 0 && !(a->flags & MSG_PEEK)) {
		iov.iov_len = 0;
		got = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
		shim_recvmsg(c->sock->shim, c->fd, &got, flags);
	}
	free(iov.iov_base);
	return r;
}

/* A signal that the program handles is waiting for the thread. */
static bool sup_signalled(const struct sup_call *c)
{
	unsigned long long pending = 0, shared = 0, blocked = 0, caught = 0;
	char path[40], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/status", c->req.pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "SigPnd:", 7))
			pending = strtoull(line + 7, NULL, 16);
		else if (!strncmp(line, "ShdPnd:", 7))
			shared = strtoull(line + 7, NULL, 16);
		else if (!strncmp(line, "SigBlk:", 7))
			blocked = strtoull(line + 7, NULL, 16);
		else if (!strncmp(line, "SigCgt:", 7))
			caught = strtoull(line + 7, NULL, 16);
	}
	fclose(f);
	return ((pending | shared) & ~blocked & caught) != 0;
}

struct sup_wait {
	struct sup_call call;
	struct sup_recv args;
	struct timespec until; /* zero: for ever */
};

static bool sup_passed(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return t->tv_sec &&
	       (now.tv_sec > t->tv_sec || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec));
}

static void *sup_recv_wait(void *arg)
{
	struct sup_wait *w = arg;
	struct pollfd p = {.fd = w->call.fd, .events = POLLIN};
	long r = -EAGAIN;

	while (sup_valid(&w->call)) {
		real(poll)(&p, 1, LOOK_EVERY);
		if (p.revents || w->call.sock->shim->page->error)
			r = sup_recv_now(&w->call, &w->args);
		if (r == -EAGAIN && sup_signalled(&w->call))
			r = -ERESTARTSYS;
		if (r != -EAGAIN || sup_passed(&w->until)) {
			sup_renew(&w->call);
			sup_answer(&w->call, r);
			break;
		}
	}
	sup_drop(&w->call);
	free(w);
	return NULL;
}

/* When a call that waits gives up (SO_RCVTIMEO). */
static void sup_deadline(int fd, struct timespec *until)
{
	struct timeval tv = {0};
	socklen_t len = sizeof(tv);

	memset(until, 0, sizeof(*until));
	if (real(getsockopt)(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len) || (!tv.tv_sec && !tv.tv_usec))
		return;
	clock_gettime(CLOCK_MONOTONIC, until);
	until->tv_sec += tv.tv_sec;
	until->tv_nsec += tv.tv_usec * 1000;
	if (until->tv_nsec >= 1000000000) {
		until->tv_nsec -= 1000000000;
		until->tv_sec++;
	}
}

void sup_recv(struct sup_call *c)
{
	struct sup_wait *w = malloc(sizeof(*w));
	pthread_attr_t attr;
	pthread_t thread;
	long r = -ENOMEM;

	if (w) {
		w->call = *c;
		r = sup_recv_args(&w->call, &w->args);
		if (!r)
			r = sup_recv_now(&w->call, &w->args);
	}
	if (r != -EAGAIN || (w->args.flags & MSG_DONTWAIT) ||
	    (real(fcntl)(c->fd, F_GETFL) & O_NONBLOCK)) {
		sup_renew(c);
		sup_answer(c, r);
		sup_drop(c);
		free(w);
		return;
	}
	sup_deadline(c->fd, &w->until);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, sup_recv_wait, w)) {
		sup_answer(c, -ENOMEM);
		sup_drop(c);
		free(w);
	}
	pthread_attr_destroy(&attr);
}
