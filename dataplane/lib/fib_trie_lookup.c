/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest prefix match in the level compressed trie: see lib/fib_trie.h. */
#include <endian.h>
#include <string.h>

#include <lib/fib_isa.h>
#include <lib/fib_trie.h>

enum { FIB_TRIE_BURST = 32 }; /* addresses that go down together */

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

/* The word of the node behind e that says how it goes on, if e is a direct entry; else the node. */
static inline const uint32_t *fib_trie_word(const char *nodes, uint32_t e, uint64_t bits)
{
	uint64_t word = bits >> (64 - fib_trie_direct_bits(e));

	word &= (uint64_t)((int64_t)(int32_t)e >> 63); /* all ones if FIB_TRIE_DIRECT is set */
	return (const uint32_t *)(nodes + (size_t)(e & FIB_TRIE_INDEX) * 64) + word;
}

/* The line that e names. For a leaf, whose bits say nothing about memory, the first of the nodes.
 */
static inline const struct fib_line *fib_trie_line(const char *nodes, uint32_t e)
{
	uint32_t idx = e & FIB_TRIE_INDEX & (uint32_t)((int32_t)(e << 1) >> 31);

	return (const struct fib_line *)(nodes + (size_t)idx * 64);
}

/* Does e, found in a line, leave the line's window? Only where routes are longer than it reaches.
 */
static inline bool fib_trie_further(uint32_t e)
{
	/* By the top three bits: 0 leaf, 2 line, 3 line with the same window, 4 direct. */
	return (1U << 2 | 1U << 4) >> (e >> 29) & 1;
}

/* From e, whose block begins at depth, through direct nodes to a line or a leaf. */
static uint32_t fib_trie_down(const char *nodes, uint32_t e, const void *dst, unsigned int i,
			      bool wide, unsigned int depth, uint64_t *bits)
{
	*bits = fib_trie_bits(dst, i, depth, wide);
	while (e & FIB_TRIE_DIRECT) {
		depth += fib_trie_direct_bits(e);
		e = fib_trie_load(fib_trie_word(nodes, e, *bits));
		*bits = fib_trie_bits(dst, i, depth, wide);
	}
	return e;
}

