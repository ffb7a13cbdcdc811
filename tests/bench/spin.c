// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * What a CPU does to a program that never lets go of it: reads the clock as fast as it can and says
 * when it could not for LIMIT microseconds. What this loop sees, the machine does (the hypervisor,
 * interrupts, other tasks), and not the program under test on the same CPU.
 *
 * usage: spin CPU SECONDS LIMIT [fifo]       begins at the end of standard input; prints JSON, the
 * gaps in TSC clocks as in skua stats
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tsc.h"

#define LOG 256

int main(int argc, char **argv)
{
	static uint64_t at[LOG], len[LOG];
	uint64_t n = 0, longest = 0, last, end, limit;
	double hz, seconds;
	cpu_set_t set;

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: %s CPU SECONDS LIMIT_US [fifo]\n", argv[0]);
		return 2;
	}
	hz = tsc_hz();
	seconds = atof(argv[2]);
	limit = (uint64_t)(atof(argv[3]) * 1e-6 * hz);
	CPU_ZERO(&set);
	CPU_SET(atoi(argv[1]), &set);
	if (sched_setaffinity(0, sizeof(set), &set) ||
	    (argc == 5 && sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1})) ||
	    mlockall(MCL_CURRENT)) {
		fprintf(stderr, "CPU %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (getchar() != EOF)
		; /* whoever watches us is ready */
	last = tsc_now();
	end = last + (uint64_t)(seconds * hz);
	while (last < end) {
		uint64_t now = tsc_now();

		if (now - last > limit) {
			at[n % LOG] = last;
			len[n++ % LOG] = now - last;
		}
		if (now - last > longest)
			longest = now - last;
		last = now;
	}
	printf(
	    "{\"tsc_hz\": %.0f, \"seconds\": %.3f, \"gaps\": %lu, \"longest\": %lu, \"gap_log\": [",
	    hz, seconds, n, longest);
	for (uint64_t i = n > LOG ? n - LOG : 0; i < n; i++)
		printf("%s{\"at\": %lu, \"length\": %lu}", i && i != n - LOG ? ", " : "",
		       at[i % LOG], len[i % LOG]);
	printf("]}\n");
	return 0;
}
