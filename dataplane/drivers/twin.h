/* SPDX-License-Identifier: BSD-3-Clause */
/* twin.h - the thread between the TAPs of host twins and the workers; twin_thread.lock is its. */
#ifndef SKUA_DRIVERS_TWIN_H
#define SKUA_DRIVERS_TWIN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <drivers/tun_file.h>
#include <lib/wait.h>
#include <net/twin.h>

#define TWIN_BURST 64

struct twin {
	struct tun_file file;
	uint32_t net;
	uint32_t ifindex; /* 0: that of the net itself */
	struct net_device *dev;
	uint8_t mac[6]; /* of the TAP */
};

struct twin_thread {
	bool running;
	pthread_t thread;
	_Atomic bool stop;
	pthread_mutex_t lock;    /* held for each round: twins come and go between rounds */
	_Atomic uint32_t wanted; /* how many wait for it */
	struct wait_queue_head wait;
	int epfd;
	struct twin_rings rings[DP_MAX_WORKERS];

	/* The thread's own. */
	struct tun_reader reader;
	struct rte_mbuf *out[DP_MAX_WORKERS][TWIN_BURST]; /* read, for each worker */
	uint32_t n_out[DP_MAX_WORKERS];
};

extern struct twin_thread twin_thread;

/* twin_write.c */

/* What workers have for the host. Returns how many packets. */
uint32_t twin_write(struct twin_thread *t);

#endif
