/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The writer's own record of a table: which prefixes exist, and what each points at. A path
 * compressed binary trie (Morrison's PATRICIA) with nodes of 16 bytes for IPv4 and 32 for IPv6,
 * addressed by index. Readers never look at it, so it knows nothing of RCU.
 *
 * Both families use one 128-bit key in host order, IPv4 in its topmost 32 bits. Nodes of plen > 0
 * without a route have two children; the root (plen 0) is always there.
 */
#ifndef SKUA_LIB_FIB_RIB_H
#define SKUA_LIB_FIB_RIB_H

#include <stdbool.h>
#include <stdint.h>

#include <lib/fib_arena.h>

#define FIB_NH_MAX   0xffffffU /* nexthop ids are 1 … FIB_NH_MAX; 0 is "no route" */
#define FIB_RIB_ROOT 1U

struct fib_key {
	uint64_t hi, lo;
};

struct fib_rib_node {
	uint32_t child[2]; /* by the bit after the prefix; 0 is none */
	uint32_t nh_plen;  /* nh | plen << 24; nh 0: no route here, the node only branches */
	uint32_t key4;     /* IPv4; the nodes of its tables end here */
	uint64_t key6[2];
};

struct fib_rib {
	struct fib_arena arena;
	uint32_t nr;    /* nodes ever used; index 0 is none */
	uint32_t free;  /* first of the free nodes, chained by child[0] */
	uint32_t count; /* routes */
	bool wide;      /* IPv6 */
};

/* What a change replaced, and the route that shows where this one does not. */
struct fib_rib_change {
	uint32_t old_nh;   /* 0: there was none */
	uint32_t cover_nh; /* of the longest shorter prefix, the default route apart; 0: none */
	uint8_t cover_plen;
};

struct fib_route {
	struct fib_key key;
	uint32_t nh;
	uint8_t plen;
};

/* Place in a dump. Zeroed it stands before the first route. */
struct fib_rib_cursor {
	struct fib_key key;
	uint8_t plen;
	bool started;
};

int fib_rib_init(struct fib_rib *rib, bool wide);
void fib_rib_free(struct fib_rib *rib);

/* Adds or replaces. Returns 0 or -ENOMEM (nothing is changed). */
int fib_rib_insert(struct fib_rib *rib, struct fib_key key, unsigned int plen, uint32_t nh,
		   struct fib_rib_change *chg);

/* Returns 0 or -ESRCH. */
int fib_rib_delete(struct fib_rib *rib, struct fib_key key, unsigned int plen,
		   struct fib_rib_change *chg);

/* The nexthop of exactly this prefix, 0 if there is none. */
uint32_t fib_rib_get(const struct fib_rib *rib, struct fib_key key, unsigned int plen);

/* How many prefixes fib_rib_ahead() takes at once. */
#define FIB_RIB_AHEAD 64

/*
 * Fetches the nodes on the way to some prefixes, side by side: who then changes them one by one
 * does not wait for memory at each node.
 */
void fib_rib_ahead(const struct fib_rib *rib, const struct fib_key *keys, const uint8_t *plens,
		   unsigned int n);

/*
 * The topmost node within key/plen (0: nothing is there), and in *cover_nh the route that holds
 * outside of it: that of the longest prefix shorter than plen, the default route apart.
 */
uint32_t fib_rib_within(const struct fib_rib *rib, struct fib_key key, unsigned int plen,
			uint32_t *cover_nh);

/*
 * Up to n routes after the cursor, by (address, length) ascending. Returns how many; fewer than n
 * at the end. The cursor stays good while routes come and go: it then shows each route that was
 * there throughout exactly once.
 */
unsigned int fib_rib_dump(const struct fib_rib *rib, struct fib_rib_cursor *cur,
			  struct fib_route *out, unsigned int n);

static inline struct fib_rib_node *fib_rib_node(const struct fib_rib *rib, uint32_t idx)
{
	return (struct fib_rib_node *)(rib->arena.base + ((size_t)idx << (rib->wide ? 5 : 4)));
}

static inline struct fib_key fib_rib_key(const struct fib_rib *rib, const struct fib_rib_node *n)
{
	if (rib->wide)
		return (struct fib_key){n->key6[0], n->key6[1]};
	return (struct fib_key){(uint64_t)n->key4 << 32, 0};
}

static inline unsigned int fib_rib_plen(const struct fib_rib_node *n)
{
	return n->nh_plen >> 24;
}

static inline uint32_t fib_rib_nh(const struct fib_rib_node *n)
{
	return n->nh_plen & FIB_NH_MAX;
}

static inline unsigned int fib_key_bit(struct fib_key key, unsigned int pos)
{
	return (pos < 64 ? key.hi >> (63 - pos) : key.lo >> (127 - pos)) & 1;
}

/* Number of leading bits that a and b share: 0 … 128. */
static inline unsigned int fib_key_shared(struct fib_key a, struct fib_key b)
{
	if (a.hi != b.hi)
		return __builtin_clzll(a.hi ^ b.hi);
	if (a.lo != b.lo)
		return 64 + __builtin_clzll(a.lo ^ b.lo);
	return 128;
}

static inline struct fib_key fib_key_mask(struct fib_key key, unsigned int plen)
{
	if (plen <= 64)
		return (struct fib_key){plen ? key.hi & (~0ULL << (64 - plen)) : 0, 0};
	return (struct fib_key){key.hi, key.lo & (~0ULL << (128 - plen))};
}

static inline bool fib_key_equal(struct fib_key a, struct fib_key b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static inline bool fib_key_less(struct fib_key a, struct fib_key b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

#endif
