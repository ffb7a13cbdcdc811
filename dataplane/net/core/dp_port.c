/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_port.c - ports given to the data plane, and which worker polls which of their queues. */
#include <drivers/ring.h>
#include <net/core/dp_local.h>
#include <net/napi.h>
#include <net/rps.h>

/*
 * A queue whose worker changes, or the workers of its flows: the old ones must have let go of what
 * came before the new ones begin, or flows would be put out of order.
 */
static bool rxq_moves(const struct netdev_port *p, uint16_t q)
{
	return p->rxq_polled[q] < DP_MAX_WORKERS &&
	       (p->rxq_polled[q] != p->rxq_worker[q] || p->rps_polled != p->rps_mask);
}

static struct rx_queue rxq_of(uint16_t port, uint16_t queue)
{
	struct rx_queue q = {.port = port, .queue = queue};

	for (uint32_t mask = netdev_ports[port].rps_mask; mask; mask &= mask - 1)
		q.rps_cpus[q.rps_len++] = (uint8_t)__builtin_ctz(mask);
	return q;
}

static void rxq_lists_free(struct rxq_list **lists)
{
	for (uint32_t w = 0; w < dp_workers; w++)
		free(lists[w]);
}

/* What every worker is to poll; without those queues that move, or with them. */
static int rxq_lists_make(struct rxq_list **lists, bool moving)
{
	uint32_t total = 0;

	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++)
		total += netdev_ports[p].nb_rxq;
	for (uint32_t w = 0; w < dp_workers; w++) {
		lists[w] = malloc(sizeof(*lists[w]) + total * sizeof(struct rx_queue));
		if (!lists[w]) {
			rxq_lists_free(lists);
			return -ENOMEM;
		}
		lists[w]->n = 0;
	}
	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++) {
		for (uint16_t q = 0; q < netdev_ports[p].nb_rxq; q++) {
			struct rxq_list *l = lists[netdev_ports[p].rxq_worker[q]];

			if (moving || !rxq_moves(&netdev_ports[p], q))
				l->rxq[l->n++] = rxq_of(p, q);
		}
	}
	return 0;
}

static void rxq_lists_replace(struct rxq_list **lists)
{
	for (uint32_t w = 0; w < dp_workers; w++) {
		struct rxq_list *old = softnet_data[w]->rxq;

		__atomic_store_n(&softnet_data[w]->rxq, lists[w], __ATOMIC_RELEASE);
		dp_free_rcu(old);
	}
	/* a new queue may have packets already, and who fills it not know whom to wake */
	napi_wake_all();
}

/* The rings that the workers of each port need. They stay: empty ones cost a load per turn. */
static int rps_rings_make(void)
{
	int rc = 0;

	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++) {
		for (uint16_t q = 0; q < netdev_ports[p].nb_rxq; q++) {
			uint32_t from = netdev_ports[p].rxq_worker[q];
			uint32_t mask = netdev_ports[p].rps_mask & ~(1u << from);

			for (; mask && !rc; mask &= mask - 1)
				rc = rps_ring_make(softnet_data[from],
						   softnet_data[__builtin_ctz(mask)]);
		}
	}
	return rc;
}

/* Makes the workers poll what netdev_ports says; after an error they poll what they did. */
static int rxq_lists_publish(void)
{
	struct rxq_list *lists[DP_MAX_WORKERS] = {0}, *without[DP_MAX_WORKERS] = {0};
	bool moving = false;
	int rc;

	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++)
		for (uint16_t q = 0; q < netdev_ports[p].nb_rxq; q++)
			moving |= rxq_moves(&netdev_ports[p], q);
	rc = rps_rings_make();
	if (!rc)
		rc = rxq_lists_make(lists, true);
	if (rc)
		return rc;
	if (moving) {
		rc = rxq_lists_make(without, false);
		if (rc) {
			rxq_lists_free(lists);
			return rc;
		}
		rxq_lists_replace(without);
		/* received, taken by the worker of the flow, transmitted */
		synchronize_rcu();
		rps_drain();
		synchronize_rcu();
	}
	rxq_lists_replace(lists);
	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++) {
		memcpy(netdev_ports[p].rxq_polled, netdev_ports[p].rxq_worker,
		       netdev_ports[p].nb_rxq);
		netdev_ports[p].rps_polled = netdev_ports[p].rps_mask;
	}
	return 0;
}

