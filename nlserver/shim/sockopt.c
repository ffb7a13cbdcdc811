/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Socket options. Those of SOL_NETLINK are bits in the shared page; buffer sizes are kept as the
 * kernel would give them back, and what is no business of netlink (timeouts, filters) goes to the
 * connection's own socket, where it works.
 */
#include "shim.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define MIN_RCVBUF 2304 /* SOCK_MIN_RCVBUF */
#define MIN_SNDBUF 4608 /* SOCK_MIN_SNDBUF */

/* The greatest buffer that is had without privilege, in bytes. */
static unsigned int shim_max_buffer(const char *path)
{
	char text[32] = "";
	unsigned int max = 212992;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return max;
	n = real(read)(fd, text, sizeof(text) - 1);
	if (n > 0)
		max = (unsigned int)strtoul(text, NULL, 10);
	real(close)(fd);
	return max;
}

static int shim_set_buffer(struct shim_sock *s, int fd, int opt, int val)
{
	bool rcv = opt == SO_RCVBUF || opt == SO_RCVBUFFORCE;
	bool force = opt == SO_RCVBUFFORCE || opt == SO_SNDBUFFORCE;
	unsigned int least = rcv ? MIN_RCVBUF : MIN_SNDBUF, max, size;

	if (force && !s->page->admin)
		return -EPERM;
	if (force) {
		size = val < 0 ? 0 : (unsigned int)val;
		max = INT32_MAX / 2;
	} else {
		size = (unsigned int)val;
		max = shim_max_buffer(rcv ? "/proc/sys/net/core/rmem_max"
					  : "/proc/sys/net/core/wmem_max");
	}
	if (size > max)
		size = max;
	size *= 2;
	if (size < least)
		size = least;
	if (rcv) {
		s->page->rcvbuf = size;
		return shim_frame(s, fd, SKUA_NL_RCVBUF, size, 0);
	}
	s->page->sndbuf = size;
	return 0;
}

static void shim_set_option(struct shim_sock *s, uint32_t bit, bool on)
{
	if (on)
		__atomic_or_fetch(&s->page->options, bit, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&s->page->options, ~bit, __ATOMIC_SEQ_CST);
}

/* The bit of a SOL_NETLINK option that is on or off; 0: none such. */
static uint32_t shim_option_bit(int opt)
{
	switch (opt) {
	case NETLINK_PKTINFO:
		return SKUA_NL_OPT_PKTINFO;
	case NETLINK_BROADCAST_ERROR:
		return SKUA_NL_OPT_BROADCAST_ERROR;
	case NETLINK_NO_ENOBUFS:
		return SKUA_NL_OPT_NO_ENOBUFS;
	case NETLINK_LISTEN_ALL_NSID:
		return SKUA_NL_OPT_LISTEN_ALL_NSID;
	case NETLINK_CAP_ACK:
		return SKUA_NL_OPT_CAP_ACK;
	case NETLINK_EXT_ACK:
		return SKUA_NL_OPT_EXT_ACK;
	case NETLINK_GET_STRICT_CHK:
		return SKUA_NL_OPT_STRICT_CHK;
	}
	return 0;
}

static int shim_set_netlink(struct shim_sock *s, int fd, int opt, unsigned int val)
{
	uint32_t bit = shim_option_bit(opt);

	switch (opt) {
	case NETLINK_ADD_MEMBERSHIP:
		return shim_frame(s, fd, SKUA_NL_JOIN, val, 0);
	case NETLINK_DROP_MEMBERSHIP:
		return shim_frame(s, fd, SKUA_NL_LEAVE, val, 0);
	case NETLINK_LISTEN_ALL_NSID:
		if (!s->page->admin)
			return -EPERM;
		break;
	case NETLINK_NO_ENOBUFS:
		if (val)
			s->page->error = 0;
		break;
	}
	if (!bit)
		return -ENOPROTOOPT;
	shim_set_option(s, bit, val);
	return 0;
}

/* Of a socket that is none of netlink's. */
static int shim_set_other(int fd, int level, int opt, const void *val, socklen_t len)
{
	int r, saved;

	if (level == SOL_SOCKET && opt == SO_BINDTODEVICE && shim_bind_device(fd, val, len, &r)) {
		errno = -r;
		return r ? -1 : 0;
	}
	r = real(setsockopt)(fd, level, opt, val, len);
	if (!r && (level == IPPROTO_IP || level == IPPROTO_IPV6)) {
		saved = errno;
		shim_joined(fd, level, opt);
		errno = saved;
	}
	return r;
}

