// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

// One face for the tables of both families, and checks of a whole table: see twin.h.
#include "twin.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static uint32_t addr4(struct fib_key key)
{
	return key.hi >> 32;
}

static struct in6_addr addr6(struct fib_key key)
{
	uint64_t half[2] = {htobe64(key.hi), htobe64(key.lo)};
	struct in6_addr a;

	memcpy(&a, half, sizeof(a));
	return a;
}

void table_init(struct table *t, bool v6)
{
	*t = (struct table){.v6 = v6};
	if (v6)
		t->t6 = fib6_new_table("test6");
	else
		t->t4 = fib_new_table("test4");
	CHECK(v6 ? t->t6 != NULL : t->t4 != NULL, "new table");
}

void table_free(struct table *t)
{
	fib_free_table(t->t4);
	fib6_free_table(t->t6);
}

int table_insert(struct table *t, const struct prefix *p, uint32_t nh)
{
	struct in6_addr a = addr6(p->key);

	return t->v6 ? fib6_table_insert(t->t6, &a, p->plen, nh)
		     : fib_table_insert(t->t4, addr4(p->key), p->plen, nh);
}

int table_delete(struct table *t, const struct prefix *p)
{
	struct in6_addr a = addr6(p->key);

	return t->v6 ? fib6_table_delete(t->t6, &a, p->plen)
		     : fib_table_delete(t->t4, addr4(p->key), p->plen);
}

uint32_t table_get(const struct table *t, const struct prefix *p)
{
	struct in6_addr a = addr6(p->key);

	return t->v6 ? fib6_table_get(t->t6, &a, p->plen)
		     : fib_table_get(t->t4, addr4(p->key), p->plen);
}

void table_lookup(const struct table *t, const struct fib_key *addr, uint32_t *nh, unsigned int n)
{
	// Of exactly the right size, so that a sanitizer sees the first byte too many.
	struct in6_addr *a6 = NULL;
	uint32_t *a4 = NULL;
	uint32_t *out = calloc(n, sizeof(*out)), one;
	unsigned int i;

	if (t->v6) {
		a6 = calloc(n, sizeof(*a6));
		for (i = 0; i < n; i++)
			a6[i] = addr6(addr[i]);
		fib6_table_lookup_bulk(t->t6, a6, out, n);
		one = n ? fib6_table_lookup(t->t6, &a6[0]) : 0;
	} else {
		a4 = calloc(n, sizeof(*a4));
		for (i = 0; i < n; i++)
			a4[i] = addr4(addr[i]);
		if (n != 0)
			fib_table_prefetch(t->t4, a4[0]);
		fib_table_lookup_bulk(t->t4, a4, out, n);
		one = n ? fib_table_lookup(t->t4, a4[0]) : 0;
	}
	memcpy(nh, out, n * sizeof(*nh));
	CHECK(n == 0 || one == nh[0], "single %u, bulk %u for %s", one, nh[0],
	      key_string(addr[0], t->v6));
	free(a6);
	free(a4);
	free(out);
}

unsigned int table_dump(const struct table *t, struct fib_cursor *cur, struct fib_route *out,
			unsigned int n)
{
	struct fib6_entry *e6;
	struct fib_entry *e4;
	unsigned int i, got;
	uint64_t half[2];

	if (t->v6) {
		e6 = malloc(n * sizeof(*e6));
		got = fib6_table_dump(t->t6, cur, e6, n);
		for (i = 0; i < got; i++) {
			memcpy(half, &e6[i].dst, sizeof(half));
			out[i] = (struct fib_route){
			    {be64toh(half[0]), be64toh(half[1])}, e6[i].nh_id, e6[i].plen};
		}
		free(e6);
	} else {
		e4 = malloc(n * sizeof(*e4));
		got = fib_table_dump(t->t4, cur, e4, n);
		for (i = 0; i < got; i++)
			out[i] = (struct fib_route){
			    {(uint64_t)e4[i].dst << 32, 0}, e4[i].nh_id, e4[i].plen};
		free(e4);
	}
	return got;
}

uint32_t table_count(const struct table *t)
{
	return t->v6 ? fib6_table_count(t->t6) : fib_table_count(t->t4);
}

size_t table_memory(const struct table *t)
{
	return t->v6 ? fib6_table_memory(t->t6) : fib_table_memory(t->t4);
}

static const struct fib_view *table_view(const struct table *t)
{
	return ((const struct fib_table_head *)(t->v6 ? (void *)t->t6 : (void *)t->t4))->view;
}

enum fib_view_kind table_kind(const struct table *t)
{
	return table_view(t)->kind;
}

static const struct prefix *sorted_pool; // of the sort under way

static int number_cmp(const void *a, const void *b)
{
	const struct prefix *x = sorted_pool + *(const uint32_t *)a;
	const struct prefix *y = sorted_pool + *(const uint32_t *)b;

	if (!fib_key_equal(x->key, y->key))
		return fib_key_less(x->key, y->key) ? -1 : 1;
	return (int)x->plen - (int)y->plen;
}

