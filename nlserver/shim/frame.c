/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frame to the server and back. One frame is under way per socket: the lock for it is a word in
 * the shared page, so that it works across fork() too. Its holder writes its tid there; a holder
 * that died is found out when waiting takes long.
 */
#include "shim.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAITERS 0x80000000u

void shim_frame_lock(struct shim_sock *s)
{
	static const struct timespec patience = {.tv_nsec = 200 * 1000 * 1000};
	uint32_t self = shim_tid(), held = 0;
	uint32_t *word = &s->page->lock;

	if (__atomic_compare_exchange_n(word, &held, self, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	for (;;) {
		if (!held) {
			if (__atomic_compare_exchange_n(word, &held, self | LOCK_WAITERS, false,
							__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
			continue;
		}
		if (!(held & LOCK_WAITERS) &&
		    !__atomic_compare_exchange_n(word, &held, held | LOCK_WAITERS, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		if (shim_futex(word, FUTEX_WAIT, held | LOCK_WAITERS, &patience) &&
		    errno == ETIMEDOUT) {
			held = __atomic_load_n(word, __ATOMIC_RELAXED);
			if (held && kill((pid_t)(held & ~LOCK_WAITERS), 0) && errno == ESRCH &&
			    __atomic_compare_exchange_n(word, &held, self | LOCK_WAITERS, false,
							__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
		}
		held = __atomic_load_n(word, __ATOMIC_RELAXED);
	}
}

void shim_frame_unlock(struct shim_sock *s)
{
	if (__atomic_exchange_n(&s->page->lock, 0, __ATOMIC_RELEASE) & LOCK_WAITERS)
		shim_futex(&s->page->lock, FUTEX_WAKE, 1, NULL);
}

/* The server has closed the connection, or is gone. */
static bool shim_hung_up(int fd)
{
	struct pollfd p = {.fd = fd};

	return real(poll)(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

int shim_await(struct skua_nl_page *page, int fd, uint32_t seq)
{
	static const struct timespec patience = {.tv_nsec = 100 * 1000 * 1000};
	uint32_t done;
	int err = 0;

	__atomic_add_fetch(&page->waiters, 1, __ATOMIC_SEQ_CST);
	while ((done = __atomic_load_n(&page->done, __ATOMIC_SEQ_CST)) != seq) {
		if (shim_futex(&page->done, FUTEX_WAIT, done, &patience) == 0 || errno != ETIMEDOUT)
			continue;
		if (shim_hung_up(fd) && __atomic_load_n(&page->done, __ATOMIC_SEQ_CST) != seq) {
			err = -1;
			break;
		}
	}
	__atomic_sub_fetch(&page->waiters, 1, __ATOMIC_SEQ_CST);
	return err;
}

/* Write a frame, with a file when file >= 0. The queue to the server is empty: it has read what
 * it has completed. */
static int shim_write_frame(int fd, struct skua_nl_frame *f, const struct iovec *iov, size_t iovlen,
			    int file)
{
	struct iovec v[iovlen + 1];
	struct msghdr msg = {.msg_iov = v, .msg_iovlen = 1};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	v[0].iov_base = f;
	v[0].iov_len = sizeof(*f);
	if (file < 0 && iovlen) {
		memcpy(v + 1, iov, iovlen * sizeof(*iov));
		msg.msg_iovlen += iovlen;
	}
	if (file >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &file, sizeof(int));
	}
	for (;;) {
		if (real(sendmsg)(fd, &msg, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EAGAIN || errno == ENOBUFS)
			real(poll)(&p, 1, 100);
		else if (errno != EINTR)
			return -errno;
	}
}

/* The bytes of a large send as a file of memory. */
static int shim_file_of(const struct iovec *iov, size_t iovlen)
{
	int file = memfd_create("skua-netlink-send", MFD_CLOEXEC);
	size_t i, at;
	ssize_t n;

	for (i = 0; file >= 0 && i < iovlen; i++) {
		for (at = 0; at < iov[i].iov_len; at += (size_t)n) {
			n = real(write)(file, (char *)iov[i].iov_base + at, iov[i].iov_len - at);
			if (n <= 0) {
				n = errno;
				real(close)(file);
				errno = n ? (int)n : ENOMEM;
				return -1;
			}
		}
	}
	return file;
}

/*
 * Have the server do a frame; the lock is held. The result is what it completed it with. When it
 * went away before it took the frame, it is done with the next server. When it went away with the
 * frame, nobody knows what came of it: the frame counts as done, and the ENOBUFS that follows the
 * reconnection says that answers were lost.
 */
static ssize_t shim_do(struct shim_sock *s, int fd, struct skua_nl_frame *f,
		       const struct iovec *iov, size_t iovlen, int file)
{
	static const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	int tries, err;

	for (tries = 0; tries < 200; tries++) {
		f->seq = ++s->page->seq;
		err = 0;
		if (file >= 0 || !shim_post(s->page, f, iov, iovlen)) {
			if (shim_inode(fd) != s->inode)
				return -ENOTSOCK;
			err = shim_write_frame(fd, f, iov, iovlen, file);
			shim_look(s->page);
		}
		if (!err) {
			if (!shim_await(s->page, fd, f->seq))
				return s->page->result;
			if (shim_unpost(s->page))
				err = -EPIPE;
		}
		if (!err) {
			shim_reconnect(s, fd);
			return f->op == SKUA_NL_SEND || f->op == SKUA_NL_SEND_FD ? f->len : 0;
		}
		if (err != -EPIPE && err != -ECONNRESET && err != -ENOTCONN)
			return err;
		if (shim_reconnect(s, fd))
			nanosleep(&pause, NULL);
	}
	return -ECONNREFUSED;
}

int shim_frame(struct shim_sock *s, int fd, uint32_t op, uint32_t a, uint32_t b)
{
	struct skua_nl_frame f = {.op = op, .a = a, .b = b};
	ssize_t r;

	shim_frame_lock(s);
	r = shim_do(s, fd, &f, NULL, 0, -1);
	shim_frame_unlock(s);
	return (int)r;
}

int shim_frame_with(struct shim_sock *s, int fd, uint32_t op, uint32_t a, const struct iovec *iov)
{
	struct skua_nl_frame f = {.op = op, .a = a, .len = (uint32_t)iov->iov_len};
	ssize_t r;

	shim_frame_lock(s);
	r = shim_do(s, fd, &f, iov, 1, -1);
	shim_frame_unlock(s);
	return (int)r;
}

ssize_t shim_frame_send(struct shim_sock *s, int fd, uint32_t portid, uint32_t groups,
			const struct iovec *iov, size_t iovlen, size_t len)
{
	struct skua_nl_frame f = {.a = portid, .b = groups, .len = (uint32_t)len};
	int file = -1;
	ssize_t r;

	f.op = SKUA_NL_SEND;
	if (len + sizeof(f) > SKUA_NL_FRAME_MAX || iovlen >= IOV_MAX) {
		f.op = SKUA_NL_SEND_FD;
		file = shim_file_of(iov, iovlen);
		if (file < 0)
			return -errno;
	}
	shim_frame_lock(s);
	r = shim_do(s, fd, &f, iov, iovlen, file);
	shim_frame_unlock(s);
	if (file >= 0)
		real(close)(file);
	return r;
}
