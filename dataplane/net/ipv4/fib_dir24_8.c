/* SPDX-License-Identifier: BSD-3-Clause */
/* Building and changing the view of large IPv4 tables: see net/fib_dir24_8.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <net/fib_dir24_8.h>
#include <net/ip_fib.h>

#include <lib/fib_arena.h>
#include <lib/rcu.h>

enum {
	FIB_DIR24_8_GROUPS = 1 << 22, /* of tbl8, at most: 4 GiB of address space */
	FIB_DIR24_8_RECLAIM = 32,     /* groups that wait before it is worth asking */
};

struct fib_dir24_8 {
	struct fib_view view; /* what readers use; all else is the writer's */
	struct fib_arena tbl24;
	struct fib_arena tbl8;
	struct fib_arena routes; /* by group: routes longer than 24 in it */
	uint32_t nr;             /* groups ever used; number 0 is never */
	uint32_t free;           /* chained through the first word */
	uint32_t in_use;
	struct rcu_queue gone;
};

static uint32_t *fib_dir24_8_group(const struct fib_dir24_8 *d, uint32_t group)
{
	return (uint32_t *)d->tbl8.base + ((size_t)group << 8);
}

static uint32_t fib_dir24_8_alloc(struct fib_dir24_8 *d)
{
	uint32_t group = d->free;

	if (group != 0) {
		d->free = *fib_dir24_8_group(d, group);
	} else {
		if (d->nr == FIB_DIR24_8_GROUPS ||
		    fib_arena_commit(&d->tbl8, ((size_t)d->nr + 1) << 10) ||
		    fib_arena_commit(&d->routes, ((size_t)d->nr + 1) * sizeof(uint32_t)))
			return 0;
		group = d->nr++;
	}
	d->in_use++;
	return group;
}

static void fib_dir24_8_release(void *ctx, uint64_t val)
{
	struct fib_dir24_8 *d = ctx;

	*fib_dir24_8_group(d, val) = d->free;
	d->free = val;
	d->in_use--;
}

static unsigned int fib_dir24_8_depth(uint32_t word)
{
	return word >> 24 & 0x3f;
}

/* The n words from w on, none of them EXT: those of prefixes up to plen long become word. */
static void fib_dir24_8_store(uint32_t *w, unsigned int n, unsigned int plen, uint32_t word)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (fib_dir24_8_depth(w[i]) <= plen)
			__atomic_store_n(&w[i], word, __ATOMIC_RELAXED);
}

static void fib_dir24_8_short(struct fib_dir24_8 *d, uint32_t dst, unsigned int plen, uint32_t word)
{
	uint32_t *w = (uint32_t *)d->tbl24.base + (dst >> 8), n = 1U << (24 - plen), i;

	for (i = 0; i < n; i++) {
		if (w[i] & FIB_DIR24_8_EXT)
			fib_dir24_8_store(fib_dir24_8_group(d, w[i] & FIB_DIR24_8_NH), 256, plen,
					  word);
		else if (fib_dir24_8_depth(w[i]) <= plen)
			__atomic_store_n(&w[i], word, __ATOMIC_RELAXED);
	}
}

static int fib_dir24_8_long(struct fib_dir24_8 *d, uint32_t dst, unsigned int plen, uint32_t word,
			    int delta)
{
	uint32_t *w = (uint32_t *)d->tbl24.base + (dst >> 8), *routes, *words, group, i;

	if ((*w & FIB_DIR24_8_EXT) == 0) {
		group = fib_dir24_8_alloc(d);
		if (group == 0)
			return -ENOMEM;
		words = fib_dir24_8_group(d, group);
		for (i = 0; i < 256; i++)
			words[i] = *w;
		fib_dir24_8_store(words + (dst & 0xff), 1U << (32 - plen), plen, word);
		((uint32_t *)d->routes.base)[group] = 1;
		__atomic_store_n(w, FIB_DIR24_8_EXT | group, __ATOMIC_RELEASE);
		return 0;
	}

	group = *w & FIB_DIR24_8_NH;
	words = fib_dir24_8_group(d, group);
	fib_dir24_8_store(words + (dst & 0xff), 1U << (32 - plen), plen, word);
	routes = (uint32_t *)d->routes.base + group;
	*routes += delta;
	if (*routes == 0) { /* all 256 are the same again */
		__atomic_store_n(w, words[0], __ATOMIC_RELEASE);
		/* Without memory for the queue the group is lost until the table goes. */
		rcu_queue_push(&d->gone, group);
	}
	return 0;
}

