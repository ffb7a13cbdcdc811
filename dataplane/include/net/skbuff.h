/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * skbuff.h - the sk_buff: one cache line of metadata in the private area of an mbuf. Head, data,
 * tail and length stay the mbuf's own (skb_mbuf()); data is always at the Ethernet header while a
 * packet is received and forwarded, and the layers find themselves by offsets from the head.
 */
#ifndef SKUA_NET_SKBUFF_H
#define SKUA_NET_SKBUFF_H

#include <stdint.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ipv6.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include <net/dropreason.h>

struct net_device;
struct nexthop;
struct softnet_data;

/* At most this many packets are handed from stage to stage. */
#define SKB_LIST_MAX 64
/* Packets taken from a receive queue in one go (NAPI_POLL_WEIGHT). */
#define NAPI_BURST 64

/* What ip_options_compile() or the IPv6 extension headers said; meaning depends on protocol. */
struct inet_skb_parm {
	uint8_t flags;  /* IPSKB_* */
	uint8_t optlen; /* bytes of options after the IPv4 header */
	uint8_t srr;    /* offsets of options from the network header, 0: not there */
	uint8_t rr;
	uint8_t ts;
	uint8_t router_alert;
	uint8_t opt_flags; /* IPOPT_F_* */
	uint8_t pad;
};
#define IPSKB_DOREDIRECT (1u << 1)
#define IPSKB_LOCAL_OUT  (1u << 2) /* our own packet: from the control plane */

struct inet6_skb_parm {
	uint8_t flags; /* IP6SKB_* */
	uint8_t pad;
	uint16_t ra;    /* router alert value, host order */
	uint16_t nhoff; /* of the next-header byte that names the transport, from network header */
	uint16_t pad2;
};
#define IP6SKB_ROUTERALERT (1u << 1)
#define IP6SKB_LOCAL_OUT   (1u << 2)
#define IP6SKB_JUMBOGRAM   (1u << 3)

struct sk_buff {
	struct net_device *dev;    /* received on; after routing dst->dev is where it goes */
	const struct nexthop *dst; /* valid until the poll ends (RCU) */
	uint64_t _nfct;
	uint64_t tstamp; /* TSC of reception, 0: not taken */
	uint32_t mark;
	uint32_t hash; /* flow hash, 0: not computed */
	uint32_t secpath;
	uint16_t protocol;       /* EtherType, network order */
	uint16_t skb_iif;        /* ifindex received on, 0: our own */
	uint16_t network_header; /* offsets from skb_head() */
	uint16_t transport_header;
	uint8_t pkt_type; /* PACKET_* */
	uint8_t rt_type;  /* RTN_* of the input route */
	uint16_t pad;
	union {
		uint64_t cb;
		struct inet_skb_parm ip;
		struct inet6_skb_parm ip6;
	};
} __rte_cache_aligned;

_Static_assert(sizeof(struct sk_buff) == 64, "sk_buff is one cache line");

static inline struct sk_buff *mbuf_skb(const struct rte_mbuf *m)
{
	return (struct sk_buff *)(uintptr_t)(m + 1);
}

static inline struct rte_mbuf *skb_mbuf(const struct sk_buff *skb)
{
	return (struct rte_mbuf *)(uintptr_t)skb - 1;
}

static inline struct iphdr *ip_hdr(const struct sk_buff *skb)
{
	return (struct iphdr *)((char *)skb_mbuf(skb)->buf_addr + skb->network_header);
}

static inline struct ipv6hdr *ipv6_hdr(const struct sk_buff *skb)
{
	return (struct ipv6hdr *)((char *)skb_mbuf(skb)->buf_addr + skb->network_header);
}

static inline uint8_t *skb_network_header(const struct sk_buff *skb)
{
	return (uint8_t *)skb_mbuf(skb)->buf_addr + skb->network_header;
}

static inline uint8_t *skb_transport_header(const struct sk_buff *skb)
{
	return (uint8_t *)skb_mbuf(skb)->buf_addr + skb->transport_header;
}

/* Bytes between the start of the frame and the network header. */
static inline uint32_t skb_network_offset(const struct sk_buff *skb)
{
	return (uint32_t)skb->network_header - skb_mbuf(skb)->data_off;
}

/* Bytes of the packet from the network header on: skb->len of the kernel in the IP layer. */
static inline uint32_t skb_network_len(const struct sk_buff *skb)
{
	return skb_mbuf(skb)->pkt_len - skb_network_offset(skb);
}

/* The part of skb_network_len() that lies in the first segment and may be read. */
static inline uint32_t skb_network_headlen(const struct sk_buff *skb)
{
	return skb_mbuf(skb)->data_len - skb_network_offset(skb);
}

/* A fresh skb: everything zero but what the caller sets next. */
static inline void skb_init(struct sk_buff *skb)
{
	memset(skb, 0, sizeof(*skb));
}

/*
 * skb_pool.c: n packets with room bytes each, headroom included; cache: packets kept per lcore.
 * NULL: no memory.
 */
struct rte_mempool *skb_pool_create(const char *name, uint32_t n, uint32_t cache, uint16_t room);

/* skbuff.c */

/*
 * Makes len bytes from the network header on readable in the first segment (pskb_may_pull).
 * Returns false when the packet is shorter or the segment has no room.
 */
bool __pskb_pull(struct sk_buff *skb, uint32_t len);

static inline bool pskb_may_pull(struct sk_buff *skb, uint32_t len)
{
	if (likely(skb_network_headlen(skb) >= len))
		return true;
	return __pskb_pull(skb, len);
}

/* Cuts the packet to len bytes from the network header on (pskb_trim). */
void __pskb_trim(struct sk_buff *skb, uint32_t len);

static inline void pskb_trim(struct sk_buff *skb, uint32_t len)
{
	struct rte_mbuf *m = skb_mbuf(skb);
	uint32_t total = len + skb_network_offset(skb);

	if (likely(m->nb_segs == 1)) {
		m->pkt_len = total;
		m->data_len = (uint16_t)total;
	} else {
		__pskb_trim(skb, len);
	}
}

/* A writable copy in one segment, of at most max bytes from the frame's start; NULL: no memory. */
struct sk_buff *skb_copy(const struct sk_buff *skb, struct rte_mempool *pool);

/* Counts a drop. The memory goes back with that of others, by the end of the turn. */
void kfree_skb_reason(struct softnet_data *sd, struct sk_buff *skb, enum skb_drop_reason reason);
void skb_defer_free_flush(struct softnet_data *sd);
/* The packet did its work: not a drop. */
void consume_skb(struct sk_buff *skb);

#endif
