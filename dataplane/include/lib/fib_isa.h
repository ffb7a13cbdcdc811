/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Target attributes of the functions that come in several instruction sets. AVX-512 is the subset
 * of Skylake-SP (F, BW, DQ, VL), which every later server core has.
 */
#ifndef SKUA_LIB_FIB_ISA_H
#define SKUA_LIB_FIB_ISA_H

#if defined(__x86_64__)
#include <immintrin.h>
#define FIB_X86         1
#define FIB_TARGET_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,movbe,popcnt")))
#define FIB_TARGET_AVX512                                                                          \
	__attribute__((                                                                            \
	    target("avx2,avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2,lzcnt,movbe,popcnt")))
#endif

#endif
