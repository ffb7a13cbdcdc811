/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vrf.c - the device of a VRF, which is the loopback of its domain: what is sent on it is looked up
 * in the VRF's table, and goes out by one of its links, or is received on it.
 */
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/neighbour.h>

/* Devices that send by one another, in turn (XMIT_RECURSION_LIMIT). */
#define VRF_RECURSION_LIMIT 8

static void vrf_tx_error(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	dev_stats(sd, dev)->tx_errors++;
	dev_stats(sd, dev)->tx_dropped++;
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
}

/* To an address of ours: in again, on the VRF. */
static void vrf_local_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	uint32_t len = skb_mbuf(skb)->pkt_len;
	struct net_device_stats *stats = dev_stats(sd, dev);

	neigh_hh_output(skb, dev->dev_addr,
			skb->protocol == htons(ETH_P_IPV6) ? dev->hdr6 : dev->hdr4);
	if (!netif_rx(sd, dev, skb)) {
		stats->rx_dropped++;
		return;
	}
	stats->tx_packets++;
	stats->tx_bytes += len;
}

static const struct nexthop *vrf_route_output(const struct net_device *dev, struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IPV6)) {
		const struct in6_addr *daddr = &ipv6_hdr(skb)->daddr;

		if (ipv6_addr_is_multicast(daddr) || ipv6_addr_linklocal(daddr))
			return NULL;
		return fib6_lookup(dev, skb);
	}
	if (skb->protocol != htons(ETH_P_IP) || ipv4_is_multicast(ip_hdr(skb)->daddr) ||
	    ipv4_is_lbcast(ip_hdr(skb)->daddr))
		return NULL;
	return fib_lookup_skb(dev, skb, ip_hdr(skb)->daddr);
}

void vrf_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	const struct nexthop *nh = vrf_route_output(dev, skb);

	skb->dev = dev;
	if (nh && (nh->type == RTN_LOCAL || nh->type == RTN_ANYCAST)) {
		vrf_local_xmit(sd, dev, skb);
		return;
	}
	if (!nh || (nh->type != RTN_UNICAST && nh->type != RTN_BROADCAST) ||
	    sd->vrf_recursion == VRF_RECURSION_LIMIT) {
		vrf_tx_error(sd, dev, skb);
		return;
	}
	dev_stats(sd, dev)->tx_packets++;
	dev_stats(sd, dev)->tx_bytes += skb_mbuf(skb)->pkt_len;
	sd->vrf_recursion++;
	if (skb->protocol == htons(ETH_P_IPV6))
		ip6_xmit(sd, dev, skb);
	else
		ip_queue_xmit(sd, dev, skb);
	sd->vrf_recursion--;
}
