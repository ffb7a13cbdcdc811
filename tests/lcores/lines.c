// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * lines.c - which cache lines each of two workers writes, and who else has to do with them.
 *
 *     port 0 -- worker 0 -- port 1          the router of tests/fuzz/router.h, stepped by one
 * thread port 0 -- worker 1 -- port 1          that takes the part of either worker
 *
 * All writable memory is copied before a worker's turns and compared after them: what differs, it
 * wrote. A line that both wrote is shared, and so is one that a worker wrote and that every worker
 * reads per packet or per burst. What is shared by design is left out: packets, the pool's ring,
 * and the devices, of which both workers have one transmit queue here.
 *
 *   lines queues       each worker polls a port
 *   lines rps          worker 0 polls both and spreads
 *   lines same-lcore   both workers as one lcore: their pool caches are one, which has to be found
 *   lines sizes        constants that the model in model.go counts with
 *
 * A store of the value that was there is not seen; so the lines of locks are looked at by address.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <netinet/in.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#include "dataplane.h"
#include "router.h"

#include <lib/rcu.h>
#include <net/net_namespace.h>
#include <net/punt.h>
#include <net/rps.h>

#define LINE        64
#define REGIONS_MAX 512
#define LINES_MAX   4096
#define BURST       32
#define ROUNDS      4

struct region {
	char *at, *copy;
	size_t len;
};

static struct region regions[REGIONS_MAX];
static unsigned int n_regions;

struct lines {
	uintptr_t at[LINES_MAX];
	unsigned int n;
};

static struct lines wrote[2], device;

/* --- extents: names of addresses ------------------------------------------------------------- */

struct extent {
	char name[48];
	uintptr_t from, to;
};

#define EXTENTS_MAX 256

static struct extent by_design[EXTENTS_MAX], read_by_all[EXTENTS_MAX], owned[EXTENTS_MAX];
static unsigned int n_by_design, n_read_by_all, n_owned;

static void add(struct extent *list, unsigned int *n, const char *name, const void *p, size_t len)
{
	struct extent *e = &list[(*n)++];

	snprintf(e->name, sizeof(e->name), "%s", name);
	e->from = (uintptr_t)p / LINE * LINE;
	e->to = (uintptr_t)p + len;
}

static const char *find(const struct extent *list, unsigned int n, uintptr_t line)
{
	for (unsigned int i = 0; i < n; i++)
		if (line >= list[i].from && line < list[i].to)
			return list[i].name;
	return NULL;
}

static void ring_by_design(const char *name)
{
	struct rte_ring *r = rte_ring_lookup(name);

	if (!r) {
		fprintf(stderr, "no ring %s\n", name);
		exit(2);
	}
	add(by_design, &n_by_design, name, r, (size_t)rte_ring_get_memsize(r->size));
}

static void packet_memory(struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *mem,
			  unsigned int i)
{
	(void)mp, (void)arg, (void)i;
	add(by_design, &n_by_design, "packets", mem->addr, mem->len);
}

