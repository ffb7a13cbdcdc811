/* SPDX-License-Identifier: BSD-3-Clause */
/* ip_defrag.c - IPv4 reassembly of packets for us (RFC 791 3.2, RFC 815). */
#include <net/checksum.h>
#include <net/inet_frag.h>
#include <net/ip.h>

static void ip_frag_fail(struct softnet_data *sd, struct sk_buff *skb, enum skb_drop_reason reason)
{
	IP_INC_STATS(sd, dev_net(skb->dev), IPSTATS_MIB_REASMFAILS);
	kfree_skb_reason(sd, skb, reason);
}

/* One packet again: the length and the flags of its header are those of the whole. */
static struct sk_buff *ip_frag_reasm(struct softnet_data *sd, struct frag_queue *q)
{
	uint32_t len = q->len + q->pieces[0].hlen;
	struct sk_buff *skb = q->pieces[0].skb;
	struct net *net = dev_net(skb->dev);
	struct iphdr *iph = ip_hdr(skb);

	if (len > UINT16_MAX) {
		IP_INC_STATS(sd, net, IPSTATS_MIB_REASMFAILS);
		inet_frag_kill(sd, q, SKB_DROP_REASON_PKT_TOO_BIG);
		return NULL;
	}
	inet_frag_reasm(sd, q);
	iph->tot_len = htons((uint16_t)len);
	iph->frag_off = 0;
	iph->check = 0;
	iph->check = ip_fast_csum(iph, iph->ihl);
	IP_INC_STATS(sd, net, IPSTATS_MIB_REASMOKS);
	return skb;
}

/* Takes what skb has of the whole. False: it contradicts what is known. */
static bool ip_frag_length(struct frag_queue *q, struct frag_piece *p, bool more)
{
	uint32_t end = p->offset + p->len;

	if (!more) {
		if (end < q->len || (q->last_in && end != q->len))
			return false;
		q->last_in = true;
		q->len = end;
	} else {
		p->len &= ~7u;
		end = p->offset + p->len;
		if (end > q->len) {
			if (q->last_in)
				return false;
			q->len = end;
		}
	}
	return p->len > 0;
}

struct sk_buff *ip_defrag(struct softnet_data *sd, struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);
	uint16_t frag_off = ntohs(iph->frag_off);
	struct net *net = dev_net(skb->dev);
	struct frag_key key = {
	    .id = iph->id,
	    .net = net,
	    .family = AF_INET,
	    .protocol = iph->protocol,
	};
	struct frag_piece piece = {
	    .skb = skb,
	    .hlen = iph->ihl * 4u,
	    .offset = (frag_off & IP_OFFSET) * 8u,
	};
	struct frag_queue *q;

	IP_INC_STATS(sd, net, IPSTATS_MIB_REASMREQDS);
	memcpy(key.saddr, &iph->saddr, 4);
	memcpy(key.daddr, &iph->daddr, 4);
	piece.len = skb_network_len(skb) - piece.hlen;
	q = inet_frag_find(sd, &key);
	if (!q) {
		ip_frag_fail(sd, skb, SKB_DROP_REASON_NOMEM);
		return NULL;
	}
	if (!ip_frag_length(q, &piece, frag_off & IP_MF))
		goto discard;
	if (piece.len + piece.hlen < skb_network_len(skb))
		pskb_trim(skb, piece.len + piece.hlen);
	switch (inet_frag_queue_insert(sd, q, &piece)) {
	case FRAG_KEPT:
		return NULL;
	case FRAG_COMPLETE:
		return ip_frag_reasm(sd, q);
	case FRAG_DUP:
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_DUP_FRAG);
		return NULL;
	case FRAG_NOMEM:
		ip_frag_fail(sd, skb, SKB_DROP_REASON_NOMEM);
		return NULL;
	case FRAG_OVERLAP:
		IP_INC_STATS(sd, net, IPSTATS_MIB_REASM_OVERLAPS);
		break;
	}
discard:
	inet_frag_kill(sd, q, SKB_DROP_REASON_NOT_SPECIFIED);
	ip_frag_fail(sd, skb, SKB_DROP_REASON_NOT_SPECIFIED);
	return NULL;
}
