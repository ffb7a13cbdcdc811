/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip6_input.c - IPv6 in: validate (ip6_rcv_core), PRE_ROUTING, decide (ip6_rcv_finish); and what
 * is for ourselves, up (ip6_input).
 */
#include <net/ipv6.h>

/* What a burst adds to the MIB, kept in registers until its end. */
struct ip6_rcv_sums {
	uint64_t octets;
	uint64_t ecn; /* four 16-bit counters, by ECN field */
	uint32_t pkts;
};

static __rte_noinline void ip6_rcv_drop(struct softnet_data *sd, struct sk_buff *skb, int mib,
					enum skb_drop_reason reason)
{
	if (mib >= 0)
		IP6_INC_STATS(sd, dev_net(skb->dev), mib);
	kfree_skb_reason(sd, skb, reason);
}

/* Addresses that are not plain unicast on both sides: RFC 4291 2.5.3, 2.7 and errata 3480. */
static __rte_noinline bool ip6_addrs_ok(const struct net_device *dev, const struct sk_buff *skb,
					const struct ipv6hdr *hdr, enum skb_drop_reason *reason)
{
	bool loopback = dev->flags & IFF_LOOPBACK;

	if ((ipv6_addr_loopback(&hdr->saddr) || ipv6_addr_loopback(&hdr->daddr)) && !loopback)
		return false;
	if (!(skb->pkt_type == PACKET_LOOPBACK || loopback) &&
	    ipv6_addr_is_multicast(&hdr->daddr) && IPV6_MC_SCOPE(&hdr->daddr) == 1)
		return false;
	if (!ipv6_addr_is_multicast(&hdr->daddr) &&
	    (skb->pkt_type == PACKET_BROADCAST || skb->pkt_type == PACKET_MULTICAST) &&
	    dev->conf6 & DP_CONF_IN_L2_MULTICAST_DROP) {
		*reason = SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST;
		return false;
	}
	if (ipv6_addr_is_multicast(&hdr->daddr) && IPV6_MC_SCOPE(&hdr->daddr) == 0)
		return false;
	return !ipv6_addr_is_multicast(&hdr->saddr);
}

/* True: go on; false: disposed of. */
static __rte_always_inline bool ip6_rcv_core(struct softnet_data *sd, struct net_device *dev,
					     struct sk_buff *skb, struct ip6_rcv_sums *sums)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_IP_INHDR;
	int mib = IPSTATS_MIB_INHDRERRORS;
	const struct ipv6hdr *hdr;
	uint32_t skb_len, pkt_len, first;

	if (unlikely(skb->pkt_type == PACKET_OTHERHOST)) {
		reason = SKB_DROP_REASON_OTHERHOST;
		mib = -1;
		goto drop;
	}
	skb_len = skb_network_len(skb);
	sums->pkts++;
	sums->octets += skb_len;
	if (unlikely((dev->conf6 & (DP_CONF_ENABLED | DP_CONF_DISABLED)) != DP_CONF_ENABLED)) {
		reason = dev->conf6 & DP_CONF_DISABLED ? SKB_DROP_REASON_IPV6DISABLED
						       : SKB_DROP_REASON_NOT_SPECIFIED;
		mib = IPSTATS_MIB_INDISCARDS;
		goto drop;
	}
	if (unlikely(!pskb_may_pull(skb, sizeof(*hdr))))
		goto drop;
	hdr = ipv6_hdr(skb);
	memcpy(&first, hdr, 4);
	if (unlikely((first & htonl(0xf0000000)) != htonl(0x60000000))) {
		reason = SKB_DROP_REASON_UNHANDLED_PROTO;
		goto drop;
	}
	sums->ecn += 1ULL << ((ntohl(first) >> 20 & 3) * 16);
	if (unlikely(!ipv6_addr_plain(&hdr->saddr) || !ipv6_addr_plain(&hdr->daddr) ||
		     skb->pkt_type != PACKET_HOST) &&
	    !ip6_addrs_ok(dev, skb, hdr, &reason))
		goto drop;

	skb->transport_header = (uint16_t)(skb->network_header + sizeof(*hdr));
	skb->ip6.nhoff = offsetof(struct ipv6hdr, nexthdr);
	pkt_len = ntohs(hdr->payload_len);
	/* zero with a hop-by-hop header: a jumbogram may follow */
	if (likely(pkt_len || hdr->nexthdr != NEXTHDR_HOP)) {
		if (unlikely(pkt_len + sizeof(*hdr) > skb_len)) {
			reason = SKB_DROP_REASON_PKT_TOO_SMALL;
			mib = IPSTATS_MIB_INTRUNCATEDPKTS;
			goto drop;
		}
		if (unlikely(pkt_len + sizeof(*hdr) < skb_len))
			pskb_trim(skb, pkt_len + (uint32_t)sizeof(*hdr));
	}
	if (unlikely(hdr->nexthdr == NEXTHDR_HOP)) {
		if (!ipv6_parse_hopopts(sd, skb)) {
			IP6_INC_STATS(sd, dev_net(dev), IPSTATS_MIB_INHDRERRORS);
			return false;
		}
	}
	return true;

drop:
	ip6_rcv_drop(sd, skb, mib, reason);
	return false;
}

void ipv6_list_rcv(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		   unsigned int n)
{
	struct net *net = dev_net(dev);
	struct ipstats_mib *mib = &net_mib(sd, net)->ip6;
	struct ip6_rcv_sums sums = {0};
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++)
		if (ip6_rcv_core(sd, dev, list[i], &sums))
			list[k++] = list[i];
	mib->mibs[IPSTATS_MIB_INPKTS] += sums.pkts;
	mib->mibs[IPSTATS_MIB_INOCTETS] += sums.octets;
	for (int i = 0; i < 4; i++)
		mib->mibs[IPSTATS_MIB_NOECTPKTS + i] += sums.ecn >> (i * 16) & 0xffff;

	k = nf_hook_list(sd, net, NFPROTO_IPV6, NF_INET_PRE_ROUTING, list, k, dev);
	stage_end(sd, STAGE_IP6_RCV, n);
	if (k)
		ip6_route_input_list(sd, dev, list, k);
}

/* To whom in the control plane a packet of ours goes. */
static enum dp_punt_reason ip6_punt_reason(const struct sk_buff *skb, int protocol)
{
	uint32_t first;
	uint8_t type;

	if (protocol != NEXTHDR_ICMP) {
		memcpy(&first, ipv6_hdr(skb), 4);
		return punt_local_reason(skb, (uint8_t)protocol, (uint8_t)(ntohl(first) >> 20));
	}
	type = skb_transport_header(skb)[0];
	if (type >= 133 && type <= 137)
		return DP_PUNT_ND;
	if ((type >= 130 && type <= 132) || type == 143)
		return DP_PUNT_IGMP;
	return DP_PUNT_ICMP;
}

void ip6_input(struct softnet_data *sd, struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);
	int protocol;

	if (!nf_hook_list(sd, net, NFPROTO_IPV6, NF_INET_LOCAL_IN, &skb, 1, skb->dev))
		return;
	protocol = ip6_protocol_deliver(sd, &skb);
	if (protocol < 0)
		return;
	if (protocol == NEXTHDR_ICMP &&
	    !pskb_may_pull(skb, (uint32_t)(skb->transport_header - skb->network_header) + 8)) {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	IP6_INC_STATS(sd, net, IPSTATS_MIB_INDELIVERS);
	punt_skb(sd, skb, ip6_punt_reason(skb, protocol), (uint8_t)protocol);
}