static void extents_find(void)
{
	const struct net *net = net_table[ROUTER_NET];
	struct rte_ring *pool_ring = skb_pool->pool_data;

	rte_mempool_mem_iter(skb_pool, packet_memory, NULL);
	add(by_design, &n_by_design, "the pool's ring", pool_ring,
	    (size_t)rte_ring_get_memsize(pool_ring->size));
	for (unsigned int i = 0; i < device.n; i++)
		add(by_design, &n_by_design, "a device", (void *)device.at[i], 1);
	ring_by_design("rx:port0");
	ring_by_design("rx:port1");
	ring_by_design("tx:port0");
	ring_by_design("tx:port1");

	for (uint32_t i = 0; i < RTE_MAX_ETHPORTS; i++)
		add(read_by_all, &n_read_by_all, "netdev_ports", &netdev_ports[i],
		    sizeof(netdev_ports[i]));
	add(read_by_all, &n_read_by_all, "softnet_data[]", softnet_data, sizeof(softnet_data));
	add(read_by_all, &n_read_by_all, "skb_pool", skb_pool,
	    offsetof(struct rte_mempool, mem_list));
	add(read_by_all, &n_read_by_all, "net", net, sizeof(*net));
	add(read_by_all, &n_read_by_all, "rcu token", &rcu_qsbr->token, sizeof(rcu_qsbr->token));
	add(read_by_all, &n_read_by_all, "nexthops[]", net->nexthops, 256 * sizeof(*net->nexthops));
	for (uint32_t i = 0; i < 256; i++)
		if (net->nexthops[i])
			add(read_by_all, &n_read_by_all, "nexthop", net->nexthops[i],
			    sizeof(*net->nexthops[i]));
	for (uint32_t i = 0; i < DP_MAX_LINKS; i++)
		if (net->devs[i])
			add(read_by_all, &n_read_by_all, "net_device", net->devs[i],
			    offsetof(struct net_device, stats));
	/* locks come back to what they were */
	for (uint32_t p = 0; p < RTE_MAX_ETHPORTS; p++)
		add(owned, &n_owned, "_xmit_lock", netdev_txqs[p], sizeof(netdev_txqs[p]));
	for (uint32_t w = 0; w < 2; w++) {
		char name[32];

		snprintf(name, sizeof(name), "softnet_data %u", w);
		add(owned, &n_owned, name, softnet_data[w], sizeof(*softnet_data[w]));
		snprintf(name, sizeof(name), "rcu counter %u", w);
		add(owned, &n_owned, name, &rcu_qsbr->qsbr_cnt[w], sizeof(rcu_qsbr->qsbr_cnt[w]));
		snprintf(name, sizeof(name), "net_mib %u", w);
		add(owned, &n_owned, name, &net->mib[w], sizeof(net->mib[w]));
		for (uint32_t i = 0; i < DP_MAX_LINKS; i++) {
			if (!net->devs[i])
				continue;
			snprintf(name, sizeof(name), "net_device_stats %u", w);
			add(owned, &n_owned, name, &net->devs[i]->stats[w],
			    sizeof(net->devs[i]->stats[w]));
		}
	}
}

static const char *name_of(uintptr_t line)
{
	const char *name = find(owned, n_owned, line);

	if (!name)
		name = find(read_by_all, n_read_by_all, line);
	return name ? name : "memory";
}

/* --- memory before and after ----------------------------------------------------------------- */

/* All that may be written, but for this thread's stack and what this program itself keeps there. */
static void regions_find(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long from, to;
		char perms[5];

		if (sscanf(line, "%lx-%lx %4s", &from, &to, perms) != 3 || perms[0] != 'r' ||
		    perms[1] != 'w' || strstr(line, "[stack]") || n_regions == REGIONS_MAX)
			continue;
		if (to - from > 1ul << 30) /* address space that nobody has used */
			continue;
		regions[n_regions++] = (struct region){.at = (char *)from, .len = to - from};
	}
	if (f)
		fclose(f);
	for (unsigned int i = 0; i < n_regions; i++) {
		regions[i].copy = mmap(NULL, regions[i].len, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (regions[i].copy == MAP_FAILED)
			exit(2);
	}
}

static bool ours(uintptr_t line)
{
	const struct {
		const void *at;
		size_t len;
	} own[] = {{regions, sizeof(regions)}, {wrote, sizeof(wrote)}, {&device, sizeof(device)}};

	for (size_t i = 0; i < RTE_DIM(own); i++)
		if (line >= (uintptr_t)own[i].at / LINE * LINE &&
		    line < (uintptr_t)own[i].at + own[i].len)
			return true;
	return false;
}

static void before(void)
{
	for (unsigned int i = 0; i < n_regions; i++)
		memcpy(regions[i].copy, regions[i].at, regions[i].len);
}

static void lines_add(struct lines *l, uintptr_t line)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (l->at[i] == line)
			return;
	if (l->n == LINES_MAX) {
		fprintf(stderr, "too many lines\n");
		exit(2);
	}
	l->at[l->n++] = line;
}

