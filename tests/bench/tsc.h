/* SPDX-License-Identifier: BSD-3-Clause */
/* The clock of the programs that measure without DPDK: the CPU's own counter. */
#ifndef SKUA_TESTS_BENCH_TSC_H
#define SKUA_TESTS_BENCH_TSC_H

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
static inline uint64_t tsc_now(void)
{
	return __builtin_ia32_rdtsc();
}

static inline void tsc_pause(void)
{
	__builtin_ia32_pause();
}
#elif defined(__aarch64__)
static inline uint64_t tsc_now(void)
{
	uint64_t v;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
}

static inline void tsc_pause(void)
{
	__asm__ volatile("yield");
}
#endif

static inline double tsc_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Counts per second, by the kernel's clock: takes 50 ms, good to a thousandth. */
static inline double tsc_hz(void)
{
	double start = tsc_seconds(), end;
	uint64_t t0 = tsc_now();

	do {
		end = tsc_seconds();
	} while (end - start < 0.05);
	return (double)(tsc_now() - t0) / (end - start);
}

#endif
