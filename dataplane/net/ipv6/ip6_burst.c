/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_burst.c - the columns of a burst, and what is asked of them: see net/ipv4/ip_burst.c. */
#include <lib/fib_isa.h>
#include <lib/fib_view.h>
#include <net/ip6_burst.h>
#include <net/ipv6.h>

/* Read in place of a header that is not there in full: no version, so it is odd. */
static const struct ipv6hdr ip6_no_header;

void ip6_burst_load(struct ip6_burst *b, struct sk_buff **list, unsigned int n)
{
	b->n = n;
	for (unsigned int i = 0; i < n; i++) {
		struct sk_buff *skb = list[i];
		const struct rte_mbuf *m = skb_mbuf(skb);
		struct ipv6hdr *hdr = ipv6_hdr(skb);
		uint32_t off = skb_network_offset(skb);
		const struct ipv6hdr *p = m->data_len < off + sizeof(*hdr) ? &ip6_no_header : hdr;

		b->skb[i] = skb;
		b->hdr[i] = hdr;
		b->len[i] = m->pkt_len - off;
		b->odd[i] = skb->pkt_type;
		memcpy(&b->w0[i], p, 8);
		memcpy(&b->daddr[i], &p->daddr, 16);
		b->first[i] = p->saddr.s6_addr[0] | (uint32_t)p->daddr.s6_addr[0] << 8;
	}
}

void ip6_burst_reload(struct ip6_burst *b, unsigned int n)
{
	ip6_burst_load(b, b->skb, n);
	for (unsigned int i = 0; i < n; i++)
		b->nh[i] = b->skb[i]->dst;
}

static __rte_always_inline unsigned int burst6_check(struct ip6_burst *b)
{
	uint64_t ecn1 = 0, ecn2 = 0, ecn3 = 0, plain = 0, octets = 0, any = 0, padded = 0;
	unsigned int n = b->n;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t w0 = b->w0[i], len = b->len[i], first = b->first[i];
		/* version, DSCP: bits 4 … 7, 0 … 3; ECN: 12, 13; payload_len: 32 … 47; next: 48 */
		uint64_t tot = (w0 >> 24 & 0xff00) + (w0 >> 40 & 0xff) + 40, odd, go;
		uint64_t ecn = w0 >> 12 & 3, saddr = first & 0xff, daddr = first >> 8;

		odd = b->odd[i] | ((w0 & 0xf0) ^ 0x60) | ((w0 >> 48 & 0xff) == NEXTHDR_HOP) |
		      (len < tot) | (saddr - 1 > 0xfc) | (daddr - 1 > 0xfc);
		b->odd[i] = (uint32_t)odd;
		b->len[i] = (uint32_t)tot;
		any |= odd;
		padded |= tot ^ len;
		go = odd ? 0 : 1;
		plain += go;
		octets += odd ? 0 : len;
		ecn1 += go & (ecn == 1);
		ecn2 += go & (ecn == 2);
		ecn3 += go & (ecn == 3);
	}
	b->octets = octets;
	b->ecn[0] = (uint32_t)(plain - ecn1 - ecn2 - ecn3);
	b->ecn[1] = (uint32_t)ecn1;
	b->ecn[2] = (uint32_t)ecn2;
	b->ecn[3] = (uint32_t)ecn3;
	return (any ? IP6_BURST_ODD : 0) | (padded ? IP6_BURST_PADDED : 0);
}

static unsigned int any_check6(struct ip6_burst *b)
{
	return burst6_check(b);
}

#ifdef FIB_X86
static FIB_TARGET_AVX2 unsigned int avx2_check6(struct ip6_burst *b)
{
	return burst6_check(b);
}

static FIB_TARGET_AVX512 unsigned int avx512_check6(struct ip6_burst *b)
{
	return burst6_check(b);
}
#endif

static unsigned int (*ip6_burst_form)(struct ip6_burst *b) = any_check6;

unsigned int ip6_burst_check(struct ip6_burst *b)
{
	return ip6_burst_form(b);
}

void ip6_burst_init(void)
{
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512)
		ip6_burst_form = avx512_check6;
	else if (fib_isa() == FIB_ISA_AVX2)
		ip6_burst_form = avx2_check6;
#endif
}
