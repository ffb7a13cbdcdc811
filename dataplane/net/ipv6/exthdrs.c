/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exthdrs.c - IPv6 extension headers: hop-by-hop options of every packet, and the chain of headers
 * of a packet for us, up to the transport (RFC 8200 4).
 */
#include <net/ip6_frag.h>
#include <net/ipv6.h>

#define IPV6_TLV_PAD1        0
#define IPV6_TLV_PADN        1
#define IPV6_TLV_ROUTERALERT 5
#define IPV6_TLV_CALIPSO     7
#define IPV6_TLV_IOAM        49
#define IPV6_TLV_JUMBO       194

/* Options of one header, padding not counted (max_hbh_opts_number, max_dst_opts_number). */
#define IP6_MAX_OPTS_CNT 8

/* Routing header types that are for those who have them switched on: RFC 6554, RFC 8754. */
#define IPV6_SRCRT_TYPE_3 3
#define IPV6_SRCRT_TYPE_4 4

/* Headers that one packet may bear: more than anybody needs. */
#define IP6_EXTHDRS_MAX 16

/* Names the byte at ptr (from the network header) in a parameter problem, and drops. */
static void icmpv6_param_prob(struct softnet_data *sd, struct sk_buff *skb, uint8_t code,
			      uint32_t ptr, enum skb_drop_reason reason)
{
	icmpv6_send(sd, skb, ICMPV6_PARAMPROB, code, ptr);
	kfree_skb_reason(sd, skb, reason);
}

/* An unknown option: its two highest bits say what to do (ip6_tlvopt_unknown). True: skip it. */
static bool ip6_tlvopt_unknown(struct softnet_data *sd, struct sk_buff *skb, uint32_t off)
{
	switch (skb_network_header(skb)[off] >> 6) {
	case 0:
		return true;
	case 3:
		/* no answer to a multicast destination */
		if (ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr))
			break;
		/* fallthrough */
	case 2:
		icmpv6_param_prob(sd, skb, ICMPV6_UNK_OPTION, off, SKB_DROP_REASON_UNHANDLED_PROTO);
		return false;
	}
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_UNHANDLED_PROTO);
	return false;
}

/* RFC 2711. */
static bool ipv6_hop_ra(struct softnet_data *sd, struct sk_buff *skb, uint32_t off)
{
	const uint8_t *p = skb_network_header(skb) + off;

	if (p[1] == 2) {
		skb->ip6.flags |= IP6SKB_ROUTERALERT;
		skb->ip6.ra = (uint16_t)(p[2] << 8 | p[3]);
		return true;
	}
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
	return false;
}

/* RFC 9486: not asked for here, and so passed on; at an offset of 4n. */
static bool ipv6_hop_ioam(struct softnet_data *sd, struct sk_buff *skb, uint32_t off)
{
	if (!(off & 3))
		return true;
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
	return false;
}

/* RFC 5570: there is no domain of interpretation in which a label could be valid. */
static bool ipv6_hop_calipso(struct softnet_data *sd, struct sk_buff *skb)
{
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
	return false;
}

/* RFC 2675. */
static bool ipv6_hop_jumbo(struct softnet_data *sd, struct sk_buff *skb, uint32_t off)
{
	const struct ipv6hdr *hdr = ipv6_hdr(skb);
	const uint8_t *p = (const uint8_t *)hdr + off;
	uint32_t len;

	/* alignment 4n + 2 */
	if (p[1] != 4 || (off & 3) != 2) {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
		return false;
	}
	memcpy(&len, p + 2, 4);
	len = ntohl(len);
	if (len <= UINT16_MAX) {
		icmpv6_param_prob(sd, skb, ICMPV6_HDR_FIELD, off + 2, SKB_DROP_REASON_IP_INHDR);
		return false;
	}
	if (hdr->payload_len) {
		icmpv6_param_prob(sd, skb, ICMPV6_HDR_FIELD, off, SKB_DROP_REASON_IP_INHDR);
		return false;
	}
	if (len > skb_network_len(skb) - sizeof(*hdr)) {
		IP6_INC_STATS(sd, dev_net(skb->dev), IPSTATS_MIB_INTRUNCATEDPKTS);
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return false;
	}
	pskb_trim(skb, len + (uint32_t)sizeof(*hdr));
	skb->ip6.flags |= IP6SKB_JUMBOGRAM;
	return true;
}

/*
 * The options of the header at off, len bytes with its first two (ip6_parse_tlv). hop: which are
 * known. False: the packet was dropped.
 */
