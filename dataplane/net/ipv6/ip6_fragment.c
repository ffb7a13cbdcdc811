/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_fragment.c - a packet of our own in pieces (RFC 8200 4.5). Routers do not do this. */
#include <rte_random.h>

#include <net/ip6_frag.h>
#include <net/ipv6.h>

/*
 * The length of the part that every fragment repeats (IPv6 header, hop-by-hop, routing), and where
 * its last next-header byte is (ip6_find_1stfragopt). 0: headers that lie.
 */
static uint32_t ip6_unfragmentable(struct sk_buff *skb, uint32_t *nexthdr_off)
{
	uint32_t off = sizeof(struct ipv6hdr);

	*nexthdr_off = offsetof(struct ipv6hdr, nexthdr);
	for (;;) {
		uint8_t nexthdr = skb_network_header(skb)[*nexthdr_off];

		if (nexthdr != NEXTHDR_HOP && nexthdr != NEXTHDR_ROUTING)
			return off;
		if (!pskb_may_pull(skb, off + 8))
			return 0;
		*nexthdr_off = off;
		off += (skb_network_header(skb)[off + 1] + 1u) * 8;
		if (!pskb_may_pull(skb, off))
			return 0;
	}
}

void ip6_fragment(struct softnet_data *sd, struct sk_buff *skb, struct net_device *dev,
		  uint32_t mtu, const struct in6_addr *key)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_IP_INHDR;
	struct net *net = dev_net(dev);
	uint32_t nexthdr_off, hlen = ip6_unfragmentable(skb, &nexthdr_off), off = 0, left, room;
	struct frag_hdr fh = {.identification = (uint32_t)rte_rand()};
	struct in6_addr addr = *key;

	if (!hlen || mtu < hlen + sizeof(fh) + 8)
		goto fail;
	fh.nexthdr = skb_network_header(skb)[nexthdr_off];
	left = skb_network_len(skb) - hlen;
	room = (mtu - hlen - (uint32_t)sizeof(fh)) & ~7u;
	reason = SKB_DROP_REASON_NOMEM;
	while (left) {
		uint32_t len = RTE_MIN(left, room), head = hlen + (uint32_t)sizeof(fh);
		struct rte_mbuf *m = rte_pktmbuf_alloc(skb_pool);
		struct sk_buff *frag;
		const void *data;
		char *to;

		if (!m)
			goto fail;
		to = rte_pktmbuf_append(m, (uint16_t)(ETH_HLEN + head + len));
		if (!to) {
			rte_pktmbuf_free(m);
			goto fail;
		}
		frag = mbuf_skb(m);
		*frag = *skb;
		frag->network_header = (uint16_t)(m->data_off + ETH_HLEN);
		frag->transport_header = (uint16_t)(frag->network_header + head);
		memset(to, 0, ETH_HLEN);
		to += ETH_HLEN;
		memcpy(to, skb_network_header(skb), hlen);
		to[nexthdr_off] = NEXTHDR_FRAGMENT;
		((struct ipv6hdr *)to)->payload_len =
		    htons((uint16_t)(head + len - sizeof(struct ipv6hdr)));
		fh.frag_off = htons((uint16_t)(off | (left > len)));
		memcpy(to + hlen, &fh, sizeof(fh));
		data = rte_pktmbuf_read(skb_mbuf(skb), skb_network_offset(skb) + hlen + off, len,
					to + head);
		if (data != to + head)
			memcpy(to + head, data, len);
		ip6_finish_output2(sd, dev, frag, &addr);
		IP6_INC_STATS(sd, net, IPSTATS_MIB_FRAGCREATES);
		off += len;
		left -= len;
	}
	IP6_INC_STATS(sd, net, IPSTATS_MIB_FRAGOKS);
	consume_skb(skb);
	return;

fail:
	IP6_INC_STATS(sd, net, IPSTATS_MIB_FRAGFAILS);
	kfree_skb_reason(sd, skb, reason);
}
