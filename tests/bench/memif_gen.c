// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * Sends packets into one memif and takes them from another, with a forwarder of another process in
 * between, and says how long they took. One core does both, so that one clock does. It is the
 * server of both memifs; the forwarder is the client, which copies nothing when it offers its own
 * buffers.
 *
 * usage: memif_gen [-6f] [-c CPU] [-d DESTINATIONS] [-l BYTES] [-s SOCKET] [-t SECONDS] -r RATE,...
 *
 *	RATE   packets per second; max: as fast as they are taken; 50%: of what max reached before
 *	BYTES  of a frame with its FCS, 64 (default) to 1518
 *	-f     measure under SCHED_FIFO: on a machine that is shared, and for seconds only
 *
 * Says "listening" to standard error when the forwarder may come (a client that finds no server
 * gives up), and prints a JSON array with an object for each RATE. Times are in ns. A packet that
 *was under way while the generator itself was away (a core may be taken from it) says nothing of
 *the forwarder: such are in "all" and not in "latency".
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "hist.h"
#include "memif_gen.h"

#define BURST     32
#define MBUFS     8191
#define MAX_RATES 16
#define BEHIND    256   /* packets that are made up for; what is later than that is not sent */
#define AWAY      20e-6 /* seconds between two turns that mean that the core was taken away */
#define CONNECT   15    /* seconds to wait for the forwarder */
#define WARM_UP   0.2
#define DRAIN     0.05

enum side { LEFT, RIGHT };

struct run {
	double asked; /* packets per second, 0: max */
	double seconds;
	uint64_t sent, received, refused, skipped;
	uint64_t away, away_longest, away_clocks;
	struct hist clean, all;
};

static struct options {
	bool v6, fifo;
	int cpu;
	uint16_t len; /* without FCS */
	uint32_t destinations;
	const char *socket;
	double seconds;
	char *rates;
} opt = {.len = 60, .destinations = 65536, .socket = "/run/memif_gen.sock", .seconds = 2};

static uint16_t port_id[2];
static struct rte_mempool *pool;
static struct frames frames;

static void die(const char *what, int err)
{
	fprintf(stderr, "memif_gen: %s: %s\n", what, rte_strerror(abs(err)));
	exit(1);
}

static void must(int rc, const char *what)
{
	if (rc < 0)
		die(what, rc);
}

static void eal_start(void)
{
	static char lcores[32], prefix[32], vdev[2][256];
	char *argv[16] = {"memif_gen",         lcores,     prefix,
			  "--in-memory",       "--no-pci", "--no-telemetry",
			  "--log-level=error", vdev[0],    vdev[1]};

	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", opt.cpu);
	snprintf(prefix, sizeof(prefix), "--file-prefix=gen%d", getpid());
	for (int i = 0; i < 2; i++)
		if (snprintf(vdev[i], sizeof(vdev[i]),
			     "--vdev=net_memif%d,role=server,id=%d,socket=%s,socket-abstract=no", i,
			     i, opt.socket) >= (int)sizeof(vdev[i]))
			die("socket", ENAMETOOLONG);
	if (rte_eal_init(9, argv) < 0)
		die("DPDK does not start", rte_errno);
}

static void ports_start(void)
{
	struct rte_eth_conf conf = {0};

	pool =
	    rte_pktmbuf_pool_create("gen", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool)
		die("packet buffers", rte_errno);
	for (int i = 0; i < 2; i++) {
		char name[16];

		snprintf(name, sizeof(name), "net_memif%d", i);
		must(rte_eth_dev_get_port_by_name(name, &port_id[i]), name);
		must(rte_eth_dev_configure(port_id[i], 1, 1, &conf), "configuring a memif");
		must(rte_eth_rx_queue_setup(port_id[i], 0, 1024, SOCKET_ID_ANY, NULL, pool), "rx");
		must(rte_eth_tx_queue_setup(port_id[i], 0, 1024, SOCKET_ID_ANY, NULL), "tx");
		must(rte_eth_dev_start(port_id[i]), "starting a memif");
	}
}

/* The forwarder comes when it likes. */
static void wait_connected(void)
{
	uint64_t end = rte_rdtsc() + CONNECT * rte_get_tsc_hz();
	struct rte_eth_link link[2];

	do {
		for (int i = 0; i < 2; i++)
			must(rte_eth_link_get_nowait(port_id[i], &link[i]), "link");
		if (link[0].link_status && link[1].link_status)
			return;
		usleep(10000);
	} while (rte_rdtsc() < end);
	fprintf(stderr, "memif_gen: no forwarder at %s within %d s\n", opt.socket, CONNECT);
	exit(1);
}

/* Sends n packets; what the ring does not take is refused. */
static void transmit(struct run *r, unsigned int n)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t now;
	uint16_t sent;

	if (rte_pktmbuf_alloc_bulk(pool, pkts, n))
		return;
	now = rte_rdtsc();
	for (unsigned int i = 0; i < n; i++)
		frame_write(&frames, pkts[i], now);
	sent = rte_eth_tx_burst(port_id[LEFT], 0, pkts, (uint16_t)n);
	r->sent += sent;
	r->refused += n - sent;
	if (sent < n)
		rte_pktmbuf_free_bulk(pkts + sent, n - sent);
}

/* back: the moment of the generator's last return; what was sent before it is not clean. */
static void receive(struct run *r, uint64_t back)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rte_eth_rx_burst(port_id[RIGHT], 0, pkts, BURST);
	uint64_t now = rte_rdtsc();

	for (uint16_t i = 0; i < n; i++) {
		uint64_t age;

		if (!frame_is_ours(&frames, pkts[i]))
			continue;
		age = frame_age(&frames, pkts[i], now);
		r->received++;
		hist_add(&r->all, age);
		if (now - age > back)
			hist_add(&r->clean, age);
	}
	if (n)
		rte_pktmbuf_free_bulk(pkts, n);
	n = rte_eth_rx_burst(port_id[LEFT], 0, pkts, BURST); /* the forwarder's own talk */
	if (n)
		rte_pktmbuf_free_bulk(pkts, n);
}

