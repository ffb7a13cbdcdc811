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

/*
 * Hash-threshold: the first member whose bound is not below the hash. When that one is gone the
 * next usable one takes its flows, and behind the last the first.
 */
const struct nexthop *nexthop_select_path(const struct net *net, const struct nexthop *nh,
					  uint32_t hash)
{
	const struct nh_group *g = nh->group;
	const struct nexthop *first = NULL;

	if (!g)
		return nh;
	for (uint32_t i = 0; i < g->num_nh; i++) {
		const struct nexthop *member = net_nexthop(net, g->nh_entries[i].id);

		if (!nexthop_usable(member))
			continue;
		if (hash <= g->nh_entries[i].upper_bound)
			return member;
		if (!first)
			first = member;
	}
	return first;
}
