/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routing tables with the shape of the Internet's, the same ones every time: lengths distributed as
 * in the tables of 2024, prefixes clustered in allocations of very unequal size, more specifics in
 * runs and beneath their covering routes. Used by every benchmark that wants a full table.
 */
#ifndef SKUA_TESTS_BENCH_INET_TABLE_H
#define SKUA_TESTS_BENCH_INET_TABLE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define INET_TABLE_SEED    0x5ca1ab1e
#define INET_TABLE_ROUTES4 1000000
#define INET_TABLE_ROUTES6 220000

struct inet_route4 {
	uint32_t dst; /* host order */
	uint8_t plen;
};

struct inet_route6 {
	struct in6_addr dst;
	uint8_t plen;
};

/* xorshift64*: fast, and the same everywhere. *state must not be 0. */
static inline uint64_t inet_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* n different prefixes (no default route) in random order; n is 1 … 1,000,000 and 1 … 300,000. */
void inet_table4(struct inet_route4 *out, size_t n, uint64_t seed);
void inet_table6(struct inet_route6 *out, size_t n, uint64_t seed);

/* A uniformly drawn address of a prefix. */
uint32_t inet_address4(const struct inet_route4 *r, uint64_t *state);
struct in6_addr inet_address6(const struct inet_route6 *r, uint64_t *state);

#endif
