/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_net.c - instances of the stack. A deleted net is emptied and kept, for the next of its number:
 * packets that wait for a neighbour may still name its devices.
 */
#include <sys/mman.h>

#include <net/core/dp_local.h>
#include <net/twin.h>

static struct net *nets_made[DP_MAX_NETS];

static struct neigh_table *neigh_table_new(void)
{
	uint32_t n = rte_align32pow2(RTE_MAX(dp_neigh_max, 16u));
	struct neigh_table *t = calloc(1, sizeof(*t) + n * sizeof(t->buckets[0]));

	if (t) {
		t->mask = n - 1;
		t->max = dp_neigh_max;
	}
	return t;
}

static void net_free(struct net *net)
{
	for (uint32_t i = 0; i < DP_MAX_LINKS; i++) {
		if (net->devs[i])
			free(net->devs[i]->linklocal);
		free(net->devs[i]);
	}
	if (net->nexthops)
		munmap(net->nexthops, NET_NEXTHOPS * sizeof(net->nexthops[0]));
	free(net->arp_tbl);
	free(net->nd_tbl);
	free(net->mib);
	free(net->tables);
	free(net);
}

static struct net *net_new(uint32_t id)
{
	struct net *net = calloc(1, sizeof(*net));

	if (!net)
		return NULL;
	net->id = id;
	/* address space; only what is used gets memory */
	net->nexthops = mmap(NULL, NET_NEXTHOPS * sizeof(net->nexthops[0]), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (net->nexthops == MAP_FAILED)
		net->nexthops = NULL;
	else
		net_nexthops_fixed(net);
	net->arp_tbl = neigh_table_new();
	net->nd_tbl = neigh_table_new();
	net->mib = aligned_alloc(SMP_ALIGN, DP_MAX_WORKERS * sizeof(*net->mib));
	net->tables = calloc(1, sizeof(*net->tables));
	if (!net->nexthops || !net->arp_tbl || !net->nd_tbl || !net->mib || !net->tables) {
		net_free(net);
		return NULL;
	}
	return net;
}

int dp_net_add(uint32_t id)
{
	int rc = 0;

	if (id >= DP_MAX_NETS || !dp_workers)
		return -EINVAL;
	dp_write_lock();
	if (net_table[id])
		goto out;
	if (!nets_made[id])
		nets_made[id] = net_new(id);
	rc = -ENOMEM;
	if (!nets_made[id])
		goto out;
	memset(nets_made[id]->mib, 0, DP_MAX_WORKERS * sizeof(*nets_made[id]->mib));
	memset(nets_made[id]->conf, 0, sizeof(nets_made[id]->conf));
	__atomic_store_n(&net_table[id], nets_made[id], __ATOMIC_RELEASE);
	rc = 0;
out:
	dp_unlock();
	return rc;
}

static void net_empty(struct net *net)
{
	twin_net_exit(net);
	net_links_flush(net);
	net_tables_free(net);
	net_nexthops_flush(net);
	net_neigh_flush(net);
	nf_net_exit(net);
}

int dp_net_del(uint32_t id)
{
	struct net *net;
	int rc = -ENOENT;

	dp_write_lock();
	net = dp_net(id);
	if (net) {
		net_empty(net);
		__atomic_store_n(&net_table[id], NULL, __ATOMIC_RELEASE);
		__atomic_add_fetch(&net_table_gen, 1, __ATOMIC_RELEASE);
		rc = 0;
	}
	dp_unlock();
	return rc;
}

int dp_net_conf(uint32_t id, uint32_t key, uint32_t value)
{
	struct net *net;
	int rc = -EINVAL;

	dp_write_lock();
	net = dp_net(id);
	if (!net)
		rc = -ENODEV;
	else if (key < DP_NET_KEY_MAX && value <= 1) {
		__atomic_store_n(&net->conf[key], value, __ATOMIC_RELAXED);
		rc = 0;
	}
	dp_unlock();
	return rc;
}

void dp_nets_free(void)
{
	for (uint32_t i = 0; i < DP_MAX_NETS; i++) {
		if (!nets_made[i])
			continue;
		if (net_table[i])
			net_empty(net_table[i]);
		net_table[i] = NULL;
	}
	rcu_barrier();
	for (uint32_t i = 0; i < DP_MAX_NETS; i++) {
		if (nets_made[i])
			net_free(nets_made[i]);
		nets_made[i] = NULL;
	}
}
