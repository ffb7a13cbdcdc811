/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip6_output.c - IPv6 out: POST_ROUTING, the neighbour's link header, the queue of the port; our
 * own packets are fragmented here when they must be.
 */
#include <net/ip6_burst.h>
#include <net/ipv6.h>

/* Every state in which a packet just goes, without telling anyone. */
#define NUD_STRAIGHT6 ((uint64_t)(NUD_VALID & ~NUD_STALE) << NEIGH_NUD_SHIFT)

void ip6_finish_output2(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
			const struct in6_addr *key)
{
	struct net *net = dev_net(dev);
	uint32_t len = skb_network_len(skb);

	IP6_INC_STATS(sd, net, IPSTATS_MIB_OUTPKTS);
	IP6_ADD_STATS(sd, net, IPSTATS_MIB_OUTOCTETS, len);
	if (ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr)) {
		IP6_INC_STATS(sd, net, IPSTATS_MIB_OUTMCASTPKTS);
		IP6_ADD_STATS(sd, net, IPSTATS_MIB_OUTMCASTOCTETS, len);
	}
	neigh_output_slow(sd, skb, dev, AF_INET6, key);
}

static __rte_noinline void ip6_finish_output_slow(struct softnet_data *sd, struct sk_buff *skb)
{
	const struct nexthop *nh = skb->dst;
	struct in6_addr key;

	memcpy(&key, nh->flags & DP_NH_GATEWAY ? (const void *)nh->gw : &ipv6_hdr(skb)->daddr,
	       sizeof(key));
	ip6_finish_output2(sd, nh->dev, skb, &key);
}

/* Packets that have their link header, one by one, in order: to several devices, or some odd. */
static __rte_noinline void ip6_output_each(struct softnet_data *sd, struct ip6_burst *b)
{
	for (unsigned int i = 0; i < b->n; i++) {
		if (unlikely(b->odd[i]))
			ip6_finish_output_slow(sd, b->skb[i]);
		else
			dev_queue_xmit(sd, b->nh[i]->dev, b->skb[i]);
	}
}

void ip6_output(struct softnet_data *sd, struct net *net, struct ip6_burst *b)
{
	static const struct neighbour none; /* its state is odd */
	uint64_t *mib = net_mib(sd, net)->ip6.mibs;
	const struct neigh_table *tbl = net->nd_tbl;
	struct net_device *first = NULL;
	uint64_t octets = 0, others = 0;
	unsigned int n = b->n, plain = 0;

	ip6_burst_hook(sd, net, NF_INET_POST_ROUTING, b, NULL);
	if (likely(b->n))
		first = b->nh[0]->dev;
	for (unsigned int i = 0; i < b->n; i++) {
		const struct nexthop *nh = b->nh[i];
		const struct neighbour *neigh = nh->neigh;
		struct net_device *dev = nh->dev;
		uint64_t ha;

		if (!neigh)
			neigh = neigh_lookup6(tbl, dev, &b->daddr[i]);
		if (unlikely(!neigh))
			neigh = &none;
		ha = atomic_load_explicit(&neigh->ha, memory_order_relaxed);
		others |= (uintptr_t)dev ^ (uintptr_t)first;
		if (unlikely(!(ha & NUD_STRAIGHT6))) {
			others = b->odd[i] = 1;
			continue;
		}
		neigh_mark_used(neigh);
		eth_header_put(b->hdr[i], ha, dev->hdr6);
		octets += b->len[i];
		plain++;
	}
	mib[IPSTATS_MIB_OUTPKTS] += plain;
	mib[IPSTATS_MIB_OUTOCTETS] += octets;
	if (unlikely(others))
		ip6_output_each(sd, b);
	else if (likely(plain))
		dev_queue_xmit_list(sd, first, b->skb, plain, octets + plain * ETH_HLEN);
	stage_end(sd, STAGE_IP6_OUTPUT, n);
}

void ip6_local_out(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
		   const struct in6_addr *key)
{
	struct net *net = dev_net(dev);
	const struct ipv6hdr *hdr = ipv6_hdr(skb);

	if (!pskb_may_pull(skb, sizeof(*hdr)) ||
	    ntohs(hdr->payload_len) + sizeof(*hdr) != skb_network_len(skb)) {
		IP6_INC_STATS(sd, net, IPSTATS_MIB_OUTDISCARDS);
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
		return;
	}
	skb->transport_header = (uint16_t)(skb->network_header + sizeof(*hdr));
	IP6_INC_STATS(sd, net, IPSTATS_MIB_OUTREQUESTS);
	if (!nf_hook_list(sd, net, NFPROTO_IPV6, NF_INET_LOCAL_OUT, &skb, 1, NULL))
		return;
	if (dev->conf6 & DP_CONF_DISABLED) {
		IP6_INC_STATS(sd, net, IPSTATS_MIB_OUTDISCARDS);
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_IPV6DISABLED);
		return;
	}
	if (!nf_hook_list(sd, net, NFPROTO_IPV6, NF_INET_POST_ROUTING, &skb, 1, NULL))
		return;
	skb->rt_type = RTN_UNICAST;
	if (skb_network_len(skb) > dev->mtu6 && dev->type != DP_LINK_LOOPBACK)
		ip6_fragment(sd, skb, dev, dev->mtu6, key);
	else
		ip6_finish_output2(sd, dev, skb, key);
}
