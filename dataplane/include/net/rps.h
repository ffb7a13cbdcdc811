/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rps.h - receive packet steering: where a port has fewer receive queues than there are workers,
 * the worker that polls a queue spreads the flows of what it receives over the workers.
 *
 *     rte_eth_rx_burst --> hash of each packet --+--> its own share: netif_receive_skb_list
 *                                                +--> rps_ring of (this worker, another) --+
 *     the other worker's turn: process_backlog --> netif_receive_skb_list <----------------+
 *
 * A ring has one worker at each end: no lock and no atomic read-modify-write. What one end writes
 * lies in lines of its own; the other reads it once per burst (tail) or per ring's length (head).
 * All packets of a flow take the same way, in order.
 */
#ifndef SKUA_NET_RPS_H
#define SKUA_NET_RPS_H

#include <stdbool.h>
#include <stdint.h>

#include <net/netdevice.h>

/* Slots of a ring, a power of two: about netdev_max_backlog. */
#define RPS_RING_SIZE 1024
/* Packets that a worker takes from one ring in a turn, so that its own queues do not wait. */
#define RPS_WEIGHT 128
/*
 * A slot is an mbuf; or, with the lowest bit set, the net_device that the mbufs after it were
 * received on (devices stay allocated, see netdevice.h).
 */
struct rps_ring {
	/* Written by the worker that hands over, once per burst; read by the one that takes. */
	uint32_t tail __rte_aligned(SMP_ALIGN);

	/* Only of the worker that hands over. */
	uint32_t next __rte_aligned(SMP_ALIGN); /* slots written */
	uint32_t head_seen;
	const struct net_device *dev; /* last one said in the ring */

	/* Written by the worker that takes, once per turn; read by the other when the ring looks
	 * full. */
	uint32_t head __rte_aligned(SMP_ALIGN);

	/* Only of the worker that takes. */
	struct net_device *rx_dev __rte_aligned(SMP_ALIGN);

	uintptr_t slot[RPS_RING_SIZE] __rte_aligned(SMP_ALIGN);
};

/*
 * Spreads a burst received on queue q, whose rps_len is not 0, over its workers. Consumes all: what
 * is for a worker whose ring is full is dropped (CPU_BACKLOG).
 */
void netif_rps(struct softnet_data *sd, const struct rx_queue *q, struct net_device *dev,
	       struct rte_mbuf **pkts, unsigned int n);

/* Receives what other workers handed over, at most RPS_WEIGHT of each. Returns packets taken. */
unsigned int __process_backlog(struct softnet_data *sd);

static inline unsigned int process_backlog(struct softnet_data *sd)
{
	if (likely(!__atomic_load_n(&sd->rps_from, __ATOMIC_ACQUIRE)))
		return 0;
	return __process_backlog(sd);
}

/* Whether other workers left packets for this one: then it must not sleep. */
bool rps_pending(const struct softnet_data *sd);

/* The control plane's side. */

/* Makes the ring from one worker to another, once. -ENOMEM. */
int rps_ring_make(struct softnet_data *from, struct softnet_data *to);
/*
 * Waits until the workers that take turns have taken what is in their rings now. However long one
 * of them is kept from its CPU, or asleep: what it has not taken would be overtaken.
 */
void rps_drain(void);
/* Frees the rings to a worker, and the packets in them. */
void rps_fini(struct softnet_data *to);

#endif
