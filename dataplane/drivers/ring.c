/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.c - ports that are a pair of rings: what a TAP device and a test have in common.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "drivers/ring.h"
#include "net/napi.h"

static struct ring_port *ring_ports[RTE_MAX_ETHPORTS];

static void ring_drain(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (r && rte_ring_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

static void ring_port_free(struct ring_port *rp)
{
	ring_drain(rp->rx);
	ring_drain(rp->tx);
	rte_ring_free(rp->rx);
	rte_ring_free(rp->tx);
	free(rp);
}

static int ring_port_start(uint16_t port)
{
	const struct rte_eth_conf conf = {0};
	int rc = rte_eth_dev_configure(port, 1, DP_MAX_WORKERS, &conf);

	if (rc < 0)
		return rc;
	rc = rte_eth_rx_queue_setup(port, 0, RING_PORT_SIZE, SOCKET_ID_ANY, NULL, dp_mempool());
	for (uint16_t q = 0; rc == 0 && q < DP_MAX_WORKERS; q++)
		rc = rte_eth_tx_queue_setup(port, q, RING_PORT_SIZE, SOCKET_ID_ANY, NULL);
	return rc < 0 ? rc : rte_eth_dev_start(port);
}

/* Both rings and the ethdev port on them; a negative errno leaves nothing behind but rp. */
static int ring_port_create(struct ring_port *rp, const char *name, bool tun)
{
	struct rte_ring *txq[DP_MAX_WORKERS];
	char ring[RTE_RING_NAMESIZE];
	int rc;

	if (snprintf(ring, sizeof(ring), "rx:%s", name) >= (int)sizeof(ring))
		return -ENAMETOOLONG;
	rp->rx =
	    rte_ring_create(ring, tun ? TUN_RX_SIZE : RING_PORT_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!rp->rx)
		return -rte_errno;
	ring[0] = 't';
	rp->tx =
	    rte_ring_create(ring, tun ? TUN_TX_SIZE : RING_PORT_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!rp->tx)
		return -rte_errno;

	for (int q = 0; q < DP_MAX_WORKERS; q++)
		txq[q] = rp->tx;
	rc = rte_eth_from_rings(name, &rp->rx, 1, txq, DP_MAX_WORKERS, 0);
	if (rc < 0)
		return rte_errno ? -rte_errno : -ENODEV;
	rp->port = (uint16_t)rc;
	rc = rte_eth_dev_get_name_by_port(rp->port, rp->devname);
	if (rc == 0)
		rc = ring_port_start(rp->port);
	if (rc < 0)
		rte_eal_hotplug_remove("vdev", rp->devname);
	return rc;
}

int dp_ring_port(const char *name, int fd)
{
	struct ring_port *rp;
	int rc;

	if (!dp_mempool() || !name || !*name) {
		rc = -EINVAL;
		goto close_fd;
	}
	rp = calloc(1, sizeof(*rp));
	if (!rp) {
		rc = -ENOMEM;
		goto close_fd;
	}
	rc = ring_port_create(rp, name, fd >= 0);
	if (rc < 0) {
		ring_port_free(rp);
		goto close_fd;
	}
	ring_ports[rp->port] = rp;
	if (fd >= 0) {
		rc = tun_start(rp, fd);
		if (rc < 0) {
			ring_port_close(rp->port);
			return rc;
		}
	}
	return rp->port;

close_fd:
	if (fd >= 0)
		close(fd);
	return rc;
}

static struct ring_port *ring_port_of(uint16_t port)
{
	return port < RTE_MAX_ETHPORTS ? ring_ports[port] : NULL;
}

bool ring_port_wakes(uint16_t port)
{
	return ring_port_of(port) != NULL;
}

int ring_port_close(uint16_t port)
{
	struct ring_port *rp = ring_port_of(port);

	if (!rp)
		return -ENODEV;
	ring_ports[port] = NULL;
	tun_stop(rp);
	rte_eth_dev_stop(port);
	rte_eal_hotplug_remove("vdev", rp->devname);
	ring_port_free(rp);
	return 0;
}

int dp_ring_port_stats(uint16_t port, struct dp_tun_stats *out)
{
	struct ring_port *rp = ring_port_of(port);

	if (!rp || !rp->tun)
		return -ENODEV;
	*out = rp->tun->file.stats;
	return 0;
}

int dp_ring_port_send(uint16_t port, const void *frame, uint32_t len)
{
	struct ring_port *rp = ring_port_of(port);
	struct rte_mbuf *m;
	char *data;

	if (!rp || rp->tun)
		return -ENODEV;
	m = rte_pktmbuf_alloc(dp_mempool());
	if (!m)
		return -ENOBUFS;
	data = len <= UINT16_MAX ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;
	if (!data) {
		rte_pktmbuf_free(m);
		return -EMSGSIZE;
	}
	memcpy(data, frame, len);
	m->port = port;
	if (rte_ring_enqueue(rp->rx, m) != 0) {
		rte_pktmbuf_free(m);
		return -ENOBUFS;
	}
	softnet_wake_rxq(port, 0);
	return 0;
}

int dp_ring_port_recv(uint16_t port, void *buf, uint32_t room)
{
	struct ring_port *rp = ring_port_of(port);
	struct rte_mbuf *m;
	const void *data;
	int len;

	if (!rp || rp->tun)
		return -ENODEV;
	if (rte_ring_dequeue(rp->tx, (void **)&m) != 0)
		return 0;
	len = (int)m->pkt_len;
	if (m->pkt_len > room) {
		rte_pktmbuf_free(m);
		return -EMSGSIZE;
	}
	data = rte_pktmbuf_read(m, 0, m->pkt_len, buf);
	if (data != buf)
		memcpy(buf, data, m->pkt_len);
	rte_pktmbuf_free(m);
	return len;
}
