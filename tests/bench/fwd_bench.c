// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_bench.c - cycles that one lcore needs to forward a packet, the whole loop: receive, every
 * check, lookup, neighbour, transmit.
 *
 *     +--> port 0 rx --> router --> port 1 tx --+        two net_ring ports, each one's transmit
 *     |                                         |        ring is the other's receive ring, primed
 *     +---- port 0 tx <-- router <-- port 1 rx <+        with 1,000 packets each way
 *
 * A receive callback gives every packet a new destination and hop limit, inside what is measured.
 *
 *   fwd_bench [-r rounds] [-s seconds] [-c cpu] [-j] [case ...]       cases: see -l
 *
 * Cycles are those of the TSC. On a shared machine read the best of the rounds as the quiet figure.
 */
#include <getopt.h>
#include <sched.h>
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
#include "inet_table.h"

#define PACKETS    1000
#define FRAME      60 /* 64 bytes with FCS */
#define GATEWAYS   32
#define ROUNDS_MAX 64

static unsigned int rounds = 5, cpu = 1;
static double seconds = 0.3;
static bool json;

/* What the callback of a port writes into packets. */
struct stamp4 {
	uint32_t daddr;
	uint16_t check;
	uint16_t pad;
};
struct stamps {
	void *v;
	uint32_t n, at;
};

static struct stamps stamps[2];
static uint16_t port_id[2];
static struct rte_ring *rings[2];

static void ok(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-rc));
		exit(1);
	}
}

/* --- packets ---------------------------------------------------------------------------------- */

