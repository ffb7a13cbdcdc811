/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The trie's look-ups, once per instruction set: no include guard. lib/fib_trie_lookup.c defines
 *   FIB_WALK(name)  the name with the suffix of the instruction set
 *   FIB_WALK_TARGET its attribute
 *   FIB_WALK_RANK   the function that finds the place in a line
 */

/*
 * Addresses go down in step, one node each per round, and each round asks for the cache lines of
 * the next: by the time that the round comes to an address its line is there. A round costs no
 * more than those addresses that are still on their way.
 */
static inline __attribute__((always_inline)) FIB_WALK_TARGET void
FIB_WALK(fib_trie_burst)(const struct fib_view *v, const void *dst, uint32_t *nh_id, unsigned int n,
			 bool wide)
{
	const char *nodes = v->first, *at[FIB_TRIE_BURST];
	uint32_t e[FIB_TRIE_BURST], deflt = fib_view_default(v);
	uint8_t depth[FIB_TRIE_BURST], way[FIB_TRIE_BURST];
	const uint32_t *root = v->second;
	unsigned int i, j, left = 0, now, d;
	const struct fib_line *line;
	uint64_t bits;

	for (i = 0; i < n; i++) {
		bits = fib_trie_bits(dst, i, 0, wide);
		e[i] = fib_trie_load(&root[bits >> (64 - FIB_TRIE_ROOT_BITS)]);
		depth[i] = FIB_TRIE_ROOT_BITS;
		at[i] = fib_trie_next(nodes, e[i], bits << FIB_TRIE_ROOT_BITS);
		__builtin_prefetch(at[i]);
		way[left] = i;
		left += (e[i] & FIB_TRIE_NODE) != 0;
	}
	while (left > 0) {
		now = left;
		left = 0;
		for (j = 0; j < now; j++) {
			i = way[j];
			if (e[i] & FIB_TRIE_LINE) {
				line = (const struct fib_line *)at[i];
				bits = fib_trie_bits(dst, i, line->depth, wide);
				e[i] = fib_trie_load(&line->res[FIB_WALK_RANK(line, bits >> 32)]);
				d = line->next;
			} else {
				d = depth[i] + fib_trie_direct_bits(e[i]);
				e[i] = fib_trie_load((const uint32_t *)at[i]);
			}
			if ((e[i] & FIB_TRIE_NODE) == 0)
				continue;
			depth[i] = d;
			at[i] = fib_trie_next(nodes, e[i], fib_trie_bits(dst, i, d, wide));
			__builtin_prefetch(at[i]);
			way[left++] = i;
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
