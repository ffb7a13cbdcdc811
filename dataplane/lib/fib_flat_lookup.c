/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest prefix match among few routes: see lib/fib_flat.h. */
#include <endian.h>
#include <string.h>

#include <lib/fib_flat.h>
#include <lib/fib_isa.h>

/* ---- no route at all, but perhaps a default route ---- */

static void fib_flat_none4(const struct fib_view *v, const uint32_t *dst, uint32_t *nh_id,
			   unsigned int n)
{
	uint32_t deflt = fib_view_default(v), nh = *(const uint32_t *)v->second;
	unsigned int i;

	(void)dst;
	if (nh == 0)
		nh = deflt;
	for (i = 0; i < n; i++)
		nh_id[i] = nh;
}

static void fib_flat_none6(const struct fib_view *v, const struct in6_addr *dst, uint32_t *nh_id,
			   unsigned int n)
{
	(void)dst;
	fib_flat_none4(v, NULL, nh_id, n);
}

/* ---- any processor ---- */

static void fib_flat_bulk4(const struct fib_view *v, const uint32_t *dst, uint32_t *nh_id,
			   unsigned int n)
{
	const uint32_t *key = v->first, *res = v->second;
	uint32_t deflt = fib_view_default(v), nh;
	unsigned int i, at, step, top = (1U << v->steps) >> 1;

	for (i = 0; i < n; i++) {
		at = 0;
		for (step = top; step > 0; step >>= 1)
			at += (key[at + step - 1] <= dst[i]) * step;
		nh = res[at];
		nh_id[i] = nh ? nh : deflt;
	}
}

static inline uint32_t fib_flat_search6(const uint64_t *key, const uint32_t *res,
					unsigned int steps, uint64_t val)
{
	unsigned int at = 0, step;

	for (step = (1U << steps) >> 1; step > 0; step >>= 1)
		at += (key[at + step - 1] <= val) * step;
	return res[at];
}

/* The low half decides: e came from the high half. */
static inline uint32_t fib_flat_search_low(const struct fib_view *v, uint32_t e,
					   const struct in6_addr *dst)
{
	const struct fib_flat6 *f = (const struct fib_flat6 *)v;
	const struct fib_flat_low *low = &f->low[e & ~FIB_FLAT_SUB];
	uint64_t half;

	memcpy(&half, &dst->s6_addr[8], sizeof(half));
	return fib_flat_search6(low->key, low->res, low->steps, be64toh(half));
}

static void fib_flat_bulk6(const struct fib_view *v, const struct in6_addr *dst, uint32_t *nh_id,
			   unsigned int n)
{
	const uint64_t *key = v->first;
	const uint32_t *res = v->second;
	uint32_t deflt = fib_view_default(v), nh;
	unsigned int i, steps = v->steps;
	uint64_t half;

	for (i = 0; i < n; i++) {
		memcpy(&half, dst[i].s6_addr, sizeof(half));
		nh = fib_flat_search6(key, res, steps, be64toh(half));
		if (nh & FIB_FLAT_SUB)
			nh = fib_flat_search_low(v, nh, &dst[i]);
		nh_id[i] = nh ? nh : deflt;
	}
}

/* ---- AVX-512: boundaries and results stay in registers ---- */

#ifdef FIB_X86
/* The words at[i] of a list of 2^steps, 16 to a register. */
static inline __attribute__((always_inline)) FIB_TARGET_AVX512 __m512i
fib_flat_words(const __m512i *r, __m512i at, unsigned int steps)
{
	__m512i low;

	if (steps <= 4)
		return _mm512_permutexvar_epi32(at, r[0]);
	low = _mm512_permutex2var_epi32(r[0], at, r[1]);
	if (steps <= 5)
		return low;
	return _mm512_mask_blend_epi32(_mm512_test_epi32_mask(at, _mm512_set1_epi32(32)), low,
				       _mm512_permutex2var_epi32(r[2], at, r[3]));
}

