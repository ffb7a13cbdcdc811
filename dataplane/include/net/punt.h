/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * punt.h - the only door to the control plane. Packets go up by copy, through a byte ring per
 * worker, policed per reason; packets come down through the inject ring.
 */
#ifndef SKUA_NET_PUNT_H
#define SKUA_NET_PUNT_H

#include <stdbool.h>
#include <stdint.h>

#include <dataplane.h>
#include <net/netdevice.h>

struct net;

/*
 * Copies the packet (NULL: none) into the ring. The caller fills what it knows of rec; net, len,
 * pkt_len, offsets, protocol and pkt_type are taken from skb. The packet stays the caller's.
 */
bool punt_send(struct softnet_data *sd, struct net *net, const struct sk_buff *skb,
	       struct dp_punt *rec);

/* Up with the packet, for good: consumed, or dropped as PUNT_POLICED or PUNT_FULL. */
void punt_skb(struct softnet_data *sd, struct sk_buff *skb, enum dp_punt_reason reason,
	      uint8_t ipproto);

/* An ICMP error about the packet is to be sent; guards and rate limits are the control plane's. */
void icmp_send(struct softnet_data *sd, const struct sk_buff *skb, uint8_t type, uint8_t code,
	       uint32_t info);
void icmpv6_send(struct softnet_data *sd, const struct sk_buff *skb, uint8_t type, uint8_t code,
		 uint32_t info);
/* A redirect to gw (16 bytes, IPv4 in the first 4) on oif; the packet goes on. */
void icmp_redirect_send(struct softnet_data *sd, const struct sk_buff *skb, uint8_t family,
			uint32_t oif, const void *gw);

/* Wakes the reader when it sleeps and something was written this turn. */
void punt_wake(struct softnet_data *sd);
int punt_init(uint32_t workers, uint32_t bytes);
void punt_fini(void);

/* inject.c */
unsigned int inject_rx(struct softnet_data *sd);
int inject_init(uint32_t mbuf_data);
void inject_fini(void);

#endif
