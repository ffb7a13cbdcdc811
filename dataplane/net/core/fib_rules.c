/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fib_rules.c - the lookup of a burst through rules that look at packets. Which packets a rule
 * matches is a word of 64 bits; that there are none, as is the rule, is seen without making it.
 */
#include <net/core/dp_local.h>
#include <net/fib_rules.h>
#include <net/flow.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/ipv6.h>

#include <lib/fib_isa.h>
#include <lib/fib_view.h>

/* --- a selector, of a column ------------------------------------------------------------------ */

/* Adds to miss[i] what of packet i is not as the rule wants it. */
static __rte_always_inline void miss_other(const struct fib_rule *r, const struct fib_flows *f,
					   uint32_t *miss)
{
	unsigned int n = f->room;

	if (r->what & FIB_RULE_MARK)
		for (unsigned int i = 0; i < n; i++)
			miss[i] |= (f->mark[i] ^ r->mark) & r->mark_mask;
	if (r->what & FIB_RULE_TOS)
		for (unsigned int i = 0; i < n; i++)
			miss[i] |= (uint32_t)(f->tos[i] ^ r->tos);
	if (r->what & FIB_RULE_PROTO)
		for (unsigned int i = 0; i < n; i++)
			miss[i] |= (uint32_t)(f->proto[i] ^ r->proto);
	if (r->what & FIB_RULE_SPORT)
		for (unsigned int i = 0; i < n; i++)
			miss[i] |= (uint16_t)(f->sport[i] - r->sport) > r->sport_span;
	if (r->what & FIB_RULE_DPORT)
		for (unsigned int i = 0; i < n; i++)
			miss[i] |= (uint16_t)(f->dport[i] - r->dport) > r->dport_span;
}

static __rte_always_inline bool miss_none(const uint32_t *miss, unsigned int n)
{
	uint32_t hit = 0;

	for (unsigned int i = 0; i < n; i++)
		hit |= miss[i] == 0;
	return hit;
}

static __rte_always_inline bool rule_miss4(const struct fib_rule *r, const struct fib_flows *f,
					   uint32_t *miss)
{
	uint32_t src = (uint32_t)r->src.addr[0], src_mask = (uint32_t)r->src.mask[0];
	uint32_t dst = (uint32_t)r->dst.addr[0], dst_mask = (uint32_t)r->dst.mask[0];
	unsigned int n = f->room;

	for (unsigned int i = 0; i < n; i++)
		miss[i] = (f->saddr[i] ^ src) & src_mask;
	if (r->what & FIB_RULE_DST)
		for (unsigned int i = 0; i < n; i++)
			miss[i] |= (f->daddr[i] ^ dst) & dst_mask;
	miss_other(r, f, miss);
	return miss_none(miss, n);
}

static __rte_always_inline void miss_prefix6(const struct fib_rule_prefix *p,
					     const uint64_t addr[2][SKB_LIST_MAX], uint32_t *miss,
					     unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t m = ((addr[0][i] ^ p->addr[0]) & p->mask[0]) |
			     ((addr[1][i] ^ p->addr[1]) & p->mask[1]);

		miss[i] |= (uint32_t)m | (uint32_t)(m >> 32);
	}
}

static __rte_always_inline bool rule_miss6(const struct fib_rule *r, const struct fib_flows *f,
					   uint32_t *miss)
{
	unsigned int n = f->room;

	memset(miss, 0, n * sizeof(*miss));
	if (r->what & FIB_RULE_SRC)
		miss_prefix6(&r->src, f->saddr6, miss, n);
	if (r->what & FIB_RULE_DST)
		miss_prefix6(&r->dst, f->daddr6, miss, n);
	miss_other(r, f, miss);
	return miss_none(miss, n);
}

/* Fills miss; whether a place of the columns, also one beyond the burst, misses nothing. */
struct fib_rules_forms {
	bool (*miss4)(const struct fib_rule *r, const struct fib_flows *f, uint32_t *miss);
	bool (*miss6)(const struct fib_rule *r, const struct fib_flows *f, uint32_t *miss);
};

#define FIB_RULES_FORMS(isa, target)                                                               \
	static target bool isa##_miss4(const struct fib_rule *r, const struct fib_flows *f,        \
				       uint32_t *miss)                                             \
	{                                                                                          \
		return rule_miss4(r, f, miss);                                                     \
	}                                                                                          \
	static target bool isa##_miss6(const struct fib_rule *r, const struct fib_flows *f,        \
				       uint32_t *miss)                                             \
	{                                                                                          \
		return rule_miss6(r, f, miss);                                                     \
	}                                                                                          \
	static const struct fib_rules_forms isa##_rules_forms = {isa##_miss4, isa##_miss6};

