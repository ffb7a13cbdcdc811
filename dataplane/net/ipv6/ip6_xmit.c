/* SPDX-License-Identifier: BSD-3-Clause */
/* ip6_xmit.c - IPv6 packets of sockets, as net/ipv4/ip_queue_xmit.c. */
#include <net/flow.h>
#include <net/ipv6.h>
#include <net/twin.h>

static const struct nexthop *ip6_select_oif(const struct softnet_data *sd, const struct net *net,
					    const struct nexthop *nh, const struct net_device *dev,
					    struct sk_buff *skb)
{
	for (uint32_t i = 0; i < nh->group->num_nh; i++) {
		const struct nexthop *member = net_nexthop(net, nh->group->nh_entries[i].id);

		if (member && member->dev == dev)
			return member;
	}
	return nexthop_select_path(sd, net, nh, rt6_multipath_hash(net, skb));
}

static const struct nexthop *ip6_route_output(const struct softnet_data *sd, struct net_device *dev,
					      struct sk_buff *skb)
{
	const struct nexthop *nh = fib6_lookup(dev, skb);

	if (nh && nh->group)
		nh = ip6_select_oif(sd, dev_net(dev), nh, dev, skb);
	return nh;
}

static void ip6_output_error(struct softnet_data *sd, struct sk_buff *skb, uint8_t type)
{
	struct net *net = dev_net(skb->dev);

	IP6_INC_STATS(sd, net, IPSTATS_MIB_OUTNOROUTES);
	if (type == RTN_PROHIBIT)
		icmpv6_send(sd, skb, ICMPV6_DEST_UNREACH, ICMPV6_ADM_PROHIBITED, 0);
	else if (type != RTN_BLACKHOLE)
		icmpv6_send(sd, skb, ICMPV6_DEST_UNREACH, ICMPV6_NOROUTE, 0);
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
}

void ip6_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	const struct nexthop *nh;
	const struct ipv6hdr *hdr;
	struct in6_addr key;
	uint32_t len;

	skb->ip6.flags = IP6SKB_LOCAL_OUT;
	if (!pskb_may_pull(skb, sizeof(*hdr))) {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
		return;
	}
	hdr = ipv6_hdr(skb);
	len = ntohs(hdr->payload_len) + (uint32_t)sizeof(*hdr);
	if (len < skb_network_len(skb))
		pskb_trim(skb, len);
	key = hdr->daddr;
	/* both mean the link that the sender chose */
	if ((ipv6_addr_is_multicast(&key) || ipv6_addr_linklocal(&key)) && !dev_is_routed(dev)) {
		ip6_local_out(sd, dev, skb, &key);
		return;
	}
	nh = ip6_route_output(sd, dev, skb);
	if (nh && (nh->type == RTN_LOCAL || nh->type == RTN_ANYCAST)) {
		ip6_local_out(sd, dev_loopback(dev), skb, &key);
		return;
	}
	if (!nh || nh->type != RTN_UNICAST || !nh->dev) {
		ip6_output_error(sd, skb, nh ? nh->type : (uint8_t)RTN_UNSPEC);
		return;
	}
	if (skb_network_len(skb) > dst_mtu6(nh)) {
		IP6_INC_STATS(sd, dev_net(dev), IPSTATS_MIB_FRAGFAILS);
		icmpv6_send(sd, skb, ICMPV6_PKT_TOOBIG, 0, dst_mtu6(nh));
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_PKT_TOO_BIG);
		return;
	}
	if (nh->flags & DP_NH_GATEWAY)
		memcpy(&key, nh->gw, sizeof(key));
	ip6_local_out(sd, nh->dev, skb, &key);
}