static int fib_dir24_8_update(struct fib_view *view, struct fib_key key, unsigned int plen,
			      uint32_t nh, const struct fib_rib_change *chg)
{
	struct fib_dir24_8 *d = (struct fib_dir24_8 *)view;
	uint32_t word = nh | plen << 24, dst = key.hi >> 32;
	int delta = chg->old_nh == 0;

	if (rcu_queue_len(&d->gone) >= FIB_DIR24_8_RECLAIM)
		rcu_queue_reclaim(&d->gone);
	if (nh == 0) {
		word = chg->cover_nh | (uint32_t)chg->cover_plen << 24;
		delta = -1;
	}
	if (plen > 24)
		return fib_dir24_8_long(d, dst, plen, word, delta);
	fib_dir24_8_short(d, dst, plen, word);
	return 0;
}

static void fib_dir24_8_free(void *view)
{
	struct fib_dir24_8 *d = view;

	rcu_queue_destroy(&d->gone);
	fib_arena_free(&d->routes);
	fib_arena_free(&d->tbl8);
	fib_arena_free(&d->tbl24);
	free(d);
}

static struct fib_view *fib_dir24_8_build(const struct fib_rib *rib, uint32_t default_nh)
{
	const struct fib_rib_change added = {0};
	struct fib_rib_cursor cur = {0};
	struct fib_route route[64];
	struct fib_dir24_8 *d;
	unsigned int n, i;

	d = aligned_alloc(64, (sizeof(*d) + 63) & ~(size_t)63);
	if (d == NULL)
		return NULL;
	memset(d, 0, sizeof(*d));
	d->nr = 1;
	d->gone = (struct rcu_queue){.fn = fib_dir24_8_release, .ctx = d};
	if (fib_arena_init(&d->tbl24, sizeof(uint32_t) << 24) ||
	    fib_arena_init(&d->tbl8, (size_t)FIB_DIR24_8_GROUPS << 10) ||
	    fib_arena_init(&d->routes, (size_t)FIB_DIR24_8_GROUPS * sizeof(uint32_t)) ||
	    fib_arena_commit(&d->tbl24, sizeof(uint32_t) << 24) || fib_arena_commit(&d->tbl8, 1))
		goto fail;

	/* The order of a dump is by address, then by length: the memory is walked once. */
	do {
		n = fib_rib_dump(rib, &cur, route, 64);
		for (i = 0; i < n; i++)
			if (route[i].plen != 0 &&
			    fib_dir24_8_update(&d->view, route[i].key, route[i].plen, route[i].nh,
					       &added))
				goto fail;
	} while (n == 64);

	d->view.bulk4 = fib_dir24_8_pick();
	d->view.first = d->tbl24.base;
	d->view.second = d->tbl8.base;
	d->view.default_nh = default_nh;
	d->view.kind = FIB_VIEW_DIR24_8;
	return &d->view;
fail:
	fib_dir24_8_free(d);
	return NULL;
}

static size_t fib_dir24_8_memory(const struct fib_view *view)
{
	const struct fib_dir24_8 *d = (const struct fib_dir24_8 *)view;

	return sizeof(*d) + d->tbl24.committed + ((size_t)d->in_use << 10);
}

const struct fib_large_ops fib_dir24_8_ops = {
    .above = FIB_DIR24_8_ROUTES,
    .build = fib_dir24_8_build,
    .update = fib_dir24_8_update,
    .free = fib_dir24_8_free,
    .memory = fib_dir24_8_memory,
};
