/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routing tables, as lcores see them (net/ipv4/ip_fib.c, net/ipv6/ip6_fib.c; include/net/ip_fib.h
 * and ip6_fib.h of the kernel). A table maps prefixes to nexthop ids, longest match first. Exactly
 * one id per prefix: which route of a prefix is best, its type, its paths, all that is decided by
 * the control plane and kept in the nexthop object.
 *
 * Who may call what
 *   readers  fib_table_lookup*, fib6_table_lookup*, *_prefetch: any registered and online RCU
 *            reader (lib/rcu.h), without a lock. An answer is that of the table before or after
 *            each change; a change of a prefix is seen address by address, never torn. A look-up
 *            that starts after a change has returned sees it.
 *   writer   all else: one thread at a time for each table (in Skua: under RTNL). The writer never
 *            waits for readers; memory they may still see is given back by later calls.
 *
 * Errors are negative errno values. Addresses of IPv4 are in host order, of IPv6 in network order.
 */
#ifndef SKUA_NET_IP_FIB_H
#define SKUA_NET_IP_FIB_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lib/fib_view.h>

#define FIB_NH_ID_MAX    0xffffffU /* ids are 1 … this */
#define FIB_TABLE_NAMSIZ 32

/* The readers' part of either table; the rest is behind it. */
struct fib_table_head {
	struct fib_view *view;
};

struct fib_table;
struct fib6_table;

/*
 * ---- IPv4 ----
 *
 * A new table takes some kilobytes, one with a few hundred routes about half a megabyte, one with
 * more than FIB_DIR24_8_ROUTES 64 MiB of address space of which it touches what its routes cover.
 * name is for dumps and errors, and cut to FIB_TABLE_NAMSIZ - 1. NULL: no memory.
 */
struct fib_table *fib_new_table(const char *name);

/*
 * The table must have been unpublished: no reader finds it any more. Those that still use it are
 * waited for by RCU, not by the caller.
 */
void fib_free_table(struct fib_table *tb);

/*
 * Adds dst/plen, or replaces its nexthop id. Returns 0, -EINVAL (bits set beyond plen, plen above
 * 32, nh_id 0 or above FIB_NH_ID_MAX) or -ENOMEM (nothing changed).
 */
int fib_table_insert(struct fib_table *tb, uint32_t dst, uint8_t plen, uint32_t nh_id);

/* Returns 0, -EINVAL as above, -ESRCH, or -ENOMEM (nothing changed; the trie views only). */
int fib_table_delete(struct fib_table *tb, uint32_t dst, uint8_t plen);

/* Fetches what changing some prefixes (at most FIB_RIB_AHEAD) is going to touch. */
void fib_table_ahead(const struct fib_table *tb, const uint32_t *dst, const uint8_t *plen,
		     unsigned int n);

/* The id of exactly this prefix; 0: there is none. */
uint32_t fib_table_get(const struct fib_table *tb, uint32_t dst, uint8_t plen);

struct fib_entry {
	uint32_t dst;
	uint32_t nh_id;
	uint8_t plen;
};

/* Place in a dump; zeroed, it stands before the first prefix. Its owner may keep it for ever. */
struct fib_cursor {
	uint64_t pos[2];
	uint8_t plen;
	bool started;
};

/*
 * Up to n prefixes after the cursor into out, by (dst, plen) ascending. Returns how many; fewer
 * than n is the end. The table may change between calls: a prefix that stays is shown once.
 */
unsigned int fib_table_dump(const struct fib_table *tb, struct fib_cursor *cur,
			    struct fib_entry *out, unsigned int n);

uint32_t fib_table_count(const struct fib_table *tb);
size_t fib_table_memory(const struct fib_table *tb); /* bytes, what is mapped but empty included */
const char *fib_table_name(const struct fib_table *tb);

