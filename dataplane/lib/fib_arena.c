/* SPDX-License-Identifier: BSD-3-Clause */
/* Address space reserved at once, memory committed from the front: see lib/fib_arena.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include <lib/fib_arena.h>

enum {
	FIB_ARENA_COLLAPSE =
	    25, /* MADV_COLLAPSE of Linux 6.1; older kernels say EINVAL, small pages stay */
	FIB_ARENA_FIRST = 64 << 10, /* a VRF with ten routes must not cost a huge page */
};

int fib_arena_init(struct fib_arena *a, size_t limit)
{
	uintptr_t start;
	void *map;

	limit = (limit + FIB_ARENA_HUGE - 1) & ~(FIB_ARENA_HUGE - 1);
	/* PROT_NONE is not accounted, whatever vm.overcommit_memory says. */
	map = mmap(NULL, limit + FIB_ARENA_HUGE, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;

	start = ((uintptr_t)map + FIB_ARENA_HUGE - 1) & ~(FIB_ARENA_HUGE - 1);
	a->base = (char *)start;
	a->limit = limit;
	a->committed = 0;
	a->map = map;
	a->map_len = limit + FIB_ARENA_HUGE;
	return 0;
}

/*
 * Explicit huge pages in place of [p, p + len). The kernel may have removed the reservation by the
 * time it finds that the pool is too small; then it is put back, without displacing what another
 * thread may have mapped there meanwhile.
 */
static bool fib_arena_hugetlb(char *p, size_t len)
{
	static bool none; /* the pool was empty once: do not ask at every growth */

	if (__atomic_load_n(&none, __ATOMIC_RELAXED))
		return false;
	if (mmap(p, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0) == p)
		return true;

	__atomic_store_n(&none, true, __ATOMIC_RELAXED);
#ifdef MAP_FIXED_NOREPLACE
	mmap(p, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
	     -1, 0);
#endif
	return false;
}

int fib_arena_grow(struct fib_arena *a, size_t bytes)
{
	size_t old = a->committed, new;

	if (bytes > a->limit)
		return -ENOMEM;

	/* Small pages first, up to where the first huge page would end. */
	if (old < FIB_ARENA_HUGE) {
		for (new = FIB_ARENA_FIRST; new < bytes &&new < FIB_ARENA_HUGE; new *= 2)
			;
		if (old == 0 && bytes >= FIB_ARENA_HUGE)
			new = 0;
		if (new > old && mprotect(a->base + old, new - old, PROT_READ | PROT_WRITE) != 0)
			return -ENOMEM;
		old = a->committed = new;
		if (new == FIB_ARENA_HUGE) {
			/* What grew in small pages is hot by now. Readers do not notice. */
			madvise(a->base, FIB_ARENA_HUGE, MADV_HUGEPAGE);
			madvise(a->base, FIB_ARENA_HUGE, FIB_ARENA_COLLAPSE);
		}
		if (old >= bytes)
			return 0;
	}

	/* An eighth more than asked for keeps the number of mappings small. */
	new = (bytes + bytes / 8 + FIB_ARENA_HUGE - 1) & ~(FIB_ARENA_HUGE - 1);
	if (new > a->limit)
		new = a->limit;
	if (!fib_arena_hugetlb(a->base + old, new - old)) {
		if (mprotect(a->base + old, new - old, PROT_READ | PROT_WRITE) != 0)
			return -ENOMEM;
		madvise(a->base + old, new - old, MADV_HUGEPAGE);
	}
	a->committed = new;
	return 0;
}

void fib_arena_free(struct fib_arena *a)
{
	if (a->map != NULL)
		munmap(a->map, a->map_len);
	*a = (struct fib_arena){0};
}
