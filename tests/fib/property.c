// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

// Random changes, compared with the twin after each; and again while readers look on.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lib/rcu.h>

#include "twin.h"

#define PROBES 8

// The share of the pool that a phase steers to, in percent: up and down, past every threshold.
static const uint8_t phase_fill[] = {10, 90, 50, 95, 3, 60, 0, 30};

static void check_probes(const struct table *t, const struct twin *twin, size_t around,
			 struct rnd *r)
{
	unsigned int n = below(r, 64) == 0 ? 70 : 1 + below(r, PROBES), i;
	uint32_t nh[70], want;
	struct fib_key addr[70];

	for (i = 0; i < n; i++)
		addr[i] = prefix_probe(&twin->pool[i % 2 ? below(r, twin->n) : around], t->v6, r);
	table_lookup(t, addr, nh, n);
	for (i = 0; i < n; i++) {
		want = twin_lookup(twin, addr[i]);
		CHECK(nh[i] == want, "%s is %u, twin says %u (%zu routes, view kind %d)",
		      key_string(addr[i], t->v6), nh[i], want, twin->count, table_kind(t));
	}
}

static void random_change(struct table *t, struct twin *twin, size_t i, bool add, struct rnd *r)
{
	uint32_t nh = 1 + below(r, FIB_NH_ID_MAX);
	int err;

	if (add) {
		err = table_insert(t, &twin->pool[i], nh);
		CHECK(err == 0, "insert: %d", err);
		twin_set(twin, i, nh);
	} else {
		err = table_delete(t, &twin->pool[i]);
		CHECK(err == (twin->nh[i] ? 0 : -ESRCH), "delete: %d, twin has %u", err,
		      twin->nh[i]);
		twin_set(twin, i, 0);
	}
	CHECK(table_get(t, &twin->pool[i]) == twin->nh[i], "get");
}

// A change of a random prefix that moves the table to goal routes, or keeps it near them.
static void steered_change(struct table *t, struct twin *twin, size_t goal, size_t *at,
			   struct rnd *r)
{
	size_t i = below(r, twin->n);
	bool add;

	if (twin->count > goal + goal / 50 + 2)
		add = below(r, 20) == 0;
	else if (twin->count < goal - goal / 50)
		add = below(r, 20) != 0;
	else
		add = below(r, 2);
	// A change that changes nothing is worth little; mostly seek one that does.
	if (below(r, 8) != 0)
		while (twin->nh[i] != 0 ? add && below(r, 4) : !add && twin->count > 0)
			i = i + 1 < twin->n ? i + 1 : 0;
	random_change(t, twin, i, add, r);
	*at = i;
}

static void twin_round(bool v6, size_t size, unsigned long ops, struct rnd *r)
{
	struct prefix *pool = prefix_pool(v6, size, r);
	unsigned int phases = sizeof(phase_fill), phase;
	unsigned int kinds = 0;
	struct twin twin;
	struct table t;
	unsigned long k;
	unsigned long changes = 0;
	size_t i, goal;

	twin_init(&twin, v6, pool, size);
	table_init(&t, v6);
	for (phase = 0; phase < phases; phase++) {
		goal = size * phase_fill[phase] / 100;
		// On the way few changes are looked at, once there every one.
		for (k = 0; twin.count > goal + goal / 50 + 2 || twin.count < goal - goal / 50;
		     k++) {
			steered_change(&t, &twin, goal, &i, r);
			if (size < 100 || k % 32 == 0)
				check_probes(&t, &twin, i, r);
			changes++;
		}
		for (k = 0; k < ops / phases; k++) {
			steered_change(&t, &twin, goal, &i, r);
			check_probes(&t, &twin, i, r);
			kinds |= 1U << table_kind(&t);
			changes++;
		}
		table_check_dump(&t, &twin, r);
		table_check_nodes(&t);
	}
	// Gone is gone, and so is the memory of the large views.
	for (i = 0; i < size; i++)
		if (twin.nh[i] != 0)
			random_change(&t, &twin, i, false, r);
	CHECK(table_count(&t) == 0, "%u routes left", table_count(&t));
	CHECK(table_kind(&t) == FIB_VIEW_FLAT, "an empty table is of kind %d", table_kind(&t));
	check_probes(&t, &twin, 0, r);
	printf("ok twin v%d: pool of %zu, %lu changes, kinds of view seen: %s%s%s\n", v6 ? 6 : 4,
	       size, changes, kinds & 1 ? "flat " : "", kinds & 2 ? "trie " : "",
	       kinds & 4 ? "dir24_8" : "");
	if (size > 100)
		CHECK(kinds & 2, "the trie was not tried");
	if (!v6 && size > 2 * FIB_DIR24_8_ROUTES)
		CHECK(kinds == 7, "not every kind of view was tried");
	table_free(&t);
	twin_free(&twin);
	free(pool);
}

