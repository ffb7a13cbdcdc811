/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip_burst.h - a burst of IPv4 packets on the straight way, the words of their headers in columns.
 *
 * What is asked of every packet is asked of a column, by loops that a compiler turns into vector
 * code, and the answer for the whole burst is one branch. A packet for which the answer is not the
 * common one has odd set, and is taken one by one through the function that asks the kernel's
 * questions in the kernel's order. After anything that may have changed packets or list, a stage
 * loads the columns anew.
 */
#ifndef SKUA_NET_IP_BURST_H
#define SKUA_NET_IP_BURST_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/ip.h>

#include <net/dst.h>
#include <net/net_namespace.h>
#include <net/skbuff.h>

struct ip_burst {
	unsigned int n;
	uint32_t ecn[4]; /* packets of the straight way by ECN field, of ip_burst_check() */
	uint64_t octets; /* their bytes */
	bool on_link;    /* of ip_forward(): a destination is its own neighbour */
	struct sk_buff *skb[SKB_LIST_MAX];
	struct iphdr *hdr[SKB_LIST_MAX];
	const struct nexthop *nh[SKB_LIST_MAX];        /* from ip_route_input_list() on: skb->dst */
	uint64_t w0[SKB_LIST_MAX] __rte_cache_aligned; /* bytes 0 … 7 of the header */
	uint64_t w1[SKB_LIST_MAX] __rte_cache_aligned; /* 8 … 15: TTL, protocol, checksum, source */
	uint32_t daddr[SKB_LIST_MAX] __rte_cache_aligned;
	uint32_t dst[SKB_LIST_MAX] __rte_cache_aligned; /* the same in host order */
	uint32_t len[SKB_LIST_MAX] __rte_cache_aligned; /* skb_network_len() */
	uint32_t odd[SKB_LIST_MAX] __rte_cache_aligned; /* not 0: not for the straight way */
};

/* Packet from takes place to in the columns that ip_forward() and later stages read. */
static inline void ip_burst_move(struct ip_burst *b, unsigned int to, unsigned int from)
{
	b->skb[to] = b->skb[from];
	b->hdr[to] = b->hdr[from];
	b->nh[to] = b->nh[from];
	b->w1[to] = b->w1[from];
	b->daddr[to] = b->daddr[from];
	b->len[to] = b->len[from];
	b->odd[to] = b->odd[from];
}

#define IP_BURST_ODD    1 /* something is odd about a packet */
#define IP_BURST_PADDED 2 /* the link padded one: len is less than what the packet has */

/* Fills the columns from a list of at most SKB_LIST_MAX packets, all but nh. */
void ip_burst_load(struct ip_burst *b, struct sk_buff **list, unsigned int n);
/*
 * Fills all columns anew, for the first n packets of the list that b has. Those that have a route
 * are odd when it is, when they have options or want a redirect, or are too big for it.
 */
void ip_burst_reload(struct ip_burst *b, unsigned int n);

/*
 * Whether anything is odd about a header (ip_rcv_core): version, options, checksum, lengths, a
 * frame for others. Fills odd, ecn, octets; makes len that of the header. Returns IP_BURST_*.
 */
unsigned int ip_burst_check(struct ip_burst *b);

/*
 * Whether a packet is not a plain one to be routed: martians (ipv4_is_plain() on both sides),
 * options. Fills dst, adds to odd.
 */
bool ip_burst_addrs(struct ip_burst *b);

/* One hop less, with its checksum, in w1 (ip_decrease_ttl). True: some TTL was at its end. */
bool ip_burst_decrease_ttl(struct ip_burst *b);

/* The hooks of a point (NF_HOOK_LIST). What hooks have seen, they may have changed. */
static inline void ip_burst_hook(struct softnet_data *sd, struct net *net, uint8_t hook,
				 struct ip_burst *b, struct net_device *in)
{
	if (unlikely(__atomic_load_n(&net->nf.hooks_ipv4[hook], __ATOMIC_RELAXED)))
		ip_burst_reload(b, nf_hook_list(sd, net, NFPROTO_IPV4, hook, b->skb, b->n, in));
}

/* Chooses the forms that this CPU runs best. */
void ip_burst_init(void);

#endif
