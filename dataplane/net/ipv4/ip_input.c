/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip_input.c - IPv4 in: validate (ip_rcv_core), PRE_ROUTING, decide (ip_rcv_finish); and what is
 * for ourselves, up (ip_local_deliver).
 */
#include <netinet/ip_icmp.h>

#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip_fib.h>

/* What a burst adds to the MIB, kept in registers until its end. */
struct ip_rcv_sums {
	uint64_t octets;
	uint64_t ecn; /* four 16-bit counters, by ECN field */
	uint32_t pkts;
};

static __rte_noinline void ip_rcv_drop(struct softnet_data *sd, struct sk_buff *skb, int mib,
				       enum skb_drop_reason reason)
{
	if (mib >= 0)
		IP_INC_STATS(sd, dev_net(skb->dev), mib);
	kfree_skb_reason(sd, skb, reason);
}

/* RFC 1122 3.2.1: the header must be whole and right. True: go on; false: disposed of. */
static __rte_always_inline bool ip_rcv_core(struct softnet_data *sd, struct sk_buff *skb,
					    struct ip_rcv_sums *sums, const struct fib_table *tb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_IP_INHDR;
	int mib = IPSTATS_MIB_INHDRERRORS;
	uint32_t skb_len, len;
	const struct iphdr *iph;

	if (unlikely(skb->pkt_type == PACKET_OTHERHOST)) {
		reason = SKB_DROP_REASON_OTHERHOST;
		mib = -1;
		goto drop;
	}
	skb_len = skb_network_len(skb);
	sums->pkts++;
	sums->octets += skb_len;
	if (unlikely(!pskb_may_pull(skb, sizeof(struct iphdr))))
		goto drop;
	iph = ip_hdr(skb);
	if (unlikely(iph->version != 4 || iph->ihl < 5))
		goto drop;
	sums->ecn += 1ULL << ((iph->tos & 3) * 16);
	/* what the lookup of the whole list will miss first is under way by then */
	if (tb)
		fib_table_prefetch(tb, ntohl(iph->daddr));
	if (likely(iph->ihl == 5)) {
		if (unlikely(!ip_csum20_ok(iph)))
			goto csum_error;
	} else {
		if (!pskb_may_pull(skb, iph->ihl * 4u))
			goto drop;
		iph = ip_hdr(skb);
		if (ip_fast_csum(iph, iph->ihl))
			goto csum_error;
	}
	len = ntohs(iph->tot_len);
	if (unlikely(skb_len < len)) {
		reason = SKB_DROP_REASON_PKT_TOO_SMALL;
		mib = IPSTATS_MIB_INTRUNCATEDPKTS;
		goto drop;
	}
	if (unlikely(len < iph->ihl * 4u))
		goto drop;
	/* the link may have padded */
	if (unlikely(skb_len > len))
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

void ip_list_rcv(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		 unsigned int n)
{
	struct net *net = dev_net(dev);
	struct ipstats_mib *mib = &net_mib(sd, net)->ip;
	const struct fib_tables *tables = dev_fib(dev, 0);
	const struct fib_table *tb = tables ? tables->t[tables->n - 1].tb4 : NULL;
	struct ip_rcv_sums sums = {0};
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++)
		if (ip_rcv_core(sd, list[i], &sums, tb))
			list[k++] = list[i];
	mib->mibs[IPSTATS_MIB_INPKTS] += sums.pkts;
	mib->mibs[IPSTATS_MIB_INOCTETS] += sums.octets;
	for (int i = 0; i < 4; i++)
		mib->mibs[IPSTATS_MIB_NOECTPKTS + i] += sums.ecn >> (i * 16) & 0xffff;

	k = nf_hook_list(sd, net, NFPROTO_IPV4, NF_INET_PRE_ROUTING, list, k, dev);
	stage_end(sd, STAGE_IP_RCV, n);
	if (k)
		ip_route_input_list(sd, dev, list, k);
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

	IP_INC_STATS(sd, dev_net(skb->dev), IPSTATS_MIB_INDELIVERS);
	punt_skb(sd, skb, ip_punt_reason(skb, protocol), protocol);
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
