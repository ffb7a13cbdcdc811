/* SPDX-License-Identifier: BSD-3-Clause */
/* twin_write.c - packets for the host: what is urgent of all workers first. */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include <drivers/twin.h>
#include <net/core/dp_local.h>

#define TWIN_SEGS_MAX 64

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

static void twin_write_one(struct twin *tw, struct rte_mbuf *m)
{
	struct virtio_net_hdr vh = {0};
	struct iovec iov[1 + TWIN_SEGS_MAX] = {{.iov_base = &vh, .iov_len = sizeof(vh)}};
	int segs = 1;
	ssize_t n;

	twin_address(tw, m);
	for (struct rte_mbuf *s = m; s && segs <= TWIN_SEGS_MAX; s = s->next) {
		iov[segs].iov_base = rte_pktmbuf_mtod(s, void *);
		iov[segs++].iov_len = s->data_len;
	}
	tw->stats.tx_packets++;
	tw->stats.tx_bytes += m->pkt_len;
	tw->stats.tx_frames++;
	do {
		n = writev(tw->fd, iov, segs);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		tw->stats.tx_dropped++;
}

static uint32_t twin_write_ring(struct rte_ring *r)
{
	struct rte_mbuf *pkts[TWIN_BURST];
	uint32_t n = rte_ring_sc_dequeue_burst(r, (void **)pkts, TWIN_BURST, NULL);

	for (uint32_t i = 0; i < n; i++) {
		struct twin *tw = twin_of(mbuf_skb(pkts[i]));

		if (tw && !tw->dead)
			twin_write_one(tw, pkts[i]);
	}
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
