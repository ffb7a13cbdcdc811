/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tun_gro.c - segments of one TCP stream that stand in a burst for a TAP are given to it as one
 * (dev_gro_receive, tcp_gro_receive): the first packet with its headers, the data of the others
 * behind it, and the size that they had. Their checksums were looked at here: its kernel takes the
 * whole as one whose checksum is still to be filled in, by whoever sends it on.
 *
 * Nothing waits for the next burst. A packet that is not of the kind goes after those of its flow
 * that came before it.
 */
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include <drivers/tun_gro.h>
#include <net/checksum.h>

/* What a packet is to those that are kept. */
enum gro_kind {
	GRO_STRANGE, /* nobody knows of which stream it is: it comes after all of them */
	GRO_OTHER,   /* of none of them */
	GRO_ALONE,   /* of a stream, and not to be merged */
	GRO_DATA,
};

/* The words that have to be alike in the headers of all. */
static bool gro_same_flow(const struct gro_flow *f, const struct gro_packet *p)
{
	const uint8_t *a = f->first.eth, *b = p->eth;

	if (f->first.file != p->file || f->first.v4 != p->v4 || memcmp(a, b, 2 * ETH_ALEN) != 0)
		return false;
	/* addresses and ports; IPv4 and IPv6 options and extensions are not merged */
	return !memcmp(a + ETH_HLEN + (p->v4 ? 12 : 8), b + ETH_HLEN + (p->v4 ? 12 : 8),
		       (p->v4 ? 8u : 32u) + 4);
}

/* Cut again, packets have the numbers that follow the first one's: RFC 6864 where none is needed.
 */
static bool gro_same_id(const struct gro_flow *f, const struct gro_packet *p)
{
	const struct iphdr *a = (const struct iphdr *)(f->first.eth + ETH_HLEN);
	const struct iphdr *b = (const struct iphdr *)(p->eth + ETH_HLEN);

	if (!p->file->forwards || a->frag_off & htons(IP_DF))
		return true;
	return (uint16_t)(ntohs(b->id) - ntohs(a->id)) == f->n;
}

static bool gro_fits(const struct gro_flow *f, const struct gro_packet *p)
{
	const uint8_t *a = f->first.eth + ETH_HLEN, *b = p->eth + ETH_HLEN;
	const struct tcphdr *th = (const struct tcphdr *)(f->first.eth + f->first.l4);
	const struct tcphdr *th2 = (const struct tcphdr *)(p->eth + p->l4);
	bool same_ip;

	if (p->v4) /* TOS, DF, TTL */
		same_ip = a[1] == b[1] && a[6] == b[6] && a[8] == b[8] && gro_same_id(f, p);
	else /* class and flow label, hop limit */
		same_ip = !memcmp(a, b, 4) && a[7] == b[7];
	return same_ip && f->n < GRO_SEGS_MAX && ntohl(th2->seq) == f->next &&
	       th2->ack_seq == th->ack_seq && th2->window == th->window && p->hdr == f->first.hdr &&
	       !memcmp(th + 1, th2 + 1, p->hdr - p->l4 - sizeof(*th)) && !f->closed &&
	       p->len <= f->first.len && f->bytes + p->len <= 65535 - p->hdr;
}

/* GRO_ALONE: it is TCP, whose header is where p says; *end: of the packet. */
static enum gro_kind gro_network(struct gro_packet *p, uint32_t *end)
{
	const uint8_t *ip = p->eth + ETH_HLEN;
	uint32_t len = p->m->data_len;
	uint16_t type;

