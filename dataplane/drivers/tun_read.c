/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tun_read.c - frames of a TAP into packet buffers. How a frame is to be cut is known only when it
 * has been read. But what a socket sends is alike for a long time: so a frame is read into packets
 * as the last long one was, and is copied when that was wrong.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_prefetch.h>

#include <drivers/tun_file.h>

/* Short frames between two long ones that do not end a run of them. */
#define TUN_GSO_SEEN 32
/* The most data of a packet that is read apart. */
#define TUN_PIECE_MAX 16384
/* Bytes before the spill: what was read into packets is put together there. */
#define TUN_SPILL_PRE (TUN_FRAME_MAX + TUN_PIECE_MAX)

int tun_reader_init(struct tun_reader *r, struct rte_mempool *pool,
		    void (*deliver)(struct tun_reader *r, struct tun_file *f))
{
	*r = (struct tun_reader){.pool = pool, .deliver = deliver};
	r->spill = malloc(TUN_SPILL_PRE + TUN_FRAME_MAX);
	return r->spill ? 0 : -ENOMEM;
}

void tun_reader_fini(struct tun_reader *r)
{
	rte_pktmbuf_free_bulk(r->spare, r->n_spare);
	rte_pktmbuf_free_bulk(r->out, r->n_out);
	free(r->spill);
	*r = (struct tun_reader){0};
}

/* Whether there is one at least. */
static bool tun_spare(struct tun_reader *r)
{
	if (r->n_spare < TUN_PIECES &&
	    !rte_pktmbuf_alloc_bulk(r->pool, r->spare + r->n_spare, TUN_PIECES))
		r->n_spare += TUN_PIECES;
	return r->n_spare;
}

struct rte_mbuf *tun_mbuf(struct tun_reader *r)
{
	return tun_spare(r) ? r->spare[--r->n_spare] : NULL;
}

void tun_read_flush(struct tun_file *f, struct tun_reader *r)
{
	if (!r->n_out)
		return;
	r->deliver(r, f);
	r->n_out = 0;
}

void tun_packet(struct tun_file *f, struct tun_reader *r, struct rte_mbuf *m)
{
	f->stats.rx_packets++;
	r->out[r->n_out++] = m;
	if (r->n_out == TUN_OUT)
		tun_read_flush(f, r);
}

/* The packet that piece i of a frame is read into: those that are spare, from the last one on. */
static struct rte_mbuf *tun_piece(const struct tun_reader *r, uint32_t i)
{
	return r->spare[r->n_spare - 1 - i];
}

/* Where a frame goes, from iov[1] on: into packets like those of the last long one, or into one. */
static uint32_t tun_scatter(const struct tun_file *f, struct tun_reader *r, struct iovec *iov)
{
	uint32_t n = 1, most, bytes;
	struct rte_mbuf *m;

	if (!tun_spare(r))
		return 0;
	m = tun_piece(r, 0);
	iov[1] = (struct iovec){rte_pktmbuf_mtod(m, void *),
				RTE_MIN(rte_pktmbuf_tailroom(m), TUN_SPILL_PRE)};
	if (!f->gso_seen)
		return 1;
	iov[1].iov_len = bytes = (uint32_t)f->gso_hdr + f->gso_size;
	most = RTE_MIN(r->n_spare, (uint32_t)TUN_PIECES);
	for (uint32_t i = 1; i < most; i++)
		rte_prefetch0(tun_piece(r, i));
	for (; n < most && bytes < TUN_FRAME_MAX; n++) {
		m = tun_piece(r, n);
		iov[1 + n] = (struct iovec){rte_pktmbuf_mtod(m, char *) + f->gso_hdr, f->gso_size};
		bytes += f->gso_size;
	}
	return n;
}

/* Puts together in one piece what was read into several. */
static uint8_t *tun_gather(const struct tun_reader *r, const struct iovec *iov, uint32_t pieces,
			   uint32_t len)
{
	uint8_t *frame = r->spill + TUN_SPILL_PRE, *to;

	for (uint32_t i = 1; i <= pieces; i++)
		frame -= iov[i].iov_len;
	to = frame;
	for (uint32_t i = 1; i <= pieces && len; i++) {
		uint32_t part = RTE_MIN((uint32_t)iov[i].iov_len, len);

		memcpy(to, iov[i].iov_base, part);
		to += part;
		len -= part;
	}
	return frame;
}

