/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_burst.h - ip_burst.h for IPv6: a burst on the straight way, in columns. */
#ifndef SKUA_NET_IP6_BURST_H
#define SKUA_NET_IP6_BURST_H

#include <net/dst.h>
#include <net/net_namespace.h>
#include <net/skbuff.h>

struct ip6_burst {
	unsigned int n;
	uint32_t ecn[4]; /* packets of the straight way by ECN field, of ip6_burst_check() */
	uint64_t octets; /* their bytes */
	struct sk_buff *skb[SKB_LIST_MAX];
	struct ipv6hdr *hdr[SKB_LIST_MAX];
	const struct nexthop *nh[SKB_LIST_MAX]; /* from ip6_route_input_list() on: skb->dst */
	uint64_t w0[SKB_LIST_MAX] __rte_cache_aligned; /* bytes 0 … 7 of the header */
	struct in6_addr daddr[SKB_LIST_MAX] __rte_cache_aligned;
	uint32_t first[SKB_LIST_MAX] __rte_cache_aligned; /* first bytes: source, destination */
	uint32_t len[SKB_LIST_MAX] __rte_cache_aligned;   /* skb_network_len() */
	uint32_t odd[SKB_LIST_MAX] __rte_cache_aligned;   /* not 0: not for the straight way */
};

#define IP6_BURST_ODD    1 /* something is odd about a packet */
#define IP6_BURST_PADDED 2 /* the link padded one: len is less than what the packet has */

/* Fills the columns from a list of at most SKB_LIST_MAX packets, all but nh. */
void ip6_burst_load(struct ip6_burst *b, struct sk_buff **list, unsigned int n);
/* Fills all columns anew, for the first n packets of the list that b has. */
void ip6_burst_reload(struct ip6_burst *b, unsigned int n);

/*
 * Whether anything is odd about a header (ip6_rcv_core): version, addresses that are not plain
 * (ipv6_addr_plain()), hop-by-hop options, lengths, a frame that is not for us alone. Fills odd,
 * ecn, octets; makes len that of the header. Returns IP6_BURST_*.
 */
unsigned int ip6_burst_check(struct ip6_burst *b);

/* The hooks of a point (NF_HOOK_LIST). What hooks have seen, they may have changed. */
static inline void ip6_burst_hook(struct softnet_data *sd, struct net *net, uint8_t hook,
				  struct ip6_burst *b, struct net_device *in)
{
	if (unlikely(__atomic_load_n(&net->nf.hooks_ipv6[hook], __ATOMIC_RELAXED)))
		ip6_burst_reload(b, nf_hook_list(sd, net, NFPROTO_IPV6, hook, b->skb, b->n, in));
}

/* Chooses the forms that this CPU runs best. */
void ip6_burst_init(void);

#endif
