/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * punt.c - packets on their way up. One byte ring per worker: the worker writes, one reader of the
 * control plane reads. A reason is policed before the ring; and the last quarter of the ring is
 * for what keeps neighbours alive (ARP, ND), so that no flood of the rest shuts them out.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <net/net_namespace.h>
#include <net/punt.h>

#define PUNT_BYTES_DEFAULT (4u << 20)
#define PUNT_ALIGN         8

/* A bucket holds packets times the TSC frequency, so that refilling is one multiplication. */
struct punt_bucket {
	uint64_t tokens;
	uint64_t last;
};

struct punt_ring {
	/* The worker's. */
	_Atomic uint64_t head; /* bytes ever written; read by the reader */
	uint64_t tail_seen;
	bool wrote; /* this turn */
	struct punt_bucket bucket[DP_PUNT_MAX];

	/* The reader's. */
	_Atomic uint64_t tail __rte_cache_aligned; /* bytes ever read; read by the worker */

	uint64_t size __rte_cache_aligned; /* constant */
	char *buf;
};

struct punt_rate {
	_Atomic uint32_t rate; /* packets/s and worker; 0: unlimited */
	_Atomic uint32_t burst;
};

static struct punt_rate punt_rates[DP_PUNT_MAX];
static struct punt_ring *punt_rings[DP_MAX_WORKERS];
static int punt_eventfd = -1;
static _Atomic bool punt_armed __rte_cache_aligned;
static uint64_t punt_hz;

/* How much of a packet each reason needs to see, bytes. */
static const uint16_t punt_copy_max[DP_PUNT_MAX] = {
    [DP_PUNT_ARP] = 128,         [DP_PUNT_ND] = UINT16_MAX,    [DP_PUNT_ICMP] = UINT16_MAX,
    [DP_PUNT_IGMP] = UINT16_MAX, [DP_PUNT_LOCAL] = UINT16_MAX, [DP_PUNT_ICMP_SEND] = 1536,
    [DP_PUNT_NEIGH_MISS] = 256,  [DP_PUNT_NEIGH_USED] = 0,
};

static void punt_rates_default(void)
{
	static const uint32_t rates[DP_PUNT_MAX][2] = {
	    [DP_PUNT_ARP] = {20000, 4000},        [DP_PUNT_ND] = {20000, 4000},
	    [DP_PUNT_ICMP] = {20000, 4000},       [DP_PUNT_IGMP] = {2000, 500},
	    [DP_PUNT_LOCAL] = {200000, 20000},    [DP_PUNT_ICMP_SEND] = {10000, 2000},
	    [DP_PUNT_NEIGH_MISS] = {10000, 4000}, [DP_PUNT_NEIGH_USED] = {50000, 10000},
	};

	for (int i = 0; i < DP_PUNT_MAX; i++) {
		punt_rates[i].rate = rates[i][0];
		punt_rates[i].burst = rates[i][1];
	}
}

static bool punt_within_rate(struct softnet_data *sd, enum dp_punt_reason reason)
{
	uint32_t rate = atomic_load_explicit(&punt_rates[reason].rate, memory_order_relaxed);
	uint32_t burst = atomic_load_explicit(&punt_rates[reason].burst, memory_order_relaxed);
	struct punt_bucket *b = &sd->punt->bucket[reason];
	uint64_t full = burst * punt_hz, gone;

	if (!rate)
		return true;
	gone = sd->now - b->last;
	b->last = sd->now;
	if (gone >= full / rate)
		b->tokens = full;
	else
		b->tokens = RTE_MIN(full, b->tokens + gone * rate);
	if (b->tokens < punt_hz)
		return false;
	b->tokens -= punt_hz;
	return true;
}

static void ring_put(struct punt_ring *r, uint64_t at, const void *data, uint32_t len)
{
	uint64_t off = at & (r->size - 1);
	uint64_t first = RTE_MIN((uint64_t)len, r->size - off);

	memcpy(r->buf + off, data, first);
	memcpy(r->buf, (const char *)data + first, len - first);
}

static void ring_get(const struct punt_ring *r, uint64_t at, void *data, uint64_t len)
{
	uint64_t off = at & (r->size - 1);
	uint64_t first = RTE_MIN(len, r->size - off);

	memcpy(data, r->buf + off, first);
	memcpy((char *)data + first, r->buf, len - first);
}

