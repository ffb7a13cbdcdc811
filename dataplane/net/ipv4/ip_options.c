/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip_options.c - IPv4 options: validated once (ip_options_compile), when the packet has its route.
 * A record route and a timestamp get the address that the packet was meant for (spec_dst) there;
 * forwarding replaces the one in the record route by that of the link the packet leaves by.
 */
#include <time.h>

#include <netinet/ip_icmp.h>

#include <net/checksum.h>
#include <net/ip.h>

#ifndef IPOPT_CIPSO
#define IPOPT_CIPSO 134
#endif

/* skb->ip.opt_flags */
#define IPOPT_F_RR_NEEDADDR (1u << 0)
#define IPOPT_F_TS_NEEDADDR (1u << 1)
#define IPOPT_F_SRR_HIT     (1u << 3)

/* The timestamp option's flag nibble (RFC 791). */
#define TS_ONLY    0
#define TS_ADDR    1
#define TS_PRESPEC 3

struct options {
	struct softnet_data *sd;
	struct sk_buff *skb;
	uint8_t *iph;
	uint32_t bad; /* offset of what is wrong */
};

/* What we are to the sender: the address it wrote to, or ours on the link that it is on. */
static uint32_t fib_compute_spec_dst(const struct options *o)
{
	if (o->skb->rt_type == RTN_LOCAL)
		return ((const struct iphdr *)o->iph)->daddr;
	return inet_select_addr(o->skb->dev);
}

/* Milliseconds since midnight UT, RFC 791. */
static uint32_t inet_current_timestamp(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return htonl((uint32_t)(ts.tv_sec % 86400 * 1000 + ts.tv_nsec / 1000000));
}

/* Each parse function: off is the option's offset from the network header, len was checked. */

static bool options_srr(struct options *o, uint32_t off, uint32_t len)
{
	const uint8_t *p = o->iph + off;

	if (len < 3) {
		o->bad = off + 1;
		return false;
	}
	if (p[2] < 4) {
		o->bad = off + 2;
		return false;
	}
	/* a second one: RFC 1812 */
	if (o->skb->ip.srr) {
		o->bad = off;
		return false;
	}
	o->skb->ip.srr = (uint8_t)off;
	return true;
}

static bool options_rr(struct options *o, uint32_t off, uint32_t len)
{
	uint8_t *p = o->iph + off;

	if (o->skb->ip.rr) {
		o->bad = off;
		return false;
	}
	if (len < 3) {
		o->bad = off + 1;
		return false;
	}
	if (p[2] < 4 || (p[2] <= len && p[2] + 3u > len)) {
		o->bad = off + 2;
		return false;
	}
	if (p[2] <= len) {
		uint32_t addr = fib_compute_spec_dst(o);

		memcpy(p + p[2] - 1, &addr, 4);
		p[2] = (uint8_t)(p[2] + 4);
		o->skb->ip.opt_flags |= IPOPT_F_RR_NEEDADDR;
	}
	o->skb->ip.rr = (uint8_t)off;
	return true;
}

static bool options_timestamp(struct options *o, uint32_t off, uint32_t len)
{
	uint8_t *p = o->iph + off;
	uint32_t addr, now;

	if (o->skb->ip.ts) {
		o->bad = off;
		return false;
	}
	if (len < 4) {
		o->bad = off + 1;
		return false;
	}
	if (p[2] < 5) {
		o->bad = off + 2;
		return false;
	}
	o->skb->ip.ts = (uint8_t)off;
	if (p[2] > len) {
		/* full: count those who found no room */
		if ((p[3] >> 4) == 15) {
			o->bad = off + 3;
			return false;
		}
		p[3] = (uint8_t)(p[3] + 0x10);
		return true;
	}
	if (p[2] + 3u > len) {
		o->bad = off + 2;
		return false;
	}
	switch (p[3] & 0x0f) {
	case TS_ONLY:
		break;
	case TS_ADDR:
		if (p[2] + 7u > len) {
			o->bad = off + 2;
			return false;
		}
		addr = fib_compute_spec_dst(o);
		memcpy(p + p[2] - 1, &addr, 4);
		p[2] = (uint8_t)(p[2] + 4);
		o->skb->ip.opt_flags |= IPOPT_F_TS_NEEDADDR;
		break;
	case TS_PRESPEC:
		if (p[2] + 7u > len) {
			o->bad = off + 2;
			return false;
		}
		memcpy(&addr, p + p[2] - 1, 4);
		if (!inet_lookup_ifaddr(dev_net(o->skb->dev), addr))
			return true; /* the turn of another */
		p[2] = (uint8_t)(p[2] + 4);
		break;
	default:
		return true; /* a flag nobody knows: passed on as it is */
	}
	now = inet_current_timestamp();
	memcpy(p + p[2] - 1, &now, 4);
	p[2] = (uint8_t)(p[2] + 4);
	return true;
}

