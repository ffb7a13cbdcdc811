/* SPDX-License-Identifier: BSD-3-Clause */
/* ip_error.c - the end of a packet that no route takes. */
#include <netinet/ip_icmp.h>

#include <net/ip_route.h>

/* skb->dst says the error by its type; RTN_UNSPEC: there was no route at all. */
void ip_error(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;
	struct net *net = dev_net(dev);
	uint8_t type = skb->dst->type, code;

	if (!(dev->conf4 & DP_CONF_FORWARDING)) {
		if (type == RTN_UNREACHABLE) {
			reason = SKB_DROP_REASON_IP_INADDRERRORS;
			IP_INC_STATS(sd, net, IPSTATS_MIB_INADDRERRORS);
		} else if (type == RTN_UNSPEC) {
			reason = SKB_DROP_REASON_IP_INNOROUTES;
			IP_INC_STATS(sd, net, IPSTATS_MIB_INNOROUTES);
		}
		goto out;
	}
	switch (type) {
	case RTN_UNREACHABLE: /* EHOSTUNREACH */
		code = ICMP_HOST_UNREACH;
		break;
	case RTN_UNSPEC: /* ENETUNREACH */
		code = ICMP_NET_UNREACH;
		reason = SKB_DROP_REASON_IP_INNOROUTES;
		IP_INC_STATS(sd, net, IPSTATS_MIB_INNOROUTES);
		break;
	case RTN_PROHIBIT: /* EACCES */
		code = ICMP_PKT_FILTERED;
		break;
	default: /* RTN_BLACKHOLE: silence is what it is for */
		reason = SKB_DROP_REASON_BLACKHOLE;
		goto out;
	}
	icmp_send(sd, skb, ICMP_DEST_UNREACH, code, 0);
out:
	kfree_skb_reason(sd, skb, reason);
}
