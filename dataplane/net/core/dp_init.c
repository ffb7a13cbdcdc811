/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_init.c - the life of the data plane and of its workers. Everything starts from this list. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include <rte_lcore.h>
#include <rte_mempool.h>

#include <net/core/dp_local.h>
#include <net/flow.h>
#include <net/inet_frag.h>
#include <net/ip6_burst.h>
#include <net/fib_rules.h>
#include <net/ip_burst.h>
#include <net/napi.h>
#include <net/punt.h>
#include <net/rps.h>
#include <net/twin.h>

#define MBUF_DATA_DEFAULT 2048
#define MBUF_DATA_MAX     (UINT16_MAX - RTE_PKTMBUF_HEADROOM)
#define NEIGH_MAX_DEFAULT 131072
#define MBUF_CACHE        256
#define DP_PAGE           4096

struct dp_lock dp_lock = {.rw = PTHREAD_RWLOCK_INITIALIZER};
uint32_t dp_workers;
uint32_t dp_neigh_max;

_Atomic bool dp_stopping;

static int dp_worker_init(uint32_t worker, const struct dp_conf *conf)
{
	/* pages of its own */
	struct softnet_data *sd = aligned_alloc(DP_PAGE, RTE_ALIGN_CEIL(sizeof(*sd), DP_PAGE));

	if (!sd)
		return -ENOMEM;
	memset(sd, 0, sizeof(*sd));
	sd->worker = worker;
	sd->stats.lcore = LCORE_ID_ANY;
	sd->stats.tsc_hz = rte_get_tsc_hz();
	softnet_data[worker] = sd;
	/* packets that wait for their neighbours leave half of the buffers to the others */
	return napi_init(sd) ?: neigh_hold_init(sd, conf->mbufs / 2 / conf->workers);
}

int dp_init(const struct dp_conf *conf)
{
	uint32_t data = conf->mbuf_data ? conf->mbuf_data : MBUF_DATA_DEFAULT;
	uint32_t cache = RTE_MIN(conf->mbufs / 8, (uint32_t)MBUF_CACHE);
	int rc;

	if (dp_workers)
		return -EBUSY;
	if (!conf->workers || conf->workers > DP_MAX_WORKERS || conf->mbufs < 64 || data < 128 ||
	    data > MBUF_DATA_MAX)
		return -EINVAL;
	dp_neigh_max = conf->neigh_max ? conf->neigh_max : NEIGH_MAX_DEFAULT;
	if (dp_neigh_max > 1u << 24)
		return -EINVAL;
	atomic_store(&dp_stopping, false);
	napi_reset();
	flow_hash_init(conf->hash_seed);
	ip_burst_init();
	fib_rules_init();
	ip6_burst_init();
	rc = rcu_init(conf->workers);
	if (rc)
		return rc;
	dp_workers = conf->workers;
	skb_pool = skb_pool_create("skua_skb", conf->mbufs, cache,
				   (uint16_t)(data + RTE_PKTMBUF_HEADROOM));
	rc = skb_pool ? 0 : -ENOMEM;
	for (uint32_t i = 0; !rc && i < conf->workers; i++)
		rc = dp_worker_init(i, conf);
	if (!rc)
		rc = punt_init(conf->workers, conf->punt_bytes);
	if (!rc)
		rc = inject_init(conf->workers, data);
	for (uint32_t i = 0; !rc && i < conf->workers; i++)
		rc = rcu_register(i);
	if (rc)
		dp_fini();
	return rc;
}

static void dp_worker_fini(struct softnet_data *sd)
{
	for (; sd->backlog_head != sd->backlog_tail; sd->backlog_head++)
		consume_skb(sd->backlog[sd->backlog_head % BACKLOG_MAX]);
	rps_fini(sd);
	inet_frag_fini(sd);
	neigh_hold_fini(sd);
	napi_fini(sd);
	skb_defer_free_flush(sd);
	free(sd->rxq);
	free(sd);
}

void dp_fini(void)
{
	if (!dp_workers)
		return;
	twin_fini();
	dp_ports_reset();
	for (uint32_t i = 0; i < dp_workers; i++)
		rcu_unregister(i);
	inject_fini();
	for (uint32_t i = 0; i < dp_workers; i++) {
		if (softnet_data[i])
			dp_worker_fini(softnet_data[i]);
		softnet_data[i] = NULL;
	}
	punt_fini();
	dp_nets_free();
	rcu_exit();
	rte_mempool_free(skb_pool);
	skb_pool = NULL;
	dp_workers = 0;
}

void *dp_mempool(void)
{
	return skb_pool;
}

int dp_worker_main(void *arg)
{
	uint32_t worker = (uint32_t)(uintptr_t)arg;
	struct softnet_data *sd = worker < DP_MAX_WORKERS ? softnet_data[worker] : NULL;
	sigset_t all;

	if (!sd)
		return -EINVAL;
	/* a signal on this thread would enter the Go runtime */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	/* else a sleep of 10 us takes 60 */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	sd->stats.lcore = rte_lcore_id();
	atomic_store(&sd->running, true);
	rcu_online(worker);
	while (!atomic_load_explicit(&dp_stopping, memory_order_relaxed)) {
		if (net_rx_action(sd))
			sd->idle_tsc = 0;
		else
			napi_idle(sd);
		rcu_quiescent(worker);
	}
	rcu_offline(worker);
	atomic_store(&sd->running, false);
	return 0;
}

void dp_stop(void)
{
	atomic_store(&dp_stopping, true);
	napi_wake_all();
}

int dp_worker_enter(uint32_t worker)
{
	if (worker >= dp_workers)
		return -EINVAL;
	softnet_data[worker]->stats.lcore = rte_lcore_id();
	atomic_store(&softnet_data[worker]->running, true);
	return 0;
}

/* Between turns the worker holds nothing: whoever waits for a grace period need not wait for it. */
int dp_worker_poll(uint32_t worker)
{
	unsigned int n;

	if (worker >= dp_workers)
		return -EINVAL;
	softnet_data[worker]->turn_tsc =
	    0; /* how long ago the last turn was is the caller's doing */
	rcu_online(worker);
	n = net_rx_action(softnet_data[worker]);
	rcu_offline(worker);
	return (int)n;
}

void dp_worker_exit(uint32_t worker)
{
	if (worker >= dp_workers)
		return;
	softnet_data[worker]->stats.lcore = LCORE_ID_ANY;
	atomic_store(&softnet_data[worker]->running, false);
}

void dp_free_rcu(void *p)
{
	if (!p || !rcu_defer(free, p))
		return;
	synchronize_rcu();
	free(p);
}
