/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neighbour.c - output to a neighbour that is not plainly reachable: the packet waits, the control
 * plane is asked.
 *
 * What a packet meets, by the state in the table, and what the event of dp_neigh_set() does:
 *
 *   state               packet                                    event
 *   none, NONE, FAILED  held, NEIGH_MISS punted (again after 1 s)  FAILED: held packets fail
 *   INCOMPLETE          held                                      -
 *   STALE               sent, NEIGH_USED punted once              held packets leave
 *   other valid         sent                                      held packets leave
 *
 * The hold table is the worker's own. Only the number of its packets is read by others: the writer
 * sends events to workers that hold something. A worker that starts to hold looks the entry up
 * once more behind a full barrier, so that one of the two notices.
 */
#include <errno.h>
#include <stdlib.h>

#include <netinet/ip_icmp.h>

#include <rte_ring_elem.h>

#include <net/ipv6.h>
#include <net/napi.h>
#include <net/neigh_hold.h>
#include <net/net_namespace.h>
#include <net/punt.h>

#define HOLD_GIVE_UP_S 30   /* nobody ever answered */
#define HOLD_SCANS_HZ  10   /* scans of all entries a second */
#define HOLD_SCAN      256  /* entries that one turn looks at */
#define NEIGH_EVENTS   4096 /* that wait for a worker; when more come it scans */

static _Atomic uint32_t neigh_hold_limit = 101;

int dp_neigh_hold_max(uint32_t packets)
{
	if (!packets || packets > HOLD_PACKETS_MAX)
		return -EINVAL;
	atomic_store(&neigh_hold_limit, packets);
	return 0;
}

/* While a packet is held its cb links it to the next. */
static struct sk_buff *hold_next(const struct sk_buff *skb)
{
	return (struct sk_buff *)(uintptr_t)skb->cb;
}

static uint32_t hold_hash(const struct net_device *dev, uint8_t family, const void *key)
{
	uint32_t addr;

	if (family == AF_INET6)
		return neigh_hash6(dev, key);
	memcpy(&addr, key, 4);
	return neigh_hash4(dev, addr);
}

static uint32_t hold_find(const struct neigh_hold_table *t, const struct net_device *dev,
			  uint8_t family, const void *key)
{
	uint32_t i = t->buckets[hold_hash(dev, family, key) & t->mask];

	for (; i; i = t->entries[i].next) {
		const struct neigh_hold *h = &t->entries[i];

		if (h->dev == dev && h->family == family &&
		    !memcmp(h->key, key, family == AF_INET ? 4 : 16))
			break;
	}
	return i;
}

static uint32_t hold_create(struct neigh_hold_table *t, struct net_device *dev, uint8_t family,
			    const void *key)
{
	uint32_t i = t->free, *bucket = &t->buckets[hold_hash(dev, family, key) & t->mask];
	struct neigh_hold *h = &t->entries[i];

	if (!i)
		return 0;
	t->free = h->next;
	memset(h, 0, sizeof(*h));
	h->dev = dev;
	h->family = family;
	memcpy(h->key, key, family == AF_INET ? 4 : 16);
	h->next = *bucket;
	*bucket = i;
	return i;
}

static void hold_destroy(struct neigh_hold_table *t, uint32_t i)
{
	struct neigh_hold *h = &t->entries[i];
	uint32_t *p = &t->buckets[hold_hash(h->dev, h->family, h->key) & t->mask];

	while (*p != i)
		p = &t->entries[*p].next;
	*p = h->next;
	h->dev = NULL;
	h->next = t->free;
	t->free = i;
}

/* Others only read the number. */
static void hold_count(struct neigh_hold_table *t, int by)
{
	uint32_t n = atomic_load_explicit(&t->packets, memory_order_relaxed);

	atomic_store_explicit(&t->packets, n + (uint32_t)by, memory_order_relaxed);
}

static struct sk_buff *hold_pop(struct neigh_hold_table *t, struct neigh_hold *h)
{
	struct sk_buff *skb = h->head;

	h->head = hold_next(skb);
	h->n--;
	hold_count(t, -1);
	skb->cb = 0;
	return skb;
}

static void hold_push(struct neigh_hold_table *t, struct neigh_hold *h, struct sk_buff *skb)
{
	skb->cb = 0;
	skb->dst = NULL; /* not ours beyond this turn */
	if (h->head)
		h->tail->cb = (uintptr_t)skb;
	else
		h->head = skb;
	h->tail = skb;
	h->n++;
	hold_count(t, 1);
}

