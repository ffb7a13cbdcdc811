// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

// Synthetic Internet routing tables: see inet_table.h.
#include "inet_table.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct inet_share {
	uint8_t plen;
	uint32_t share;
};

// What route collectors see of IPv4, in parts of a million prefixes, and half a percent of longer
// ones as a provider's own routes.
static const struct inet_share inet_shares4[] = {
    {8, 16},     {9, 14},     {10, 40},     {11, 105},    {12, 310},    {13, 600},
    {14, 1250},  {15, 2100},  {16, 13500},  {17, 8500},   {18, 14000},  {19, 25000},
    {20, 45000}, {21, 52000}, {22, 111000}, {23, 101565}, {24, 620000}, {25, 1000},
    {27, 1000},  {28, 1000},  {30, 1000},   {32, 1000},
};

// The same of IPv6, in parts of a hundred thousand.
static const struct inet_share inet_shares6[] = {
    {20, 10},    {24, 15},    {26, 15},    {28, 120},  {29, 2500}, {30, 500},  {31, 250},
    {32, 11800}, {33, 1900},  {34, 1500},  {35, 700},  {36, 5600}, {37, 300},  {38, 1200},
    {39, 600},   {40, 10500}, {41, 300},   {42, 1900}, {43, 400},  {44, 9500}, {45, 1100},
    {46, 3100},  {47, 2600},  {48, 43190}, {56, 100},  {64, 300},
};

// Where the registries have allocated IPv6 from, by weight.
static const struct inet_region {
	uint32_t first; // of the leftmost 32 bits
	uint8_t plen;
	uint8_t weight;
} inet_regions6[] = {
    {0x20010200, 23, 2},  {0x20010400, 23, 2},  {0x20010600, 23, 3},  {0x20010c00, 23, 2},
    {0x20011800, 23, 2},  {0x24000000, 12, 50}, {0x26000000, 12, 40}, {0x26200000, 23, 8},
    {0x28000000, 12, 45}, {0x2a000000, 12, 55}, {0x2a100000, 12, 25}, {0x2c000000, 12, 15},
};

#define INET_BLOCKS4 45000
#define INET_BLOCKS6 32000

struct inet_set {
	uint64_t *slot; // 0: free
	size_t mask;
};

// Whether key was new. Keys are not 0.
static int inet_set_add(struct inet_set *s, uint64_t key)
{
	size_t i =
	    (key * 0x9e3779b97f4a7c15ULL) >> 40 & s->mask; // the high bits: keys differ on the left

	for (; s->slot[i] != 0; i = (i + 1) & s->mask)
		if (s->slot[i] == key)
			return 0;
	s->slot[i] = key;
	return 1;
}

static void inet_set_init(struct inet_set *s, size_t n)
{
	size_t cap = 1024;

	while (cap < 3 * n)
		cap *= 2;
	s->slot = calloc(cap, sizeof(*s->slot));
	if (s->slot == NULL)
		abort();
	s->mask = cap - 1;
}

static double inet_unit(uint64_t *state)
{
	return (double)(inet_random(state) >> 11) / 9007199254740992.0;
}

static unsigned int inet_pick_plen(const struct inet_share *v, size_t n, uint64_t *state)
{
	unsigned int total = 0, at;
	size_t i;

	for (i = 0; i < n; i++)
		total += v[i].share;
	at = inet_random(state) % total;
	for (i = 0; at >= v[i].share; i++)
		at -= v[i].share;
	return v[i].plen;
}

// An allocation, in bits from the left of 64.
struct inet_block {
	uint64_t first;
	uint8_t plen;
};

static uint64_t inet_mask(unsigned int plen)
{
	return plen == 0 ? 0 : ~0ULL << (64 - plen);
}

// Few blocks announce much, many announce one or two.
static size_t inet_pick_block(size_t blocks, uint64_t *state)
{
	double u = inet_unit(state);

	return (size_t)(u * u * (double)blocks);
}

// A prefix within the block: next to the previous one of the block, near its front, or anywhere.
static uint64_t inet_pick_within(const struct inet_block *b, unsigned int plen, uint64_t prev,
				 uint64_t *state)
{
	uint64_t span = 1ULL << (plen - b->plen), at;
	unsigned int how = inet_random(state) % 100;

	at = (prev - b->first) >> (64 - plen);
	if (how < 45 && (prev & inet_mask(b->plen)) == b->first)
		at = (at + 1) % span;
	else if (how < 75)
		at = inet_random(state) % (span < 64 ? span : 16 + span / 16);
	else
		at = inet_random(state) % span;
	return b->first | (at << (64 - plen));
}

