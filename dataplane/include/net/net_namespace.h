/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_namespace.h - an instance of the stack: its devices, tables, addresses, neighbours, counters.
 * Written by the control plane (one writer, under RTNL), read by workers under RCU.
 */
#ifndef SKUA_NET_NET_NAMESPACE_H
#define SKUA_NET_NET_NAMESPACE_H

#include <stdint.h>

#include <dataplane.h>
#include <net/dst.h>
#include <net/neighbour.h>
#include <net/netdevice.h>
#include <net/netfilter.h>
#include <net/snmp.h>

/* Buckets of the own addresses, and bits of the filter before them: powers of two. */
#define INET_ADDR_HSIZE  1024
#define INET_ADDR_FILTER 4096

/* An own address in the hash of its net (in_ifaddr, inet6_ifaddr). RCU. */
struct inet_ifaddr {
	struct inet_ifaddr *next;
	struct inet_ifaddr **pprev; /* the writer's: what leads here */
	struct net_device *dev;
	uint8_t family;
	uint8_t tentative;
	uint8_t addr[16];
};

struct fib_filter;
struct fib_rules;
struct fib_table;
struct fib6_table;
struct net_tables;

/*
 * What a lookup goes through: replaced as a whole (RCU). With a filter, a table is asked only when
 * the filter says maybe; the last one has none. With rules, each belongs to the table of its
 * number, and nothing may be asked without looking at the packet (net/fib_rules.h).
 */
struct fib_lookup {
	union {
		const struct fib_table *tb4;
		const struct fib6_table *tb6;
	};
	const struct fib_filter *filter;
};

struct fib_tables {
	uint32_t n;
	const struct fib_rules *rules; /* NULL: the tables in their order, for packets of any TOS */
	struct fib_lookup t[];
};

/* Beyond the ids of the control plane: what rules and suppressed routes come to. */
#define NET_NEXTHOP_PROHIBIT  (DP_MAX_NEXTHOPS + 0)
#define NET_NEXTHOP_BLACKHOLE (DP_MAX_NEXTHOPS + 1)
#define NET_NEXTHOP_THROW     (DP_MAX_NEXTHOPS + 2)
#define NET_NEXTHOPS          (DP_MAX_NEXTHOPS + 3)

struct net {
	uint32_t id;

	/* IPv4, per packet */
	struct nexthop **nexthops; /* NET_NEXTHOPS, RCU */
	struct fib_tables *fib[2]; /* IPv4, IPv6; NULL: no table */
	struct neigh_table *arp_tbl;
	uint64_t ifaddr_filter[INET_ADDR_FILTER / 64]; /* hashes of own IPv4 addresses */
	struct inet_ifaddr *ifaddr[INET_ADDR_HSIZE];

	/* IPv6 */
	struct neigh_table *nd_tbl;

	uint32_t conf[DP_NET_KEY_MAX];
	struct nf_net nf;

	struct net_device *devs[DP_MAX_LINKS]; /* by ifindex; never freed, see net_device */
	struct net_mib *mib;                   /* one per worker, DP_MAX_WORKERS */

	struct twin *twin; /* the host's way to what no link's twin reaches */

	/* The writer's. */
	uint32_t twin_gen;                       /* how often its twins were closed with it */
	struct net_tables *tables;               /* every routing table by id */
	uint32_t nexthop_top;                    /* above every id that is set */
	uint32_t ifaddr_count[INET_ADDR_FILTER]; /* addresses that a bit of the filter stands for */
};

extern struct net *net_table[DP_MAX_NETS];
extern uint32_t net_table_gen; /* counts the nets that were deleted */

static inline struct net_mib *net_mib(const struct softnet_data *sd, const struct net *net)
{
	return &net->mib[sd->worker];
}

static inline struct net *dev_net(const struct net_device *dev)
{
	return dev->net;
}

static inline const struct nexthop *net_nexthop(const struct net *net, uint32_t id)
{
	return __atomic_load_n(&net->nexthops[id], __ATOMIC_CONSUME);
}

/* The VRF that a device is, or is in; NULL: none. */
static inline struct net_device *dev_l3mdev(const struct net_device *dev)
{
	uint32_t index = dev->type == DP_LINK_VRF ? dev->ifindex : dev->conf.master;
	struct net_device *vrf = index < DP_MAX_LINKS ? dev_net(dev)->devs[index] : NULL;

	return vrf && vrf->type == DP_LINK_VRF ? vrf : NULL;
}

/* What packets to ourselves go through: the VRF of the device, or lo. */
static inline struct net_device *dev_loopback(const struct net_device *dev)
{
	struct net_device *vrf = dev_l3mdev(dev);

	return vrf ? vrf : dev_net(dev)->devs[LOOPBACK_IFINDEX];
}

/* What a lookup for a packet that came in on dev goes through; v6: 0 or 1. NULL: no table. */
static inline const struct fib_tables *dev_fib(const struct net_device *dev, int v6)
{
	const struct fib_tables *own = __atomic_load_n(&dev->fib[v6], __ATOMIC_CONSUME);

	return own ? own : __atomic_load_n(&dev_net(dev)->fib[v6], __ATOMIC_CONSUME);
}

#define IP_INC_STATS(sd, net, field)       (net_mib(sd, net)->ip.mibs[field]++)
#define IP_ADD_STATS(sd, net, field, val)  (net_mib(sd, net)->ip.mibs[field] += (val))
#define IP6_INC_STATS(sd, net, field)      (net_mib(sd, net)->ip6.mibs[field]++)
#define IP6_ADD_STATS(sd, net, field, val) (net_mib(sd, net)->ip6.mibs[field] += (val))

static inline uint32_t inet_addr_hash(uint32_t addr)
{
	return (addr * 0x9e3779b1U) >> 20; /* 12 bits: INET_ADDR_FILTER */
}

/* False: certainly no own IPv4 address. */
static inline bool inet_ifaddr_maybe(const struct net *net, uint32_t addr)
{
	uint32_t h = inet_addr_hash(addr);

	return net->ifaddr_filter[h / 64] >> (h % 64) & 1;
}

/*
 * Runs the hooks of a point over list (NF_HOOK_LIST); returns how many packets go on. The empty
 * point is one branch per burst.
 */
static inline unsigned int nf_hook_list(struct softnet_data *sd, struct net *net, uint8_t pf,
					uint8_t hook, struct sk_buff **list, unsigned int n,
					struct net_device *in)
{
	const struct nf_hook_entries *e = __atomic_load_n(
	    pf == NFPROTO_IPV4 ? &net->nf.hooks_ipv4[hook] : &net->nf.hooks_ipv6[hook],
	    __ATOMIC_CONSUME);

	if (likely(!e))
		return n;
	return nf_hook_slow_list(
	    e, list, n,
	    &(struct nf_hook_state){.sd = sd, .net = net, .in = in, .hook = hook, .pf = pf});
}

/* inet_addr.c */

/* Whether addr is an own address of any device (inet_lookup_ifaddr_rcu, ipv6_chk_addr). */
bool inet_lookup_ifaddr(const struct net *net, uint32_t addr);
bool ipv6_chk_addr(const struct net *net, const struct in6_addr *addr);
/* Whether this device has it. */
bool dev_has_addr6(const struct net_device *dev, const struct in6_addr *addr);
/* Where the hash of a net's own addresses keeps one. */
uint32_t inet_ifaddr_bucket(uint8_t family, const void *addr);
/* The address a device speaks from, of at most this scope; 0: none (inet_select_addr). */
uint32_t inet_select_addr(const struct net_device *dev);

#endif
