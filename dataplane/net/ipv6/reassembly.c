/* SPDX-License-Identifier: BSD-3-Clause */
/* reassembly.c - placeholder */
#include <net/ip6_frag.h>
#include <net/ipv6.h>
struct sk_buff *ipv6_frag_rcv(struct softnet_data *sd, struct sk_buff *skb, uint32_t off)
{
	(void)off;
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_NOMEM);
	return NULL;
}