/* Room for need bytes, seen from the worker. */
static bool ring_room(struct punt_ring *r, uint64_t head, uint64_t need, bool vital)
{
	uint64_t limit = vital ? r->size : r->size / 4 * 3;

	if (head + need - r->tail_seen <= limit)
		return true;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return head + need - r->tail_seen <= limit;
}

bool punt_send(struct softnet_data *sd, struct net *net, const struct sk_buff *skb,
	       struct dp_punt *rec)
{
	struct punt_ring *r = sd->punt;
	bool vital = rec->reason == DP_PUNT_ARP || rec->reason == DP_PUNT_ND;
	uint64_t head, at;
	uint32_t left;

	if (!punt_within_rate(sd, rec->reason)) {
		sd->stats.policed[rec->reason]++;
		return false;
	}
	rec->net = net->id;
	rec->worker = (uint8_t)sd->worker;
	rec->pad = 0;
	rec->len = 0;
	if (skb) {
		const struct rte_mbuf *m = skb_mbuf(skb);

		rec->iif = skb->skb_iif;
		rec->protocol = ntohs(skb->protocol);
		rec->pkt_type = skb->pkt_type;
		rec->rt_type = skb->rt_type;
		rec->pkt_len = m->pkt_len;
		rec->len = RTE_MIN(m->pkt_len, (uint32_t)punt_copy_max[rec->reason]);
		rec->l3 = (uint16_t)skb_network_offset(skb);
		rec->l4 = 0;
		if (skb->transport_header)
			rec->l4 = (uint16_t)(skb->transport_header - m->data_off);
	}

	head = atomic_load_explicit(&r->head, memory_order_relaxed);
	at = head + sizeof(*rec);
	left = RTE_ALIGN_CEIL(rec->len, PUNT_ALIGN);
	if (!ring_room(r, head, sizeof(*rec) + left, vital)) {
		sd->stats.punt_full++;
		return false;
	}
	ring_put(r, head, rec, sizeof(*rec));
	left = rec->len;
	for (const struct rte_mbuf *seg = skb ? skb_mbuf(skb) : NULL; seg && left;
	     seg = seg->next) {
		uint32_t take = RTE_MIN((uint32_t)seg->data_len, left);

		ring_put(r, at, rte_pktmbuf_mtod(seg, const void *), take);
		at += take;
		left -= take;
	}
	atomic_store_explicit(&r->head, RTE_ALIGN_CEIL(at, PUNT_ALIGN), memory_order_release);
	r->wrote = true;
	sd->stats.punted[rec->reason]++;
	return true;
}

void punt_skb(struct softnet_data *sd, struct sk_buff *skb, enum dp_punt_reason reason,
	      uint8_t ipproto)
{
	struct dp_punt rec = {.reason = (uint16_t)reason, .ipproto = ipproto};
	uint64_t full = sd->stats.punt_full;

	if (punt_send(sd, skb->dev->net, skb, &rec))
		consume_skb(skb);
	else
		kfree_skb_reason(sd, skb,
				 sd->stats.punt_full != full ? SKB_DROP_REASON_PUNT_FULL
							     : SKB_DROP_REASON_PUNT_POLICED);
}

static void icmp_punt(struct softnet_data *sd, const struct sk_buff *skb, uint8_t family,
		      uint8_t type, uint8_t code, uint32_t info)
{
	struct dp_punt rec = {
	    .reason = DP_PUNT_ICMP_SEND,
	    .family = family,
	    .icmp_type = type,
	    .icmp_code = code,
	    .info = info,
	};

	punt_send(sd, skb->dev->net, skb, &rec);
}

void icmp_send(struct softnet_data *sd, const struct sk_buff *skb, uint8_t type, uint8_t code,
	       uint32_t info)
{
	icmp_punt(sd, skb, AF_INET, type, code, info);
}

void icmpv6_send(struct softnet_data *sd, const struct sk_buff *skb, uint8_t type, uint8_t code,
		 uint32_t info)
{
	icmp_punt(sd, skb, AF_INET6, type, code, info);
}