static bool ip6_parse_tlv(struct softnet_data *sd, struct sk_buff *skb, uint32_t off, uint32_t len,
			  bool hop)
{
	uint32_t end = off + len, padlen = 0, count = 0;

	for (off += 2; off < end;) {
		const uint8_t *p = skb_network_header(skb) + off;
		uint32_t optlen;

		if (p[0] == IPV6_TLV_PAD1) {
			if (++padlen > 7)
				goto bad;
			off++;
			continue;
		}
		if (end - off < 2)
			goto bad;
		optlen = p[1] + 2u;
		if (optlen > end - off)
			goto bad;
		if (p[0] == IPV6_TLV_PADN) {
			/* at most 7 bytes in a row, and of zeros: RFC 4942 2.1.9.5 */
			padlen += optlen;
			if (padlen > 7)
				goto bad;
			for (uint32_t i = 2; i < optlen; i++)
				if (p[i])
					goto bad;
			off += optlen;
			continue;
		}
		padlen = 0;
		if (++count > IP6_MAX_OPTS_CNT)
			goto bad;
		if (hop && p[0] == IPV6_TLV_ROUTERALERT) {
			if (!ipv6_hop_ra(sd, skb, off))
				return false;
		} else if (hop && p[0] == IPV6_TLV_JUMBO) {
			if (!ipv6_hop_jumbo(sd, skb, off))
				return false;
		} else if (hop && p[0] == IPV6_TLV_IOAM) {
			if (!ipv6_hop_ioam(sd, skb, off))
				return false;
		} else if (hop && p[0] == IPV6_TLV_CALIPSO) {
			return ipv6_hop_calipso(sd, skb);
		} else if (!ip6_tlvopt_unknown(sd, skb, off)) {
			return false;
		}
		off += optlen;
	}
	return true;

bad:
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
	return false;
}

bool ipv6_parse_hopopts(struct softnet_data *sd, struct sk_buff *skb)
{
	uint32_t off = sizeof(struct ipv6hdr), len;

	if (!pskb_may_pull(skb, off + 8))
		goto fail;
	len = (skb_network_header(skb)[off + 1] + 1u) * 8;
	if (!pskb_may_pull(skb, off + len))
		goto fail;
	if (!ip6_parse_tlv(sd, skb, off, len, true))
		return false;
	skb->transport_header = (uint16_t)(skb->network_header + off + len);
	skb->ip6.nhoff = (uint16_t)off;
	return true;

fail:
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
	return false;
}

/* RFC 5095: type 0 is gone, and we are no segment of any other. True: nothing left in it. */
static bool ipv6_rthdr_rcv(struct softnet_data *sd, struct sk_buff *skb, uint32_t off)
{
	const uint8_t *p = skb_network_header(skb) + off;

	if (skb->pkt_type != PACKET_HOST) {
		IP6_INC_STATS(sd, dev_net(skb->dev), IPSTATS_MIB_INADDRERRORS);
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INADDRERRORS);
		return false;
	}
	if (p[2] == IPV6_SRCRT_TYPE_3 || p[2] == IPV6_SRCRT_TYPE_4) {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return false;
	}
	if (!p[3])
		return true;
	IP6_INC_STATS(sd, dev_net(skb->dev), IPSTATS_MIB_INHDRERRORS);
	icmpv6_param_prob(sd, skb, ICMPV6_HDR_FIELD, off + 2, SKB_DROP_REASON_IP_INHDR);
	return false;
}

int ip6_protocol_deliver(struct softnet_data *sd, struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct net *net = dev_net(skb->dev);

	for (int i = 0; i < IP6_EXTHDRS_MAX; i++) {
		uint32_t off = (uint32_t)(skb->transport_header - skb->network_header), len = 8;
		uint8_t nexthdr = skb_network_header(skb)[skb->ip6.nhoff];

		switch (nexthdr) {
		case NEXTHDR_HOP:
			/* only as the first header, and that one is behind us */
			IP6_INC_STATS(sd, net, IPSTATS_MIB_INUNKNOWNPROTOS);
			icmpv6_param_prob(sd, skb, ICMPV6_UNK_NEXTHDR, skb->ip6.nhoff,
					  SKB_DROP_REASON_IP_NOPROTO);
			return -1;
		case NEXTHDR_ROUTING:
		case NEXTHDR_DEST:
		case NEXTHDR_FRAGMENT:
			break;
		default:
			return nexthdr;
		}
		if (!pskb_may_pull(skb, off + 8))
			goto header;
		if (nexthdr == NEXTHDR_FRAGMENT) {
			skb = ipv6_frag_rcv(sd, skb, off);
			*pskb = skb;
			if (!skb)
				return -1;
			continue;
		}
		len = (skb_network_header(skb)[off + 1] + 1u) * 8;
		if (!pskb_may_pull(skb, off + len))
			goto header;
		if (nexthdr == NEXTHDR_ROUTING && !ipv6_rthdr_rcv(sd, skb, off))
			return -1;
		if (nexthdr == NEXTHDR_DEST && !ip6_parse_tlv(sd, skb, off, len, false)) {
			IP6_INC_STATS(sd, net, IPSTATS_MIB_INHDRERRORS);
			return -1;
		}
		skb->ip6.nhoff = (uint16_t)off;
		skb->transport_header = (uint16_t)(skb->transport_header + len);
	}
header:
	IP6_INC_STATS(sd, net, IPSTATS_MIB_INHDRERRORS);
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
	return -1;
}
