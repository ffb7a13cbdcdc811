// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/* fwd_measure.c - rounds, counters, and what is printed of them. See fwd.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "fwd.h"

#define DROPS_MAX  256
#define STAGES_MAX 32
#define EXTRAS_MAX 16

struct sample {
	uint64_t tsc, restock, rx[PORTS_MAX], tx[PORTS_MAX];
	uint64_t drops[DROPS_MAX], punted, policed, full;
	struct dp_stage_stats stages[STAGES_MAX];
};

static struct {
	const char *name;
	double value;
} extras[EXTRAS_MAX];
static unsigned int n_extras;
static bool printed; /* the array is open */

void extra(const char *name, double value)
{
	if (n_extras == EXTRAS_MAX)
		fail("more than %d extras", EXTRAS_MAX);
	extras[n_extras].name = name;
	extras[n_extras++].value = value;
}

static int double_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double best(const double *v, unsigned int n)
{
	double least = v[0];

	for (unsigned int i = 1; i < n; i++)
		least = RTE_MIN(least, v[i]);
	return least;
}

double most(const double *v, unsigned int n)
{
	double value = v[0];

	for (unsigned int i = 1; i < n; i++)
		value = RTE_MAX(value, v[i]);
	return value;
}

double median(const double *v, unsigned int n)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), double_cmp);
	return sorted[n / 2];
}

void sleep_seconds(double seconds)
{
	usleep((useconds_t)(seconds * 1e6));
}

static void sample(const struct world *w, struct sample *s)
{
	memset(s, 0, sizeof(*s));
	s->tsc = rte_rdtsc();
	for (unsigned int p = 0; p < w->ports; p++) {
		struct dp_link_stats st;

		ok(dp_link_stats(0, p + 1, &st), "dp_link_stats");
		s->rx[p] = st.rx_packets;
		s->tx[p] = st.tx_packets;
		s->restock += __atomic_load_n(&sources[p].restock, __ATOMIC_RELAXED);
	}
	for (uint32_t l = 0; l < w->lcores; l++) {
		struct dp_stage_stats stages[STAGES_MAX] = {0};
		struct dp_worker_stats ws;
		uint64_t drops[DROPS_MAX] = {0};

		ok(dp_stage_read(l, stages, STAGES_MAX), "dp_stage_read");
		ok(dp_drops(l, drops, DROPS_MAX), "dp_drops");
		ok(dp_worker_read(l, &ws), "dp_worker_read");
		for (int i = 0; i < STAGES_MAX; i++) {
			s->stages[i].cycles += stages[i].cycles;
			s->stages[i].packets += stages[i].packets;
		}
		for (int i = 0; i < DROPS_MAX; i++)
			s->drops[i] += drops[i];
		for (int i = 0; i < DP_PUNT_MAX; i++) {
			s->punted += ws.punted[i];
			s->policed += ws.policed[i];
			s->full += ws.punt_full[i];
		}
	}
}

/* Adds round r, what happened between a and b, to a phase. False: the worker was not run. */
static bool round_add(const struct bench_case *c, struct phase *ph, unsigned int r,
		      const struct sample *a, const struct sample *b)
{
	uint64_t tsc = b->tsc - a->tsc, rx = 0, tx = 0, lcore[LCORES_MAX] = {0}, busy = 0;
	const struct world *w = c->world;
	bool forwards = !c->variant || c->variant->forwarded > 0;

	for (unsigned int p = 0; p < w->ports; p++) {
		rx += b->rx[p] - a->rx[p];
		tx += b->tx[p] - a->tx[p];
		lcore[p * w->lcores / w->ports] += b->tx[p] - a->tx[p];
	}
	if (!rx || (forwards && !tx))
		return false;
	for (unsigned int l = 0; l < w->lcores; l++) {
		ph->lcore[l][r] = lcore[l] ? (double)tsc / (double)lcore[l] : 0;
		busy += lcore[l] || !forwards ? tsc : 0;
	}
	ph->cycles[r] = (double)busy / (double)(forwards ? tx : rx);
	ph->received[r] = (double)busy / (double)rx;
	ph->restock[r] = (double)(b->restock - a->restock) / (double)rx;
	ph->mpps[r] = (double)(forwards ? tx : rx) / (double)tsc * (double)rte_get_tsc_hz() / 1e6;
	ph->tsc += busy;
	ph->rx += rx;
	ph->tx += tx;
	for (unsigned int p = 0; p < w->ports; p++)
		ph->port_tx[p] += b->tx[p] - a->tx[p];
	for (int i = 0; i < DROPS_MAX; i++)
		ph->drops[i] += b->drops[i] - a->drops[i];
	ph->punted += b->punted - a->punted;
	ph->policed += b->policed - a->policed;
	ph->full += b->full - a->full;
	for (int i = 0; i < STAGES_MAX; i++) {
		uint64_t n = b->stages[i].packets - a->stages[i].packets;
		double v = n ? (double)(b->stages[i].cycles - a->stages[i].cycles) / (double)n : 0;

		if (v && (!ph->stages[i] || v < ph->stages[i]))
			ph->stages[i] = v;
	}
	return true;
}

static void __attribute__((noreturn)) nothing(const struct bench_case *c, const struct sample *s)
{
	for (uint32_t i = 0; i < DROPS_MAX && i < dp_drop_reasons(); i++)
		if (s->drops[i])
			fprintf(stderr, "  dropped %-16s %10llu\n", dp_drop_reason_name(i),
				(unsigned long long)s->drops[i]);
	fail("%s: nothing was forwarded, %llu packets received", c->name,
	     (unsigned long long)s->rx[0]);
}

