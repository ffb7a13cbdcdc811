/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Append a control message, or say that it had no room (put_cmsg). */
static void shim_put_cmsg(struct msghdr *msg, size_t *used, int level, int type, const void *data,
			  size_t len)
{
	struct cmsghdr *c = (void *)((char *)msg->msg_control + *used);
	size_t room = msg->msg_controllen - *used;

	if (!msg->msg_control || room < CMSG_LEN(len)) {
		msg->msg_flags |= MSG_CTRUNC;
		return;
	}
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	*used += CMSG_SPACE(len) < room ? CMSG_SPACE(len) : room;
}

/* Fill in where a datagram came from, and the control messages that were asked for. */
static void shim_source(struct shim_sock *s, struct msghdr *msg, uint32_t group, uint32_t portid)
{
	struct sockaddr_nl from = {.nl_family = AF_NETLINK, .nl_pid = portid};
	struct nl_pktinfo info = {.group = group};
	struct ucred kernel = {0};
	size_t used = 0;

	if (group >= 1 && group <= 32)
		from.nl_groups = 1u << (group - 1);
	if (msg->msg_name) {
		memcpy(msg->msg_name, &from,
		       msg->msg_namelen < sizeof(from) ? msg->msg_namelen : sizeof(from));
		msg->msg_namelen = sizeof(from);
	}
	if (s->page->options & SKUA_NL_OPT_PKTINFO)
		shim_put_cmsg(msg, &used, SOL_NETLINK, NETLINK_PKTINFO, &info, sizeof(info));
	if (s->page->options & SKUA_NL_OPT_PASSCRED)
		shim_put_cmsg(msg, &used, SOL_SOCKET, SCM_CREDENTIALS, &kernel, sizeof(kernel));
	msg->msg_controllen = used;
}

/*
 * The server that inode was a connection to is gone: connect to the next one. 0: receive again; -1:
 * there is none yet and the call may not wait any longer. A client that does not block is slowed
 * down a little, since its poll() calls the dead connection readable.
 */
static int shim_lost(struct shim_sock *s, int fd, uint64_t inode, int flags,
		     struct timespec *deadline)
{
	static const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	struct timespec now;
	struct timeval tv;
	socklen_t len = sizeof(tv);
	int err = 0;

	shim_frame_lock(s);
	if (s->inode == inode) /* else another thread has done it */
		err = shim_reconnect(s, fd);
	shim_frame_unlock(s);
	if (!err)
		return 0;
	if (nanosleep(&pause, NULL) && errno == EINTR)
		return -1;
	if ((flags & MSG_DONTWAIT) || (real(fcntl)(fd, F_GETFL) & O_NONBLOCK)) {
		errno = EAGAIN;
		return -1;
	}
	if (real(getsockopt)(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len) || (!tv.tv_sec && !tv.tv_usec))
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!deadline->tv_sec) {
		deadline->tv_sec = now.tv_sec + tv.tv_sec + 1;
		return 0;
	}
	if (now.tv_sec < deadline->tv_sec)
		return 0;
	errno = EAGAIN;
	return -1;
}

/* The bytes of a client's buffers, which the server is told of. */
size_t shim_room(struct shim_sock *s, const struct msghdr *msg)
{
	size_t cap = 0, i;

	for (i = 0; i < msg->msg_iovlen; i++)
		cap += msg->msg_iov[i].iov_len;
	if (cap > s->page->max_recv)
		s->page->max_recv = cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX;
	return cap;
}

/* The end of netlink_recvmsg: a datagram of len bytes is in iov, which is that of msg and a tail.
 * The result is the call's. */
size_t shim_received(struct shim_sock *s, int fd, struct msghdr *msg, const struct iovec *iov,
		     size_t len, int flags)
{
	size_t cap = 0, iovlen = msg->msg_iovlen, i;
	uint32_t group, portid;

	for (i = 0; i < iovlen; i++)
		cap += iov[i].iov_len;
	len = shim_unmark(iov, iovlen < IOV_MAX ? iovlen + 1 : iovlen, len, &group, &portid);
	msg->msg_flags = len > cap ? MSG_TRUNC : 0;
	shim_source(s, msg, group, portid);
	if (!(flags & MSG_PEEK) && __atomic_load_n(&s->page->dumping, __ATOMIC_SEQ_CST))
		shim_frame(s, fd, SKUA_NL_MORE, 0, 0);
	return len > cap && !(flags & MSG_TRUNC) ? cap : len;
}

