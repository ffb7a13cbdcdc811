/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_error.c - the end of a packet that no route takes (ip6_pkt_discard, ip6_pkt_prohibit). */
#include <net/ip6_route.h>

void ip6_pkt_drop(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_IP_INNOROUTES;
	uint8_t code = ICMPV6_NOROUTE;
	struct net *net = dev_net(dev);

	if (ipv6_addr_any(&ipv6_hdr(skb)->daddr))
		IP6_INC_STATS(sd, net, IPSTATS_MIB_INADDRERRORS);
	else
		IP6_INC_STATS(sd, net, IPSTATS_MIB_INNOROUTES);
	/* unreachable and throw say "no route" too, as in the kernel */
	if (skb->dst && skb->dst->type == RTN_PROHIBIT)
		code = ICMPV6_ADM_PROHIBITED;
	icmpv6_send(sd, skb, ICMPV6_DEST_UNREACH, code, 0);
	kfree_skb_reason(sd, skb, reason);
}
