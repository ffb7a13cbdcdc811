/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_nexthop_res.c - the buckets of resilient nexthop groups: what they lead to, when last used. */
#include <net/core/dp_local.h>

#include <rte_cycles.h>

struct nh_res_table *nh_res_table_alloc(uint32_t num_nh_buckets)
{
	const uint32_t line = RTE_CACHE_LINE_SIZE / sizeof(uint32_t);
	uint32_t stride = (num_nh_buckets + line - 1) / line * line;
	size_t room = (size_t)stride * (1 + dp_workers) * sizeof(uint32_t);
	struct nh_res_table *res;

	res = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*res) + room);
	if (!res)
		return NULL;
	memset(res, 0, sizeof(*res) + room);
	res->num_nh_buckets = num_nh_buckets;
	res->stride = stride;
	res->refcnt = 1;
	return res;
}

struct nh_res_table *nh_res_table_get(struct nh_res_table *res)
{
	__atomic_add_fetch(&res->refcnt, 1, __ATOMIC_RELAXED);
	return res;
}

void nh_res_table_put(struct nh_res_table *res)
{
	if (res && !__atomic_sub_fetch(&res->refcnt, 1, __ATOMIC_ACQ_REL))
		free(res);
}

static struct nh_res_table *nh_res_table_find(uint32_t id, uint32_t nh_id)
{
	struct net *net = dp_net(id);
	const struct nexthop *nh =
	    net && nh_id && nh_id < DP_MAX_NEXTHOPS ? net->nexthops[nh_id] : NULL;

	return nh && nh->group ? nh->group->res_table : NULL;
}

int dp_nexthop_buckets_set(uint32_t id, uint32_t nh_id, uint32_t first, const uint32_t *ids,
			   uint32_t n)
{
	struct nh_res_table *res;
	int rc = 0;

	for (uint32_t i = 0; i < n; i++)
		if (!ids[i] || ids[i] >= DP_MAX_NEXTHOPS)
			return -EINVAL;
	dp_write_lock();
	res = nh_res_table_find(id, nh_id);
	if (!res)
		rc = -ENOENT;
	else if (first > res->num_nh_buckets || n > res->num_nh_buckets - first)
		rc = -EINVAL;
	for (uint32_t i = 0; !rc && i < n; i++)
		__atomic_store_n(&res->words[first + i], ids[i], __ATOMIC_RELEASE);
	dp_unlock();
	return rc;
}

/* The tick of the latest use by any worker, 0: none. */
static uint32_t nh_res_bucket_used_time(const struct nh_res_table *res, uint32_t bucket,
					uint32_t now)
{
	uint32_t latest = 0;

	for (uint32_t w = 0; w < dp_workers; w++) {
		uint32_t used = __atomic_load_n(&res->words[(size_t)res->stride * (w + 1) + bucket],
						__ATOMIC_RELAXED);

		if (used && (!latest || now - used < now - latest))
			latest = used;
	}
	return latest;
}

int dp_nexthop_buckets_read(uint32_t id, uint32_t nh_id, struct dp_nh_bucket *out, uint32_t n)
{
	uint32_t now = nh_res_tick(rte_rdtsc());
	uint64_t hz = rte_get_tsc_hz();
	struct nh_res_table *res;
	int rc = -ENOENT;

	dp_read_lock();
	res = nh_res_table_find(id, nh_id);
	if (res) {
		rc = (int)RTE_MIN(n, res->num_nh_buckets);
		for (uint32_t i = 0; i < (uint32_t)rc; i++) {
			uint32_t used = nh_res_bucket_used_time(res, i, now);
			uint32_t ago = used ? now - used : 0;

			/* a worker's turn may have begun after we looked at the clock */
			if (ago > INT32_MAX)
				ago = 0;
			out[i] = (struct dp_nh_bucket){
			    .id = res->words[i],
			    .stamp = used,
			    .idle_us = (uint64_t)((double)ago * (1 << NH_RES_TICK_SHIFT) * 1e6 /
						  (double)hz),
			};
		}
	}
	dp_unlock();
	return rc;
}
