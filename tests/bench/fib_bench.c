// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

// Speed and size of the routing tables: build, memory, look-ups in bursts of 32 by instruction set,
// changes. Addresses are drawn uniformly over the prefixes. No EAL, no root.
//
//   fib_bench [-r rounds] [-s seconds per measurement] [case ...]     cases: v4 v6 sizes
//
// Each figure is min / median / max over the rounds, and the rounds of the variants are
// interleaved: on a shared machine read the maximum as the quiet figure, and compare within one
// run.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <lib/rcu.h>
#include <net/ip_fib.h>

#include "inet_table.h"

#define BURST      32
#define ADDRS      (1U << 20)
#define MAX_ROUNDS 64

static unsigned int rounds = 5;
static double seconds = 0.2;

static double clock_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static double now(void)
{
	return clock_s(CLOCK_THREAD_CPUTIME_ID);
}

struct spread {
	double v[MAX_ROUNDS];
	unsigned int n;
};

static int spread_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void spread_print(struct spread *s, const char *what, const char *unit, double cycles_per_s)
{
	qsort(s->v, s->n, sizeof(s->v[0]), spread_cmp);
	printf("  %-28s %7.1f / %7.1f / %7.1f %s", what, s->v[0], s->v[s->n / 2], s->v[s->n - 1],
	       unit);
	if (cycles_per_s > 0)
		printf("   %5.1f cycles at best, %5.1f median",
		       cycles_per_s / (s->v[s->n - 1] * 1e6),
		       cycles_per_s / (s->v[s->n / 2] * 1e6));
	printf("\n");
}

static double tsc_hz(void)
{
	static double hz;
	uint64_t c;
	double t;

	if (hz == 0) {
		t = clock_s(CLOCK_MONOTONIC);
		c = rte_rdtsc();
		while (clock_s(CLOCK_MONOTONIC) - t < 0.05)
			;
		hz = (rte_rdtsc() - c) / (clock_s(CLOCK_MONOTONIC) - t);
	}
	return hz;
}

// Resident set in MiB.
static double resident(void)
{
	long pages = 0, skip;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%ld %ld", &skip, &pages) != 2)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return (double)pages * sysconf(_SC_PAGESIZE) / (1 << 20);
}

static const char *isa_name[] = {"scalar", "AVX2", "AVX-512"};
static volatile uint32_t sink;

// ---- both families behind one face ----

struct bench {
	bool v6;
	size_t n;
	struct inet_route4 *r4;
	struct inet_route6 *r6;
	struct fib_table *t4;
	struct fib6_table *t6;
	uint32_t *a4;
	struct in6_addr *a6;
};

static int insert(struct bench *b, size_t i, uint32_t nh)
{
	return b->v6 ? fib6_table_insert(b->t6, &b->r6[i].dst, b->r6[i].plen, nh)
		     : fib_table_insert(b->t4, b->r4[i].dst, b->r4[i].plen, nh);
}

static int delete (struct bench *b, size_t i)
{
	return b->v6 ? fib6_table_delete(b->t6, &b->r6[i].dst, b->r6[i].plen)
		     : fib_table_delete(b->t4, b->r4[i].dst, b->r4[i].plen);
}

static double load(struct bench *b)
{
	double t = now();
	size_t i;

	b->t4 = b->v6 ? NULL : fib_new_table("bench");
	b->t6 = b->v6 ? fib6_new_table("bench") : NULL;
	for (i = 0; i < b->n; i++)
		if (insert(b, i, 1 + i % 250) != 0)
			abort();
	return now() - t;
}

static void unload(struct bench *b)
{
	fib_free_table(b->t4);
	fib6_free_table(b->t6);
	rcu_barrier();
}

static void addresses(struct bench *b, unsigned int from)
{
	uint64_t state = 42;
	size_t i, at;

	for (i = 0; i < ADDRS; i++) {
		at = inet_random(&state) % from;
		if (b->v6)
			b->a6[i] = inet_address6(&b->r6[at], &state);
		else
			b->a4[i] = inet_address4(&b->r4[at], &state);
	}
}

static double lookups(struct bench *b)
{
	uint64_t done = 0;
	uint32_t nh[BURST], sum = 0;
	double t = now(), gone;
	size_t i, k;

	do {
		for (k = 0; k < 256; k++, done += BURST) {
			i = done & (ADDRS - 1);
			if (b->v6)
				fib6_table_lookup_bulk(b->t6, b->a6 + i, nh, BURST);
			else
				fib_table_lookup_bulk(b->t4, b->a4 + i, nh, BURST);
			sum += nh[0] ^ nh[BURST - 1];
		}
		gone = now() - t;
	} while (gone < seconds);
	sink += sum;
	return done / gone * 1e-6;
}

