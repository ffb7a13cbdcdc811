/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loopback.c - the device lo: what is sent on it is received on it, on the worker's next turn, so
 * that a packet to ourselves never nests the stack in itself.
 */
#include <net/netdevice.h>

void loopback_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	struct net_device_stats *stats = dev_stats(sd, dev);

	if (sd->backlog_tail - sd->backlog_head == BACKLOG_MAX) {
		stats->tx_dropped++;
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_CPU_BACKLOG);
		return;
	}
	stats->tx_packets++;
	stats->tx_bytes += skb_mbuf(skb)->pkt_len;
	skb->dev = dev;
	sd->backlog[sd->backlog_tail++ % BACKLOG_MAX] = skb;
}

unsigned int loopback_rx(struct softnet_data *sd)
{
	/* what comes in while these are handled waits for the next turn */
	unsigned int n = sd->backlog_tail - sd->backlog_head;

	for (unsigned int i = 0; i < n; i++) {
		struct sk_buff *skb = sd->backlog[sd->backlog_head++ % BACKLOG_MAX];
		struct rte_mbuf *m = skb_mbuf(skb);

		netif_receive_skb_list(sd, skb->dev, &m, 1);
	}
	return n;
}
