/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_forward.c - a packet for somebody else (RFC 8200, RFC 4443). */
#include <net/ip6_burst.h>
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
	hdr->hop_limit--;
	return true;

error:
	IP6_INC_STATS(sd, net, IPSTATS_MIB_INADDRERRORS);
	reason = SKB_DROP_REASON_IP_INADDRERRORS;
drop:
	kfree_skb_reason(sd, skb, reason);
	return false;
}

static __rte_noinline void ip6_forward_odd(struct softnet_data *sd, struct net_device *dev,
					   struct ip6_burst *b)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < b->n; i++)
		if (!b->odd[i] || ip6_forward_slow(sd, dev, b->skb[i]))
			b->skb[k++] = b->skb[i];
	ip6_burst_reload(b, k);
}

void ip6_forward(struct softnet_data *sd, struct net_device *dev, struct ip6_burst *b)
{
	bool forwarding = dev->conf6 & DP_CONF_FORWARDING;
	struct net *net = dev_net(dev);
	unsigned int n = b->n, odd = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t hops = (uint32_t)(b->w0[i] >> 56), saddr = b->first[i] & 0xff;
		const struct nexthop *nh = b->nh[i];

		if (unlikely(b->odd[i] || !forwarding || hops <= 1 || nh->dev == dev ||
			     saddr - 1 > 0xfc || b->len[i] > dst_mtu6(nh))) {
			b->odd[i] = 1;
			odd++;
		} else {
			b->hdr[i]->hop_limit = (uint8_t)(hops - 1);
		}
	}
	IP6_ADD_STATS(sd, net, IPSTATS_MIB_OUTFORWDATAGRAMS, n - odd);
	if (unlikely(odd))
		ip6_forward_odd(sd, dev, b);
	ip6_burst_hook(sd, net, NF_INET_FORWARD, b, dev);
	stage_end(sd, STAGE_IP6_FORWARD, n);
	if (likely(b->n))
		ip6_output(sd, net, b);
}
