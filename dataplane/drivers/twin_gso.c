/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * twin_gso.c - what a card would do with the frames of a socket: complete the checksum, and cut a
 * TCP stream or a train of UDP datagrams into packets that fit the link (tcp_gso_segment,
 * __udp_gso_segment).
 */
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <rte_ip.h>

#include <drivers/twin.h>
#include <net/checksum.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* Linux 6.2 */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

bool twin_checksum(uint8_t *frame, uint32_t len, const struct virtio_net_hdr *vh)
{
	uint32_t start = vh->csum_start, at = start + vh->csum_offset;
	uint16_t sum;

	if (start < ETH_HLEN || at + 2 > len)
		return false;
	/* the field holds the sum of the pseudo header */
	sum = (uint16_t)~rte_raw_cksum(frame + start, len - start);
	if (!sum)
		sum = 0xffff;
	memcpy(frame + at, &sum, 2);
	return true;
}

/* A frame that is to be cut, and where its parts are. */
struct gso_frame {
	const uint8_t *frame;
	uint32_t len;
	uint32_t l4;  /* offset of the transport header */
	uint32_t hdr; /* bytes that every packet repeats */
	uint32_t mss;
	uint8_t proto;
	bool v4;
};

static bool gso_parse(struct gso_frame *g, const struct virtio_net_hdr *vh)
{
	uint16_t type;

	g->mss = vh->gso_size;
	g->l4 = vh->csum_start;
	if (!(vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !g->mss)
		return false;
	switch (vh->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		g->proto = IPPROTO_TCP;
		if (g->l4 + sizeof(struct tcphdr) > g->len)
			return false;
		g->hdr = g->l4 + (uint32_t)(g->frame[g->l4 + 12] >> 4) * 4;
		if (g->hdr < g->l4 + sizeof(struct tcphdr))
			return false;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		g->proto = IPPROTO_UDP;
		g->hdr = g->l4 + (uint32_t)sizeof(struct udphdr);
		break;
	default:
		return false;
	}
	memcpy(&type, g->frame + 12, 2);
	g->v4 = type == htons(ETH_P_IP);
	if (!g->v4 && type != htons(ETH_P_IPV6))
		return false;
	return g->l4 >= ETH_HLEN + (g->v4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr)) &&
	       g->hdr < g->len;
}

/* The pseudo header of len bytes of transport, not folded. */
static uint64_t gso_pseudo(const struct gso_frame *g, const uint8_t *frame, uint32_t len)
{
	const uint8_t *ip = frame + ETH_HLEN;
	uint32_t addrs = g->v4 ? 8 : 32;

	return (uint64_t)rte_raw_cksum(ip + (g->v4 ? 12 : 8), addrs) + htons(g->proto) +
	       htons((uint16_t)len);
}

static void gso_ip(const struct gso_frame *g, uint8_t *frame, uint32_t len, uint16_t nth)
{
	uint8_t *ip = frame + ETH_HLEN;
	uint16_t l3 = (uint16_t)(len - ETH_HLEN);

	if (g->v4) {
		struct iphdr *iph = (struct iphdr *)ip;

		iph->tot_len = htons(l3);
		iph->id = htons((uint16_t)(ntohs(iph->id) + nth));
		iph->check = 0;
		iph->check = ip_fast_csum(iph, iph->ihl);
	} else {
		((struct ip6_hdr *)ip)->ip6_plen = htons((uint16_t)(l3 - sizeof(struct ip6_hdr)));
	}
}

static void gso_transport(const struct gso_frame *g, uint8_t *frame, uint32_t len, uint32_t off,
			  bool last)
{
	uint32_t l4_len = len - g->l4;
	uint8_t *l4 = frame + g->l4;
	uint16_t sum = 0;

	if (g->proto == IPPROTO_TCP) {
		struct tcphdr *th = (struct tcphdr *)l4;

		th->seq = htonl(ntohl(th->seq) + off);
		if (!last) /* FIN and PSH speak of the end of it */
			l4[13] &= (uint8_t) ~(TH_FIN | TH_PUSH);
		if (off) /* CWR is said once (RFC 3168 6.1.2) */
			l4[13] &= 0x7f;
		th->check = 0;
	} else {
		((struct udphdr *)l4)->len = htons((uint16_t)l4_len);
		((struct udphdr *)l4)->check = 0;
	}
	sum = csum_fold(gso_pseudo(g, frame, l4_len) + rte_raw_cksum(l4, l4_len));
	if (g->proto == IPPROTO_TCP)
		((struct tcphdr *)l4)->check = sum;
	else
		((struct udphdr *)l4)->check = sum ? sum : 0xffff;
}

void twin_segment(struct twin_thread *t, struct twin *tw, const uint8_t *frame, uint32_t len,
		  const struct virtio_net_hdr *vh)
{
	struct gso_frame g = {.frame = frame, .len = len};
	uint16_t nth = 0;

	if (!gso_parse(&g, vh)) {
		tw->stats.rx_dropped++;
		return;
	}
	for (uint32_t off = 0; off < g.len - g.hdr; off += g.mss) {
		uint32_t part = RTE_MIN(g.mss, g.len - g.hdr - off);
		struct rte_mbuf *m = twin_mbuf(t);
		uint8_t *to;

		if (!m || part + g.hdr > rte_pktmbuf_tailroom(m)) {
			tw->stats.rx_dropped++;
			if (m)
				t->spare[t->n_spare++] = m;
			return;
		}
		m->data_len = (uint16_t)(g.hdr + part);
		m->pkt_len = g.hdr + part;
		to = rte_pktmbuf_mtod(m, uint8_t *);
		memcpy(to, g.frame, g.hdr);
		memcpy(to + g.hdr, g.frame + g.hdr + off, part);
		gso_ip(&g, to, g.hdr + part, nth++);
		gso_transport(&g, to, g.hdr + part, off, off + part == g.len - g.hdr);
		twin_to_worker(t, tw, m);
	}
}
