/* SPDX-License-Identifier: BSD-3-Clause */
/* ip_route.h - IPv4 routing between its own files: source validation and errors. */
#ifndef SKUA_NET_IP_ROUTE_H
#define SKUA_NET_IP_ROUTE_H

#include <net/ip.h>

/* fib_frontend.c */

/*
 * Whether skb, from src, may come in on dev and leave on oif (0: it is for us). *on_link
 * (NULL: do not care): its sender is on dev itself. Returns SKB_NOT_DROPPED_YET when it may.
 */
enum skb_drop_reason fib_validate_source(struct net_device *dev, struct sk_buff *skb, uint32_t src,
					 uint32_t oif, bool *on_link);
/* Whether a and b (0: only a) are on one connected network of dev. */
bool inet_addr_onlink(const struct net_device *dev, uint32_t a, uint32_t b);

/* ip_error.c: tells the sender why there is no way, and drops */
void ip_error(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);

#endif
