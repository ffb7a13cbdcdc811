/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip6_input.c - IPv6 in: validate (ip6_rcv_core), PRE_ROUTING, decide (ip6_rcv_finish); and what
 * is for ourselves, up (ip6_input).
 */
#include <net/ip6_burst.h>
#include <net/ipv6.h>
#include <net/twin.h>

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

/*
 * The kernel's questions in its order, for a packet that ip6_burst_check() found odd. True: go on;
 * false: disposed of.
 */
static __rte_noinline bool ip6_rcv_core(struct softnet_data *sd, struct net_device *dev,
					struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_IP_INHDR;
	int mib = IPSTATS_MIB_INHDRERRORS;
	const struct ipv6hdr *hdr;
	uint32_t skb_len, pkt_len, first;

	if (skb->pkt_type == PACKET_OTHERHOST) {
		reason = SKB_DROP_REASON_OTHERHOST;
		mib = -1;
		goto drop;
	}
	skb_len = skb_network_len(skb);
	IP6_INC_STATS(sd, dev_net(dev), IPSTATS_MIB_INPKTS);
	IP6_ADD_STATS(sd, dev_net(dev), IPSTATS_MIB_INOCTETS, skb_len);
	if ((dev->conf6 & (DP_CONF_ENABLED | DP_CONF_DISABLED)) != DP_CONF_ENABLED) {
		reason = dev->conf6 & DP_CONF_DISABLED ? SKB_DROP_REASON_IPV6DISABLED
						       : SKB_DROP_REASON_NOT_SPECIFIED;
		mib = IPSTATS_MIB_INDISCARDS;
		goto drop;
	}
	if (!pskb_may_pull(skb, sizeof(*hdr)))
		goto drop;
	hdr = ipv6_hdr(skb);
	memcpy(&first, hdr, 4);
	if ((first & htonl(0xf0000000)) != htonl(0x60000000)) {
		reason = SKB_DROP_REASON_UNHANDLED_PROTO;
		goto drop;
	}
	IP6_INC_STATS(sd, dev_net(dev), IPSTATS_MIB_NOECTPKTS + (ntohl(first) >> 20 & 3));
	if ((!ipv6_addr_plain(&hdr->saddr) || !ipv6_addr_plain(&hdr->daddr) ||
	     skb->pkt_type != PACKET_HOST) &&
	    !ip6_addrs_ok(dev, skb, hdr, &reason))
		goto drop;

	skb->transport_header = (uint16_t)(skb->network_header + sizeof(*hdr));
	skb->ip6.nhoff = offsetof(struct ipv6hdr, nexthdr);
	pkt_len = ntohs(hdr->payload_len);
	/* zero with a hop-by-hop header: a jumbogram may follow */
	if (pkt_len || hdr->nexthdr != NEXTHDR_HOP) {
		if (pkt_len + sizeof(*hdr) > skb_len) {
			reason = SKB_DROP_REASON_PKT_TOO_SMALL;
			mib = IPSTATS_MIB_INTRUNCATEDPKTS;
			goto drop;
		}
		if (pkt_len + sizeof(*hdr) < skb_len)
			pskb_trim(skb, pkt_len + (uint32_t)sizeof(*hdr));
	}
	if (hdr->nexthdr == NEXTHDR_HOP) {
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

static __rte_noinline void ip6_rcv_odd(struct softnet_data *sd, struct net_device *dev,
				       struct ip6_burst *b, bool all)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < b->n; i++)
		if (!(all || b->odd[i]) || ip6_rcv_core(sd, dev, b->skb[i]))
			b->skb[k++] = b->skb[i];
	ip6_burst_reload(b, k);
}

static __rte_noinline void ip6_rcv_padded(struct ip6_burst *b)
{
	for (unsigned int i = 0; i < b->n; i++)
		if (!b->odd[i])
			pskb_trim(b->skb[i], b->len[i]);
}

/* The straight way through ip6_rcv_core(), for all that is plain. */
static __rte_always_inline void ip6_rcv_burst(struct softnet_data *sd, struct net_device *dev,
					      struct ip6_burst *b)
{
	uint64_t *mib = net_mib(sd, dev_net(dev))->ip6.mibs;
	unsigned int found = ip6_burst_check(b);

	mib[IPSTATS_MIB_INOCTETS] += b->octets;
	for (int i = 0; i < 4; i++) {
		mib[IPSTATS_MIB_INPKTS] += b->ecn[i];
		mib[IPSTATS_MIB_NOECTPKTS + i] += b->ecn[i];
	}
	for (unsigned int i = 0; i < b->n; i++) {
		struct sk_buff *skb = b->skb[i];

		skb->transport_header = (uint16_t)(skb->network_header + sizeof(struct ipv6hdr));
		skb->ip6.nhoff = offsetof(struct ipv6hdr, nexthdr);
	}
	if (unlikely(found & IP6_BURST_PADDED))
		ip6_rcv_padded(b);
	if (unlikely(found & IP6_BURST_ODD))
		ip6_rcv_odd(sd, dev, b, false);
}

void ipv6_list_rcv(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		   unsigned int n)
{
	struct ip6_burst b;

	ip6_burst_load(&b, list, n);
	if (likely((dev->conf6 & (DP_CONF_ENABLED | DP_CONF_DISABLED)) == DP_CONF_ENABLED))
		ip6_rcv_burst(sd, dev, &b);
	else
		ip6_rcv_odd(sd, dev, &b, true);
	ip6_burst_hook(sd, dev_net(dev), NF_INET_PRE_ROUTING, &b, dev);
	stage_end(sd, STAGE_IP6_RCV, n);
	if (likely(b.n))
		ip6_route_input_list(sd, dev, &b);
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
	enum dp_punt_reason reason;
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
	reason = ip6_punt_reason(skb, protocol);
	if (dev_has_twin(skb->dev) && twin_local_rcv(sd, skb, reason, (uint8_t)protocol))
		return;
	punt_skb(sd, skb, reason, (uint8_t)protocol);
}
