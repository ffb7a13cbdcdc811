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
 *   fwd_bench [-r rounds] [-s seconds] [-c cpu] [-n routes] [-j] [case ...]     all cases
 *   fwd_bench -l                                                                their names
 *   fwd_bench -m                                what both full tables weigh, as JSON
 *   fwd_bench -P DIR [case]      writes DIR/fwd0.pcap and fwd1.pcap, what the ports of it receive
 *   fwd_bench -p DIR [...] [case]         the ports are net_pcap devices that read these for ever
 *
 * Packets are of 64 bytes with their FCS; -imix: 64, 594 and 1,518 bytes as 7:4:1; -1500: IP
 * packets of 1,500 bytes. Their destinations are uniform over the routes; -zipf: 65,536 flows, used
 * as by Zipf's law; -one-flow: one destination. -n cuts the large tables down to so many routes,
 * for tests.
 *
 * Cycles are those of the TSC. On a shared machine read the best of the rounds as the quiet figure.
 * A case in which anything but what it is about happens to packets ends the program with an error.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_launch.h>

#include "fwd.h"

struct options opt = {.rounds = 5, .cpu = 1, .seconds = 0.3};

void fail(const char *format, ...)
{
	va_list args;

	measured_end(); /* what there is can be read */
	va_start(args, format);
	fprintf(stderr, "fwd_bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

void ok(int rc, const char *what)
{
	if (rc < 0)
		fail("%s: %s", what, strerror(-rc));
}

/* --- one world after another ------------------------------------------------------------------ */

static void world_begin(const struct world *w)
{
	struct dp_conf conf = {.workers = w->lcores, .mbufs = w->mbufs};

	ports_make(w->ports);
	ok(dp_init(&conf), "dp_init");
	ok(dp_net_add(0), "dp_net_add");
	ports_start(w);
	router_links(w);
	router_family(w);
	for (unsigned int l = 0; l < w->lcores; l++)
		ok(rte_eal_remote_launch(dp_worker_main, (void *)(uintptr_t)l, l + 1),
		   "rte_eal_remote_launch");
}

static void world_end(const struct world *w)
{
	dp_stop();
	for (unsigned int l = 0; l < w->lcores; l++)
		rte_eal_wait_lcore(l + 1);
	ports_stop(w);
	dp_fini();
}

static void case_run(const struct bench_case *c)
{
	const struct variant *v = c->variant;

	stamps_make(c);
	if (v && v->begin)
		v->begin(c);
	ports_prime(c);
	measure(c);
	if (v && v->end)
		v->end(c);
	ports_drain(c);
	stamps_free(c->world);
}

static void run(const struct bench_case **list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!i || list[i]->world != list[i - 1]->world)
			world_begin(list[i]->world);
		case_run(list[i]);
		if (i + 1 == n || list[i]->world != list[i + 1]->world)
			world_end(list[i]->world);
	}
	measured_end();
}

/* The table must be there for destinations to be drawn from it; nothing is sent. */
static void files_write(const struct bench_case *c, const char *dir)
{
	world_begin(c->world);
	stamps_make(c);
	pcap_write(c, dir);
	stamps_free(c->world);
	world_end(c->world);
}

/* --- EAL -------------------------------------------------------------------------------------- */

static bool hugepages(void)
{
	char line[128];
	long n = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "HugePages_Free: %ld", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n >= 64;
}

