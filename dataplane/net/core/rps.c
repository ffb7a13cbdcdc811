/* SPDX-License-Identifier: BSD-3-Clause */
/* rps.c - packets handed from the worker that receives to the worker of their flow: see rps.h. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_prefetch.h>

#include <lib/rcu.h>
#include <net/flow.h>
#include <net/napi.h>
#include <net/rps.h>

#define RPS_DEV      ((uintptr_t)1)
#define RPS_DRAIN_US 100

static inline uint8_t get_rps_cpu(const struct softnet_data *sd, const struct rx_queue *q,
				  uint32_t hash)
{
	if (unlikely(!hash))
		return (uint8_t)sd->worker;
	return q->rps_cpus[(uint64_t)hash * q->rps_len >> 32];
}

/* Writes m behind what is published; false: no room. */
static inline bool enqueue_to_backlog(struct rps_ring *r, const struct net_device *dev,
				      struct rte_mbuf *m)
{
	if (unlikely(r->next - r->head_seen > RPS_RING_SIZE - 2)) {
		r->head_seen = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
		if (r->next - r->head_seen > RPS_RING_SIZE - 2)
			return false;
	}
	if (unlikely(r->dev != dev)) {
		r->slot[r->next++ % RPS_RING_SIZE] = (uintptr_t)dev | RPS_DEV;
		r->dev = dev;
	}
	r->slot[r->next++ % RPS_RING_SIZE] = (uintptr_t)m;
	return true;
}

static __rte_noinline void rps_drop(struct softnet_data *sd, struct net_device *dev,
				    struct rte_mbuf *m)
{
	dev_stats(sd, dev)->rx_dropped++;
	sd->stats.rps_dropped++;
	kfree_skb_reason(sd, mbuf_skb(m), SKB_DROP_REASON_CPU_BACKLOG);
}

/* Writes a burst for other workers where there may be no room. Returns how many stay. */
static __rte_noinline unsigned int rps_scatter_slow(struct softnet_data *sd, struct net_device *dev,
						    struct rte_mbuf **pkts, const uint8_t *to,
						    struct rte_mbuf **own, unsigned int n)
{
	unsigned int n_own = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (to[i] == sd->worker)
			own[n_own++] = pkts[i];
		else if (!enqueue_to_backlog(sd->rps_out[to[i]], dev, pkts[i]))
			rps_drop(sd, dev, pkts[i]);
	}
	return n_own;
}

/* Where the packets of a burst for one worker are written: a ring, or the array of our own. */
struct rps_to {
	uintptr_t *slot;
	uint32_t mask;
	uint32_t at;
};

/*
 * The same where every ring of the map has room for all: no branch by packet, for those by a hash
 * are mispredicted. A device that a ring has to be told of is written before its first packet, and
 * counts only when there is one.
 */
static inline bool rps_scatter(struct softnet_data *sd, const struct rx_queue *q,
			       struct net_device *dev, struct rte_mbuf **pkts, const uint8_t *to,
			       struct rte_mbuf **own, unsigned int n, unsigned int *n_own)
{
	struct rps_to out[DP_MAX_WORKERS];
	uint32_t start[DP_MAX_WORKERS];

	out[sd->worker] = (struct rps_to){(uintptr_t *)own, NAPI_BURST - 1, 0};
	for (uint32_t i = 0; i < q->rps_len; i++) {
		uint32_t w = q->rps_cpus[i];
		struct rps_ring *r = sd->rps_out[w];

		if (w == sd->worker)
			continue;
		if (unlikely(r->next - r->head_seen > RPS_RING_SIZE - 1 - n)) {
			r->head_seen = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
			if (r->next - r->head_seen > RPS_RING_SIZE - 1 - n)
				return false;
		}
		out[w] = (struct rps_to){r->slot, RPS_RING_SIZE - 1, r->next};
		if (r->dev != dev)
			r->slot[out[w].at++ % RPS_RING_SIZE] = (uintptr_t)dev | RPS_DEV;
		start[w] = out[w].at;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct rps_to *o = &out[to[i]];

		o->slot[o->at++ & o->mask] = (uintptr_t)pkts[i];
	}
	for (uint32_t i = 0; i < q->rps_len; i++) {
		uint32_t w = q->rps_cpus[i];

		if (w == sd->worker || out[w].at == start[w])
			continue;
		sd->rps_out[w]->next = out[w].at;
		sd->rps_out[w]->dev = dev;
	}
	/* all of them when n is NAPI_BURST: at is not masked */
	*n_own = out[sd->worker].at;
	return true;
}

void netif_rps(struct softnet_data *sd, const struct rx_queue *q, struct net_device *dev,
	       struct rte_mbuf **pkts, unsigned int n)
{
	struct rte_mbuf *own[NAPI_BURST];
	uint32_t hash[NAPI_BURST];
	uint8_t to[NAPI_BURST];
	unsigned int n_own;