void table_check_dump(const struct table *t, const struct twin *twin, struct rnd *r)
{
	uint32_t *want = malloc((twin->count + 1) * sizeof(*want));
	struct fib_cursor cur = {0};
	struct fib_route got[100];
	size_t n = 0, at = 0, i;
	unsigned int ask, k, have;

	for (i = 0; i < twin->n; i++)
		if (twin->nh[i] != 0)
			want[n++] = i;
	sorted_pool = twin->pool;
	qsort(want, n, sizeof(*want), number_cmp);
	CHECK(table_count(t) == n, "count %u, twin has %zu", table_count(t), n);
	do {
		ask = 1 + below(r, 100);
		have = table_dump(t, &cur, got, ask);
		for (k = 0; k < have; k++, at++) {
			CHECK(at < n, "%s/%u is one too many", key_string(got[k].key, t->v6),
			      got[k].plen);
			CHECK(fib_key_equal(got[k].key, twin->pool[want[at]].key) &&
				  got[k].plen == twin->pool[want[at]].plen &&
				  got[k].nh == twin->nh[want[at]],
			      "number %zu is %s/%u nh %u, want plen %u nh %u", at,
			      key_string(got[k].key, t->v6), got[k].plen, got[k].nh,
			      twin->pool[want[at]].plen, twin->nh[want[at]]);
		}
	} while (have == ask);
	CHECK(at == n, "dump ends after %zu of %zu", at, n);
	free(want);
}

// ---- white box ----

static uint32_t trie_units(const struct fib_trie *t, uint32_t e, uint8_t *seen)
{
	const char *node = t->nodes.base + (size_t)(e & FIB_TRIE_INDEX) * 64;
	uint32_t units = 1, nr, i;
	const uint32_t *tbl;

	if ((e & FIB_TRIE_NODE) == 0)
		return 0;
	CHECK(!seen[e & FIB_TRIE_INDEX], "node %u is used twice", e & FIB_TRIE_INDEX);
	seen[e & FIB_TRIE_INDEX] = 1;
	if (e & FIB_TRIE_DIRECT) {
		units = fib_trie_direct_units(e >> 24 & 3);
		nr = units * 16;
		tbl = (const uint32_t *)node;
	} else {
		nr = ((const struct fib_line *)node)->nr;
		tbl = ((const struct fib_line *)node)->res;
	}
	for (i = 0; i < nr; i++)
		units += trie_units(t, tbl[i], seen);
	return units;
}

unsigned int table_depth(const struct table *t, struct fib_key addr)
{
	const struct fib_trie *trie = (const struct fib_trie *)table_view(t);
	uint32_t e = ((const uint32_t *)trie->view.second)[addr.hi >> 48];
	unsigned int depth = 16, nodes = 0, bits, i;
	const struct fib_line *line;
	const void *node;

	for (; e & FIB_TRIE_NODE; nodes++) {
		node = trie->nodes.base + (size_t)(e & FIB_TRIE_INDEX) * 64;
		if (e & FIB_TRIE_DIRECT) {
			bits = 4 * (e >> 24 & 3) + 4;
			e = ((const uint32_t *)node)[fib_key_window(addr, depth, bits)];
			depth += bits;
		} else {
			line = node;
			bits = line->next - line->depth;
			for (i = 0; i + 1 < line->nr; i++)
				if (fib_key_window(addr, line->depth, bits) < line->key[i] >>
				    (32 - bits))
					break;
			e = line->res[i];
			depth = line->next;
		}
	}
	return nodes;
}

// Blocks of /24 that hold longer prefixes.
static uint32_t long_blocks(const struct table *t)
{
	uint64_t last = ~0ULL;
	struct fib_cursor cur = {0};
	struct fib_route r[64];
	uint32_t blocks = 0;
	unsigned int n, i;

	do {
		n = table_dump(t, &cur, r, 64);
		for (i = 0; i < n; i++) {
			if (r[i].plen > 24 && r[i].key.hi >> 40 != last) {
				last = r[i].key.hi >> 40;
				blocks++;
			}
		}
	} while (n == 64);
	return blocks;
}

// Of struct fib_dir24_8, which is the data plane's own secret but for what readers see.
static uint32_t dir24_8_groups(const struct fib_view *v)
{
	const uint32_t *tbl24 = v->first;
	uint32_t i, groups = 0;

	for (i = 0; i < 1U << 24; i++)
		groups += tbl24[i] >> 31;
	return groups;
}

void table_check_nodes(const struct table *t)
{
	const struct fib_view *v = table_view(t);
	size_t rib = 0, fixed = 64 << 20;
	struct fib_trie *trie;
	uint8_t *seen;
	uint32_t used;

	if (v->kind == FIB_VIEW_TRIE) {
		trie = (struct fib_trie *)(uintptr_t)v;
		rcu_queue_reclaim(&trie->gone);
		rcu_queue_reclaim(&trie->gone);
		CHECK(rcu_queue_len(&trie->gone) == 0, "%zu nodes wait without readers",
		      rcu_queue_len(&trie->gone));
		seen = calloc(trie->nr, 1);
		used = trie_units(trie, FIB_TRIE_DIRECT | 3 << 24 | trie->root, seen);
		free(seen);
		CHECK(used == trie->in_use, "%u units are in the tree, %u in use", used,
		      trie->in_use);
	} else if (v->kind == FIB_VIEW_DIR24_8) {
		// Groups in use may exceed those named by the 32 that wait to be reclaimed.
		rib = table_memory(t) - ((const struct fib_lpm *)(const void *)t->t4)->rib.nr * 16 -
		      fixed;
		used = dir24_8_groups(v);
		CHECK(used == long_blocks(t), "%u groups, and %u blocks have longer routes", used,
		      long_blocks(t));
		CHECK(rib / 1024 >= used && rib / 1024 <= used + 40,
		      "%u groups are named, %zu in use", used, rib / 1024);
	}
}
