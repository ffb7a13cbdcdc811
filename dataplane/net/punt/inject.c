/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inject.c - packets of the control plane on their way down. A byte ring per worker: the control
 * plane writes, under a lock of its own threads; the worker reads, and makes packets of its own
 * pool. So no packet buffer is shared between the two, and none is lost to a thread that is
 * preempted. Which worker a packet goes to follows from its flow: the packets of a flow keep their
 * order, and many flows use all workers.
 */
#include <errno.h>
#include <pthread.h>

#include <lib/byte_ring.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/napi.h>
#include <net/netdevice.h>
#include <net/punt.h>
#include <net/twin.h>

/* Bytes per worker that wait; above that injecting answers -ENOBUFS. More than one 64 KiB packet.
 */
#define INJECT_BYTES (512u << 10)

struct inject_ring {
	struct byte_ring ring;
	_Atomic uint64_t full; /* packets that found no room */
};

static struct inject_ring *inject_rings[DP_MAX_WORKERS];
/* A ring has one writer. The lock is in a line of its own: workers read what lies around it. */
static struct inject_lock {
	pthread_mutex_t mutex;
} __rte_cache_aligned inject_lock = {PTHREAD_MUTEX_INITIALIZER};
static uint32_t inject_workers;
static uint32_t inject_room; /* bytes of a frame that a packet buffer holds */

/* --- the control plane ------------------------------------------------------------------------ */

static uint64_t inject_mix(uint64_t h, const uint8_t *p, uint32_t len)
{
	for (; len >= 4; p += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, p, 4);
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
	}
	return h ^ h >> 29;
}

/* Whether the data is an IP packet without a link header. */
static bool inject_bare(const struct dp_inject *inj)
{
	return inj->kind == DP_INJECT_IP || inj->kind == DP_INJECT_TWIN;
}

/*
 * The worker of a packet: by the addresses of an IP packet, so that fragments stay with the rest of
 * their flow; by the link of anything else.
 */
static uint32_t inject_worker(const struct dp_inject *inj, const uint8_t *data)
{
	uint64_t h = inj->oif * 0xbf58476d1ce4e5b9ULL;
	uint32_t len = inj->len;

	if (inject_workers == 1)
		return 0;
	if (!inject_bare(inj)) {
		if (memcmp(data + 12, (uint8_t[2]){0x08, 0x00}, 2) &&
		    memcmp(data + 12, (uint8_t[2]){0x86, 0xdd}, 2))
			goto out;
		data += ETH_HLEN;
		len -= ETH_HLEN;
	}
	if (len >= sizeof(struct iphdr) && data[0] >> 4 == 4)
		h = inject_mix(h, data + 12, 8);
	else if (len >= sizeof(struct ipv6hdr) && data[0] >> 4 == 6)
		h = inject_mix(h, data + 8, 32);
out:
	return (uint32_t)(((h >> 32) * inject_workers) >> 32);
}

static int inject_check(const struct dp_inject *inj)
{
	struct net *net = inj->net < DP_MAX_NETS ? net_table[inj->net] : NULL;
	uint32_t l2 = inject_bare(inj) ? ETH_HLEN : 0;
	const struct net_device *dev;

	if (!net || !inject_workers)
		return -ENODEV;
	dev = inj->oif < DP_MAX_LINKS ? net->devs[inj->oif] : NULL;
	if (!dev || !dev->present)
		return -ENODEV;
	if (inj->kind > DP_INJECT_TWIN || inj->len < (l2 ? sizeof(struct iphdr) : ETH_HLEN))
		return -EINVAL;
	return inj->len > inject_room - l2 ? -EMSGSIZE : 0;
}

/* Writes one record behind heads[worker]; what is published is the caller's to say. */
static int inject_put(const struct dp_inject *inj, const uint8_t *data, uint64_t *heads)
{
	int rc = inject_check(inj);
	struct inject_ring *ir;
	uint64_t *head;
	uint32_t w;

	if (rc)
		return rc;
	w = inject_worker(inj, data);
	ir = inject_rings[w];
	head = &heads[w];
	if (!byte_ring_room(&ir->ring, *head, sizeof(*inj) + inj->len + BYTE_RING_ALIGN)) {
		atomic_fetch_add_explicit(&ir->full, 1, memory_order_relaxed);
		return -ENOBUFS;
	}
	byte_ring_put(&ir->ring, *head, inj, sizeof(*inj));
	byte_ring_put(&ir->ring, *head + sizeof(*inj), data, inj->len);
	*head = RTE_ALIGN_CEIL(*head + sizeof(*inj) + inj->len, BYTE_RING_ALIGN);
	return 0;
}

static void inject_begin(uint64_t *heads)
{
	pthread_mutex_lock(&inject_lock.mutex);
	for (uint32_t w = 0; w < inject_workers; w++)
		heads[w] = byte_ring_head(&inject_rings[w]->ring);
}

static void inject_end(const uint64_t *heads)
{
	for (uint32_t w = 0; w < inject_workers; w++)
		if (heads[w] != byte_ring_head(&inject_rings[w]->ring)) {
			byte_ring_publish(&inject_rings[w]->ring, heads[w]);
			softnet_wake(w);
		}
	pthread_mutex_unlock(&inject_lock.mutex);
}

int dp_inject(const struct dp_inject *inj, const void *data)
{
	uint64_t heads[DP_MAX_WORKERS];
	int rc;

	inject_begin(heads);
	rc = inject_put(inj, data, heads);
	inject_end(heads);
	return rc;
}