static struct neighbour *neigh_lookup(const struct net_device *dev, uint8_t family, const void *key)
{
	const struct net *net = dev_net(dev);
	uint32_t addr;

	if (family == AF_INET6)
		return neigh_lookup6(net->nd_tbl, dev, key);
	memcpy(&addr, key, 4);
	return neigh_lookup4(net->arp_tbl, dev, addr);
}

static void neigh_xmit(struct softnet_data *sd, struct sk_buff *skb, struct net_device *dev,
		       uint64_t ha)
{
	neigh_hh_output(skb, ha, skb->protocol == htons(ETH_P_IPV6) ? dev->hdr6 : dev->hdr4);
	dev_queue_xmit(sd, dev, skb);
}

void neigh_event_used(struct softnet_data *sd, struct neighbour *n)
{
	struct dp_punt rec = {
	    .reason = DP_PUNT_NEIGH_USED,
	    .oif = n->dev->ifindex,
	    .family = n->family,
	};

	if (atomic_exchange(&n->stale_told, 1))
		return;
	memcpy(rec.addr, n->primary_key, 16);
	if (punt_send(sd, n->dev->net, NULL, &rec))
		atomic_store(&n->stale_told, 0);
}

/* A valid neighbour: out, and the control plane hears of the first use of a stale one. */
static void neigh_resolved(struct softnet_data *sd, struct sk_buff *skb, struct net_device *dev,
			   struct neighbour *n, uint64_t ha)
{
	neigh_mark_used(n);
	if (neigh_nud(ha) & NUD_STALE)
		neigh_event_used(sd, n);
	neigh_xmit(sd, skb, dev, ha);
}

static void hold_leave(struct softnet_data *sd, uint32_t i, struct neighbour *n, uint64_t ha)
{
	struct neigh_hold *h = &sd->hold->entries[i];

	while (h->n)
		neigh_resolved(sd, hold_pop(sd->hold, h), h->dev, n, ha);
	hold_destroy(sd->hold, i);
}

/* arp_error_report: the senders are told that the host cannot be reached. */
static void hold_fail(struct softnet_data *sd, uint32_t i, bool tell, enum skb_drop_reason reason)
{
	struct neigh_hold *h = &sd->hold->entries[i];

	while (h->n) {
		struct sk_buff *skb = hold_pop(sd->hold, h);

		if (tell && skb->protocol == htons(ETH_P_IPV6))
			icmpv6_send(sd, skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
		else if (tell)
			icmp_send(sd, skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
		kfree_skb_reason(sd, skb, reason);
	}
	hold_destroy(sd->hold, i);
}

static void neigh_ask(struct softnet_data *sd, struct neigh_hold *h, const struct sk_buff *skb)
{
	struct dp_punt rec = {
	    .reason = DP_PUNT_NEIGH_MISS,
	    .oif = h->dev->ifindex,
	    .family = h->family,
	};

	memcpy(rec.addr, h->key, 16);
	if (!punt_send(sd, h->dev->net, skb, &rec))
		h->asked = sd->now;
}

/* No valid neighbour: the packet waits, at most so many of them, the oldest give way. */
static void neigh_hold(struct softnet_data *sd, struct sk_buff *skb, struct net_device *dev,
		       uint8_t family, const void *key)
{
	struct neigh_hold_table *t = sd->hold;
	uint32_t i = hold_find(t, dev, family, key);
	struct neighbour *n;
	struct neigh_hold *h;
	uint64_t ha;

	if (!i)
		i = hold_create(t, dev, family, key);
	if (!i) {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_NEIGH_CREATEFAIL);
		return;
	}
	h = &t->entries[i];
	while (h->n && h->n >= atomic_load_explicit(&neigh_hold_limit, memory_order_relaxed)) {
		sd->stats.neigh_discards[family == AF_INET6]++;
		kfree_skb_reason(sd, hold_pop(t, h), SKB_DROP_REASON_NEIGH_QUEUEFULL);
	}
	if (atomic_load_explicit(&t->packets, memory_order_relaxed) >= t->max) {
		sd->stats.neigh_discards[family == AF_INET6]++;
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_NEIGH_QUEUEFULL);
		if (!h->n)
			hold_destroy(t, i);
		return;
	}
	hold_push(t, h, skb);
	h->last = sd->now;

	/* pairs with neigh_tell(): the entry may have become valid before we held anything */
	atomic_thread_fence(memory_order_seq_cst);
	n = neigh_lookup(dev, family, key);
	ha = n ? atomic_load_explicit(&n->ha, memory_order_acquire) : 0;
	if (neigh_nud(ha) & NUD_VALID)
		hold_leave(sd, i, n, ha);
	else if (!(neigh_nud(ha) & NUD_INCOMPLETE) &&
		 (!h->asked || sd->now - h->asked > rte_get_tsc_hz()))
		neigh_ask(sd, h, skb);
}