// The i-th of n prefixes, all different, of the shares' lengths and in the blocks.
static void inet_fill(struct inet_block *out, size_t n, const struct inet_share *shares,
		      size_t nshares, const struct inet_block *blocks, size_t nblocks,
		      uint64_t *state)
{
	uint64_t *prev = calloc(nblocks, sizeof(*prev)), first;
	struct inet_set set;
	unsigned int plen;
	size_t i, b, tries, got = 0;
	struct inet_block t;

	if (prev == NULL)
		abort();
	inet_set_init(&set, n);
	while (got < n) {
		plen = inet_pick_plen(shares, nshares, state);
		// The length is settled; look for room until there is some.
		for (tries = 0; tries < 5000; tries++) {
			b = inet_pick_block(nblocks, state);
			if (blocks[b].plen > plen) {
				first = blocks[b].first & inet_mask(plen);
			} else {
				first = inet_pick_within(&blocks[b], plen, prev[b], state);
				prev[b] = first;
			}
			if (inet_set_add(&set, first ^ (uint64_t)plen << 1 ^ 1)) {
				out[got++] = (struct inet_block){first, plen};
				break;
			}
		}
	}
	for (i = n; i > 1; i--) {
		b = inet_random(state) % i;
		t = out[b];
		out[b] = out[i - 1];
		out[i - 1] = t;
	}
	free(prev);
	free(set.slot);
}

static int inet_unicast4(uint64_t first)
{
	unsigned int a = first >> 56;

	return a != 0 && a != 10 && a != 127 && a < 224;
}

void inet_table4(struct inet_route4 *out, size_t n, uint64_t seed)
{
	struct inet_block *blocks = calloc(INET_BLOCKS4, sizeof(*blocks));
	struct inet_block *v = calloc(n, sizeof(*v));
	uint64_t state = seed ^ 0x9e3779b97f4a7c15ULL;
	unsigned int plen;
	size_t i;

	if (blocks == NULL || v == NULL)
		abort();
	for (i = 0; i < INET_BLOCKS4; i++) {
		// Allocations of /10 … /22; the ones in front, which announce most, are the larger
		// ones.
		plen = 22 - (unsigned int)(inet_unit(&state) * 7);
		if (i < INET_BLOCKS4 / 4)
			plen -= 2 + (unsigned int)(inet_unit(&state) * 4);
		do
			blocks[i].first = inet_random(&state) & inet_mask(plen);
		while (!inet_unicast4(blocks[i].first));
		blocks[i].plen = plen;
	}
	inet_fill(v, n, inet_shares4, sizeof(inet_shares4) / sizeof(inet_shares4[0]), blocks,
		  INET_BLOCKS4, &state);
	for (i = 0; i < n; i++)
		out[i] = (struct inet_route4){v[i].first >> 32, v[i].plen};
	free(blocks);
	free(v);
}

void inet_table6(struct inet_route6 *out, size_t n, uint64_t seed)
{
	const size_t nregions = sizeof(inet_regions6) / sizeof(inet_regions6[0]);
	struct inet_block *blocks = calloc(INET_BLOCKS6, sizeof(*blocks));
	struct inet_block *v = calloc(n, sizeof(*v));
	uint64_t state = seed ^ 0xd1b54a32d192ed03ULL, half;
	const struct inet_region *r;
	unsigned int plen, at, total = 0;
	size_t i, k;

	if (blocks == NULL || v == NULL)
		abort();
	for (k = 0; k < nregions; k++)
		total += inet_regions6[k].weight;
	for (i = 0; i < INET_BLOCKS6; i++) {
		at = inet_random(&state) % total;
		for (k = 0; at >= inet_regions6[k].weight; k++)
			at -= inet_regions6[k].weight;
		r = &inet_regions6[k];
		plen = inet_random(&state) % 100 < 22 ? 29 : 32;
		// Registries hand out a region from its front: the first half is dense.
		half = inet_random(&state) & ~inet_mask(r->plen);
		if (inet_random(&state) % 100 < 70)
			half &= ~inet_mask(r->plen + 1);
		blocks[i].first = ((uint64_t)r->first << 32 | half) & inet_mask(plen);
		blocks[i].plen = plen;
	}
	inet_fill(v, n, inet_shares6, sizeof(inet_shares6) / sizeof(inet_shares6[0]), blocks,
		  INET_BLOCKS6, &state);
	for (i = 0; i < n; i++) {
		half = htobe64(v[i].first);
		memset(&out[i], 0, sizeof(out[i]));
		memcpy(&out[i].dst, &half, sizeof(half));
		out[i].plen = v[i].plen;
	}
	free(blocks);
	free(v);
}

uint32_t inet_address4(const struct inet_route4 *r, uint64_t *state)
{
	return r->dst | (uint32_t)(inet_random(state) >> 32 & ~inet_mask(r->plen) >> 32);
}

struct in6_addr inet_address6(const struct inet_route6 *r, uint64_t *state)
{
	struct in6_addr a;
	uint64_t half[2];

	memcpy(half, &r->dst, sizeof(half));
	if (r->plen <= 64) {
		half[0] = htobe64(be64toh(half[0]) | (inet_random(state) & ~inet_mask(r->plen)));
		half[1] = inet_random(state);
	} else {
		half[1] =
		    htobe64(be64toh(half[1]) | (inet_random(state) & ~inet_mask(r->plen - 64)));
	}
	memcpy(&a, half, sizeof(a));
	return a;
}