static double changes(struct bench *b, bool pairs, uint64_t *state)
{
	uint64_t done = 0;
	double t = now(), gone;
	size_t i, k;

	do {
		for (k = 0; k < 256; k++, done += 1 + pairs) {
			i = inet_random(state) % b->n;
			if (pairs && delete (b, i) != 0)
				abort();
			if (insert(b, i, 1 + (done & 0xffff)) != 0)
				abort();
		}
		gone = now() - t;
	} while (gone < seconds);
	return done / gone * 1e-3;
}

static void bench_table(struct bench *b, const char *name, bool brief)
{
	struct spread rate[3] = {0}, build = {0}, change = {0}, pair = {0};
	enum fib_isa isa, best = fib_isa_limit(FIB_ISA_AVX512);
	double before = resident(), mem = 0, rss = 0;
	uint64_t state = 7;
	unsigned int round;

	addresses(b, b->n);
	before = resident();
	for (round = 0; round < rounds; round++) {
		for (isa = brief ? best : FIB_ISA_SCALAR; isa <= best; isa++) {
			fib_isa_limit(isa);
			build.v[build.n++ % MAX_ROUNDS] = b->n / load(b) * 1e-3;
			mem = (b->v6 ? fib6_table_memory(b->t6) : fib_table_memory(b->t4)) /
			      1048576.0;
			if (round == 0 && isa == best)
				rss = resident() - before;
			rate[isa].v[rate[isa].n++] = lookups(b);
			if (isa == best && !brief) {
				change.v[change.n++] = changes(b, false, &state);
				pair.v[pair.n++] = changes(b, true, &state);
			}
			unload(b);
		}
	}
	build.n = build.n < MAX_ROUNDS ? build.n : MAX_ROUNDS;
	printf("%s: %zu routes, table says %.1f MiB, resident +%.1f MiB\n", name, b->n, mem, rss);
	for (isa = FIB_ISA_SCALAR; isa <= best; isa++)
		if (rate[isa].n != 0)
			spread_print(&rate[isa], isa_name[isa], "M look-ups/s", tsc_hz());
	if (brief)
		return;
	spread_print(&build, "load", "k routes/s", 0);
	spread_print(&change, "change nexthop", "k changes/s", 0);
	spread_print(&pair, "delete and add", "k changes/s", 0);
}

static bool wanted(int argc, char **argv, const char *name)
{
	int i;

	for (i = optind; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return optind == argc;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = {1, 8, 16, 64, 1000, 10000, 30000, 100000};
	struct bench b4 = {0}, b6 = {.v6 = true};
	char name[64];
	size_t i;
	int c;

	while ((c = getopt(argc, argv, "r:s:")) != -1) {
		if (c == 'r')
			rounds = atoi(optarg);
		else if (c == 's')
			seconds = atof(optarg);
		else
			return 2;
	}
	if (rounds == 0 || rounds > MAX_ROUNDS)
		rounds = 5;
	setvbuf(stdout, NULL, _IOLBF, 0);
	rcu_init(4);

	b4.r4 = calloc(INET_TABLE_ROUTES4, sizeof(*b4.r4));
	b6.r6 = calloc(INET_TABLE_ROUTES6, sizeof(*b6.r6));
	b4.a4 = aligned_alloc(64, ADDRS * sizeof(*b4.a4));
	// Aligned: these addresses come from memory, those of packets from the first cache.
	b6.a6 = aligned_alloc(64, ADDRS * sizeof(*b6.a6));
	if (b4.r4 == NULL || b6.r6 == NULL || b4.a4 == NULL || b6.a6 == NULL)
		return 1;
	inet_table4(b4.r4, INET_TABLE_ROUTES4, INET_TABLE_SEED);
	inet_table6(b6.r6, INET_TABLE_ROUTES6, INET_TABLE_SEED);
	printf("machine: %.3f GHz TSC, %s; min / median / max of %u rounds\n", tsc_hz() * 1e-9,
	       isa_name[fib_isa()], rounds);

	if (wanted(argc, argv, "v4")) {
		b4.n = INET_TABLE_ROUTES4;
		bench_table(&b4, "IPv4 full", false);
	}
	if (wanted(argc, argv, "v6")) {
		b6.n = INET_TABLE_ROUTES6;
		bench_table(&b6, "IPv6 full", false);
	}
	if (wanted(argc, argv, "sizes")) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			b4.n = b6.n = sizes[i];
			snprintf(name, sizeof(name), "IPv4 %zu", sizes[i]);
			bench_table(&b4, name, true);
			snprintf(name, sizeof(name), "IPv6 %zu", sizes[i]);
			bench_table(&b6, name, true);
		}
	}
	return 0;
}