SHIM_EXPORT int setsockopt(int fd, int level, int opt, const void *val, socklen_t len)
{
	struct shim_sock *s = shim_get(fd);
	int v = 0, r;

	if (!s)
		return shim_set_other(fd, level, opt, val, len);
	if (len >= sizeof(v) && val)
		memcpy(&v, val, sizeof(v));
	if (level == SOL_NETLINK) {
		r = shim_set_netlink(s, fd, opt, (unsigned int)v);
	} else if (level == SOL_SOCKET && (opt == SO_RCVBUF || opt == SO_RCVBUFFORCE ||
					   opt == SO_SNDBUF || opt == SO_SNDBUFFORCE)) {
		r = len < sizeof(v) ? -EINVAL : shim_set_buffer(s, fd, opt, v);
	} else if (level == SOL_SOCKET && opt == SO_PASSCRED) {
		r = len < sizeof(v) ? -EINVAL : 0;
		if (!r)
			shim_set_option(s, SKUA_NL_OPT_PASSCRED, v);
	} else if (level == SOL_SOCKET) {
		r = real(setsockopt)(fd, level, opt, val, len) ? -errno : 0;
	} else {
		r = -ENOPROTOOPT;
	}
	shim_put(s);
	if (!r)
		return 0;
	errno = -r;
	return -1;
}

static int shim_get_netlink(struct shim_sock *s, int opt, void *val, socklen_t *len)
{
	uint32_t bit = shim_option_bit(opt);
	socklen_t all = (s->page->maxgroup + 31) / 32 * sizeof(uint32_t);
	int on;

	if (opt == NETLINK_LIST_MEMBERSHIPS) {
		memcpy(val, s->page->groups,
		       *len / sizeof(uint32_t) * sizeof(uint32_t) < all
			   ? *len / sizeof(uint32_t) * sizeof(uint32_t)
			   : all);
		*len = all;
		return 0;
	}
	if (!bit)
		return -ENOPROTOOPT;
	if (*len < sizeof(on))
		return -EINVAL;
	on = !!(s->page->options & bit);
	memcpy(val, &on, sizeof(on));
	*len = sizeof(on);
	return 0;
}

/* The options of SOL_SOCKET that differ from the connection's own; false: another. */
static bool shim_get_socket(struct shim_sock *s, int opt, int *v)
{
	switch (opt) {
	case SO_RCVBUF:
		*v = (int)s->page->rcvbuf;
		return true;
	case SO_SNDBUF:
		*v = (int)s->page->sndbuf;
		return true;
	case SO_TYPE:
		*v = (int)s->page->type;
		return true;
	case SO_DOMAIN:
		*v = AF_NETLINK;
		return true;
	case SO_PROTOCOL:
		*v = (int)s->page->protocol;
		return true;
	case SO_ERROR:
		*v = (int)__atomic_exchange_n(&s->page->error, 0, __ATOMIC_SEQ_CST);
		return true;
	case SO_PASSCRED:
		*v = !!(s->page->options & SKUA_NL_OPT_PASSCRED);
		return true;
	}
	return false;
}

SHIM_EXPORT int getsockopt(int fd, int level, int opt, void *val, socklen_t *len)
{
	struct shim_sock *s = shim_get(fd);
	struct ucred nobody = {.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};
	int v, r = 0;

	if (!s)
		return real(getsockopt)(fd, level, opt, val, len);
	if (level == SOL_NETLINK) {
		r = shim_get_netlink(s, opt, val, len);
	} else if (level != SOL_SOCKET) {
		r = -ENOPROTOOPT;
	} else if (opt == SO_PEERCRED) {
		if (*len > sizeof(nobody))
			*len = sizeof(nobody);
		memcpy(val, &nobody, *len);
	} else if (shim_get_socket(s, opt, &v)) {
		if (*len > sizeof(v))
			*len = sizeof(v);
		memcpy(val, &v, *len);
	} else {
		r = real(getsockopt)(fd, level, opt, val, len) ? -errno : 0;
	}
	shim_put(s);
	if (!r)
		return 0;
	errno = -r;
	return -1;
}
