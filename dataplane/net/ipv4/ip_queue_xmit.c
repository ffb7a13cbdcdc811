/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip_queue_xmit.c - IPv4 packets of sockets: the route (ip_route_output_key), then out. What keeps
 * one from going is told by ICMP to who sent it, for want of an errno.
 */
#include <netinet/ip_icmp.h>

#include <net/flow.h>
#include <net/ip.h>
#include <net/twin.h>

/* A path out of dev when there is one: the sender chose it; else that of the flow. */
static const struct nexthop *ip_select_oif(const struct softnet_data *sd, const struct net *net,
					   const struct nexthop *nh, const struct net_device *dev,
					   struct sk_buff *skb)
{
	for (uint32_t i = 0; i < nh->group->num_nh; i++) {
		const struct nexthop *member = net_nexthop(net, nh->group->nh_entries[i].id);

		if (member && member->dev == dev)
			return member;
	}
	return nexthop_select_path(sd, net, nh, fib_multipath_hash(net, skb));
}

static const struct nexthop *ip_route_output(const struct softnet_data *sd, struct net_device *dev,
					     struct sk_buff *skb)
{
	const struct nexthop *nh = fib_lookup_skb(dev, skb, ip_hdr(skb)->daddr);

	if (nh && nh->group)
		nh = ip_select_oif(sd, dev_net(dev), nh, dev, skb);
	return nh;
}

static void ip_output_error(struct softnet_data *sd, struct sk_buff *skb, uint8_t type)
{
	struct net *net = dev_net(skb->dev);

	IP_INC_STATS(sd, net, IPSTATS_MIB_OUTNOROUTES);
	switch (type) {
	case RTN_UNREACHABLE:
		icmp_send(sd, skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
		break;
	case RTN_PROHIBIT:
		icmp_send(sd, skb, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0);
		break;
	case RTN_BLACKHOLE:
		break;
	default:
		icmp_send(sd, skb, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0);
	}
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
}

/* To where its destination is on a link: groups go out of the link that the sender chose. */
static void ip_mc_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	uint32_t daddr = ip_hdr(skb)->daddr;

	if (dev_is_routed(dev)) {
		const struct nexthop *nh = ip_route_output(sd, dev, skb);

		if (!nh || nh->type != RTN_UNICAST || !nh->dev) {
			ip_output_error(sd, skb, RTN_UNSPEC);
			return;
		}
		dev = nh->dev;
	}
	ip_local_out(sd, dev, skb, AF_INET, &daddr);
}

void ip_queue_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	const struct nexthop *nh;
	const struct iphdr *iph;
	const void *key;
	uint32_t daddr;

	skb->ip.flags = IPSKB_LOCAL_OUT;
	if (!pskb_may_pull(skb, sizeof(*iph))) {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
		return;
	}
	iph = ip_hdr(skb);
	if (ntohs(iph->tot_len) < skb_network_len(skb) && ntohs(iph->tot_len) >= sizeof(*iph))
		pskb_trim(skb, ntohs(iph->tot_len));
	daddr = iph->daddr;
	if (ipv4_is_multicast(daddr) || ipv4_is_lbcast(daddr)) {
		ip_mc_xmit(sd, dev, skb);
		return;
	}
	nh = ip_route_output(sd, dev, skb);
	if (!nh) {
		ip_output_error(sd, skb, RTN_UNSPEC);
		return;
	}
	switch (nh->type) {
	case RTN_UNICAST:
	case RTN_BROADCAST:
		if (nh->dev)
			break;
		/* fall through */
	default:
		ip_output_error(sd, skb, nh->type == RTN_UNICAST ? RTN_UNSPEC : nh->type);
		return;
	case RTN_LOCAL:
		ip_local_out(sd, dev_loopback(dev), skb, AF_INET, &daddr);
		return;
	}
	key = nh->flags & DP_NH_GATEWAY ? (const void *)nh->gw : &daddr;
	__ip_local_out(sd, nh->dev, skb, dst_mtu4(nh),
		       nh->flags & DP_NH_GATEWAY ? nh->gw_family : AF_INET, key, nh->type);
}
