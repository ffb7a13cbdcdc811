/* SPDX-License-Identifier: BSD-3-Clause */
/* The RIB and its view kept in step: see lib/fib_lpm.h. */
#include <errno.h>
#include <stdlib.h>

#include <lib/fib_flat.h>
#include <lib/fib_lpm.h>
#include <lib/fib_trie.h>

/* ---- views ---- */

static void fib_lpm_free_view(const struct fib_lpm *lpm, struct fib_view *view)
{
	void (*fn)(void *) = free;

	if (view == NULL)
		return;
	if (view->kind == FIB_VIEW_TRIE)
		fn = fib_trie_free;
	else if (view->kind == FIB_VIEW_DIR24_8)
		fn = lpm->large->free;
	if (rcu_defer(fn, view) != 0) { /* not even memory for a note: wait, this once */
		synchronize_rcu();
		fn(view);
	}
}

static void fib_lpm_publish(struct fib_lpm *lpm, struct fib_view *view)
{
	struct fib_view *old = lpm->view;

	__atomic_store_n(&lpm->view, view, __ATOMIC_RELEASE);
	fib_lpm_free_view(lpm, old);
}

static uint32_t fib_lpm_default(const struct fib_lpm *lpm)
{
	return fib_rib_nh(fib_rib_node(&lpm->rib, FIB_RIB_ROOT));
}

static int fib_lpm_build(struct fib_lpm *lpm, enum fib_view_kind kind)
{
	struct fib_view *view = NULL;
	struct fib_trie *t;
	int err = 0;

	switch (kind) {
	case FIB_VIEW_FLAT:
		err = fib_flat_new(&lpm->rib, fib_lpm_default(lpm), &view);
		break;
	case FIB_VIEW_TRIE:
		t = fib_trie_new(&lpm->rib, fib_lpm_default(lpm));
		view = t ? &t->view : NULL;
		break;
	case FIB_VIEW_DIR24_8:
		view = lpm->large->build(&lpm->rib, fib_lpm_default(lpm));
		break;
	}
	if (err)
		return err;
	if (view == NULL)
		return -ENOMEM;
	fib_lpm_publish(lpm, view);
	return 0;
}

/* The kind that suits the table as it is now. Thresholds downwards are lower than upwards. */
static enum fib_view_kind fib_lpm_kind(const struct fib_lpm *lpm)
{
	uint32_t count = lpm->rib.count;
	enum fib_view_kind kind = lpm->view->kind;

	if (lpm->large != NULL &&
	    count > (kind == FIB_VIEW_DIR24_8 ? lpm->large->above / 2 : lpm->large->above))
		return FIB_VIEW_DIR24_8;
	if (count > FIB_FLAT_ROUTES)
		return FIB_VIEW_TRIE;
	if (kind == FIB_VIEW_FLAT)
		return FIB_VIEW_FLAT;
	/* Back to flat with half of what it could not or would not hold. */
	return count <= (lpm->not_flat ? lpm->not_flat : FIB_FLAT_ROUTES) / 2 ? FIB_VIEW_FLAT
									      : FIB_VIEW_TRIE;
}

/*
 * The RIB has changed; now the view. A larger view that cannot be had for want of memory is done
 * without: the one in force can hold any number of routes (flat apart).
 */
static int fib_lpm_apply(struct fib_lpm *lpm, struct fib_key key, unsigned int plen, uint32_t nh,
			 const struct fib_rib_change *chg)
{
	enum fib_view_kind kind = fib_lpm_kind(lpm);
	int err;

	if (plen == 0) {
		__atomic_store_n(&lpm->view->default_nh, nh, __ATOMIC_RELEASE);
		return 0;
	}
	if (kind == FIB_VIEW_FLAT) {
		err = fib_lpm_build(lpm, FIB_VIEW_FLAT);
		if (err == 0)
			return 0;
		if (err == -E2BIG)
			lpm->not_flat = lpm->rib.count;
		kind = FIB_VIEW_TRIE;
	}
	if (kind != lpm->view->kind) {
		err = fib_lpm_build(lpm, kind);
		if (err == 0)
			return 0;
	}

	switch ((enum fib_view_kind)lpm->view->kind) {
	case FIB_VIEW_TRIE:
		return fib_trie_update((struct fib_trie *)lpm->view, key, plen,
				       nh == 0 ? -1 : chg->old_nh == 0);
	case FIB_VIEW_DIR24_8:
		return lpm->large->update(lpm->view, key, plen, nh, chg);
	case FIB_VIEW_FLAT:
		break;
	}
	return -ENOMEM;
}

/* ---- the table ---- */

int fib_lpm_init(struct fib_lpm *lpm, bool wide, const struct fib_large_ops *large)
{
	int err;

	*lpm = (struct fib_lpm){.large = large};
	err = fib_rib_init(&lpm->rib, wide);
	if (err)
		return err;
	err = fib_lpm_build(lpm, FIB_VIEW_FLAT);
	if (err)
		fib_rib_free(&lpm->rib);
	return err;
}

void fib_lpm_free(struct fib_lpm *lpm)
{
	fib_lpm_free_view(lpm, lpm->view);
	lpm->view = NULL;
	fib_rib_free(&lpm->rib);
}

int fib_lpm_insert(struct fib_lpm *lpm, struct fib_key key, unsigned int plen, uint32_t nh)
{
	struct fib_rib_change chg, undo;
	int err;

	err = fib_rib_insert(&lpm->rib, key, plen, nh, &chg);
	if (err || chg.old_nh == nh)
		return err;
	err = fib_lpm_apply(lpm, key, plen, nh, &chg);
	if (err == 0)
		return 0;

	/* Back to how it was; what was rebuilt on the way is built again from the nodes it left. */
	if (chg.old_nh != 0)
		fib_rib_insert(&lpm->rib, key, plen, chg.old_nh, &undo);
	else
		fib_rib_delete(&lpm->rib, key, plen, &undo);
	if (lpm->view->kind == FIB_VIEW_TRIE)
		fib_lpm_apply(lpm, key, plen, chg.old_nh, &undo);
	return err;
}

int fib_lpm_delete(struct fib_lpm *lpm, struct fib_key key, unsigned int plen)
{
	struct fib_rib_change chg, undo;
	int err;

	err = fib_rib_delete(&lpm->rib, key, plen, &chg);
	if (err)
		return err;
	err = fib_lpm_apply(lpm, key, plen, 0, &chg);
	if (err == 0)
		return 0;

	if (fib_rib_insert(&lpm->rib, key, plen, chg.old_nh, &undo) == 0 &&
	    lpm->view->kind == FIB_VIEW_TRIE)
		fib_lpm_apply(lpm, key, plen, chg.old_nh, &undo);
	return err;
}

size_t fib_lpm_memory(const struct fib_lpm *lpm)
{
	size_t rib = (size_t)lpm->rib.nr << (lpm->rib.wide ? 5 : 4);

	switch ((enum fib_view_kind)lpm->view->kind) {
	case FIB_VIEW_TRIE:
		return rib + fib_trie_memory((const struct fib_trie *)lpm->view);
	case FIB_VIEW_DIR24_8:
		return rib + lpm->large->memory(lpm->view);
	case FIB_VIEW_FLAT:
		break;
	}
	return rib + fib_flat_memory(lpm->view, lpm->rib.wide);
}
