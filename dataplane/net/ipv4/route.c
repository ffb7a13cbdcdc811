/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * route.c - where an IPv4 packet goes: the tables of the net, martians, multipath.
 *
 * The straight way (ip_route_input_list) settles plain unicast packets by a few tests of columns
 * and one bulk lookup per burst; whatever is odd about a packet sends it through
 * ip_route_input_slow(), which asks the kernel's questions in the kernel's order.
 */
#include <net/fib_filter.h>
#include <net/fib_rules.h>
#include <net/flow.h>
#include <net/ip.h>
#include <net/ip_burst.h>
#include <net/ip_fib.h>
#include <net/ip_route.h>
#include <net/twin.h>

/* What a packet without a way gets as its dst: the kernel's dst.error of ip_error(). */
static const struct nexthop net_unreachable_nh = {.type = RTN_UNSPEC,
						  .odd = NH_ODD}; /* ENETUNREACH */
static const struct nexthop host_unreachable_nh = {.type = RTN_UNREACHABLE,
						   .odd = NH_ODD}; /* EHOSTUNREACH */

/* --- lookup ----------------------------------------------------------------------------------- */

/* Several tables, from one on: each settles what it knows and does not throw. */
static __rte_noinline void fib_lookup_tables(const struct net *net, const struct fib_tables *l,
					     uint32_t t, const uint32_t *dst, uint32_t *id,
					     unsigned int n)
{
	uint64_t open = n == 64 ? UINT64_MAX : (1ULL << n) - 1;

	memset(id, 0, n * sizeof(*id));
	for (; t < l->n && open; t++) {
		uint32_t found[SKB_LIST_MAX];
		uint64_t rest = open;

		fib_table_lookup_bulk(l->t[t].tb4, dst, found, n);
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

/* Nexthop ids for a list of destinations (host order) through tables; 0: no route. */
static inline void fib_lookup_plain(const struct net *net, const struct fib_tables *l,
				    const uint32_t *dst, uint32_t *id, unsigned int n)
{
	uint32_t t = 0;

	/* as a rule no packet of a burst is in the local table */
	for (; t + 1 < l->n && l->t[t].filter; t++) {
		bool maybe = false;

		for (unsigned int i = 0; i < n; i++)
			maybe |= fib_filter_maybe4(l->t[t].filter, dst[i]);
		if (maybe)
			break;
	}
	if (likely(t + 1 == l->n))
		fib_table_lookup_bulk(l->t[t].tb4, dst, id, n);
	else
		fib_lookup_tables(net, l, t, dst, id, n);
}

/* The same through rules, which look at the packets; or there is nothing to go through. */
static __rte_noinline void fib_lookup_rules(const struct net *net, const struct fib_tables *l,
					    const struct ip_burst *b, uint32_t *id)
{
	struct fib_flows f;

	if (!l) {
		memset(id, 0, b->n * sizeof(*id));
		return;
	}
	fib_flows_init(&f, b->n);
	for (unsigned int i = 0; i < b->n; i++) {
		f.saddr[i] = (uint32_t)(b->w1[i] >> 32);
		f.daddr[i] = b->daddr[i];
		f.tos[i] = b->w0[i] >> 8 & IPTOS_RT_MASK;
		f.mark[i] = b->skb[i]->mark;
	}
	if (l->rules->what & FIB_RULE_FLDISSECT)
		for (unsigned int i = 0; i < b->n; i++)
			fib_flow_dissect4(&f, i, b->skb[i]);
	fib4_rules_lookup(net, l, &f, id);
}

/* Nexthop ids for the packets of a burst that dev received; 0: no route. */
static inline void fib_lookup_list(const struct net_device *dev, const struct ip_burst *b,
				   uint32_t *id)
{
	const struct fib_tables *l = dev_fib(dev, 0);

	if (likely(l && !l->rules))
		fib_lookup_plain(dev_net(dev), l, b->dst, id, b->n);
	else
		fib_lookup_rules(dev_net(dev), l, b, id);
}

const struct nexthop *fib_lookup_flow(const struct net_device *dev, const struct fib_flows *f)
{
	const struct fib_tables *l = dev_fib(dev, 0);
	uint32_t dst = ntohl(f->daddr[0]), id = 0;

	if (l && l->rules)
		fib4_rules_lookup(dev_net(dev), l, f, &id);
	else if (l)
		fib_lookup_plain(dev_net(dev), l, &dst, &id, 1);
	return net_nexthop(dev_net(dev), id);
}

void fib_flow_init4(struct fib_flows *f, uint32_t saddr, uint32_t daddr)
{
	fib_flows_init(f, 1);
	f->saddr[0] = saddr;
	f->daddr[0] = daddr;
	f->tos[0] = 0;
	f->mark[0] = 0;
	f->proto[0] = 0;
	f->sport[0] = 0;
	f->dport[0] = 0;
}

const struct nexthop *fib_lookup_skb(const struct net_device *dev, struct sk_buff *skb,
				     uint32_t daddr)
{
	const struct fib_tables *l = dev_fib(dev, 0);
	struct fib_flows f;

	fib_flow_init4(&f, ip_hdr(skb)->saddr, daddr);
	f.tos[0] = ip_hdr(skb)->tos & IPTOS_RT_MASK;
	f.mark[0] = skb->mark;
	if (l && l->rules && l->rules->what & FIB_RULE_FLDISSECT)
		fib_flow_dissect4(&f, 0, skb);
	return fib_lookup_flow(dev, &f);
}

const struct nexthop *fib_lookup(const struct net_device *dev, uint32_t daddr)
{
	struct fib_flows f;

	fib_flow_init4(&f, 0, daddr);
	return fib_lookup_flow(dev, &f);
}

/* --- one packet at a time: the kernel's questions --------------------------------------------- */

static enum skb_drop_reason ip_route_input_mc(struct softnet_data *sd, struct net_device *dev,
					      struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);
	uint32_t saddr = iph->saddr;

	/* which groups of the link the host's sockets have joined, the host knows */
	if (!dev_mc_joined(dev, AF_INET, &iph->daddr) &&
	    !(dev_has_twin(dev) && ipv4_is_local_multicast(iph->daddr)))
		return SKB_DROP_REASON_NOT_SPECIFIED;
	if (ipv4_is_multicast(saddr) || ipv4_is_lbcast(saddr))
		return SKB_DROP_REASON_IP_INVALID_SOURCE;
	if (ipv4_is_loopback(saddr) && !(dev->conf4 & DP_CONF_ROUTE_LOCALNET))
		return SKB_DROP_REASON_IP_LOCALNET;
	if (ipv4_is_zeronet(saddr)) {
		if (!ipv4_is_local_multicast(iph->daddr) && iph->protocol != IPPROTO_IGMP)
			return SKB_DROP_REASON_IP_INVALID_SOURCE;
	} else {
		enum skb_drop_reason reason = fib_validate_source(dev, skb, saddr, 0, NULL);

		if (reason)
			return reason;
	}
	skb->rt_type = RTN_MULTICAST;
	IP_INC_STATS(sd, dev_net(dev), IPSTATS_MIB_INMCASTPKTS);
	IP_ADD_STATS(sd, dev_net(dev), IPSTATS_MIB_INMCASTOCTETS, skb_network_len(skb));
	return SKB_NOT_DROPPED_YET;
}

/* A unicast packet for another host (ip_mkroute_input, __mkroute_input). */
static enum skb_drop_reason ip_mkroute_input(struct softnet_data *sd, struct net_device *dev,
					     struct sk_buff *skb, const struct nexthop *nh,
					     uint32_t saddr)
{
	struct net *net = dev_net(dev);
	enum skb_drop_reason reason;
	bool on_link = false;

	if (nh->group) {
		nh = nexthop_select_path(sd, net, nh, fib_multipath_hash(net, skb));
		if (!nh || !nh->dev)
			return SKB_DROP_REASON_DST_GONE;
	}
	reason = fib_validate_source(dev, skb, saddr, nh->dev->ifindex, &on_link);
	if (reason)
		return reason;
	if (nh->dev == dev && on_link && dev->conf4 & DP_CONF_SEND_REDIRECTS) {
		uint32_t gw = nh->gw_family == AF_INET ? nh->gw4 : 0;

		if (dev->conf4 & DP_CONF_SHARED_MEDIA || inet_addr_onlink(dev, saddr, gw))
			skb->ip.flags |= IPSKB_DOREDIRECT;
	}
	skb->dst = nh;
	skb->rt_type = RTN_UNICAST;
	return SKB_NOT_DROPPED_YET;
}

/*
 * Sets skb->rt_type and skb->dst for daddr (which a source route may have changed): RTN_UNICAST
 * forwards, RTN_LOCAL, _BROADCAST and _MULTICAST deliver, RTN_UNREACHABLE is ip_error()'s.
 */
static enum skb_drop_reason ip_route_input_slow(struct softnet_data *sd, struct net_device *dev,
						struct sk_buff *skb, uint32_t daddr)
{
	uint32_t saddr = ip_hdr(skb)->saddr;
	const struct nexthop *nh;
	enum skb_drop_reason reason;

	if (!(dev->conf4 & DP_CONF_ENABLED))
		return SKB_DROP_REASON_NOT_SPECIFIED;
	if (ipv4_is_multicast(daddr))
		return ip_route_input_mc(sd, dev, skb);

	/* martians (RFC 1812 5.3.7) */
	if (ipv4_is_multicast(saddr) || ipv4_is_lbcast(saddr))
		return SKB_DROP_REASON_IP_INVALID_SOURCE;
	if (ipv4_is_lbcast(daddr) || (saddr == 0 && daddr == 0))
		goto brd_input;
	if (ipv4_is_zeronet(saddr))
		return SKB_DROP_REASON_IP_INVALID_SOURCE;
	if (ipv4_is_zeronet(daddr))
		return SKB_DROP_REASON_IP_INVALID_DEST;
	if (dev->type != DP_LINK_LOOPBACK && !(dev->conf4 & DP_CONF_ROUTE_LOCALNET) &&
	    (ipv4_is_loopback(daddr) || ipv4_is_loopback(saddr)))
		return SKB_DROP_REASON_IP_LOCALNET;

	nh = fib_lookup_skb(dev, skb, daddr);
	if (!nh || nh->type == RTN_THROW) {
		nh = &net_unreachable_nh;
		goto no_route;
	}
	switch (nh->type) {
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		goto no_route;
	case RTN_BROADCAST:
		if (dev->conf4 & DP_CONF_BC_FORWARDING && dev->conf4 & DP_CONF_FORWARDING &&
		    nh->dev)
			return ip_mkroute_input(sd, dev, skb, nh, saddr);
		goto brd_input;
	case RTN_LOCAL:
		reason = fib_validate_source(dev, skb, saddr, 0, NULL);
		if (reason)
			return reason;
		skb->dst = nh;
		skb->rt_type = RTN_LOCAL;
		return SKB_NOT_DROPPED_YET;
	}
	if (!(dev->conf4 & DP_CONF_FORWARDING)) {
		nh = &host_unreachable_nh;
		goto no_route;
	}
	if (nh->type != RTN_UNICAST)
		return SKB_DROP_REASON_IP_INVALID_DEST;
	if (!nh->group && !nh->dev)
		return SKB_DROP_REASON_DST_GONE;
	return ip_mkroute_input(sd, dev, skb, nh, saddr);

brd_input:
	if (!ipv4_is_zeronet(saddr)) {
		reason = fib_validate_source(dev, skb, saddr, 0, NULL);
		if (reason)
			return reason;
	}
	skb->rt_type = RTN_BROADCAST;
	return SKB_NOT_DROPPED_YET;

no_route:
	if (!(dev->conf4 & DP_CONF_FORWARDING))
		nh = &host_unreachable_nh;
	skb->dst = nh;
	skb->rt_type = RTN_UNREACHABLE;
	return SKB_NOT_DROPPED_YET;
}

/* The options of a packet that has its route: read them, and follow a source route. */
static enum skb_drop_reason ip_rcv_options(struct softnet_data *sd, struct net_device *dev,
					   struct sk_buff *skb)
{
	uint32_t next = 0;

	if (!ip_options_compile(sd, skb)) {
		IP_INC_STATS(sd, dev_net(dev), IPSTATS_MIB_INHDRERRORS);
		return SKB_DROP_REASON_IP_INHDR;
	}
	if (!skb->ip.srr)
		return SKB_NOT_DROPPED_YET;
	if (!(dev->conf4 & DP_CONF_ACCEPT_SRC_ROUTE))
		return SKB_DROP_REASON_IP_INHDR;
	for (;;) {
		enum skb_drop_reason reason;

		if (!ip_options_next_hop(sd, skb, &next))
			return SKB_DROP_REASON_IP_INHDR;
		if (!next)
			return SKB_NOT_DROPPED_YET;
		reason = ip_route_input_slow(sd, dev, skb, next);
		if (reason)
			return reason;
		if (skb->rt_type == RTN_UNICAST)
			return SKB_NOT_DROPPED_YET;
		if (skb->rt_type != RTN_LOCAL)
			return SKB_DROP_REASON_IP_INHDR;
	}
}

/* True: forward it; false: disposed of. */
static __rte_noinline bool ip_rcv_finish_slow(struct softnet_data *sd, struct net_device *dev,
					      struct sk_buff *skb)
{
	enum skb_drop_reason reason = ip_route_input_slow(sd, dev, skb, ip_hdr(skb)->daddr);
	struct net *net = dev_net(dev);

	if (reason)
		goto drop;
	if (ip_hdr(skb)->ihl > 5) {
		reason = ip_rcv_options(sd, dev, skb);
		if (reason)
			goto drop;
	}
	if (skb->rt_type == RTN_BROADCAST) {
		IP_INC_STATS(sd, net, IPSTATS_MIB_INBCASTPKTS);
		IP_ADD_STATS(sd, net, IPSTATS_MIB_INBCASTOCTETS, skb_network_len(skb));
	} else if (skb->rt_type != RTN_MULTICAST && skb->pkt_type != PACKET_HOST &&
		   dev->conf4 & DP_CONF_IN_L2_MULTICAST_DROP) {
		reason = SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST;
		goto drop;
	}
	switch (skb->rt_type) {
	case RTN_UNICAST:
		return true;
	case RTN_UNREACHABLE:
		ip_error(sd, dev, skb);
		return false;
	default:
		ip_local_deliver(sd, skb);
		return false;
	}
drop:
	kfree_skb_reason(sd, skb, reason);
	return false;
}

/* --- the straight way ------------------------------------------------------------------------- */

/* What is odd about a packet's nexthop or source; own: our addresses are. NH_ODD*, 0: nothing. */
static __rte_always_inline uint32_t ip_route_odd(const struct net *net,
						 const struct net_device *dev,
						 const struct nexthop *nh, uint32_t saddr, bool own)
{
	return (uint32_t)nh->odd | (uint32_t)(nh->dev == dev) |
	       (uint32_t)(inet_ifaddr_maybe(net, saddr) & own);
}

/* Each flow its path. Returns what is odd then. */
static __rte_noinline uint32_t ip_route_multipath(const struct softnet_data *sd,
						  struct net_device *dev, struct ip_burst *b)
{
	const struct net *net = dev_net(dev);
	uint32_t odd = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		const struct nexthop *nh = b->nh[i];
		struct sk_buff *skb = b->skb[i];

		if (nh->odd != NH_ODD_GROUP || b->odd[i])
			continue;
		nh = nexthop_select_path(sd, net, nh, fib_multipath_hash(net, skb));
		nh = nh ? nh : &net_unreachable_nh;
		odd |= (uint32_t)nh->odd | (uint32_t)(nh->dev == dev);
		b->nh[i] = nh;
		skb->dst = nh;
	}
	return odd;
}

