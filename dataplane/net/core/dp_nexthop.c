/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_nexthop.c - nexthop objects: built whole, published under their id, replaced as a whole. */
#include <net/core/dp_local.h>

static const struct nexthop prohibit_nh = {.type = RTN_PROHIBIT, .odd = NH_ODD};
static const struct nexthop blackhole_nh = {.type = RTN_BLACKHOLE, .odd = NH_ODD};
static const struct nexthop throw_nh = {.type = RTN_THROW, .odd = NH_ODD};

/* Those that nobody sets or deletes. */
void net_nexthops_fixed(struct net *net)
{
	net->nexthops[NET_NEXTHOP_PROHIBIT] = (struct nexthop *)(uintptr_t)&prohibit_nh;
	net->nexthops[NET_NEXTHOP_BLACKHOLE] = (struct nexthop *)(uintptr_t)&blackhole_nh;
	net->nexthops[NET_NEXTHOP_THROW] = (struct nexthop *)(uintptr_t)&throw_nh;
}

static void nexthop_free(void *arg)
{
	struct nexthop *nh = arg;

	if (nh->group)
		nh_res_table_put(nh->group->res_table);
	free(nh->group);
	free(nh);
}

static void nexthop_retire(struct net *net, struct nexthop *nh)
{
	if (!nh)
		return;
	if (nh->neigh)
		neigh_release(net, nh->neigh);
	if (rcu_defer(nexthop_free, nh)) {
		synchronize_rcu();
		nexthop_free(nh);
	}
}

/*
 * Bounds by weight on 31 bits, rounded to nearest as in the kernel (nh_hthr_group_rebalance): the
 * last one is the highest hash there is.
 */
static struct nh_group *group_new(const struct dp_nexthop *in, const struct dp_nh_member *members)
{
	struct nh_group *g = malloc(sizeof(*g) + in->n_members * sizeof(g->nh_entries[0]));
	uint64_t total = 0, w = 0;

	if (!g)
		return NULL;
	g->res_table = NULL;
	g->use_neigh = in->flags & DP_NH_USE_NEIGH;
	g->num_nh = in->n_members;
	for (uint32_t i = 0; i < in->n_members; i++)
		total += members[i].weight;
	for (uint32_t i = 0; i < in->n_members; i++) {
		w += members[i].weight;
		g->nh_entries[i] = (struct nh_group_entry){
		    .id = members[i].id,
		    .weight = members[i].weight,
		    .upper_bound = (uint32_t)(((w << 31) + total / 2) / total - 1),
		};
	}
	return g;
}

/* What a group that is set again had is kept, with the times of use. */
static struct nh_res_table *group_res_table(const struct nexthop *old, uint32_t n_buckets)
{
	struct nh_res_table *res = old && old->group ? old->group->res_table : NULL;

	if (res && res->num_nh_buckets == n_buckets)
		return nh_res_table_get(res);
	return nh_res_table_alloc(n_buckets);
}

static int nexthop_check(const struct dp_nexthop *in, const struct dp_nh_member *members)
{
	if (!in->id || in->id >= DP_MAX_NEXTHOPS)
		return -EINVAL;
	if (!dp_family_ok(in->family))
		return -EAFNOSUPPORT;
	if (in->flags & DP_NH_GATEWAY && (!dp_family_ok(in->gw_family) || !in->ifindex))
		return -EINVAL;
	if (in->n_members > DP_MAX_GROUP || (in->n_members && !members))
		return -EINVAL;
	if (in->n_buckets > UINT16_MAX || (in->n_buckets && !in->n_members))
		return -EINVAL;
	for (uint32_t i = 0; i < in->n_members; i++)
		if (!members[i].id || members[i].id >= DP_MAX_NEXTHOPS || members[i].id == in->id ||
		    !members[i].weight || members[i].weight > UINT16_MAX)
			return -EINVAL;
	return 0;
}

static int nexthop_build(struct net *net, const struct dp_nexthop *in,
			 const struct dp_nh_member *members, struct nexthop **out)
{
	struct net_device *dev = NULL;
	struct nexthop *nh;

	if (in->ifindex) {
		dev = dp_dev(net, in->ifindex);
		if (!dev)
			return -ENODEV;
	}
	nh = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*nh));
	if (!nh)
		return -ENOMEM;
	memset(nh, 0, sizeof(*nh));
	nh->dev = dev;
	nh->id = in->id;
	nh->mtu = in->mtu;
	nh->ifindex = in->ifindex;
	nh->type = in->type;
	nh->scope = in->scope;
	nh->flags = in->flags;
	nh->family = in->family;
	if (in->type != RTN_UNICAST || (!dev && !in->n_members))
		nh->odd = NH_ODD;
	else if (in->n_members)
		nh->odd = NH_ODD_GROUP;
	if (in->n_members) {
		nh->group = group_new(in, members);
		if (!nh->group)
			goto nomem;
	}
	if (in->n_buckets) {
		nh->group->res_table = group_res_table(net->nexthops[in->id], in->n_buckets);
		if (!nh->group->res_table)
			goto nomem;
	}
	if (in->flags & DP_NH_GATEWAY) {
		nh->gw_family = in->gw_family;
		memcpy(nh->gw, in->gw, dp_addr_len(in->gw_family));
		nh->neigh = neigh_create(net, dev, in->gw_family, in->gw);
		if (!nh->neigh)
			goto nomem;
		nh->neigh->refcnt++;
	}
	*out = nh;
	return 0;