static uint16_t checksum(const void *data, int len)
{
	uint32_t sum = 0;

	for (int i = 0; i < len; i += 2)
		sum += (uint32_t)((const uint8_t *)data)[i] << 8 | ((const uint8_t *)data)[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void port_mac(uint8_t mac[6], unsigned int port)
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

/* --- router ----------------------------------------------------------------------------------- */

static void ports_make(void)
{
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

static void ports_start(void)
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

static void drain(void)
{
	struct rte_mbuf *m = NULL;

	for (int i = 0; i < 2; i++)
		while (!rte_ring_dequeue(rings[i], (void **)&m))
			rte_pktmbuf_free(m);
}

static void link_add(unsigned int port)
{
	const uint32_t conf =
	    DP_CONF_FORWARDING | DP_CONF_ENABLED | DP_CONF_SEND_REDIRECTS | DP_CONF_SHARED_MEDIA;
	struct dp_link l = {.ifindex = port + 1,
			    .port = port_id[port],
			    .carrier = 1,
			    .flags = IFF_UP,
			    .mtu = 1500,
			    .mtu6 = 1500,
			    .conf4 = conf,
			    .conf6 = conf};
	struct dp_addr a = {.ifindex = port + 1, .family = AF_INET};

	port_mac(l.lladdr, port);
	ok(dp_link_set(&l), "dp_link_set");
	memcpy(a.addr, (uint8_t[4]){10, 0, (uint8_t)port, 1}, 4);
	ok(dp_addr_set(&a), "dp_addr_set");
}

static void route(uint32_t table, uint8_t family, const void *dst, uint8_t plen, uint32_t nh)
{
	struct dp_route r = {.table = table, .family = family, .plen = plen, .nh_id = nh};

	memcpy(r.dst, dst, family == AF_INET ? 4 : 16);
	ok(dp_route_set(&r, 1, NULL), "dp_route_set");
}

/* Gateways of a port have ids 2 * g + port + 2; the neighbour is the port that the frames go to. */
static uint32_t gateway_id(unsigned int port, uint32_t g)
{
	return 2 * (g % GATEWAYS) + port + 2;
}

static void gateways_add(unsigned int port, uint8_t family)
{
	for (uint32_t g = 0; g < GATEWAYS; g++) {
		struct dp_nexthop nh = {.id = gateway_id(port, g),
					.ifindex = port + 1,
					.family = family,
					.type = RTN_UNICAST,
					.scope = RT_SCOPE_LINK,
					.flags = DP_NH_GATEWAY,
					.gw_family = family};
		struct dp_neigh n = {.ifindex = port + 1, .family = family, .nud = NUD_REACHABLE};

		if (family == AF_INET)
			memcpy(nh.gw, (uint8_t[4]){10, 0, (uint8_t)port, (uint8_t)(g + 2)}, 4);
		else
			memcpy(nh.gw, (uint8_t[16]){0xfe, 0x80, [15] = (uint8_t)(g + 2)}, 16);
		memcpy(n.addr, nh.gw, 16);
		port_mac(n.lladdr, !port);
		ok(dp_neigh_set(&n), "dp_neigh_set");
		ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
	}
}

static void local_add(uint8_t family)
{
	const uint32_t order[2] = {RT_TABLE_LOCAL, RT_TABLE_MAIN};
	struct dp_nexthop nh = {
	    .id = 1, .family = family, .type = RTN_LOCAL, .ifindex = 1, .scope = RT_SCOPE_NOWHERE};

	ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
	for (uint8_t port = 0; port < 2; port++) {
		if (family == AF_INET)
			route(RT_TABLE_LOCAL, family, (uint8_t[4]){10, 0, port, 1}, 32, 1);
		else
			route(RT_TABLE_LOCAL, family,
			      (uint8_t[16]){0x20, 1, 0xd, 0xb8, port, [15] = 1}, 128, 1);
	}
	ok(dp_net_tables(0, family, order, 2), "dp_net_tables");
}

/* --- tables and destinations
 * ---------------------------------------------------------------------- */

static void stamp4_set(unsigned int port, uint32_t i, uint32_t dst)
{
	struct iphdr ip = header4(port);

	ip.daddr = htonl(dst);
	((struct stamp4 *)stamps[port].v)[i] =
	    (struct stamp4){.daddr = ip.daddr, .check = checksum(&ip, sizeof(ip))};
}

static void stamps_make(uint32_t n, size_t size)
{
	for (int i = 0; i < 2; i++) {
		stamps[i] = (struct stamps){.v = calloc(n, size), .n = n};
		if (!stamps[i].v)
			exit(1);
	}
}

static void load4_one(void)
{
	uint64_t rnd = 7;

	stamps_make(65536, sizeof(struct stamp4));
	for (unsigned int p = 0; p < 2; p++) {
		uint32_t dst =
		    0xc6120000 + (p << 16); /* 198.18.0.0/16 in on port 0, .19 on port 1 */
		uint32_t be = htonl(dst);

		route(RT_TABLE_MAIN, AF_INET, &be, 16, gateway_id(!p, 0));
		for (uint32_t i = 0; i < 65536; i++)
			stamp4_set(p, i, dst | (inet_random(&rnd) & 0xffff));
	}
}

/*
 * Even routes lead out of port 1, odd ones out of port 0: port 0's packets have destinations of
 * the even ones. A longer prefix within a route may lead the other way, and such addresses are
 * taken again: this measures forwarding, not redirects.
 */
static void load4_full(void)
{
	struct inet_route4 *t = malloc(INET_TABLE_ROUTES4 * sizeof(*t));
	uint32_t n = 1u << 20;
	uint64_t rnd = 7;

	inet_table4(t, INET_TABLE_ROUTES4, INET_TABLE_SEED);
	for (uint32_t i = 0; i < INET_TABLE_ROUTES4; i++) {
		uint32_t be = htonl(t[i].dst);

		route(RT_TABLE_MAIN, AF_INET, &be, t[i].plen, gateway_id(!(i & 1), i / 2));
	}
	stamps_make(n, sizeof(struct stamp4));
	for (uint32_t p = 0; p < 2; p++) {
		for (uint32_t i = 0; i < n;) {
			uint32_t r = (uint32_t)(inet_random(&rnd) % INET_TABLE_ROUTES4), id, dst;
			uint8_t key[1][16] = {{0}};

			dst = inet_address4(&t[(r & ~1u) | p], &rnd);
			key[0][0] = (uint8_t)(dst >> 24);
			key[0][1] = (uint8_t)(dst >> 16);
			key[0][2] = (uint8_t)(dst >> 8);
			key[0][3] = (uint8_t)dst;
			dp_fib_lookup(0, RT_TABLE_MAIN, AF_INET, (const uint8_t(*)[16])key, &id, 1);
			if (!id || (id & 1) == p || key[0][0] == 127 || !key[0][0] ||
			    key[0][0] > 223)
				continue;
			stamp4_set(p, i++, dst);
		}
	}
	free(t);
}

static void load6_one(void)
{
	uint64_t rnd = 7;

	stamps_make(65536, sizeof(struct in6_addr));
	for (unsigned int p = 0; p < 2; p++) {
		uint8_t dst[16] = {0x20, 1, 0xd, 0xb8, 0xff, (uint8_t)p};

		route(RT_TABLE_MAIN, AF_INET6, dst, 48, gateway_id(!p, 0));
		for (uint32_t i = 0; i < 65536; i++) {
			uint64_t low = inet_random(&rnd);

			memcpy(dst + 8, &low, 8);
			memcpy(&((struct in6_addr *)stamps[p].v)[i], dst, 16);
		}
	}
}

static void load6_full(void)
{
	struct inet_route6 *t = malloc(INET_TABLE_ROUTES6 * sizeof(*t));
	uint32_t n = 1u << 18;
	uint64_t rnd = 7;

	inet_table6(t, INET_TABLE_ROUTES6, INET_TABLE_SEED);
	for (uint32_t i = 0; i < INET_TABLE_ROUTES6; i++)
		route(RT_TABLE_MAIN, AF_INET6, &t[i].dst, t[i].plen, gateway_id(!(i & 1), i / 2));
	stamps_make(n, sizeof(struct in6_addr));
	for (uint32_t p = 0; p < 2; p++) {
		for (uint32_t i = 0; i < n;) {
			uint32_t r = (uint32_t)(inet_random(&rnd) % INET_TABLE_ROUTES6), id;
			struct in6_addr dst = inet_address6(&t[(r & ~1u) | p], &rnd);
			uint8_t key[1][16];

			memcpy(key[0], &dst, 16);
			dp_fib_lookup(0, RT_TABLE_MAIN, AF_INET6, (const uint8_t(*)[16])key, &id,
				      1);
			if (!id || (id & 1) == p)
				continue;
			((struct in6_addr *)stamps[p].v)[i++] = dst;
		}
	}
	free(t);
}

/* --- measuring
 * ------------------------------------------------------------------------------------ */

static const struct bench_case {
	const char *name;
	uint8_t family;
	void (*load)(void);
} cases[] = {
    {"ipv4-1-route", AF_INET, load4_one},
    {"ipv4-1M-routes", AF_INET, load4_full},
    {"ipv6-1-route", AF_INET6, load6_one},
    {"ipv6-220k-routes", AF_INET6, load6_full},
};

struct sample {
	uint64_t tsc, packets;
	struct dp_stage_stats stages[32];
};

static void sample(struct sample *s)
{
	struct dp_link_stats st;

	s->packets = 0;
	s->tsc = rte_rdtsc();
	for (uint32_t i = 1; i <= 2; i++) {
		ok(dp_link_stats(0, i, &st), "dp_link_stats");
		s->packets += st.tx_packets;
	}
	dp_stage_read(0, s->stages, 32);
}

static int double_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void drops_print(void)
{
	uint64_t drops[256];
	int n = dp_drops(0, drops, 256);

	for (int i = 0; i < n; i++)
		if (drops[i])
			fprintf(stderr, "  dropped %llu %s\n", (unsigned long long)drops[i],
				dp_drop_reason_name((uint32_t)i));
}

static void measure(const struct bench_case *c, bool first)
{
	double cycles[ROUNDS_MAX], best, median, stage_best[32] = {0};
	struct sample a, b;
	double hz = (double)rte_get_tsc_hz();
	unsigned int idle = 0;

	for (unsigned int r = 0; r < rounds; r++) {
		sample(&a);
		usleep((useconds_t)(seconds * 1e6));
		sample(&b);
		/* a round in which the worker was not run says nothing */
		if (b.packets == a.packets && ++idle < 100 * rounds) {
			r--;
			continue;
		}
		if (b.packets == a.packets) {
			fprintf(stderr, "%s: nothing was forwarded\n", c->name);
			drops_print();
			exit(1);
		}
		cycles[r] = (double)(b.tsc - a.tsc) / (double)(b.packets - a.packets);
		for (uint32_t s = 0; s < dp_stages() && s < 32; s++) {
			double p = (double)(b.stages[s].packets - a.stages[s].packets);
			double v = p ? (double)(b.stages[s].cycles - a.stages[s].cycles) / p : 0;

			if (v && (!stage_best[s] || v < stage_best[s]))
				stage_best[s] = v;
		}
	}
	qsort(cycles, rounds, sizeof(cycles[0]), double_cmp);
	best = cycles[0];
	median = cycles[rounds / 2];
	if (json) {
		printf("%s\n {\"name\": \"%s\", \"cycles_best\": %.1f, \"cycles_median\": %.1f, "
		       "\"mpps\": %.2f, \"runs\": [",
		       first ? "[" : ",", c->name, best, median, hz / best / 1e6);
		for (unsigned int r = 0; r < rounds; r++)
			printf("%s%.1f", r ? ", " : "", cycles[r]);
		printf("], \"stages\": {");
	} else {
		printf("%-18s best %6.1f  median %6.1f  worst %6.1f cycles/packet  %6.2f Mpps\n",
		       c->name, best, median, cycles[rounds - 1], hz / best / 1e6);
	}
	for (uint32_t s = 0, k = 0; s < dp_stages() && s < 32; s++) {
		if (!stage_best[s])
			continue;
		if (json)
			printf("%s\"%s\": %.1f", k++ ? ", " : "", dp_stage_name(s), stage_best[s]);
		else
			printf("    %-24s %6.1f\n", dp_stage_name(s), stage_best[s]);
	}
	if (json)
		printf("}}");
	drops_print();
}

static void run(const struct bench_case *c, bool first)
{
	struct dp_conf conf = {.workers = 1, .mbufs = 8191};
	const struct rte_eth_rxtx_callback *cb[2];

	ok(dp_init(&conf), "dp_init");
	ok(dp_net_add(0), "dp_net_add");
	ports_start();
	for (unsigned int p = 0; p < 2; p++) {
		ok(dp_port_add(port_id[p], 1, 1), "dp_port_add");
		link_add(p);
		gateways_add(p, c->family);
	}
	local_add(c->family);
	c->load();
	for (unsigned int p = 0; p < 2; p++) {
		prime(p, c->family == AF_INET6);
		cb[p] = rte_eth_add_rx_callback(
		    port_id[p], 0, c->family == AF_INET ? restamp4 : restamp6, &stamps[p]);
	}
	ok(rte_eal_remote_launch(dp_worker_main, (void *)0, 1), "rte_eal_remote_launch");
	usleep(100000);
	measure(c, first);
	dp_stop();
	rte_eal_wait_lcore(1);
	drain();
	for (unsigned int p = 0; p < 2; p++) {
		rte_eth_remove_rx_callback(port_id[p], 0, cb[p]);
		ok(dp_port_del(port_id[p]), "dp_port_del");
		rte_eth_dev_stop(port_id[p]);
		free(stamps[p].v);
	}
	dp_fini();
}

static bool hugepages(void)
{
	char line[128];
	long kb = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "HugePages_Free: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb >= 64;
}

static void eal(void)
{
	char lcores[64];
	char *huge[] = {"fwd_bench",
			"--lcores",
			lcores,
			"--no-pci",
			"--no-telemetry",
			"--log-level=error",
			"--force-max-simd-bitwidth=512",
			"--in-memory"};
	char *small[] = {"fwd_bench",
			 "--lcores",
			 lcores,
			 "--no-pci",
			 "--no-telemetry",
			 "--log-level=error",
			 "--force-max-simd-bitwidth=512",
			 "--no-huge",
			 "--no-shconf",
			 "-m",
			 "128"};

	snprintf(lcores, sizeof(lcores), "0@%u,1@%u", cpu ? 0 : 1, cpu);
	ok(hugepages() ? rte_eal_init(8, huge) : rte_eal_init(11, small), "rte_eal_init");
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
	bool first = true;
	int opt;

	while ((opt = getopt(argc, argv, "r:s:c:jl")) != -1) {
		switch (opt) {
		case 'r':
			rounds = (unsigned int)atoi(optarg);
			break;
		case 's':
			seconds = atof(optarg);
			break;
		case 'c':
			cpu = (unsigned int)atoi(optarg);
			break;
		case 'j':
			json = true;
			break;
		case 'l':
			for (size_t i = 0; i < RTE_DIM(cases); i++)
				puts(cases[i].name);
			return 0;
		default:
			fprintf(stderr,
				"usage: %s [-r rounds] [-s seconds] [-c cpu] [-j] [case ...]\n",
				argv[0]);
			return 2;
		}
	}
	if (!rounds || rounds > ROUNDS_MAX || seconds <= 0) {
		fprintf(stderr, "rounds are 1 to %d, seconds more than 0\n", ROUNDS_MAX);
		return 2;
	}
	eal();
	ports_make();
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		if (!wanted(cases[i].name, argv + optind, argc - optind))
			continue;
		run(&cases[i], first);
		first = false;
		fflush(stdout);
	}
	if (json && !first)
		printf("\n]\n");
	return 0;
}
