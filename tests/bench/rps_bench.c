// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * rps_bench.c - what software distribution costs: two ports of one receive queue each, whose
 * packets go round as in fwd_bench, and two workers.
 *
 *   ipv4-rps-off      worker 0 polls both and forwards; worker 1 polls nothing
 *   ipv4-rps-handed   worker 0 polls both and hands all over; worker 1 forwards
 *   ipv4-rps-spread   worker 0 polls both; both forward half of the flows
 *   ipv4-queues       each worker polls one port and forwards, as with RSS
 *
 *   rps_bench [-r rounds] [-s seconds] [-1] [-j] [case ...]
 *
 * Worker 0 is on CPU 1 and worker 1 on CPU 0; with -1 they take turns on CPU 1: then no line moves
 * between cores, and what is left is the work itself. Cases are measured in turn in every round.
 * Printed: the best round, TSC cycles per packet that left (of the clock: of both workers at once),
 * and of the stages by packet in them.
 */
#include <getopt.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>

#include "dataplane.h"

#define PACKETS 1000 /* on each port */
#define STAMPS  65536
#define FRAME   60

static const struct bench_case {
	const char *name;
	uint32_t rps;         /* workers that flows are spread over, a bit each */
	uint32_t polls_port1; /* the worker that polls the second port */
} cases[] = {
    {"ipv4-rps-off", 0, 0},
    {"ipv4-rps-handed", 2, 0},
    {"ipv4-rps-spread", 3, 0},
    {"ipv4-queues", 0, 1},
};

struct stamp {
	uint32_t daddr;
	uint16_t check;
};

static struct stamp stamps[2][STAMPS];
static uint32_t stamp_at[2][16]; /* a line each: written by the worker that polls */
static uint16_t port_id[2];
static volatile bool stop, pause_asked;
static _Atomic uint32_t pausing; /* workers that sleep, a bit each */

static void ok(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-rc));
		exit(1);
	}
}

static void mac_of(uint8_t mac[6], unsigned int port)
{
	memcpy(mac, (uint8_t[6]){2, 0, 0, 0, 1, (uint8_t)port}, 6);
}

