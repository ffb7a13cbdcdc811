/* SPDX-License-Identifier: BSD-3-Clause */
/* Building and changing the level compressed trie: see lib/fib_trie.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lib/fib_trie.h>

enum {
	FIB_TRIE_UNIT = 64,
	FIB_TRIE_SPANS = 64,   /* of a block, beyond which it becomes a direct node */
	FIB_TRIE_SPARSE = 32,  /* a direct node has a boundary in one of so many of its slots */
	FIB_TRIE_RECLAIM = 32, /* nodes that wait before it is worth asking for the grace period */
};

static uint32_t fib_trie_build(struct fib_trie *t, uint32_t top, unsigned int depth,
			       uint32_t cover_nh);

static void *fib_trie_node(const struct fib_trie *t, uint32_t e)
{
	return t->nodes.base + (size_t)(e & FIB_TRIE_INDEX) * FIB_TRIE_UNIT;
}

static unsigned int fib_trie_code(uint32_t e)
{
	return e >> 24 & 3;
}

static struct fib_trie_meta *fib_trie_meta(const struct fib_trie *t, uint32_t e)
{
	return (struct fib_trie_meta *)t->meta.base + (e & FIB_TRIE_INDEX);
}

/* Blocks begin and end with the 64-bit halves of an address: no window spans both. */
static unsigned int fib_trie_window_bits(unsigned int depth)
{
	unsigned int left = 64 - (depth & 63);

	return left < 32 ? left : 32;
}

/* 0 is never a node: the root is there. */
static uint32_t fib_trie_alloc(struct fib_trie *t, unsigned int code)
{
	uint32_t idx = t->free[code], units = fib_trie_direct_units(code);

	if (idx != 0) {
		t->free[code] = *(uint32_t *)fib_trie_node(t, idx);
	} else {
		if (t->nr + units > FIB_TRIE_INDEX ||
		    fib_arena_commit(&t->nodes, ((size_t)t->nr + units) * FIB_TRIE_UNIT) ||
		    fib_arena_commit(&t->meta,
				     ((size_t)t->nr + 1) * sizeof(struct fib_trie_meta))) {
			t->failed = true;
			return 0;
		}
		idx = t->nr;
		t->nr += units;
	}
	t->in_use += units;
	return idx;
}

static void fib_trie_release(void *ctx, uint64_t val)
{
	struct fib_trie *t = ctx;
	uint32_t idx = val, code = val >> 32;

	*(uint32_t *)fib_trie_node(t, idx) = t->free[code];
	t->free[code] = idx;
	t->in_use -= fib_trie_direct_units(code);
}

/* Gives back e and all below it, which readers may still be looking at. */
static void fib_trie_drop(struct fib_trie *t, uint32_t e)
{
	const struct fib_line *line;
	const uint32_t *tbl;
	uint32_t i, nr;
	uint64_t code = 0;

	if ((e & FIB_TRIE_NODE) == 0)
		return;

	if (e & FIB_TRIE_DIRECT) {
		code = fib_trie_code(e);
		tbl = fib_trie_node(t, e);
		nr = 16U << (4 * code);
	} else {
		line = fib_trie_node(t, e);
		tbl = line->res;
		nr = line->nr;
	}
	for (i = 0; i < nr; i++)
		fib_trie_drop(t, tbl[i]);
	/* Without memory for the queue the node is lost until the table goes: never freed early. */
	rcu_queue_push(&t->gone, (e & FIB_TRIE_INDEX) | code << 32);
}

/* ---- building ---- */

static uint32_t fib_trie_span_entry(struct fib_trie *t, const struct fib_span *span,
				    unsigned int depth)
{
	if (span->sub == 0)
		return span->nh;
	return fib_trie_build(t, span->sub, depth + fib_trie_window_bits(depth), span->nh);
}

static void fib_trie_line_head(struct fib_line *line, unsigned int depth, unsigned int nr)
{
	line->depth = depth;
	line->next = depth + fib_trie_window_bits(depth);
	line->nr = nr;
	line->unused = 0;
}

/* A line over the nr <= 8 spans from number at on. Building below may move the list. */
static uint32_t fib_trie_build_line(struct fib_trie *t, size_t at, unsigned int nr,
				    unsigned int depth)
{
	unsigned int shift = 32 - fib_trie_window_bits(depth), i;
	struct fib_line *line;
	struct fib_span span;
	uint32_t idx, e = 0;

	if (nr == 1) {
		span = t->spans.v[at];
		return fib_trie_span_entry(t, &span, depth);
	}
	idx = fib_trie_alloc(t, 0);
	if (idx == 0)
		return 0;
	line = fib_trie_node(t, idx);
	fib_trie_line_head(line, depth, nr);
	for (i = 0; i < FIB_TRIE_KEYS; i++)
		line->key[i] = i + 1 < nr ? t->spans.v[at + i + 1].first << shift : ~0U;
	for (i = 0; i <= FIB_TRIE_KEYS; i++) {
		if (i < nr) {
			span = t->spans.v[at + i];
			e = fib_trie_span_entry(t, &span, depth);
		}
		line->res[i] = e;
	}
	return FIB_TRIE_LINE | idx;
}

