/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tun_gso.c - what a card would do with the frames of a socket: complete the checksum, and cut a
 * TCP stream or a train of UDP datagrams into packets that fit the link (tcp_gso_segment,
 * __udp_gso_segment).
 */
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <drivers/tun_file.h>
#include <net/checksum.h>
#include <net/if_vlan.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* Linux 6.2 */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define GSO_TAGS_MAX 2

bool tun_checksum(uint8_t *frame, uint32_t len, const struct virtio_net_hdr *vh)
{
	uint32_t start = vh->csum_start, at = start + vh->csum_offset;
	uint16_t sum;

	if (start < ETH_HLEN || at + 2 > len)
		return false;
	/* the field holds the sum of the pseudo header */
	sum = csum_fold(csum_partial(frame + start, len - start, 0));
	if (!sum)
		sum = 0xffff;
	memcpy(frame + at, &sum, 2);
	return true;
}

/* The IP header behind the link's and its tags; false: there is none. */
static bool gso_network(struct gso_frame *g, uint32_t avail)
{
	uint16_t type;

	g->l3 = ETH_HLEN;
	for (int tags = 0; g->l3 <= avail; tags++) {
		memcpy(&type, g->frame + g->l3 - 2, 2);
		if (!eth_type_vlan(type) || tags == GSO_TAGS_MAX)
			break;
		g->l3 += 4;
	}
	g->v4 = type == htons(ETH_P_IP);
	if (g->l3 > avail || (!g->v4 && type != htons(ETH_P_IPV6)))
		return false;
	return g->l4 >= g->l3 + (g->v4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr));
}

bool gso_parse(struct gso_frame *g, uint32_t avail, const struct virtio_net_hdr *vh)
{
	g->mss = vh->gso_size;
	g->l4 = vh->csum_start;
	if (!(vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !g->mss || avail < ETH_HLEN)
		return false;
	switch (vh->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		g->proto = IPPROTO_TCP;
		if (g->l4 + sizeof(struct tcphdr) > avail)
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
	return gso_network(g, avail) && g->hdr < g->len && g->hdr <= avail;
}

/* The pseudo header of len bytes of transport, not folded. */
static uint64_t gso_pseudo(const struct gso_frame *g, const uint8_t *ip, uint32_t len)
{
	uint64_t sum = htons(g->proto) + htons((uint16_t)len);

	return g->v4 ? csum_partial(ip + 12, 8, sum) : csum_partial(ip + 8, 32, sum);
}

static void gso_ip(const struct gso_frame *g, uint8_t *ip, uint32_t len, uint32_t nth)
{
	if (g->v4) {
		struct iphdr *iph = (struct iphdr *)ip;

		iph->tot_len = htons((uint16_t)len);
		iph->id = htons((uint16_t)(ntohs(iph->id) + nth));
		iph->check = 0;
		iph->check = ip_fast_csum(iph, iph->ihl);
	} else {
		((struct ip6_hdr *)ip)->ip6_plen = htons((uint16_t)(len - sizeof(struct ip6_hdr)));
	}
}

void gso_packet(const struct gso_frame *g, uint8_t *to, uint32_t len, uint32_t nth)
{
	uint32_t l4_len = len - g->l4, off = nth * g->mss;
	uint8_t *l4 = to + g->l4;
	uint16_t sum;

	gso_ip(g, to + g->l3, len - g->l3, nth);
	if (g->proto == IPPROTO_TCP) {
		struct tcphdr *th = (struct tcphdr *)l4;

		th->seq = htonl(ntohl(th->seq) + off);
		if (off + len != g->len) /* FIN and PSH speak of the end of it */
			l4[13] &= (uint8_t) ~(TH_FIN | TH_PUSH);
		if (nth) /* CWR is said once (RFC 3168 6.1.2) */
			l4[13] &= 0x7f;
		th->check = 0;
	} else {
		((struct udphdr *)l4)->len = htons((uint16_t)l4_len);
		((struct udphdr *)l4)->check = 0;
	}
	sum = csum_fold(csum_partial(l4, l4_len, gso_pseudo(g, to + g->l3, l4_len)));
	if (g->proto == IPPROTO_TCP)
		((struct tcphdr *)l4)->check = sum;
	else
		((struct udphdr *)l4)->check = sum ? sum : 0xffff;
}

void gso_segment(struct tun_file *f, struct tun_reader *r, const struct gso_frame *g)
{
	for (uint32_t nth = 0; nth * g->mss < g->len - g->hdr; nth++) {
		uint32_t off = nth * g->mss, part = RTE_MIN(g->mss, g->len - g->hdr - off);
		struct rte_mbuf *m = tun_mbuf(r);
		uint8_t *to;

		if (!m) {
			f->stats.rx_dropped++;
			return;
		}
		to = rte_pktmbuf_mtod(m, uint8_t *);
		if (g->hdr + part > rte_pktmbuf_tailroom(m)) {
			f->stats.rx_dropped++;
			r->spare[r->n_spare++] = m;
			return;
		}
		m->data_len = (uint16_t)(g->hdr + part);
		m->pkt_len = g->hdr + part;
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		memcpy(to, g->frame, g->hdr);
		memcpy(to + g->hdr, g->frame + g->hdr + off, part);
		gso_packet(g, to, g->hdr + part, nth);
		tun_packet(f, r, m);
	}
}
