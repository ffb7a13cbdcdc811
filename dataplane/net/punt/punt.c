/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * punt.c - packets on their way up. Per worker a byte ring for each reason: the worker writes, one
 * reader of the control plane reads (punt_read.c). A reason is policed before its ring, and what
 * one reason fills takes no room from another: no flood keeps ARP, ND and routing protocols out.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <net/net_namespace.h>
#include <net/punt_ring.h>

#define PUNT_BYTES_DEFAULT (4u << 20)
#define PUNT_BYTES_LEAST   (128u << 10) /* more than the longest record */

/*
 * What each reason gets. rate and burst: packets a second and at once, of one worker, before they
 * are dropped as PUNT_POLICED; dp_punt_police() changes them. share: of the bytes for punts. copy:
 * how much of a packet the control plane needs to see, bytes.
 *
 * ARP and ND: a link of 100,000 hosts comes up within a second. CONTROL: a full table by BGP is
 * some 10,000 packets/s. ICMP: what one Go core answers is the limit, not this. LOCAL: one core is
 * not kept busy by it. ICMP_SEND: the kernel's own limit is 1,000 messages/s; this leaves room for
 * what that does not count (fragmentation needed).
 */
static const struct punt_class {
	uint32_t rate, burst;
	uint32_t share; /* 1/share of punt_bytes */
	uint16_t copy;
} punt_classes[DP_PUNT_MAX] = {
    [DP_PUNT_ARP] = {200000, 20000, 4, 128},
    [DP_PUNT_ND] = {200000, 20000, 4, UINT16_MAX},
    [DP_PUNT_CONTROL] = {100000, 20000, 8, UINT16_MAX},
    [DP_PUNT_CS6] = {20000, 4000, 32, UINT16_MAX},
    [DP_PUNT_ICMP_SEND] = {10000, 2000, 16, 1536},
    [DP_PUNT_NEIGH_MISS] = {200000, 20000, 4, 128},
    [DP_PUNT_NEIGH_USED] = {100000, 20000, 16, 0},
    [DP_PUNT_IGMP] = {5000, 1000, 32, UINT16_MAX},
    [DP_PUNT_ICMP] = {1000000, 50000, 16, UINT16_MAX},
    [DP_PUNT_LOCAL] = {200000, 20000, 16, UINT16_MAX},
};

/* As packets meet it: the writer of the control plane replaces each field whole. */
struct punt_rate {
	_Atomic uint32_t rate; /* 0: unlimited */
	_Atomic uint32_t burst;
	_Atomic uint64_t fill; /* TSC cycles in which an empty bucket fills */
};

static struct punt_rate punt_rates[DP_PUNT_MAX];
struct punt_rings *punt_rings[DP_MAX_WORKERS];
int punt_eventfd = -1;
_Atomic bool punt_armed __rte_cache_aligned;
static uint64_t punt_hz;

static bool punt_within_rate(struct softnet_data *sd, enum dp_punt_reason reason)
{
	uint64_t rate = atomic_load_explicit(&punt_rates[reason].rate, memory_order_relaxed);
	uint64_t burst = atomic_load_explicit(&punt_rates[reason].burst, memory_order_relaxed);
	struct punt_bucket *b = &sd->punt->bucket[reason];
	uint64_t gone = sd->now - b->last;

	if (!rate)
		return true;
	if (gone) {
		uint64_t full = burst * punt_hz;

		b->last = sd->now;
		if (gone >= atomic_load_explicit(&punt_rates[reason].fill, memory_order_relaxed))
			b->tokens = full;
		else
			b->tokens = RTE_MIN(full, b->tokens + gone * rate);
	}
	if (b->tokens < punt_hz)
		return false;
	b->tokens -= punt_hz;
	return true;
}

/* Past the police. */
static enum skb_drop_reason __punt_send(struct softnet_data *sd, struct net *net,
					const struct sk_buff *skb, struct dp_punt *rec)
{
	struct byte_ring *r = &sd->punt->ring[rec->reason];
	uint64_t head, at;
	uint32_t left;

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
		rec->len = RTE_MIN(m->pkt_len, (uint32_t)punt_classes[rec->reason].copy);
		rec->l3 = (uint16_t)skb_network_offset(skb);
		rec->l4 = 0;
		if (skb->transport_header)
			rec->l4 = (uint16_t)(skb->transport_header - m->data_off);
	}

	head = byte_ring_head(r);
	at = head + sizeof(*rec);
	left = RTE_ALIGN_CEIL(rec->len, BYTE_RING_ALIGN);
	if (!byte_ring_room(r, head, sizeof(*rec) + left)) {
		sd->stats.punt_full[rec->reason]++;
		return SKB_DROP_REASON_PUNT_FULL;
	}
	byte_ring_put(r, head, rec, sizeof(*rec));
	left = rec->len;
	for (const struct rte_mbuf *seg = skb ? skb_mbuf(skb) : NULL; seg && left;
	     seg = seg->next) {
		uint32_t take = RTE_MIN((uint32_t)seg->data_len, left);

		byte_ring_put(r, at, rte_pktmbuf_mtod(seg, const void *), take);
		at += take;
		left -= take;
	}
	byte_ring_publish(r, RTE_ALIGN_CEIL(at, BYTE_RING_ALIGN));
	sd->punt->wrote = true;
	sd->stats.punted[rec->reason]++;
	return SKB_NOT_DROPPED_YET;
}