static bool options_one(struct options *o, uint32_t off, uint32_t len)
{
	switch (o->iph[off]) {
	case IPOPT_SSRR:
	case IPOPT_LSRR:
		return options_srr(o, off, len);
	case IPOPT_RR:
		return options_rr(o, off, len);
	case IPOPT_TIMESTAMP:
		return options_timestamp(o, off, len);
	case IPOPT_RA:
		if (len < 4) {
			o->bad = off + 1;
			return false;
		}
		if (!o->iph[off + 2] && !o->iph[off + 3])
			o->skb->ip.router_alert = (uint8_t)off;
		return true;
	case IPOPT_CIPSO:
		/* there is no domain of interpretation (cipso_v4_validate) */
		o->bad = off + (len < 8 ? 1 : 2);
		return false;
	default:
		return true; /* unknown: passed on as it is */
	}
}

bool ip_options_compile(struct softnet_data *sd, struct sk_buff *skb)
{
	struct iphdr *iph = ip_hdr(skb);
	struct options o = {.sd = sd, .skb = skb, .iph = (uint8_t *)iph};
	uint32_t end = iph->ihl * 4u, off = sizeof(*iph);
	uint8_t flags = skb->ip.flags;

	skb->cb = 0;
	skb->ip.flags = flags;
	skb->ip.optlen = (uint8_t)(end - off);
	while (off < end) {
		uint32_t len;

		if (o.iph[off] == IPOPT_END) {
			/* what follows is padding, and has to be */
			memset(o.iph + off, IPOPT_END, end - off);
			break;
		}
		if (o.iph[off] == IPOPT_NOP) {
			off++;
			continue;
		}
		o.bad = off;
		if (end - off < 2)
			goto error;
		len = o.iph[off + 1];
		if (len < 2 || len > end - off)
			goto error;
		if (!options_one(&o, off, len))
			goto error;
		off += len;
	}
	/* what was written is in no checksum yet: ip_forward_options() sees to it */
	return true;

error:
	icmp_send(sd, skb, ICMP_PARAMETERPROB, 0, o.bad);
	return false;
}

bool ip_options_next_hop(struct softnet_data *sd, struct sk_buff *skb, uint32_t *next)
{
	struct iphdr *iph = ip_hdr(skb);
	uint8_t *p = (uint8_t *)iph + skb->ip.srr;
	uint32_t ptr = p[2];

	/* the second time round: the address found was another of ours */
	if (*next) {
		iph->daddr = *next;
		p[2] = (uint8_t)(ptr + 4);
		ptr += 4;
		*next = 0;
		iph->check = 0;
		iph->check = ip_fast_csum(iph, iph->ihl);
	}
	if (skb->pkt_type != PACKET_HOST)
		return false;
	if (skb->rt_type == RTN_UNICAST) {
		if (p[0] != IPOPT_SSRR)
			return true;
		icmp_send(sd, skb, ICMP_PARAMETERPROB, 0, 16);
		return false;
	}
	if (skb->rt_type != RTN_LOCAL)
		return false;
	if (ptr > p[1])
		return true; /* all hops are behind it: for us */
	if (ptr + 3 > p[1]) {
		icmp_send(sd, skb, ICMP_PARAMETERPROB, 0, skb->ip.srr + 2u);
		return false;
	}
	memcpy(next, p + ptr - 1, 4);
	skb->ip.opt_flags |= IPOPT_F_SRR_HIT;
	return *next; /* 0.0.0.0 is nobody's */
}

/* Our address on the link that the packet leaves by. */
static uint32_t ip_rt_get_source(const struct sk_buff *skb)
{
	return skb->dst && skb->dst->dev ? inet_select_addr(skb->dst->dev) : 0;
}

void ip_forward_options(struct sk_buff *skb)
{
	struct iphdr *iph = ip_hdr(skb);
	uint8_t *p;
	uint32_t v;

	if (skb->ip.opt_flags & IPOPT_F_RR_NEEDADDR) {
		p = (uint8_t *)iph + skb->ip.rr;
		v = ip_rt_get_source(skb);
		memcpy(p + p[2] - 5, &v, 4);
	}
	if (skb->ip.opt_flags & IPOPT_F_SRR_HIT) {
		p = (uint8_t *)iph + skb->ip.srr;
		memcpy(&iph->daddr, p + p[2] - 1, 4);
		v = ip_rt_get_source(skb);
		memcpy(p + p[2] - 1, &v, 4);
		p[2] = (uint8_t)(p[2] + 4);
		/* only here does the kernel rewrite the address of a timestamp */
		if (skb->ip.opt_flags & IPOPT_F_TS_NEEDADDR) {
			p = (uint8_t *)iph + skb->ip.ts;
			memcpy(p + p[2] - 9, &v, 4);
		}
	}
	iph->check = 0;
	iph->check = ip_fast_csum(iph, iph->ihl);
}

void ip_options_fragment(uint8_t *opt, uint32_t optlen)
{
	uint32_t off = 0;

	while (off < optlen && opt[off] != IPOPT_END) {
		uint32_t len;

		if (opt[off] == IPOPT_NOP) {
			off++;
			continue;
		}
		if (optlen - off < 2)
			return;
		len = opt[off + 1];
		if (len < 2 || len > optlen - off)
			return;
		if (!(opt[off] & 0x80)) /* not the copied flag */
			memset(opt + off, IPOPT_NOP, len);
		off += len;
	}
}
