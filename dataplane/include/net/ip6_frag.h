/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_frag.h - reassembly of IPv6 packets for us. */
#ifndef SKUA_NET_IP6_FRAG_H
#define SKUA_NET_IP6_FRAG_H

#include <net/skbuff.h>

/* RFC 8200 4.5 */
struct frag_hdr {
	uint8_t nexthdr;
	uint8_t reserved;
	uint16_t frag_off; /* network order: offset in bytes, a multiple of 8, | more */
	uint32_t identification;
};

/*
 * Takes a fragment whose fragment header is at off. The whole packet (without the header, or the
 * one packet of an atomic fragment behind it) when this was the last piece; NULL when it is kept
 * or was dropped.
 */
struct sk_buff *ipv6_frag_rcv(struct softnet_data *sd, struct sk_buff *skb, uint32_t off);

#endif