/* Link addresses that follow from the address itself (arp_mc_map, ndisc_mc_map). */
static bool neigh_mapped(const struct sk_buff *skb, const struct net_device *dev, uint8_t family,
			 const void *key, uint64_t *ha)
{
	uint8_t mac[8] = {0};
	const uint8_t *p = key;

	if (family == AF_INET6 && p[0] == 0xff) {
		mac[0] = mac[1] = 0x33; /* RFC 2464 7 */
		memcpy(mac + 2, p + 12, 4);
	} else if (family == AF_INET && (p[0] & 0xf0) == 0xe0) {
		mac[0] = 0x01; /* RFC 1112 6.4 */
		mac[2] = 0x5e;
		mac[3] = p[1] & 0x7f;
		mac[4] = p[2];
		mac[5] = p[3];
	} else if (family == AF_INET && skb->rt_type == RTN_BROADCAST) {
		memset(mac, 0xff, 6);
	} else if (dev->flags & IFF_NOARP) {
		*ha = dev->dev_addr;
		return true;
	} else {
		return false;
	}
	memcpy(ha, mac, 8);
	return true;
}

void neigh_output_slow(struct softnet_data *sd, struct sk_buff *skb, struct net_device *dev,
		       uint8_t family, const void *key)
{
	uint8_t addr[16] = {0};
	struct neighbour *n;
	uint64_t ha;

	if (dev->type == DP_LINK_LOOPBACK) {
		neigh_xmit(sd, skb, dev, 0);
		return;
	}
	if (!netif_running(dev)) {
		dev_queue_xmit(sd, dev, skb);
		return;
	}
	/* key may point into the packet */
	memcpy(addr, key, family == AF_INET ? 4 : 16);
	if (neigh_mapped(skb, dev, family, addr, &ha)) {
		neigh_xmit(sd, skb, dev, ha);
		return;
	}
	n = neigh_lookup(dev, family, addr);
	ha = n ? atomic_load_explicit(&n->ha, memory_order_acquire) : 0;
	if (neigh_nud(ha) & NUD_VALID)
		neigh_resolved(sd, skb, dev, n, ha);
	else
		neigh_hold(sd, skb, dev, family, addr);
}

/* --- events ----------------------------------------------------------------------------------- */

static void neigh_event(struct softnet_data *sd, const struct dp_neigh *ev)
{
	struct net *net = ev->net < DP_MAX_NETS ? net_table[ev->net] : NULL;
	struct net_device *dev = net ? net->devs[ev->ifindex] : NULL;
	struct neighbour *n;
	uint64_t ha;
	uint32_t i;

	if (!dev) {
		/* its net is gone already, and its devices are down */
		atomic_store_explicit(&sd->hold->rescan, true, memory_order_relaxed);
		return;
	}
	if (!ev->family) {
		neigh_hold_flush_dev(sd, dev);
		return;
	}
	i = hold_find(sd->hold, dev, ev->family, ev->addr);
	if (!i)
		return;
	if (ev->nud & NUD_FAILED) {
		hold_fail(sd, i, true, SKB_DROP_REASON_NEIGH_FAILED);
		return;
	}
	if (!ev->nud) {
		hold_fail(sd, i, false, SKB_DROP_REASON_QUEUE_PURGE);
		return;
	}
	n = neigh_lookup(dev, ev->family, ev->addr);
	ha = n ? atomic_load_explicit(&n->ha, memory_order_acquire) : 0;
	if (neigh_nud(ha) & NUD_VALID)
		hold_leave(sd, i, n, ha);
}

void neigh_hold_flush_dev(struct softnet_data *sd, const struct net_device *dev)
{
	struct neigh_hold_table *t = sd->hold;

	for (uint32_t i = 1; i <= t->mask && atomic_load(&t->packets); i++)
		if (t->entries[i].dev == dev)
			hold_fail(sd, i, false, SKB_DROP_REASON_QUEUE_PURGE);
}

