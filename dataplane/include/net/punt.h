/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * punt.h - the only door to the control plane. Packets go up by copy, through byte rings per worker
 * and reason, policed; packets come down through a byte ring per worker.
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
 * SKB_NOT_DROPPED_YET: it is on its way; else why it is not.
 */
enum skb_drop_reason punt_send(struct softnet_data *sd, struct net *net, const struct sk_buff *skb,
			       struct dp_punt *rec);

/* Up with the packet, for good: consumed, or dropped as PUNT_POLICED or PUNT_FULL. */
void punt_skb(struct softnet_data *sd, struct sk_buff *skb, enum dp_punt_reason reason,
	      uint8_t ipproto);

/* The reason of a packet for ourselves that is neither ICMP nor IGMP; its transport header is set.
 */
enum dp_punt_reason punt_local_reason(const struct sk_buff *skb, uint8_t ipproto, uint8_t tos);

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
/* Whether something waits for the worker. */
bool inject_waits(const struct softnet_data *sd);
/* Packets for a worker that found no room. */
uint64_t inject_full(uint32_t worker);
int inject_init(uint32_t workers, uint32_t mbuf_data);
void inject_fini(void);

#endif
