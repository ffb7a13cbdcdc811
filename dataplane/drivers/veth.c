/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * veth.c - a pair of devices: what one sends the other receives, by the backlog of the worker, and
 * without a copy. They may be of different nets.
 */
#include <net/if_vlan.h>
#include <net/netdevice.h>

/* The longest frame that a device takes from its peer (is_skb_forwardable). */
static inline bool veth_takes(const struct net_device *peer, uint32_t len)
{
	return peer->flags & IFF_UP && len <= peer->mtu + ETH_HLEN + VLAN_HLEN;
}

void veth_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	struct net_device *peer = __atomic_load_n(&dev->lower, __ATOMIC_ACQUIRE);
	struct net_device_stats *stats = dev_stats(sd, dev);
	uint32_t len = skb_mbuf(skb)->pkt_len;

	if (unlikely(!peer || !veth_takes(peer, len))) {
		if (peer)
			dev_stats(sd, peer)->rx_dropped++;
		stats->tx_dropped++;
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	if (unlikely(!netif_rx(sd, peer, skb))) {
		stats->tx_dropped++;
		return;
	}
	stats->tx_packets++;
	stats->tx_bytes += len;
}
