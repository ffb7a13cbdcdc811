// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_churn.c - routes that change while packets pass. Every round is measured once while the
 * table rests and once while main() changes so many routes a second. See fwd.h.
 *
 * In a batch one half are routes of the table that get another gateway on the same link. The other
 * half are further /24s (IPv6: /48s) that go and come back: to three quarters of them no packet
 * goes; to the others some do, and those take the covering route meanwhile. So packets never lose
 * their way, and none may be lost.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/rtnetlink.h>

#include <rte_common.h>

#include "fwd.h"
#include "inet_table.h"

#define BATCH   64
#define FURTHER 4096

static struct {
	struct dp_route further[FURTHER];
	uint32_t at; /* of further[]: the next to go, and before it BATCH / 4 that are gone */
	uint64_t changes, rnd;
	double seconds;
} churn;

/* --- which prefixes --------------------------------------------------------------------------- */

static uint8_t further_plen(uint8_t family)
{
	return family == AF_INET ? 24 : 48;
}

/* The first bits of an address as a number. */
static uint64_t key_of(uint8_t family, const uint8_t dst[16])
{
	uint64_t v = 0;

	for (int i = 0; i < further_plen(family) / 8; i++)
		v = v << 8 | dst[i];
	return v;
}

static int key_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct keys {
	uint64_t *v;
	size_t n;
};

static bool keys_have(const struct keys *k, uint64_t key)
{
	return bsearch(&key, k->v, k->n, sizeof(key), key_cmp);
}

static struct keys keys_make(size_t n)
{
	struct keys k = {.v = malloc((n + 1) * sizeof(*k.v))};

	if (!k.v)
		fail("no memory");
	return k;
}

/* What the packets of a port go to. */
static struct keys keys_used(const struct world *w, unsigned int port)
{
	struct keys k = keys_make(sources[port].n);
	uint8_t dst[16];

	for (; k.n < sources[port].n; k.n++) {
		stamp_dst(w, port, (uint32_t)k.n, dst);
		k.v[k.n] = key_of(w->family, dst);
	}
	qsort(k.v, k.n, sizeof(*k.v), key_cmp);
	return k;
}

/* The routes of the table that are as long. */
static struct keys keys_taken(const struct world *w)
{
	struct keys k = keys_make(table_routes());

	for (uint32_t i = 0; i < table_routes(); i++) {
		struct dp_route r = table_route(w->family, i, 0);

		if (r.plen == further_plen(w->family))
			k.v[k.n++] = key_of(w->family, r.dst);
	}
	qsort(k.v, k.n, sizeof(*k.v), key_cmp);
	return k;
}

static bool further_has(uint8_t family, uint32_t n, uint64_t key)
{
	for (uint32_t i = 0; i < n; i++)
		if (key_of(family, churn.further[i].dst) == key)
			return true;
	return false;
}

static void further_make(const struct world *w)
{
	struct keys used[2] = {keys_used(w, 0), keys_used(w, 1)}, taken = keys_taken(w);

	for (uint32_t i = 0; i < FURTHER;) {
		bool use = i % 4 == 3;
		unsigned int port = i / 4 % 2;
		uint32_t r = (uint32_t)(inet_random(&churn.rnd) % table_routes());
		uint8_t dst[16];
		uint64_t key;

		if (use)
			stamp_dst(w, port, (uint32_t)(inet_random(&churn.rnd) % sources[port].n),
				  dst);
		else
			table_address(w->family, r, &churn.rnd, dst);
		key = key_of(w->family, dst);
		if (keys_have(&taken, key) || further_has(w->family, i, key) ||
		    keys_have(&used[!port], key) || keys_have(&used[port], key) != use)
			continue;
		memset(dst + further_plen(w->family) / 8, 0, 16 - further_plen(w->family) / 8u);
		churn.further[i] = (struct dp_route){.table = RT_TABLE_MAIN,
						     .family = w->family,
						     .plen = further_plen(w->family),
						     .nh_id = gateway_id(w->family, !port, i)};
		memcpy(churn.further[i++].dst, dst, 16);
	}
	free(taken.v);
	free(used[0].v);
	free(used[1].v);
}

/* --- changing them ---------------------------------------------------------------------------- */

static void change(const struct dp_route *routes, uint32_t n)
{
	uint32_t done;

	ok(dp_route_set(routes, n, &done), "dp_route_set");
	churn.changes += n;
}

/* Some go, and those that went in the batch before come back. */
static void batch(uint8_t family)
{
	struct dp_route r[BATCH];

	for (uint32_t i = 0; i < BATCH / 4; i++) {
		uint32_t at = churn.at + i;

		r[4 * i] = table_route(family, (uint32_t)(inet_random(&churn.rnd) % table_routes()),
				       (uint32_t)inet_random(&churn.rnd));
		r[4 * i + 1] =
		    table_route(family, (uint32_t)(inet_random(&churn.rnd) % table_routes()),
				(uint32_t)inet_random(&churn.rnd));
		r[4 * i + 2] = churn.further[at % FURTHER];
		r[4 * i + 2].nh_id = 0;
		r[4 * i + 3] = churn.further[(at - BATCH / 4) % FURTHER];
	}
	churn.at += BATCH / 4;
	change(r, BATCH);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void churn_begin(const struct bench_case *c)
{
	churn.at = BATCH / 4;
	churn.rnd = 13;
	further_make(c->world);
	for (uint32_t i = 0; i < FURTHER; i += BATCH)
		change(churn.further + i, BATCH);
	churn.changes = 0;
	churn.seconds = 0;
}

static void churn_during(const struct bench_case *c, unsigned int phase)
{
	double start = now(), t;

	if (!phase) {
		sleep_seconds(opt.seconds);
		return;
	}
	while ((t = now() - start) < opt.seconds) {
		double due = (churn.seconds + t) * c->variant->arg - (double)churn.changes;

		if (due >= BATCH)
			batch(c->world->family);
		else
			sleep_seconds((BATCH - due) / c->variant->arg);
	}
	churn.seconds += t;
}

static void churn_end(const struct bench_case *c)
{
	for (uint32_t i = 0; i < FURTHER; i += BATCH) {
		for (uint32_t k = 0; k < BATCH; k++)
			churn.further[i + k].nh_id = 0;
		/* those of the last batch are gone already, which is no error */
		change(churn.further + i, BATCH);
	}
	(void)c;
}

static void churn_extra(const struct bench_case *c, const struct phase *phases)
{
	double ratio[ROUNDS_MAX];

	for (unsigned int r = 0; r < opt.rounds; r++)
		ratio[r] = phases[1].cycles[r] / phases[0].cycles[r];
	extra("changes_per_second", (double)churn.changes / churn.seconds);
	extra("slower", median(ratio, opt.rounds));
	extra("slower_best",
	      best(phases[1].cycles, opt.rounds) / best(phases[0].cycles, opt.rounds));
	extra("cycles_at_rest", best(phases[0].cycles, opt.rounds));
	(void)c;
}

#define CHURN                                                                                      \
	.phases = 2, .forwarded = 1, .begin = churn_begin, .during = churn_during,                 \
	.end = churn_end, .extra = churn_extra

const struct variant variant_churn_1k = {CHURN, .arg = 1000};
const struct variant variant_churn_100k = {CHURN, .arg = 100000};