/* Worker w transmits on queue w % nb_txq; with fewer queues than workers some share one. */
static void txq_spread(struct netdev_port *p, struct netdev_queue *txqs, uint16_t nb_txq)
{
	p->tx_shared = 0;
	for (uint32_t w = 0; w < dp_workers; w++) {
		p->txq[w] = (uint8_t)(w % nb_txq);
		if (w >= nb_txq || w + nb_txq < dp_workers)
			p->tx_shared |= (uint16_t)(1u << w);
		rte_spinlock_init(&txqs[p->txq[w]]._xmit_lock);
	}
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
	txq_spread(p, netdev_txqs[port], nb_txq);
	p->rps_mask = 0;
	p->nb_rxq = nb_rxq;
	p->nb_txq = nb_txq;
	for (uint16_t q = 0; q < nb_rxq; q++) {
		p->rxq_worker[q] = (uint8_t)(q % dp_workers);
		p->rxq_polled[q] = DP_MAX_WORKERS;
		napi_rxq_add(port, q);
	}
	rc = rxq_lists_publish();
	if (rc) {
		for (uint16_t q = 0; q < nb_rxq; q++)
			napi_rxq_del(port, q);
		p->nb_rxq = p->nb_txq = 0;
	}
out:
	dp_unlock();
	return rc;
}

int dp_port_rxq(uint16_t port, uint16_t queue, uint32_t worker)
{
	struct netdev_port *p = port < RTE_MAX_ETHPORTS ? &netdev_ports[port] : NULL;
	int rc = -ENODEV;

	if (!p || worker >= dp_workers)
		return -EINVAL;
	dp_write_lock();
	if (queue < p->nb_rxq) {
		uint8_t was = p->rxq_worker[queue];

		napi_rxq_del(port, queue);
		p->rxq_worker[queue] = (uint8_t)worker;
		rc = was == worker ? 0 : rxq_lists_publish();
		if (rc)
			p->rxq_worker[queue] = was;
		napi_rxq_add(port, queue);
	}
	dp_unlock();
	return rc;
}

int dp_port_rps(uint16_t port, uint32_t workers)
{
	struct netdev_port *p = port < RTE_MAX_ETHPORTS ? &netdev_ports[port] : NULL;
	int rc = -ENODEV;

	if (!p || workers >> dp_workers)
		return -EINVAL;
	dp_write_lock();
	if (p->nb_rxq) {
		uint16_t was = p->rps_mask;

		p->rps_mask = (uint16_t)workers;
		rc = was == workers ? 0 : rxq_lists_publish();
		if (rc)
			p->rps_mask = was;
	}
	dp_unlock();
	return rc;
}

int dp_port_del(uint16_t port)
{
	struct netdev_port *p = port < RTE_MAX_ETHPORTS ? &netdev_ports[port] : NULL;
	uint16_t nb_rxq;
	int rc = -ENODEV;

	if (!p)
		return -EINVAL;
	dp_write_lock();
	if (!p->nb_txq)
		goto out;
	nb_rxq = p->nb_rxq;
	p->nb_rxq = 0;
	rc = rxq_lists_publish();
	if (rc)
		goto out;
	for (uint16_t q = 0; q < nb_rxq; q++)
		napi_rxq_del(port, q);
	__atomic_store_n(&p->dev, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&p->nb_txq, 0, __ATOMIC_RELEASE);
	/* after a turn of every worker nobody polls or transmits any more */
	synchronize_rcu();
	rps_drain();
	ring_port_close(port);
out:
	dp_unlock();
	return rc;
}

void dp_ports_reset(void)
{
	memset(netdev_ports, 0, sizeof(netdev_ports));
}
