// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * How far apart two CPUs are: the time that a written cache line takes from one to the other, one
 * way. A hypervisor moves virtual CPUs between near (about 70 TSC clocks on one core or one L3) and
 * far (about 420), and figures of two cores swing with that: read it before and after each.
 *
 * usage: corelat CPU_A CPU_B [ROUNDS]      prints JSON; exit status 1 when a CPU is not ours to use
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tsc.h"

#define TURNS  64   /* of the line in a round */
#define ROUNDS 2000 /* that many chances to be left alone by others */
#define FAR    200  /* clocks one way */

static _Alignas(128) _Atomic uint32_t line;

struct side {
	int cpu;
	uint32_t rounds;
	int err;
};

static int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* Answers each odd number with the even one that follows. */
static void *answer(void *arg)
{
	struct side *s = arg;
	uint32_t end = 2 * TURNS * s->rounds;

	s->err = pin(s->cpu);
	for (uint32_t want = 1; want < end; want += 2) {
		while (atomic_load_explicit(&line, memory_order_acquire) != want)
			tsc_pause();
		atomic_store_explicit(&line, want + 1, memory_order_release);
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct side other = {.rounds = ROUNDS};
	double hz = tsc_hz(), best, median;
	pthread_t thread;
	uint64_t *took;
	uint32_t at = 0;
	int cpu, rc;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: %s CPU_A CPU_B [ROUNDS]\n", argv[0]);
		return 2;
	}
	cpu = atoi(argv[1]);
	other.cpu = atoi(argv[2]);
	if (argc > 3)
		other.rounds = (uint32_t)strtoul(argv[3], NULL, 10);
	if (!other.rounds || other.rounds > 1u << 20) {
		fprintf(stderr, "ROUNDS is 1 to %u\n", 1u << 20);
		return 2;
	}
	took = calloc(other.rounds, sizeof(*took));
	rc = took ? pin(cpu) : ENOMEM;
	if (!rc)
		rc = pthread_create(&thread, NULL, answer, &other);
	if (rc) {
		fprintf(stderr, "CPU %d: %s\n", cpu, strerror(rc));
		return 1;
	}
	for (uint32_t r = 0; r < other.rounds; r++) {
		uint64_t start = tsc_now();

		for (int i = 0; i < TURNS; i++, at += 2) {
			atomic_store_explicit(&line, at + 1, memory_order_release);
			while (atomic_load_explicit(&line, memory_order_acquire) != at + 2)
				tsc_pause();
		}
		took[r] = tsc_now() - start;
	}
	pthread_join(thread, NULL);
	if (other.err) {
		fprintf(stderr, "CPU %d: %s\n", other.cpu, strerror(other.err));
		return 1;
	}
	qsort(took, other.rounds, sizeof(*took), by_size);
	best = (double)took[0] / TURNS / 2;
	median = (double)took[other.rounds / 2] / TURNS / 2;
	printf("{\"cpu_a\": %d, \"cpu_b\": %d, \"clocks\": %.0f, \"ns\": %.1f, "
	       "\"median_clocks\": %.0f, \"median_ns\": %.1f, \"class\": \"%s\"}\n",
	       cpu, other.cpu, best, best / hz * 1e9, median, median / hz * 1e9,
	       best < FAR ? "near" : "far");
	free(took);
	return 0;
}
