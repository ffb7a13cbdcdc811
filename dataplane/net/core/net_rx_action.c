/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_rx_action.c - the turn of a worker: receive, and carry each burst through the stack to the
 * transmit queues, which are flushed at the end.
 */
#include <rte_prefetch.h>

#include <net/if_macvlan.h>
#include <net/if_vlan.h>
#include <net/inet_frag.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/napi.h>
#include <net/net_namespace.h>
#include <net/netdevice.h>
#include <net/punt.h>
#include <net/rps.h>
#include <net/twin.h>

/* How far ahead of the loop a packet's lines are fetched. */
#define RX_PREFETCH 6

static inline uint64_t eth_load8(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

/* A frame too short for a link header, or one that has it in several segments. */
static __rte_noinline bool eth_header_pull(struct softnet_data *sd, struct net_device *dev,
					   struct rte_mbuf *m)
{
	struct sk_buff *skb = mbuf_skb(m);

	skb_init(skb);
	skb->dev = dev;
	skb->network_header = m->data_off;
	if (pskb_may_pull(skb, ETH_HLEN))
		return true;
	dev_stats(sd, dev)->rx_errors++;
	dev_stats(sd, dev)->rx_length_errors++;
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
	return false;
}

static __rte_noinline uint8_t eth_other_type(struct softnet_data *sd, struct net_device *dev,
					     uint64_t dest)
{
	if (!(dest & 1))
		return PACKET_OTHERHOST;
	if ((dest & ETH_ADDR_MASK) == ETH_ADDR_MASK)
		return PACKET_BROADCAST;
	dev_stats(sd, dev)->multicast++;
	return PACKET_MULTICAST;
}

/* Sets up the skb of a received frame; returns its EtherType (network order). */
static __rte_always_inline uint16_t eth_type_trans(struct softnet_data *sd, struct rte_mbuf *m,
						   struct net_device *dev, uint64_t dev_addr,
						   const struct sk_buff *fresh)
{
	const char *eth = rte_pktmbuf_mtod(m, const char *);
	uint32_t l3 = (uint32_t)m->data_off + ETH_HLEN;
	struct sk_buff *skb = mbuf_skb(m);
	uint64_t dest = eth_load8(eth);
	uint16_t protocol;

	memcpy(&protocol, eth + 12, 2);
	*skb = *fresh;
	skb->protocol = protocol;
	skb->network_header = (uint16_t)l3;
	skb->transport_header = (uint16_t)(l3 + sizeof(struct iphdr)); /* IPv4, as a rule */
	if (unlikely((dest ^ dev_addr) << 16))
		skb->pkt_type = eth_other_type(sd, dev, dest);
	return protocol;
}

/*
 * Everything but plain IP: ARP goes up, the rest nobody wants. Returns the EtherType of IP when
 * that is behind a tag, else 0: disposed of.
 */
static __rte_noinline uint16_t netif_receive_other(struct softnet_data *sd, struct net_device *dev,
						   struct rte_mbuf *m, uint16_t protocol)
{
	struct sk_buff *skb = mbuf_skb(m);

	if (eth_type_vlan(protocol)) {
		if (!skb_vlan_untag(sd, dev, skb))
			return 0;
		protocol = skb->protocol;
		if (protocol == htons(ETH_P_IP) || protocol == htons(ETH_P_IPV6))
			return protocol;
	}
	skb->transport_header = 0;
	if (protocol == htons(ETH_P_ARP)) {
		/* arp_rcv(): what a device without ARP, or another host, is not asked for */
		if (dev->flags & IFF_NOARP || skb->pkt_type == PACKET_OTHERHOST ||
		    !(dev->conf4 & DP_CONF_ENABLED)) {
			kfree_skb_reason(sd, skb,
					 skb->pkt_type == PACKET_OTHERHOST
					     ? SKB_DROP_REASON_OTHERHOST
					     : SKB_DROP_REASON_NOT_SPECIFIED);
			return 0;
		}
		if (dev_has_twin(dev))
			twin_mirror(sd, skb, DP_PUNT_ARP, 0);
		else
			punt_skb(sd, skb, DP_PUNT_ARP, 0);
		return 0;
	}
	if (dev_has_twin(dev) && skb->pkt_type != PACKET_OTHERHOST) {
		twin_rcv_other(sd, skb);
		return 0;
	}
	dev_stats(sd, dev)->rx_nohandler++;
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_UNHANDLED_PROTO);
	return 0;
}

