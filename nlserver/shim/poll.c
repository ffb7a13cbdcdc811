/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poll and epoll work on the connection itself. What differs from a netlink socket: an error that
 * waits in the shared page is POLLERR, the end of a connection is none of the client's business
 * (the read that follows connects again), and registrations must outlive the connection.
 */
#include "shim.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

static bool shim_has_error(int fd)
{
	struct shim_sock *s = shim_get(fd);
	bool error = s && __atomic_load_n(&s->page->error, __ATOMIC_SEQ_CST);

	if (s)
		shim_put(s);
	return error;
}

/* Whether some descriptor has an error, so that poll must not wait. */
static bool shim_errors(const struct pollfd *fds, nfds_t n)
{
	nfds_t i;

	for (i = 0; i < n; i++)
		if (fds[i].fd >= 0 && shim_has_error(fds[i].fd))
			return true;
	return false;
}

/* Correct what poll says of netlink sockets; r is its result. */
static int shim_polled(struct pollfd *fds, nfds_t n, int r)
{
	struct shim_sock *s;
	nfds_t i;

	if (r < 0 || !shim_server())
		return r;
	for (i = 0, r = 0; i < n; i++) {
		s = fds[i].fd >= 0 ? shim_get(fds[i].fd) : NULL;
		if (s) {
			if (fds[i].revents & POLLHUP)
				fds[i].revents =
				    (short)((fds[i].revents & ~POLLHUP) | (fds[i].events & POLLIN));
			if (__atomic_load_n(&s->page->error, __ATOMIC_SEQ_CST))
				fds[i].revents |= (short)(POLLERR | (fds[i].events & POLLIN));
			shim_put(s);
		}
		r += fds[i].revents != 0;
	}
	return r;
}

SHIM_EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (shim_server() && shim_errors(fds, n))
		timeout = 0;
	return shim_polled(fds, n, real(poll)(fds, n, timeout));
}

SHIM_EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		      const sigset_t *mask)
{
	static const struct timespec now = {0};

	if (shim_server() && shim_errors(fds, n))
		timeout = &now;
	return shim_polled(fds, n, real(ppoll)(fds, n, timeout, mask));
}

void __chk_fail(void) __attribute__((noreturn));
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t size);

SHIM_EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	if (size / sizeof(*fds) < n)
		__chk_fail();
	return poll(fds, n, timeout);
}

SHIM_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
			    const sigset_t *mask, size_t size)
{
	if (size / sizeof(*fds) < n)
		__chk_fail();
	return ppoll(fds, n, timeout, mask);
}

/* Keep the list of registrations; e is for what is added, and is used or freed. */
static void shim_registered(struct shim_sock *s, int epfd, int op, int fd,
			    const struct epoll_event *event, struct shim_epoll *e)
{
	struct shim_epoll **at, *old;

	shim_lock();
	for (at = &s->epolls; (old = *at); at = &old->next)
		if (old->epfd == epfd && old->fd == fd)
			break;
	if (op == EPOLL_CTL_DEL && old) {
		*at = old->next;
	} else {
		if (op == EPOLL_CTL_ADD && !old && e) {
			*e = (struct shim_epoll){.next = s->epolls, .epfd = epfd, .fd = fd};
			s->epolls = old = e;
			e = NULL;
		}
		if (op != EPOLL_CTL_DEL && old)
			old->event = *event;
		old = NULL;
	}
	shim_unlock();
	free(old);
	free(e);
}

SHIM_EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int r = real(epoll_ctl)(epfd, op, fd, event);
	struct shim_sock *s = r ? NULL : shim_get(fd);

	if (!s)
		return r;
	shim_registered(s, epfd, op, fd, event,
			op == EPOLL_CTL_ADD ? malloc(sizeof(struct shim_epoll)) : NULL);
	shim_put(s);
	return r;
}