void test_twin(bool v6, unsigned long ops, uint64_t seed)
{
	static const struct {
		size_t size;
		unsigned int percent;
	} rounds[] = {{3, 1},    {12, 4},    {28, 5},     {60, 10},
		      {200, 10}, {1500, 15}, {15000, 20}, {70000, 35}};
	struct rnd r = {seed};
	enum fib_isa isa;
	size_t i;

	for (i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
		// Small tables in every instruction set, large ones in the best and one other.
		for (isa = FIB_ISA_SCALAR; isa <= FIB_ISA_AVX512; isa++) {
			if (fib_isa_limit(isa) != isa)
				continue;
			twin_round(v6, rounds[i].size, ops * rounds[i].percent / 100 / 3, &r);
		}
	}
	fib_isa_limit(FIB_ISA_AVX512);
}

// ---- readers ----

// An id tells its prefix, in two forms, so that a replacement can be told from what it replaced.
#define ID(i, form)   ((uint32_t)((i) + 1) | (form) << 23)
#define ID_PREFIX(id) (((id)&0x7fffff) - 1)

#define READERS 2
#define SPOTS   8192

struct spot {
	struct fib_key addr;
	int stable; // number of the longest prefix that is always there; -1: none
};

struct reader {
	pthread_t thread;
	unsigned int id;
	const struct table *t;
	const struct prefix *pool;
	size_t n;
	const struct spot *spot;
	const bool *stop;
	uint64_t lookups;
};

static void reader_check(const struct reader *rd, const struct spot *s, uint32_t nh)
{
	const struct prefix *p;
	size_t i = ID_PREFIX(nh);

	if (nh == 0) {
		CHECK(s->stable < 0, "no route for %s", key_string(s->addr, rd->t->v6));
		return;
	}
	CHECK(i < rd->n, "id %#x is nobody's", nh);
	p = &rd->pool[i];
	CHECK(prefix_covers(p, s->addr), "%s got a prefix of length %u that is elsewhere",
	      key_string(s->addr, rd->t->v6), p->plen);
	CHECK(s->stable < 0 || p->plen >= rd->pool[s->stable].plen,
	      "%s got length %u though length %u was always there", key_string(s->addr, rd->t->v6),
	      p->plen, rd->pool[s->stable].plen);
}

static void *reader_loop(void *arg)
{
	struct reader *rd = arg;
	struct rnd r = {77 + rd->id};
	struct in6_addr a6[32];
	uint32_t a4[32], nh[32];
	unsigned int at, i, polls = 0;
	uint64_t half[2];

	rcu_online(rd->id);
	while (!__atomic_load_n(rd->stop, __ATOMIC_RELAXED)) {
		at = below(&r, SPOTS - 32);
		for (i = 0; i < 32; i++) {
			half[0] = htobe64(rd->spot[at + i].addr.hi);
			half[1] = htobe64(rd->spot[at + i].addr.lo);
			memcpy(&a6[i], half, sizeof(half));
			a4[i] = rd->spot[at + i].addr.hi >> 32;
		}
		if (rd->t->v6)
			fib6_table_lookup_bulk(rd->t->t6, a6, nh, 32);
		else
			fib_table_lookup_bulk(rd->t->t4, a4, nh, 32);
		for (i = 0; i < 32; i++)
			reader_check(rd, &rd->spot[at + i], nh[i]);
		__atomic_store_n(&rd->lookups, rd->lookups + 32, __ATOMIC_RELAXED);
		if (++polls % 4 == 0)
			rcu_quiescent(rd->id);
		if (polls % 1000 == 0) { // as a loop does that has nothing to do
			rcu_offline(rd->id);
			rcu_online(rd->id);
		}
	}
	rcu_offline(rd->id);
	return NULL;
}