/* One rate for some seconds, and then for a while only what is still under way. */
static void run_for(struct run *r, double pps, double seconds)
{
	double hz = (double)rte_get_tsc_hz();
	uint64_t away = (uint64_t)(AWAY * hz);
	uint64_t start = rte_rdtsc(), last = start, back = start - 1;
	uint64_t stop = start + (uint64_t)(seconds * hz), end = stop + (uint64_t)(DRAIN * hz);
	uint64_t due_from = start, due_sent = 0;

	for (uint64_t now = start; now < end; now = rte_rdtsc()) {
		if (now >= stop && r->received >= r->sent)
			break;
		if (now - last > away) {
			back = now;
			r->away++;
			r->away_clocks += now - last;
			r->away_longest = RTE_MAX(r->away_longest, now - last);
		}
		last = now;
		if (now < stop && pps == 0) {
			transmit(r, BURST);
		} else if (now < stop) {
			uint64_t due = (uint64_t)((double)(now - due_from) / hz * pps) - due_sent;

			if (due > BEHIND) {
				r->skipped += due - BEHIND;
				due_sent += due - BEHIND;
				due = BEHIND;
			}
			due = RTE_MIN(due, (uint64_t)BURST);
			if (due)
				transmit(r, (unsigned int)due);
			due_sent += due;
		}
		receive(r, back);
	}
	r->asked = pps;
	r->seconds = seconds;
}

static void print(const struct run *r, bool first)
{
	double ns = 1e9 / (double)rte_get_tsc_hz();
	uint64_t lost = r->sent > r->received ? r->sent - r->received : 0;

	if (r->asked > 0)
		lost += r->refused; /* a full ring is the forwarder's doing */
	printf("%s{\"asked_mpps\": %.4f, \"seconds\": %.3f, \"sent\": %lu, \"received\": %lu, "
	       "\"lost\": %lu, \"skipped\": %lu, \"mpps\": %.4f,\n  ",
	       first ? "" : ",\n ", r->asked / 1e6, r->seconds, r->sent, r->received, lost,
	       r->skipped, (double)r->received / r->seconds / 1e6);
	printf("\"away\": {\"n\": %lu, \"longest\": %.0f, \"sum\": %.0f},\n  \"latency\": ",
	       r->away, (double)r->away_longest * ns, (double)r->away_clocks * ns);
	hist_print(stdout, &r->clean, ns);
	printf(",\n  \"all\": ");
	hist_print(stdout, &r->all, ns);
	printf("}");
}

/* A rate of the command line: packets per second, 0 for max. */
static double rate(const char *text, double max)
{
	char *end;
	double v;

	if (!strcmp(text, "max"))
		return 0;
	v = strtod(text, &end);
	if (v > 0 && !strcmp(end, "%") && max > 0)
		return v / 100 * max;
	if (v > 0 && !*end)
		return v;
	fprintf(stderr, "memif_gen: rate %s: want packets per second, max, or 50%% after max\n",
		text);
	exit(2);
}

static void runs(void)
{
	struct run *r = rte_zmalloc("run", sizeof(*r), 0);
	double max = 0;
	bool first = true;

	if (!r)
		die("memory", ENOMEM);
	for (int i = 0; !r->received && i < CONNECT / WARM_UP; i++)
		run_for(r, 1e5, WARM_UP); /* its neighbours and its links come up */
	if (opt.fifo && sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}))
		die("SCHED_FIFO", errno);
	printf("[");
	for (char *text = strtok(opt.rates, ","); text; text = strtok(NULL, ",")) {
		double pps = rate(text, max);

		memset(r, 0, sizeof(*r));
		run_for(r, pps, opt.seconds);
		if (!pps)
			max = (double)r->received / r->seconds;
		print(r, first);
		first = false;
	}
	printf("]\n");
	rte_free(r);
}

static void usage(void)
{
	fprintf(stderr, "usage: memif_gen [-6f] [-c CPU] [-d DESTINATIONS] [-l BYTES] [-s SOCKET] "
			"[-t SECONDS] -r RATE,...\n");
	exit(2);
}

static void options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "6c:d:fl:r:s:t:")) != -1) {
		switch (c) {
		case '6':
			opt.v6 = true;
			break;
		case 'c':
			opt.cpu = atoi(optarg);
			break;
		case 'f':
			opt.fifo = true;
			break;
		case 'd':
			opt.destinations = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'l':
			opt.len = (uint16_t)(atoi(optarg) - 4);
			break;
		case 'r':
			opt.rates = optarg;
			break;
		case 's':
			opt.socket = optarg;
			break;
		case 't':
			opt.seconds = atof(optarg);
			break;
		default:
			usage();
		}
	}
	if (!opt.rates || optind != argc || opt.len < 60 || opt.len > 1514 || !opt.destinations ||
	    opt.destinations > 1u << 20 || opt.seconds <= 0)
		usage();
}

int main(int argc, char **argv)
{
	options(argc, argv);
	eal_start();
	must(frames_make(&frames, opt.v6, opt.len, opt.destinations), "packets");
	ports_start();
	fprintf(stderr, "listening\n"); /* for whoever starts the forwarder */
	wait_connected();
	runs();
	for (int i = 0; i < 2; i++)
		rte_eth_dev_stop(port_id[i]);
	rte_eal_cleanup();
	return 0;
}
