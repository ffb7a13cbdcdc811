/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A histogram of times that keeps its precision over any range: 32 buckets for each power of two,
 * so that a value is known to 3 % (as HdrHistogram does). Values are counts of a clock.
 */
#ifndef SKUA_TESTS_BENCH_HIST_H
#define SKUA_TESTS_BENCH_HIST_H

#include <stdint.h>
#include <stdio.h>

#define HIST_BITS    5
#define HIST_SUB     (1u << HIST_BITS)
#define HIST_BUCKETS ((64 - HIST_BITS + 1) * HIST_SUB)

struct hist {
	uint64_t n, max;
	uint64_t count[HIST_BUCKETS];
};

/* The buckets below 32 hold one value each, those of the power of two e 2^(e-5) values each. */
static inline unsigned int hist_bucket(uint64_t v)
{
	unsigned int e;

	if (v < HIST_SUB)
		return (unsigned int)v;
	e = 63 - (unsigned int)__builtin_clzll(v) - HIST_BITS;
	return (e + 1) * HIST_SUB + (unsigned int)((v >> e) & (HIST_SUB - 1));
}

/* The largest value of a bucket. */
static inline uint64_t hist_upper(unsigned int bucket)
{
	unsigned int e;

	if (bucket < HIST_SUB)
		return bucket;
	e = bucket / HIST_SUB - 1;
	return ((uint64_t)(HIST_SUB + bucket % HIST_SUB) << e) + ((1ULL << e) - 1);
}

static inline void hist_add(struct hist *h, uint64_t v)
{
	h->count[hist_bucket(v)]++;
	h->n++;
	if (v > h->max)
		h->max = v;
}

/* The value that a share of the values (0 to 1) does not exceed, at most 3 % too large; 0: no
 * values. */
static inline uint64_t hist_quantile(const struct hist *h, double share)
{
	uint64_t seen = 0, want = (uint64_t)(share * (double)h->n + 0.5);

	if (!h->n)
		return 0;
	if (!want)
		want = 1;
	for (unsigned int b = 0; b < HIST_BUCKETS; b++) {
		seen += h->count[b];
		if (seen >= want)
			return hist_upper(b) < h->max ? hist_upper(b) : h->max;
	}
	return h->max;
}

/* {"n": 9, "p50": 1, "p99": 2, "p999": 3, "max": 4}, times scale. */
static inline void hist_print(FILE *f, const struct hist *h, double scale)
{
	fprintf(f,
		"{\"n\": %llu, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"p9999\": %.1f, "
		"\"max\": %.1f}",
		(unsigned long long)h->n, (double)hist_quantile(h, 0.5) * scale,
		(double)hist_quantile(h, 0.99) * scale, (double)hist_quantile(h, 0.999) * scale,
		(double)hist_quantile(h, 0.9999) * scale, (double)h->max * scale);
}

#endif