static struct iphdr header(unsigned int port)
{
	return (struct iphdr){.version = 4,
			      .ihl = 5,
			      .tot_len = htons(FRAME - 14),
			      .ttl = 64,
			      .protocol = IPPROTO_UDP,
			      .saddr = htonl(0x0a000002 | port << 8)};
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

/* Every packet received gets a destination and hop limit, as if a card had written it. */
static uint16_t restamp(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
			uint16_t max, void *arg)
{
	unsigned int p = (unsigned int)(uintptr_t)arg;
	uint32_t at = stamp_at[p][0];

	for (uint16_t i = 0; i < n; i++, at++) {
		struct iphdr *ip = rte_pktmbuf_mtod_offset(pkts[i], struct iphdr *, 14);

		ip->ttl = 64;
		ip->check = stamps[p][at % STAMPS].check;
		ip->daddr = stamps[p][at % STAMPS].daddr;
	}
	stamp_at[p][0] = at;
	(void)port, (void)queue, (void)max;
	return n;
}

static void prime(unsigned int p, struct rte_ring *ring)
{
	for (int i = 0; i < PACKETS; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(dp_mempool());
		uint8_t *f = m ? (uint8_t *)rte_pktmbuf_append(m, FRAME) : NULL;
		struct iphdr ip = header(p);

		if (!f || rte_ring_enqueue(ring, m)) {
			fprintf(stderr, "no packets\n");
			exit(1);
		}
		memset(f, 0, FRAME);
		mac_of(f, p);
		f[12] = 8;
		memcpy(f + 14, &ip, sizeof(ip));
	}
}

/* Port p receives packets for 198.18+p.0.0/16, which lie behind a gateway on the other. */
static void router_make(unsigned int p)
{
	struct dp_link l = {.ifindex = p + 1,
			    .port = port_id[p],
			    .carrier = 1,
			    .flags = IFF_UP,
			    .mtu = 1500,
			    .mtu6 = 1500,
			    .conf4 = DP_CONF_ENABLED | DP_CONF_FORWARDING};
	struct dp_neigh n = {.ifindex = p + 1, .family = AF_INET, .nud = NUD_REACHABLE};
	struct dp_nexthop nh = {.id = p + 1,
				.ifindex = p + 1,
				.family = AF_INET,
				.type = RTN_UNICAST,
				.scope = RT_SCOPE_LINK,
				.flags = DP_NH_GATEWAY,
				.gw_family = AF_INET};
	struct dp_route r = {.table = RT_TABLE_MAIN, .nh_id = p + 1, .family = AF_INET, .plen = 16};
	uint32_t done, table = RT_TABLE_MAIN, dst = htonl(0xc6120000 | (uint32_t)!p << 16);
	struct iphdr ip = header(p);

	ok(dp_port_add(port_id[p], 1, 2), "dp_port_add");
	snprintf(l.name, sizeof(l.name), "port%u", p);
	mac_of(l.lladdr, p);
	ok(dp_link_set(&l), "dp_link_set");
	memcpy(nh.gw, (uint8_t[4]){10, 0, (uint8_t)p, 2}, 4);
	memcpy(n.addr, nh.gw, 4);
	mac_of(n.lladdr, !p);
	ok(dp_neigh_set(&n), "dp_neigh_set");
	ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
	memcpy(r.dst, &dst, 4);
	ok(dp_route_set(&r, 1, &done), "dp_route_set");
	ok(dp_net_tables(0, AF_INET, &table, 1), "dp_net_tables");
	for (uint32_t i = 0; i < STAMPS; i++) {
		ip.daddr = htonl(0xc6120000 | p << 16 | (i * 40503u & 0xffff));
		ip.check = 0;
		stamps[p][i] = (struct stamp){ip.daddr, checksum(&ip, sizeof(ip))};
	}
}

static void ports_make(void)
{
	struct rte_ring *ring[2];

	for (unsigned int p = 0; p < 2; p++) {
		char name[16];

		snprintf(name, sizeof(name), "rps%u", p);
		ring[p] = rte_ring_create(name, 4096, SOCKET_ID_ANY, RING_F_SC_DEQ);
	}
	for (unsigned int p = 0; p < 2; p++) {
		struct rte_ring *tx[2] = {ring[!p], ring[!p]};
		struct rte_eth_conf conf = {0};
		char name[16];
		int id;

		snprintf(name, sizeof(name), "rps%u", p);
		id = rte_eth_from_rings(name, &ring[p], 1, tx, 2, 0);
		ok(id, "rte_eth_from_rings");
		port_id[p] = (uint16_t)id;
		ok(rte_eth_dev_configure(port_id[p], 1, 2, &conf), "rte_eth_dev_configure");
		ok(rte_eth_rx_queue_setup(port_id[p], 0, 64, SOCKET_ID_ANY, NULL, dp_mempool()),
		   "rte_eth_rx_queue_setup");
		for (uint16_t q = 0; q < 2; q++)
			ok(rte_eth_tx_queue_setup(port_id[p], q, 64, SOCKET_ID_ANY, NULL),
			   "rte_eth_tx_queue_setup");
		ok(rte_eth_dev_start(port_id[p]), "rte_eth_dev_start");
	}
	ok(dp_net_add(0), "dp_net_add");
	for (unsigned int p = 0; p < 2; p++)
		router_make(p);
	for (unsigned int p = 0; p < 2; p++) {
		prime(p, ring[p]);
		rte_eth_add_rx_callback(port_id[p], 0, restamp, (void *)(uintptr_t)p);
	}
}

/* What an lcore does: the turns of one worker, or of both; in a break it sleeps. */
static int turns(void *arg)
{
	uint32_t workers = (uint32_t)(uintptr_t)arg;

	while (!stop) {
		if (pause_asked) {
			atomic_fetch_or(&pausing, workers);
			usleep(50);
			continue;
		}
		for (uint32_t w = 0; w < 2; w++)
			if (workers >> w & 1)
				dp_worker_poll(w);
	}
	return 0;
}

/* The workers sleep while the case changes: one of them shares the CPU of this thread. */
static void pause_begin(void)
{
	atomic_store(&pausing, 0);
	pause_asked = true;
	while (atomic_load(&pausing) != 3)
		usleep(50);
}

struct sample {
	uint64_t tsc, packets, drops;
	struct dp_stage_stats stages[2][32];
};

static void sample(struct sample *s)
{
	struct dp_link_stats st;
	struct dp_worker_stats w;

	memset(s, 0, sizeof(*s));
	s->tsc = rte_rdtsc();
	for (uint32_t i = 1; i <= 2; i++) {
		ok(dp_link_stats(0, i, &st), "dp_link_stats");
		s->packets += st.tx_packets;
	}
	for (uint32_t i = 0; i < 2; i++) {
		dp_stage_read(i, s->stages[i], 32);
		ok(dp_worker_read(i, &w), "dp_worker_read");
		s->drops += w.rps_dropped;
	}
}

struct result {
	double cycles, stage[2][32];
	uint64_t drops;
};

static void measure(const struct bench_case *c, double seconds, struct result *r)
{
	struct sample a, b;
	double cycles;

	pause_begin();
	ok(dp_port_rxq(port_id[1], 0, c->polls_port1), "dp_port_rxq");
	for (unsigned int p = 0; p < 2; p++)
		ok(dp_port_rps(port_id[p], c->rps), "dp_port_rps");
	pause_asked = false;
	usleep(5000);
	sample(&a);
	usleep((useconds_t)(seconds * 1e6));
	sample(&b);
	if (b.packets == a.packets)
		return; /* the workers were not run */
	cycles = (double)(b.tsc - a.tsc) / (double)(b.packets - a.packets);
	r->drops += b.drops - a.drops;
	if (r->cycles && r->cycles <= cycles)
		return;
	r->cycles = cycles;
	for (uint32_t w = 0; w < 2; w++) {
		for (uint32_t s = 0; s < dp_stages() && s < 32; s++) {
			uint64_t n = b.stages[w][s].packets - a.stages[w][s].packets;
			uint64_t t = b.stages[w][s].cycles - a.stages[w][s].cycles;

			r->stage[w][s] = n ? (double)t / (double)n : 0;
		}
	}
}

static void print(const struct bench_case *c, const struct result *r, bool json, bool first)
{
	double hz = (double)rte_get_tsc_hz();

	if (!r->cycles) {
		fprintf(stderr, "%s: nothing was forwarded\n", c->name);
		exit(1);
	}
	if (json)
		printf("%s\n {\"name\": \"%s\", \"cycles_best\": %.1f, \"mpps\": %.2f, "
		       "\"dropped\": %llu",
		       first ? "[" : ",", c->name, r->cycles, hz / r->cycles / 1e6,
		       (unsigned long long)r->drops);
	else
		printf("%-18s %6.1f cycles/packet  %6.2f Mpps  %llu dropped\n", c->name, r->cycles,
		       hz / r->cycles / 1e6, (unsigned long long)r->drops);
	for (uint32_t s = 0; s < dp_stages() && s < 32; s++) {
		if (r->stage[0][s] + r->stage[1][s] == 0)
			continue;
		if (json)
			printf(", \"%s\": [%.1f, %.1f]", dp_stage_name(s), r->stage[0][s],
			       r->stage[1][s]);
		else
			printf("    %-24s %6.1f %6.1f\n", dp_stage_name(s), r->stage[0][s],
			       r->stage[1][s]);
	}
	if (json)
		printf("}");
}

static void eal(bool one)
{
	char *argv[] = {"rps_bench",        "--lcores",  one ? "0@0,1@1" : "0@0,1@1,2@0",
			"--no-pci",         "--no-huge", "--no-shconf",
			"--no-telemetry",   "-m",        "128",
			"--log-level=error"};

	ok(rte_eal_init(RTE_DIM(argv), argv), "rte_eal_init");
}

static bool wanted(const char *name, char **names, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return !n;
}

int main(int argc, char **argv)
{
	static struct result results[RTE_DIM(cases)];
	const struct dp_conf conf = {.workers = 2, .mbufs = 8191};
	bool one = false, json = false, first = true;
	double seconds = 0.2;
	int opt, rounds = 5;

	while ((opt = getopt(argc, argv, "r:s:1j")) != -1) {
		switch (opt) {
		case 'r':
			rounds = atoi(optarg);
			break;
		case 's':
			seconds = atof(optarg);
			break;
		case '1':
			one = true;
			break;
		case 'j':
			json = true;
			break;
		default:
			fprintf(stderr, "usage: %s [-r rounds] [-s seconds] [-1] [-j] [case ...]\n",
				argv[0]);
			return 2;
		}
	}
	eal(one);
	/* worker 1 is on this thread's CPU, and would not let it run again */
	if (sched_getscheduler(0) == SCHED_FIFO)
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 2});
	ok(dp_init(&conf), "dp_init");
	ports_make();
	for (uintptr_t w = 0; w < (one ? 1 : 2); w++)
		ok(rte_eal_remote_launch(turns, (void *)(one ? 3 : 1 + w), (unsigned int)w + 1),
		   "rte_eal_remote_launch");
	for (int r = 0; r < rounds; r++)
		for (size_t i = 0; i < RTE_DIM(cases); i++)
			if (wanted(cases[i].name, argv + optind, argc - optind))
				measure(&cases[i], seconds, &results[i]);
	stop = true;
	/* the wait spins, and must not keep worker 1 from its end */
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
	rte_eal_mp_wait_lcore();
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		if (!wanted(cases[i].name, argv + optind, argc - optind))
			continue;
		print(&cases[i], &results[i], json, first);
		first = false;
	}
	if (json && !first)
		printf("\n]\n");
	return 0;
}
