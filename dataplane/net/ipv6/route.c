/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * route.c - where an IPv6 packet goes. As in net/ipv4/route.c: the straight way for plain unicast
 * by one bulk lookup per burst, all else through ip6_route_input_slow().
 */
#include <rte_prefetch.h>

#include <net/fib_filter.h>
#include <net/fib_rules.h>
#include <net/flow.h>
#include <net/ip6_burst.h>
#include <net/ip6_route.h>
#include <net/ip_fib.h>
#include <net/ipv6.h>
#include <net/twin.h>

/* --- lookup ----------------------------------------------------------------------------------- */

static __rte_noinline void fib6_lookup_tables(const struct net *net, const struct fib_tables *l,
					      uint32_t t, const struct in6_addr *dst, uint32_t *id,
					      unsigned int n)
{
	uint64_t open = n == 64 ? UINT64_MAX : (1ULL << n) - 1;

	memset(id, 0, n * sizeof(*id));
	for (; t < l->n && open; t++) {
		uint32_t found[SKB_LIST_MAX];
		uint64_t rest = open;

		fib6_table_lookup_bulk(l->t[t].tb6, dst, found, n);
		while (rest) {
			unsigned int i = (unsigned int)__builtin_ctzll(rest);
			const struct nexthop *nh = net_nexthop(net, found[i]);

			rest &= rest - 1;
			if (!found[i] || (nh && nh->type == RTN_THROW))
				continue;
			id[i] = found[i];
			open &= ~(1ULL << i);
		}
	}
}

static inline void fib6_lookup_plain(const struct net *net, const struct fib_tables *l,
				     const struct in6_addr *dst, uint32_t *id, unsigned int n)
{
	uint32_t t = 0;

	for (; t + 1 < l->n && l->t[t].filter; t++) {
		bool maybe = false;

		for (unsigned int i = 0; i < n; i++)
			maybe |= fib_filter_maybe6(l->t[t].filter, &dst[i]);
		if (maybe)
			break;
	}
	if (likely(t + 1 == l->n))
		fib6_table_lookup_bulk(l->t[t].tb6, dst, id, n);
	else
		fib6_lookup_tables(net, l, t, dst, id, n);
}

/* What rules look at of packet i of a burst. */
static void fib6_flow_load(struct fib_flows *f, unsigned int i, const struct fib_rules *rules,
			   struct sk_buff *skb)
{
	const struct ipv6hdr *hdr = ipv6_hdr(skb);
	uint32_t word;

	memcpy(&f->saddr6[0][i], &hdr->saddr, 8);
	memcpy(&f->saddr6[1][i], (const char *)&hdr->saddr + 8, 8);
	memcpy(&f->daddr6[0][i], &hdr->daddr, 8);
	memcpy(&f->daddr6[1][i], (const char *)&hdr->daddr + 8, 8);
	memcpy(&word, hdr, 4);
	f->tos[i] = ntohl(word) >> 20 & 0xfc;
	f->mark[i] = skb->mark;
	if (rules->what & FIB_RULE_FLDISSECT)
		fib_flow_dissect6(f, i, skb);
}

static __rte_noinline void fib6_lookup_rules(const struct net *net, const struct fib_tables *l,
					     struct sk_buff *const *skb, uint32_t *id,
					     unsigned int n)
{
	struct fib_flows f;

	if (!l) {
		memset(id, 0, n * sizeof(*id));
		return;
	}
	fib_flows_init(&f, n);
	for (unsigned int i = 0; i < n; i++)
		fib6_flow_load(&f, i, l->rules, skb[i]);
	fib6_rules_lookup(net, l, &f, id);
}

/* Nexthop ids for the packets of a burst that dev received; 0: no route. */
static inline void fib6_lookup_list(const struct net_device *dev, const struct in6_addr *dst,
				    struct sk_buff *const *skb, uint32_t *id, unsigned int n)
{
	const struct fib_tables *l = dev_fib(dev, 1);

	if (likely(l && !l->rules))
		fib6_lookup_plain(dev_net(dev), l, dst, id, n);
	else
		fib6_lookup_rules(dev_net(dev), l, skb, id, n);
}

const struct nexthop *fib6_lookup(const struct net_device *dev, struct sk_buff *skb)
{
	uint32_t id;

	fib6_lookup_list(dev, &ipv6_hdr(skb)->daddr, &skb, &id, 1);
	return net_nexthop(dev_net(dev), id);
}

/* --- one packet at a time --------------------------------------------------------------------- */

/*
 * A link-local destination means this link, whatever link the tables have its prefix or address on:
 * ours if this device has it, else a neighbour here.
 */
static const struct nexthop *ip6_linklocal_nexthop(const struct net_device *dev,
						   const struct in6_addr *daddr,
						   const struct nexthop *nh)
{
	if (nh && nh->type == RTN_LOCAL &&
	    (dev_has_addr6(dev, daddr) || !ipv6_chk_addr(dev_net(dev), daddr)))
		return nh;
	if (nh && nh->type != RTN_UNICAST && nh->type != RTN_LOCAL)
		return nh;
	return nh ? dev->linklocal : NULL;
}