static void readers_round(bool v6, size_t size, unsigned long ops, struct rnd *r)
{
	struct prefix *pool = prefix_pool(v6, size, r);
	struct spot *spot = calloc(SPOTS, sizeof(*spot));
	struct reader rd[READERS];
	size_t stable = size / 20 + 2, i;
	unsigned long k, phase_ops = ops / sizeof(phase_fill) + 1;
	uint64_t lookups = 0;
	struct twin twin;
	struct table t;
	bool stop = false;
	uint32_t nh;

	// The first of the pool (without the default route) stay, the others come and go.
	twin_init(&twin, v6, pool, size);
	table_init(&t, v6);
	for (i = 1; i < stable; i++) {
		CHECK(table_insert(&t, &pool[i], ID(i, 0)) == 0, "insert");
		twin_set(&twin, i, ID(i, 0));
	}
	for (k = 0; k < SPOTS; k++) {
		spot[k].addr = prefix_probe(&pool[below(r, k % 2 ? stable : size)], v6, r);
		nh = twin_lookup(&twin, spot[k].addr);
		spot[k].stable = nh ? (int)ID_PREFIX(nh) : -1;
	}
	for (i = 0; i < READERS; i++) {
		rd[i] = (struct reader){
		    .id = i, .t = &t, .pool = pool, .n = size, .spot = spot, .stop = &stop};
		CHECK(rcu_register(i) == 0, "register");
		CHECK(pthread_create(&rd[i].thread, NULL, reader_loop, &rd[i]) == 0, "thread");
	}

	// On a busy machine a thread may start late; changes that nobody watches prove nothing.
	for (i = 0; i < READERS; i++)
		while (__atomic_load_n(&rd[i].lookups, __ATOMIC_RELAXED) == 0)
			sched_yield();

	for (k = 0; k < ops; k++) {
		i = below(r, size);
		if (i != 0 && i < stable) { // replaced by itself in its other form
			nh = ID(i, below(r, 2));
		} else {
			nh = ID(i, below(r, 2));
			if (below(r, 100) >= phase_fill[k / phase_ops])
				nh = 0;
		}
		if (nh != 0)
			CHECK(table_insert(&t, &pool[i], nh) == 0, "insert");
		else if (twin.nh[i] != 0)
			CHECK(table_delete(&t, &pool[i]) == 0, "delete");
		twin_set(&twin, i, nh);
		if (k % 16 == 0) // the writer sees its own change at once
			check_probes(&t, &twin, i, r);
	}

	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++) {
		pthread_join(rd[i].thread, NULL);
		rcu_unregister(i);
		lookups += rd[i].lookups;
	}
	table_check_dump(&t, &twin, r);
	table_check_nodes(&t);
	printf("ok readers v%d: pool of %zu, %lu changes under %lu look-ups\n", v6 ? 6 : 4, size,
	       ops, (unsigned long)lookups);
	table_free(&t);
	rcu_barrier();
	twin_free(&twin);
	free(spot);
	free(pool);
}

void test_readers(bool v6, unsigned long ops, uint64_t seed)
{
	struct rnd r = {seed};

	CHECK(rcu_init(READERS) == 0, "rcu_init");
	readers_round(v6, 24, ops / 10, &r);
	readers_round(v6, 80, ops / 10, &r);
	readers_round(v6, 3000, ops * 3 / 10, &r);
	readers_round(v6, 60000, ops / 2, &r);
	rcu_exit();
}
