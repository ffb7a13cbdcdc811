/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip_input.c - IPv4 in: validate (ip_rcv_core), PRE_ROUTING, decide (ip_rcv_finish); and what is
 * for ourselves, up (ip_local_deliver).
 */
#include <netinet/ip_icmp.h>

#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip_burst.h>
#include <net/ip_fib.h>
#include <net/twin.h>

static __rte_noinline void ip_rcv_drop(struct softnet_data *sd, struct sk_buff *skb, int mib,
				       enum skb_drop_reason reason)
{
	if (mib >= 0)
		IP_INC_STATS(sd, dev_net(skb->dev), mib);
	kfree_skb_reason(sd, skb, reason);
}

/*
 * RFC 1122 3.2.1: the header must be whole and right. The kernel's questions in its order, for a
 * packet that ip_burst_check() found odd. True: go on; false: disposed of.
 */
static __rte_noinline bool ip_rcv_core(struct softnet_data *sd, struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_IP_INHDR;
	struct net *net = dev_net(skb->dev);
	int mib = IPSTATS_MIB_INHDRERRORS;
	uint32_t skb_len, len;
	const struct iphdr *iph;

	if (skb->pkt_type == PACKET_OTHERHOST) {
		reason = SKB_DROP_REASON_OTHERHOST;
		mib = -1;
		goto drop;
	}
	skb_len = skb_network_len(skb);
	IP_INC_STATS(sd, net, IPSTATS_MIB_INPKTS);
	IP_ADD_STATS(sd, net, IPSTATS_MIB_INOCTETS, skb_len);
	if (!pskb_may_pull(skb, sizeof(struct iphdr)))
		goto drop;
	iph = ip_hdr(skb);
	if (iph->version != 4 || iph->ihl < 5)
		goto drop;
	IP_INC_STATS(sd, net, IPSTATS_MIB_NOECTPKTS + (iph->tos & 3));
	if (!pskb_may_pull(skb, iph->ihl * 4u))
		goto drop;
	iph = ip_hdr(skb);
	if (ip_fast_csum(iph, iph->ihl))
		goto csum_error;
	len = ntohs(iph->tot_len);
	if (skb_len < len) {
		reason = SKB_DROP_REASON_PKT_TOO_SMALL;
		mib = IPSTATS_MIB_INTRUNCATEDPKTS;
		goto drop;
	}
	if (len < iph->ihl * 4u)
		goto drop;
	/* the link may have padded */
	pskb_trim(skb, len);
	skb->transport_header = (uint16_t)(skb->network_header + iph->ihl * 4u);
	return true;

csum_error:
	reason = SKB_DROP_REASON_IP_CSUM;
	mib = IPSTATS_MIB_CSUMERRORS;
drop:
	ip_rcv_drop(sd, skb, mib, reason);
	return false;
}

static __rte_noinline void ip_rcv_odd(struct softnet_data *sd, struct ip_burst *b)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < b->n; i++)
		if (!b->odd[i] || ip_rcv_core(sd, b->skb[i]))
			b->skb[k++] = b->skb[i];
	ip_burst_reload(b, k);
}

static __rte_noinline void ip_rcv_padded(struct ip_burst *b)
{
	for (unsigned int i = 0; i < b->n; i++)
		if (!b->odd[i])
			pskb_trim(b->skb[i], b->len[i]);
}

/* What the lookup of the whole burst will miss first is under way by then. */
static inline void ip_rcv_prefetch(const struct net_device *dev, const struct ip_burst *b)
{
	const struct fib_tables *l = dev_fib(dev, 0);

	if (likely(l && !l->rules) && fib_table_prefetches(l->t[l->n - 1].tb4))
		for (unsigned int i = 0; i < b->n; i++)
			fib_table_prefetch(l->t[l->n - 1].tb4, ntohl(b->daddr[i]));
}

void ip_list_rcv(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		 unsigned int n)
{
	struct net *net = dev_net(dev);
	uint64_t *mib = net_mib(sd, net)->ip.mibs;
	unsigned int found;
	struct ip_burst b;

	ip_burst_load(&b, list, n);
	ip_rcv_prefetch(dev, &b);
	found = ip_burst_check(&b);
	mib[IPSTATS_MIB_INOCTETS] += b.octets;
	for (int i = 0; i < 4; i++) {
		mib[IPSTATS_MIB_INPKTS] += b.ecn[i];
		mib[IPSTATS_MIB_NOECTPKTS + i] += b.ecn[i];
	}
	if (unlikely(found & IP_BURST_PADDED))
		ip_rcv_padded(&b);
	if (unlikely(found & IP_BURST_ODD))
		ip_rcv_odd(sd, &b);

	ip_burst_hook(sd, net, NF_INET_PRE_ROUTING, &b, dev);
	stage_end(sd, STAGE_IP_RCV, n);
	if (likely(b.n))
		ip_route_input_list(sd, dev, &b);
}

/* To whom in the control plane a packet of ours goes. */
static enum dp_punt_reason ip_punt_reason(const struct sk_buff *skb, uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_ICMP:
		return DP_PUNT_ICMP;
	case IPPROTO_IGMP:
		return DP_PUNT_IGMP;
	default:
		return punt_local_reason(skb, protocol, ip_hdr(skb)->tos);
	}
}

static void ip_local_deliver_finish(struct softnet_data *sd, struct sk_buff *skb)
{
	uint8_t protocol = ip_hdr(skb)->protocol;
	enum dp_punt_reason reason = ip_punt_reason(skb, protocol);

	IP_INC_STATS(sd, dev_net(skb->dev), IPSTATS_MIB_INDELIVERS);
	if (dev_has_twin(skb->dev) && twin_local_rcv(sd, skb, reason, protocol))
		return;
	punt_skb(sd, skb, reason, protocol);
}

void ip_local_deliver(struct softnet_data *sd, struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);

	if (ip_is_fragment(ip_hdr(skb))) {
		skb = ip_defrag(sd, skb);
		if (!skb)
			return;
	}
	if (!nf_hook_list(sd, net, NFPROTO_IPV4, NF_INET_LOCAL_IN, &skb, 1, skb->dev))
		return;
	ip_local_deliver_finish(sd, skb);
}
