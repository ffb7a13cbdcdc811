// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

// fib_test [-n changes] [-s seed] [-i scalar|avx2|avx512] test ...
// Runs the named tests: rcu edges views memory twin4 twin6 readers4 readers6.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "twin.h"

static int run(const char *name, unsigned long ops, uint64_t seed)
{
	if (strcmp(name, "rcu") == 0)
		test_rcu();
	else if (strcmp(name, "edges") == 0)
		test_edges();
	else if (strcmp(name, "views") == 0)
		test_views();
	else if (strcmp(name, "memory") == 0)
		test_no_memory();
	else if (strcmp(name, "twin4") == 0)
		test_twin(false, ops, seed);
	else if (strcmp(name, "twin6") == 0)
		test_twin(true, ops, seed);
	else if (strcmp(name, "readers4") == 0)
		test_readers(false, ops, seed);
	else if (strcmp(name, "readers6") == 0)
		test_readers(true, ops, seed);
	else
		return 2;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long ops = 1000000;
	uint64_t seed = 0x5eed;
	int c, err = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
#ifdef __SANITIZE_THREAD__
	fib_isa_limit(FIB_ISA_SCALAR); // gathers are not instrumented
#endif
	while ((c = getopt(argc, argv, "n:s:i:")) != -1) {
		if (c == 'n')
			ops = strtoul(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0) | 1;
		else if (c == 'i' && strcmp(optarg, "scalar") == 0)
			fib_isa_limit(FIB_ISA_SCALAR);
		else if (c == 'i' && strcmp(optarg, "avx2") == 0)
			fib_isa_limit(FIB_ISA_AVX2);
		else if (c == '?')
			return 2;
	}
	for (; optind < argc && err == 0; optind++)
		err = run(argv[optind], ops, seed);
	return err;
}
