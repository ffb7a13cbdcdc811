/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_port.c - ports given to the data plane, and which worker polls which of their queues. */
#include <drivers/ring.h>
#include <net/core/dp_local.h>

/* Builds anew what every worker polls. */
static int rxq_lists_publish(void)
{
	struct rxq_list *lists[DP_MAX_WORKERS] = {0};
	uint32_t total = 0;

	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++)
		total += netdev_ports[p].nb_rxq;
	for (uint32_t w = 0; w < dp_workers; w++) {
		lists[w] = malloc(sizeof(*lists[w]) + total * sizeof(struct rx_queue));
		if (!lists[w])
			goto nomem;
		lists[w]->n = 0;
	}
	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++) {
		for (uint16_t q = 0; q < netdev_ports[p].nb_rxq; q++) {
			struct rxq_list *l = lists[netdev_ports[p].rxq_worker[q] % dp_workers];

			l->rxq[l->n++] = (struct rx_queue){.port = p, .queue = q};
		}
	}
	for (uint32_t w = 0; w < dp_workers; w++) {
		struct rxq_list *old = softnet_data[w]->rxq;

		__atomic_store_n(&softnet_data[w]->rxq, lists[w], __ATOMIC_RELEASE);
		dp_free_rcu(old);
	}
	return 0;

nomem:
	for (uint32_t w = 0; w < dp_workers; w++)
		free(lists[w]);
	return -ENOMEM;
}

int dp_port_add(uint16_t port, uint16_t nb_rxq, uint16_t nb_txq)
{
	struct netdev_port *p = port < RTE_MAX_ETHPORTS ? &netdev_ports[port] : NULL;
	int rc = -EBUSY;

	if (!p || !nb_rxq || nb_rxq > NETDEV_MAX_RXQ || !nb_txq || !dp_workers)
		return -EINVAL;
	dp_write_lock();
	if (p->nb_txq)
		goto out;
	rte_spinlock_init(&p->tx_lock);
	p->tx_shared = nb_txq < dp_workers;
	p->nb_rxq = nb_rxq;
	p->nb_txq = nb_txq;
	for (uint16_t q = 0; q < nb_rxq; q++)
		p->rxq_worker[q] = (uint8_t)(q % dp_workers);
	rc = rxq_lists_publish();
	if (rc)
		p->nb_rxq = p->nb_txq = 0;
out:
	dp_unlock();
	return rc;
}

int dp_port_rxq(uint16_t port, uint16_t queue, uint32_t worker)
{
	int rc;

	if (port >= RTE_MAX_ETHPORTS || worker >= dp_workers)
		return -EINVAL;
	dp_write_lock();
	rc = -ENODEV;
	if (queue < netdev_ports[port].nb_rxq) {
		netdev_ports[port].rxq_worker[queue] = (uint8_t)worker;
		rc = rxq_lists_publish();
	}
	dp_unlock();
	return rc;
}

int dp_port_del(uint16_t port)
{
	struct netdev_port *p = port < RTE_MAX_ETHPORTS ? &netdev_ports[port] : NULL;
	int rc = -ENODEV;

	if (!p)
		return -EINVAL;
	dp_write_lock();
	if (!p->nb_txq)
		goto out;
	p->nb_rxq = 0;
	rc = rxq_lists_publish();
	if (rc)
		goto out;
	__atomic_store_n(&p->dev, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&p->nb_txq, 0, __ATOMIC_RELEASE);
	/* after a turn of every worker nobody polls or transmits any more */
	synchronize_rcu();
	ring_port_close(port);
out:
	dp_unlock();
	return rc;
}

void dp_ports_reset(void)
{
	memset(netdev_ports, 0, sizeof(netdev_ports));
}
