/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fib_filter.h - "certainly not in this table", for the tables before the last one of a net. The
 * local table holds a few own addresses that no transit packet has; one bit test per packet spares
 * it the lookup. A set bit says maybe.
 */
#ifndef SKUA_NET_FIB_FILTER_H
#define SKUA_NET_FIB_FILTER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FIB_FILTER_BITS 65536

struct fib_filter {
	uint64_t top[FIB_FILTER_BITS / 64];  /* by the first 16 bits of the address */
	uint64_t hash[FIB_FILTER_BITS / 64]; /* IPv6: prefixes of /64 and longer, by 64 bits */
	/* The writer's: how many prefixes stand behind a bit, at most; stops counting down at max.
	 */
	uint16_t n_top[FIB_FILTER_BITS];
	uint16_t n_hash[FIB_FILTER_BITS];
};

static inline bool fib_filter_bit(const uint64_t *map, uint32_t bit)
{
	return map[bit / 64] >> (bit % 64) & 1;
}

static inline uint32_t fib_filter_hash(uint64_t high)
{
	return (uint32_t)((high * 0x9e3779b97f4a7c15ULL) >> 48);
}

/* dst in host order */
static inline bool fib_filter_maybe4(const struct fib_filter *f, uint32_t dst)
{
	return fib_filter_bit(f->top, dst >> 16);
}

static inline bool fib_filter_maybe6(const struct fib_filter *f, const void *dst)
{
	const uint8_t *p = dst;
	uint64_t high;

	memcpy(&high, dst, 8);
	return (int)fib_filter_bit(f->top, (uint32_t)p[0] << 8 | p[1]) |
	       (int)fib_filter_bit(f->hash, fib_filter_hash(high));
}

/* fib_filter.c: the writer's. count: +1 a prefix more, -1 one less. */
void fib_filter_count(struct fib_filter *f, uint8_t family, const uint8_t *dst, uint8_t plen,
		      int count);

#endif
