/* SPDX-License-Identifier: BSD-3-Clause */
/* ip_forward.c - a packet for somebody else (RFC 1812 5.2, 5.3). */
#include <netinet/ip_icmp.h>

#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip_burst.h>

static void ip_rt_send_redirect(struct softnet_data *sd, struct net_device *dev,
				struct sk_buff *skb)
{
	const struct nexthop *nh = skb->dst;
	uint32_t gw = nh->gw_family == AF_INET ? nh->gw4 : ip_hdr(skb)->daddr;

	if (dev->conf4 & DP_CONF_SEND_REDIRECTS)
		icmp_redirect_send(sd, skb, AF_INET, nh->ifindex, &gw);
}

/* Everything but a plain packet that lives on and fits. True: it may go on. */
static __rte_noinline bool ip_forward_slow(struct softnet_data *sd, struct net_device *dev,
					   struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;
	const struct nexthop *nh = skb->dst;
	struct net *net = dev_net(dev);
	struct iphdr *iph = ip_hdr(skb);
	uint32_t mtu;

	if (skb->pkt_type != PACKET_HOST)
		goto drop;
	if (iph->ttl <= 1)
		goto too_many_hops;
	if (skb->ip.srr && (skb_network_header(skb)[skb->ip.srr] == IPOPT_SSRR) &&
	    nh->flags & DP_NH_GATEWAY)
		goto sr_failed;
	IP_INC_STATS(sd, net, IPSTATS_MIB_OUTFORWDATAGRAMS);
	mtu = dst_mtu4(nh);
	if (skb_network_len(skb) > mtu && iph->frag_off & htons(IP_DF)) {
		IP_INC_STATS(sd, net, IPSTATS_MIB_FRAGFAILS);
		icmp_send(sd, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
		reason = SKB_DROP_REASON_PKT_TOO_BIG;
		goto drop;
	}
	ip_decrease_ttl_csum(&iph->ttl, &iph->check);
	if (skb->ip.flags & IPSKB_DOREDIRECT && !skb->ip.srr)
		ip_rt_send_redirect(sd, dev, skb);
	return true;

sr_failed:
	icmp_send(sd, skb, ICMP_DEST_UNREACH, ICMP_SR_FAILED, 0);
	goto drop;

too_many_hops:
	IP_INC_STATS(sd, net, IPSTATS_MIB_INHDRERRORS);
	icmp_send(sd, skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
	reason = SKB_DROP_REASON_IP_INHDR;
drop:
	kfree_skb_reason(sd, skb, reason);
	return false;
}

static __rte_noinline void ip_forward_odd(struct softnet_data *sd, struct net_device *dev,
					  struct ip_burst *b)
{
	bool changed = false;
	unsigned int k = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		if (b->odd[i]) {
			if (!ip_forward_slow(sd, dev, b->skb[i]))
				continue;
			changed = true;
		}
		ip_burst_move(b, k++, i);
	}
	b->n = k;
	if (changed)
		ip_burst_reload(b, k);
}

static void ip_forward_finish(struct ip_burst *b)
{
	for (unsigned int i = 0; i < b->n; i++)
		if (unlikely(b->skb[i]->ip.optlen))
			ip_forward_options(b->skb[i]);
}

void ip_forward(struct softnet_data *sd, struct net_device *dev, struct ip_burst *b)
{
	struct net *net = dev_net(dev);
	unsigned int n = b->n, odd = 0;
	bool on_link = false;

	ip_burst_decrease_ttl(b);
	for (unsigned int i = 0; i < n; i++) {
		const struct nexthop *nh = b->nh[i];

		on_link |= !nh->neigh;
		if (unlikely(b->odd[i] | (b->len[i] > dst_mtu4(nh)))) {
			b->odd[i] = 1;
			odd++;
		} else {
			memcpy(&b->hdr[i]->ttl, &b->w1[i], 4);
		}
	}
	b->on_link = on_link;
	IP_ADD_STATS(sd, net, IPSTATS_MIB_OUTFORWDATAGRAMS, n - odd);
	if (unlikely(odd))
		ip_forward_odd(sd, dev, b);
	ip_burst_hook(sd, net, NF_INET_FORWARD, b, dev);
	if (unlikely(odd))
		ip_forward_finish(b);
	stage_end(sd, STAGE_IP_FORWARD, n);
	if (likely(b->n))
		ip_output(sd, net, b);
}
