/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim.h"

#include <string.h>

/* netlink_sendmsg: what can be told here is checked here, in its order. */
ssize_t shim_sendmsg(struct shim_sock *s, int fd, const struct msghdr *msg, int flags)
{
	uint32_t portid = s->page->dst_portid, groups = s->page->dst_groups;
	const struct sockaddr_nl *to = msg->msg_name;
	size_t len = 0, i;
	ssize_t r = 0;

	for (i = 0; i < msg->msg_iovlen; i++)
		len += msg->msg_iov[i].iov_len;
	if (flags & MSG_OOB) {
		r = -EOPNOTSUPP;
	} else if (!len) {
		r = -ENODATA;
	} else if (to && msg->msg_namelen) {
		if (msg->msg_namelen < sizeof(*to) || to->nl_family != AF_NETLINK)
			r = -EINVAL;
		portid = to->nl_pid;
		groups = to->nl_groups;
	}
	if (!r && (len > s->page->sndbuf - 32 || len > SKUA_NL_SEND_MAX))
		r = -EMSGSIZE;
	if (!r)
		r = shim_frame_send(s, fd, portid, groups, msg->msg_iov, msg->msg_iovlen, len);
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

static ssize_t shim_send_bytes(struct shim_sock *s, int fd, const void *buf, size_t len, int flags,
			       const struct sockaddr *to, socklen_t tolen)
{
	struct iovec iov = {(void *)buf, len};
	struct msghdr msg = {
	    .msg_name = (void *)to, .msg_namelen = tolen, .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t r = shim_sendmsg(s, fd, &msg, flags);

	shim_put(s);
	return r;
}

SHIM_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct shim_sock *s = shim_get_again(fd);
	ssize_t r;

	if (!s)
		return real(sendmsg)(fd, msg, flags);
	r = shim_sendmsg(s, fd, msg, flags);
	shim_put(s);
	return shim_stale(fd, r) ? real(sendmsg)(fd, msg, flags) : r;
}

SHIM_EXPORT ssize_t sendto(int fd, const void *buf, size_t len, int flags,
			   const struct sockaddr *to, socklen_t tolen)
{
	struct shim_sock *s = shim_get_again(fd);
	ssize_t r;

	if (!s)
		return real(sendto)(fd, buf, len, flags, to, tolen);
	r = shim_send_bytes(s, fd, buf, len, flags, to, tolen);
	return shim_stale(fd, r) ? real(sendto)(fd, buf, len, flags, to, tolen) : r;
}

SHIM_EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	struct shim_sock *s = shim_get_again(fd);
	ssize_t r;

	if (!s)
		return real(send)(fd, buf, len, flags);
	r = shim_send_bytes(s, fd, buf, len, flags, NULL, 0);
	return shim_stale(fd, r) ? real(send)(fd, buf, len, flags) : r;
}

SHIM_EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
	struct shim_sock *s = shim_get_again(fd);
	ssize_t r;

	if (!s)
		return real(write)(fd, buf, len);
	r = shim_send_bytes(s, fd, buf, len, 0, NULL, 0);
	return shim_stale(fd, r) ? real(write)(fd, buf, len) : r;
}

SHIM_EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
	struct shim_sock *s = shim_get_again(fd);
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};
	ssize_t r;

	if (!s)
		return real(writev)(fd, iov, n);
	r = shim_sendmsg(s, fd, &msg, 0);
	shim_put(s);
	return shim_stale(fd, r) ? real(writev)(fd, iov, n) : r;
}

SHIM_EXPORT int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	struct shim_sock *s = shim_get_again(fd);
	unsigned int i;
	ssize_t r = 0;

	if (!s)
		return real(sendmmsg)(fd, msgs, n, flags);
	for (i = 0; i < n; i++) {
		r = shim_sendmsg(s, fd, &msgs[i].msg_hdr, flags);
		if (r < 0)
			break;
		msgs[i].msg_len = (unsigned int)r;
	}
	shim_put(s);
	if (!i && shim_stale(fd, r))
		return real(sendmmsg)(fd, msgs, n, flags);
	return i || r >= 0 ? (int)i : -1;
}
