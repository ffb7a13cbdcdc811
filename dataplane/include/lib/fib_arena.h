/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A growing memory area whose address never changes, so that readers may hold pointers into it
 * while the writer makes it larger. Address space is reserved at once and without cost; memory is
 * committed from the front as it is asked for, and touched only when it is written.
 */
#ifndef SKUA_LIB_FIB_ARENA_H
#define SKUA_LIB_FIB_ARENA_H

#include <stddef.h>

#define FIB_ARENA_HUGE                                                                             \
	(2UL << 20) /* base is aligned to it; areas larger than it ask for huge pages */

struct fib_arena {
	char *base;
	size_t limit;     /* bytes of address space */
	size_t committed; /* bytes that may be accessed, from base; zero until written */
	void *map;        /* what mmap gave: base rounded down */
	size_t map_len;
};

/* limit is rounded up to FIB_ARENA_HUGE. Returns 0 or -ENOMEM. */
int fib_arena_init(struct fib_arena *a, size_t limit);

int fib_arena_grow(struct fib_arena *a, size_t bytes);

/* At least bytes from base may be accessed. Returns 0 or -ENOMEM (also beyond limit). */
static inline int fib_arena_commit(struct fib_arena *a, size_t bytes)
{
	return __builtin_expect(bytes <= a->committed, 1) ? 0 : fib_arena_grow(a, bytes);
}

void fib_arena_free(struct fib_arena *a);

#endif