void icmp_redirect_send(struct softnet_data *sd, const struct sk_buff *skb, uint8_t family,
			uint32_t oif, const void *gw)
{
	struct dp_punt rec = {
	    .reason = DP_PUNT_ICMP_SEND,
	    .family = family,
	    .oif = oif,
	    .icmp_type = family == AF_INET ? 5 : 137,
	    .icmp_code = family == AF_INET ? 1 : 0, /* ICMP_REDIR_HOST */
	};

	memcpy(rec.addr, gw, family == AF_INET ? 4 : 16);
	punt_send(sd, skb->dev->net, skb, &rec);
}

void punt_wake(struct softnet_data *sd)
{
	uint64_t one = 1;

	if (likely(!sd->punt->wrote))
		return;
	sd->punt->wrote = false;
	/* Pairs with dp_punt_arm(): either we see it armed, or it sees what we wrote. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&punt_armed, memory_order_relaxed) &&
	    atomic_exchange(&punt_armed, false)) {
		ssize_t n = write(punt_eventfd, &one, sizeof(one));

		(void)n; /* only a full counter fails, and then it is readable */
	}
}

/* --- the reader ------------------------------------------------------------------------------- */

int dp_punt_read(uint32_t worker, void *buf, uint32_t room)
{
	struct punt_ring *r = worker < DP_MAX_WORKERS ? punt_rings[worker] : NULL;
	uint64_t head, tail, end;

	if (!r)
		return -EINVAL;
	head = atomic_load_explicit(&r->head, memory_order_acquire);
	tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	for (end = tail; end < head;) {
		struct dp_punt rec;
		uint64_t size;

		ring_get(r, end, &rec, sizeof(rec));
		size = sizeof(rec) + RTE_ALIGN_CEIL(rec.len, PUNT_ALIGN);
		if (end + size - tail > room)
			break;
		end += size;
	}
	if (end == tail)
		return head == tail ? 0 : -EMSGSIZE;
	ring_get(r, tail, buf, end - tail);
	atomic_store_explicit(&r->tail, end, memory_order_release);
	return (int)(end - tail);
}

int dp_punt_fd(void)
{
	return punt_eventfd;
}

bool dp_punt_arm(void)
{
	atomic_store(&punt_armed, true);
	atomic_thread_fence(memory_order_seq_cst);
	for (int i = 0; i < DP_MAX_WORKERS; i++) {
		struct punt_ring *r = punt_rings[i];

		if (r && atomic_load_explicit(&r->head, memory_order_acquire) !=
			     atomic_load_explicit(&r->tail, memory_order_relaxed))
			return true;
	}
	return false;
}

int dp_punt_police(uint32_t reason, uint32_t rate, uint32_t burst)
{
	if (reason >= DP_PUNT_MAX || (rate && !burst))
		return -EINVAL;
	/* no product above overflows 64 bits with these */
	if (rate > 100000000 || burst > 100000000)
		return -ERANGE;
	atomic_store(&punt_rates[reason].burst, burst);
	atomic_store(&punt_rates[reason].rate, rate);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

int punt_init(uint32_t workers, uint32_t bytes)
{
	if (!bytes)
		bytes = PUNT_BYTES_DEFAULT;
	if (!rte_is_power_of_2(bytes) || bytes < (1u << 18) || bytes > (1u << 30))
		return -EINVAL;
	punt_hz = rte_get_tsc_hz();
	punt_rates_default();
	punt_eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (punt_eventfd < 0)
		return -errno;
	for (uint32_t i = 0; i < workers; i++) {
		struct punt_ring *r = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*r));

		if (!r)
			return -ENOMEM;
		memset(r, 0, sizeof(*r));
		r->size = bytes;
		r->buf = malloc(bytes);
		if (!r->buf) {
			free(r);
			return -ENOMEM;
		}
		for (int j = 0; j < DP_PUNT_MAX; j++)
			r->bucket[j].tokens = punt_rates[j].burst * punt_hz;
		punt_rings[i] = r;
		softnet_data[i]->punt = r;
	}
	return 0;
}

void punt_fini(void)
{
	for (int i = 0; i < DP_MAX_WORKERS; i++) {
		if (punt_rings[i])
			free(punt_rings[i]->buf);
		free(punt_rings[i]);
		punt_rings[i] = NULL;
	}
	if (punt_eventfd >= 0)
		close(punt_eventfd);
	punt_eventfd = -1;
	punt_armed = false;
}