/* A group of the link that sockets of the host may have joined; neighbours' are the stack's own. */
static bool ip6_mc_host(const struct net_device *dev, const struct in6_addr *group)
{
	static const uint8_t solicited[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	return dev_has_twin(dev) && IPV6_MC_SCOPE(group) == 2 &&
	       memcmp(group, solicited, sizeof(solicited));
}

/* Decides for one packet: rt_type RTN_UNICAST forwards, _LOCAL and _MULTICAST deliver. */
static enum skb_drop_reason ip6_route_input_slow(struct softnet_data *sd, struct net_device *dev,
						 struct sk_buff *skb)
{
	const struct ipv6hdr *hdr = ipv6_hdr(skb);
	struct net *net = dev_net(dev);
	const struct nexthop *nh;

	if (ipv6_addr_is_multicast(&hdr->daddr)) {
		IP6_INC_STATS(sd, net, IPSTATS_MIB_INMCASTPKTS);
		IP6_ADD_STATS(sd, net, IPSTATS_MIB_INMCASTOCTETS, skb_network_len(skb));
		skb->rt_type = RTN_MULTICAST;
		if (dev_mc_joined(dev, AF_INET6, &hdr->daddr) || ip6_mc_host(dev, &hdr->daddr))
			return SKB_NOT_DROPPED_YET;
		return SKB_DROP_REASON_IP_INADDRERRORS;
	}
	nh = fib6_lookup(dev, skb);
	hdr = ipv6_hdr(skb);
	if (ipv6_addr_linklocal(&hdr->daddr))
		nh = ip6_linklocal_nexthop(dev, &hdr->daddr, nh);
	skb->dst = nh;
	skb->rt_type = nh ? nh->type : RTN_UNREACHABLE;
	if (!nh)
		return SKB_NOT_DROPPED_YET;
	switch (nh->type) {
	case RTN_BLACKHOLE:
		return SKB_DROP_REASON_BLACKHOLE;
	case RTN_UNICAST:
		if (nh->group)
			nh = nexthop_select_path(sd, net, nh, rt6_multipath_hash(net, skb));
		if (!nh || !nh->dev)
			return SKB_DROP_REASON_DST_GONE;
		skb->dst = nh;
		skb->rt_type = nh->type;
		return SKB_NOT_DROPPED_YET;
	case RTN_ANYCAST:
		skb->rt_type = RTN_ANYCAST;
		return SKB_NOT_DROPPED_YET;
	default:
		return SKB_NOT_DROPPED_YET;
	}
}

/* True: forward it; false: disposed of. */
static __rte_noinline bool ip6_rcv_finish_slow(struct softnet_data *sd, struct net_device *dev,
					       struct sk_buff *skb)
{
	enum skb_drop_reason reason = ip6_route_input_slow(sd, dev, skb);

	if (reason) {
		kfree_skb_reason(sd, skb, reason);
		return false;
	}
	switch (skb->rt_type) {
	case RTN_UNICAST:
		return true;
	case RTN_LOCAL:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		ip6_input(sd, skb);
		return false;
	default:
		ip6_pkt_drop(sd, dev, skb);
		return false;
	}
}

/* --- the straight way ------------------------------------------------------------------------- */

static const struct nexthop no_route6_nh = {.type = RTN_UNSPEC, .odd = NH_ODD};

/* Each flow its path. Returns what is odd then. */
static __rte_noinline uint32_t ip6_route_multipath(const struct softnet_data *sd,
						   struct net_device *dev, struct ip6_burst *b)
{
	const struct net *net = dev_net(dev);
	uint32_t odd = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		const struct nexthop *nh = b->nh[i];
		struct sk_buff *skb = b->skb[i];

		if (nh->odd != NH_ODD_GROUP || !ipv6_addr_plain(&b->daddr[i]))
			continue;
		nh = nexthop_select_path(sd, net, nh, rt6_multipath_hash(net, skb));
		nh = nh ? nh : &no_route6_nh;
		odd |= nh->odd;
		b->nh[i] = nh;
		skb->dst = nh;
	}
	return odd;
}

static __rte_noinline void ip6_route_input_odd(struct softnet_data *sd, struct net_device *dev,
					       struct ip6_burst *b)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < b->n; i++)
		if (likely(!b->nh[i]->odd && ipv6_addr_plain(&b->daddr[i])) ||
		    ip6_rcv_finish_slow(sd, dev, b->skb[i]))
			b->skb[k++] = b->skb[i];
	ip6_burst_reload(b, k);
}

void ip6_route_input_list(struct softnet_data *sd, struct net_device *dev, struct ip6_burst *b)
{
	struct nexthop **nexthops = dev_net(dev)->nexthops;
	unsigned int n = b->n, odd = 0;
	uint32_t id[SKB_LIST_MAX];

	fib6_lookup_list(dev, b->daddr, b->skb, id, n);
	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(&nexthops[id[i]]);
	for (unsigned int i = 0; i < n; i++) {
		const struct nexthop *nh = __atomic_load_n(&nexthops[id[i]], __ATOMIC_CONSUME);
		struct sk_buff *skb = b->skb[i];

		nh = nh ? nh : &no_route6_nh;
		odd |= (uint32_t)nh->odd | (uint32_t)!ipv6_addr_plain(&b->daddr[i]);
		b->nh[i] = nh;
		skb->dst = nh;
		skb->rt_type = RTN_UNICAST;
	}
	if (unlikely(odd & NH_ODD_GROUP))
		odd = (odd & NH_ODD) | ip6_route_multipath(sd, dev, b);
	if (unlikely(odd))
		ip6_route_input_odd(sd, dev, b);
	stage_end(sd, STAGE_IP6_ROUTE, n);
	if (likely(b->n))
		ip6_forward(sd, dev, b);
}
