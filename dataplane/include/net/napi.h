/* SPDX-License-Identifier: BSD-3-Clause */
/* napi.h - the turns of a worker: how long they take, and what ends its sleep. */
#ifndef SKUA_NET_NAPI_H
#define SKUA_NET_NAPI_H

#include <stdint.h>

#include <net/netdevice.h>

/* The bucket of dp_worker_stats.turns that a length in cycles belongs to. */
static inline uint32_t napi_turn_bucket(uint64_t cycles)
{
	uint32_t e = 63 - (uint32_t)__builtin_clzll(cycles | 64);
	uint32_t i = e * 4 + (uint32_t)(cycles >> (e - 2) & 3) - 24;

	return cycles < 64 ? 0 : RTE_MIN(i, DP_TURN_BUCKETS - 1u);
}

/* Wakes those workers that this turn has handed packets to. */
void napi_told(struct softnet_data *sd);

/* The end of a turn that began at start and took n packets. */
static inline void napi_turn(struct softnet_data *sd, uint64_t start, unsigned int n)
{
	struct dp_worker_stats *st = &sd->stats;
	uint64_t len = rte_rdtsc() - start;
	uint64_t gap = sd->turn_tsc ? start - sd->turn_tsc : 0;

	if (unlikely(sd->rps_told))
		napi_told(sd);
	sd->turn_tsc = start;
	if (unlikely(gap > st->gap_max))
		st->gap_max = gap;
	if (unlikely(gap * (1000000 / DP_GAP_US) > st->tsc_hz))
		st->gap_log[st->gaps++ % DP_GAP_LOG] = (struct dp_gap){start - gap, gap};
	st->polls++;
	if (!n) {
		st->idle_polls++;
		st->idle_cycles += len;
		return;
	}
	st->packets += n;
	st->busy_cycles += len;
	st->turns[napi_turn_bucket(len)]++;
	if (unlikely(len > st->turn_max))
		st->turn_max = len;
}

/*
 * Wakes a worker that sleeps: to be called by another thread that has put something where the
 * worker's turn finds it, once for all that it has put. A fence and a read when it does not sleep.
 */
static inline void softnet_wake(uint32_t worker)
{
	wake_up(&softnet_data[worker]->wait);
}

/* The same for who has filled a receive queue of a port. */
void softnet_wake_rxq(uint16_t port, uint16_t queue);

/* napi.c */

/* A turn found nothing: pauses or sleeps, as dp_idle_conf() says. The worker is online. */
void napi_idle(struct softnet_data *sd);

/* A queue is polled by its rxq_worker from now on, or is no longer. Before and after the lists. */
void napi_rxq_add(uint16_t port, uint16_t queue);
void napi_rxq_del(uint16_t port, uint16_t queue);
void napi_wake_all(void);

int napi_init(struct softnet_data *sd);
void napi_fini(struct softnet_data *sd);
/* What dp_idle_conf() has set is as at the start. */
void napi_reset(void);

#endif
