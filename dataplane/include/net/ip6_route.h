/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_route.h - IPv6 routing between its own files. */
#ifndef SKUA_NET_IP6_ROUTE_H
#define SKUA_NET_IP6_ROUTE_H

#include <net/ipv6.h>

/* ip6_error.c: tells the sender why there is no way, and drops; skb->dst NULL: no route */
void ip6_pkt_drop(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);

#endif
