/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.h - an ethdev port that is a pair of rings, and the thread that may stand behind them.
 *
 *   TAP fd --read()--> tun thread --> rx ring --> lcore (rte_eth_rx_burst)
 *   TAP fd <--write()- tun thread <-- tx ring <-- lcores (rte_eth_tx_burst)
 */
#ifndef SKUA_DRIVERS_RING_H
#define SKUA_DRIVERS_RING_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <drivers/tun_file.h>

#include "dataplane.h"

#define RING_PORT_SIZE 1024 /* packets each way */
/* With a TAP behind it: what is read of it at once is that of many packets. */
#define TUN_RX_SIZE (2 * TUN_PACKETS_MAX)
#define TUN_TX_SIZE 2048
#define TUN_BURST   256

struct rte_eth_rxtx_callback;

/* Written by the worker that transmits on the queue, read by the tun thread. */
struct tun_queue {
	_Atomic uint64_t announced; /* packets that were about to be enqueued */
	struct tun_thread *tun;
	const struct rte_eth_rxtx_callback *cb;
} __rte_cache_aligned;

struct tun_thread {
	struct tun_file file;
	int wake; /* eventfd: packets to write, or stop */
	bool started;
	pthread_t thread;
	struct rte_ring *rx, *tx;
	uint16_t port;
	_Atomic bool stop;
	_Atomic bool asleep; /* set by the thread, cleared by whoever wakes it */

	/* The thread's own. */
	uint64_t taken; /* packets dequeued from tx */
	uint32_t waits; /* short sleeps for packets announced and not come */
	struct tun_reader reader;

	struct tun_queue queue[DP_MAX_WORKERS];
};

struct ring_port {
	char devname[64];
	uint16_t port;
	struct rte_ring *rx; /* towards the stack */
	struct rte_ring *tx; /* from the stack; all transmit queues are this one ring */
	struct tun_thread *tun;
};

/* Takes the port of dp_ring_port() down. -ENODEV when port is none. No worker polls it any more. */
int ring_port_close(uint16_t port);

/* Whether a port is one of dp_ring_port(): who fills it wakes the worker that polls it. */
bool ring_port_wakes(uint16_t port);

/* Starts moving frames; owns fd from then on, also when it fails. */
int tun_start(struct ring_port *rp, int fd);
void tun_stop(struct ring_port *rp);
/* The CPUs of this process that no lcore but the main one polls on; empty: no such CPU. */
void tun_cpus(cpu_set_t *cpus);

#endif
