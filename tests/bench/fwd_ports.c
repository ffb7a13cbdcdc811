// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_ports.c - the ports of fwd_bench, and the packets that go round. See fwd.h.
 *
 * Ports 2k and 2k+1 are net_ring devices, each one's transmit ring is the other's receive ring.
 * What port p receives is forwarded to the other one and so comes back to p.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "fwd.h"

struct source sources[PORTS_MAX];
uint16_t port_id[PORTS_MAX];

static const struct rte_eth_rxtx_callback *callbacks[PORTS_MAX];

/* --- what a received packet is given, inside what is measured --------------------------------- */

static uint16_t stamp4(struct source *s, struct rte_mbuf **pkts, uint16_t n, uint16_t max)
{
	const struct stamp4 *v = s->stamps;
	uint32_t at = s->at;

	for (uint16_t i = 0; i < n; i++) {
		struct iphdr *ip = rte_pktmbuf_mtod_offset(pkts[i], struct iphdr *, 14);

		ip->ttl = 64;
		ip->check = v[at].check;
		ip->daddr = v[at].daddr;
		at = at + 1 == s->n ? 0 : at + 1;
	}
	s->at = at;
	(void)max;
	return n;
}

/* The same for packets of several lengths, which their checksums contain. */
static uint16_t stamp4_imix(struct source *s, struct rte_mbuf **pkts, uint16_t n, uint16_t max)
{
	const struct stamp4 *v = s->stamps;
	uint32_t at = s->at;

	for (uint16_t i = 0; i < n; i++) {
		struct iphdr *ip = rte_pktmbuf_mtod_offset(pkts[i], struct iphdr *, 14);
		uint32_t sum = (uint32_t)v[at].check + ip->tot_len;

		ip->ttl = 64;
		ip->check = (uint16_t) ~(sum + (sum >> 16));
		ip->daddr = v[at].daddr;
		at = at + 1 == s->n ? 0 : at + 1;
	}
	s->at = at;
	(void)max;
	return n;
}

static uint16_t stamp4_tagged(struct source *s, struct rte_mbuf **pkts, uint16_t n, uint16_t max)
{
	const struct stamp4 *v = s->stamps;
	uint32_t at = s->at;

	for (uint16_t i = 0; i < n; i++) {
		struct iphdr *ip = rte_pktmbuf_mtod_offset(pkts[i], struct iphdr *, 18);

		ip->ttl = 64;
		ip->check = v[at].check;
		ip->daddr = v[at].daddr;
		at = at + 1 == s->n ? 0 : at + 1;
	}
	s->at = at;
	(void)max;
	return n;
}

static uint16_t stamp6(struct source *s, struct rte_mbuf **pkts, uint16_t n, uint16_t max)
{
	const struct in6_addr *v = s->stamps;
	uint32_t at = s->at;

	for (uint16_t i = 0; i < n; i++) {
		struct ip6_hdr *ip = rte_pktmbuf_mtod_offset(pkts[i], struct ip6_hdr *, 14);

		ip->ip6_hlim = 64;
		memcpy(&ip->ip6_dst, &v[at], 16);
		at = at + 1 == s->n ? 0 : at + 1;
	}
	s->at = at;
	(void)max;
	return n;
}

/* --- running, draining, waiting --------------------------------------------------------------- */

static __rte_noinline uint16_t source_halt(struct source *s, struct rte_mbuf **pkts, uint16_t n)
{
	if (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == SOURCE_DRAIN) {
		rte_pktmbuf_free_bulk(pkts, n);
		s->drained += n;
		__atomic_store_n(&s->empty, n ? 0 : s->empty + 1, __ATOMIC_RELEASE);
		return 0;
	}
	/* the whole lcore waits, and leaves its CPU alone */
	while (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == SOURCE_WAIT)
		usleep(200);
	return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == SOURCE_RUN ? n
									  : source_halt(s, pkts, n);
}

static uint16_t source_rx(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
			  uint16_t max, void *arg)
{
	struct source *s = arg;

	(void)port, (void)queue;
	if (unlikely(__atomic_load_n(&s->state, __ATOMIC_ACQUIRE))) {
		n = source_halt(s, pkts, n);
		if (!n)
			return 0;
	}
	return s->stamp(s, pkts, n, max);
}

void source_set(unsigned int port, enum source_state state)
{
	__atomic_store_n(&sources[port].state, state, __ATOMIC_RELEASE);
}

/* --- ports ------------------------------------------------------------------------------------ */

