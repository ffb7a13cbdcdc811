/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip_burst.c - the columns of a burst, and what is asked of them. Each question is written once, as
 * a plain loop, and compiled for several instruction sets.
 */
#include <lib/fib_isa.h>
#include <lib/fib_view.h>
#include <net/ip.h>
#include <net/ip_burst.h>

/* Read in place of a header that is not there in full: no version, so it is odd. */
static const struct iphdr ip_no_header;

void ip_burst_load(struct ip_burst *b, struct sk_buff **list, unsigned int n)
{
	b->n = n;
	for (unsigned int i = 0; i < n; i++) {
		struct sk_buff *skb = list[i];
		const struct rte_mbuf *m = skb_mbuf(skb);
		struct iphdr *iph = ip_hdr(skb);
		uint32_t off = skb_network_offset(skb);
		const void *p = m->data_len < off + sizeof(*iph) ? &ip_no_header : iph;

		b->skb[i] = skb;
		b->hdr[i] = iph;
		b->len[i] = m->pkt_len - off;
		b->odd[i] = skb->pkt_type;
		memcpy(&b->w0[i], p, 8);
		memcpy(&b->w1[i], (const char *)p + 8, 8);
		memcpy(&b->daddr[i], (const char *)p + 16, 4);
	}
}

void ip_burst_reload(struct ip_burst *b, unsigned int n)
{
	ip_burst_load(b, b->skb, n);
	for (unsigned int i = 0; i < n; i++) {
		const struct nexthop *nh = b->skb[i]->dst;

		b->nh[i] = nh;
		if (nh && nh->dev)
			b->odd[i] |= nh->odd || b->skb[i]->cb || b->len[i] > dst_mtu4(nh);
	}
}

static __rte_always_inline unsigned int burst_check(struct ip_burst *b)
{
	uint64_t ecn1 = 0, ecn2 = 0, ecn3 = 0, plain = 0, octets = 0, any = 0, padded = 0;
	unsigned int n = b->n;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t w0 = b->w0[i], w1 = b->w1[i], len = b->len[i];
		uint64_t tot = (w0 >> 8 & 0xff00) | (w0 >> 24 & 0xff), ecn = w0 >> 8 & 3, odd, go;
		/* five words: 35 bits, so that two folds and the carry of the last are enough */
		uint64_t sum =
		    (w0 & 0xffffffff) + (w0 >> 32) + (w1 & 0xffffffff) + (w1 >> 32) + b->daddr[i];

		sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
		sum = (sum & 0xffff) + (sum >> 16);
		odd = b->odd[i] | ((w0 & 0xff) ^ 0x45) | (sum ^ 0xffff) | (tot < 20) | (len < tot);
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
	return (any ? IP_BURST_ODD : 0) | (padded ? IP_BURST_PADDED : 0);
}

static __rte_always_inline bool burst_addrs(struct ip_burst *b)
{
	unsigned int n = b->n;
	uint32_t any = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t daddr = b->daddr[i], saddr = (uint32_t)(b->w1[i] >> 32);
		uint32_t odd = (uint32_t)!ipv4_is_plain(daddr) | (uint32_t)!ipv4_is_plain(saddr);

		odd |= ((uint32_t)b->w0[i] & 0xff) ^ 0x45;
		b->dst[i] = __builtin_bswap32(daddr);
		b->odd[i] |= odd;
		any |= b->odd[i];
	}
	return any;
}

static __rte_always_inline bool burst_decrease_ttl(struct ip_burst *b)
{
	unsigned int n = b->n;
	uint64_t any = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t w1 = b->w1[i], sum = (w1 >> 16 & 0xffff) + 1; /* htons(0x0100) */
		uint64_t odd = (w1 & 0xff) <= 1;

		sum += sum >= 0xffff;
		b->odd[i] |= (uint32_t)odd;
		any |= odd;
		b->w1[i] = ((w1 & ~0xffff0000ULL) | (sum & 0xffff) << 16) - 1;
	}
	return any;
}

/* The same questions in an instruction set. */
struct ip_burst_forms {
	unsigned int (*check)(struct ip_burst *b);
	bool (*addrs)(struct ip_burst *b);
	bool (*decrease_ttl)(struct ip_burst *b);
};

#define IP_BURST_FORMS(isa, target)                                                                \
	static target unsigned int isa##_check(struct ip_burst *b)                                 \
	{                                                                                          \
		return burst_check(b);                                                             \
	}                                                                                          \
	static target bool isa##_addrs(struct ip_burst *b)                                         \
	{                                                                                          \
		return burst_addrs(b);                                                             \
	}                                                                                          \
	static target bool isa##_decrease_ttl(struct ip_burst *b)                                  \
	{                                                                                          \
		return burst_decrease_ttl(b);                                                      \
	}                                                                                          \
	static const struct ip_burst_forms isa##_forms = {isa##_check, isa##_addrs,                \
							  isa##_decrease_ttl};

IP_BURST_FORMS(any, )
#ifdef FIB_X86
IP_BURST_FORMS(avx2, FIB_TARGET_AVX2)
IP_BURST_FORMS(avx512, FIB_TARGET_AVX512)
#endif

static const struct ip_burst_forms *ip_burst_forms = &any_forms;

unsigned int ip_burst_check(struct ip_burst *b)
{
	return ip_burst_forms->check(b);
}

bool ip_burst_addrs(struct ip_burst *b)
{
	return ip_burst_forms->addrs(b);
}

bool ip_burst_decrease_ttl(struct ip_burst *b)
{
	return ip_burst_forms->decrease_ttl(b);
}

void ip_burst_init(void)
{
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512)
		ip_burst_forms = &avx512_forms;
	else if (fib_isa() == FIB_ISA_AVX2)
		ip_burst_forms = &avx2_forms;
#endif
}
