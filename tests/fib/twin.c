// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

// The slow obvious twin of a routing table: see twin.h.
#include "twin.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check_failed(const char *file, int line, const char *cond, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: %s: ", file, line, cond);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

uint64_t rnd(struct rnd *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dULL;
}

uint32_t below(struct rnd *r, uint32_t n)
{
	return (rnd(r) >> 32) * n >> 32;
}

static struct fib_key low_bits(unsigned int plen)
{
	struct fib_key k = fib_key_mask((struct fib_key){~0ULL, ~0ULL}, plen);

	return (struct fib_key){~k.hi, ~k.lo};
}

bool prefix_covers(const struct prefix *p, struct fib_key addr)
{
	return fib_key_equal(fib_key_mask(addr, p->plen), p->key);
}

struct fib_key prefix_last(const struct prefix *p)
{
	struct fib_key low = low_bits(p->plen);

	return (struct fib_key){p->key.hi | low.hi, p->key.lo | low.lo};
}

static struct fib_key rnd_key(struct rnd *r)
{
	return (struct fib_key){rnd(r), rnd(r)};
}

static int prefix_cmp(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	if (!fib_key_equal(x->key, y->key))
		return fib_key_less(x->key, y->key) ? -1 : 1;
	return (int)x->plen - (int)y->plen;
}

// Lengths that matter come often, eight others (each pool has its own) now and then.
static unsigned int rnd_plen(bool v6, const uint8_t *others, struct rnd *r)
{
	static const uint8_t often4[] = {8,  12, 16, 20, 22, 23, 24, 24,
					 24, 24, 25, 28, 30, 31, 32, 32};
	static const uint8_t often6[] = {3,  12, 16, 20, 29, 32, 36, 40, 44, 48,  48,  48,
					 52, 56, 60, 63, 64, 64, 65, 80, 96, 112, 127, 128};

	if (below(r, 4) == 0)
		return others[below(r, 8)];
	return v6 ? often6[below(r, sizeof(often6))] : often4[below(r, sizeof(often4))];
}

struct prefix *prefix_pool(bool v6, size_t n, struct rnd *r)
{
	struct prefix *v = calloc(n + n / 2 + 64, sizeof(*v)), t;
	static const uint8_t dense4[] = {8, 16, 20, 22, 24};
	static const uint8_t dense6[] = {16, 24, 32, 40, 48, 52, 56, 112, 116, 120};
	struct fib_key base[64], k, mask;
	size_t nbase = 4 + below(r, 60), have, i, j, span;
	uint8_t others[8];
	unsigned int keep;

	if (v == NULL)
		abort();
	for (i = 0; i < sizeof(others); i++)
		others[i] = 1 + below(r, v6 ? 128 : 32);
	for (i = 0; i < nbase; i++) {
		base[i] = rnd_key(r);
		if (v6 && i % 4 != 0)
			base[i].hi = 0x2a00000000000000ULL | (base[i].hi & 0x0003ffffffffffffULL);
	}
	base[0] = (struct fib_key){0, 0};
	base[1] = (struct fib_key){~0ULL, ~0ULL};

	for (have = 0; have < n;) {
		for (i = have; i < n + n / 2 + 64; i++) {
			// One in four is in a block that is crowded, up to the ends of both halves.
			if (below(r, 4) == 0) {
				keep = v6 ? dense6[below(r, sizeof(dense6))]
					  : dense4[below(r, sizeof(dense4))];
				v[i].plen = keep + 4 + below(r, 5);
				k = fib_key_mask(base[2], keep);
				mask = low_bits(keep);
				t.key = rnd_key(r);
				k.hi |= t.key.hi & mask.hi;
				k.lo |= t.key.lo & mask.lo;
				v[i].key = fib_key_mask(k, v[i].plen);
				continue;
			}
			// Shares keep bits with a base; behind them a few random bits, then zeros
			// or ones.
			k = base[below(r, nbase)];
			v[i].plen = rnd_plen(v6, others, r);
			keep = below(r, v[i].plen + 1);
			mask = low_bits(keep);
			t.key = rnd_key(r);
			k.hi ^= t.key.hi & mask.hi;
			k.lo ^= t.key.lo & mask.lo;
			span = below(r, 3);
			if (span != 0 && keep + 8 < v[i].plen) {
				mask = low_bits(v[i].plen - 8);
				k.hi = span == 1 ? k.hi & ~mask.hi : k.hi | mask.hi;
				k.lo = span == 1 ? k.lo & ~mask.lo : k.lo | mask.lo;
				k.hi ^= t.key.hi & mask.hi;
				k.lo ^= t.key.lo & mask.lo;
			}
			if (!v6)
				k = (struct fib_key){k.hi & 0xffffffff00000000ULL, 0};
			v[i].key = fib_key_mask(k, v[i].plen);
		}
		// The default route comes first in the order.
		v[0] = (struct prefix){.plen = 0};
		qsort(v, i, sizeof(*v), prefix_cmp);
		for (have = 1, j = 1; j < i; j++)
			if (prefix_cmp(&v[j], &v[have - 1]) != 0)
				v[have++] = v[j];
	}
	// A random choice of them, in random order.
	for (i = 1; i < n; i++) {
		j = i + below(r, have - i);
		t = v[i];
		v[i] = v[j];
		v[j] = t;
	}
	return v;
}