/* A line, or a line of lines that are about equally full. */
static uint32_t fib_trie_build_lines(struct fib_trie *t, size_t at, size_t nr, unsigned int depth)
{
	unsigned int shift = 32 - fib_trie_window_bits(depth), i;
	size_t parts = (nr + FIB_TRIE_KEYS) / (FIB_TRIE_KEYS + 1), from, to;
	struct fib_line *line;
	uint32_t idx, e = 0;

	if (parts == 1)
		return fib_trie_build_line(t, at, nr, depth);
	idx = fib_trie_alloc(t, 0);
	if (idx == 0)
		return 0;
	line = fib_trie_node(t, idx);
	fib_trie_line_head(line, depth, parts);
	for (i = 0; i <= FIB_TRIE_KEYS; i++) {
		if (i < parts) {
			from = i * nr / parts;
			to = (i + 1) * nr / parts;
			if (i > 0)
				line->key[i - 1] = t->spans.v[at + from].first << shift;
			e = fib_trie_build_line(t, at + from, to - from, depth);
			if (to - from > 1 && e != 0)
				e |= FIB_TRIE_SAME;
		} else {
			line->key[i - 1] = ~0U;
		}
		line->res[i] = e;
	}
	return FIB_TRIE_LINE | idx;
}

/*
 * Sets one slot, readers looking on, unless memory failed on the way to e. A fresh node has no old
 * entries. What was built in vain goes the long way round through the queue: it is rare.
 */
static void fib_trie_set(struct fib_trie *t, uint32_t *slot, uint32_t e, bool fresh)
{
	uint32_t old = fresh ? 0 : *slot;

	if (t->failed) {
		fib_trie_drop(t, e);
		if (fresh)
			*slot = 0;
		return;
	}
	if (fresh) {
		*slot = e;
		return;
	}
	if (e == old)
		return;
	__atomic_store_n(slot, e, __ATOMIC_RELEASE);
	fib_trie_drop(t, old);
}

static void fib_trie_set_range(struct fib_trie *t, uint32_t *tbl, int64_t lo, int64_t hi,
			       uint32_t nh, bool fresh)
{
	for (; lo <= hi; lo++)
		fib_trie_set(t, &tbl[lo], nh, fresh);
}

/*
 * Slots lo … hi of a direct node of the given depth and bits: the routes at or below node top (0:
 * none), and cover_nh around them. Every slot is stored once, with its final value.
 */
static void fib_trie_fill(struct fib_trie *t, uint32_t *tbl, unsigned int depth, unsigned int bits,
			  uint32_t top, int64_t lo, int64_t hi, uint32_t cover_nh, bool fresh)
{
	const struct fib_rib_node *n;
	unsigned int plen;
	int64_t first, mid;

	if (top == 0) {
		fib_trie_set_range(t, tbl, lo, hi, cover_nh, fresh);
		return;
	}

	n = fib_rib_node(t->rib, top);
	plen = fib_rib_plen(n);
	t->seen += fib_rib_nh(n) != 0 && plen > depth && plen <= depth + bits;
	first = fib_key_window(fib_rib_key(t->rib, n), depth, bits);
	if (plen >= depth + bits) {
		fib_trie_set_range(t, tbl, lo, first - 1, cover_nh, fresh);
		fib_trie_set(t, &tbl[first], fib_trie_build(t, top, depth + bits, cover_nh), fresh);
		fib_trie_set_range(t, tbl, first + 1, hi, cover_nh, fresh);
		return;
	}

	mid = first + (1LL << (depth + bits - plen - 1));
	fib_trie_set_range(t, tbl, lo, first - 1, cover_nh, fresh);
	fib_trie_set_range(t, tbl, mid + (mid - first), hi, cover_nh, fresh);
	hi = mid + (mid - first) - 1;
	if (plen != 0 && fib_rib_nh(n) != 0)
		cover_nh = fib_rib_nh(n);
	fib_trie_fill(t, tbl, depth, bits, n->child[0], first, mid - 1, cover_nh, fresh);
	fib_trie_fill(t, tbl, depth, bits, n->child[1], mid, hi, cover_nh, fresh);
}

