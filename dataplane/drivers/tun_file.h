/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tun_file.h - the file of a TAP with virtio-net headers, of a port or of a host twin: it gives and
 * takes what a socket wrote at once, as one frame, where a wire has packets.
 *
 *   readv() --> a frame of up to 64 KiB --> packets (tun_gso.c)
 *   writev() <-- a frame of up to 64 KiB <-- packets of one TCP stream (tun_gro.c)
 *
 * The data is not copied between the two when the frame is like the one before: it is read into
 * the buffers of its packets, and written from them. A struct belongs to one thread.
 */
#ifndef SKUA_DRIVERS_TUN_FILE_H
#define SKUA_DRIVERS_TUN_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#include <rte_mbuf.h>

#include "dataplane.h"

/* The longest frame that a TAP hands over, with tags. */
#define TUN_FRAME_MAX (ETH_HLEN + 8 + 65536)
/* As many packets as one frame may become: room for them is there before it is read. */
#define TUN_PACKETS_MAX 2048
/* Packets that a frame is read into. */
#define TUN_PIECES 64
#define TUN_OUT    64

struct tun_file {
	int fd;        /* non-blocking, IFF_NO_PI | IFF_VNET_HDR */
	bool dead;     /* the TAP was deleted under us */
	bool forwards; /* who is behind it may send on what it gets: nothing of that is lost */

	/* what the last frame of several packets was like */
	uint8_t
	    gso_seen; /* short ones that may come until this is nothing to go by; 0: it is not */
	uint16_t gso_hdr;  /* bytes that each packet repeats */
	uint16_t gso_size; /* bytes of data in each */
	struct dp_tun_stats stats;
};

struct tun_reader {
	struct rte_mempool *pool;
	/* takes out[0] to out[n_out - 1], which f gave */
	void (*deliver)(struct tun_reader *r, struct tun_file *f);
	uint32_t n_spare, n_out;
	struct rte_mbuf *spare[2 * TUN_PIECES];
	struct rte_mbuf *out[TUN_OUT];
	uint8_t *spill; /* for what is read where it cannot stay */
};

/* tun_read.c */

/* -ENOMEM leaves nothing behind. */
int tun_reader_init(struct tun_reader *r, struct rte_mempool *pool,
		    void (*deliver)(struct tun_reader *r, struct tun_file *f));
void tun_reader_fini(struct tun_reader *r);
/* One frame to r->out; false: none waits, or there is no packet buffer. */
bool tun_read(struct tun_file *f, struct tun_reader *r);
/* The next spare packet buffer; NULL: none left. */
struct rte_mbuf *tun_mbuf(struct tun_reader *r);
/* A packet of f is complete. */
void tun_packet(struct tun_file *f, struct tun_reader *r, struct rte_mbuf *m);
/* Delivers what there is. */
void tun_read_flush(struct tun_file *f, struct tun_reader *r);

/* tun_gso.c */

/* A frame that is to be cut, and where its parts are. */
struct gso_frame {
	const uint8_t *frame; /* the headers, at least */
	uint32_t len;
	uint32_t l3;  /* offset of the IP header */
	uint32_t l4;  /* of the transport header */
	uint32_t hdr; /* bytes that every packet repeats */
	uint32_t mss;
	uint8_t proto;
	bool v4;
};

/* Completes the checksum that was left open. False: the header lies. */
bool tun_checksum(uint8_t *frame, uint32_t len, const struct virtio_net_hdr *vh);
/* frame and len are set; the first avail bytes can be read. False: the header lies. */
bool gso_parse(struct gso_frame *g, uint32_t avail, const struct virtio_net_hdr *vh);
/* The headers of packet nth, which has len bytes with them: to holds those of the frame. */
void gso_packet(const struct gso_frame *g, uint8_t *to, uint32_t len, uint32_t nth);
/* Copies a frame that lies in one piece into packets. */
void gso_segment(struct tun_file *f, struct tun_reader *r, const struct gso_frame *g);

/* tun_write.c */

/* iov[0] is room for vh; the n pieces behind it are a frame of so many packets. */
void tun_writev(struct tun_file *f, struct virtio_net_hdr *vh, struct iovec *iov, uint32_t n,
		uint32_t packets);
/* A packet as it is. */
void tun_write(struct tun_file *f, struct rte_mbuf *m);

#endif