void ports_make(unsigned int n)
{
	static unsigned int made;

	for (unsigned int p = made; opt.pcap && p < n; p++)
		port_id[p] = (uint16_t)p; /* made by EAL from --vdev, in this order */
	for (unsigned int p = made; !opt.pcap && p < n; p++) {
		char name[16];

		snprintf(name, sizeof(name), "fwd%u", p);
		sources[p].ring =
		    rte_ring_create(name, 4096, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!sources[p].ring)
			fail("no ring for port %u", p);
	}
	for (unsigned int p = made; !opt.pcap && p < n; p++) {
		/* one transmit queue per lcore: only the port's own one ever uses its */
		struct rte_ring *tx[LCORES_MAX];
		char name[16];
		int id;

		for (int q = 0; q < LCORES_MAX; q++)
			tx[q] = sources[p ^ 1].ring;
		snprintf(name, sizeof(name), "fwd%u", p);
		id = rte_eth_from_rings(name, &sources[p].ring, 1, tx, LCORES_MAX, SOCKET_ID_ANY);
		ok(id, "rte_eth_from_rings");
		port_id[p] = (uint16_t)id;
	}
	made = n > made ? n : made;
}

void ports_start(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++) {
		struct rte_eth_conf conf = {0};

		ok(rte_eth_dev_configure(port_id[p], 1, w->lcores, &conf), "rte_eth_dev_configure");
		ok(rte_eth_rx_queue_setup(port_id[p], 0, 64, SOCKET_ID_ANY, NULL, dp_mempool()),
		   "rte_eth_rx_queue_setup");
		for (uint16_t q = 0; q < w->lcores; q++)
			ok(rte_eth_tx_queue_setup(port_id[p], q, 64, SOCKET_ID_ANY, NULL),
			   "rte_eth_tx_queue_setup");
		ok(rte_eth_dev_start(port_id[p]), "rte_eth_dev_start");
		source_set(p, SOURCE_DRAIN);
		if (!opt.pcap)
			callbacks[p] =
			    rte_eth_add_rx_callback(port_id[p], 0, source_rx, &sources[p]);
	}
}

void ports_stop(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++) {
		if (!opt.pcap) {
			rte_eth_remove_rx_callback(port_id[p], 0, callbacks[p]);
			rte_free((void *)(uintptr_t)callbacks[p]);
		}
		ok(dp_port_del(port_id[p]), "dp_port_del");
		rte_eth_dev_stop(port_id[p]);
	}
}

/* --- packets ---------------------------------------------------------------------------------- */

void ports_prime(const struct bench_case *c)
{
	const struct world *w = c->world;

	for (unsigned int p = 0; p < w->ports; p++)
		source_set(p, SOURCE_WAIT); /* else they would be drained */
	for (unsigned int p = 0; p < w->ports && !opt.pcap; p++) {
		struct source *s = &sources[p];

		for (unsigned int i = 0; i < w->packets; i++) {
			uint16_t len = frame_len(c->sizes, i);
			struct rte_mbuf *m = rte_pktmbuf_alloc(dp_mempool());
			uint16_t tag = w->tagged ? 4 : 0;
			uint8_t *frame = m ? (uint8_t *)rte_pktmbuf_append(m, len + tag) : NULL;

			if (!frame || rte_ring_enqueue(s->ring, m))
				fail("%s: no packets", c->name);
			frame_make(frame, len, p, w->family, NULL);
			if (tag) {
				memmove(frame + 16, frame + 12, len - 12u);
				memcpy(frame + 12, (uint8_t[4]){0x81, 0, 0, VLAN_ID}, 4);
			}
			if (!i)
				memcpy(s->header, frame, sizeof(s->header));
		}
		s->drained = 0;
		s->empty = 0;
		s->packets = w->packets;
		if (c->variant && c->variant->restock)
			s->stamp = c->variant->restock;
		else if (w->family == AF_INET6)
			s->stamp = stamp6;
		else if (w->tagged)
			s->stamp = stamp4_tagged;
		else
			s->stamp = c->sizes == SIZE_IMIX ? stamp4_imix : stamp4;
	}
	for (unsigned int p = 0; p < w->ports; p++)
		source_set(p, SOURCE_RUN);
}

void ports_drain(const struct bench_case *c)
{
	uint64_t left = 0;

	if (opt.pcap)
		return;
	for (unsigned int p = 0; p < c->world->ports; p++) {
		sources[p].drained = 0;
		sources[p].empty = 0;
		source_set(p, SOURCE_DRAIN);
	}
	for (unsigned int p = 0; p < c->world->ports; p++) {
		/* what was in a transmit queue in one turn is in the ring in the next */
		for (int ms = 0; __atomic_load_n(&sources[p].empty, __ATOMIC_ACQUIRE) < 3; ms++) {
			if (ms == 10000)
				fail("%s: the packets of port %u do not come to an end", c->name,
				     p);
			usleep(1000);
		}
		left += sources[p].drained;
	}
	if (!(c->variant && c->variant->restock) &&
	    left != (uint64_t)c->world->packets * c->world->ports)
		fail("%s: %u packets went round, %llu are left", c->name,
		     c->world->packets * c->world->ports, (unsigned long long)left);
}
