/* SPDX-License-Identifier: BSD-3-Clause */
/* ip.h - IPv4: the functions of the packet path, in packet order, and what they share. */
#ifndef SKUA_NET_IP_H
#define SKUA_NET_IP_H

#include <stdbool.h>
#include <stdint.h>

#include <net/net_namespace.h>
#include <net/punt.h>
#include <net/skbuff.h>

struct fib_flows;
struct ip_burst;

#define IP_DF     0x4000
#define IP_MF     0x2000
#define IP_OFFSET 0x1fff

static inline bool ip_is_fragment(const struct iphdr *iph)
{
	return iph->frag_off & htons(IP_MF | IP_OFFSET);
}

/* Addresses in network order. */
static inline bool ipv4_is_loopback(uint32_t addr)
{
	return (addr & htonl(0xff000000)) == htonl(0x7f000000);
}
static inline bool ipv4_is_multicast(uint32_t addr)
{
	return (addr & htonl(0xf0000000)) == htonl(0xe0000000);
}
static inline bool ipv4_is_local_multicast(uint32_t addr)
{
	return (addr & htonl(0xffffff00)) == htonl(0xe0000000);
}
static inline bool ipv4_is_lbcast(uint32_t addr)
{
	return addr == htonl(INADDR_BROADCAST);
}
static inline bool ipv4_is_zeronet(uint32_t addr)
{
	return addr == 0; /* since RFC 6890 only the one address */
}

/*
 * An address that a plain unicast packet may bear on either side: not 0/8, 127/8, 224/3. False
 * sends a packet the long way, it does not condemn it. One subtraction, so that loops vectorise.
 */
static inline bool ipv4_is_plain(uint32_t addr)
{
	uint32_t top = addr & 0xff; /* first byte, little endian */

	return top - 1 < 223 && top != 127;
}

/* The part of the DS field that rules look at. */
#define IPTOS_RT_MASK 0x1c
/* The TOS that routes go by, counted through. */
#define FIB_TOS_MAX  (IPTOS_RT_MASK / 4 + 1)
#define FIB_TOS(tos) (((tos)&IPTOS_RT_MASK) / 4)

/* ip_input.c */
void ip_list_rcv(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		 unsigned int n);
void ip_local_deliver(struct softnet_data *sd, struct sk_buff *skb);

/* route.c */
void ip_route_input_list(struct softnet_data *sd, struct net_device *dev, struct ip_burst *b);
/*
 * The nexthop of a destination (network order), or of the one flow of f, for what dev receives;
 * NULL: no route.
 */
const struct nexthop *fib_lookup(const struct net_device *dev, uint32_t daddr);
const struct nexthop *fib_lookup_flow(const struct net_device *dev, const struct fib_flows *f);
/* A packet to daddr, which a source route may have changed. */
const struct nexthop *fib_lookup_skb(const struct net_device *dev, struct sk_buff *skb,
				     uint32_t daddr);
/* One flow, of which nothing is known but its ends. */
void fib_flow_init4(struct fib_flows *f, uint32_t saddr, uint32_t daddr);

/* ip_defrag.c: the whole packet when this was the last piece of it, NULL when it is kept. */
struct sk_buff *ip_defrag(struct softnet_data *sd, struct sk_buff *skb);

/* ip_options.c */
/* Reads the options into skb->ip. False: one is wrong, and its sender is to be told. */
bool ip_options_compile(struct softnet_data *sd, struct sk_buff *skb);
/* A source route that comes to us: the address to go on to, or 0; false: drop. */
bool ip_options_next_hop(struct softnet_data *sd, struct sk_buff *skb, uint32_t *next);
void ip_forward_options(struct sk_buff *skb);
/* What of the options the second and later fragments bear: the rest becomes NOOP. */
void ip_options_fragment(uint8_t *opt, uint32_t optlen);

/* ip_forward.c */
void ip_forward(struct softnet_data *sd, struct net_device *dev, struct ip_burst *b);

/* ip_output.c */
void ip_output(struct softnet_data *sd, struct net *net, struct ip_burst *b);
/* Our own packet to the neighbour key (4 or 16 bytes by family) on dev. */
void ip_local_out(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
		  uint8_t family, const void *key);
/* The same with what its route says of it: the MTU, and RTN_UNICAST, _BROADCAST or _MULTICAST. */
void __ip_local_out(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
		    uint32_t mtu, uint8_t family, const void *key, uint8_t rt_type);
/* One packet to the neighbour key: IPv4's may be an IPv6 one (RFC 5549). */
void ip_finish_output2(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
		       uint8_t family, const void *key);

/* ip_queue_xmit.c: a packet of a socket that chose dev (lo: none), to wherever the tables say */
void ip_queue_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);

/* ip_fragment.c: sends the packet in pieces of at most mtu bytes */
void ip_fragment(struct softnet_data *sd, struct sk_buff *skb, struct net_device *dev, uint32_t mtu,
		 uint8_t family, const void *key);

#endif
