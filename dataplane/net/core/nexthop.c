/* SPDX-License-Identifier: BSD-3-Clause */
/* nexthop.c - a member of a multipath group for a flow. */
#include <dataplane.h>
#include <net/dst.h>
#include <net/neighbour.h>
#include <net/net_namespace.h>

static bool nexthop_usable(const struct nexthop *nh)
{
	return nh && !nh->group && !(nh->flags & DP_NH_LINKDOWN) &&
	       (!nh->dev || netif_running(nh->dev));
}

/* A gateway that is not known to be there may be (ipv4_good_nh, ipv6_good_nh). */
static bool nexthop_is_good_nh(const struct nexthop *nh)
{
	uint16_t nud;

	if (!nh->neigh)
		return true;
	nud = neigh_nud(atomic_load_explicit(&nh->neigh->ha, memory_order_relaxed));
	return !(nud & (NUD_INCOMPLETE | NUD_FAILED));
}

/* The way around dead members: the next usable one, and behind the last the first. */
static __rte_noinline const struct nexthop *
nexthop_select_usable(const struct net *net, const struct nh_group *g, uint32_t at, bool use_neigh)
{
	for (uint32_t i = 0; i < g->num_nh; i++) {
		const struct nh_group_entry *e = &g->nh_entries[(at + i) % g->num_nh];
		const struct nexthop *member = net_nexthop(net, e->id);

		if (nexthop_usable(member) && (!use_neigh || nexthop_is_good_nh(member)))
			return member;
	}
	return use_neigh ? nexthop_select_usable(net, g, 0, false) : NULL;
}

/* Hash-threshold: the first member whose bound is not below the hash; dead ones are passed over. */
static const struct nexthop *nexthop_select_path_hthr(const struct net *net,
						      const struct nh_group *g, uint32_t hash)
{
	const struct nexthop *member;
	uint32_t at = 0;

	/* all of them: where the hash falls is no branch to be guessed */
	for (uint32_t i = 0; i + 1 < g->num_nh; i++)
		at += hash > g->nh_entries[i].upper_bound;
	member = net_nexthop(net, g->nh_entries[at].id);
	if (likely(nexthop_usable(member) && (!g->use_neigh || nexthop_is_good_nh(member))))
		return member;
	return nexthop_select_usable(net, g, at, g->use_neigh);
}

/* Whatever the bucket leads to: which members are good is for the control plane to see to. */
static const struct nexthop *nexthop_select_path_res(const struct softnet_data *sd,
						     const struct net *net,
						     struct nh_res_table *res, uint32_t hash)
{
	uint32_t bucket = (uint32_t)((uint64_t)hash * res->num_nh_buckets >> 31);

	if (sd) {
		uint32_t *used = &res->words[(size_t)res->stride * (sd->worker + 1) + bucket];
		uint32_t now = nh_res_tick(sd->now);

		if (*used != now)
			__atomic_store_n(used, now, __ATOMIC_RELAXED);
	}
	return net_nexthop(net, __atomic_load_n(&res->words[bucket], __ATOMIC_ACQUIRE));
}

const struct nexthop *nexthop_select_path(const struct softnet_data *sd, const struct net *net,
					  const struct nexthop *nh, uint32_t hash)
{
	const struct nh_group *g = nh->group;

	if (!g)
		return nh;
	if (unlikely(g->res_table != NULL))
		return nexthop_select_path_res(sd, net, g->res_table, hash);
	return nexthop_select_path_hthr(net, g, hash);
}
