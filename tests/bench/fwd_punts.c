// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_punts.c - some of the packets cannot be forwarded: their TTL is 1, or nobody answers for
 * their destination. Every round is measured once without and once with them. See fwd.h.
 *
 * Packets that the router drops or holds are replaced in the receive callback, from the pool, so
 * that as many go round as before. A thread beside main() reads what is punted, as the control
 * plane does: it sleeps until it is woken. It has a neighbour that is missed asked for
 * (INCOMPLETE), and a second later given up (FAILED, deleted).
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/ip.h>

#include <linux/neighbour.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "fwd.h"
#include "inet_table.h"

#define PUNT_ROOM (128 << 10)
#define ASKED_MAX 16384 /* neighbours that are waited for */
#define ASKED_NS  1000000000ull

static struct {
	pthread_t thread;
	bool stop;
	uint32_t head, tail; /* of asked */
	struct {
		struct dp_neigh neigh;
		uint64_t ns;
	} asked[ASKED_MAX];
} reader;

/* --- the reader ------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void neighbour_ask(const struct dp_punt *rec, uint64_t ns)
{
	struct dp_neigh n = {.ifindex = rec->oif, .nud = NUD_INCOMPLETE, .family = rec->family};

	if (reader.head - reader.tail == ASKED_MAX)
		return;
	memcpy(n.addr, rec->addr, 16);
	ok(dp_neigh_set(&n), "dp_neigh_set");
	reader.asked[reader.head % ASKED_MAX].neigh = n;
	reader.asked[reader.head++ % ASKED_MAX].ns = ns;
}

static void neighbours_give_up(uint64_t ns)
{
	for (; reader.tail != reader.head; reader.tail++) {
		struct dp_neigh *n = &reader.asked[reader.tail % ASKED_MAX].neigh;

		if (ns - reader.asked[reader.tail % ASKED_MAX].ns < ASKED_NS)
			break;
		n->nud = NUD_FAILED;
		ok(dp_neigh_set(n), "dp_neigh_set");
		ok(dp_neigh_del(n), "dp_neigh_del");
	}
}

static void *reader_main(void *arg)
{
	struct pollfd fd = {.fd = dp_punt_fd(), .events = POLLIN};
	static char buf[PUNT_ROOM];
	uint64_t count;

	while (!__atomic_load_n(&reader.stop, __ATOMIC_ACQUIRE)) {
		uint64_t ns = now_ns();
		int n = dp_punt_read(buf, sizeof(buf), 64);

		ok(n, "dp_punt_read");
		for (int at = 0; at < n;) {
			struct dp_punt rec;

			memcpy(&rec, buf + at, sizeof(rec));
			at += (int)(sizeof(rec) + RTE_ALIGN_CEIL(rec.len, 8));
			if (rec.reason == DP_PUNT_NEIGH_MISS)
				neighbour_ask(&rec, ns);
		}
		neighbours_give_up(ns);
		if (!n && !dp_punt_arm() && poll(&fd, 1, 10) > 0 &&
		    read(fd.fd, &count, sizeof(count)) < 0)
			fail("the punt's eventfd: %m");
	}
	return arg;
}

/* --- the packets ------------------------------------------------------------------------------ */

/* [0]: none of those packets, [1]: so many; by port. */
static struct stamp4 *stamps[2][PORTS_MAX];

/* Packets in the place of those that are gone. The time of that is no part of what they cost. */
static uint16_t restock(struct source *s, struct rte_mbuf **pkts, uint32_t n)
{
	uint64_t start = rte_rdtsc();

	if (rte_pktmbuf_alloc_bulk(dp_mempool(), pkts, n))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		rte_pktmbuf_append(pkts[i], FRAME_64);
		memcpy(rte_pktmbuf_mtod(pkts[i], void *), s->header, sizeof(s->header));
	}
	__atomic_store_n(&s->restock, s->restock + rte_rdtsc() - start, __ATOMIC_RELAXED);
	return (uint16_t)n;
}

static uint16_t stamp4_restock(struct source *s, struct rte_mbuf **pkts, uint16_t n, uint16_t max)
{
	const struct stamp4 *v = __atomic_load_n(&s->stamps, __ATOMIC_RELAXED);
	uint32_t at = s->at, there = n + rte_ring_count(s->ring);

	if (there < s->packets && n < max)
		n += restock(s, pkts + n, RTE_MIN(s->packets - there, (uint32_t)(max - n)));
	for (uint16_t i = 0; i < n; i++) {
		struct iphdr *ip = rte_pktmbuf_mtod_offset(pkts[i], struct iphdr *, 14);

		ip->ttl = v[at].ttl;
		ip->check = v[at].check;
		ip->daddr = v[at].daddr;
		at = at + 1 == s->n ? 0 : at + 1;
	}
	s->at = at;
	return n;
}

