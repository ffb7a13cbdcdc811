/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * twin_read.c - frames of the host: straight into a packet buffer when they fit, and cut by
 * twin_segment() when they are what a socket wrote at once.
 */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include <drivers/twin.h>

/* The rest of a frame that began in m lies in the spill: as one piece it is cut, or dropped. */
static void twin_spilled(struct twin_thread *t, struct twin *tw, const struct rte_mbuf *m,
			 uint32_t room, uint32_t len, const struct virtio_net_hdr *vh)
{
	uint8_t *frame = t->spill + TWIN_SPILL_PRE - room;

	memcpy(frame, rte_pktmbuf_mtod(m, const void *), RTE_MIN(room, len));
	twin_segment(t, tw, frame, len, vh);
}

static ssize_t twin_read_one(struct twin_thread *t, struct twin *tw, struct rte_mbuf *m)
{
	uint32_t room = RTE_MIN((uint32_t)rte_pktmbuf_tailroom(m), (uint32_t)TWIN_SPILL_PRE);
	struct virtio_net_hdr vh;
	struct iovec iov[3] = {
	    {.iov_base = &vh, .iov_len = sizeof(vh)},
	    {.iov_base = rte_pktmbuf_mtod(m, void *), .iov_len = room},
	    {.iov_base = t->spill + TWIN_SPILL_PRE, .iov_len = TWIN_FRAME_MAX},
	};
	ssize_t n;
	uint32_t len;

	do {
		n = readv(tw->fd, iov, 3);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EBADFD || errno == EBADF))
		tw->dead = true;
	if (n <= (ssize_t)sizeof(vh))
		return -1;
	len = (uint32_t)n - (uint32_t)sizeof(vh);
	tw->stats.rx_packets++;
	tw->stats.rx_bytes += len;
	if (unlikely(vh.gso_type != VIRTIO_NET_HDR_GSO_NONE || len > room)) {
		twin_spilled(t, tw, m, room, len, &vh);
		return 0;
	}
	if (len < ETH_HLEN || (vh.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
			       !twin_checksum(rte_pktmbuf_mtod(m, uint8_t *), len, &vh))) {
		tw->stats.rx_dropped++;
		return 0;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	twin_to_worker(t, tw, m);
	return 1;
}

uint32_t twin_read(struct twin_thread *t, struct twin *tw)
{
	uint64_t before = tw->stats.rx_segments;
	uint32_t frames = 0;

	/* in packets: a frame may become fifty */
	while (frames < TWIN_BURST && tw->stats.rx_segments - before < 4 * TWIN_BURST) {
		struct rte_mbuf *m = twin_mbuf(t);
		ssize_t n;

		if (!m)
			break;
		n = twin_read_one(t, tw, m);
		if (n <= 0)
			t->spare[t->n_spare++] = m;
		if (n < 0)
			break;
		frames++;
	}
	return frames;
}
