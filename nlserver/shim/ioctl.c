/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interface ioctls name interfaces of Skua, whatever socket they are called on. Those that read
 * what netlink can tell are answered; the others must not reach the kernel, which would answer for
 * its own interfaces: EOPNOTSUPP.
 */
#include "shim.h"

#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SIOCGIFTXQLEN
#define SIOCGIFTXQLEN 0x8942
#endif

/* An IPv4 address that is looked for, or all of them for SIOCGIFCONF. */
struct shim_addrs {
	int index; /* 0: of all links */
	struct in_addr local, peer, brd;
	unsigned char plen;
	char label[IFNAMSIZ];
	struct ifconf *conf; /* NULL: the first address is wanted */
	int size;            /* of what all addresses need */
};

static struct in_addr shim_in_addr(const struct rtattr *a)
{
	struct in_addr in = {0};

	if (a && RTA_PAYLOAD(a) >= sizeof(in))
		memcpy(&in, RTA_DATA(a), sizeof(in));
	return in;
}

static void shim_sockaddr(struct sockaddr *sa, struct in_addr in)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = in};

	memcpy(sa, &sin, sizeof(sin));
}

static int shim_take_addr(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(nlh);
	const struct rtattr *tb[IFA_MAX + 1];
	struct shim_addrs *want = arg;
	struct ifreq ifr = {0};

	if (nlh->nlmsg_type != RTM_NEWADDR || nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*ifa)) ||
	    ifa->ifa_family != AF_INET || (want->index && (int)ifa->ifa_index != want->index))
		return 1;
	shim_attrs(nlh, sizeof(*ifa), tb, IFA_MAX);
	want->peer = shim_in_addr(tb[IFA_ADDRESS]);
	want->local = tb[IFA_LOCAL] ? shim_in_addr(tb[IFA_LOCAL]) : want->peer;
	want->brd = shim_in_addr(tb[IFA_BROADCAST]);
	want->plen = ifa->ifa_prefixlen;
	if (!want->conf)
		return 0;

	if (want->conf->ifc_buf && want->size + (int)sizeof(ifr) <= want->conf->ifc_len) {
		if (tb[IFA_LABEL])
			strncpy(ifr.ifr_name, RTA_DATA(tb[IFA_LABEL]), IFNAMSIZ - 1);
		shim_sockaddr(&ifr.ifr_addr, want->local);
		memcpy(want->conf->ifc_buf + want->size, &ifr, sizeof(ifr));
	}
	if (!want->conf->ifc_buf || want->size + (int)sizeof(ifr) <= want->conf->ifc_len)
		want->size += (int)sizeof(ifr);
	return 1;
}

/* SIOCGIFCONF. */
static int shim_ifconf(struct ifconf *conf)
{
	struct shim_addrs all = {.conf = conf};
	int r = shim_dump(RTM_GETADDR, AF_INET, shim_take_addr, &all);

	if (!r)
		conf->ifc_len = all.size;
	return r;
}

static int shim_if_addr(unsigned long req, struct ifreq *ifr, const struct shim_link *link)
{
	struct shim_addrs want = {.index = link->index};
	struct in_addr mask = {0};
	int r = shim_dump(RTM_GETADDR, AF_INET, shim_take_addr, &want);

	if (r)
		return r;
	if (!want.local.s_addr && !want.plen)
		return -EADDRNOTAVAIL;
	if (want.plen)
		mask.s_addr = htonl(~0u << (32 - want.plen));
	switch (req) {
	case SIOCGIFADDR:
		shim_sockaddr(&ifr->ifr_addr, want.local);
		break;
	case SIOCGIFDSTADDR:
		shim_sockaddr(&ifr->ifr_addr, want.peer);
		break;
	case SIOCGIFBRDADDR:
		shim_sockaddr(&ifr->ifr_addr, want.brd);
		break;
	case SIOCGIFNETMASK:
		shim_sockaddr(&ifr->ifr_addr, mask);
		break;
	}
	return 0;
}

