/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prefixes turned into intervals. Seen through a window of a few address bits, the routes within a
 * block are a sorted list of spans, each with one nexthop; where routes are longer than the window
 * reaches, the span is one value wide and names the block that has to be looked at further.
 */
#ifndef SKUA_LIB_FIB_SPAN_H
#define SKUA_LIB_FIB_SPAN_H

#include <lib/fib_rib.h>

struct fib_span {
	uint64_t first; /* window bits of its first address; it ends where the next one begins */
	uint32_t nh;    /* what holds throughout, or where sub says nothing */
	uint32_t sub;   /* node of the routes beyond the window; 0: none */
};

/* A stack of lists: a builder notes nr, gathers, uses what was added, and sets nr back. */
struct fib_spans {
	struct fib_span *v;
	size_t nr, cap;
	bool failed; /* no memory: what was gathered is incomplete */
};

/*
 * Appends the spans of the block of length depth that holds node top (0: no routes), seen through
 * the window of bits [depth, depth + bits), all of the same 64-bit half. cover_nh holds outside of
 * the routes. Neighbouring spans differ. *routes is increased by the number of routes longer than
 * depth that the window shows whole.
 */
void fib_spans_gather(struct fib_spans *s, const struct fib_rib *rib, uint32_t top,
		      unsigned int depth, unsigned int bits, uint32_t cover_nh, size_t *routes);

void fib_spans_free(struct fib_spans *s);

/* Bits [depth, depth + bits) of key, all of the same half; bits is 1 … 64. */
static inline uint64_t fib_key_window(struct fib_key key, unsigned int depth, unsigned int bits)
{
	return ((depth < 64 ? key.hi : key.lo) << (depth & 63)) >> (64 - bits);
}

#endif
