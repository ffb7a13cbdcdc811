/* SPDX-License-Identifier: BSD-3-Clause */
/* loopback.c - the device lo: what is sent on it is received on it. */
#include <net/netdevice.h>

void loopback_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	struct net_device_stats *stats = dev_stats(sd, dev);
	uint32_t len = skb_mbuf(skb)->pkt_len;

	if (unlikely(!netif_rx(sd, dev, skb))) {
		stats->tx_dropped++;
		return;
	}
	stats->tx_packets++;
	stats->tx_bytes += len;
}
