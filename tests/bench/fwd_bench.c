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
 *   fwd_bench [-r rounds] [-s seconds] [-c cpu] [-p pcap] [-j] [case ...]       cases: see -l
 *
 * With -p the ports are net_pcap devices that read the file for ever and send nowhere; its IPv4
 * packets of 60 bytes are given headers that fit.
 *
 * Cycles are those of the TSC. On a shared machine read the best of the rounds as the quiet figure.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>

#include "dataplane.h"
#include "fwd.h"

#define ROUNDS_MAX 64

static unsigned int rounds = 5, cpu = 1;
static double seconds = 0.3;
static bool json;
static const char *pcap; /* packets come from this file for ever */

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

	ok(dp_init(&conf), "dp_init");
	ok(dp_net_add(0), "dp_net_add");
	ports_start();
	router_make(c->family);
	c->load();
	ports_prime(c->family);
	ok(rte_eal_remote_launch(dp_worker_main, (void *)0, 1), "rte_eal_remote_launch");
	usleep(100000);
	measure(c, first);
	dp_stop();
	rte_eal_wait_lcore(1);
	ports_stop();
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
	char lcores[64], vdev[2][256];
	char *argv[16] = {"fwd_bench",
			  "--lcores",
			  lcores,
			  "--no-pci",
			  "--no-telemetry",
			  "--log-level=error",
			  "--force-max-simd-bitwidth=512"};
	int argc = 7;

	snprintf(lcores, sizeof(lcores), "0@%u,1@%u", cpu ? 0 : 1, cpu);
	if (hugepages()) {
		argv[argc++] = "--in-memory";
	} else {
		argv[argc++] = "--no-huge";
		argv[argc++] = "--no-shconf";
		argv[argc++] = "-m";
		argv[argc++] = "128";
	}
	for (int i = 0; pcap && i < 2; i++) {
		snprintf(vdev[i], sizeof(vdev[i]), "--vdev=net_pcap%d,rx_pcap=%s,infinite_rx=1", i,
			 pcap);
		argv[argc++] = vdev[i];
	}
	ok(rte_eal_init(argc, argv), "rte_eal_init");
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

	while ((opt = getopt(argc, argv, "r:s:c:p:jl")) != -1) {
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
		case 'p':
			pcap = optarg;
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
				"usage: %s [-r rounds] [-s seconds] [-c cpu] [-p pcap] [-j] [case "
				"...]\n",
				argv[0]);
			return 2;
		}
	}
	if (!rounds || rounds > ROUNDS_MAX || seconds <= 0) {
		fprintf(stderr, "rounds are 1 to %d, seconds more than 0\n", ROUNDS_MAX);
		return 2;
	}
	eal();
	ports_make(pcap);
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