nomem:
	nexthop_free(nh);
	return -ENOMEM;
}

int dp_nexthop_set(const struct dp_nexthop *in, const struct dp_nh_member *members)
{
	struct nexthop *nh, *old;
	struct net *net;
	int rc;

	rc = nexthop_check(in, members);
	if (rc)
		return rc;
	dp_write_lock();
	net = dp_net(in->net);
	rc = net ? nexthop_build(net, in, members, &nh) : -ENODEV;
	if (!rc) {
		old = net->nexthops[in->id];
		__atomic_store_n(&net->nexthops[in->id], nh, __ATOMIC_RELEASE);
		net->nexthop_top = RTE_MAX(net->nexthop_top, in->id + 1);
		nexthop_retire(net, old);
	}
	dp_unlock();
	return rc;
}

int dp_nexthop_del(uint32_t id, uint32_t nh_id)
{
	struct nexthop *old = NULL;
	struct net *net;
	int rc = 0;

	if (!nh_id || nh_id >= DP_MAX_NEXTHOPS)
		return -EINVAL;
	dp_write_lock();
	net = dp_net(id);
	if (net) {
		old = net->nexthops[nh_id];
		__atomic_store_n(&net->nexthops[nh_id], NULL, __ATOMIC_RELEASE);
		nexthop_retire(net, old);
	} else {
		rc = -ENODEV;
	}
	dp_unlock();
	return rc;
}

void net_nexthops_flush(struct net *net)
{
	for (uint32_t i = 1; i < net->nexthop_top; i++) {
		struct nexthop *nh = net->nexthops[i];

		if (!nh)
			continue;
		__atomic_store_n(&net->nexthops[i], NULL, __ATOMIC_RELEASE);
		nexthop_retire(net, nh);
	}
	net->nexthop_top = 0;
}

uint32_t dp_nexthop_select(uint32_t id, uint32_t nh_id, uint32_t hash)
{
	const struct nexthop *nh = NULL;
	struct net *net;

	dp_read_lock();
	net = dp_net(id);
	if (net && nh_id < DP_MAX_NEXTHOPS)
		nh = net->nexthops[nh_id];
	if (nh)
		nh = nexthop_select_path(NULL, net, nh, hash & INT32_MAX);
	nh_id = nh ? nh->id : 0;
	dp_unlock();
	return nh_id;
}

int dp_nexthop_dump(uint32_t id, uint32_t *cursor, struct dp_nexthop *out, uint32_t n)
{
	uint32_t i = *cursor ? *cursor : 1, k = 0;
	struct net *net;

	dp_read_lock();
	net = dp_net(id);
	if (!net) {
		dp_unlock();
		return -ENODEV;
	}
	for (; i < net->nexthop_top && k < n; i++) {
		const struct nexthop *nh = net->nexthops[i];

		if (!nh)
			continue;
		out[k] = (struct dp_nexthop){
		    .net = id,
		    .id = i,
		    .ifindex = nh->ifindex,
		    .mtu = nh->mtu,
		    .family = nh->family,
		    .type = nh->type,
		    .scope = nh->scope,
		    .flags = nh->flags,
		    .gw_family = nh->gw_family,
		    .n_members = nh->group ? nh->group->num_nh : 0,
		    .n_buckets = nh->group && nh->group->res_table
				     ? nh->group->res_table->num_nh_buckets
				     : 0,
		};
		memcpy(out[k++].gw, nh->gw, 16);
	}
	*cursor = i < net->nexthop_top ? i : 0;
	dp_unlock();
	return (int)k;
}

int dp_nexthop_members(uint32_t id, uint32_t nh_id, struct dp_nh_member *out, uint32_t n)
{
	const struct nexthop *nh = NULL;
	struct net *net;
	int rc = -ENOENT;

	dp_read_lock();
	net = dp_net(id);
	if (net && nh_id < DP_MAX_NEXTHOPS)
		nh = net->nexthops[nh_id];
	if (nh) {
		rc = 0;
		for (; nh->group && rc < (int)RTE_MIN(n, nh->group->num_nh); rc++)
			out[rc] = (struct dp_nh_member){
			    .id = nh->group->nh_entries[rc].id,
			    .weight = nh->group->nh_entries[rc].weight,
			};
	}
	dp_unlock();
	return rc;
}