static inline __attribute__((always_inline)) FIB_TARGET_AVX512 void
fib_flat_zmm4(const struct fib_view *v, const uint32_t *dst, uint32_t *nh_id, unsigned int n,
	      unsigned int steps)
{
	const unsigned int regs = steps <= 4 ? 1 : 1U << (steps - 4);
	__m512i deflt = _mm512_set1_epi32(fib_view_default(v));
	__m512i key[4], res[4], addr, at, probe, nh;
	unsigned int i, step;
	__mmask16 on, le;

	for (i = 0; i < regs; i++) {
		key[i] = _mm512_load_si512((const uint32_t *)v->first + 16 * i);
		res[i] = _mm512_load_si512((const uint32_t *)v->second + 16 * i);
	}
	for (i = 0; i < n; i += 16) {
		on = n - i >= 16 ? 0xffff : (1U << (n - i)) - 1;
		addr = _mm512_maskz_loadu_epi32(on, dst + i);
		at = _mm512_setzero_si512();
		for (step = (1U << steps) >> 1; step > 0; step >>= 1) {
			probe = _mm512_add_epi32(at, _mm512_set1_epi32(step - 1));
			le = _mm512_cmple_epu32_mask(fib_flat_words(key, probe, steps), addr);
			at = _mm512_mask_add_epi32(at, le, at, _mm512_set1_epi32(step));
		}
		nh = fib_flat_words(res, at, steps);
		nh = _mm512_mask_mov_epi32(nh, _mm512_testn_epi32_mask(nh, nh), deflt);
		_mm512_mask_storeu_epi32(nh_id + i, on, nh);
	}
}

static FIB_TARGET_AVX512 void fib_flat_zmm4_2(const struct fib_view *v, const uint32_t *dst,
					      uint32_t *nh_id, unsigned int n)
{
	fib_flat_zmm4(v, dst, nh_id, n, 2);
}

static FIB_TARGET_AVX512 void fib_flat_zmm4_4(const struct fib_view *v, const uint32_t *dst,
					      uint32_t *nh_id, unsigned int n)
{
	fib_flat_zmm4(v, dst, nh_id, n, 4);
}

static FIB_TARGET_AVX512 void fib_flat_zmm4_5(const struct fib_view *v, const uint32_t *dst,
					      uint32_t *nh_id, unsigned int n)
{
	fib_flat_zmm4(v, dst, nh_id, n, 5);
}

static FIB_TARGET_AVX512 void fib_flat_zmm4_6(const struct fib_view *v, const uint32_t *dst,
					      uint32_t *nh_id, unsigned int n)
{
	fib_flat_zmm4(v, dst, nh_id, n, 6);
}

/* Results that the high half does not decide, one by one: addresses of one's own links. */
static FIB_TARGET_AVX512 void fib_flat_low_lanes(const struct fib_view *v,
						 const struct in6_addr *dst, uint32_t *nh_id,
						 unsigned int lanes)
{
	uint32_t nh;
	unsigned int i;

	for (; lanes != 0; lanes &= lanes - 1) {
		i = __builtin_ctz(lanes);
		nh = fib_flat_search_low(v, nh_id[i], &dst[i]);
		nh_id[i] = nh ? nh : fib_view_default(v);
	}
}

/* As fib_flat_words(), eight to a register. */
static inline __attribute__((always_inline)) FIB_TARGET_AVX512 __m512i
fib_flat_quads(const __m512i *r, __m512i at, unsigned int steps)
{
	__m512i low;

	if (steps <= 3)
		return _mm512_permutexvar_epi64(at, r[0]);
	low = _mm512_permutex2var_epi64(r[0], at, r[1]);
	if (steps <= 4)
		return low;
	return _mm512_mask_blend_epi64(_mm512_test_epi64_mask(at, _mm512_set1_epi64(16)), low,
				       _mm512_permutex2var_epi64(r[2], at, r[3]));
}

