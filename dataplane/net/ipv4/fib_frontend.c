/* SPDX-License-Identifier: BSD-3-Clause */
/* fib_frontend.c - source validation: own addresses, and the reverse path (RFC 3704). */
#include <net/fib_rules.h>
#include <net/ip_route.h>

/* Whether a packet to nh leaves on dev, by any member of a group. */
static bool fib_info_nh_uses_dev(const struct net *net, const struct nexthop *nh,
				 const struct net_device *dev, uint8_t *scope)
{
	if (!nh->group) {
		*scope = nh->scope;
		return nh->dev == dev;
	}
	for (uint32_t i = 0; i < nh->group->num_nh; i++) {
		const struct nexthop *member = net_nexthop(net, nh->group->nh_entries[i].id);

		if (member && member->dev == dev) {
			*scope = member->scope;
			return true;
		}
	}
	return false;
}

/*
 * The way back of a packet: as if it came in by what it leaves by, or by lo, but in the domain of
 * the link that it came in by.
 */
static const struct nexthop *fib_lookup_reverse(const struct net_device *dev, struct sk_buff *skb,
						uint32_t src, uint32_t oif)
{
	const struct net *net = dev_net(dev);
	const struct fib_tables *l = dev_fib(dev, 0);
	uint32_t iif = dev->conf.master ? dev->conf.master : oif ? oif : LOOPBACK_IFINDEX;
	const struct net_device *from = net->devs[iif];
	struct fib_flows f;

	fib_flow_init4(&f, ip_hdr(skb)->daddr, src);
	f.tos[0] = ip_hdr(skb)->tos & IPTOS_RT_MASK;
	if (l && l->rules && l->rules->what & FIB_RULE_FLDISSECT) {
		uint16_t port;

		fib_flow_dissect4(&f, 0, skb);
		port = f.sport[0];
		f.sport[0] = f.dport[0];
		f.dport[0] = port;
	}
	return fib_lookup_flow(from ? from : dev, &f);
}

static enum skb_drop_reason __fib_validate_source(struct net_device *dev, struct sk_buff *skb,
						  uint32_t src, uint32_t oif, bool *on_link)
{
	const struct ifa_list *ifa = __atomic_load_n(&dev->ifa_list, __ATOMIC_ACQUIRE);
	const struct net *net = dev_net(dev);
	const struct nexthop *nh = fib_lookup_reverse(dev, skb, src, oif);
	bool no_addr = true;
	uint8_t scope = 0;

	for (uint32_t i = 0; ifa && i < ifa->n; i++)
		no_addr &= ifa->addr[i].family != AF_INET;
	if (!nh || nh->type == RTN_THROW || nh->type == RTN_BLACKHOLE ||
	    nh->type == RTN_UNREACHABLE || nh->type == RTN_PROHIBIT)
		goto last_resort;
	if (nh->type != RTN_UNICAST) {
		if (nh->type != RTN_LOCAL)
			return SKB_DROP_REASON_IP_INVALID_SOURCE;
		if (!(dev->conf4 & DP_CONF_ACCEPT_LOCAL))
			return SKB_DROP_REASON_IP_LOCAL_SOURCE;
	}
	if (fib_info_nh_uses_dev(net, nh, dev, &scope)) {
		if (on_link)
			*on_link = scope >= RT_SCOPE_HOST;
		return SKB_NOT_DROPPED_YET;
	}
	if (no_addr)
		goto last_resort;
	if (dev->conf4 & DP_CONF_RP_STRICT)
		return SKB_DROP_REASON_IP_RPFILTER;
	return SKB_NOT_DROPPED_YET;

last_resort:
	if (dev->conf4 & (DP_CONF_RP_STRICT | DP_CONF_RP_LOOSE))
		return SKB_DROP_REASON_IP_RPFILTER;
	return SKB_NOT_DROPPED_YET;
}

enum skb_drop_reason fib_validate_source(struct net_device *dev, struct sk_buff *skb, uint32_t src,
					 uint32_t oif, bool *on_link)
{
	/* what we sent to ourselves had its route */
	if (dev->type == DP_LINK_LOOPBACK)
		return SKB_NOT_DROPPED_YET;
	if (!(dev->conf4 & (DP_CONF_RP_STRICT | DP_CONF_RP_LOOSE)) &&
	    (dev->ifindex != oif || !(dev->conf4 & DP_CONF_SEND_REDIRECTS))) {
		if (dev->conf4 & DP_CONF_ACCEPT_LOCAL)
			return SKB_NOT_DROPPED_YET;
		if (!inet_lookup_ifaddr(dev_net(dev), src))
			return SKB_NOT_DROPPED_YET;
		if (!dev_net(dev)->conf[DP_NET_CUSTOM_RULES])
			return SKB_DROP_REASON_IP_LOCAL_SOURCE;
	}
	return __fib_validate_source(dev, skb, src, oif, on_link);
}

/* What is connected: a route to it without a gateway, out of this device. */
bool inet_addr_onlink(const struct net_device *dev, uint32_t a, uint32_t b)
{
	const struct nexthop *nh = fib_lookup(dev, a);

	if (!nh || nh->dev != dev || nh->neigh)
		return false;
	if (!b)
		return true;
	nh = fib_lookup(dev, b);
	return nh && nh->dev == dev && !nh->neigh;
}
