/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The view of a table with few routes: the sorted boundaries of its prefixes, searched without a
 * branch and, where the processor can, many addresses at a time in registers. Most tables of most
 * routers are of this kind (the local table always is), and every packet asks one of them.
 *
 * It never changes: each change of the table builds another one.
 */
#ifndef SKUA_LIB_FIB_FLAT_H
#define SKUA_LIB_FIB_FLAT_H

#include <lib/fib_rib.h>
#include <lib/fib_view.h>

#define FIB_FLAT_SPANS4 64          /* at most; 2^steps */
#define FIB_FLAT_SPANS6 32          /* by the high half, and by the low half of one high half */
#define FIB_FLAT_ROUTES 31          /* more than so many are not worth a try */
#define FIB_FLAT_SUB    0x80000000U /* result: not a nexthop, the number of a fib_flat_low */

/* Unused boundaries are all ones, and unused results repeat the last one. */
struct fib_flat4 {
	struct fib_view view;
	uint32_t key[FIB_FLAT_SPANS4]; /* result i + 1 begins at key[i] */
	uint32_t res[FIB_FLAT_SPANS4];
};

struct fib_flat_low {
	uint64_t key[FIB_FLAT_SPANS6];
	uint32_t res[FIB_FLAT_SPANS6];
	uint32_t steps;
	uint32_t unused;
};

struct fib_flat6 {
	struct fib_view view;
	uint64_t key[FIB_FLAT_SPANS6];
	uint32_t res[FIB_FLAT_SPANS6];
	struct fib_flat_low low[];
};

/*
 * The view of all routes of rib but the default route, in *view: free() frees it. Returns 0,
 * -E2BIG (too many spans for this kind of view) or -ENOMEM.
 */
int fib_flat_new(const struct fib_rib *rib, uint32_t default_nh, struct fib_view **view);

/* Bytes. */
size_t fib_flat_memory(const struct fib_view *view, bool wide);

fib_bulk4_t fib_flat_pick4(unsigned int steps);
fib_bulk6_t fib_flat_pick6(unsigned int steps);

#endif
