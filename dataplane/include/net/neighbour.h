/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neighbour.h - what the data plane knows of neighbours: the link address, whether it may be used,
 * and the packets that wait for one.
 *
 * States and timers are the control plane's. It writes an entry through dp_neigh_set(); the link
 * address and the state are one 64-bit word, so that workers read both or neither. Packets without
 * a valid neighbour wait in a table of the worker that met them; dp_neigh_set() sends each worker
 * an event that releases or fails them. An entry that a nexthop names stays (state NUD_NONE) until
 * the nexthop goes.
 */
#ifndef SKUA_NET_NEIGHBOUR_H
#define SKUA_NET_NEIGHBOUR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <linux/neighbour.h>
#include <sys/socket.h>

#include <net/dst.h>
#include <net/netdevice.h>

#define NUD_CONNECTED (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE)
#define NUD_VALID     (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

/* The word: link address below, NUD_* in bits 48..63. */
#define NEIGH_NUD_SHIFT 48

struct neighbour {
	_Atomic uint64_t ha;
	struct neighbour *next; /* in the hash chain, RCU */
	struct net_device *dev;
	uint8_t primary_key[16];
	uint32_t refcnt; /* nexthops that name it; the writer's */
	uint8_t family;
	_Atomic uint8_t used;       /* by a packet since dp_neigh_used() */
	_Atomic uint8_t stale_told; /* NEIGH_USED was punted in this state */
	uint8_t set;                /* by dp_neigh_set(): shown in dumps */
} __rte_cache_aligned;

_Static_assert(sizeof(struct neighbour) == 64, "neighbour is one cache line");

struct neigh_table {
	uint32_t mask;
	uint32_t entries, max; /* the writer's */
	struct neighbour *buckets[];
};

static inline uint16_t neigh_nud(uint64_t ha)
{
	return (uint16_t)(ha >> NEIGH_NUD_SHIFT);
}

static inline uint32_t neigh_hash4(const struct net_device *dev, uint32_t addr)
{
	uint64_t h = (addr ^ ((uint64_t)dev->ifindex << 32)) * 0x9e3779b97f4a7c15ULL;

	return (uint32_t)(h >> 32) ^ (uint32_t)(h >> 44);
}

static inline uint32_t neigh_hash6(const struct net_device *dev, const void *addr)
{
	uint64_t a, b;

	memcpy(&a, addr, 8);
	memcpy(&b, (const char *)addr + 8, 8);
	a = (a ^ dev->ifindex) * 0x9e3779b97f4a7c15ULL;
	b = (b + (a >> 29)) * 0xbf58476d1ce4e5b9ULL;
	return (uint32_t)(b >> 32) ^ (uint32_t)(b >> 44);
}

static inline struct neighbour *neigh_lookup4(const struct neigh_table *tbl,
					      const struct net_device *dev, uint32_t addr)
{
	struct neighbour *n =
	    __atomic_load_n(&tbl->buckets[neigh_hash4(dev, addr) & tbl->mask], __ATOMIC_ACQUIRE);

	for (; n; n = __atomic_load_n(&n->next, __ATOMIC_ACQUIRE)) {
		uint32_t key;

		memcpy(&key, n->primary_key, 4);
		if (key == addr && n->dev == dev)
			break;
	}
	return n;
}

static inline struct neighbour *neigh_lookup6(const struct neigh_table *tbl,
					      const struct net_device *dev, const void *addr)
{
	struct neighbour *n =
	    __atomic_load_n(&tbl->buckets[neigh_hash6(dev, addr) & tbl->mask], __ATOMIC_ACQUIRE);

	for (; n; n = __atomic_load_n(&n->next, __ATOMIC_ACQUIRE))
		if (!memcmp(n->primary_key, addr, 16) && n->dev == dev)
			break;
	return n;
}

/*
 * Writes the link header before the network header. hdr: net_device.hdr4 or .hdr6. The second store
 * overwrites the state bits that came with the link address.
 */
static inline void eth_header_put(void *network_header, uint64_t ha, uint64_t hdr)
{
	char *p = (char *)network_header - ETH_HLEN;

	memcpy(p, &ha, 8);
	memcpy(p + 6, &hdr, 8);
}

/* The same for a packet of which the data may begin elsewhere: it begins at the link header then.
 */
static inline void neigh_hh_output(struct sk_buff *skb, uint64_t ha, uint64_t hdr)
{
	struct rte_mbuf *m = skb_mbuf(skb);
	uint32_t l2 = (uint32_t)skb->network_header - ETH_HLEN;

	eth_header_put((char *)m->buf_addr + skb->network_header, ha, hdr);
	if (unlikely(m->data_off != l2)) {
		uint16_t grow = (uint16_t)(m->data_off - l2);

		m->data_off = (uint16_t)l2;
		m->data_len = (uint16_t)(m->data_len + grow);
		m->pkt_len += (uint32_t)(int32_t)(int16_t)grow;
	}
}

/* neighbour.c */

/* Finds the neighbour key on dev and sends, holds or drops the packet. Consumes it. */
void neigh_output_slow(struct softnet_data *sd, struct sk_buff *skb, struct net_device *dev,
		       uint8_t family, const void *key);
/* A valid neighbour in a state that wants the control plane to know of its use. */
void neigh_event_used(struct softnet_data *sd, struct neighbour *n);
/* Applies what dp_neigh_set() told, and gives up on what waited too long. Once per turn. */
void neigh_hold_poll(struct softnet_data *sd);
/* packets: at most so many are held. */
int neigh_hold_init(struct softnet_data *sd, uint32_t packets);
void neigh_hold_fini(struct softnet_data *sd);
void neigh_hold_flush_dev(struct softnet_data *sd, const struct net_device *dev);

/* dp_neigh.c: the writer's side */
struct neighbour *neigh_create(struct net *net, struct net_device *dev, uint8_t family,
			       const void *key);
void neigh_release(struct net *net, struct neighbour *n);

static inline void neigh_mark_used(const struct neighbour *n)
{
	if (unlikely(!atomic_load_explicit(&n->used, memory_order_relaxed)))
		atomic_store_explicit(&((struct neighbour *)(uintptr_t)n)->used, 1,
				      memory_order_relaxed);
}

#endif
