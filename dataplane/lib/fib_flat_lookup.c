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
static inline __attribute__((always_inline)) FIB_TARGET_AVX512 void
fib_flat_zmm4(const struct fib_view *v, const uint32_t *dst, uint32_t *nh_id, unsigned int n,
	      unsigned int steps)
{
	const uint32_t *key = v->first, *res = v->second;
	__m512i k0 = _mm512_load_si512(key), k1 = _mm512_load_si512(key + 16);
	__m512i r0 = _mm512_load_si512(res), r1 = _mm512_load_si512(res + 16);
	__m512i deflt = _mm512_set1_epi32(fib_view_default(v));
	__m512i addr, at, probe, nh;
	unsigned int i, step;
	__mmask16 on, le;

	for (i = 0; i < n; i += 16) {
		on = n - i >= 16 ? 0xffff : (1U << (n - i)) - 1;
		addr = _mm512_maskz_loadu_epi32(on, dst + i);
		at = _mm512_setzero_si512();
		for (step = (1U << steps) >> 1; step > 0; step >>= 1) {
			probe = _mm512_add_epi32(at, _mm512_set1_epi32(step - 1));
			probe = steps <= 4 ? _mm512_permutexvar_epi32(probe, k0)
					   : _mm512_permutex2var_epi32(k0, probe, k1);
			le = _mm512_cmple_epu32_mask(probe, addr);
			at = _mm512_mask_add_epi32(at, le, at, _mm512_set1_epi32(step));
		}
		nh = steps <= 4 ? _mm512_permutexvar_epi32(at, r0)
				: _mm512_permutex2var_epi32(r0, at, r1);
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

static inline __attribute__((always_inline)) FIB_TARGET_AVX512 void
fib_flat_zmm6(const struct fib_view *v, const struct in6_addr *dst, uint32_t *nh_id, unsigned int n,
	      unsigned int steps)
{
	const __m512i even = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
	const __m512i swap = _mm512_broadcast_i32x4(
	    _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
	const uint64_t *key = v->first;
	const uint32_t *res = v->second;
	__m512i k0 = _mm512_load_si512(key), k1 = _mm512_load_si512(key + 8);
	__m512i r0 = _mm512_cvtepu32_epi64(_mm256_load_si256((const __m256i *)res));
	__m512i r1 = _mm512_cvtepu32_epi64(_mm256_load_si256((const __m256i *)(res + 8)));
	__m512i addr, at, probe;
	__m256i nh, deflt = _mm256_set1_epi32(fib_view_default(v));
	unsigned int i, step, left, lanes;
	__mmask16 words;
	__mmask8 le, on;

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
			probe = steps <= 3 ? _mm512_permutexvar_epi64(probe, k0)
					   : _mm512_permutex2var_epi64(k0, probe, k1);
			le = _mm512_cmple_epu64_mask(probe, addr);
			at = _mm512_mask_add_epi64(at, le, at, _mm512_set1_epi64(step));
		}
		nh = _mm512_cvtepi64_epi32(steps <= 3 ? _mm512_permutexvar_epi64(at, r0)
						      : _mm512_permutex2var_epi64(r0, at, r1));
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
#endif

fib_bulk4_t fib_flat_pick4(unsigned int steps)
{
	if (steps == 0)
		return fib_flat_none4;
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512 && steps <= 5)
		return steps <= 2   ? fib_flat_zmm4_2
		       : steps <= 4 ? fib_flat_zmm4_4
				    : fib_flat_zmm4_5;
#endif
	return fib_flat_bulk4;
}

fib_bulk6_t fib_flat_pick6(unsigned int steps)
{
	if (steps == 0)
		return fib_flat_none6;
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512 && steps <= 4)
		return steps <= 3 ? fib_flat_zmm6_3 : fib_flat_zmm6_4;
#endif
	return fib_flat_bulk6;
}