/* A frame that is one packet. */
static void tun_short(struct tun_file *f, struct tun_reader *r, const struct iovec *iov,
		      uint32_t pieces, uint32_t len, const struct virtio_net_hdr *vh)
{
	struct rte_mbuf *m = tun_piece(r, 0);
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);

	f->gso_seen -= f->gso_seen > 0;
	if (len < ETH_HLEN || len > rte_pktmbuf_tailroom(m)) {
		f->stats.rx_dropped++;
		return;
	}
	if (len > iov[1].iov_len)
		memcpy(eth, tun_gather(r, iov, pieces, len), len);
	if (vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && !tun_checksum(eth, len, vh)) {
		f->stats.rx_dropped++;
		return;
	}
	if (vh->flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID))
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	r->n_spare--;
	tun_packet(f, r, m);
}

/* A frame whose data lies where its packets have it: they want their headers. */
static void tun_split(struct tun_file *f, struct tun_reader *r, const struct gso_frame *g)
{
	uint32_t n = (g->len - g->hdr + g->mss - 1) / g->mss;

	for (uint32_t i = 1; i < n; i++)
		__builtin_prefetch(rte_pktmbuf_mtod(tun_piece(r, i), void *), 1);
	/* the first one last: it has the headers of the frame */
	for (uint32_t i = n; i-- > 0;) {
		uint32_t len = g->hdr + RTE_MIN(g->mss, g->len - g->hdr - i * g->mss);
		struct rte_mbuf *m = tun_piece(r, i);
		uint8_t *to = rte_pktmbuf_mtod(m, uint8_t *);

		if (i)
			memcpy(to, g->frame, g->hdr);
		gso_packet(g, to, len, i);
		m->data_len = (uint16_t)len;
		m->pkt_len = len;
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	}
	while (n--)
		tun_packet(f, r, r->spare[--r->n_spare]);
}

static void tun_long(struct tun_file *f, struct tun_reader *r, const struct iovec *iov,
		     uint32_t pieces, uint32_t len, const struct virtio_net_hdr *vh)
{
	struct gso_frame g = {.frame = iov[1].iov_base, .len = len};
	const struct rte_mbuf *m = tun_piece(r, 0);

	if (!gso_parse(&g, RTE_MIN(len, (uint32_t)iov[1].iov_len), vh)) {
		f->stats.rx_dropped++;
		return;
	}
	if (f->gso_seen && g.hdr == f->gso_hdr && g.mss == f->gso_size &&
	    g.len <= g.hdr + pieces * g.mss) {
		f->gso_seen = TUN_GSO_SEEN;
		tun_split(f, r, &g);
		return;
	}
	g.frame = tun_gather(r, iov, pieces, len);
	f->gso_seen = 0;
	if (g.hdr + g.mss <= rte_pktmbuf_tailroom(m) && g.mss <= TUN_PIECE_MAX &&
	    g.mss * TUN_PIECES > UINT16_MAX) {
		f->gso_hdr = (uint16_t)g.hdr;
		f->gso_size = (uint16_t)g.mss;
		f->gso_seen = TUN_GSO_SEEN;
	}
	gso_segment(f, r, &g);
}

bool tun_read(struct tun_file *f, struct tun_reader *r)
{
	struct iovec iov[TUN_PIECES + 2];
	uint32_t pieces = tun_scatter(f, r, iov);
	struct virtio_net_hdr vh;
	uint32_t len;
	ssize_t n;

	if (!pieces)
		return false;
	iov[0] = (struct iovec){&vh, sizeof(vh)};
	iov[pieces + 1] = (struct iovec){r->spill + TUN_SPILL_PRE, TUN_FRAME_MAX};
	do {
		n = readv(f->fd, iov, (int)pieces + 2);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EBADFD || errno == EBADF))
		f->dead = true;
	if (n <= (ssize_t)sizeof(vh))
		return false;
	len = (uint32_t)n - (uint32_t)sizeof(vh);
	f->stats.rx_frames++;
	f->stats.rx_bytes += len;
	if (vh.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		tun_short(f, r, iov, pieces, len, &vh);
	else
		tun_long(f, r, iov, pieces, len, &vh);
	return true;
}
