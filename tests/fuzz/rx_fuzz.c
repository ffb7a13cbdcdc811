/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rx_fuzz.c - hostile frames into the receive path (libFuzzer, ASan, UBSan).
 *
 * An input is a list of records: a control byte, a length (two bytes, big endian), that many bytes
 * of frame. Every segment of a frame lies in a heap block of exactly its size, so that ASan sees a
 * read one byte beyond it. After each input every packet must be back in its pool.
 *
 *   control   0x01        received on port 1 instead of 0
 *             0x02        made to pass: our MAC address, a right IPv4 header checksum
 *             0x0c        segments, less one
 *             0x10        a turn of the worker after it
 *             0xe0 = all  no frame: the unknown neighbours of both links fail
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <linux/neighbour.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <lib/rcu.h>
#include <net/checksum.h>
#include <net/inet_frag.h>
#include <net/net_namespace.h>
#include <net/netdevice.h>
#include <net/rps.h>

#include "dataplane.h"
#include "router.h"

#define FRAMES_MAX 64
#define FRAME_MAX  2000

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int pool_full;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	router_start(1);
	for (uint32_t i = 0; i < DP_PUNT_MAX; i++)
		dp_punt_police(i, 0, 0);
	pool_full = rte_mempool_avail_count(dp_mempool());
	return 0;
}

struct block {
	struct rte_mbuf_ext_shared_info info;
	void *data;
};

static void block_free(void *addr, void *opaque)
{
	struct block *b = opaque;

	(void)addr;
	free(b->data);
	free(b);
}

/* A segment whose buffer is exactly len bytes of heap. */
static struct rte_mbuf *segment(const uint8_t *data, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp_mempool());
	struct block *b = malloc(sizeof(*b));

	if (!m || !b)
		abort();
	b->data = malloc(len ? len : 1);
	memcpy(b->data, data, len);
	b->info.free_cb = block_free;
	b->info.fcb_opaque = b;
	rte_mbuf_ext_refcnt_set(&b->info, 1);
	rte_pktmbuf_attach_extbuf(m, b->data, 0, len, &b->info);
	m->data_off = 0;
	m->data_len = len;
	m->pkt_len = len;
	return m;
}

static struct rte_mbuf *packet(const uint8_t *data, uint16_t len, unsigned int segments)
{
	uint16_t part = (uint16_t)(len / segments);
	struct rte_mbuf *m = segment(data, segments == 1 ? len : part);

	for (unsigned int i = 1; i < segments; i++) {
		uint16_t at = (uint16_t)(part * i);

		if (rte_pktmbuf_chain(
			m, segment(data + at, i + 1 == segments ? (uint16_t)(len - at) : part)))
			abort();
	}
	return m;
}

static void make_pass(uint8_t *f, uint16_t len, unsigned int port)
{
	struct iphdr ip;

	if (len < 14)
		return;
	router_mac(f, port, 1);
	if (len < 34 || f[12] != 8 || f[13] != 0)
		return;
	memcpy(&ip, f + 14, sizeof(ip));
	if (ip.ihl < 5 || len < 14 + ip.ihl * 4)
		return;
	f[24] = f[25] = 0;
	ip.check = ip_fast_csum(f + 14, ip.ihl);
	memcpy(f + 24, &ip.check, 2);
}

static void receive(const uint8_t *data, uint16_t len, uint8_t control)
{
	struct net_device *dev = net_table[ROUTER_NET]->devs[1 + (control & 1)];
	uint8_t copy[FRAME_MAX];
	struct rte_mbuf *m;

	memcpy(copy, data, len);
	if (control & 2)
		make_pass(copy, len, control & 1);
	m = packet(copy, len, 1u + (control >> 2 & 3));
	rcu_online(0);
	/* by the hash of its flow, as on a port whose flows are spread: there is one worker */
	netif_rps(softnet_data[0], &(struct rx_queue){.rps_len = 1}, dev, &m, 1);
	rcu_offline(0);
}

/* Down and up again: nothing waits for a neighbour any more. */
static void links_flush(void)
{
	uint32_t cursor = 0;
	struct dp_link l[8];
	int n = dp_link_dump(ROUTER_NET, &cursor, l, 8);

	for (int up = 0; up < 2; up++) {
		for (int i = 0; i < n; i++) {
			l[i].flags = up ? IFF_UP : 0;
			dp_link_set(&l[i]);
		}
		router_poll();
	}
}

static void neigh_fail(void)
{
	for (uint32_t ifindex = 1; ifindex <= 2; ifindex++) {
		struct dp_neigh n = {
		    .net = ROUTER_NET, .ifindex = ifindex, .family = AF_INET, .nud = NUD_FAILED};

		memcpy(n.addr, (uint8_t[4]){10, 0, (uint8_t)ifindex, 9}, 4);
		dp_neigh_set(&n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[65536];
	uint32_t punts[16];

	for (int i = 0; i < FRAMES_MAX && size >= 3; i++) {
		uint8_t control = data[0];
		uint16_t len = (uint16_t)(data[1] << 8 | data[2]);

		data += 3;
		size -= 3;
		if ((control & 0xe0) == 0xe0) {
			neigh_fail();
			continue;
		}
		if (len > size)
			len = (uint16_t)size;
		if (len > FRAME_MAX)
			len = FRAME_MAX;
		receive(data, len, control);
		data += len;
		size -= len;
		if (control & 0x10)
			router_poll();
	}
	do
		router_poll();
	while (softnet_data[0]->backlog_head != softnet_data[0]->backlog_tail); /* a pair's */
	links_flush();
	inet_frag_flush(softnet_data[0]);
	router_poll(); /* what was dropped goes back at the end of a turn */
	router_punts(punts);
	for (unsigned int port = 0; port < ROUTER_PORTS; port++)
		while (router_recv(port, out, sizeof(out)) > 0)
			;
	if (rte_mempool_avail_count(dp_mempool()) != pool_full) {
		fprintf(stderr, "packets leak: %u of %u are in the pool\n",
			rte_mempool_avail_count(dp_mempool()), pool_full);
		abort();
	}
	return 0;
}
