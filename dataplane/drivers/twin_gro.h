/* SPDX-License-Identifier: BSD-3-Clause */
/* twin_gro.h - packets for the host that are merged while a burst is written. */
#ifndef SKUA_DRIVERS_TWIN_GRO_H
#define SKUA_DRIVERS_TWIN_GRO_H

#include <sys/uio.h>

#include <drivers/twin.h>

#define GRO_FLOWS    8
#define GRO_SEGS_MAX 64

struct gro_packet {
	struct twin *tw;
	struct rte_mbuf *m;
	uint8_t *eth;
	uint32_t l4;  /* offset of the TCP header */
	uint32_t hdr; /* of the data */
	uint32_t len; /* of the data */
	bool v4, push;
};

struct gro_flow {
	struct twin *tw;
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

/* True: m is among those that twin_gro_flush() writes; false: the caller writes it now. */
bool twin_gro_receive(struct gro *g, struct twin *tw, struct rte_mbuf *m);
/* Writes all; before their buffers are freed. */
void twin_gro_flush(struct gro *g);

/* twin_write.c: iov[0] is room for vh; n pieces behind it are packets packets. */
void twin_writev(struct twin *tw, struct virtio_net_hdr *vh, struct iovec *iov, uint32_t n,
		 uint32_t packets);

#endif
