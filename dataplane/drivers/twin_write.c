/* SPDX-License-Identifier: BSD-3-Clause */
/* twin_write.c - packets for the host: what is urgent of all workers first. */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include <drivers/twin_gro.h>
#include <net/core/dp_local.h>

#define TWIN_SEGS_MAX 64
/* Packets that may be merged with each other. */
#define TWIN_WRITE_BURST 256

/* The twin that a packet is for; NULL: it went meanwhile. */
static struct twin *twin_of(const struct sk_buff *skb)
{
	const struct net_device *dev = skb->dev;

	return dev->type == DP_LINK_LOOPBACK ? dev_net(dev)->twin : dev->twin;
}

/* The host takes for its own what bears the address of its TAP. */
static void twin_address(const struct twin *tw, struct rte_mbuf *m)
{
	uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);
	const struct sk_buff *skb = mbuf_skb(m);

	if (skb->pkt_type == PACKET_HOST)
		memcpy(eth, tw->mac, 6);
	memcpy(eth + 12, &skb->protocol, 2);
}

void twin_writev(struct twin *tw, struct virtio_net_hdr *vh, struct iovec *iov, uint32_t n,
		 uint32_t packets)
{
	ssize_t rc;

	iov[0] = (struct iovec){.iov_base = vh, .iov_len = sizeof(*vh)};
	tw->stats.tx_packets += packets;
	tw->stats.tx_frames++;
	do {
		rc = writev(tw->fd, iov, (int)n + 1);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		tw->stats.tx_dropped += packets;
	else
		tw->stats.tx_bytes += (uint64_t)rc - sizeof(*vh);
}

static void twin_write_one(struct twin *tw, struct rte_mbuf *m)
{
	struct iovec iov[1 + TWIN_SEGS_MAX];
	struct virtio_net_hdr vh = {0};
	uint32_t n = 0;

	for (struct rte_mbuf *s = m; s && n < TWIN_SEGS_MAX; s = s->next) {
		n++;
		iov[n] = (struct iovec){rte_pktmbuf_mtod(s, void *), s->data_len};
	}
	twin_writev(tw, &vh, iov, n, 1);
}

static uint32_t twin_write_ring(struct rte_ring *r)
{
	struct rte_mbuf *pkts[TWIN_WRITE_BURST];
	uint32_t n = rte_ring_sc_dequeue_burst(r, (void **)pkts, TWIN_WRITE_BURST, NULL);
	struct gro gro;

	if (!n)
		return 0;
	gro.n = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct twin *tw = twin_of(mbuf_skb(pkts[i]));

		if (!tw || tw->dead)
			continue;
		twin_address(tw, pkts[i]);
		if (!twin_gro_receive(&gro, tw, pkts[i]))
			twin_write_one(tw, pkts[i]);
	}
	twin_gro_flush(&gro);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

uint32_t twin_write(struct twin_thread *t)
{
	uint32_t n = 0;

	for (uint32_t w = 0; w < dp_workers; w++)
		n += twin_write_ring(t->rings[w].to[TWIN_URGENT]);
	for (uint32_t w = 0; w < dp_workers; w++)
		n += twin_write_ring(t->rings[w].to[TWIN_BULK]);
	return n;
}
