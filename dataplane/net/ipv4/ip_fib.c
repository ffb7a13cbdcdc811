/* SPDX-License-Identifier: BSD-3-Clause */
/* The IPv4 face of a routing table: see net/ip_fib.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <net/fib_dir24_8.h>
#include <net/ip_fib.h>

#include <lib/fib_lpm.h>

struct fib_table {
	struct fib_lpm lpm; /* begins with the view: a struct fib_table_head */
	char name[FIB_TABLE_NAMSIZ];
};

_Static_assert(offsetof(struct fib_table, lpm.view) == offsetof(struct fib_table_head, view),
	       "readers see the view through struct fib_table_head");

struct fib_table *fib_new_table(const char *name)
{
	struct fib_table *tb;

	tb = calloc(1, sizeof(*tb));
	if (tb == NULL)
		return NULL;
	if (fib_lpm_init(&tb->lpm, false, &fib_dir24_8_ops) != 0) {
		free(tb);
		return NULL;
	}
	snprintf(tb->name, sizeof(tb->name), "%s", name);
	return tb;
}

void fib_free_table(struct fib_table *tb)
{
	if (tb == NULL)
		return;
	fib_lpm_free(&tb->lpm);
	free(tb);
}

static struct fib_key fib_table_key(uint32_t dst)
{
	return (struct fib_key){(uint64_t)dst << 32, 0};
}

static bool fib_prefix_valid(uint32_t dst, uint8_t plen)
{
	return plen <= 32 &&
	       fib_key_equal(fib_key_mask(fib_table_key(dst), plen), fib_table_key(dst));
}

int fib_table_insert(struct fib_table *tb, uint32_t dst, uint8_t plen, uint32_t nh_id)
{
	if (!fib_prefix_valid(dst, plen) || nh_id == 0 || nh_id > FIB_NH_ID_MAX)
		return -EINVAL;
	fib_table_prefetch(tb, dst); /* while the RIB is searched */
	return fib_lpm_insert(&tb->lpm, fib_table_key(dst), plen, nh_id);
}

int fib_table_delete(struct fib_table *tb, uint32_t dst, uint8_t plen)
{
	if (!fib_prefix_valid(dst, plen))
		return -EINVAL;
	fib_table_prefetch(tb, dst);
	return fib_lpm_delete(&tb->lpm, fib_table_key(dst), plen);
}

void fib_table_ahead(const struct fib_table *tb, const uint32_t *dst, const uint8_t *plen,
		     unsigned int n)
{
	struct fib_key keys[FIB_RIB_AHEAD];

	if (n > FIB_RIB_AHEAD)
		n = FIB_RIB_AHEAD;
	for (unsigned int i = 0; i < n; i++) {
		keys[i] = fib_table_key(dst[i]);
		fib_table_prefetch(tb, dst[i]);
	}
	fib_rib_ahead(&tb->lpm.rib, keys, plen, n);
}

uint32_t fib_table_get(const struct fib_table *tb, uint32_t dst, uint8_t plen)
{
	if (!fib_prefix_valid(dst, plen))
		return 0;
	return fib_rib_get(&tb->lpm.rib, fib_table_key(dst), plen);
}

unsigned int fib_table_dump(const struct fib_table *tb, struct fib_cursor *cur,
			    struct fib_entry *out, unsigned int n)
{
	struct fib_rib_cursor at = {{cur->pos[0], cur->pos[1]}, cur->plen, cur->started};
	unsigned int got = 0, part, i;
	struct fib_route route[32];

	do {
		part = n - got < 32 ? n - got : 32;
		part = fib_rib_dump(&tb->lpm.rib, &at, route, part);
		for (i = 0; i < part; i++, got++) {
			out[got].dst = route[i].key.hi >> 32;
			out[got].nh_id = route[i].nh;
			out[got].plen = route[i].plen;
		}
	} while (part == 32);

	*cur = (struct fib_cursor){{at.key.hi, at.key.lo}, at.plen, at.started};
	return got;
}

uint32_t fib_table_count(const struct fib_table *tb)
{
	return tb->lpm.rib.count;
}

size_t fib_table_memory(const struct fib_table *tb)
{
	return sizeof(*tb) + fib_lpm_memory(&tb->lpm);
}

const char *fib_table_name(const struct fib_table *tb)
{
	return tb->name;
}
