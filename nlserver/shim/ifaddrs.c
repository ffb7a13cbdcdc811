/* SPDX-License-Identifier: BSD-3-Clause */
/* getifaddrs: the links first, each as an AF_PACKET address, then the addresses. */
#include "shim.h"

#include <dlfcn.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* One entry with all that it points to. */
struct shim_ifaddr {
	struct ifaddrs ifa; /* first: freeifaddrs frees it */
	char name[IF_NAMESIZE];
	union shim_sockaddr {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_ll ll;
		unsigned char room[sizeof(struct sockaddr_ll) + 24];
	} addr, mask, other;
	struct rtnl_link_stats stats;
	int index;
};

struct shim_list {
	struct shim_ifaddr *first, *last;
};

static struct shim_ifaddr *shim_append(struct shim_list *list)
{
	struct shim_ifaddr *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->ifa.ifa_name = e->name;
	if (list->last)
		list->last->ifa.ifa_next = &e->ifa;
	else
		list->first = e;
	list->last = e;
	return e;
}

static void shim_fill_ll(union shim_sockaddr *to, const struct shim_link *link,
			 const unsigned char *addr, unsigned int len)
{
	to->ll.sll_family = AF_PACKET;
	to->ll.sll_ifindex = link->index;
	to->ll.sll_hatype = link->type;
	to->ll.sll_halen = (unsigned char)len;
	memcpy(to->ll.sll_addr, addr, len);
}