static void after(struct lines *l)
{
	for (unsigned int i = 0; i < n_regions; i++) {
		const struct region *r = &regions[i];

		for (size_t at = 0; at < r->len; at += 4096) {
			if (!memcmp(r->at + at, r->copy + at, 4096))
				continue;
			for (size_t k = at; k < at + 4096; k += LINE) {
				uintptr_t line = (uintptr_t)r->at + k;

				if (memcmp(r->at + k, r->copy + k, LINE) && !ours(line) &&
				    !find(by_design, n_by_design, line))
					lines_add(l, line);
			}
		}
	}
}

/* --- traffic --------------------------------------------------------------------------------- */

static uint16_t checksum(const uint8_t *p, int len)
{
	uint32_t sum = 0;

	for (int i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* UDP from a port to the neighbour behind the other; flow is the source port. bad: by its checksum.
 */
static void send_flow(unsigned int port, uint16_t flow)
{
	bool v6 = flow % 4 == 0, bad = flow % 8 == 1, expired = flow % 8 == 2;
	uint8_t f[74] = {0};
	uint16_t check, sport = htons(flow);

	router_mac(f, port, 1);
	router_mac(f + 6, port, 2);
	if (v6) {
		f[12] = 0x86;
		f[13] = 0xdd;
		f[14] = 0x60;
		f[19] = 20;
		f[20] = 17;
		f[21] = 64;
		memcpy(f + 22, (uint8_t[16]){0x20, 1, 0xd, 0xb8, 0, (uint8_t)(port + 1), [15] = 2},
		       16);
		memcpy(f + 38, (uint8_t[16]){0x20, 1, 0xd, 0xb8, 0, (uint8_t)(!port + 1), [15] = 2},
		       16);
		memcpy(f + 54, &sport, 2);
	} else {
		f[12] = 8;
		f[14] = 0x45;
		f[17] = 60;
		f[22] = expired ? 1 : 64;
		f[23] = 17;
		memcpy(f + 26, (uint8_t[4]){10, 0, (uint8_t)(port + 1), 2}, 4);
		memcpy(f + 30, (uint8_t[4]){10, 0, (uint8_t)(!port + 1), 2}, 4);
		check = checksum(f + 14, 20) ^ bad;
		memcpy(f + 24, &check, 2);
		memcpy(f + 34, &sport, 2);
	}
	router_send(port, f, sizeof(f));
}

static void lcore_be(unsigned int lcore)
{
	RTE_PER_LCORE(_lcore_id) = lcore;
}

/* Traffic for both workers, and turns of each; returns packets that came through. */
static unsigned int round_trip(bool same_lcore, bool look)
{
	unsigned int through = 0;
	uint8_t buf[2048];

	lcore_be(0);
	for (unsigned int p = 0; p < 2; p++)
		for (uint16_t i = 0; i < BURST; i++)
			send_flow(p, (uint16_t)(1000 + i));
	for (unsigned int w = 0; w < 2; w++) {
		if (look)
			before();
		lcore_be(same_lcore ? 1 : 1 + w);
		for (int turn = 0; turn < 4; turn++)
			dp_worker_poll(w);
		lcore_be(0);
		if (look)
			after(&wrote[w]);
	}
	for (unsigned int p = 0; p < 2; p++)
		while (router_recv(p, buf, sizeof(buf)) > 0)
			through++;
	return through;
}

/* What a device writes when it is used without the stack. */
static void devices_find(void)
{
	for (unsigned int p = 0; p < 2; p++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(skb_pool);
		uint8_t buf[64];

		if (!m || !rte_pktmbuf_append(m, 60))
			exit(2);
		before();
		if (rte_eth_tx_burst(router_port[p], 0, &m, 1) != 1)
			exit(2);
		after(&device);
		router_recv(p, buf, sizeof(buf));
		router_send(p, buf, 60);
		before();
		if (rte_eth_rx_burst(router_port[p], 0, &m, 1) != 1)
			exit(2);
		after(&device);
		rte_pktmbuf_free(m);
	}
}

static int report(void)
{
	int wrong = 0;

	for (unsigned int i = 0; i < wrote[0].n; i++) {
		for (unsigned int j = 0; j < wrote[1].n; j++) {
			if (wrote[0].at[i] != wrote[1].at[j])
				continue;
			printf("both workers wrote line %#lx: %s\n", (unsigned long)wrote[0].at[i],
			       name_of(wrote[0].at[i]));
			wrong = 1;
		}
	}
	for (unsigned int w = 0; w < 2; w++) {
		unsigned int named = 0;

		for (unsigned int i = 0; i < wrote[w].n; i++) {
			const char *name = find(read_by_all, n_read_by_all, wrote[w].at[i]);
			const char *owner = find(owned, n_owned, wrote[w].at[i]);

			named += owner != NULL;
			if (!name)
				continue;
			printf("worker %u wrote line %#lx, which all read: %s\n", w,
			       (unsigned long)wrote[w].at[i], name);
			wrong = 1;
		}
		printf("worker %u wrote %u lines of its own, %u of them in structures looked at\n",
		       w, wrote[w].n, named);
		if (!named) {
			printf("worker %u did nothing that was seen\n", w);
			wrong = 1;
		}
	}
	for (unsigned int i = 0; i < n_owned; i++) {
		for (unsigned int j = 0; j < n_owned; j++) {
			if (i == j || owned[i].to <= owned[j].from || owned[j].to <= owned[i].from)
				continue;
			printf("%s and %s share a line\n", owned[i].name, owned[j].name);
			wrong = 1;
		}
		for (unsigned int j = 0; j < n_read_by_all; j++) {
			if (owned[i].to <= read_by_all[j].from ||
			    read_by_all[j].to <= owned[i].from)
				continue;
			printf("%s shares a line with %s, which all read\n", owned[i].name,
			       read_by_all[j].name);
			wrong = 1;
		}
	}
	return wrong;
}

static int sizes(void)
{
	printf("burst %d\n", NAPI_BURST);
	printf("slot %zu\n", sizeof(((struct rps_ring *)0)->slot[0]));
	printf("ring %d\n", RPS_RING_SIZE);
	printf("sk_buff %zu\n", sizeof(struct sk_buff));
	printf("mbuf %zu\n", sizeof(struct rte_mbuf));
	printf("workers %d\n", DP_MAX_WORKERS);
	printf("pool %zu\n", sizeof(void *));
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	bool rps = !strcmp(mode, "rps"), same = !strcmp(mode, "same-lcore");
	struct dp_worker_stats st;
	unsigned int through;
	int wrong;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!strcmp(mode, "sizes"))
		return sizes();
	if (!rps && !same && strcmp(mode, "queues")) {
		fprintf(stderr, "usage: %s queues | rps | same-lcore | sizes\n", argv[0]);
		return 2;
	}
	router_start(2);
	for (unsigned int p = 0; rps && p < 2; p++) {
		if (dp_port_rxq(router_port[p], 0, 0) || dp_port_rps(router_port[p], 3))
			return 2;
	}
	/* what happens once has happened: neighbours are marked as used, memory is there */
	for (int i = 0; i < 2 * ROUNDS; i++)
		round_trip(same, false);
	regions_find();
	devices_find();
	extents_find();
	for (int i = 0; i < ROUNDS; i++) {
		through = round_trip(same, true);
		if (through != 2 * (BURST - BURST / 8 * 2)) {
			printf("%u of %u packets came through\n", through, 2 * BURST);
			return 2;
		}
	}
	wrong = report();
	dp_worker_read(1, &st);
	if (rps != (st.rps_in > 0)) {
		printf("worker 1 was handed %llu packets\n", (unsigned long long)st.rps_in);
		return 2;
	}
	return wrong;
}