/* Counts what is over the rate. */
static inline bool punt_policed(struct softnet_data *sd, enum dp_punt_reason reason)
{
	if (punt_within_rate(sd, reason))
		return false;
	sd->stats.policed[reason]++;
	return true;
}

enum skb_drop_reason punt_send(struct softnet_data *sd, struct net *net, const struct sk_buff *skb,
			       struct dp_punt *rec)
{
	if (punt_policed(sd, rec->reason))
		return SKB_DROP_REASON_PUNT_POLICED;
	return __punt_send(sd, net, skb, rec);
}

void punt_skb(struct softnet_data *sd, struct sk_buff *skb, enum dp_punt_reason reason,
	      uint8_t ipproto)
{
	struct dp_punt rec = {.reason = (uint16_t)reason, .ipproto = ipproto};
	enum skb_drop_reason drop = punt_send(sd, skb->dev->net, skb, &rec);

	if (drop)
		kfree_skb_reason(sd, skb, drop);
	else
		consume_skb(skb);
}

static void icmp_punt(struct softnet_data *sd, const struct sk_buff *skb, uint8_t family,
		      uint8_t type, uint8_t code, uint32_t info)
{
	struct dp_punt rec;

	/* in a flood most end here */
	if (punt_policed(sd, DP_PUNT_ICMP_SEND))
		return;
	rec = (struct dp_punt){
	    .reason = DP_PUNT_ICMP_SEND,
	    .family = family,
	    .icmp_type = type,
	    .icmp_code = code,
	    .info = info,
	    .oif = skb->skb_iif ? 0 : skb->dev->ifindex,
	};
	__punt_send(sd, skb->dev->net, skb, &rec);
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

/* --- the control plane ------------------------------------------------------------------------ */

int dp_punt_police(uint32_t reason, uint32_t rate, uint32_t burst)
{
	if (reason >= DP_PUNT_MAX || (rate && !burst))
		return -EINVAL;
	/* no product above overflows 64 bits with these */
	if (rate > 100000000 || burst > 100000000)
		return -ERANGE;
	atomic_store(&punt_rates[reason].fill, rate ? burst * punt_hz / rate : 0);
	atomic_store(&punt_rates[reason].burst, burst);
	atomic_store(&punt_rates[reason].rate, rate);
	return 0;
}

int dp_punt_rate(uint32_t reason, uint32_t *rate, uint32_t *burst)
{
	if (reason >= DP_PUNT_MAX)
		return -EINVAL;
	*rate = atomic_load(&punt_rates[reason].rate);
	*burst = atomic_load(&punt_rates[reason].burst);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static int punt_rings_init(struct softnet_data *sd, uint32_t bytes)
{
	struct punt_rings *p = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*p));

	if (!p)
		return -ENOMEM;
	memset(p, 0, sizeof(*p));
	punt_rings[sd->worker] = p;
	sd->punt = p;
	for (int i = 0; i < DP_PUNT_MAX; i++) {
		uint32_t size = RTE_MAX(bytes / punt_classes[i].share, PUNT_BYTES_LEAST);

		p->bucket[i].tokens = punt_rates[i].burst * punt_hz;
		if (byte_ring_init(&p->ring[i], size))
			return -ENOMEM;
	}
	return 0;
}

int punt_init(uint32_t workers, uint32_t bytes)
{
	int rc = 0;

	if (!bytes)
		bytes = PUNT_BYTES_DEFAULT;
	if (!rte_is_power_of_2(bytes) || bytes < (1u << 18) || bytes > (1u << 30))
		return -EINVAL;
	punt_hz = rte_get_tsc_hz();
	for (uint32_t i = 0; i < DP_PUNT_MAX; i++)
		dp_punt_police(i, punt_classes[i].rate, punt_classes[i].burst);
	punt_eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (punt_eventfd < 0)
		return -errno;
	for (uint32_t i = 0; !rc && i < workers; i++)
		rc = punt_rings_init(softnet_data[i], bytes);
	return rc;
}

void punt_fini(void)
{
	for (int i = 0; i < DP_MAX_WORKERS; i++) {
		for (int j = 0; punt_rings[i] && j < DP_PUNT_MAX; j++)
			byte_ring_fini(&punt_rings[i]->ring[j]);
		free(punt_rings[i]);
		punt_rings[i] = NULL;
	}
	if (punt_eventfd >= 0)
		close(punt_eventfd);
	punt_eventfd = -1;
	punt_armed = false;
}