/*
 * The widest direct node that the spread of the nr spans from number at on is worth, or their
 * number if they are many: crowded into a corner of the block they are reached in few steps all the
 * same, at no more memory than they take themselves. As bits / 4 - 1.
 */
static unsigned int fib_trie_pick_code(const struct fib_trie *t, size_t at, size_t nr,
				       unsigned int depth)
{
	unsigned int bits, width = fib_trie_window_bits(depth);
	unsigned int end = t->rib->wide ? (depth | 63) + 1 : 32;
	const struct fib_span *v = t->spans.v + at;
	size_t i, used;

	for (bits = 16; bits > 4; bits -= 4) {
		if (depth + bits > end)
			continue;
		used = 1;
		for (i = 1; i < nr; i++)
			used += v[i].first >> (width - bits) != v[i - 1].first >> (width - bits);
		if (used * FIB_TRIE_SPARSE >= (size_t)1 << bits || nr * 4 >= (size_t)1 << bits)
			break;
	}
	return bits / 4 - 1;
}

/* The entry for the block of length depth that holds node top (0: no routes). */
static uint32_t fib_trie_build(struct fib_trie *t, uint32_t top, unsigned int depth,
			       uint32_t cover_nh)
{
	size_t at = t->spans.nr, nr, routes = 0, seen;
	const struct fib_rib_node *n;
	struct fib_trie_meta *m;
	unsigned int code;
	uint32_t idx, e;

	if (top == 0)
		return cover_nh;
	n = fib_rib_node(t->rib, top);
	if (fib_rib_plen(n) == depth && (n->child[0] | n->child[1]) == 0)
		return fib_rib_nh(n); /* one route is all of it, as at the end of the address */

	fib_spans_gather(&t->spans, t->rib, top, depth, fib_trie_window_bits(depth), cover_nh,
			 &routes);
	nr = t->spans.nr - at;
	if (t->spans.failed) {
		t->failed = true;
		t->spans.failed = false;
		t->spans.nr = at;
		return 0;
	}
	if (nr <= FIB_TRIE_SPANS) {
		t->seen += routes;
		e = fib_trie_build_lines(t, at, nr, depth);
		t->spans.nr = at;
		return e;
	}

	code = fib_trie_pick_code(t, at, nr, depth);
	t->spans.nr = at;
	idx = fib_trie_alloc(t, code);
	if (idx == 0)
		return 0;
	seen = t->seen;
	fib_trie_fill(t, fib_trie_node(t, idx), depth, 4 * (code + 1), top, 0,
		      (16LL << (4 * code)) - 1, cover_nh, true);
	m = fib_trie_meta(t, idx);
	m->routes = t->seen - seen;
	m->built = m->routes > FIB_TRIE_SPANS / 4 ? m->routes : FIB_TRIE_SPANS / 4;
	return FIB_TRIE_DIRECT | code << 24 | idx;
}

struct fib_trie *fib_trie_new(const struct fib_rib *rib, uint32_t default_nh)
{
	struct fib_trie *t;

	t = aligned_alloc(64, sizeof(*t));
	if (t == NULL)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->rib = rib;
	t->gone = (struct rcu_queue){.fn = fib_trie_release, .ctx = t};
	if (fib_arena_init(&t->nodes, ((size_t)FIB_TRIE_INDEX + 1) * FIB_TRIE_UNIT) ||
	    fib_arena_init(&t->meta, ((size_t)FIB_TRIE_INDEX + 1) * sizeof(struct fib_trie_meta)))
		goto fail;

	t->nr = 1;
	t->root = fib_trie_alloc(t, FIB_TRIE_ROOT_BITS / 4 - 1);
	if (t->root == 0)
		goto fail;
	fib_trie_fill(t, fib_trie_node(t, t->root), 0, FIB_TRIE_ROOT_BITS, FIB_RIB_ROOT, 0,
		      (1LL << FIB_TRIE_ROOT_BITS) - 1, 0, true);
	if (t->failed)
		goto fail;

	t->view = (struct fib_view){.first = t->nodes.base,
				    .second = fib_trie_node(t, t->root),
				    .default_nh = default_nh,
				    .kind = FIB_VIEW_TRIE};
	if (rib->wide)
		t->view.bulk6 = fib_trie_pick6();
	else
		t->view.bulk4 = fib_trie_pick4();
	return t;
fail:
	fib_trie_free(t);
	return NULL;
}

void fib_trie_free(void *trie)
{
	struct fib_trie *t = trie;

	rcu_queue_destroy(&t->gone);
	fib_spans_free(&t->spans);
	fib_arena_free(&t->meta);
	fib_arena_free(&t->nodes);
	free(t);
}

