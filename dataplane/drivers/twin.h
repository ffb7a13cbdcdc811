/* SPDX-License-Identifier: BSD-3-Clause */
/* twin.h - the thread between the TAPs of host twins and the workers; twin_thread.lock is its. */
#ifndef SKUA_DRIVERS_TWIN_H
#define SKUA_DRIVERS_TWIN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

#include <lib/wait.h>
#include <net/twin.h>

#define TWIN_BURST 64
/* The longest packet that a TAP hands over, and room before it for what lies in an mbuf. */
#define TWIN_FRAME_MAX (ETH_HLEN + 65536)
#define TWIN_SPILL_PRE 16384

struct twin {
	int fd; /* TAP, non-blocking, IFF_VNET_HDR */
	uint32_t net;
	uint32_t ifindex; /* 0: that of the net itself */
	struct net_device *dev;
	uint8_t mac[6]; /* of the TAP */
	bool dead;      /* deleted under us */
	struct dp_twin_stats stats;
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
	uint32_t n_spare;
	struct rte_mbuf *spare[TWIN_BURST];
	struct rte_mbuf *out[DP_MAX_WORKERS][TWIN_BURST]; /* read, for each worker */
	uint32_t n_out[DP_MAX_WORKERS];
	uint8_t *spill; /* TWIN_SPILL_PRE + TWIN_FRAME_MAX */
};

extern struct twin_thread twin_thread;

/* twin_read.c */

/* Up to TWIN_BURST frames of a twin to the workers. Returns how many. */
uint32_t twin_read(struct twin_thread *t, struct twin *tw);

/* twin_gso.c */

/* Completes the checksum that the host left open. False: the header lies. */
bool twin_checksum(uint8_t *frame, uint32_t len, const struct virtio_net_hdr *vh);
/* Cuts a frame that is longer than its link into packets for the workers. */
void twin_segment(struct twin_thread *t, struct twin *tw, const uint8_t *frame, uint32_t len,
		  const struct virtio_net_hdr *vh);
/* A packet buffer, NULL: none left. */
struct rte_mbuf *twin_mbuf(struct twin_thread *t);
void twin_to_worker(struct twin_thread *t, struct twin *tw, struct rte_mbuf *m);

/* twin_write.c */

/* What workers have for the host. Returns how many frames. */
uint32_t twin_write(struct twin_thread *t);

#endif
