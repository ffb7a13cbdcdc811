/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * twin_gro.c - segments of one TCP stream that stand in a burst for the host are given to it as one
 * (dev_gro_receive, tcp_gro_receive): the first packet with its headers, the data of the others
 * behind it, and the size that they had. Their checksums were looked at here: the host takes the
 * whole as one whose checksum is still to be filled in, which it never is.
 *
 * Nothing waits for the next burst. A packet that is not of the kind goes after those of its flow
 * that came before it.
 */
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include <rte_ip.h>

#include <drivers/twin_gro.h>
#include <net/checksum.h>

#define TH_MERGEABLE (TH_ACK | TH_PUSH)

/* The words that have to be alike in the headers of all. */
static bool gro_same_flow(const struct gro_flow *f, const struct gro_packet *p)
{
	const uint8_t *a = f->first.eth, *b = p->eth;

	if (f->tw != p->tw || f->first.v4 != p->v4 || f->first.l4 != p->l4)
		return false;
	/* addresses and ports; IPv4 and IPv6 options and extensions are not merged */
	return !memcmp(a + ETH_HLEN + (p->v4 ? 12 : 8), b + ETH_HLEN + (p->v4 ? 12 : 8),
		       (p->v4 ? 8u : 32u) + 4);
}

static bool gro_fits(const struct gro_flow *f, const struct gro_packet *p)
{
	const uint8_t *a = f->first.eth + ETH_HLEN, *b = p->eth + ETH_HLEN;
	const struct tcphdr *th = (const struct tcphdr *)(f->first.eth + f->first.l4);
	const struct tcphdr *th2 = (const struct tcphdr *)(p->eth + p->l4);
	bool same_ip;

	if (p->v4) /* TOS, DF, TTL */
		same_ip = a[1] == b[1] && a[6] == b[6] && a[8] == b[8];
	else /* class and flow label, hop limit */
		same_ip = !memcmp(a, b, 4) && a[7] == b[7];
	return same_ip && f->n < GRO_SEGS_MAX && ntohl(th2->seq) == f->next &&
	       th2->ack_seq == th->ack_seq && th2->window == th->window && p->hdr == f->first.hdr &&
	       !memcmp(th + 1, th2 + 1, p->hdr - p->l4 - sizeof(*th)) && !f->closed &&
	       p->len <= f->first.len && f->bytes + p->len <= 65535 - p->hdr;
}

/* Where the parts of a packet are; false: it is not to be merged. */
static bool gro_parse(struct gro_packet *p)
{
	const struct rte_mbuf *m = p->m;
	const uint8_t *ip = p->eth + ETH_HLEN;
	const struct tcphdr *th;
	uint16_t type;
	uint32_t end;

	memcpy(&type, p->eth + 12, 2);
	if (m->nb_segs != 1 || m->data_len < ETH_HLEN + sizeof(struct ip6_hdr) + sizeof(*th))
		return false;
	p->v4 = type == htons(ETH_P_IP);
	if (p->v4) {
		if (ip[0] != 0x45 || (ip[6] & 0x3f) || ip[7] || ip[9] != IPPROTO_TCP)
			return false;
		p->l4 = ETH_HLEN + sizeof(struct iphdr);
		end = ETH_HLEN + ((uint32_t)ip[2] << 8 | ip[3]);
	} else {
		if (type != htons(ETH_P_IPV6) || ip[6] != IPPROTO_TCP)
			return false;
		p->l4 = ETH_HLEN + sizeof(struct ip6_hdr);
		end = p->l4 + ((uint32_t)ip[4] << 8 | ip[5]);
	}
	th = (const struct tcphdr *)(p->eth + p->l4);
	p->hdr = p->l4 + (uint32_t)(p->eth[p->l4 + 12] >> 4) * 4;
	/* the input path has cut what the link padded */
	if (end != m->data_len || p->hdr < p->l4 + sizeof(*th) || p->hdr >= end)
		return false;
	p->len = end - p->hdr;
	p->push = p->eth[p->l4 + 13] & TH_PUSH;
	return (p->eth[p->l4 + 13] & ~TH_PUSH) == TH_ACK;
}

