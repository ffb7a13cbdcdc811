/* SPDX-License-Identifier: BSD-3-Clause */
/* ethdev_tx.c - bursts to the ports. What a full ring does not take is dropped, as by a qdisc. */
#include <rte_ethdev.h>

#include <net/netdevice.h>

void ethdev_xmit(struct softnet_data *sd, struct tx_queue *txq)
{
	struct netdev_port *p = &netdev_ports[txq->port];
	struct net_device_stats *stats = dev_stats(sd, txq->dev);
	uint16_t n = txq->n, sent = 0;

	if (unlikely(p->tx_shared >> sd->worker & 1)) {
		rte_spinlock_t *lock = &netdev_txqs[txq->port][p->txq[sd->worker]]._xmit_lock;

		rte_spinlock_lock(lock);
		sent = rte_eth_tx_burst(txq->port, p->txq[sd->worker], txq->pkts, n);
		rte_spinlock_unlock(lock);
	} else if (likely(p->nb_txq)) {
		sent = rte_eth_tx_burst(txq->port, (uint16_t)sd->worker, txq->pkts, n);
	}
	for (uint16_t i = sent; i < n; i++) {
		txq->bytes -= txq->pkts[i]->pkt_len;
		kfree_skb_reason(sd, mbuf_skb(txq->pkts[i]), SKB_DROP_REASON_QDISC_DROP);
	}
	stats->tx_packets += sent;
	stats->tx_bytes += txq->bytes;
	stats->tx_dropped += n - sent;
	txq->n = 0;
	txq->bytes = 0;
}

void ethdev_tx_flush(struct softnet_data *sd)
{
	unsigned int packets = 0;

	if (!sd->n_dirty)
		return;
	for (uint32_t i = 0; i < sd->n_dirty; i++) {
		struct tx_queue *txq = &sd->tx[sd->dirty[i]];

		packets += txq->n;
		txq->listed = false;
		if (txq->n)
			ethdev_xmit(sd, txq);
	}
	sd->n_dirty = 0;
	stage_end(sd, STAGE_TX, packets);
}
