/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A level compressed trie (as net/ipv4/fib_trie.c: the denser a block, the more bits its node
 * decides at once), leaf pushed, whose sparse ends are lists of intervals instead of nodes:
 *
 *   direct  2^4, 2^8, 2^12 or 2^16 entries, indexed by the next 4 … 16 address bits
 *   line    one cache line: 7 boundaries of up to 32 address bits, and the 8 entries between them
 *
 * A look-up reads one cache line per node. The root is a direct node of 16 bits. A block with up to
 * 64 spans is one line, or a line of lines; one with more is a direct node as wide as the spread of
 * its routes deserves. A typical Internet address is decided after the root, one direct node of 12
 * or 16 bits and one or two lines. (A Poptrie of 6-bit nodes, which is the usual choice for IPv6,
 * needs five or six nodes and a leaf for a /48, of 24 bytes that straddle cache lines, and has to
 * copy arrays of children where this stores one word.)
 *
 * Entries are single words, and a node that readers can see changes only by a store to one of its
 * entries. An update descends to the entry whose block holds the prefix, builds what belongs
 * below it anew from the RIB, stores the entry, and gives the old nodes back after a grace period.
 */
#ifndef SKUA_LIB_FIB_TRIE_H
#define SKUA_LIB_FIB_TRIE_H

#include <lib/fib_arena.h>
#include <lib/fib_rib.h>
#include <lib/fib_span.h>
#include <lib/fib_view.h>
#include <lib/rcu.h>

/*
 * An entry. A leaf is a nexthop id. Else bit 31 tells direct from line, and the low 24 bits say
 * where, in units of 64 bytes; bits 24 and 25 of a direct entry give its bits / 4 - 1. A line below
 * a line either looks through the same window, or begins where that one ends.
 */
#define FIB_TRIE_LINE   0x40000000U
#define FIB_TRIE_DIRECT 0x80000000U
#define FIB_TRIE_SAME   0x20000000U /* of a line: same window as the line above */
#define FIB_TRIE_NODE   (FIB_TRIE_LINE | FIB_TRIE_DIRECT) /* set in all but leaves */
#define FIB_TRIE_INDEX  0x00ffffffU

#define FIB_TRIE_KEYS      7
#define FIB_TRIE_ROOT_BITS 16

/*
 * key holds the window of bits [depth, depth + 32), cut at bits 64 and 128 and then padded with
 * zeros on the right. Value w belongs to res[i], i the number of keys <= w. Unused keys are all
 * ones, and unused entries repeat the last one.
 */
struct fib_line {
	uint32_t key[FIB_TRIE_KEYS];
	uint8_t depth;
	uint8_t next; /* where the window ends: depth of what is below and not FIB_TRIE_SAME */
	uint8_t nr;   /* entries in use */
	uint8_t unused;
	uint32_t res[FIB_TRIE_KEYS + 1];
} __attribute__((aligned(64)));

/* Of a direct node, by its index; the writer's own. When the ratio leaves bounds it is rebuilt. */
struct fib_trie_meta {
	uint32_t routes; /* below it */
	uint32_t built;  /* when it was built */
};

struct fib_trie {
	struct fib_view view; /* what readers use; all else is the writer's */
	const struct fib_rib *rib;
	struct fib_arena nodes;
	struct fib_arena meta;
	uint32_t root;
	uint32_t nr;      /* units ever used */
	uint32_t in_use;  /* units in the tree */
	uint32_t free[4]; /* by bits / 4 - 1; chained through the first word */
	struct fib_spans spans;
	struct rcu_queue gone;
	size_t seen; /* routes that a build has come across */
	bool failed; /* out of memory during this change */
};

/*
 * Builds the view of all routes of rib but the default route. bulk4 or bulk6 of the view is set
 * for the instruction set in force. NULL: no memory.
 */
struct fib_trie *fib_trie_new(const struct fib_rib *rib, uint32_t default_nh);

/* Frees all at once: no reader sees it any more. For rcu_defer(). */
void fib_trie_free(void *trie);

/*
 * Brings the view up to date with the RIB after key/plen (plen > 0) came (delta 1), changed (0) or
 * went (-1). Returns 0, or -ENOMEM: some addresses of the prefix are still seen as before.
 */
int fib_trie_update(struct fib_trie *t, struct fib_key key, unsigned int plen, int delta);

/* Bytes of nodes in use, and of those waiting for readers. */
size_t fib_trie_memory(const struct fib_trie *t);

/* The variants for the instruction set in force. */
fib_bulk4_t fib_trie_pick4(void);
fib_bulk6_t fib_trie_pick6(void);

static inline size_t fib_trie_direct_units(unsigned int code)
{
	return (size_t)1 << (4 * code);
}

#endif