static void rounds_run(const struct bench_case *c, struct phase *phases, unsigned int n)
{
	const struct variant *v = c->variant;
	unsigned int idle = 0;
	struct sample a, b;

	for (unsigned int i = 0; i < opt.rounds * n;) {
		struct phase *ph = &phases[i % n];

		if (v && v->phase) {
			v->phase(c, i % n);
			usleep(2000);
		}
		sample(c->world, &a);
		if (v && v->during)
			v->during(c, i % n);
		else
			sleep_seconds(opt.seconds);
		sample(c->world, &b);
		/* a round in which the worker was not run says nothing */
		if (round_add(c, ph, i / n, &a, &b))
			i++;
		else if (++idle == 100 * opt.rounds)
			nothing(c, &b);
	}
}

static bool drop_expected(const struct variant *v, const char *reason)
{
	for (size_t i = 0; v && i < RTE_DIM(v->drops) && v->drops[i]; i++)
		if (!strcmp(v->drops[i], reason))
			return true;
	return false;
}

/* Nothing but what the case is about happened to the packets. */
static void rounds_check(const struct bench_case *c, const struct phase *ph)
{
	const struct variant *v = c->variant;
	double share = v ? v->forwarded : 1, got = (double)ph->tx / (double)ph->rx;

	for (uint32_t i = 0; i < DROPS_MAX && i < dp_drop_reasons(); i++)
		if (ph->drops[i] && !drop_expected(v, dp_drop_reason_name(i)))
			fail("%s: %llu of %llu packets were dropped: %s", c->name,
			     (unsigned long long)ph->drops[i], (unsigned long long)ph->rx,
			     dp_drop_reason_name(i));
	if (!(v && v->restock) && ph->punted + ph->policed)
		fail("%s: %llu of %llu packets were punted", c->name,
		     (unsigned long long)(ph->punted + ph->policed), (unsigned long long)ph->rx);
	if (got < share * 0.9)
		fail("%s: %.1f %% of %llu packets were forwarded, not %.0f %%", c->name, got * 100,
		     (unsigned long long)ph->rx, share * 100);
}

/* --- printing --------------------------------------------------------------------------------- */

static void print_text(const struct bench_case *c, const struct phase *ph)
{
	printf("%-30s best %6.1f  median %6.1f  worst %6.1f cycles/packet  %6.2f Mpps\n", c->name,
	       best(ph->cycles, opt.rounds), median(ph->cycles, opt.rounds),
	       most(ph->cycles, opt.rounds), most(ph->mpps, opt.rounds));
	for (uint32_t s = 0; s < dp_stages() && s < STAGES_MAX; s++)
		if (ph->stages[s])
			printf("    %-24s %6.1f\n", dp_stage_name(s), ph->stages[s]);
	for (unsigned int i = 0; i < n_extras; i++)
		printf("    %-24s %10.*f\n", extras[i].name, extras[i].value < 1000 ? 3 : 0,
		       extras[i].value);
	for (uint32_t i = 0; i < DROPS_MAX && i < dp_drop_reasons(); i++)
		if (ph->drops[i])
			printf("    dropped %-16s %10llu of %llu\n", dp_drop_reason_name(i),
			       (unsigned long long)ph->drops[i], (unsigned long long)ph->rx);
}

static void print_json(const struct bench_case *c, const struct phase *ph)
{
	unsigned int k = 0;

	printf("%s\n {\"name\": \"%s\", \"cycles_best\": %.1f, \"cycles_median\": %.1f, "
	       "\"mpps\": %.2f, \"runs\": [",
	       printed ? "," : "[", c->name, best(ph->cycles, opt.rounds),
	       median(ph->cycles, opt.rounds), most(ph->mpps, opt.rounds));
	printed = true;
	for (unsigned int r = 0; r < opt.rounds; r++)
		printf("%s%.1f", r ? ", " : "", ph->cycles[r]);
	printf("], \"stages\": {");
	for (uint32_t s = 0; s < dp_stages() && s < STAGES_MAX; s++)
		if (ph->stages[s])
			printf("%s\"%s\": %.1f", k++ ? ", " : "", dp_stage_name(s), ph->stages[s]);
	printf("}, \"drops\": {");
	k = 0;
	for (uint32_t i = 0; i < DROPS_MAX && i < dp_drop_reasons(); i++)
		if (ph->drops[i])
			printf("%s\"%s\": %llu", k++ ? ", " : "", dp_drop_reason_name(i),
			       (unsigned long long)ph->drops[i]);
	printf("}, \"forwarded\": %llu, \"extra\": {", (unsigned long long)ph->tx);
	for (unsigned int i = 0; i < n_extras; i++)
		printf("%s\"%s\": %.3f", i ? ", " : "", extras[i].name, extras[i].value);
	printf("}}");
}

void measure(const struct bench_case *c)
{
	static struct phase phases[PHASES_MAX];
	unsigned int n = c->variant && c->variant->phases ? c->variant->phases : 1;

	memset(phases, 0, sizeof(phases));
	n_extras = 0;
	usleep(50000);
	rounds_run(c, phases, n);
	for (unsigned int i = 0; i < n; i++)
		rounds_check(c, &phases[i]);
	if (c->variant && c->variant->extra)
		c->variant->extra(c, phases);
	if (opt.json)
		print_json(c, &phases[n - 1]);
	else
		print_text(c, &phases[n - 1]);
}

void measured_end(void)
{
	if (printed)
		printf("\n]\n");
	fflush(stdout);
}
