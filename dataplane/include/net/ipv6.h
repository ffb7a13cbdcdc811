/* SPDX-License-Identifier: BSD-3-Clause */
/* ipv6.h - IPv6: the functions of the packet path, in packet order, and what they share. */
#ifndef SKUA_NET_IPV6_H
#define SKUA_NET_IPV6_H

#include <stdbool.h>
#include <stdint.h>

#include <net/net_namespace.h>
#include <net/punt.h>
#include <net/skbuff.h>

struct ip6_burst;

#define IPV6_MIN_MTU        1280
#define IPV6_MC_SCOPE(addr) ((addr)->s6_addr[1] & 0x0f)

#define NEXTHDR_HOP      0
#define NEXTHDR_ROUTING  43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_AUTH     51
#define NEXTHDR_ICMP     58
#define NEXTHDR_NONE     59
#define NEXTHDR_DEST     60

#define ICMPV6_DEST_UNREACH          1
#define ICMPV6_PKT_TOOBIG            2
#define ICMPV6_TIME_EXCEED           3
#define ICMPV6_PARAMPROB             4
#define ICMPV6_NOROUTE               0
#define ICMPV6_ADM_PROHIBITED        1
#define ICMPV6_NOT_NEIGHBOUR         2
#define ICMPV6_ADDR_UNREACH          3
#define ICMPV6_EXC_HOPLIMIT          0
#define ICMPV6_EXC_FRAGTIME          1
#define ICMPV6_HDR_FIELD             0
#define ICMPV6_UNK_NEXTHDR           1
#define ICMPV6_UNK_OPTION            2
#define ICMPV6_ECHO_REQUEST          128
#define NDISC_NEIGHBOUR_SOLICITATION 135
#define NDISC_REDIRECT               137

static inline bool ipv6_addr_is_multicast(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xff;
}
static inline bool ipv6_addr_any(const struct in6_addr *a)
{
	return !(a->s6_addr32[0] | a->s6_addr32[1] | a->s6_addr32[2] | a->s6_addr32[3]);
}
static inline bool ipv6_addr_loopback(const struct in6_addr *a)
{
	return !(a->s6_addr32[0] | a->s6_addr32[1] | a->s6_addr32[2] |
		 (a->s6_addr32[3] ^ htonl(1)));
}
static inline bool ipv6_addr_linklocal(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xfe && (a->s6_addr[1] & 0xc0) == 0x80;
}
/* A global unicast or unique local address: first byte 0x01 .. 0xfd. Else: the long way. */
static inline bool ipv6_addr_plain(const struct in6_addr *a)
{
	return (uint8_t)(a->s6_addr[0] - 1) < 0xfd;
}

/* ip6_input.c */
void ipv6_list_rcv(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		   unsigned int n);
void ip6_input(struct softnet_data *sd, struct sk_buff *skb);

/* exthdrs.c: false when the packet was dropped */
bool ipv6_parse_hopopts(struct softnet_data *sd, struct sk_buff *skb);
/*
 * Walks the extension headers of a packet for us. Returns the transport protocol and sets
 * its transport_header, or -1 when it was dropped or is kept. Reassembly may replace it.
 */
int ip6_protocol_deliver(struct softnet_data *sd, struct sk_buff **pskb);

/* route.c */
void ip6_route_input_list(struct softnet_data *sd, struct net_device *dev, struct ip6_burst *b);
const struct nexthop *fib6_lookup(const struct net_device *dev, struct sk_buff *skb);

/* ip6_forward.c */
void ip6_forward(struct softnet_data *sd, struct net_device *dev, struct ip6_burst *b);

/* ip6_output.c */
void ip6_output(struct softnet_data *sd, struct net *net, struct ip6_burst *b);
void ip6_local_out(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
		   const struct in6_addr *key);
void ip6_finish_output2(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
			const struct in6_addr *key);
void ip6_fragment(struct softnet_data *sd, struct sk_buff *skb, struct net_device *dev,
		  uint32_t mtu, const struct in6_addr *key);

/* ip6_xmit.c: a packet of a socket that chose dev (lo: none), to wherever the tables say */
void ip6_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);

#endif