int dp_inject_burst(const void *records, uint32_t bytes)
{
	const uint8_t *p = records, *end = p + bytes;
	uint64_t heads[DP_MAX_WORKERS];
	int first = 0;

	inject_begin(heads);
	while ((size_t)(end - p) >= sizeof(struct dp_inject)) {
		struct dp_inject inj;
		int rc = -EINVAL;

		memcpy(&inj, p, sizeof(inj));
		p += sizeof(inj);
		if (inj.len <= (size_t)(end - p))
			rc = inject_put(&inj, p, heads);
		if (rc && !first)
			first = rc;
		p += RTE_MIN(RTE_ALIGN_CEIL((size_t)inj.len, BYTE_RING_ALIGN), (size_t)(end - p));
	}
	inject_end(heads);
	return first;
}

uint64_t inject_full(uint32_t worker)
{
	return atomic_load_explicit(&inject_rings[worker]->full, memory_order_relaxed);
}

/* --- the worker ------------------------------------------------------------------------------- */

static void inject_ip(struct softnet_data *sd, struct sk_buff *skb, const struct dp_inject *inj)
{
	uint8_t version = skb_network_header(skb)[0] >> 4;

	if (version == 4) {
		skb->protocol = htons(ETH_P_IP);
		skb->ip.flags = IPSKB_LOCAL_OUT;
		ip_local_out(sd, skb->dev, skb, inj->family, inj->addr);
	} else if (version == 6 && skb_network_len(skb) >= sizeof(struct ipv6hdr)) {
		struct in6_addr key;

		memcpy(&key, inj->addr, 16);
		skb->protocol = htons(ETH_P_IPV6);
		skb->ip6.flags = IP6SKB_LOCAL_OUT;
		ip6_local_out(sd, skb->dev, skb, &key);
	} else {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
	}
}

/* A packet of the record inj, whose data begins at at; NULL: its link is gone, or no memory. */
static struct rte_mbuf *inject_mbuf(struct softnet_data *sd, const struct byte_ring *r, uint64_t at,
				    const struct dp_inject *inj)
{
	struct net *net = net_table[inj->net];
	uint32_t l2 = inject_bare(inj) ? ETH_HLEN : 0;
	struct rte_mbuf *m;
	struct sk_buff *skb;

	if (!net || !net->devs[inj->oif]) {
		sd->drops[SKB_DROP_REASON_DEV_READY]++;
		return NULL;
	}
	m = rte_pktmbuf_alloc(skb_pool);
	if (!m) {
		sd->drops[SKB_DROP_REASON_NOMEM]++;
		return NULL;
	}
	memset(rte_pktmbuf_mtod(m, char *), 0, l2);
	byte_ring_get(r, at, rte_pktmbuf_mtod_offset(m, char *, l2), inj->len);
	m->data_len = (uint16_t)(inj->len + l2);
	m->pkt_len = m->data_len;
	skb = mbuf_skb(m);
	skb_init(skb);
	skb->dev = net->devs[inj->oif];
	skb->network_header = (uint16_t)(m->data_off + ETH_HLEN);
	return m;
}

static void inject_one(struct softnet_data *sd, struct rte_mbuf *m, const struct dp_inject *inj)
{
	struct sk_buff *skb = mbuf_skb(m);

	switch (inj->kind) {
	case DP_INJECT_XMIT:
		dev_queue_xmit(sd, skb->dev, skb);
		break;
	case DP_INJECT_IP:
		inject_ip(sd, skb, inj);
		break;
	case DP_INJECT_RX:
		netif_receive_skb_list(sd, skb->dev, &m, 1);
		break;
	case DP_INJECT_TWIN:
		skb->protocol = htons(skb_network_header(skb)[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
		if (dev_has_twin(skb->dev))
			twin_rcv(sd, skb, TWIN_BULK);
		else
			kfree_skb_reason(sd, skb, SKB_DROP_REASON_TWIN_GONE);
		break;
	}
}

unsigned int inject_rx(struct softnet_data *sd)
{
	struct byte_ring *r = &sd->inject->ring;
	uint64_t at = byte_ring_tail(r), end = byte_ring_end(r);
	unsigned int n = 0;

	if (likely(at == end))
		return 0;
	for (; at != end && n < NAPI_BURST; n++) {
		struct dp_inject inj;
		struct rte_mbuf *m;

		byte_ring_get(r, at, &inj, sizeof(inj));
		m = inject_mbuf(sd, r, at + sizeof(inj), &inj);
		if (m)
			inject_one(sd, m, &inj);
		at = RTE_ALIGN_CEIL(at + sizeof(inj) + inj.len, BYTE_RING_ALIGN);
	}
	byte_ring_release(r, at);
	sd->stats.injected += n;
	stage_end(sd, STAGE_INJECT, n);
	return n;
}

bool inject_waits(const struct softnet_data *sd)
{
	const struct byte_ring *r = &sd->inject->ring;

	return byte_ring_tail(r) != byte_ring_end(r);
}

/* --- life ------------------------------------------------------------------------------------- */

int inject_init(uint32_t workers, uint32_t mbuf_data)
{
	inject_room = mbuf_data;
	for (uint32_t i = 0; i < workers; i++) {
		struct inject_ring *ir = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*ir));

		if (!ir)
			return -ENOMEM;
		memset(ir, 0, sizeof(*ir));
		inject_rings[i] = ir;
		softnet_data[i]->inject = ir;
		if (byte_ring_init(&ir->ring, INJECT_BYTES))
			return -ENOMEM;
	}
	inject_workers = workers;
	return 0;
}

void inject_fini(void)
{
	inject_workers = 0;
	for (int i = 0; i < DP_MAX_WORKERS; i++) {
		if (inject_rings[i])
			byte_ring_fini(&inject_rings[i]->ring);
		free(inject_rings[i]);
		inject_rings[i] = NULL;
	}
}
