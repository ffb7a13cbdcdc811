/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Raw sockets of VRFs where the host's kernel makes no VRFs, and a TAP stands for one. Were such a
 * socket bound to that TAP, it would hear nothing: OSPF and its like come in by the links of the
 * VRF, and the socket wants to know which (IP_PKTINFO). So it is not bound: what it sends to where
 * no link is said goes by the TAP, and a filter lets in what came by the VRF's links. Those are
 * asked for when the socket is bound, and again when it joins or leaves a group, as it does on each
 * link.
 */
#include "shim.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef IPV6_UNICAST_IF
#define IPV6_UNICAST_IF 76
#endif

/* The filter: load the index, for each link two instructions, and the end. */
#define FILTER_LINKS_MAX ((BPF_MAXINSNS - 2) / 2)

struct shim_filter {
	struct sock_filter prog[BPF_MAXINSNS];
	unsigned short n;
	int vrf;
};

static void shim_filter_link(struct shim_filter *f, int index)
{
	struct sock_filter *at = &f->prog[f->n];

	at[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)index, 0, 1);
	at[1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	f->n += 2;
}

static int shim_filter_take(const struct nlmsghdr *nlh, void *arg)
{
	struct shim_filter *f = arg;
	struct shim_link link;

	if (nlh->nlmsg_type != RTM_NEWLINK ||
	    nlh->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return 1;
	shim_link_parse(nlh, &link);
	if (link.master != f->vrf)
		return 1;
	if (f->n >= 2 * FILTER_LINKS_MAX - 1)
		return -E2BIG;
	shim_filter_link(f, link.index);
	return 1;
}

/* Lets a socket hear the links of a VRF only; 0 or a negative errno. */
static int shim_hear_vrf(int fd, int vrf)
{
	struct shim_filter *f = calloc(1, sizeof(*f));
	struct sock_fprog prog;
	int r;

	if (!f)
		return -ENOBUFS;
	f->vrf = vrf;
	f->prog[f->n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						       (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX));
	shim_filter_link(f, vrf);
	r = shim_dump(RTM_GETLINK, AF_UNSPEC, shim_filter_take, f);
	if (!r) {
		f->prog[f->n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
		prog = (struct sock_fprog){.len = f->n, .filter = f->prog};
		if (real(setsockopt)(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
			r = -errno;
	}
	free(f);
	return r;
}

static int shim_sock_option(int fd, int level, int opt)
{
	int v = -1;
	socklen_t len = sizeof(v);

	return real(getsockopt)(fd, level, opt, &v, &len) ? -1 : v;
}

/* Whether raw sockets of a protocol hear each packet by its link: net/core/twin.c knows the same.
 */
static bool shim_raw_by_link(int fd)
{
	if (shim_sock_option(fd, SOL_SOCKET, SO_TYPE) != SOCK_RAW)
		return false;
	switch (shim_sock_option(fd, SOL_SOCKET, SO_PROTOCOL)) {
	case -1:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_RAW:
		return false;
	}
	return true;
}

/* The link that a socket sends by when no other is said; 0: none. */
static int shim_unicast_if(int fd)
{
	int v = -1;

	switch (shim_sock_option(fd, SOL_SOCKET, SO_DOMAIN)) {
	case AF_INET:
		v = shim_sock_option(fd, IPPROTO_IP, IP_UNICAST_IF);
		break;
	case AF_INET6:
		v = shim_sock_option(fd, IPPROTO_IPV6, IPV6_UNICAST_IF);
	}
	return v == -1 ? 0 : (int)ntohl((uint32_t)v);
}

static int shim_set_unicast_if(int fd, int index)
{
	int v = (int)htonl((uint32_t)index), r;
	struct ip_mreqn mreq = {.imr_ifindex = index};

	if (shim_sock_option(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET) {
		r = real(setsockopt)(fd, IPPROTO_IP, IP_UNICAST_IF, &v, sizeof(v));
		if (!r)
			r = real(setsockopt)(fd, IPPROTO_IP, IP_MULTICAST_IF, &mreq, sizeof(mreq));
	} else {
		r = real(setsockopt)(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, &v, sizeof(v));
		if (!r)
			r = real(setsockopt)(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index,
					     sizeof(index));
	}
	return r ? -errno : 0;
}

/* Whether the host has a VRF, or whatever else is bound to as it is, by that name. */
static bool shim_host_binds(int fd, const char *name)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	strcpy(ifr.ifr_name, name);
	return real(ioctl)(fd, SIOCGIFFLAGS, &ifr) || ifr.ifr_flags & IFF_MASTER;
}

bool shim_bind_device(int fd, const void *val, socklen_t len, int *result)
{
	char name[IFNAMSIZ] = "";
	struct shim_link link;
	int r;

	if (!val || !shim_server() || !shim_raw_by_link(fd))
		return false;
	memcpy(name, val, len < sizeof(name) ? len : sizeof(name) - 1);
	if (!*name) {
		if (shim_unicast_if(fd) && !shim_set_unicast_if(fd, 0))
			real(setsockopt)(fd, SOL_SOCKET, SO_DETACH_FILTER, &r, sizeof(r));
		return false;
	}
	if (shim_host_binds(fd, name) || shim_link_get(0, name, &link) || !link.vrf)
		return false;
	r = shim_hear_vrf(fd, link.index);
	if (!r)
		r = shim_set_unicast_if(fd, link.index);
	*result = r;
	return true;
}

void shim_joined(int fd, int level, int opt)
{
	struct shim_link link;
	int vrf;

	if (level == IPPROTO_IP ? opt != IP_ADD_MEMBERSHIP && opt != IP_DROP_MEMBERSHIP &&
				      opt != MCAST_JOIN_GROUP && opt != MCAST_LEAVE_GROUP
				: opt != IPV6_JOIN_GROUP && opt != IPV6_LEAVE_GROUP &&
				      opt != MCAST_JOIN_GROUP && opt != MCAST_LEAVE_GROUP)
		return;
	if (!shim_server() || !shim_raw_by_link(fd))
		return;
	vrf = shim_unicast_if(fd);
	if (vrf && !shim_link_get(vrf, "", &link) && link.vrf)
		shim_hear_vrf(fd, vrf);
}