FIB_RULES_FORMS(any, )
#ifdef FIB_X86
FIB_RULES_FORMS(avx2, FIB_TARGET_AVX2)
FIB_RULES_FORMS(avx512, FIB_TARGET_AVX512)
#endif

static const struct fib_rules_forms *fib_rules_forms = &any_rules_forms;

void fib_rules_init(void)
{
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512)
		fib_rules_forms = &avx512_rules_forms;
	else if (fib_isa() == FIB_ISA_AVX2)
		fib_rules_forms = &avx2_rules_forms;
#endif
}

/* --- a rule ----------------------------------------------------------------------------------- */

/* Which packets of open a rule matches (fib_rule_match). */
static __rte_always_inline uint64_t fib_rule_match(const struct fib_rule *r,
						   const struct fib_flows *f, uint64_t open,
						   bool v6)
{
	uint32_t miss[SKB_LIST_MAX] __rte_cache_aligned;
	uint64_t hits = 0;

	if (!r->what)
		return r->invert ? 0 : open;
	if (v6 ? fib_rules_forms->miss6(r, f, miss) : fib_rules_forms->miss4(r, f, miss))
		for (unsigned int i = 0; i < f->n; i++)
			hits |= (uint64_t)(miss[i] == 0) << i;
	return open & (r->invert ? ~hits : hits);
}

/* Whether a route counts for a rule (fib4_rule_suppress); those too short throw in their table. */
static inline bool fib_rule_takes(const struct net *net, const struct fib_rule *r, uint32_t id)
{
	const struct nexthop *nh = net_nexthop(net, id), *first;

	if (!id || (nh && nh->type == RTN_THROW))
		return false;
	if (likely(r->suppress_ifgroup == -1) || !nh)
		return true;
	first = nh->group ? net_nexthop(net, nh->group->nh_entries[0].id) : nh;
	return !first || !first->dev || first->dev->conf.group != (uint32_t)r->suppress_ifgroup;
}

/* Asks a table for some packets of a burst; returns those that it has a route for. */
static __rte_always_inline uint64_t fib_rule_ask(const struct net *net, const struct fib_rule *r,
						 const struct fib_lookup *t,
						 const struct fib_flows *f, uint64_t some,
						 uint32_t *id, bool v6)
{
	struct in6_addr dst6[SKB_LIST_MAX];
	uint32_t dst[SKB_LIST_MAX], found[SKB_LIST_MAX];
	const struct fib_filter *filter = t->filter;
	uint8_t at[SKB_LIST_MAX];
	unsigned int n = 0;
	uint64_t done = 0;

	for (; some; some &= some - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(some);

		at[n] = (uint8_t)i;
		if (v6) {
			memcpy(&dst6[n], &f->daddr6[0][i], 8);
			memcpy((char *)&dst6[n] + 8, &f->daddr6[1][i], 8);
			n += !filter || fib_filter_maybe6(filter, &dst6[n]);
		} else {
			dst[n] = ntohl(f->daddr[i]);
			n += !filter || fib_filter_maybe4(filter, dst[n]);
		}
	}
	if (!n)
		return 0;
	if (v6)
		fib6_table_lookup_bulk(t->tb6, dst6, found, n);
	else
		fib_table_lookup_bulk(t->tb4, dst, found, n);
	for (unsigned int k = 0; k < n; k++) {
		if (!fib_rule_takes(net, r, found[k]))
			continue;
		id[at[k]] = found[k];
		done |= 1ULL << at[k];
	}
	return done;
}

/* The same where packets of some TOS have a table of their own. */
static __rte_noinline uint64_t fib_rule_ask_tos(const struct net *net, const struct fib_rule *r,
						const struct fib_rule_tos *t,
						const struct fib_flows *f, uint64_t some,
						uint32_t *id)
{
	uint64_t of[FIB_TOS_MAX] = {0}, done = 0;

	for (; some; some &= some - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(some);

		of[FIB_TOS(f->tos[i])] |= 1ULL << i;
	}
	for (unsigned int k = 0; k < FIB_TOS_MAX; k++)
		if (of[k])
			done |= fib_rule_ask(net, r, &t->of[k], f, of[k], id, false);
	return done;
}

