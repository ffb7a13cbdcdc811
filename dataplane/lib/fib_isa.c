/* SPDX-License-Identifier: BSD-3-Clause */
/* Which instruction sets the look-ups use: see lib/fib_view.h. */
#include <lib/fib_isa.h>
#include <lib/fib_view.h>

static int fib_isa_now = -1; /* enum fib_isa, or -1: nobody asked yet */

static enum fib_isa fib_isa_best(void)
{
#ifdef FIB_X86
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
		return FIB_ISA_SCALAR;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return FIB_ISA_AVX512;
	return FIB_ISA_AVX2;
#else
	return FIB_ISA_SCALAR;
#endif
}

enum fib_isa fib_isa_limit(enum fib_isa max)
{
	enum fib_isa best = fib_isa_best();

	if (max > best)
		max = best;
	__atomic_store_n(&fib_isa_now, (int)max, __ATOMIC_RELAXED);
	return max;
}

enum fib_isa fib_isa(void)
{
	int now = __atomic_load_n(&fib_isa_now, __ATOMIC_RELAXED);

	return now >= 0 ? (enum fib_isa)now : fib_isa_limit(FIB_ISA_AVX512);
}