static void punts_begin(const struct bench_case *c, bool expired)
{
	const struct world *w = c->world;
	uint64_t rnd = 11;

	for (unsigned int p = 0; p < w->ports; p++) {
		uint32_t n = sources[p].n;

		stamps[0][p] = (struct stamp4 *)(uintptr_t)sources[p].stamps;
		stamps[1][p] = malloc(n * sizeof(struct stamp4));
		if (!stamps[1][p])
			fail("no memory");
		memcpy(stamps[1][p], stamps[0][p], n * sizeof(struct stamp4));
		for (uint32_t i = 0; i < n; i++) {
			uint8_t dst[16] = {0};

			if ((double)(inet_random(&rnd) >> 11) * 0x1p-53 >= c->variant->arg)
				continue;
			memcpy(dst, &stamps[0][p][i].daddr, 4);
			if (!expired)
				draw4_scan(p, &rnd, dst);
			stamps[1][p][i] = stamp4_make(p, dst, expired ? 1 : 64, c->sizes);
		}
	}
	reader.stop = false;
	reader.head = reader.tail = 0;
	if (pthread_create(&reader.thread, NULL, reader_main, NULL))
		fail("no thread");
}

static void expired_begin(const struct bench_case *c)
{
	punts_begin(c, true);
}

static void scan_begin(const struct bench_case *c)
{
	punts_begin(c, false);
}

static void punts_phase(const struct bench_case *c, unsigned int phase)
{
	for (unsigned int p = 0; p < c->world->ports; p++)
		__atomic_store_n(&sources[p].stamps, stamps[phase][p], __ATOMIC_RELEASE);
}

static void punts_end(const struct bench_case *c)
{
	punts_phase(c, 0);
	usleep(10000); /* whoever reads the others is done with them */
	for (unsigned int p = 0; p < c->world->ports; p++) {
		free(stamps[1][p]);
		stamps[0][p] = stamps[1][p] = NULL;
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELEASE);
	pthread_join(reader.thread, NULL);
	neighbours_give_up(UINT64_MAX);
}

/*
 * With f the part that is forwarded, received packets cost f * forwarded + (1 - f) * other: what
 * one of the others costs follows from that when forwarded ones cost what they cost without them.
 */
static void punts_extra(const struct bench_case *c, const struct phase *phases)
{
	double net[ROUNDS_MAX], ratio[ROUNDS_MAX], without = best(phases[0].received, opt.rounds);

	for (unsigned int r = 0; r < opt.rounds; r++) {
		net[r] = phases[1].received[r] - phases[1].restock[r];
		ratio[r] = net[r] / phases[0].received[r];
	}
	extra("received", (double)phases[1].rx);
	extra("cycles_received", best(net, opt.rounds));
	extra("cycles_received_without", without);
	extra("cycles_restock", best(phases[1].restock, opt.rounds));
	extra("slower", median(ratio, opt.rounds));
	extra("slower_best", best(net, opt.rounds) / without);
	extra("cycles_other", without + (best(net, opt.rounds) - without) / c->variant->arg);
	extra("punted", (double)phases[1].punted);
	extra("policed", (double)phases[1].policed);
	extra("full", (double)phases[1].full);
}

#define PUNTS                                                                                      \
	.phases = 2, .restock = stamp4_restock, .phase = punts_phase, .end = punts_end,            \
	.extra = punts_extra
#define EXPIRED .drops = {"IP_INHDR"}, .begin = expired_begin
#define SCAN    .drops = {"NEIGH_CREATEFAIL", "NEIGH_QUEUEFULL", "NEIGH_FAILED"}, .begin = scan_begin

const struct variant variant_ttl_5 = {PUNTS, EXPIRED, .arg = 0.05, .forwarded = 0.95};
const struct variant variant_ttl_50 = {PUNTS, EXPIRED, .arg = 0.5, .forwarded = 0.5};
const struct variant variant_scan_10 = {PUNTS, SCAN, .arg = 0.1, .forwarded = 0.9};
const struct variant variant_scan_100 = {PUNTS, SCAN, .arg = 1, .forwarded = 0};
