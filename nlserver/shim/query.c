/* SPDX-License-Identifier: BSD-3-Clause */
/* The shim's own questions to the server, over a netlink socket of their own. */
#include "shim.h"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 65536

void shim_attrs(const struct nlmsghdr *nlh, size_t hdrlen, const struct rtattr **tb, int max)
{
	const char *at = (const char *)nlh + NLMSG_SPACE(hdrlen);
	const char *end = (const char *)nlh + nlh->nlmsg_len;
	const struct rtattr *a;

	memset(tb, 0, sizeof(*tb) * ((size_t)max + 1));
	for (; end - at >= (ptrdiff_t)sizeof(*a); at += RTA_ALIGN(a->rta_len)) {
		a = (const void *)at;
		if (a->rta_len < sizeof(*a) || a->rta_len > end - at)
			return;
		if ((a->rta_type & NLA_TYPE_MASK) <= max)
			tb[a->rta_type & NLA_TYPE_MASK] = a;
	}
}

static unsigned int shim_attr_u32(const struct rtattr *a)
{
	unsigned int v = 0;

	if (a && RTA_PAYLOAD(a) >= sizeof(v))
		memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}

static unsigned int shim_attr_copy(const struct rtattr *a, void *to, size_t size)
{
	size_t n = a ? RTA_PAYLOAD(a) : 0;

	if (n > size)
		n = size;
	if (n)
		memcpy(to, RTA_DATA(a), n);
	return (unsigned int)n;
}

static bool shim_attr_vrf(const struct rtattr *info)
{
	const struct rtattr *a;
	int len;

	if (!info)
		return false;
	a = RTA_DATA(info);
	len = (int)RTA_PAYLOAD(info);
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == IFLA_INFO_KIND)
			return RTA_PAYLOAD(a) >= 3 && !strncmp(RTA_DATA(a), "vrf", RTA_PAYLOAD(a));
	return false;
}

void shim_link_parse(const struct nlmsghdr *nlh, struct shim_link *link)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(nlh);
	const struct rtattr *tb[IFLA_MAX + 1];

	memset(link, 0, sizeof(*link));
	shim_attrs(nlh, sizeof(*ifi), tb, IFLA_MAX);
	link->index = ifi->ifi_index;
	link->flags = ifi->ifi_flags;
	link->type = ifi->ifi_type;
	shim_attr_copy(tb[IFLA_IFNAME], link->name, sizeof(link->name) - 1);
	link->master = (int)shim_attr_u32(tb[IFLA_MASTER]);
	link->vrf = shim_attr_vrf(tb[IFLA_LINKINFO]);
	link->mtu = shim_attr_u32(tb[IFLA_MTU]);
	link->txqlen = shim_attr_u32(tb[IFLA_TXQLEN]);
	link->addrlen = shim_attr_copy(tb[IFLA_ADDRESS], link->addr, sizeof(link->addr));
	link->brdlen = shim_attr_copy(tb[IFLA_BROADCAST], link->brd, sizeof(link->brd));
}

static int shim_query_send(struct shim_sock *s, int fd, void *req, size_t len)
{
	struct iovec iov = {req, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	return shim_sendmsg(s, fd, &msg, 0) < 0 ? -errno : 0;
}

/* Receive until f is satisfied: 1 goes on, else the result. */
static int shim_query_recv(struct shim_sock *s, int fd,
			   int (*f)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	char *buf = malloc(ANSWER_MAX);
	const struct nlmsgerr *err;
	const struct nlmsghdr *nlh;
	int r = buf ? 1 : -ENOMEM;
	struct iovec iov = {buf, ANSWER_MAX};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	size_t len, at;
	ssize_t n;

	while (r == 1) {
		n = shim_recvmsg(s, fd, &msg, 0);
		if (n < 0) {
			r = errno == EINTR ? 1 : -errno;
			continue;
		}
		len = (size_t)n;
		for (at = 0; r == 1 && at + sizeof(*nlh) <= len;
		     at += NLMSG_ALIGN(nlh->nlmsg_len)) {
			nlh = (void *)(buf + at);
			if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > len - at)
				break;
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				err = NLMSG_DATA(nlh);
				r = err->error;
			} else if (nlh->nlmsg_type == NLMSG_DONE) {
				r = *(int *)NLMSG_DATA(nlh);
			} else {
				r = f(nlh, arg);
			}
		}
	}
	free(buf);
	return r;
}

static int shim_query(void *req, size_t len, int (*f)(const struct nlmsghdr *nlh, void *arg),
		      void *arg)
{
	int fd = shim_open(SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), r;
	struct shim_sock *s;

	if (fd < 0)
		return -errno;
	s = shim_get(fd);
	r = shim_query_send(s, fd, req, len);
	if (!r)
		r = shim_query_recv(s, fd, f, arg);
	shim_put(s);
	shim_forget(fd);
	real(close)(fd);
	return r;
}

static int shim_take_link(const struct nlmsghdr *nlh, void *arg)
{
	if (nlh->nlmsg_type != RTM_NEWLINK ||
	    nlh->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return 1;
	shim_link_parse(nlh, arg);
	return 0;
}

int shim_link_get(int index, const char *name, struct shim_link *link)
{
	struct {
		struct nlmsghdr nlh;
		struct ifinfomsg ifi;
		struct rtattr rta;
		char name[16];
	} req = {.nlh = {.nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = 1},
		 .ifi = {.ifi_index = index}};
	size_t len = NLMSG_LENGTH(sizeof(req.ifi));

	if (!index) {
		if (!*name || strlen(name) >= sizeof(req.name))
			return -ENODEV;
		strcpy(req.name, name);
		req.rta.rta_type = IFLA_IFNAME;
		req.rta.rta_len = (unsigned short)RTA_LENGTH(strlen(name) + 1);
		len += RTA_ALIGN(req.rta.rta_len);
	}
	req.nlh.nlmsg_len = (unsigned int)len;
	return shim_query(&req, len, shim_take_link, link);
}

int shim_dump(int type, int family, int (*f)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	struct {
		struct nlmsghdr nlh;
		union {
			struct ifinfomsg ifi;
			struct ifaddrmsg ifa;
		};
	} req = {.nlh = {.nlmsg_type = (unsigned short)type,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			 .nlmsg_seq = 1}};

	if (type == RTM_GETLINK) {
		req.ifi.ifi_family = (unsigned char)family;
		req.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.ifi));
	} else {
		req.ifa.ifa_family = (unsigned char)family;
		req.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.ifa));
	}
	return shim_query(&req, req.nlh.nlmsg_len, f, arg);
}
