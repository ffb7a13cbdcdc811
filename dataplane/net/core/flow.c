/* SPDX-License-Identifier: BSD-3-Clause */
/* flow.c - flow keys of a packet, and their keyed hash. */
#include <rte_prefetch.h>

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

static inline uint64_t flow_hash_from_keys(const struct flow_keys *k)
{
	uint64_t h;

	h = flow_mix(k->src[0] ^ flow_seed[0], k->dst[0] ^ flow_seed[1]);
	h ^= flow_mix(k->src[1] ^ flow_seed[2], k->dst[1] ^ flow_seed[3]);
	return flow_mix(h ^ flow_seed[4], ((uint64_t)k->ports << 32 | k->proto) ^ flow_seed[0]);
}

static uint32_t flow_hash(const struct flow_keys *k)
{
	return (uint32_t)(flow_hash_from_keys(k) >> 33);
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

/* --- before the packet is anybody's: frames as they were received ---------------------------- */

/*
 * Both directions of a flow have the same hash: of the two ends, the lower comes first
 * (__flow_hash_consistentify).
 */
static inline uint32_t flow_hash_ends4(uint32_t src, uint32_t dst, uint32_t ports, uint32_t proto)
{
	uint32_t back = ports << 16 | ports >> 16;
	bool swap = src == dst ? ports > back : src > dst;
	uint64_t ends = swap ? (uint64_t)dst << 32 | src : (uint64_t)src << 32 | dst;
	uint64_t rest = (uint64_t)(swap ? back : ports) << 32 | proto;
	uint64_t h = flow_mix(flow_mix(ends ^ flow_seed[0], rest ^ flow_seed[1]), flow_seed[4]);
	uint32_t hash = (uint32_t)(h >> 32);

	return hash + !hash;
}

static inline uint32_t flow_hash_ends6(struct flow_keys *k)
{
	__uint128_t src = (__uint128_t)k->src[0] << 64 | k->src[1];
	__uint128_t dst = (__uint128_t)k->dst[0] << 64 | k->dst[1];
	uint32_t back = k->ports << 16 | k->ports >> 16;
	bool swap = src == dst ? k->ports > back : src > dst;
	uint64_t mask = -(uint64_t)swap;
	uint32_t hash;

	for (int i = 0; i < 2; i++) {
		uint64_t x = (k->src[i] ^ k->dst[i]) & mask;

		k->src[i] ^= x;
		k->dst[i] ^= x;
	}
	k->ports ^= (k->ports ^ back) & (uint32_t)mask;
	hash = (uint32_t)(flow_hash_from_keys(k) >> 32);
	return hash + !hash;
}

/* A fragment has no ports, the first one neither: all of a packet come to one place. */
static inline uint32_t skb_get_hash4(const uint8_t *p, uint32_t len)
{
	const struct iphdr *iph = (const struct iphdr *)p;
	uint32_t ports = 0, hlen;

	if (unlikely(len < sizeof(*iph)))
		return 0;
	hlen = iph->ihl * 4u;
	if (likely(proto_has_ports(iph->protocol) && !ip_is_fragment(iph) && hlen + 4 <= len))
		memcpy(&ports, p + hlen, 4);
	return flow_hash_ends4(iph->saddr, iph->daddr, ports, iph->protocol);
}

static inline void flow_ports(struct flow_keys *k, const uint8_t *p, uint32_t room)
{
	if (proto_has_ports((uint8_t)k->proto) && room >= 4)
		memcpy(&k->ports, p, 4);
}

/* How many extension headers the ports are looked for behind. */
#define FLOW_EXTHDRS 8

static __rte_noinline void flow_dissect_exthdrs(struct flow_keys *k, const uint8_t *p, uint32_t len)
{
	uint32_t off = sizeof(struct ipv6hdr);

	for (int i = 0; i < FLOW_EXTHDRS && off + 8 <= len; i++) {
		switch (k->proto) {
		case NEXTHDR_FRAGMENT:
			k->proto = 0; /* each fragment could say something else */
			return;
		case NEXTHDR_HOP:
		case NEXTHDR_ROUTING:
		case NEXTHDR_DEST:
			k->proto = p[off];
			off += (p[off + 1] + 1u) * 8;
			break;
		default:
			flow_ports(k, p + off, len - off);
			return;
		}
	}
}

static inline uint32_t skb_get_hash6(const uint8_t *p, uint32_t len)
{
	const struct ipv6hdr *hdr = (const struct ipv6hdr *)p;
	struct flow_keys k = {0};

	if (unlikely(len < sizeof(*hdr)))
		return 0;
	memcpy(k.src, &hdr->saddr, 16);
	memcpy(k.dst, &hdr->daddr, 16);
	k.proto = hdr->nexthdr;
	if (likely(proto_has_ports(hdr->nexthdr)))
		flow_ports(&k, p + sizeof(*hdr), len - sizeof(*hdr));
	else
		flow_dissect_exthdrs(&k, p, len);
	return flow_hash_ends6(&k);
}

/* Tags that the network header is looked for behind. */
#define FLOW_TAGS 2

static __rte_noinline uint32_t skb_get_hash_tagged(const uint8_t *p, uint32_t len)
{
	uint32_t off = ETH_HLEN;
	uint16_t protocol;

	memcpy(&protocol, p + 12, 2);
	for (int i = 0; i < FLOW_TAGS && len >= off + 4 &&
			(protocol == htons(ETH_P_8021Q) || protocol == htons(ETH_P_8021AD));
	     i++) {
		memcpy(&protocol, p + off + 2, 2);
		off += 4;
	}
	if (protocol == htons(ETH_P_IP))
		return skb_get_hash4(p + off, len - off);
	if (protocol == htons(ETH_P_IPV6))
		return skb_get_hash6(p + off, len - off);
	return 0;
}

static inline uint32_t skb_get_hash_symmetric(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = m->data_len;
	uint16_t protocol;

	if (unlikely(len < ETH_HLEN))
		return 0;
	memcpy(&protocol, p + 12, 2);
	if (likely(protocol == htons(ETH_P_IP)))
		return skb_get_hash4(p + ETH_HLEN, len - ETH_HLEN);
	if (likely(protocol == htons(ETH_P_IPV6)))
		return skb_get_hash6(p + ETH_HLEN, len - ETH_HLEN);
	return skb_get_hash_tagged(p, len);
}

void skb_get_hash_list(struct rte_mbuf *const *pkts, uint32_t *hash, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned int i = 0; i < n; i++)
		hash[i] = skb_get_hash_symmetric(pkts[i]);
}
