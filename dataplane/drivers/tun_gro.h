/* SPDX-License-Identifier: BSD-3-Clause */
/* tun_gro.h - packets for TAPs that are merged while a burst is written. */
#ifndef SKUA_DRIVERS_TUN_GRO_H
#define SKUA_DRIVERS_TUN_GRO_H

#include <rte_prefetch.h>

#include <drivers/tun_file.h>

/* Packets that are fetched ahead. */
#define GRO_PREFETCH 8

#define GRO_FLOWS    8
#define GRO_SEGS_MAX 64

struct gro_packet {
	struct tun_file *file;
	struct rte_mbuf *m;
	uint8_t *eth;
	uint32_t l4;  /* offset of the TCP header */
	uint32_t hdr; /* of the data */
	uint32_t len; /* of the data */
	bool v4, push;
};

struct gro_flow {
	struct gro_packet first;
	uint32_t n; /* packets; 0: not in use */
	uint32_t bytes;
	uint32_t next; /* sequence number */
	bool push;
	bool closed;                        /* nothing comes behind it */
	struct iovec iov[1 + GRO_SEGS_MAX]; /* the first one is of the virtio header */
};

struct gro {
	uint32_t n;
	struct gro_flow flow[GRO_FLOWS];
};

static inline void tun_gro_init(struct gro *g)
{
	g->n = 0;
}

/* Fetches what tun_gro_receive() looks at. */
static inline void tun_gro_prefetch(struct rte_mbuf *m)
{
	const char *data = rte_mbuf_buf_addr(m, dp_mempool()) + RTE_PKTMBUF_HEADROOM;

	rte_prefetch0(m);
	rte_prefetch0(data);
	rte_prefetch0(data + RTE_CACHE_LINE_SIZE);
}

/* Writes m, or keeps it for tun_gro_flush(). */
void tun_gro_receive(struct gro *g, struct tun_file *f, struct rte_mbuf *m);
/* Writes all; before their buffers are freed. */
void tun_gro_flush(struct gro *g);

#endif