/* ---- changes ---- */

/* Is a direct node still the right one for what is below it? */
static bool fib_trie_outgrown(const struct fib_trie_meta *m)
{
	return m->routes > 4 * m->built || m->routes < m->built / 4;
}

/*
 * The line below e, whose block begins at depth, and in *at the number of its entry for what lies
 * in the block of the window of key, when that is a node now and still has to be one after the
 * change of a longer prefix: then what e looks at does not change, and thousands of prefixes in one
 * such block (the link-local addresses of as many links) need not be built anew for each of them.
 * NULL: build e.
 */
static struct fib_line *fib_trie_deeper(const struct fib_trie *t, uint32_t e, struct fib_key key,
					unsigned int plen, unsigned int depth, unsigned int *at)
{
	unsigned int bits = fib_trie_window_bits(depth), i;
	uint64_t unit = 1ULL << (32 - bits), w = fib_key_window(key, depth, bits) * unit;
	uint64_t from = 0, to = 1ULL << 32;
	const struct fib_rib_node *n;
	struct fib_line *line;
	uint32_t top, cover;

	if (plen <= depth + bits || (e & FIB_TRIE_LINE) == 0)
		return NULL;
	do {
		line = fib_trie_node(t, e);
		for (i = 0; i + 1 < line->nr && w >= line->key[i]; i++)
			from = line->key[i];
		if (i + 1 < line->nr)
			to = line->key[i];
		e = line->res[i];
	} while (e & FIB_TRIE_SAME);
	if (to - from != unit || (e & FIB_TRIE_NODE) == 0)
		return NULL;

	top = fib_rib_within(t->rib, key, depth + bits, &cover);
	if (top == 0)
		return NULL;
	n = fib_rib_node(t->rib, top);
	if (fib_rib_plen(n) == depth + bits && (n->child[0] | n->child[1]) == 0)
		return NULL;
	*at = i;
	return line;
}

/* Sets an entry of a line, readers looking on, and those that repeat it. */
static void fib_line_set(struct fib_trie *t, struct fib_line *line, unsigned int at, uint32_t e)
{
	uint32_t old = line->res[at];
	unsigned int i, end = at + 1 == line->nr ? FIB_TRIE_KEYS + 1 : at + 1;

	if (t->failed) {
		fib_trie_drop(t, e);
		return;
	}
	for (i = at; i < end; i++)
		__atomic_store_n(&line->res[i], e, __ATOMIC_RELEASE);
	fib_trie_drop(t, old);
}

int fib_trie_update(struct fib_trie *t, struct fib_key key, unsigned int plen, int delta)
{
	unsigned int depth = 0, bits = FIB_TRIE_ROOT_BITS, at;
	uint32_t *tbl = fib_trie_node(t, t->root), top, cover, e;
	struct fib_line *line = NULL, *below;
	struct fib_trie_meta *m;
	int64_t first;

	if (rcu_queue_len(&t->gone) >= FIB_TRIE_RECLAIM)
		rcu_queue_reclaim(&t->gone);

	t->failed = false;
	for (;;) {
		first = fib_key_window(key, depth, bits);
		if (plen < depth + bits) { /* several slots */
			top = fib_rib_within(t->rib, key, plen, &cover);
			fib_trie_fill(t, tbl, depth, bits, top, first,
				      first + (1LL << (depth + bits - plen)) - 1, cover, false);
			break;
		}

		depth += bits;
		e = tbl[first];
		line = NULL;
		while ((below = fib_trie_deeper(t, e, key, plen, depth, &at)) != NULL) {
			line = below;
			e = line->res[at];
			depth += fib_trie_window_bits(depth);
		}
		if (e & FIB_TRIE_DIRECT) {
			m = fib_trie_meta(t, e);
			m->routes += plen > depth && (delta > 0 || m->routes > 0) ? delta : 0;
			if (!fib_trie_outgrown(m)) {
				tbl = fib_trie_node(t, e);
				bits = 4 * (fib_trie_code(e) + 1);
				continue;
			}
		}
		top = fib_rib_within(t->rib, key, depth, &cover);
		e = fib_trie_build(t, top, depth, cover);
		if (line != NULL)
			fib_line_set(t, line, at, e);
		else
			fib_trie_set(t, &tbl[first], e, false);
		break;
	}
	return t->failed ? -ENOMEM : 0;
}

size_t fib_trie_memory(const struct fib_trie *t)
{
	return (size_t)t->in_use * FIB_TRIE_UNIT + sizeof(*t);
}
