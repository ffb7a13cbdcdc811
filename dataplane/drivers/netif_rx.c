/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netif_rx.c - the backlog of a worker: what virtual devices receive, on the worker's next turn, so
 * that a packet to ourselves never nests the stack in itself.
 */
#include <net/netdevice.h>

bool netif_rx(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	if (unlikely(sd->backlog_tail - sd->backlog_head == BACKLOG_MAX)) {
		dev_stats(sd, dev)->rx_dropped++;
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_CPU_BACKLOG);
		return false;
	}
	skb->dev = dev;
	sd->backlog[sd->backlog_tail++ % BACKLOG_MAX] = skb;
	return true;
}

unsigned int netif_rx_backlog(struct softnet_data *sd)
{
	/* what comes in while these are handled waits for the next turn */
	unsigned int n = sd->backlog_tail - sd->backlog_head, left = n;

	while (left) {
		struct net_device *dev = sd->backlog[sd->backlog_head % BACKLOG_MAX]->dev;
		struct rte_mbuf *pkts[NAPI_BURST];
		unsigned int k = 0;

		while (k < left && k < NAPI_BURST) {
			struct sk_buff *skb = sd->backlog[sd->backlog_head % BACKLOG_MAX];

			if (skb->dev != dev)
				break;
			pkts[k++] = skb_mbuf(skb);
			sd->backlog_head++;
		}
		left -= k;
		netif_receive_skb_list(sd, dev, pkts, k);
	}
	return n;
}
