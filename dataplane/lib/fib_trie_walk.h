/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The trie's look-ups, once per instruction set: no include guard. lib/fib_trie_lookup.c defines
 *   FIB_WALK(name)  the name with the suffix of the instruction set
 *   FIB_WALK_TARGET its attribute
 *   FIB_WALK_TOP    takes a burst down from the root until all are at a line or a leaf
 *   FIB_WALK_RANK   finds the place of an address in a line
 */

/*
 * Addresses go down in step, one line each per round, and each round asks for the cache lines of
 * the next: by the time that the round comes to an address its line is there.
 *
 * An address that goes on is entered in way[] by storing it always and counting it or not: a branch
 * on what was just loaded would often be mispredicted, and each time throw away the loads behind
 * it.
 */
static inline __attribute__((always_inline)) FIB_WALK_TARGET void
FIB_WALK(fib_trie_burst)(const struct fib_view *v, const void *dst, uint32_t *nh_id, unsigned int n,
			 bool wide)
{
	uint32_t e[FIB_TRIE_BURST], deflt = fib_view_default(v);
	uint64_t bits[FIB_TRIE_BURST]; /* of the address, from where its node begins */
	const char *nodes = v->first;
	const struct fib_line *at[FIB_TRIE_BURST], *line;
	unsigned int i, j, now, left = 0;
	uint8_t way[FIB_TRIE_BURST];

	FIB_WALK_TOP(v, dst, n, wide, e, bits);
	for (i = 0; i < n; i++) {
		at[i] = fib_trie_line(nodes, e[i]);
		__builtin_prefetch(at[i]);
		way[left] = i;
		left += e[i] >> 30;
	}
	while (left > 0) {
		now = left;
		left = 0;
		for (j = 0; j < now; j++) {
			i = way[j];
			line = at[i];
			e[i] = fib_trie_load(&line->res[FIB_WALK_RANK(line, bits[i] >> 32)]);
			if (__builtin_expect(fib_trie_further(e[i]), 0))
				e[i] =
				    fib_trie_down(nodes, e[i], dst, i, wide, line->next, &bits[i]);
			at[i] = fib_trie_line(nodes, e[i]);
			__builtin_prefetch(at[i]);
			way[left] = i;
			left += e[i] >> 30;
		}
	}
	for (i = 0; i < n; i++)
		nh_id[i] = e[i] ? e[i] : deflt;
}

static FIB_WALK_TARGET void FIB_WALK(fib_trie_bulk4)(const struct fib_view *v, const uint32_t *dst,
						     uint32_t *nh_id, unsigned int n)
{
	for (; n > FIB_TRIE_BURST; n -= FIB_TRIE_BURST) {
		FIB_WALK(fib_trie_burst)(v, dst, nh_id, FIB_TRIE_BURST, false);
		dst += FIB_TRIE_BURST;
		nh_id += FIB_TRIE_BURST;
	}
	FIB_WALK(fib_trie_burst)(v, dst, nh_id, n, false);
}

static FIB_WALK_TARGET void FIB_WALK(fib_trie_bulk6)(const struct fib_view *v,
						     const struct in6_addr *dst, uint32_t *nh_id,
						     unsigned int n)
{
	for (; n > FIB_TRIE_BURST; n -= FIB_TRIE_BURST) {
		FIB_WALK(fib_trie_burst)(v, dst, nh_id, FIB_TRIE_BURST, true);
		dst += FIB_TRIE_BURST;
		nh_id += FIB_TRIE_BURST;
	}
	FIB_WALK(fib_trie_burst)(v, dst, nh_id, n, true);
}