static __rte_noinline void netif_receive_down(struct softnet_data *sd, struct net_device *dev,
					      struct rte_mbuf **pkts, unsigned int n)
{
	if (dev)
		dev_stats(sd, dev)->rx_dropped += n;
	for (unsigned int i = 0; i < n; i++)
		kfree_skb_reason(sd, mbuf_skb(pkts[i]), SKB_DROP_REASON_DEV_READY);
}

static __rte_always_inline void skb_prefetch(const struct rte_mbuf *m)
{
	rte_prefetch0(rte_pktmbuf_mtod(m, void *));
	__builtin_prefetch(mbuf_skb(m), 1);
}

/* dev_addr: the address that makes a frame ours, the device's as a rule. */
static __rte_always_inline void netif_receive_burst(struct softnet_data *sd, struct net_device *dev,
						    uint64_t dev_addr, struct rte_mbuf **pkts,
						    unsigned int n)
{
	struct sk_buff *ip[NAPI_BURST], *ip6[NAPI_BURST];
	struct sk_buff fresh = {.dev = dev};
	struct net_device_stats *stats;
	size_t n_ip = 0, n_ip6 = 0;
	uint64_t bytes = 0;

	fresh.skb_iif = (uint16_t)dev->ifindex;
	/* in memory, once: stored piecemeal for each packet it could not be read back whole */
	asm volatile("" : "+m"(fresh));
	for (unsigned int i = 0; i < RTE_MIN(n, (unsigned int)RX_PREFETCH); i++)
		skb_prefetch(pkts[i]);
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint16_t protocol;

		if (i + RX_PREFETCH < n)
			skb_prefetch(pkts[i + RX_PREFETCH]);
		bytes += m->pkt_len;
		if (unlikely(m->data_len < ETH_HLEN) && !eth_header_pull(sd, dev, m))
			continue;
		protocol = eth_type_trans(sd, m, dev, dev_addr, &fresh);
		if (unlikely(protocol != htons(ETH_P_IP) && protocol != htons(ETH_P_IPV6)))
			protocol = netif_receive_other(sd, dev, m, protocol);
		ip[n_ip] = mbuf_skb(m);
		n_ip += protocol == htons(ETH_P_IP);
		ip6[n_ip6] = mbuf_skb(m);
		n_ip6 += protocol == htons(ETH_P_IPV6);
	}
	stats = dev_stats(sd, dev);
	stats->rx_packets += n;
	stats->rx_bytes += bytes;
	stage_end(sd, STAGE_RECEIVE, n);
	if (n_ip)
		ip_list_rcv(sd, dev, ip, (unsigned int)n_ip);
	if (n_ip6)
		ipv6_list_rcv(sd, dev, ip6, (unsigned int)n_ip6);
	if (unlikely(sd->n_tagged))
		vlan_receive_list(sd, dev);
}

void netif_receive_skb_list(struct softnet_data *sd, struct net_device *dev, struct rte_mbuf **pkts,
			    unsigned int n)
{
	if (unlikely(!dev || !netif_running(dev))) {
		netif_receive_down(sd, dev, pkts, n);
		return;
	}
	if (unlikely(dev->macvlan)) {
		n = macvlan_handle_frames(sd, dev, pkts, n);
		if (!n)
			return;
	}
	netif_receive_burst(sd, dev, dev->dev_addr, pkts, n);
}

void netif_receive_skb_addr(struct softnet_data *sd, struct net_device *dev, uint64_t dev_addr,
			    struct rte_mbuf **pkts, unsigned int n)
{
	netif_receive_burst(sd, dev, dev_addr, pkts, n);
}

unsigned int net_rx_action(struct softnet_data *sd)
{
	uint64_t start = rte_rdtsc();
	unsigned int n;

	sd->now = start;
	sd->stage_tsc = start;
	neigh_hold_poll(sd);
	inet_frag_poll(sd);
	n = netif_rx_backlog(sd);
	n += ethdev_rx(sd);
	n += process_backlog(sd);
	n += inject_rx(sd);
	n += twin_rx(sd);
	ethdev_tx_flush(sd);
	if (sd->n_dead)
		skb_defer_free_flush(sd);
	punt_wake(sd);
	twin_wake(sd);
	napi_turn(sd, start, n);
	return n;
}