/* netlink_recvmsg. */
ssize_t shim_recvmsg(struct shim_sock *s, int fd, struct msghdr *msg, int flags)
{
	char tail[SKUA_NL_MARKED_MAX];
	size_t iovlen = msg->msg_iovlen;
	struct iovec iov[iovlen < IOV_MAX ? iovlen + 1 : IOV_MAX];
	struct timespec deadline = {0};
	struct msghdr m = {.msg_iov = iov};
	uint64_t inode;
	uint32_t error;
	ssize_t r;

	if (flags & MSG_OOB) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (iovlen > IOV_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	shim_room(s, msg);
	memcpy(iov, msg->msg_iov, iovlen * sizeof(*iov));
	if (iovlen < IOV_MAX)
		iov[iovlen++] = (struct iovec){tail, sizeof(tail)};

	for (;;) {
		inode = __atomic_load_n(&s->inode, __ATOMIC_RELAXED);
		error = __atomic_exchange_n(&s->page->error, 0, __ATOMIC_SEQ_CST);
		if (error) {
			errno = (int)error;
			return -1;
		}
		m.msg_iovlen = iovlen;
		m.msg_flags = 0;
		r = real(recvmsg)(fd, &m, flags | MSG_TRUNC);
		if (r > 0)
			return (ssize_t)shim_received(s, fd, msg, iov, (size_t)r, flags);
		/* The server sends nothing empty, so this is the end of the connection. */
		if (r < 0 && errno != ECONNRESET)
			return -1;
		if (shim_lost(s, fd, inode, flags, &deadline))
			return -1;
	}
}

static ssize_t shim_recv_bytes(struct shim_sock *s, int fd, void *buf, size_t len, int flags,
			       struct sockaddr *from, socklen_t *fromlen)
{
	struct iovec iov = {buf, len};
	struct msghdr msg = {.msg_name = from,
			     .msg_namelen = from && fromlen ? *fromlen : 0,
			     .msg_iov = &iov,
			     .msg_iovlen = 1};
	ssize_t r = shim_recvmsg(s, fd, &msg, flags);

	if (r >= 0 && from && fromlen)
		*fromlen = msg.msg_namelen;
	shim_put(s);
	return r;
}

SHIM_EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct shim_sock *s = shim_get_again(fd);
	ssize_t r;

	if (!s)
		return real(recvmsg)(fd, msg, flags);
	r = shim_recvmsg(s, fd, msg, flags);
	shim_put(s);
	return shim_stale(fd, r) ? real(recvmsg)(fd, msg, flags) : r;
}

SHIM_EXPORT ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from,
			     socklen_t *fromlen)
{
	struct shim_sock *s = shim_get_again(fd);
	ssize_t r;

	if (!s)
		return real(recvfrom)(fd, buf, len, flags, from, fromlen);
	r = shim_recv_bytes(s, fd, buf, len, flags, from, fromlen);
	return shim_stale(fd, r) ? real(recvfrom)(fd, buf, len, flags, from, fromlen) : r;
}

SHIM_EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	struct shim_sock *s = shim_get_again(fd);
	ssize_t r;

	if (!s)
		return real(recv)(fd, buf, len, flags);
	r = shim_recv_bytes(s, fd, buf, len, flags, NULL, NULL);
	return shim_stale(fd, r) ? real(recv)(fd, buf, len, flags) : r;
}

SHIM_EXPORT ssize_t read(int fd, void *buf, size_t len)
{
	struct shim_sock *s = shim_get_again(fd);
	ssize_t r;

	if (!s)
		return real(read)(fd, buf, len);
	r = shim_recv_bytes(s, fd, buf, len, 0, NULL, NULL);
	return shim_stale(fd, r) ? real(read)(fd, buf, len) : r;
}

SHIM_EXPORT ssize_t readv(int fd, const struct iovec *iov, int n)
{
	struct shim_sock *s = shim_get_again(fd);
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};
	ssize_t r;

	if (!s)
		return real(readv)(fd, iov, n);
	r = shim_recvmsg(s, fd, &msg, 0);
	shim_put(s);
	return shim_stale(fd, r) ? real(readv)(fd, iov, n) : r;
}

SHIM_EXPORT int recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags,
			 struct timespec *timeout)
{
	struct shim_sock *s = shim_get_again(fd);
	int r;

	if (!s)
		return real(recvmmsg)(fd, msgs, n, flags, timeout);
	r = shim_recvmmsg(s, fd, msgs, n, flags, timeout);
	shim_put(s);
	return shim_stale(fd, r) ? real(recvmmsg)(fd, msgs, n, flags, timeout) : r;
}

/* What _FORTIFY_SOURCE makes of these calls. The size of the buffer was known to the compiler. */
void __chk_fail(void) __attribute__((noreturn));
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags, struct sockaddr *from,
		       socklen_t *fromlen);
ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);

SHIM_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags)
{
	if (len > size)
		__chk_fail();
	return recv(fd, buf, len, flags);
}

SHIM_EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags,
				   struct sockaddr *from, socklen_t *fromlen)
{
	if (len > size)
		__chk_fail();
	return recvfrom(fd, buf, len, flags, from, fromlen);
}

SHIM_EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t size)
{
	if (len > size)
		__chk_fail();
	return read(fd, buf, len);
}
