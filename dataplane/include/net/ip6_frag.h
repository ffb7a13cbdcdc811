/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_frag.h - reassembly of IPv6 packets for us. */
#ifndef SKUA_NET_IP6_FRAG_H
#define SKUA_NET_IP6_FRAG_H

#include <net/skbuff.h>

/*
 * Takes a fragment whose fragment header is at off. The whole packet (without the header, or the
 * one packet of an atomic fragment behind it) when this was the last piece; NULL when it is kept
 * or was dropped.
 */
struct sk_buff *ipv6_frag_rcv(struct softnet_data *sd, struct sk_buff *skb, uint32_t off);

#endif