static inline __attribute__((always_inline)) FIB_TARGET_AVX512 void
fib_flat_zmm6(const struct fib_view *v, const struct in6_addr *dst, uint32_t *nh_id, unsigned int n,
	      unsigned int steps)
{
	const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
	const __m512i swap = _mm512_broadcast_i32x4(
	    _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
	const unsigned int regs = steps <= 3 ? 1 : 1U << (steps - 3);
	__m512i key[4], res[4], addr, at, probe;
	__m256i nh, deflt = _mm256_set1_epi32(fib_view_default(v));
	unsigned int i, step, left, lanes, words;
	__mmask8 le, on;

	for (i = 0; i < regs; i++) {
		key[i] = _mm512_load_si512((const uint64_t *)v->first + 8 * i);
		res[i] = _mm512_cvtepu32_epi64(_mm256_load_si256((const __m256i *)v->second + i));
	}
	for (i = 0; i < n; i += 8) {
		left = n - i >= 8 ? 8 : n - i;
		on = (1U << left) - 1;
		words = (1U << (2 * left)) - 1;
		addr = _mm512_permutex2var_epi64(
		    _mm512_maskz_loadu_epi64(words & 0xff, &dst[i]), even,
		    _mm512_maskz_loadu_epi64(words >> 8, (const char *)&dst[i] + 64));
		addr = _mm512_shuffle_epi8(addr, swap);
		at = _mm512_setzero_si512();
		for (step = (1U << steps) >> 1; step > 0; step >>= 1) {
			probe = _mm512_add_epi64(at, _mm512_set1_epi64(step - 1));
			le = _mm512_cmple_epu64_mask(fib_flat_quads(key, probe, steps), addr);
			at = _mm512_mask_add_epi64(at, le, at, _mm512_set1_epi64(step));
		}
		nh = _mm512_cvtepi64_epi32(fib_flat_quads(res, at, steps));
		nh = _mm256_mask_mov_epi32(nh, _mm256_testn_epi32_mask(nh, nh), deflt);
		_mm256_mask_storeu_epi32(nh_id + i, on, nh);
		lanes = _mm256_movepi32_mask(nh) & on;
		if (lanes != 0)
			fib_flat_low_lanes(v, &dst[i], &nh_id[i], lanes);
	}
}

static FIB_TARGET_AVX512 void fib_flat_zmm6_3(const struct fib_view *v, const struct in6_addr *dst,
					      uint32_t *nh_id, unsigned int n)
{
	fib_flat_zmm6(v, dst, nh_id, n, 3);
}

static FIB_TARGET_AVX512 void fib_flat_zmm6_4(const struct fib_view *v, const struct in6_addr *dst,
					      uint32_t *nh_id, unsigned int n)
{
	fib_flat_zmm6(v, dst, nh_id, n, 4);
}

static FIB_TARGET_AVX512 void fib_flat_zmm6_5(const struct fib_view *v, const struct in6_addr *dst,
					      uint32_t *nh_id, unsigned int n)
{
	fib_flat_zmm6(v, dst, nh_id, n, 5);
}
#endif

fib_bulk4_t fib_flat_pick4(unsigned int steps)
{
	if (steps == 0)
		return fib_flat_none4;
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512) {
		if (steps <= 4)
			return steps <= 2 ? fib_flat_zmm4_2 : fib_flat_zmm4_4;
		return steps == 5 ? fib_flat_zmm4_5 : fib_flat_zmm4_6;
	}
#endif
	return fib_flat_bulk4;
}

fib_bulk6_t fib_flat_pick6(unsigned int steps)
{
	if (steps == 0)
		return fib_flat_none6;
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512) {
		if (steps <= 3)
			return fib_flat_zmm6_3;
		return steps == 4 ? fib_flat_zmm6_4 : fib_flat_zmm6_5;
	}
#endif
	return fib_flat_bulk6;
}
