/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_forward.c - a packet for somebody else (RFC 8200, RFC 4443). */
#include <net/ipv6.h>

static void ndisc_send_redirect(struct softnet_data *sd, struct net_device *dev,
				struct sk_buff *skb)
{
	const struct nexthop *nh = skb->dst;
	const void *target = &ipv6_hdr(skb)->daddr;

	if (nh->flags & DP_NH_GATEWAY)
		target = nh->gw;
	if (dev->conf6 & DP_CONF_SEND_REDIRECTS)
		icmp_redirect_send(sd, skb, AF_INET6, nh->ifindex, target);
}

/* Everything but a plain packet that lives on and fits. True: it may go on. */
static __rte_noinline bool ip6_forward_slow(struct softnet_data *sd, struct net_device *dev,
					    struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;
	const struct nexthop *nh = skb->dst;
	struct ipv6hdr *hdr = ipv6_hdr(skb);
	struct net *net = dev_net(dev);
	uint32_t mtu;

	if (!(dev->conf6 & DP_CONF_FORWARDING))
		goto error;
	if (skb->pkt_type != PACKET_HOST)
		goto drop;
	if (hdr->hop_limit <= 1) {
		icmpv6_send(sd, skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
		IP6_INC_STATS(sd, net, IPSTATS_MIB_INHDRERRORS);
		reason = SKB_DROP_REASON_IP_INHDR;
		goto drop;
	}
	/* A redirect only for what came in and goes out the same way; what comes from nowhere,
	 * from everybody or from ourselves must never be let through.
	 */
	if (nh->dev == dev) {
		ndisc_send_redirect(sd, dev, skb);
	} else {
		if (ipv6_addr_any(&hdr->saddr) || ipv6_addr_is_multicast(&hdr->saddr) ||
		    ipv6_addr_loopback(&hdr->saddr))
			goto error;
		if (ipv6_addr_linklocal(&hdr->saddr)) {
			icmpv6_send(sd, skb, ICMPV6_DEST_UNREACH, ICMPV6_NOT_NEIGHBOUR, 0);
			goto error;
		}
	}
	IP6_INC_STATS(sd, net, IPSTATS_MIB_OUTFORWDATAGRAMS);
	mtu = RTE_MAX(dst_mtu6(nh), (uint32_t)IPV6_MIN_MTU);
	if (skb_network_len(skb) > mtu) {
		icmpv6_send(sd, skb, ICMPV6_PKT_TOOBIG, 0, mtu);
		IP6_INC_STATS(sd, net, IPSTATS_MIB_INTOOBIGERRORS);
		IP6_INC_STATS(sd, net, IPSTATS_MIB_FRAGFAILS);
		reason = SKB_DROP_REASON_PKT_TOO_BIG;
		goto drop;
	}
	skb->ip6.flags |= IP6SKB_FORWARDED;
	hdr->hop_limit--;
	return true;

error:
	IP6_INC_STATS(sd, net, IPSTATS_MIB_INADDRERRORS);
	reason = SKB_DROP_REASON_IP_INADDRERRORS;
drop:
	kfree_skb_reason(sd, skb, reason);
	return false;
}

void ip6_forward(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		 unsigned int n)
{
	bool forwarding = dev->conf6 & DP_CONF_FORWARDING;
	struct net *net = dev_net(dev);
	unsigned int k = 0, plain = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct sk_buff *skb = list[i];
		struct ipv6hdr *hdr = ipv6_hdr(skb);

		if (likely(forwarding && hdr->hop_limit > 1 && skb->dst->dev != dev &&
			   ipv6_addr_plain(&hdr->saddr) && skb->pkt_type == PACKET_HOST &&
			   skb_network_len(skb) <= dst_mtu6(skb->dst))) {
			hdr->hop_limit--;
			skb->ip6.flags |= IP6SKB_FORWARDED;
			plain++;
			list[k++] = skb;
		} else if (ip6_forward_slow(sd, dev, skb)) {
			list[k++] = skb;
		}
	}
	IP6_ADD_STATS(sd, net, IPSTATS_MIB_OUTFORWDATAGRAMS, plain);
	k = nf_hook_list(sd, net, NFPROTO_IPV6, NF_INET_FORWARD, list, k, dev);
	stage_end(sd, STAGE_IP6_FORWARD, n);
	if (k)
		ip6_output(sd, net, list, k);
}
