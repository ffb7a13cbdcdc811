/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dst.h - nexthops: what a FIB lookup yields and skb->dst points at.
 *
 * A FIB yields an id; net->nexthops[id] is the object, or NULL when a stale route names a nexthop
 * that is gone. Objects are written once, before they are published, and freed after a grace
 * period: a change of a gateway publishes a new object under the same id and touches no route.
 */
#ifndef SKUA_NET_DST_H
#define SKUA_NET_DST_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/rtnetlink.h>
#include <rte_common.h>

#include <net/netdevice.h>

struct neighbour;
struct net;

/*
 * A multipath group as the hash-threshold algorithm (RFC 2992) sees it: member i takes the hashes
 * above the bound of member i - 1 up to its own.
 */
struct nh_group_entry {
	uint32_t upper_bound; /* of the 31-bit hash, inclusive */
	uint32_t id;
	uint32_t weight;
};

struct nh_group {
	uint32_t num_nh;
	struct nh_group_entry nh_entries[];
};

#define NH_ODD       1 /* no plain unicast, or no device */
#define NH_ODD_GROUP 2 /* unicast by several paths */

/* One cache line; a forwarded packet reads this one and its neighbour's. */
struct nexthop {
	struct net_device *dev;  /* NULL for reject types and groups */
	struct neighbour *neigh; /* of the gateway; NULL: the destination is the neighbour */
	struct nh_group *group;  /* NULL: a single nexthop */
	uint32_t id;
	uint32_t mtu; /* RTAX_MTU, 0: the device's */
	uint32_t ifindex;
	uint8_t type;  /* RTN_* */
	uint8_t scope; /* RT_SCOPE_* */
	uint8_t flags; /* DP_NH_* */
	uint8_t family;
	uint8_t gw_family;
	uint8_t odd; /* 0: unicast, one path, a device; NH_ODD, NH_ODD_GROUP */
	uint8_t pad[2];
	union {
		uint32_t gw4;
		uint8_t gw[16];
	};
} __rte_cache_aligned;

_Static_assert(sizeof(struct nexthop) == 64, "nexthop is one cache line");

/* MTU that a forwarded packet must fit, bytes of L3 (ip_dst_mtu_maybe_forward). */
static inline uint32_t dst_mtu4(const struct nexthop *nh)
{
	return nh->mtu ? nh->mtu : nh->dev->mtu;
}

static inline uint32_t dst_mtu6(const struct nexthop *nh)
{
	return nh->mtu ? nh->mtu : nh->dev->mtu6;
}

/* nexthop.c */

/* The member of a group that hash takes, skipping dead ones; nh itself when it is no group. */
const struct nexthop *nexthop_select_path(const struct net *net, const struct nexthop *nh,
					  uint32_t hash);

#endif
