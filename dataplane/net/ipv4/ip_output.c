/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip_output.c - IPv4 out: POST_ROUTING, fragmentation, the neighbour's link header, the queue of
 * the port. Forwarded packets come in lists (ip_output), our own one by one (ip_local_out).
 */
#include <netinet/ip_icmp.h>

#include <rte_prefetch.h>

#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip_burst.h>

/* Every state in which a packet just goes, without telling anyone. */
#define NUD_STRAIGHT ((uint64_t)(NUD_VALID & ~NUD_STALE) << NEIGH_NUD_SHIFT)

void ip_finish_output2(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
		       uint8_t family, const void *key)
{
	struct net *net = dev_net(dev);
	uint32_t len = skb_network_len(skb);

	IP_INC_STATS(sd, net, IPSTATS_MIB_OUTPKTS);
	IP_ADD_STATS(sd, net, IPSTATS_MIB_OUTOCTETS, len);
	if (skb->rt_type == RTN_MULTICAST) {
		IP_INC_STATS(sd, net, IPSTATS_MIB_OUTMCASTPKTS);
		IP_ADD_STATS(sd, net, IPSTATS_MIB_OUTMCASTOCTETS, len);
	} else if (skb->rt_type == RTN_BROADCAST) {
		IP_INC_STATS(sd, net, IPSTATS_MIB_OUTBCASTPKTS);
		IP_ADD_STATS(sd, net, IPSTATS_MIB_OUTBCASTOCTETS, len);
	}
	neigh_output_slow(sd, skb, dev, family, key);
}

/* A packet that does not fit, or whose neighbour is not plainly there. */
static __rte_noinline void ip_finish_output_slow(struct softnet_data *sd, struct sk_buff *skb)
{
	const struct nexthop *nh = skb->dst;
	uint32_t daddr = ip_hdr(skb)->daddr, mtu = dst_mtu4(nh);
	uint8_t family = AF_INET;
	const void *key = &daddr;

	if (nh->flags & DP_NH_GATEWAY) {
		family = nh->gw_family;
		key = nh->gw;
	}
	if (nh->type == RTN_BROADCAST)
		skb->rt_type = RTN_BROADCAST;
	if (skb_network_len(skb) > mtu)
		ip_fragment(sd, skb, nh->dev, mtu, family, key);
	else
		ip_finish_output2(sd, nh->dev, skb, family, key);
}

/* Packets that have their link header, one by one, in order: to several devices, or some odd. */
static __rte_noinline void ip_output_each(struct softnet_data *sd, struct ip_burst *b)
{
	for (unsigned int i = 0; i < b->n; i++) {
		if (unlikely(b->odd[i]))
			ip_finish_output_slow(sd, b->skb[i]);
		else
			dev_queue_xmit(sd, b->nh[i]->dev, b->skb[i]);
	}
}

/* Neighbours that destinations are themselves: all chains first, then all entries. */
static __rte_noinline void neigh_prefetch4(const struct neigh_table *tbl, const struct ip_burst *b)
{
	struct neighbour *const *bucket[SKB_LIST_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		const struct nexthop *nh = b->nh[i];

		if (nh->neigh)
			continue;
		bucket[n] = &tbl->buckets[neigh_hash4(nh->dev, b->daddr[i]) & tbl->mask];
		rte_prefetch0(bucket[n++]);
	}
	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(__atomic_load_n(bucket[i], __ATOMIC_RELAXED));
}

void ip_output(struct softnet_data *sd, struct net *net, struct ip_burst *b)
{
	static const struct neighbour none; /* its state is odd */
	uint64_t *mib = net_mib(sd, net)->ip.mibs;
	const struct neigh_table *tbl = net->arp_tbl;
	struct net_device *first = NULL;
	uint64_t octets = 0, others = 0;
	unsigned int n = b->n, plain = 0;

	ip_burst_hook(sd, net, NF_INET_POST_ROUTING, b, NULL);
	if (likely(b->n))
		first = b->nh[0]->dev;
	if (b->on_link)
		neigh_prefetch4(tbl, b);
	for (unsigned int i = 0; i < b->n; i++) {
		const struct nexthop *nh = b->nh[i];
		const struct neighbour *neigh = nh->neigh;
		struct net_device *dev = nh->dev;
		uint64_t ha;

		if (!neigh)
			neigh = neigh_lookup4(tbl, dev, b->daddr[i]);
		if (unlikely(!neigh))
			neigh = &none;
		ha = atomic_load_explicit(&neigh->ha, memory_order_relaxed);
		others |= (uintptr_t)dev ^ (uintptr_t)first;
		if (unlikely(!(ha & NUD_STRAIGHT) || b->odd[i])) {
			others = b->odd[i] = 1;
			continue;
		}
		neigh_mark_used(neigh);
		eth_header_put(b->hdr[i], ha, dev->hdr4);
		octets += b->len[i];
		plain++;
	}
	mib[IPSTATS_MIB_OUTPKTS] += plain;
	mib[IPSTATS_MIB_OUTOCTETS] += octets;
	if (unlikely(others))
		ip_output_each(sd, b);
	else if (likely(plain))
		dev_queue_xmit_list(sd, first, b->skb, plain, octets + plain * ETH_HLEN);
	stage_end(sd, STAGE_IP_OUTPUT, n);
}

void __ip_local_out(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
		    uint32_t mtu, uint8_t family, const void *key, uint8_t rt_type)
{
	struct net *net = dev_net(dev);
	const struct iphdr *iph = ip_hdr(skb);

	if (!pskb_may_pull(skb, sizeof(*iph)) || iph->version != 4 || iph->ihl < 5 ||
	    !pskb_may_pull(skb, iph->ihl * 4u) || ntohs(iph->tot_len) != skb_network_len(skb)) {
		IP_INC_STATS(sd, net, IPSTATS_MIB_OUTDISCARDS);
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
		return;
	}
	skb->transport_header = (uint16_t)(skb->network_header + iph->ihl * 4u);
	IP_INC_STATS(sd, net, IPSTATS_MIB_OUTREQUESTS);
	if (!nf_hook_list(sd, net, NFPROTO_IPV4, NF_INET_LOCAL_OUT, &skb, 1, NULL))
		return;
	if (!nf_hook_list(sd, net, NFPROTO_IPV4, NF_INET_POST_ROUTING, &skb, 1, NULL))
		return;
	skb->rt_type = rt_type;
	if (skb_network_len(skb) > mtu)
		ip_fragment(sd, skb, dev, mtu, family, key);
	else
		ip_finish_output2(sd, dev, skb, family, key);
}

void ip_local_out(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb,
		  uint8_t family, const void *key)
{
	uint8_t type = RTN_UNICAST;

	if (pskb_may_pull(skb, sizeof(struct iphdr))) {
		uint32_t daddr = ip_hdr(skb)->daddr;

		if (ipv4_is_multicast(daddr)) {
			type = RTN_MULTICAST;
		} else if (ipv4_is_lbcast(daddr)) {
			type = RTN_BROADCAST;
		} else if (dev->type != DP_LINK_LOOPBACK) {
			const struct nexthop *nh = fib_lookup(dev, daddr);

			/* a directed broadcast of a connected network */
			if (nh && nh->type == RTN_BROADCAST)
				type = RTN_BROADCAST;
		}
	}
	__ip_local_out(sd, dev, skb, dev->mtu, family, key, type);
}
