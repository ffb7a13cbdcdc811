/* SPDX-License-Identifier: BSD-3-Clause */
/* fib_filter.c - keeps the bits of a fib_filter true while prefixes come and go. */
#include <sys/socket.h>

#include <net/fib_filter.h>

static void filter_count(uint64_t *map, uint16_t *n, uint32_t bit, int count)
{
	uint64_t mask = 1ULL << (bit % 64);

	if (n[bit] == UINT16_MAX)
		return;
	n[bit] = (uint16_t)(n[bit] + count);
	if (n[bit])
		__atomic_or_fetch(&map[bit / 64], mask, __ATOMIC_RELEASE);
	else
		__atomic_and_fetch(&map[bit / 64], ~mask, __ATOMIC_RELEASE);
}

void fib_filter_count(struct fib_filter *f, uint8_t family, const uint8_t *dst, uint8_t plen,
		      int count)
{
	uint32_t first = (uint32_t)dst[0] << 8 | dst[1];
	uint32_t span = plen < 16 ? 1u << (16 - plen) : 1;

	if (family == AF_INET6 && plen >= 64) {
		uint64_t high;

		memcpy(&high, dst, 8);
		filter_count(f->hash, f->n_hash, fib_filter_hash(high), count);
		return;
	}
	first &= ~(span - 1);
	for (uint32_t i = 0; i < span; i++)
		filter_count(f->top, f->n_top, first + i, count);
}