	if (unlikely(!dev || !netif_running(dev))) {
		netif_receive_skb_list(sd, dev, pkts, n);
		return;
	}
	skb_get_hash_list(pkts, hash, n);
	for (unsigned int i = 0; i < n; i++)
		to[i] = get_rps_cpu(sd, q, hash[i]);
	if (unlikely(!rps_scatter(sd, q, dev, pkts, to, own, n, &n_own)))
		n_own = rps_scatter_slow(sd, dev, pkts, to, own, n);
	sd->stats.rps_out += n - n_own;
	for (uint32_t i = 0; i < q->rps_len; i++) {
		uint32_t w = q->rps_cpus[i];
		struct rps_ring *r = sd->rps_out[w];

		if (w == sd->worker || r->tail == r->next)
			continue;
		__atomic_store_n(&r->tail, r->next, __ATOMIC_RELEASE);
		sd->rps_told |= 1u << w;
	}
	stage_end(sd, STAGE_RPS, n);
	if (n_own)
		netif_receive_skb_list(sd, dev, own, n_own);
}

/* Takes a burst of one device; returns its length. */
static unsigned int rps_ring_take(struct rps_ring *r, uint32_t *head, uint32_t tail,
				  struct rte_mbuf **pkts)
{
	unsigned int n = 0;

	while (*head != tail && n < NAPI_BURST) {
		uintptr_t slot = r->slot[*head % RPS_RING_SIZE];

		if (unlikely(slot & RPS_DEV)) {
			if (n)
				break;
			r->rx_dev = (struct net_device *)(slot & ~RPS_DEV);
		} else {
			pkts[n++] = (struct rte_mbuf *)slot;
			rte_prefetch0((void *)slot);
		}
		++*head;
	}
	return n;
}

unsigned int __process_backlog(struct softnet_data *sd)
{
	unsigned int total = 0;

	for (uint32_t from = sd->rps_from; from; from &= from - 1) {
		struct rps_ring *r = sd->rps_in[__builtin_ctz(from)];
		uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		uint32_t head = r->head;

		if (head == tail)
			continue;
		for (unsigned int work = 0; head != tail && work < RPS_WEIGHT;) {
			struct rte_mbuf *pkts[NAPI_BURST];
			unsigned int n = rps_ring_take(r, &head, tail, pkts);

			stage_end(sd, STAGE_BACKLOG, n);
			if (n)
				netif_receive_skb_list(sd, r->rx_dev, pkts, n);
			work += n;
			total += n;
		}
		__atomic_store_n(&r->head, head, __ATOMIC_RELEASE);
	}
	sd->stats.rps_in += total;
	return total;
}

bool rps_pending(const struct softnet_data *sd)
{
	for (uint32_t from = sd->rps_from; from; from &= from - 1) {
		const struct rps_ring *r = sd->rps_in[__builtin_ctz(from)];

		if (__atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) !=
		    __atomic_load_n(&r->head, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

int rps_ring_make(struct softnet_data *from, struct softnet_data *to)
{
	struct rps_ring *r;

	if (from->rps_out[to->worker])
		return 0;
	r = aligned_alloc(SMP_ALIGN, sizeof(*r));
	if (!r)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	to->rps_in[from->worker] = r;
	from->rps_out[to->worker] = r;
	__atomic_store_n(&to->rps_from, to->rps_from | 1u << from->worker, __ATOMIC_RELEASE);
	return 0;
}

/* Whether a worker that takes turns has yet to take what is in front of tails, its rings' then. */
static bool rps_behind(const struct softnet_data *sd, const uint32_t *tails)
{
	if (!atomic_load(&sd->running))
		return false;
	for (uint32_t from = sd->rps_from; from; from &= from - 1) {
		uint32_t w = (uint32_t)__builtin_ctz(from);
		uint32_t head = __atomic_load_n(&sd->rps_in[w]->head, __ATOMIC_ACQUIRE);

		if ((int32_t)(tails[w] - head) > 0)
			return true;
	}
	return false;
}

void rps_drain(void)
{
	for (uint32_t w = 0; w < DP_MAX_WORKERS; w++) {
		const struct softnet_data *sd = softnet_data[w];
		uint32_t tails[DP_MAX_WORKERS];

		for (uint32_t from = sd ? sd->rps_from : 0; from; from &= from - 1) {
			uint32_t i = (uint32_t)__builtin_ctz(from);

			tails[i] = __atomic_load_n(&sd->rps_in[i]->tail, __ATOMIC_ACQUIRE);
		}
		while (sd && rps_behind(sd, tails)) {
			softnet_wake(w);
			usleep(RPS_DRAIN_US);
		}
	}
}

void rps_fini(struct softnet_data *to)
{
	for (uint32_t from = to->rps_from; from; from &= from - 1) {
		struct rps_ring *r = to->rps_in[__builtin_ctz(from)];

		for (uint32_t head = r->head; head != r->tail; head++)
			if (!(r->slot[head % RPS_RING_SIZE] & RPS_DEV))
				consume_skb(
				    mbuf_skb((struct rte_mbuf *)r->slot[head % RPS_RING_SIZE]));
		free(r);
	}
	to->rps_from = 0;
}
