/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim.h"

#include <string.h>

/* The protocols that are about the network: these are Skua's or nobody's. Others (audit, udev,
 * SELinux, ...) stay with the kernel; so does sock_diag, for a program's own sockets are there. */
bool shim_diverts(int protocol)
{
	switch (protocol) {
	case NETLINK_SOCK_DIAG:
	case NETLINK_USERSOCK:
	case NETLINK_SELINUX:
	case NETLINK_ISCSI:
	case NETLINK_AUDIT:
	case NETLINK_CONNECTOR:
	case NETLINK_KOBJECT_UEVENT:
	case NETLINK_SCSITRANSPORT:
	case NETLINK_ECRYPTFS:
	case NETLINK_RDMA:
	case NETLINK_CRYPTO:
		return false;
	}
	return true;
}

SHIM_EXPORT int socket(int domain, int type, int protocol)
{
	int base = type & 0xf;

	if (domain != AF_NETLINK || !shim_server() || !shim_diverts(protocol))
		return real(socket)(domain, type, protocol);
	if (base != SOCK_RAW && base != SOCK_DGRAM) {
		errno = ESOCKTNOSUPPORT;
		return -1;
	}
	if (protocol < 0 || protocol >= MAX_LINKS) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return shim_open(type, protocol);
}

/* Check an address as af_netlink does; 0 or an errno. */
static int shim_check_addr(const struct sockaddr *addr, socklen_t len)
{
	if (len < sizeof(struct sockaddr_nl) || addr->sa_family != AF_NETLINK)
		return EINVAL;
	return 0;
}

static int shim_result(int r)
{
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

SHIM_EXPORT int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct shim_sock *s = shim_get(fd);
	const struct sockaddr_nl *nl = (const void *)addr;
	int r;

	if (!s)
		return real(bind)(fd, addr, len);
	r = -shim_check_addr(addr, len);
	if (!r)
		r = shim_frame(s, fd, SKUA_NL_BIND, nl->nl_pid, nl->nl_groups);
	shim_put(s);
	return shim_result(r);
}

SHIM_EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct shim_sock *s = shim_get(fd);
	const struct sockaddr_nl *nl = (const void *)addr;
	int r;

	if (!s)
		return real(connect)(fd, addr, len);
	if (len < sizeof(addr->sa_family)) {
		r = -EINVAL;
	} else if (addr->sa_family == AF_UNSPEC) {
		s->page->dst_portid = 0;
		s->page->dst_groups = 0;
		r = 0;
	} else {
		r = -shim_check_addr(addr, len);
		if (!r)
			r = shim_frame(s, fd, SKUA_NL_CONNECT, nl->nl_pid, nl->nl_groups);
		if (!r) {
			s->page->dst_portid = nl->nl_pid;
			s->page->dst_groups = nl->nl_groups;
		}
	}
	shim_put(s);
	return shim_result(r);
}

static void shim_put_addr(const struct sockaddr_nl *nl, struct sockaddr *addr, socklen_t *len)
{
	memcpy(addr, nl, *len < sizeof(*nl) ? *len : sizeof(*nl));
	*len = sizeof(*nl);
}

SHIM_EXPORT int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	struct shim_sock *s = shim_get(fd);

	if (!s)
		return real(getsockname)(fd, addr, len);
	nl.nl_pid = s->page->portid;
	nl.nl_groups = s->page->groups[0];
	shim_put_addr(&nl, addr, len);
	shim_put(s);
	return 0;
}

SHIM_EXPORT int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	struct shim_sock *s = shim_get(fd);

	if (!s)
		return real(getpeername)(fd, addr, len);
	nl.nl_pid = s->page->dst_portid;
	/* The lowest group alone counts. */
	nl.nl_groups = s->page->dst_groups & -s->page->dst_groups;
	shim_put_addr(&nl, addr, len);
	shim_put(s);
	return 0;
}

SHIM_EXPORT int shutdown(int fd, int how)
{
	struct shim_sock *s = shim_get(fd);

	if (!s)
		return real(shutdown)(fd, how);
	shim_put(s);
	errno = EOPNOTSUPP;
	return -1;
}
