/* SPDX-License-Identifier: BSD-3-Clause */
/* ethdev_rx.c - bursts from the receive queues that this worker polls. */
#include <rte_ethdev.h>

#include <net/netdevice.h>

unsigned int ethdev_rx(struct softnet_data *sd)
{
	const struct rxq_list *l = __atomic_load_n(&sd->rxq, __ATOMIC_ACQUIRE);
	unsigned int total = 0;

	for (uint32_t i = 0; l && i < l->n; i++) {
		struct rte_mbuf *pkts[NAPI_BURST];
		uint16_t port = l->rxq[i].port;
		uint16_t n = rte_eth_rx_burst(port, l->rxq[i].queue, pkts, NAPI_BURST);

		if (!n)
			continue;
		stage_end(sd, STAGE_RX, n);
		netif_receive_skb_list(
		    sd, __atomic_load_n(&netdev_ports[port].dev, __ATOMIC_ACQUIRE), pkts, n);
		total += n;
	}
	return total;
}
