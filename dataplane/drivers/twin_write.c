/* SPDX-License-Identifier: BSD-3-Clause */
/* twin_write.c - packets for the host: what is urgent of all workers first. */
#include <drivers/tun_gro.h>
#include <drivers/twin.h>
#include <net/core/dp_local.h>

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

static uint32_t twin_write_ring(struct rte_ring *r)
{
	struct rte_mbuf *pkts[TWIN_WRITE_BURST];
	uint32_t n = rte_ring_sc_dequeue_burst(r, (void **)pkts, TWIN_WRITE_BURST, NULL);
	struct gro gro;

	if (!n)
		return 0;
	tun_gro_init(&gro);
	for (uint32_t i = 0; i < n; i++) {
		struct twin *tw = twin_of(mbuf_skb(pkts[i]));

		tun_gro_prefetch(pkts[RTE_MIN(i + GRO_PREFETCH, n - 1)]);
		if (!tw || tw->file.dead)
			continue;
		twin_address(tw, pkts[i]);
		tun_gro_receive(&gro, &tw->file, pkts[i]);
	}
	tun_gro_flush(&gro);
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