static int shim_ifreq(unsigned long req, struct ifreq *ifr)
{
	char name[IFNAMSIZ] = "";
	struct shim_link link;
	char *colon;
	int r;

	if (req == SIOCGIFNAME) {
		r = ifr->ifr_ifindex > 0 ? shim_link_get(ifr->ifr_ifindex, "", &link) : -ENODEV;
		if (!r)
			memcpy(ifr->ifr_name, link.name, IFNAMSIZ);
		return r;
	}
	/* A label stands for its link. */
	memcpy(name, ifr->ifr_name, IFNAMSIZ - 1);
	colon = strchr(name, ':');
	if (colon)
		*colon = '\0';
	r = shim_link_get(0, name, &link);
	if (r)
		return r;
	switch (req) {
	case SIOCGIFINDEX:
		ifr->ifr_ifindex = link.index;
		return 0;
	case SIOCGIFFLAGS:
		ifr->ifr_flags = (short)link.flags;
		return 0;
	case SIOCGIFMETRIC:
		ifr->ifr_metric = 0;
		return 0;
	case SIOCGIFMTU:
		ifr->ifr_mtu = (int)link.mtu;
		return 0;
	case SIOCGIFTXQLEN:
		ifr->ifr_qlen = (int)link.txqlen;
		return 0;
	case SIOCGIFHWADDR:
		memset(&ifr->ifr_hwaddr, 0, sizeof(ifr->ifr_hwaddr));
		ifr->ifr_hwaddr.sa_family = link.type;
		memcpy(ifr->ifr_hwaddr.sa_data, link.addr,
		       link.addrlen < sizeof(ifr->ifr_hwaddr.sa_data)
			   ? link.addrlen
			   : sizeof(ifr->ifr_hwaddr.sa_data));
		return 0;
	default:
		return shim_if_addr(req, ifr, &link);
	}
}

enum shim_ioctl { SHIM_NOT_OURS, SHIM_REFUSED, SHIM_IFREQ, SHIM_IFCONF };

static enum shim_ioctl shim_ioctl_kind(unsigned long req)
{
	switch (req) {
	case SIOCGIFNAME:
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFHWADDR:
	case SIOCGIFINDEX:
	case SIOCGIFTXQLEN:
		return SHIM_IFREQ;
	case SIOCGIFCONF:
		return SHIM_IFCONF;
	case SIOCOUTQNSD:
	case 0x894c:                  /* SIOCGSKNS */
		return SHIM_NOT_OURS; /* about the socket */
	}
	/* Routes, ARP, interfaces, bridges, bonds, private ones; wireless. */
	if ((req >= SIOCADDRT && req < 0x89e0) || (req >= SIOCDEVPRIVATE && req <= 0x89ff) ||
	    (req >= 0x8b00 && req <= 0x8bff))
		return SHIM_REFUSED;
	return SHIM_NOT_OURS;
}

SHIM_EXPORT int ioctl(int fd, unsigned long req, ...)
{
	enum shim_ioctl kind = shim_server() ? shim_ioctl_kind(req) : SHIM_NOT_OURS;
	void *arg;
	va_list ap;
	int r;

	va_start(ap, req);
	arg = va_arg(ap, void *);
	va_end(ap);
	/* A TUN device of the kernel is no link of Skua's. */
	if (shim_server() && req == TUNSETIFF) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (kind == SHIM_NOT_OURS || !shim_inode(fd))
		return real(ioctl)(fd, req, arg);
	if (kind == SHIM_REFUSED)
		r = -EOPNOTSUPP;
	else if (!arg)
		r = -EFAULT;
	else
		r = kind == SHIM_IFCONF ? shim_ifconf(arg) : shim_ifreq(req, arg);
	if (!r)
		return 0;
	errno = -r;
	return -1;
}