	memcpy(&type, p->eth + 12, 2);
	p->v4 = type == htons(ETH_P_IP);
	if (p->v4 && len >= ETH_HLEN + sizeof(struct iphdr)) {
		if (ip[9] != IPPROTO_TCP)
			return GRO_OTHER;
		if (ip[0] != 0x45 || ip[6] & 0x3f || ip[7])
			return GRO_STRANGE; /* options, fragments */
		p->l4 = ETH_HLEN + sizeof(struct iphdr);
		*end = ETH_HLEN + ((uint32_t)ip[2] << 8 | ip[3]);
	} else if (type == htons(ETH_P_IPV6) && len >= ETH_HLEN + sizeof(struct ip6_hdr)) {
		if (ip[6] == IPPROTO_UDP || ip[6] == IPPROTO_ICMPV6)
			return GRO_OTHER;
		if (ip[6] != IPPROTO_TCP)
			return GRO_STRANGE;
		p->l4 = ETH_HLEN + sizeof(struct ip6_hdr);
		*end = p->l4 + ((uint32_t)ip[4] << 8 | ip[5]);
	} else {
		return GRO_STRANGE;
	}
	return p->l4 + sizeof(struct tcphdr) <= len ? GRO_ALONE : GRO_STRANGE;
}

/* Where the parts of a packet are. */
static enum gro_kind gro_parse(struct gro_packet *p)
{
	uint32_t end = 0;
	enum gro_kind kind = gro_network(p, &end);
	uint8_t flags;

	if (kind != GRO_ALONE)
		return kind;
	flags = p->eth[p->l4 + 13];
	p->hdr = p->l4 + (uint32_t)(p->eth[p->l4 + 12] >> 4) * 4;
	/* the input path has cut what the link padded */
	if (p->m->nb_segs != 1 || end != p->m->data_len || p->hdr < p->l4 + sizeof(struct tcphdr) ||
	    p->hdr >= end)
		return GRO_ALONE;
	p->len = end - p->hdr;
	p->push = flags & TH_PUSH;
	return (flags & ~TH_PUSH) == TH_ACK ? GRO_DATA : GRO_ALONE;
}

/* The pseudo header of len bytes of TCP, as a sum. */
static uint64_t gro_pseudo(const struct gro_packet *p, uint32_t len)
{
	const uint8_t *ip = p->eth + ETH_HLEN;

	return csum_partial(ip + (p->v4 ? 12 : 8), p->v4 ? 8 : 32,
			    (uint64_t)htons(IPPROTO_TCP) + htons((uint16_t)len));
}

static bool gro_checksum_ok(const struct gro_packet *p)
{
	uint32_t len = p->hdr - p->l4 + p->len;

	if ((p->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	return !csum_fold(csum_partial(p->eth + p->l4, len, gro_pseudo(p, len)));
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
	tun_writev(f->first.file, &vh, f->iov, f->n, f->n);
	f->n = 0;
}

void tun_gro_flush(struct gro *g)
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
			tun_gro_flush(g);
		f = &g->flow[g->n++];
	}
	f->first = *p;
	f->n = 1;
	f->bytes = p->len;
	f->iov[1] = (struct iovec){.iov_base = p->eth, .iov_len = p->hdr + p->len};
	f->next = ntohl(((const struct tcphdr *)(p->eth + p->l4))->seq) + p->len;
	f->push = p->push;
	f->closed = p->push;
}

static void gro_append(struct gro_flow *f, const struct gro_packet *p)
{
	f->n++;
	f->iov[f->n] = (struct iovec){.iov_base = p->eth + p->hdr, .iov_len = p->len};
	f->bytes += p->len;
	f->next += p->len;
	f->push |= p->push;
	/* a short one is the last, and so is one that is pushed */
	f->closed = p->len < f->first.len || p->push;
}

void tun_gro_receive(struct gro *g, struct tun_file *file, struct rte_mbuf *m)
{
	struct gro_packet p = {.file = file, .m = m, .eth = rte_pktmbuf_mtod(m, uint8_t *)};
	enum gro_kind kind = gro_parse(&p);
	struct gro_flow *f = NULL;

	if (kind == GRO_STRANGE)
		tun_gro_flush(g);
	else if (kind != GRO_OTHER)
		f = gro_find(g, &p);
	/* one whose checksum is wrong goes as it is: who gets it counts it */
	if (kind == GRO_DATA && gro_checksum_ok(&p)) {
		if (f && gro_fits(f, &p)) {
			gro_append(f, &p);
			return;
		}
		if (f)
			gro_flush_flow(f);
		gro_open(g, f, &p);
		return;
	}
	if (f)
		gro_flush_flow(f);
	tun_write(file, m);
}
