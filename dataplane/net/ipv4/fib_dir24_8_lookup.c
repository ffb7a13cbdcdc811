/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest prefix match in the view of large IPv4 tables: see net/fib_dir24_8.h. */
#include <net/fib_dir24_8.h>
#include <net/ip_fib.h>

#include <lib/fib_isa.h>

/* All loads from tbl24 are under way before the first result is looked at. */
static void fib_dir24_8_bulk_scalar(const struct fib_view *v, const uint32_t *dst, uint32_t *nh_id,
				    unsigned int n)
{
	const uint32_t *tbl24 = v->first, *tbl8 = v->second;
	uint32_t deflt = fib_view_default(v), word;
	unsigned int i;

	for (i = 0; i < n; i++)
		nh_id[i] = __atomic_load_n(&tbl24[dst[i] >> 8], __ATOMIC_RELAXED);
	for (i = 0; i < n; i++) {
		word = nh_id[i];
		if (__builtin_expect(word & FIB_DIR24_8_EXT, 0))
			word = __atomic_load_n(
			    &tbl8[(size_t)(word & FIB_DIR24_8_NH) << 8 | (dst[i] & 0xff)],
			    __ATOMIC_RELAXED);
		word &= FIB_DIR24_8_NH;
		nh_id[i] = word ? word : deflt;
	}
}

#ifdef FIB_X86
static FIB_TARGET_AVX2 void fib_dir24_8_bulk_avx2(const struct fib_view *v, const uint32_t *dst,
						  uint32_t *nh_id, unsigned int n)
{
	const __m256i nh_mask = _mm256_set1_epi32(FIB_DIR24_8_NH);
	const __m256i deflt = _mm256_set1_epi32(fib_view_default(v));
	const int *tbl24 = v->first, *tbl8 = v->second;
	__m256i addr, word, none;
	unsigned int i;

	for (i = 0; i + 8 <= n; i += 8) {
		addr = _mm256_loadu_si256((const __m256i *)(dst + i));
		word = _mm256_i32gather_epi32(tbl24, _mm256_srli_epi32(addr, 8), 4);
		if (_mm256_movemask_ps(_mm256_castsi256_ps(word)) != 0) {
			/* The mask is the topmost bit of each word: EXT. */
			addr = _mm256_or_si256(_mm256_and_si256(addr, _mm256_set1_epi32(0xff)),
					       _mm256_slli_epi32(word, 8));
			word = _mm256_mask_i32gather_epi32(word, tbl8, addr, word, 4);
		}
		word = _mm256_and_si256(word, nh_mask);
		none = _mm256_cmpeq_epi32(word, _mm256_setzero_si256());
		word = _mm256_blendv_epi8(word, deflt, none);
		_mm256_storeu_si256((__m256i *)(nh_id + i), word);
	}
	fib_dir24_8_bulk_scalar(v, dst + i, nh_id + i, n - i);
}

static inline FIB_TARGET_AVX512 void fib_dir24_8_end_avx512(const struct fib_view *v, __m512i addr,
							    __m512i word, __mmask16 on,
							    uint32_t *nh_id)
{
	const __m512i nh_mask = _mm512_set1_epi32(FIB_DIR24_8_NH);
	__mmask16 ext = _mm512_movepi32_mask(word);

	if (ext != 0) {
		addr = _mm512_or_si512(_mm512_and_si512(addr, _mm512_set1_epi32(0xff)),
				       _mm512_slli_epi32(word, 8));
		word = _mm512_mask_i32gather_epi32(word, ext, addr, v->second, 4);
	}
	word = _mm512_and_si512(word, nh_mask);
	word = _mm512_mask_mov_epi32(word, _mm512_testn_epi32_mask(word, word),
				     _mm512_set1_epi32(fib_view_default(v)));
	_mm512_mask_storeu_epi32(nh_id, on, word);
}

static FIB_TARGET_AVX512 void fib_dir24_8_bulk_avx512(const struct fib_view *v, const uint32_t *dst,
						      uint32_t *nh_id, unsigned int n)
{
	__m512i addr0, addr1, word0, word1;
	__mmask16 on;

	for (; n >= 32; n -= 32, dst += 32, nh_id += 32) {
		addr0 = _mm512_loadu_si512(dst);
		addr1 = _mm512_loadu_si512(dst + 16);
		word0 = _mm512_i32gather_epi32(_mm512_srli_epi32(addr0, 8), v->first, 4);
		word1 = _mm512_i32gather_epi32(_mm512_srli_epi32(addr1, 8), v->first, 4);
		fib_dir24_8_end_avx512(v, addr0, word0, 0xffff, nh_id);
		fib_dir24_8_end_avx512(v, addr1, word1, 0xffff, nh_id + 16);
	}
	while (n > 0) {
		on = n >= 16 ? 0xffff : (1U << n) - 1;
		addr0 = _mm512_maskz_loadu_epi32(on, dst);
		word0 = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), on,
						    _mm512_srli_epi32(addr0, 8), v->first, 4);
		fib_dir24_8_end_avx512(v, addr0, word0, on, nh_id);
		if (n <= 16)
			return;
		n -= 16;
		dst += 16;
		nh_id += 16;
	}
}
#endif

fib_bulk4_t fib_dir24_8_pick(void)
{
#ifdef FIB_X86
	if (fib_isa() == FIB_ISA_AVX512)
		return fib_dir24_8_bulk_avx512;
	if (fib_isa() == FIB_ISA_AVX2)
		return fib_dir24_8_bulk_avx2;
#endif
	return fib_dir24_8_bulk_scalar;
}