static int shim_take_link_entry(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtattr *tb[IFLA_MAX + 1];
	struct shim_ifaddr *e;
	struct shim_link link;

	if (nlh->nlmsg_type != RTM_NEWLINK ||
	    nlh->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return 1;
	e = shim_append(arg);
	if (!e)
		return -ENOMEM;
	shim_link_parse(nlh, &link);
	shim_attrs(nlh, sizeof(struct ifinfomsg), tb, IFLA_MAX);
	memcpy(e->name, link.name, sizeof(link.name));
	e->index = link.index;
	e->ifa.ifa_flags = link.flags;
	shim_fill_ll(&e->addr, &link, link.addr, link.addrlen);
	e->ifa.ifa_addr = &e->addr.sa;
	if (link.brdlen) {
		shim_fill_ll(&e->other, &link, link.brd, link.brdlen);
		e->ifa.ifa_broadaddr = &e->other.sa;
	}
	if (tb[IFLA_STATS]) {
		memcpy(&e->stats, RTA_DATA(tb[IFLA_STATS]),
		       RTA_PAYLOAD(tb[IFLA_STATS]) < sizeof(e->stats) ? RTA_PAYLOAD(tb[IFLA_STATS])
								      : sizeof(e->stats));
		e->ifa.ifa_data = &e->stats;
	}
	return 1;
}

static struct sockaddr *shim_fill_addr(union shim_sockaddr *to, int family, const struct rtattr *a,
				       int index)
{
	if (!a)
		return NULL;
	to->sa.sa_family = (sa_family_t)family;
	if (family == AF_INET && RTA_PAYLOAD(a) >= sizeof(to->in.sin_addr)) {
		memcpy(&to->in.sin_addr, RTA_DATA(a), sizeof(to->in.sin_addr));
	} else if (family == AF_INET6 && RTA_PAYLOAD(a) >= sizeof(to->in6.sin6_addr)) {
		memcpy(&to->in6.sin6_addr, RTA_DATA(a), sizeof(to->in6.sin6_addr));
		if (IN6_IS_ADDR_LINKLOCAL(&to->in6.sin6_addr) ||
		    IN6_IS_ADDR_MC_LINKLOCAL(&to->in6.sin6_addr))
			to->in6.sin6_scope_id = (uint32_t)index;
	}
	return &to->sa;
}

static struct sockaddr *shim_fill_mask(union shim_sockaddr *to, int family, unsigned int plen)
{
	unsigned char *bits = family == AF_INET ? (unsigned char *)&to->in.sin_addr
						: (unsigned char *)&to->in6.sin6_addr;
	unsigned int max = family == AF_INET ? 32 : 128, i;

	to->sa.sa_family = (sa_family_t)family;
	for (i = 0; i < plen && i < max; i++)
		bits[i / 8] |= (unsigned char)(0x80 >> (i % 8));
	return &to->sa;
}

/* An address takes its flags, and without a label its name, from the link's entry. */
static void shim_fill_from_link(struct shim_ifaddr *e, const struct shim_list *list)
{
	struct ifaddrs *at;

	for (at = &list->first->ifa; at; at = at->ifa_next) {
		if (((struct shim_ifaddr *)at)->index != e->index ||
		    at->ifa_addr->sa_family != AF_PACKET)
			continue;
		e->ifa.ifa_flags = at->ifa_flags;
		if (!e->name[0])
			memcpy(e->name, at->ifa_name, IF_NAMESIZE);
		return;
	}
}

static int shim_take_addr_entry(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(nlh);
	const struct rtattr *tb[IFA_MAX + 1];
	struct shim_list *list = arg;
	struct shim_ifaddr *e;
	int family, index;

	if (nlh->nlmsg_type != RTM_NEWADDR || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*ifa)) ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6) || !list->first)
		return 1;
	shim_attrs(nlh, sizeof(*ifa), tb, IFA_MAX);
	family = ifa->ifa_family;
	index = (int)ifa->ifa_index;
	e = shim_append(list);
	if (!e)
		return -ENOMEM;
	e->index = index;
	if (tb[IFA_LABEL])
		memcpy(e->name, RTA_DATA(tb[IFA_LABEL]),
		       strnlen(RTA_DATA(tb[IFA_LABEL]), RTA_PAYLOAD(tb[IFA_LABEL]) < IF_NAMESIZE
							    ? RTA_PAYLOAD(tb[IFA_LABEL])
							    : IF_NAMESIZE - 1));
	if (tb[IFA_LOCAL]) {
		e->ifa.ifa_addr = shim_fill_addr(&e->addr, family, tb[IFA_LOCAL], index);
		/* A peer, or IPv4 again its own address. */
		e->ifa.ifa_dstaddr = shim_fill_addr(&e->other, family, tb[IFA_ADDRESS], index);
	} else {
		e->ifa.ifa_addr = shim_fill_addr(&e->addr, family, tb[IFA_ADDRESS], index);
	}
	if (tb[IFA_BROADCAST]) {
		memset(&e->other, 0, sizeof(e->other));
		e->ifa.ifa_broadaddr = shim_fill_addr(&e->other, family, tb[IFA_BROADCAST], index);
	}
	e->ifa.ifa_netmask = shim_fill_mask(&e->mask, family, ifa->ifa_prefixlen);
	shim_fill_from_link(e, list);
	return 1;
}

static void shim_free_list(struct ifaddrs *at)
{
	struct ifaddrs *next;

	for (; at; at = next) {
		next = at->ifa_next;
		free(at);
	}
}

SHIM_EXPORT void freeifaddrs(struct ifaddrs *list)
{
	if (shim_server())
		shim_free_list(list);
	else
		((__typeof__(&freeifaddrs))dlsym(RTLD_NEXT, "freeifaddrs"))(list);
}

SHIM_EXPORT int getifaddrs(struct ifaddrs **out)
{
	struct shim_list list = {0};
	int r;

	if (!shim_server())
		return ((__typeof__(&getifaddrs))dlsym(RTLD_NEXT, "getifaddrs"))(out);
	r = shim_dump(RTM_GETLINK, AF_UNSPEC, shim_take_link_entry, &list);
	if (!r)
		r = shim_dump(RTM_GETADDR, AF_UNSPEC, shim_take_addr_entry, &list);
	if (r) {
		shim_free_list(list.first ? &list.first->ifa : NULL);
		errno = -r;
		return -1;
	}
	*out = list.first ? &list.first->ifa : NULL;
	return 0;
}
