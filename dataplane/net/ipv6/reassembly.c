/* SPDX-License-Identifier: BSD-3-Clause */
/* reassembly.c - IPv6 reassembly (RFC 8200 4.5, RFC 5722, RFC 6946). */
#include <net/inet_frag.h>
#include <net/ip6_frag.h>
#include <net/ipv6.h>

#define IP6_OFFSET 0xfff8
#define IP6_MF     0x0001

/* Names the byte at ptr in a parameter problem; the fragment is dropped. */
static void ip6_frag_bad(struct softnet_data *sd, struct sk_buff *skb, uint32_t ptr)
{
	IP6_INC_STATS(sd, dev_net(skb->dev), IPSTATS_MIB_INHDRERRORS);
	icmpv6_send(sd, skb, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, ptr);
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IPV6_BAD_EXTHDR);
}

static void ip6_frag_fail(struct softnet_data *sd, struct sk_buff *skb, enum skb_drop_reason reason)
{
	IP6_INC_STATS(sd, dev_net(skb->dev), IPSTATS_MIB_REASMFAILS);
	kfree_skb_reason(sd, skb, reason);
}

/* One packet again, without the fragment header: what stood before it moves up against its data. */
static struct sk_buff *ip6_frag_reasm(struct softnet_data *sd, struct frag_queue *q)
{
	uint32_t off = q->pieces[0].hlen - (uint32_t)sizeof(struct frag_hdr), total = q->len + off;
	struct sk_buff *skb = q->pieces[0].skb;
	struct net *net = dev_net(skb->dev);
	struct rte_mbuf *m = skb_mbuf(skb);
	uint8_t *p;

	if (total - sizeof(struct ipv6hdr) > UINT16_MAX) {
		IP6_INC_STATS(sd, net, IPSTATS_MIB_REASMFAILS);
		inet_frag_kill(sd, q, SKB_DROP_REASON_PKT_TOO_BIG);
		return NULL;
	}
	inet_frag_reasm(sd, q);
	p = skb_network_header(skb);
	p[skb->ip6.nhoff] = p[off]; /* the fragment header's next header */
	memmove(rte_pktmbuf_mtod_offset(m, char *, sizeof(struct frag_hdr)),
		rte_pktmbuf_mtod(m, char *), skb_network_offset(skb) + off);
	rte_pktmbuf_adj(m, sizeof(struct frag_hdr));
	skb->network_header = (uint16_t)(skb->network_header + sizeof(struct frag_hdr));
	skb->transport_header = (uint16_t)(skb->network_header + off);
	ipv6_hdr(skb)->payload_len = htons((uint16_t)(total - sizeof(struct ipv6hdr)));
	IP6_INC_STATS(sd, net, IPSTATS_MIB_REASMOKS);
	return skb;
}

/* Takes what the piece says of the length of the whole. False: it contradicts what is known. */
static bool ip6_frag_length(struct frag_queue *q, const struct frag_piece *p, bool more)
{
	uint32_t end = p->offset + p->len;

	if (!more) {
		if (end < q->len || (q->last_in && end != q->len))
			return false;
		q->last_in = true;
		q->len = end;
	} else if (end > q->len) {
		if (q->last_in)
			return false;
		q->len = end;
	}
	return p->len > 0;
}

/* Adds to the queue; the whole packet, or NULL. */
static struct sk_buff *ip6_frag_queue(struct softnet_data *sd, struct frag_queue *q,
				      struct frag_piece *piece, bool more)
{
	struct sk_buff *skb = piece->skb;

	if (!ip6_frag_length(q, piece, more))
		goto discard;
	switch (inet_frag_queue_insert(sd, q, piece)) {
	case FRAG_KEPT:
		return NULL;
	case FRAG_COMPLETE:
		return ip6_frag_reasm(sd, q);
	case FRAG_DUP:
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_DUP_FRAG);
		return NULL;
	case FRAG_NOMEM:
		ip6_frag_fail(sd, skb, SKB_DROP_REASON_NOMEM);
		return NULL;
	case FRAG_OVERLAP:
		IP6_INC_STATS(sd, dev_net(skb->dev), IPSTATS_MIB_REASM_OVERLAPS);
		break;
	}
discard:
	inet_frag_kill(sd, q, SKB_DROP_REASON_NOT_SPECIFIED);
	ip6_frag_fail(sd, skb, SKB_DROP_REASON_NOT_SPECIFIED);
	return NULL;
}

static void ip6_frag_key(struct frag_key *key, const struct sk_buff *skb, uint32_t id)
{
	const struct ipv6hdr *hdr = ipv6_hdr(skb);

	memset(key, 0, sizeof(*key));
	memcpy(key->saddr, &hdr->saddr, 16);
	memcpy(key->daddr, &hdr->daddr, 16);
	key->id = id;
	key->net = dev_net(skb->dev);
	key->family = AF_INET6;
	if (ipv6_addr_is_multicast(&hdr->daddr) || ipv6_addr_linklocal(&hdr->daddr))
		key->iif = skb->skb_iif;
}

struct sk_buff *ipv6_frag_rcv(struct softnet_data *sd, struct sk_buff *skb, uint32_t off)
{
	uint32_t hlen = off + (uint32_t)sizeof(struct frag_hdr);
	struct net *net = dev_net(skb->dev);
	struct frag_key key;
	struct frag_piece piece = {.skb = skb, .hlen = hlen};
	struct frag_queue *q;
	struct frag_hdr fh;
	uint16_t frag_off;

	IP6_INC_STATS(sd, net, IPSTATS_MIB_REASMREQDS);
	/* a jumbogram is never a fragment */
	if (!ipv6_hdr(skb)->payload_len) {
		ip6_frag_bad(sd, skb, sizeof(struct ipv6hdr));
		return NULL;
	}
	memcpy(&fh, skb_network_header(skb) + off, sizeof(fh));
	frag_off = ntohs(fh.frag_off);
	if (!(frag_off & (IP6_OFFSET | IP6_MF))) {
		/* atomic (RFC 6946): whole, and whatever waits under its identification stays */
		skb->transport_header = (uint16_t)(skb->network_header + hlen);
		skb->ip6.nhoff = (uint16_t)off;
		IP6_INC_STATS(sd, net, IPSTATS_MIB_REASMOKS);
		return skb;
	}
	piece.offset = frag_off & IP6_OFFSET;
	piece.len = skb_network_len(skb) - hlen;
	if (piece.offset + piece.len > UINT16_MAX) {
		ip6_frag_bad(sd, skb, off + offsetof(struct frag_hdr, frag_off));
		return NULL;
	}
	if (frag_off & IP6_MF && piece.len & 7) {
		ip6_frag_bad(sd, skb, offsetof(struct ipv6hdr, payload_len));
		return NULL;
	}
	ip6_frag_key(&key, skb, fh.identification);
	q = inet_frag_find(sd, &key);
	if (!q) {
		ip6_frag_fail(sd, skb, SKB_DROP_REASON_NOMEM);
		return NULL;
	}
	return ip6_frag_queue(sd, q, &piece, frag_off & IP6_MF);
}
