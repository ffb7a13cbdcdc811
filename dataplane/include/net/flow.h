/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow.h - the flow hash. It picks a member of a multipath group (fib_multipath_hash_policy):
 * policy 0 by addresses (and the IPv6 flow label), policy 1 by the 5-tuple. And it picks the worker
 * of a received frame (rps.h): by the 5-tuple, the same for both directions.
 */
#ifndef SKUA_NET_FLOW_H
#define SKUA_NET_FLOW_H

#include <stdint.h>

#include <net/skbuff.h>

struct net;

/* flow.c */
void flow_hash_init(const uint8_t seed[40]);
/* 31 bits, as the bounds of a group; kept in skb->hash. */
uint32_t fib_multipath_hash(const struct net *net, struct sk_buff *skb);
uint32_t rt6_multipath_hash(const struct net *net, struct sk_buff *skb);
/*
 * The hashes of n frames, whose skb is not set up yet; 0: not IP, no flow. Fragments are hashed by
 * their addresses alone. Looks at the first segment only.
 */
void skb_get_hash_list(struct rte_mbuf *const *pkts, uint32_t *hash, unsigned int n);

/* Whether a transport header begins with two ports (proto_ports_offset). */
static inline bool proto_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_DCCP;
}

#endif