static __rte_noinline void ip_route_input_odd(struct softnet_data *sd, struct net_device *dev,
					      struct ip_burst *b, bool all)
{
	bool own = !(dev->conf4 & DP_CONF_ACCEPT_LOCAL);
	const struct net *net = dev_net(dev);
	bool changed = false;
	unsigned int k = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		uint32_t saddr = (uint32_t)(b->w1[i] >> 32);

		if (all || b->odd[i] || ip_route_odd(net, dev, b->nh[i], saddr, own)) {
			if (!ip_rcv_finish_slow(sd, dev, b->skb[i]))
				continue;
			changed = true;
		}
		ip_burst_move(b, k++, i);
	}
	b->n = k;
	if (changed)
		ip_burst_reload(b, k);
}

void ip_route_input_list(struct softnet_data *sd, struct net_device *dev, struct ip_burst *b)
{
	const uint32_t odd_conf = DP_CONF_RP_STRICT | DP_CONF_RP_LOOSE;
	const uint32_t need = DP_CONF_FORWARDING | DP_CONF_ENABLED;
	bool all = (dev->conf4 & (odd_conf | need)) != need, any;
	bool own = !(dev->conf4 & DP_CONF_ACCEPT_LOCAL);
	const struct net *net = dev_net(dev);
	struct nexthop **nexthops = net->nexthops;
	uint32_t id[SKB_LIST_MAX], odd = 0;
	unsigned int n = b->n;

	any = ip_burst_addrs(b);
	fib_lookup_list(dev, b, id);
	for (unsigned int i = 0; i < n; i++) {
		const struct nexthop *nh = __atomic_load_n(&nexthops[id[i]], __ATOMIC_CONSUME);
		struct sk_buff *skb = b->skb[i];

		nh = nh ? nh : &net_unreachable_nh;
		odd |= ip_route_odd(net, dev, nh, (uint32_t)(b->w1[i] >> 32), own);
		b->nh[i] = nh;
		skb->dst = nh;
		skb->rt_type = RTN_UNICAST;
	}
	if (unlikely(odd & NH_ODD_GROUP) && !all)
		odd = (odd & NH_ODD) | ip_route_multipath(sd, dev, b);
	if (unlikely(odd | any | all))
		ip_route_input_odd(sd, dev, b, all);
	stage_end(sd, STAGE_IP_ROUTE, n);
	if (likely(b->n))
		ip_forward(sd, dev, b);
}
