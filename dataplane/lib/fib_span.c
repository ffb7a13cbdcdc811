/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefixes turned into intervals: see lib/fib_span.h. */
#include <stdlib.h>

#include <lib/fib_span.h>

struct fib_gather {
	struct fib_spans *s;
	const struct fib_rib *rib;
	size_t base;
	unsigned int depth, bits;
	size_t routes;
};

/* From window value first on, nh (and sub) hold. */
static void fib_span_add(struct fib_gather *g, uint64_t first, uint32_t nh, uint32_t sub)
{
	struct fib_spans *s = g->s;
	struct fib_span *v;
	size_t cap;

	if (s->nr == s->cap) {
		cap = s->cap ? 2 * s->cap : 256;
		v = realloc(s->v, cap * sizeof(*v));
		if (v == NULL) {
			s->failed = true;
			return;
		}
		s->v = v;
		s->cap = cap;
	}

	if (s->nr > g->base && s->v[s->nr - 1].first == first)
		s->nr--; /* an empty span */
	if (s->nr > g->base && sub == 0 && s->v[s->nr - 1].sub == 0 && s->v[s->nr - 1].nh == nh)
		return;
	s->v[s->nr++] = (struct fib_span){.first = first, .nh = nh, .sub = sub};
}

static void fib_gather_node(struct fib_gather *g, uint32_t idx, uint32_t cover_nh)
{
	const struct fib_rib_node *n = fib_rib_node(g->rib, idx);
	unsigned int plen = fib_rib_plen(n), reach = g->depth + g->bits;
	uint64_t first = fib_key_window(fib_rib_key(g->rib, n), g->depth, g->bits), width;
	uint32_t nh = plen != 0 && fib_rib_nh(n) != 0 ? fib_rib_nh(n) : cover_nh;

	g->routes += fib_rib_nh(n) != 0 && plen > g->depth && plen <= reach;
	if (plen > reach || (plen == reach && (n->child[0] | n->child[1]) != 0)) {
		fib_span_add(g, first, plen == reach ? nh : cover_nh, idx);
		width = 1;
	} else {
		if (nh != cover_nh)
			fib_span_add(g, first, nh, 0);
		if (n->child[0] != 0)
			fib_gather_node(g, n->child[0], nh);
		if (n->child[1] != 0)
			fib_gather_node(g, n->child[1], nh);
		if (nh == cover_nh)
			return;
		width = reach - plen < 64 ? 1ULL << (reach - plen) : 0;
	}
	/* What lies behind it, unless it ends with the block. */
	first += width;
	if (width != 0 && first != 0 && (g->bits == 64 || first >> g->bits == 0))
		fib_span_add(g, first, cover_nh, 0);
}

void fib_spans_gather(struct fib_spans *s, const struct fib_rib *rib, uint32_t top,
		      unsigned int depth, unsigned int bits, uint32_t cover_nh, size_t *routes)
{
	struct fib_gather g = {.s = s, .rib = rib, .base = s->nr, .depth = depth, .bits = bits};

	fib_span_add(&g, 0, cover_nh, 0);
	if (top != 0)
		fib_gather_node(&g, top, cover_nh);
	*routes += g.routes;
}

void fib_spans_free(struct fib_spans *s)
{
	free(s->v);
	*s = (struct fib_spans){0};
}