/* The pseudo header of len bytes of TCP, as a sum. */
static uint64_t gro_pseudo(const struct gro_packet *p, uint32_t len)
{
	const uint8_t *ip = p->eth + ETH_HLEN;

	return (uint64_t)rte_raw_cksum(ip + (p->v4 ? 12 : 8), p->v4 ? 8 : 32) + htons(IPPROTO_TCP) +
	       htons((uint16_t)len);
}

static bool gro_checksum_ok(const struct gro_packet *p)
{
	uint32_t len = p->hdr - p->l4 + p->len;

	if ((p->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	return !csum_fold(gro_pseudo(p, len) + rte_raw_cksum(p->eth + p->l4, len));
}

/* The headers of the first packet become those of all. */
static void gro_complete(struct gro_flow *f, struct virtio_net_hdr *vh)
{
	struct gro_packet *p = &f->first;
	uint32_t l4_len = p->hdr - p->l4 + f->bytes;
	uint8_t *ip = p->eth + ETH_HLEN;
	struct tcphdr *th = (struct tcphdr *)(p->eth + p->l4);

	if (p->v4) {
		struct iphdr *iph = (struct iphdr *)ip;

		iph->tot_len = htons((uint16_t)(sizeof(*iph) + l4_len));
		iph->check = 0;
		iph->check = ip_fast_csum(iph, 5);
	} else {
		((struct ip6_hdr *)ip)->ip6_plen = htons((uint16_t)l4_len);
	}
	if (f->push)
		p->eth[p->l4 + 13] |= TH_PUSH;
	th->check = (uint16_t)~csum_fold(gro_pseudo(p, l4_len));
	*vh = (struct virtio_net_hdr){
	    .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	    .gso_type = p->v4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6,
	    .hdr_len = (uint16_t)p->hdr,
	    .gso_size = (uint16_t)p->len,
	    .csum_start = (uint16_t)p->l4,
	    .csum_offset = offsetof(struct tcphdr, check),
	};
}

static void gro_flush_flow(struct gro_flow *f)
{
	struct virtio_net_hdr vh = {0};

	if (f->n > 1)
		gro_complete(f, &vh);
	twin_writev(f->tw, &vh, f->iov, f->n, f->n);
	f->n = 0;
}

void twin_gro_flush(struct gro *g)
{
	for (uint32_t i = 0; i < g->n; i++)
		if (g->flow[i].n)
			gro_flush_flow(&g->flow[i]);
	g->n = 0;
}

/* The flow that a packet is of; NULL: none is open. */
static struct gro_flow *gro_find(struct gro *g, const struct gro_packet *p)
{
	for (uint32_t i = 0; i < g->n; i++)
		if (g->flow[i].n && gro_same_flow(&g->flow[i], p))
			return &g->flow[i];
	return NULL;
}

static void gro_open(struct gro *g, struct gro_flow *f, const struct gro_packet *p)
{
	if (!f) {
		if (g->n == GRO_FLOWS)
			twin_gro_flush(g);
		f = &g->flow[g->n++];
	}
	*f = (struct gro_flow){.tw = p->tw, .first = *p, .n = 1, .bytes = p->len};
	f->iov[1] = (struct iovec){.iov_base = p->eth, .iov_len = p->hdr + p->len};
	f->next = ntohl(((const struct tcphdr *)(p->eth + p->l4))->seq) + p->len;
	f->push = p->push;
	f->closed = p->push;
}

bool twin_gro_receive(struct gro *g, struct twin *tw, struct rte_mbuf *m)
{
	struct gro_packet p = {.tw = tw, .m = m, .eth = rte_pktmbuf_mtod(m, uint8_t *)};
	struct gro_flow *f;
	bool whole;

	/* whatever else is of a stream must not overtake it */
	if (!gro_parse(&p)) {
		twin_gro_flush(g);
		return false;
	}
	f = gro_find(g, &p);
	whole = gro_checksum_ok(&p);
	if (f && whole && gro_fits(f, &p)) {
		f->n++;
		f->iov[f->n] = (struct iovec){.iov_base = p.eth + p.hdr, .iov_len = p.len};
		f->bytes += p.len;
		f->next += p.len;
		f->push |= p.push;
		/* a short one is the last, and so is one that is pushed */
		f->closed = p.len < f->first.len || p.push;
		return true;
	}
	if (f)
		gro_flush_flow(f);
	if (!whole)
		return false; /* the host counts it */
	gro_open(g, f, &p);
	return true;
}
