/* SPDX-License-Identifier: BSD-3-Clause */
/* ip_fragment.c - a packet in pieces (RFC 791 3.2, ip_do_fragment). */
#include <netinet/ip_icmp.h>

#include <net/checksum.h>
#include <net/ip.h>

/* Bytes [off, off + len) behind the header of skb as a fragment with that header; NULL: no memory.
 */
static struct sk_buff *fragment_one(const struct sk_buff *skb, uint32_t hlen, uint32_t off,
				    uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(skb_pool);
	uint32_t l2 = skb_network_offset(skb);
	struct sk_buff *frag;
	const void *data;
	char *to;

	if (!m)
		return NULL;
	to = rte_pktmbuf_append(m, (uint16_t)(ETH_HLEN + hlen + len));
	if (!to) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	frag = mbuf_skb(m);
	*frag = *skb;
	frag->network_header = (uint16_t)(m->data_off + ETH_HLEN);
	frag->transport_header = (uint16_t)(frag->network_header + hlen);
	memset(to, 0, ETH_HLEN);
	memcpy(to + ETH_HLEN, ip_hdr(skb), hlen);
	data = rte_pktmbuf_read(skb_mbuf(skb), l2 + hlen + off, len, to + ETH_HLEN + hlen);
	if (data != to + ETH_HLEN + hlen)
		memcpy(to + ETH_HLEN + hlen, data, len);
	return frag;
}

void ip_fragment(struct softnet_data *sd, struct sk_buff *skb, struct net_device *dev, uint32_t mtu,
		 uint8_t family, const void *key)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_PKT_TOO_BIG;
	struct net *net = dev_net(dev);
	struct iphdr *iph = ip_hdr(skb);
	uint32_t hlen = iph->ihl * 4u, left = skb_network_len(skb) - hlen, off = 0;
	uint16_t frag_off = ntohs(iph->frag_off);
	uint8_t addr[16] = {0};
	uint32_t room;

	if (frag_off & IP_DF) {
		icmp_send(sd, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
		goto fail;
	}
	if (mtu < hlen + 8)
		goto fail;
	memcpy(addr, key, family == AF_INET ? 4 : 16);
	room = (mtu - hlen) & ~7u;
	while (left) {
		uint32_t len = left <= mtu - hlen ? left : room;
		uint16_t more = left > len ? IP_MF : frag_off & IP_MF;
		struct sk_buff *frag = fragment_one(skb, hlen, off, len);

		if (!frag) {
			reason = SKB_DROP_REASON_NOMEM;
			goto fail;
		}
		iph = ip_hdr(frag);
		iph->frag_off = htons((uint16_t)(((frag_off & IP_OFFSET) + off / 8) | more));
		iph->tot_len = htons((uint16_t)(hlen + len));
		if (off && hlen > sizeof(*iph))
			ip_options_fragment((uint8_t *)(iph + 1), hlen - (uint32_t)sizeof(*iph));
		iph->check = 0;
		iph->check = ip_fast_csum(iph, iph->ihl);
		ip_finish_output2(sd, dev, frag, family, addr);
		IP_INC_STATS(sd, net, IPSTATS_MIB_FRAGCREATES);
		off += len;
		left -= len;
	}
	IP_INC_STATS(sd, net, IPSTATS_MIB_FRAGOKS);
	consume_skb(skb);
	return;

fail:
	IP_INC_STATS(sd, net, IPSTATS_MIB_FRAGFAILS);
	kfree_skb_reason(sd, skb, reason);
}
