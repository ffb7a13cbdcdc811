/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow obvious twin of a routing table of either family, and what the tests of the tables
 * share.
 */
#ifndef SKUA_TESTS_FIB_TWIN_H
#define SKUA_TESTS_FIB_TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lib/fib_lpm.h>
#include <lib/fib_trie.h>
#include <net/fib_dir24_8.h>
#include <net/ip_fib.h>

#define CHECK(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			check_failed(__FILE__, __LINE__, #cond, __VA_ARGS__);                      \
	} while (0)

_Noreturn void check_failed(const char *file, int line, const char *cond, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* xorshift64* */
struct rnd {
	uint64_t state;
};

uint64_t rnd(struct rnd *r);
uint32_t below(struct rnd *r, uint32_t n); /* 0 … n-1 */

struct prefix {
	struct fib_key key; /* IPv4 in the topmost 32 bits */
	uint8_t plen;
};

bool prefix_covers(const struct prefix *p, struct fib_key addr);
struct fib_key prefix_last(const struct prefix *p); /* its last address */

/* n different prefixes, clustered so that they nest; the default route is the first of them. */
struct prefix *prefix_pool(bool v6, size_t n, struct rnd *r);

/* An address that is likely to be decided by p or by what is next to it. */
struct fib_key prefix_probe(const struct prefix *p, bool v6, struct rnd *r);

const char *key_string(struct fib_key key, bool v6);

/* ---- the twin: which prefixes of a pool are there; all lengths are tried, longest first ---- */

struct twin {
	const struct prefix *pool;
	size_t n;
	uint32_t *nh;   /* by number in the pool; 0: not there */
	uint32_t *slot; /* hash of (key, plen) → number in the pool + 1 */
	size_t mask;
	uint32_t per_plen[129]; /* present ones */
	size_t count;
	bool v6;
};

void twin_init(struct twin *t, bool v6, const struct prefix *pool, size_t n);
void twin_free(struct twin *t);
void twin_set(struct twin *t, size_t i, uint32_t nh); /* nh 0 removes */
uint32_t twin_lookup(const struct twin *t, struct fib_key addr);

/* ---- a table of either family ---- */

struct table {
	bool v6;
	struct fib_table *t4;
	struct fib6_table *t6;
};

void table_init(struct table *t, bool v6);
void table_free(struct table *t);
int table_insert(struct table *t, const struct prefix *p, uint32_t nh);
int table_delete(struct table *t, const struct prefix *p);
void table_lookup(const struct table *t, const struct fib_key *addr, uint32_t *nh, unsigned int n);
unsigned int table_dump(const struct table *t, struct fib_cursor *cur, struct fib_route *out,
			unsigned int n);
uint32_t table_get(const struct table *t, const struct prefix *p);
uint32_t table_count(const struct table *t);
size_t table_memory(const struct table *t);
enum fib_view_kind table_kind(const struct table *t);

/* The dump holds exactly what the twin holds, in order; chunks of random size. */
void table_check_dump(const struct table *t, const struct twin *twin, struct rnd *r);

/* White box: no node of the view is lost, and none is used twice. No reader may be about. */
void table_check_nodes(const struct table *t);

/* Nodes of the trie between the root and the answer for addr. */
unsigned int table_depth(const struct table *t, struct fib_key addr);

/* The tests; each aborts with a message on failure. ops scales them, 1,000,000 is the full run. */
void test_rcu(void);
void test_edges(void);
void test_views(void);
void test_no_memory(void);
void test_twin(bool v6, unsigned long ops, uint64_t seed);
void test_readers(bool v6, unsigned long ops, uint64_t seed);

#endif
