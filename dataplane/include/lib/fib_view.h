/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What readers see of a routing table: one pointer, published by the writer under RCU, to a view.
 * A view of another kind takes its place when the table outgrows it:
 *
 *   flat      sorted boundaries, searched in registers or the first cache: tens of routes
 *   trie      level compressed, one cache line per level (lib/fib_trie.h): IPv6, small IPv4 tables
 *   dir24_8   two array look-ups: large IPv4 tables
 *
 * The default route is in none of them. It is one word in the view, so that a default route that
 * comes and goes costs one store and not a rewrite of the table.
 */
#ifndef SKUA_LIB_FIB_VIEW_H
#define SKUA_LIB_FIB_VIEW_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum fib_view_kind {
	FIB_VIEW_FLAT,
	FIB_VIEW_TRIE,
	FIB_VIEW_DIR24_8,
};

struct fib_view;

typedef void (*fib_bulk4_t)(const struct fib_view *v, const uint32_t *dst, uint32_t *nh_id,
			    unsigned int n);
typedef void (*fib_bulk6_t)(const struct fib_view *v, const struct in6_addr *dst, uint32_t *nh_id,
			    unsigned int n);

/* Written by the table's writer, read by all; only default_nh changes once it is published. */
struct fib_view {
	union {
		fib_bulk4_t bulk4;
		fib_bulk6_t bulk6;
	};
	const void *first;   /* flat: boundaries; trie: nodes; dir24_8: tbl24 */
	const void *second;  /* flat: results; trie: root; dir24_8: tbl8 */
	uint32_t default_nh; /* 0: none */
	uint8_t kind;
	uint8_t steps; /* flat: of the binary search */
} __attribute__((aligned(64)));

/*
 * The instruction sets that bulk look-ups come in. Chosen once, by cpuid, before the first table;
 * tests and benchmarks may ask for less. Returns what is in force from now on for new views: the
 * best of the machine that is no better than max.
 */
enum fib_isa {
	FIB_ISA_SCALAR,
	FIB_ISA_AVX2,
	FIB_ISA_AVX512,
};

enum fib_isa fib_isa_limit(enum fib_isa max);
enum fib_isa fib_isa(void);

static inline uint32_t fib_view_default(const struct fib_view *v)
{
	return __atomic_load_n(&v->default_nh, __ATOMIC_RELAXED);
}

#endif