static void hold_scan_one(struct softnet_data *sd, uint32_t i)
{
	struct neigh_hold *h = &sd->hold->entries[i];
	struct neighbour *n;
	uint64_t ha;

	if (!netif_running(h->dev)) {
		hold_fail(sd, i, false, SKB_DROP_REASON_QUEUE_PURGE);
		return;
	}
	n = neigh_lookup(h->dev, h->family, h->key);
	ha = n ? atomic_load_explicit(&n->ha, memory_order_acquire) : 0;
	if (neigh_nud(ha) & NUD_VALID)
		hold_leave(sd, i, n, ha);
	else if (sd->now - h->last > HOLD_GIVE_UP_S * rte_get_tsc_hz() ||
		 (neigh_nud(ha) & NUD_FAILED && sd->now - h->asked > rte_get_tsc_hz()))
		hold_fail(sd, i, true, SKB_DROP_REASON_NEIGH_FAILED);
	else if (!h->asked && !(neigh_nud(ha) & NUD_INCOMPLETE))
		neigh_ask(sd, h, h->head); /* policed when it came */
}

/*
 * Looks at every entry, some each turn: events were lost, questions were policed away, or it is
 * time to give some up.
 */
static void hold_scan(struct softnet_data *sd)
{
	struct neigh_hold_table *t = sd->hold;
	uint32_t end = RTE_MIN(t->scan + HOLD_SCAN, t->mask + 1);

	for (; t->scan < end; t->scan++)
		if (t->entries[t->scan].dev)
			hold_scan_one(sd, t->scan);
	if (t->scan > t->mask)
		t->scan = 0;
}

static __rte_noinline void neigh_hold_work(struct softnet_data *sd)
{
	struct neigh_hold_table *t = sd->hold;
	struct dp_neigh ev;

	while (!rte_ring_sc_dequeue_elem(sd->neigh_events, &ev, sizeof(ev)))
		neigh_event(sd, &ev);
	if (atomic_exchange_explicit(&t->rescan, false, memory_order_acquire) ||
	    sd->now - t->scanned > rte_get_tsc_hz() / HOLD_SCANS_HZ) {
		t->scanned = sd->now;
		t->scan = 1;
	}
	if (t->scan)
		hold_scan(sd);
}

void neigh_hold_poll(struct softnet_data *sd)
{
	if (unlikely(atomic_load_explicit(&sd->hold->packets, memory_order_relaxed)))
		neigh_hold_work(sd);
}

int neigh_hold_init(struct softnet_data *sd, uint32_t packets)
{
	struct neigh_hold_table *t = calloc(1, sizeof(*t));
	char name[RTE_RING_NAMESIZE];

	if (!t)
		return -ENOMEM;
	sd->hold = t;
	t->max = RTE_MIN(RTE_MAX(packets, 64u), HOLD_PACKETS_MAX);
	t->mask = rte_align32pow2(t->max + 1) - 1;
	t->buckets = calloc(t->mask + 1, sizeof(*t->buckets));
	t->entries = calloc(t->mask + 1, sizeof(*t->entries));
	if (!t->buckets || !t->entries)
		return -ENOMEM;
	for (uint32_t i = t->mask; i; i--) {
		t->entries[i].next = t->free;
		t->free = i;
	}
	snprintf(name, sizeof(name), "skua_neigh%u", sd->worker);
	sd->neigh_events = rte_ring_create_elem(name, sizeof(struct dp_neigh), NEIGH_EVENTS,
						SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return sd->neigh_events ? 0 : -ENOMEM;
}

void neigh_hold_fini(struct softnet_data *sd)
{
	struct neigh_hold_table *t = sd->hold;

	if (t) {
		for (uint32_t i = 1; t->entries && i <= t->mask; i++)
			if (t->entries[i].dev)
				hold_fail(sd, i, false, SKB_DROP_REASON_QUEUE_PURGE);
		free(t->buckets);
		free(t->entries);
	}
	free(t);
	sd->hold = NULL;
	rte_ring_free(sd->neigh_events);
	sd->neigh_events = NULL;
}

/* The writer's end: every worker that holds packets hears of ev. */
void neigh_tell(const struct dp_neigh *ev)
{
	atomic_thread_fence(memory_order_seq_cst);
	for (int i = 0; i < DP_MAX_WORKERS; i++) {
		struct softnet_data *sd = softnet_data[i];

		if (!sd || !atomic_load_explicit(&sd->hold->packets, memory_order_relaxed))
			continue;
		if (rte_ring_sp_enqueue_elem(sd->neigh_events, (void *)(uintptr_t)ev, sizeof(*ev)))
			atomic_store_explicit(&sd->hold->rescan, true, memory_order_release);
		softnet_wake((uint32_t)i);
	}
}
