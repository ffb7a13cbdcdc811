/* SPDX-License-Identifier: BSD-3-Clause */
/* flow.c - flow keys of a packet, and their keyed hash. */
#include <net/flow.h>
#include <net/ip.h>
#include <net/ipv6.h>

/* Addresses of either family, then ports and protocol or the flow label. */
struct flow_keys {
	uint64_t src[2], dst[2];
	uint32_t ports; /* as in the packet, or the flow label */
	uint32_t proto;
};

static uint64_t flow_seed[5];

void flow_hash_init(const uint8_t seed[40])
{
	memcpy(flow_seed, seed, sizeof(flow_seed));
	flow_seed[4] |= 1;
}

static inline uint64_t flow_mix(uint64_t a, uint64_t b)
{
	__uint128_t p = (__uint128_t)(a ^ 0x9e3779b97f4a7c15ULL) * (b ^ 0xd6e8feb86659fd93ULL);

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint32_t flow_hash(const struct flow_keys *k)
{
	uint64_t h;

	h = flow_mix(k->src[0] ^ flow_seed[0], k->dst[0] ^ flow_seed[1]);
	h ^= flow_mix(k->src[1] ^ flow_seed[2], k->dst[1] ^ flow_seed[3]);
	h = flow_mix(h ^ flow_seed[4], ((uint64_t)k->ports << 32 | k->proto) ^ flow_seed[0]);
	return (uint32_t)(h >> 33);
}

static bool icmp_is_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/*
 * The addresses that an IPv4 packet is balanced by: those of the packet that an ICMP error is
 * about, so that the error takes the way of its flow.
 */
static const struct iphdr *ip_multipath_l3_keys(struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);
	uint32_t hlen = iph->ihl * 4u;

	if (likely(iph->protocol != IPPROTO_ICMP) || (iph->frag_off & htons(IP_OFFSET)))
		return iph;
	if (!pskb_may_pull(skb, hlen + 8 + sizeof(struct iphdr)))
		return ip_hdr(skb);
	iph = ip_hdr(skb);
	if (!icmp_is_error(((const uint8_t *)iph)[hlen]))
		return iph;
	return (const struct iphdr *)((const char *)iph + hlen + 8);
}

static bool proto_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_DCCP;
}

uint32_t fib_multipath_hash(const struct net *net, struct sk_buff *skb)
{
	struct flow_keys k = {0};
	const struct iphdr *iph = ip_hdr(skb);
	uint32_t hlen = iph->ihl * 4u;

	if (net->conf[DP_NET_MULTIPATH_HASH_POLICY] == 1 && !ip_is_fragment(iph)) {
		k.proto = iph->protocol;
		if (proto_has_ports(iph->protocol) && pskb_may_pull(skb, hlen + 4)) {
			iph = ip_hdr(skb);
			memcpy(&k.ports, (const char *)iph + hlen, 4);
		}
	} else {
		iph = ip_multipath_l3_keys(skb);
	}
	k.src[0] = iph->saddr;
	k.dst[0] = iph->daddr;
	skb->hash = flow_hash(&k);
	return skb->hash;
}

/* The packet that an ICMPv6 error is about, or the packet itself. */
static const struct ipv6hdr *ip6_multipath_l3_keys(struct sk_buff *skb)
{
	const struct ipv6hdr *hdr = ipv6_hdr(skb);

	if (likely(hdr->nexthdr != NEXTHDR_ICMP))
		return hdr;
	if (!pskb_may_pull(skb, 2 * sizeof(*hdr) + 8))
		return ipv6_hdr(skb);
	hdr = ipv6_hdr(skb);
	if (((const uint8_t *)(hdr + 1))[0] & 0x80)
		return hdr;
	return (const struct ipv6hdr *)((const char *)(hdr + 1) + 8);
}

uint32_t rt6_multipath_hash(const struct net *net, struct sk_buff *skb)
{
	struct flow_keys k = {0};
	const struct ipv6hdr *hdr = ipv6_hdr(skb);

	if (net->conf[DP_NET_MULTIPATH_HASH_POLICY6] == 1 && hdr->nexthdr != NEXTHDR_FRAGMENT) {
		k.proto = hdr->nexthdr;
		if (proto_has_ports(hdr->nexthdr) && pskb_may_pull(skb, sizeof(*hdr) + 4)) {
			hdr = ipv6_hdr(skb);
			memcpy(&k.ports, hdr + 1, 4);
		}
	} else {
		uint32_t word;

		hdr = ip6_multipath_l3_keys(skb);
		memcpy(&word, hdr, 4);
		k.ports = word & htonl(0x000fffff);
		k.proto = hdr->nexthdr;
	}
	memcpy(k.src, &hdr->saddr, 16);
	memcpy(k.dst, &hdr->daddr, 16);
	skb->hash = flow_hash(&k);
	return skb->hash;
}
