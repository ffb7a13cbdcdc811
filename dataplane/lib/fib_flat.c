/* SPDX-License-Identifier: BSD-3-Clause */
/* Building the view of a table with few routes: see lib/fib_flat.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lib/fib_flat.h>
#include <lib/fib_span.h>

/* Steps of a binary search over nr spans. */
static unsigned int fib_flat_steps(size_t nr)
{
	unsigned int steps = 0;

	while ((size_t)1 << steps < nr)
		steps++;
	return steps;
}

static int fib_flat_new4(const struct fib_span *v, size_t nr, struct fib_view **view)
{
	struct fib_flat4 *f;
	size_t i;

	if (nr > FIB_FLAT_SPANS4)
		return -E2BIG;
	f = aligned_alloc(64, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	memset(f, 0, sizeof(*f));
	for (i = 0; i < FIB_FLAT_SPANS4; i++) {
		f->key[i] = i + 1 < nr ? v[i + 1].first : ~0U;
		f->res[i] = v[i < nr ? i : nr - 1].nh;
	}
	f->view.steps = fib_flat_steps(nr);
	f->view.first = f->key;
	f->view.second = f->res;
	f->view.bulk4 = fib_flat_pick4(f->view.steps);
	*view = &f->view;
	return 0;
}

static int fib_flat_low(struct fib_flat_low *low, const struct fib_rib *rib,
			const struct fib_span *span)
{
	struct fib_spans s = {0};
	size_t routes = 0, i;
	int err = 0;

	fib_spans_gather(&s, rib, span->sub, 64, 64, span->nh, &routes);
	if (s.failed)
		err = -ENOMEM;
	else if (s.nr > FIB_FLAT_SPANS6)
		err = -E2BIG;
	for (i = 0; !err && i < FIB_FLAT_SPANS6; i++) {
		low->key[i] = i + 1 < s.nr ? s.v[i + 1].first : ~0ULL;
		low->res[i] = s.v[i < s.nr ? i : s.nr - 1].nh;
	}
	low->steps = fib_flat_steps(s.nr);
	fib_spans_free(&s);
	return err;
}

static int fib_flat_new6(const struct fib_rib *rib, const struct fib_span *v, size_t nr,
			 struct fib_view **view)
{
	size_t i, subs = 0, sub = 0, size;
	struct fib_flat6 *f;
	int err;

	if (nr > FIB_FLAT_SPANS6)
		return -E2BIG;
	for (i = 0; i < nr; i++)
		subs += v[i].sub != 0;
	size = sizeof(*f) + subs * sizeof(f->low[0]);
	size = (size + 63) & ~(size_t)63;
	f = aligned_alloc(64, size);
	if (f == NULL)
		return -ENOMEM;
	memset(f, 0, size);
	for (i = 0; i < FIB_FLAT_SPANS6; i++) {
		f->key[i] = i + 1 < nr ? v[i + 1].first : ~0ULL;
		f->res[i] = i < nr ? v[i].nh : f->res[nr - 1];
		if (i >= nr || v[i].sub == 0)
			continue;
		err = fib_flat_low(&f->low[sub], rib, &v[i]);
		if (err) {
			free(f);
			return err;
		}
		f->res[i] = FIB_FLAT_SUB | sub++;
	}
	f->view.steps = fib_flat_steps(nr);
	f->view.first = f->key;
	f->view.second = f->res;
	f->view.bulk6 = fib_flat_pick6(f->view.steps);
	*view = &f->view;
	return 0;
}

int fib_flat_new(const struct fib_rib *rib, uint32_t default_nh, struct fib_view **view)
{
	struct fib_spans s = {0};
	size_t routes = 0;
	int err;

	fib_spans_gather(&s, rib, FIB_RIB_ROOT, 0, rib->wide ? 64 : 32, 0, &routes);
	if (s.failed)
		err = -ENOMEM;
	else if (rib->wide)
		err = fib_flat_new6(rib, s.v, s.nr, view);
	else
		err = fib_flat_new4(s.v, s.nr, view);
	fib_spans_free(&s);
	if (err)
		return err;
	(*view)->default_nh = default_nh;
	(*view)->kind = FIB_VIEW_FLAT;
	return 0;
}

size_t fib_flat_memory(const struct fib_view *view, bool wide)
{
	const struct fib_flat6 *f = (const struct fib_flat6 *)view;
	size_t i, subs = 0;

	if (!wide)
		return sizeof(struct fib_flat4);
	for (i = 0; i < (size_t)1 << view->steps; i++)
		if (f->res[i] & FIB_FLAT_SUB && (f->res[i] & ~FIB_FLAT_SUB) >= subs)
			subs = (f->res[i] & ~FIB_FLAT_SUB) + 1;
	return sizeof(*f) + subs * sizeof(f->low[0]);
}
