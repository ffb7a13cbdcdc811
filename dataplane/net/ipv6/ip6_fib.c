/* SPDX-License-Identifier: BSD-3-Clause */
/* The IPv6 face of a routing table: see net/ip_fib.h. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/ip_fib.h>

#include <lib/fib_lpm.h>

struct fib6_table {
	struct fib_lpm lpm; /* begins with the view: a struct fib_table_head */
	char name[FIB_TABLE_NAMSIZ];
};

_Static_assert(offsetof(struct fib6_table, lpm.view) == offsetof(struct fib_table_head, view),
	       "readers see the view through struct fib_table_head");

struct fib6_table *fib6_new_table(const char *name)
{
	struct fib6_table *tb;

	tb = calloc(1, sizeof(*tb));
	if (tb == NULL)
		return NULL;
	if (fib_lpm_init(&tb->lpm, true, NULL) != 0) {
		free(tb);
		return NULL;
	}
	snprintf(tb->name, sizeof(tb->name), "%s", name);
	return tb;
}

void fib6_free_table(struct fib6_table *tb)
{
	if (tb == NULL)
		return;
	fib_lpm_free(&tb->lpm);
	free(tb);
}

static struct fib_key fib6_key(const struct in6_addr *dst)
{
	uint64_t half[2];

	memcpy(half, dst, sizeof(half));
	return (struct fib_key){be64toh(half[0]), be64toh(half[1])};
}

static bool fib6_prefix_valid(const struct in6_addr *dst, uint8_t plen)
{
	return plen <= 128 && fib_key_equal(fib_key_mask(fib6_key(dst), plen), fib6_key(dst));
}

int fib6_table_insert(struct fib6_table *tb, const struct in6_addr *dst, uint8_t plen,
		      uint32_t nh_id)
{
	if (!fib6_prefix_valid(dst, plen) || nh_id == 0 || nh_id > FIB_NH_ID_MAX)
		return -EINVAL;
	return fib_lpm_insert(&tb->lpm, fib6_key(dst), plen, nh_id);
}

int fib6_table_delete(struct fib6_table *tb, const struct in6_addr *dst, uint8_t plen)
{
	if (!fib6_prefix_valid(dst, plen))
		return -EINVAL;
	return fib_lpm_delete(&tb->lpm, fib6_key(dst), plen);
}

void fib6_table_ahead(const struct fib6_table *tb, const struct in6_addr *dst, const uint8_t *plen,
		      unsigned int n)
{
	struct fib_key keys[FIB_RIB_AHEAD];

	if (n > FIB_RIB_AHEAD)
		n = FIB_RIB_AHEAD;
	for (unsigned int i = 0; i < n; i++)
		keys[i] = fib6_key(&dst[i]);
	fib_rib_ahead(&tb->lpm.rib, keys, plen, n);
}

uint32_t fib6_table_get(const struct fib6_table *tb, const struct in6_addr *dst, uint8_t plen)
{
	if (!fib6_prefix_valid(dst, plen))
		return 0;
	return fib_rib_get(&tb->lpm.rib, fib6_key(dst), plen);
}

unsigned int fib6_table_dump(const struct fib6_table *tb, struct fib_cursor *cur,
			     struct fib6_entry *out, unsigned int n)
{
	struct fib_rib_cursor at = {{cur->pos[0], cur->pos[1]}, cur->plen, cur->started};
	unsigned int got = 0, part, i;
	struct fib_route route[32];
	uint64_t half[2];

	do {
		part = n - got < 32 ? n - got : 32;
		part = fib_rib_dump(&tb->lpm.rib, &at, route, part);
		for (i = 0; i < part; i++, got++) {
			half[0] = htobe64(route[i].key.hi);
			half[1] = htobe64(route[i].key.lo);
			memcpy(&out[got].dst, half, sizeof(half));
			out[got].nh_id = route[i].nh;
			out[got].plen = route[i].plen;
		}
	} while (part == 32);

	*cur = (struct fib_cursor){{at.key.hi, at.key.lo}, at.plen, at.started};
	return got;
}

uint32_t fib6_table_count(const struct fib6_table *tb)
{
	return tb->lpm.rib.count;
}

size_t fib6_table_memory(const struct fib6_table *tb)
{
	return sizeof(*tb) + fib_lpm_memory(&tb->lpm);
}

const char *fib6_table_name(const struct fib6_table *tb)
{
	return tb->name;
}