/* lcore 0 is main() on the other CPU, 1 the one that is measured, 2 a second one beside main(). */
static void eal(void)
{
	static char lcores[64], vdev[2][4200];
	unsigned int other = opt.cpu || sysconf(_SC_NPROCESSORS_ONLN) < 2 ? 0 : 1;
	char *argv[16] = {"fwd_bench",
			  "--lcores",
			  lcores,
			  "--no-pci",
			  "--no-telemetry",
			  "--log-level=error",
			  "--force-max-simd-bitwidth=512"};
	int argc = 7;

	snprintf(lcores, sizeof(lcores), "0@%u,1@%u,2@%u", other, opt.cpu, other);
	if (hugepages()) {
		argv[argc++] = "--in-memory";
	} else {
		argv[argc++] = "--no-huge";
		argv[argc++] = "--no-shconf";
		argv[argc++] = "-m";
		argv[argc++] = "128";
	}
	for (unsigned int i = 0; opt.pcap && i < 2; i++) {
		char path[4096];

		pcap_path(path, sizeof(path), opt.pcap, i);
		if (access(path, R_OK))
			fail("-p: %s: %m", path);
		snprintf(vdev[i], sizeof(vdev[i]), "--vdev=net_pcap%u,rx_pcap=%s,infinite_rx=1", i,
			 path);
		argv[argc++] = vdev[i];
	}
	ok(rte_eal_init(argc, argv), "rte_eal_init");
}

/* --- options ---------------------------------------------------------------------------------- */

static void __attribute__((noreturn)) usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "fwd_bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\nusage: fwd_bench [-r rounds] [-s seconds] [-c cpu] [-n routes] "
			"[-j] [-p dir] [case ...] | -l | -m | -P dir [case]\n");
	va_end(args);
	exit(2);
}

static double number(char flag, const char *text, double least, double highest)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= least && v <= highest))
		usage("-%c: a number from %g to %g, not %s", flag, least, highest, text);
	return v;
}

/* The cases that were asked for, in the order in which their worlds are. */
static size_t choose(const struct bench_case **list, size_t n, char **names, int n_names)
{
	size_t k = 0;

	for (int i = 0; i < n_names; i++)
		if (!case_find(names[i]))
			usage("%s: no such case, see fwd_bench -l", names[i]);
	for (size_t i = 0; i < n; i++) {
		bool wanted = !n_names;

		for (int j = 0; j < n_names; j++)
			wanted |= !strcmp(names[j], cases[i].name);
		if (wanted)
			list[k++] = &cases[i];
	}
	return k;
}

int main(int argc, char **argv)
{
	const char *write_to = NULL;
	size_t n = cases_make();
	const struct bench_case *list[n];
	bool names = false, memory = false;
	int o;

	while ((o = getopt(argc, argv, "r:s:c:n:p:P:jlm")) != -1) {
		if (o == 'r')
			opt.rounds = (unsigned int)number('r', optarg, 1, ROUNDS_MAX);
		else if (o == 's')
			opt.seconds = number('s', optarg, 0.001, 3600);
		else if (o == 'c')
			opt.cpu = (unsigned int)number('c', optarg, 0,
						       (double)sysconf(_SC_NPROCESSORS_ONLN) - 1);
		else if (o == 'n')
			opt.routes = (uint32_t)number('n', optarg, 100, 1e6) & ~1u;
		else if (o == 'p')
			opt.pcap = optarg;
		else if (o == 'P')
			write_to = optarg;
		else if (o == 'j')
			opt.json = true;
		else if (o == 'l')
			names = true;
		else if (o == 'm')
			memory = true;
		else
			usage("see the first lines of fwd_bench.c");
	}
	if (names) {
		for (size_t i = 0; i < n; i++)
			puts(cases[i].name);
		return 0;
	}
	if ((write_to || opt.pcap) && optind == argc)
		n = choose(list, n, (char *[]){"ipv4-1-route"}, 1);
	else
		n = choose(list, n, argv + optind, argc - optind);
	if ((write_to || opt.pcap) && (n != 1 || list[0]->variant || list[0]->world->ports != 2))
		usage("-%c: one case, of packets that are simply forwarded", write_to ? 'P' : 'p');
	eal();
	if (memory)
		memory_print(case_find("ipv4-1M-routes")->world,
			     case_find("ipv6-220k-routes")->world);
	else if (write_to)
		files_write(list[0], write_to);
	else
		run(list, n);
	return 0;
}