/* The root and all direct nodes below it, in rounds as in fib_trie_walk.h. */
static inline __attribute__((always_inline)) void fib_trie_top(const struct fib_view *v,
							       const void *dst, unsigned int n,
							       bool wide, uint32_t *e,
							       uint64_t *bits)
{
	const uint32_t *root = v->second, *at[FIB_TRIE_BURST];
	uint8_t depth[FIB_TRIE_BURST], way[FIB_TRIE_BURST];
	unsigned int i, j, now, left = 0, step;
	const char *nodes = v->first;

	for (i = 0; i < n; i++) {
		bits[i] = fib_trie_bits(dst, i, 0, wide);
		e[i] = fib_trie_load(&root[bits[i] >> (64 - FIB_TRIE_ROOT_BITS)]);
		bits[i] <<= FIB_TRIE_ROOT_BITS;
		depth[i] = FIB_TRIE_ROOT_BITS;
		at[i] = fib_trie_word(nodes, e[i], bits[i]);
		__builtin_prefetch(at[i]);
		way[left] = i;
		left += e[i] >> 31;
	}
	while (left > 0) {
		now = left;
		left = 0;
		for (j = 0; j < now; j++) {
			i = way[j];
			step = fib_trie_direct_bits(e[i]);
			e[i] = fib_trie_load(at[i]);
			bits[i] <<= step;
			depth[i] += step;
			if (wide && __builtin_expect(depth[i] == 64, 0))
				bits[i] = fib_trie_bits(dst, i, 64, wide);
			at[i] = fib_trie_word(nodes, e[i], bits[i]);
			__builtin_prefetch(at[i]);
			way[left] = i;
			left += e[i] >> 31;
		}
	}
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
#define FIB_WALK_TOP  fib_trie_top
#define FIB_WALK_RANK fib_line_rank
#include "fib_trie_walk.h"
#undef FIB_WALK
#undef FIB_WALK_TARGET
#undef FIB_WALK_TOP
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

/* Eight addresses' bits, from the leftmost on: those of the high or of the low half. */
static inline FIB_TARGET_AVX512 __m512i fib_trie_bits_avx512(const void *dst, unsigned int first,
							     unsigned int left, bool wide, bool low)
{
	const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
	const __m512i swap = _mm512_broadcast_i32x4(
	    _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
	const char *from = (const char *)dst + (size_t)first * (wide ? 16 : 4);
	unsigned int words;
	__m512i half;

	if (!wide)
		return _mm512_slli_epi64(
		    _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32((1U << left) - 1, from)), 32);
	words = (1U << 2 * left) - 1;
	half = _mm512_permutex2var_epi64(_mm512_maskz_loadu_epi64(words & 0xff, from),
					 low ? _mm512_add_epi64(even, _mm512_set1_epi64(1)) : even,
					 _mm512_maskz_loadu_epi64(words >> 8, from + 64));
	return _mm512_shuffle_epi8(half, swap);
}

/* Eight addresses at a time; the gathers of a round do not wait for each other. */
static inline FIB_TARGET_AVX512 void fib_trie_top_avx512(const struct fib_view *v, const void *dst,
							 unsigned int n, bool wide, uint32_t *e,
							 uint64_t *bits)
{
	unsigned int groups = (n + 7) / 8, g, left, any = 0;
	__m512i b[FIB_TRIE_BURST / 8], depth[FIB_TRIE_BURST / 8], wide_e, step, word;
	__m256i e8[FIB_TRIE_BURST / 8];
	__mmask8 direct, half;

	for (g = 0; g < groups; g++) {
		left = n - 8 * g < 8 ? n - 8 * g : 8;
		b[g] = fib_trie_bits_avx512(dst, 8 * g, left, wide, false);
		word = _mm512_srli_epi64(b[g], 64 - FIB_TRIE_ROOT_BITS);
		e8[g] = _mm512_mask_i64gather_epi32(_mm256_setzero_si256(), (1U << left) - 1, word,
						    v->second, 4);
		b[g] = _mm512_slli_epi64(b[g], FIB_TRIE_ROOT_BITS);
		depth[g] = _mm512_set1_epi64(FIB_TRIE_ROOT_BITS);
	}
	do {
		any = 0;
		for (g = 0; g < groups; g++) {
			direct = _mm256_movepi32_mask(e8[g]);
			if (direct == 0)
				continue;
			wide_e = _mm512_cvtepu32_epi64(e8[g]);
			/* 4 * (bits 24 and 25) + 4 */
			step =
			    _mm512_and_si512(_mm512_srli_epi64(wide_e, 22), _mm512_set1_epi64(12));
			step = _mm512_add_epi64(step, _mm512_set1_epi64(4));
			word = _mm512_slli_epi64(
			    _mm512_and_si512(wide_e, _mm512_set1_epi64(FIB_TRIE_INDEX)), 4);
			word = _mm512_add_epi64(
			    word,
			    _mm512_srlv_epi64(b[g], _mm512_sub_epi64(_mm512_set1_epi64(64), step)));
			e8[g] = _mm512_mask_i64gather_epi32(e8[g], direct, word, v->first, 4);
			b[g] = _mm512_mask_sllv_epi64(b[g], direct, b[g], step);
			if (wide) {
				depth[g] = _mm512_mask_add_epi64(depth[g], direct, depth[g], step);
				half = _mm512_mask_cmpeq_epi64_mask(direct, depth[g],
								    _mm512_set1_epi64(64));
				if (__builtin_expect(half != 0, 0)) {
					left = n - 8 * g < 8 ? n - 8 * g : 8;
					b[g] = _mm512_mask_mov_epi64(
					    b[g], half,
					    fib_trie_bits_avx512(dst, 8 * g, left, wide, true));
				}
			}
			any |= _mm256_movepi32_mask(e8[g]);
		}
	} while (any != 0);
	/* e and bits have room for whole groups. */
	for (g = 0; g < groups; g++) {
		_mm256_storeu_si256((__m256i *)(e + 8 * g), e8[g]);
		_mm512_storeu_si512(bits + 8 * g, b[g]);
	}
}

#define FIB_WALK(name)  name##_avx2
#define FIB_WALK_TARGET FIB_TARGET_AVX2
#define FIB_WALK_TOP    fib_trie_top
#define FIB_WALK_RANK   fib_line_rank_avx2
#include "fib_trie_walk.h"
#undef FIB_WALK
#undef FIB_WALK_TARGET
#undef FIB_WALK_TOP
#undef FIB_WALK_RANK

#define FIB_WALK(name)  name##_avx512
#define FIB_WALK_TARGET FIB_TARGET_AVX512
#define FIB_WALK_TOP    fib_trie_top_avx512
#define FIB_WALK_RANK   fib_line_rank_avx512
#include "fib_trie_walk.h"
#undef FIB_WALK
#undef FIB_WALK_TARGET
#undef FIB_WALK_TOP
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
