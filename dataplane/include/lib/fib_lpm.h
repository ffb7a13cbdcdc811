/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One routing table of either family: the RIB, and the view of it that readers use, which is
 * replaced by one of another kind when the table grows or shrinks past a threshold. ip_fib.c and
 * ip6_fib.c give it its two faces.
 *
 * One writer at a time; the writer never waits for readers.
 */
#ifndef SKUA_LIB_FIB_LPM_H
#define SKUA_LIB_FIB_LPM_H

#include <lib/fib_rib.h>
#include <lib/fib_view.h>

/* The kind of view for large tables, if the family has one. */
struct fib_large_ops {
	uint32_t above; /* routes beyond which a table gets this view; it keeps it down to half */
	/* A view of all routes of rib but the default route; NULL: no memory. */
	struct fib_view *(*build)(const struct fib_rib *rib, uint32_t default_nh);
	/* nh 0: key/plen is gone, and chg tells what shows instead. Returns 0 or -ENOMEM:
	 * unchanged. */
	int (*update)(struct fib_view *view, struct fib_key key, unsigned int plen, uint32_t nh,
		      const struct fib_rib_change *chg);
	void (*free)(void *view);
	size_t (*memory)(const struct fib_view *view);
};

struct fib_lpm {
	struct fib_view *view; /* atomic; the readers' only way in */
	struct fib_rib rib;
	const struct fib_large_ops *large; /* NULL: none */
	uint32_t not_flat; /* routes at which flat was too small last time; 0: never */
};

/* Returns 0 or -ENOMEM. */
int fib_lpm_init(struct fib_lpm *lpm, bool wide, const struct fib_large_ops *large);

/* No reader may find the table any more; readers that still use it are waited for by RCU. */
void fib_lpm_free(struct fib_lpm *lpm);

/* key has no bits beyond plen, nh is 1 … FIB_NH_MAX. Returns 0 or -ENOMEM: nothing changed. */
int fib_lpm_insert(struct fib_lpm *lpm, struct fib_key key, unsigned int plen, uint32_t nh);

/* Returns 0, -ESRCH, or -ENOMEM: nothing changed. */
int fib_lpm_delete(struct fib_lpm *lpm, struct fib_key key, unsigned int plen);

/* Bytes of the RIB and of the view. */
size_t fib_lpm_memory(const struct fib_lpm *lpm);

#endif
