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

/* The way around dead members: the next usable one, and behind the last the first. */
static __rte_noinline const struct nexthop *
nexthop_select_usable(const struct net *net, const struct nh_group *g, uint32_t at)
{
	for (uint32_t i = 0; i < g->num_nh; i++) {
		const struct nh_group_entry *e = &g->nh_entries[(at + i) % g->num_nh];
		const struct nexthop *member = net_nexthop(net, e->id);

		if (nexthop_usable(member))
			return member;
	}
	return NULL;
}

/* Hash-threshold: the first member whose bound is not below the hash; dead ones are passed over. */
const struct nexthop *nexthop_select_path(const struct net *net, const struct nexthop *nh,
					  uint32_t hash)
{
	const struct nh_group *g = nh->group;
	const struct nexthop *member;
	uint32_t at = 0;

	if (!g)
		return nh;
	/* all of them: where the hash falls is no branch to be guessed */
	for (uint32_t i = 0; i + 1 < g->num_nh; i++)
		at += hash > g->nh_entries[i].upper_bound;
	member = net_nexthop(net, g->nh_entries[at].id);
	return likely(nexthop_usable(member)) ? member : nexthop_select_usable(net, g, at);
}
