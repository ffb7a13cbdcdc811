// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/* fwd_ports.c - the two ports of fwd_bench, and the packets that go round. See fwd.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/ip.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "dataplane.h"
#include "fwd.h"

struct stamps stamps[2];
uint16_t port_id[2];

static struct rte_ring *rings[2]; /* NULL: packets come from a file */
static const struct rte_eth_rxtx_callback *callbacks[2];

void ok(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-rc));
		exit(1);
	}
}

static uint16_t checksum(const void *data, int len)
{
	uint32_t sum = 0;

	for (int i = 0; i < len; i += 2)
		sum += (uint32_t)((const uint8_t *)data)[i] << 8 | ((const uint8_t *)data)[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

void port_mac(uint8_t mac[6], unsigned int port)
{
	memcpy(mac, (uint8_t[6]){2, 0, 0, 0, 1, (uint8_t)port}, 6);
}

/* IPv4 header of the packets of a port, hop limit 64, no destination yet. */
static struct iphdr header4(unsigned int port)
{
	return (struct iphdr){.version = 4,
			      .ihl = 5,
			      .tot_len = htons(FRAME - 14),
			      .ttl = 64,
			      .protocol = IPPROTO_UDP,
			      .saddr = htonl(0x0a000002 | port << 8)};
}

static uint16_t restamp4(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
			 uint16_t max, void *arg)
{
	struct stamps *s = arg;
	const struct stamp4 *v = s->v;
	uint32_t at = s->at;

	for (uint16_t i = 0; i < n; i++) {
		struct iphdr *ip = rte_pktmbuf_mtod_offset(pkts[i], struct iphdr *, 14);

		if (s->header[0])
			memcpy(rte_pktmbuf_mtod(pkts[i], void *), s->header, sizeof(s->header));
		ip->ttl = 64;
		ip->check = v[at].check;
		ip->daddr = v[at].daddr;
		at = at + 1 == s->n ? 0 : at + 1;
	}
	s->at = at;
	(void)port, (void)queue, (void)max;
	return n;
}

static uint16_t restamp6(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
			 uint16_t max, void *arg)
{
	struct stamps *s = arg;
	const struct in6_addr *v = s->v;
	uint32_t at = s->at;

	for (uint16_t i = 0; i < n; i++) {
		uint8_t *ip = rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, 14);

		ip[7] = 64;
		memcpy(ip + 24, &v[at], 16);
		at = at + 1 == s->n ? 0 : at + 1;
	}
	s->at = at;
	(void)port, (void)queue, (void)max;
	return n;
}

static void prime(unsigned int port, bool v6)
{
	for (int i = 0; i < PACKETS; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(dp_mempool());
		uint8_t *p = m ? (uint8_t *)rte_pktmbuf_append(m, FRAME) : NULL;

		if (!p || rte_ring_enqueue(rings[port], m)) {
			fprintf(stderr, "no packets\n");
			exit(1);
		}
		memset(p, 0, FRAME);
		port_mac(p, port);
		if (v6) {
			p[12] = 0x86;
			p[13] = 0xdd;
			p[14] = 0x60;
			p[19] = FRAME - 54;
			p[20] = IPPROTO_UDP;
			memcpy(p + 22,
			       (uint8_t[16]){0x20, 1, 0xd, 0xb8, (uint8_t)port, 0, 0, 0, 0, 0, 0, 0,
					     0, 0, 0, 2},
			       16);
		} else {
			struct iphdr ip = header4(port);

			p[12] = 8;
			memcpy(p + 14, &ip, sizeof(ip));
		}
	}
}

void stamp4_set(unsigned int port, uint32_t i, uint32_t dst)
{
	struct iphdr ip = header4(port);

	ip.daddr = htonl(dst);
	((struct stamp4 *)stamps[port].v)[i] =
	    (struct stamp4){.daddr = ip.daddr, .check = checksum(&ip, sizeof(ip))};
}

void stamps_make(uint32_t n, size_t size)
{
	for (int i = 0; i < 2; i++) {
		stamps[i] = (struct stamps){.v = calloc(n, size), .n = n};
		if (!stamps[i].v)
			exit(1);
	}
}

void ports_make(bool pcap)
{
	if (pcap) {
		/* made by EAL from --vdev, in this order */
		port_id[0] = 0;
		port_id[1] = 1;
		return;
	}
	for (int i = 0; i < 2; i++) {
		char name[16];

		snprintf(name, sizeof(name), "fwd%d", i);
		rings[i] =
		    rte_ring_create(name, 4096, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	}
	for (int i = 0; i < 2; i++) {
		char name[16];
		int id;

		snprintf(name, sizeof(name), "fwd%d", i);
		id = rte_eth_from_rings(name, &rings[i], 1, &rings[!i], 1, SOCKET_ID_ANY);
		ok(id, "rte_eth_from_rings");
		port_id[i] = (uint16_t)id;
	}
}

void ports_start(void)
{
	for (int i = 0; i < 2; i++) {
		struct rte_eth_conf conf = {0};

		ok(rte_eth_dev_configure(port_id[i], 1, 1, &conf), "rte_eth_dev_configure");
		ok(rte_eth_rx_queue_setup(port_id[i], 0, 64, SOCKET_ID_ANY, NULL, dp_mempool()),
		   "rte_eth_rx_queue_setup");
		ok(rte_eth_tx_queue_setup(port_id[i], 0, 64, SOCKET_ID_ANY, NULL),
		   "rte_eth_tx_queue_setup");
		ok(rte_eth_dev_start(port_id[i]), "rte_eth_dev_start");
	}
}

/* The headers of packets from a file: to us, and from where the checksums of the stamps say. */
static void header_set(unsigned int port)
{
	struct iphdr ip = header4(port);
	uint8_t *h = stamps[port].header;

	port_mac(h, port);
	port_mac(h + 6, !port);
	h[12] = 8;
	h[13] = 0;
	memcpy(h + 14, &ip, sizeof(ip));
}

void ports_prime(uint8_t family)
{
	for (unsigned int p = 0; p < 2; p++) {
		if (rings[p])
			prime(p, family == AF_INET6);
		else
			header_set(p);
		callbacks[p] = rte_eth_add_rx_callback(
		    port_id[p], 0, family == AF_INET ? restamp4 : restamp6, &stamps[p]);
	}
}

void ports_stop(void)
{
	struct rte_mbuf *m = NULL;

	for (unsigned int p = 0; p < 2; p++) {
		while (rings[p] && !rte_ring_dequeue(rings[p], (void **)&m))
			rte_pktmbuf_free(m);
		rte_eth_remove_rx_callback(port_id[p], 0, callbacks[p]);
		ok(dp_port_del(port_id[p]), "dp_port_del");
		rte_eth_dev_stop(port_id[p]);
		free(stamps[p].v);
	}
}