/* nh_id[i] = id for dst[i], 0 for no route. Any n; bursts of 32 are what it is made for. */
static inline void fib_table_lookup_bulk(const struct fib_table *tb, const uint32_t *dst,
					 uint32_t *nh_id, unsigned int n)
{
	const struct fib_view *v =
	    __atomic_load_n(&((const struct fib_table_head *)tb)->view, __ATOMIC_ACQUIRE);

	v->bulk4(v, dst, nh_id, n);
}

/* ---- the words of the dir24_8 view, here for the inline forms below ---- */

#define FIB_DIR24_8_EXT 0x80000000U /* tbl24: low bits are the number of a group of 256 in tbl8 */
#define FIB_DIR24_8_NH  0x00ffffffU /* else bits 24 … 29 are the length of the prefix */

static inline uint32_t fib_table_lookup(const struct fib_table *tb, uint32_t dst)
{
	const struct fib_view *v =
	    __atomic_load_n(&((const struct fib_table_head *)tb)->view, __ATOMIC_ACQUIRE);
	uint32_t nh;

	if (v->kind != FIB_VIEW_DIR24_8) {
		v->bulk4(v, &dst, &nh, 1);
		return nh;
	}
	nh = __atomic_load_n((const uint32_t *)v->first + (dst >> 8), __ATOMIC_RELAXED);
	if (nh & FIB_DIR24_8_EXT)
		nh = __atomic_load_n((const uint32_t *)v->second +
					 ((size_t)(nh & FIB_DIR24_8_NH) << 8 | (dst & 0xff)),
				     __ATOMIC_RELAXED);
	nh &= FIB_DIR24_8_NH;
	return nh ? nh : fib_view_default(v);
}

/* Whether the first cache line that a look-up reads is likely to miss. */
static inline bool fib_table_prefetches(const struct fib_table *tb)
{
	return __atomic_load_n(&((const struct fib_table_head *)tb)->view, __ATOMIC_ACQUIRE)
		   ->kind == FIB_VIEW_DIR24_8;
}

/* Asks for that line. Worth it when some work lies between. */
static inline void fib_table_prefetch(const struct fib_table *tb, uint32_t dst)
{
	const struct fib_view *v =
	    __atomic_load_n(&((const struct fib_table_head *)tb)->view, __ATOMIC_ACQUIRE);

	if (v->kind == FIB_VIEW_DIR24_8)
		__builtin_prefetch((const uint32_t *)v->first + (dst >> 8));
}

/* ---- IPv6: the same, with lengths up to 128 ---- */

struct fib6_table *fib6_new_table(const char *name);
void fib6_free_table(struct fib6_table *tb);
int fib6_table_insert(struct fib6_table *tb, const struct in6_addr *dst, uint8_t plen,
		      uint32_t nh_id);
int fib6_table_delete(struct fib6_table *tb, const struct in6_addr *dst, uint8_t plen);
void fib6_table_ahead(const struct fib6_table *tb, const struct in6_addr *dst, const uint8_t *plen,
		      unsigned int n);
uint32_t fib6_table_get(const struct fib6_table *tb, const struct in6_addr *dst, uint8_t plen);

struct fib6_entry {
	struct in6_addr dst;
	uint32_t nh_id;
	uint8_t plen;
};

unsigned int fib6_table_dump(const struct fib6_table *tb, struct fib_cursor *cur,
			     struct fib6_entry *out, unsigned int n);
uint32_t fib6_table_count(const struct fib6_table *tb);
size_t fib6_table_memory(const struct fib6_table *tb);
const char *fib6_table_name(const struct fib6_table *tb);

static inline void fib6_table_lookup_bulk(const struct fib6_table *tb, const struct in6_addr *dst,
					  uint32_t *nh_id, unsigned int n)
{
	const struct fib_view *v =
	    __atomic_load_n(&((const struct fib_table_head *)tb)->view, __ATOMIC_ACQUIRE);

	v->bulk6(v, dst, nh_id, n);
}

static inline uint32_t fib6_table_lookup(const struct fib6_table *tb, const struct in6_addr *dst)
{
	uint32_t nh;

	fib6_table_lookup_bulk(tb, dst, &nh, 1);
	return nh;
}

#endif