static __rte_always_inline uint64_t fib_rule_action(const struct net *net,
						    const struct fib_tables *l, uint32_t rule,
						    const struct fib_flows *f, uint64_t some,
						    uint32_t *id, bool v6)
{
	const struct fib_rule *r = &l->rules->rule[rule];

	if (!v6 && unlikely(l->rules->tos))
		return fib_rule_ask_tos(net, r, &l->rules->tos[rule], f, some, id);
	return fib_rule_ask(net, r, &l->t[rule], f, some, id, v6);
}

/* --- all rules -------------------------------------------------------------------------------- */

/* Of the packets that went to a later rule, those that have arrived at this one. */
static uint64_t fib_rules_arrived(uint64_t ahead, const uint16_t *target, uint32_t rule)
{
	uint64_t here = 0;

	for (; ahead; ahead &= ahead - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(ahead);

		here |= (uint64_t)(target[i] <= rule) << i;
	}
	return here;
}

static __rte_always_inline void fib_rules_lookup(const struct net *net, const struct fib_tables *l,
						 const struct fib_flows *f, uint32_t *id, bool v6)
{
	uint64_t open = f->n == 64 ? UINT64_MAX : (1ULL << f->n) - 1, ahead = 0;
	uint16_t target[SKB_LIST_MAX];

	memset(id, 0, f->n * sizeof(*id));
	for (uint32_t k = 0; k < l->n && (open | ahead); k++) {
		const struct fib_rule *r = &l->rules->rule[k];
		uint64_t hits;

		if (unlikely(ahead)) {
			hits = fib_rules_arrived(ahead, target, k);
			ahead &= ~hits;
			open |= hits;
		}
		hits = fib_rule_match(r, f, open, v6);
		if (likely(!hits))
			continue;
		switch (r->action) {
		case DP_RULE_TABLE:
			open &= ~fib_rule_action(net, l, k, f, hits, id, v6);
			break;
		case DP_RULE_GOTO:
			open &= ~hits;
			ahead |= hits;
			for (uint64_t h = hits; h; h &= h - 1)
				target[__builtin_ctzll(h)] = r->target;
			break;
		default:
			open &= ~hits;
			for (uint64_t h = hits; h && r->action != DP_RULE_UNREACHABLE; h &= h - 1)
				id[__builtin_ctzll(h)] = r->action == DP_RULE_PROHIBIT
							     ? NET_NEXTHOP_PROHIBIT
							     : NET_NEXTHOP_BLACKHOLE;
		}
	}
}

void fib4_rules_lookup(const struct net *net, const struct fib_tables *l, const struct fib_flows *f,
		       uint32_t *id)
{
	fib_rules_lookup(net, l, f, id, false);
}

void fib6_rules_lookup(const struct net *net, const struct fib_tables *l, const struct fib_flows *f,
		       uint32_t *id)
{
	fib_rules_lookup(net, l, f, id, true);
}

/* --- protocol and ports ----------------------------------------------------------------------- */

static void fib_flow_ports(struct fib_flows *f, unsigned int i, struct sk_buff *skb, uint32_t off)
{
	uint16_t port[2];

	if (!proto_has_ports(f->proto[i]) || !pskb_may_pull(skb, off + 4))
		return;
	memcpy(port, skb_network_header(skb) + off, 4);
	f->sport[i] = ntohs(port[0]);
	f->dport[i] = ntohs(port[1]);
}

/* No fragment has ports, for only the first could. */
void fib_flow_dissect4(struct fib_flows *f, unsigned int i, struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	f->proto[i] = iph->protocol;
	f->sport[i] = 0;
	f->dport[i] = 0;
	if (!ip_is_fragment(iph))
		fib_flow_ports(f, i, skb, iph->ihl * 4u);
}

void fib_flow_dissect6(struct fib_flows *f, unsigned int i, struct sk_buff *skb)
{
	uint8_t next = ipv6_hdr(skb)->nexthdr;
	uint32_t off = sizeof(struct ipv6hdr);

	f->sport[i] = 0;
	f->dport[i] = 0;
	for (int headers = 0; headers < 8; headers++) {
		const uint8_t *p;

		if (next != NEXTHDR_HOP && next != NEXTHDR_ROUTING && next != NEXTHDR_DEST &&
		    next != NEXTHDR_FRAGMENT)
			break;
		if (!pskb_may_pull(skb, off + 8))
			break;
		p = skb_network_header(skb) + off;
		if (next == NEXTHDR_FRAGMENT) {
			f->proto[i] = p[0];
			return;
		}
		next = p[0];
		off += (p[1] + 1u) * 8;
	}
	f->proto[i] = next;
	fib_flow_ports(f, i, skb, off);
}