struct fib_key prefix_probe(const struct prefix *p, bool v6, struct rnd *r)
{
	struct fib_key k = p->key, low = low_bits(p->plen), any = rnd_key(r);

	switch (below(r, 6)) {
	case 0: // first
		break;
	case 1: // last
		k = prefix_last(p);
		break;
	case 2: // the one before
		k.hi -= k.lo == 0;
		k.lo--;
		if (!v6)
			k.hi = p->key.hi - (1ULL << 32);
		break;
	case 3: // the one after
		k = prefix_last(p);
		k.lo++;
		k.hi += k.lo == 0;
		break;
	case 4: // inside
		k.hi |= any.hi & low.hi;
		k.lo |= any.lo & low.lo;
		break;
	case 5: // near
		low = low_bits(p->plen > 12 ? p->plen - 12 : 0);
		k.hi ^= any.hi & low.hi;
		k.lo ^= any.lo & low.lo;
		break;
	}
	if (!v6)
		k = (struct fib_key){k.hi & 0xffffffff00000000ULL, 0};
	return k;
}

const char *key_string(struct fib_key key, bool v6)
{
	static char text[INET6_ADDRSTRLEN];
	uint64_t half[2] = {htobe64(key.hi), htobe64(key.lo)};

	return inet_ntop(v6 ? AF_INET6 : AF_INET, half, text, sizeof(text));
}

// ---- the twin ----

static size_t twin_hash(struct fib_key key, unsigned int plen)
{
	uint64_t h = (key.hi ^ key.hi >> 29 ^ plen) * 0x9e3779b97f4a7c15ULL;

	return ((h ^ h >> 32 ^ key.lo ^ key.lo >> 29) * 0x9e3779b97f4a7c15ULL) >> 24;
}

void twin_init(struct twin *t, bool v6, const struct prefix *pool, size_t n)
{
	size_t cap = 64, i, at;

	memset(t, 0, sizeof(*t));
	while (cap < 3 * n)
		cap *= 2;
	t->pool = pool;
	t->n = n;
	t->v6 = v6;
	t->mask = cap - 1;
	t->nh = calloc(n, sizeof(*t->nh));
	t->slot = calloc(cap, sizeof(*t->slot));
	if (t->nh == NULL || t->slot == NULL)
		abort();
	for (i = 0; i < n; i++) {
		at = twin_hash(pool[i].key, pool[i].plen) & t->mask;
		while (t->slot[at] != 0)
			at = (at + 1) & t->mask;
		t->slot[at] = i + 1;
	}
}

void twin_free(struct twin *t)
{
	free(t->nh);
	free(t->slot);
}

void twin_set(struct twin *t, size_t i, uint32_t nh)
{
	int delta = (nh != 0) - (t->nh[i] != 0);

	t->nh[i] = nh;
	t->count += delta;
	t->per_plen[t->pool[i].plen] += delta;
}

uint32_t twin_lookup(const struct twin *t, struct fib_key addr)
{
	struct prefix p;
	uint32_t i;
	size_t at;
	int plen;

	for (plen = t->v6 ? 128 : 32; plen >= 0; plen--) {
		if (t->per_plen[plen] == 0)
			continue;
		p = (struct prefix){fib_key_mask(addr, plen), plen};
		at = twin_hash(p.key, plen) & t->mask;
		for (; (i = t->slot[at]) != 0; at = (at + 1) & t->mask)
			if (prefix_cmp(&t->pool[i - 1], &p) == 0)
				break;
		if (i != 0 && t->nh[i - 1] != 0)
			return t->nh[i - 1];
	}
	return 0;
}
