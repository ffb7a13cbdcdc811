/* SPDX-License-Identifier: BSD-3-Clause */
/* dummy.c - a device that takes every packet and sends none. */
#include <net/netdevice.h>

void dummy_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	struct net_device_stats *stats = dev_stats(sd, dev);

	stats->tx_packets++;
	stats->tx_bytes += skb_mbuf(skb)->pkt_len;
	consume_skb(skb);
}
