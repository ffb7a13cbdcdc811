/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest prefix match in the level compressed trie: see lib/fib_trie.h. */
#include <endian.h>
#include <string.h>

#include <lib/fib_isa.h>
#include <lib/fib_trie.h>

#define FIB_TRIE_BURST 32U

static inline uint32_t fib_trie_load(const uint32_t *e)
{
	/*
	 * The node behind an entry is reached through it: the dependency orders the two. The thread
	 * sanitizer knows only of acquire.
	 */
#ifdef __SANITIZE_THREAD__
	return __atomic_load_n(e, __ATOMIC_ACQUIRE);
#else
	return __atomic_load_n(e, __ATOMIC_RELAXED);
#endif
}

/*
 * The address bits from depth on, as far as their half goes, leftmost first. Behind the last window
 * depth is 128: there is no direct node to use the bits then, only a line that knows its own depth.
 */
static inline uint64_t fib_trie_bits(const void *dst, unsigned int i, unsigned int depth, bool wide)
{
	uint64_t half;

	if (!wide)
		return (uint64_t)((const uint32_t *)dst)[i] << 32 << (depth & 63);
	memcpy(&half, (const char *)dst + i * 16 + (depth >> 6 & 1) * 8, sizeof(half));
	return be64toh(half) << (depth & 63);
}

static inline unsigned int fib_trie_direct_bits(uint32_t e)
{
	return 4 * (e >> 24 & 3) + 4;
}

/* What is read of the node behind e: the line, or the one word of a direct node. */
static inline const char *fib_trie_next(const char *nodes, uint32_t e, uint64_t bits)
{
	uint64_t word = bits >> (64 - fib_trie_direct_bits(e));

	return nodes + (size_t)(e & FIB_TRIE_INDEX) * 64 + (e & FIB_TRIE_DIRECT ? word * 4 : 0);
}

/* The number of keys that are <= w, 0 … 7. */
static inline unsigned int fib_line_rank(const struct fib_line *line, uint32_t w)
{
	unsigned int i, rank = 0;

	for (i = 0; i < FIB_TRIE_KEYS; i++)
		rank += line->key[i] <= w;
	return rank;
}

#define FIB_WALK(name) name##_scalar
#define FIB_WALK_TARGET
#define FIB_WALK_RANK fib_line_rank
#include "fib_trie_walk.h"
#undef FIB_WALK
#undef FIB_WALK_TARGET
#undef FIB_WALK_RANK

#ifdef FIB_X86
static inline FIB_TARGET_AVX2 unsigned int fib_line_rank_avx2(const struct fib_line *line,
							      uint32_t w)
{
	__m256i key = _mm256_load_si256((const __m256i *)line->key);
	__m256i val = _mm256_set1_epi32(w);
	__m256i le = _mm256_cmpeq_epi32(_mm256_max_epu32(val, key), val);

	return _mm_popcnt_u32(_mm256_movemask_ps(_mm256_castsi256_ps(le)) & 0x7f);
}

static inline FIB_TARGET_AVX512 unsigned int fib_line_rank_avx512(const struct fib_line *line,
								  uint32_t w)
{
	__m256i key = _mm256_load_si256((const __m256i *)line->key);

	return _mm_popcnt_u32(_mm256_mask_cmple_epu32_mask(0x7f, key, _mm256_set1_epi32(w)));
}

#define FIB_WALK(name)  name##_avx2
#define FIB_WALK_TARGET FIB_TARGET_AVX2
#define FIB_WALK_RANK   fib_line_rank_avx2
#include "fib_trie_walk.h"
#undef FIB_WALK
#undef FIB_WALK_TARGET
#undef FIB_WALK_RANK

#define FIB_WALK(name)  name##_avx512
#define FIB_WALK_TARGET FIB_TARGET_AVX512
#define FIB_WALK_RANK   fib_line_rank_avx512
#include "fib_trie_walk.h"
#undef FIB_WALK
#undef FIB_WALK_TARGET
#undef FIB_WALK_RANK
#endif

fib_bulk4_t fib_trie_pick4(void)
{
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512)
		return fib_trie_bulk4_avx512;
	if (fib_isa() == FIB_ISA_AVX2)
		return fib_trie_bulk4_avx2;
#endif
	return fib_trie_bulk4_scalar;
}

fib_bulk6_t fib_trie_pick6(void)
{
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512)
		return fib_trie_bulk6_avx512;
	if (fib_isa() == FIB_ISA_AVX2)
		return fib_trie_bulk6_avx2;
#endif
	return fib_trie_bulk6_scalar;
}

#undef FIB_TRIE_BURST
