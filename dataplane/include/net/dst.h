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
struct softnet_data;

/*
 * A multipath group as the hash-threshold algorithm (RFC 2992) sees it: member i takes the hashes
 * above the bound of member i - 1 up to its own.
 */
struct nh_group_entry {
	uint32_t upper_bound; /* of the 31-bit hash, inclusive */
	uint32_t id;
	uint32_t weight;
};

/*
 * The buckets of a resilient group. A worker notes when it used a bucket in words of its own, and
 * writes only when that has changed: each worker about a thousand times a second at most.
 */
struct nh_res_table {
	uint32_t num_nh_buckets;
	uint32_t stride; /* words of a worker, or of the ids: whole cache lines */
	uint32_t refcnt; /* groups, one of which may have been replaced by the other; atomic */
	/* ids of members, written by the control plane; then for each worker nh_res_tick() of the
	   last use, 0: none */
	uint32_t words[] __rte_cache_aligned;
};

/* A tick is 2^20 cycles: some 0.4 ms. */
#define NH_RES_TICK_SHIFT 20

static inline uint32_t nh_res_tick(uint64_t tsc)
{
	return (uint32_t)(tsc >> NH_RES_TICK_SHIFT) | 1;
}

struct nh_group {
	struct nh_res_table *res_table; /* NULL: by hash-threshold */
	uint32_t num_nh;
	bool use_neigh; /* members with a neighbour that failed are passed over */
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

/*
 * The member of a group that hash (31 bits) takes, skipping dead ones; nh itself when it is no
 * group. sd NULL: nobody's packet.
 */
const struct nexthop *nexthop_select_path(const struct softnet_data *sd, const struct net *net,
					  const struct nexthop *nh, uint32_t hash);

/* dp_nexthop_res.c */
struct nh_res_table *nh_res_table_alloc(uint32_t num_nh_buckets);
struct nh_res_table *nh_res_table_get(struct nh_res_table *res);
void nh_res_table_put(struct nh_res_table *res);

#endif
