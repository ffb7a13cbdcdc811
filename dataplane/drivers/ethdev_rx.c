/* SPDX-License-Identifier: BSD-3-Clause */
/* ethdev_rx.c - bursts from the receive queues that this worker polls. */
#include <rte_ethdev.h>

#include <net/netdevice.h>
#include <net/rps.h>

unsigned int ethdev_rx(struct softnet_data *sd)
{
	const struct rxq_list *l = __atomic_load_n(&sd->rxq, __ATOMIC_ACQUIRE);
	unsigned int total = 0;

	for (uint32_t i = 0; l && i < l->n; i++) {
		struct rte_mbuf *pkts[NAPI_BURST];
		const struct rx_queue *q = &l->rxq[i];
		uint16_t n = rte_eth_rx_burst(q->port, q->queue, pkts, NAPI_BURST);
		struct net_device *dev;

		if (!n)
			continue;
		stage_end(sd, STAGE_RX, n);
		dev = __atomic_load_n(&netdev_ports[q->port].dev, __ATOMIC_ACQUIRE);
		total += n;
		if (unlikely(q->rps_len))
			netif_rps(sd, q, dev, pkts, n);
		else
			netif_receive_skb_list(sd, dev, pkts, n);
	}
	return total;
}
