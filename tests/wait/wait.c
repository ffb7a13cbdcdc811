// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * wait.c meet|sleep ROUNDS - a sleeper and wakers that never miss each other.
 *
 * meet: both start a round at the same moment, one to give work, one to go to sleep; at its end the
 * sleeper has seen the work or was woken. Nobody sleeps, so that it is the order of their reads and
 * writes alone that decides.
 *
 * sleep: wakers give work and wait for it to be taken before they give more; the sleeper blocks.
 * The work is plain memory beside an atomic count: the thread sanitizer sees whether the hand-over
 * is one. A sleeper that is not woken for ten seconds while work is there has lost a wake-up.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lib/wait.h>

#define WAKERS  2
#define LOST_MS 10000

struct work {
	_Atomic uint64_t given; /* the waker's */
	_Atomic uint64_t taken; /* the sleeper's */
	uint64_t text;          /* what is handed over: the number of the round */
} __attribute__((aligned(64)));

struct sleeper {
	struct wait_queue_head wait;
	struct work work[WAKERS];
	uint64_t sleeps, woken;
};

static struct sleeper sleeper1;
static uint64_t rounds;

static uint32_t rnd(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void spin(uint32_t n)
{
	for (volatile uint32_t i = 0; i < n; i++)
		;
}

/* Takes what is there; how much that was. */
static uint64_t take(struct sleeper *s)
{
	uint64_t n = 0;

	for (int i = 0; i < WAKERS; i++) {
		struct work *w = &s->work[i];
		uint64_t given = atomic_load_explicit(&w->given, memory_order_acquire);

		if (given == atomic_load_explicit(&w->taken, memory_order_relaxed))
			continue;
		if (w->text != given) {
			fprintf(stderr, "round %ju came with the text of %ju\n", (uintmax_t)given,
				(uintmax_t)w->text);
			exit(1);
		}
		atomic_store_explicit(&w->taken, given, memory_order_release);
		n++;
	}
	return n;
}

/* --- meet ------------------------------------------------------------------------------------ */

static _Atomic uint64_t arrived[2];

/* Returns when both are there, at the same moment as far as CPUs know one. */
static void meet(int who, uint64_t n)
{
	atomic_store(&arrived[who], n);
	for (int i = 0; atomic_load(&arrived[!who]) < n; i++)
		if (i % 4096 == 4095)
			sched_yield();
}

static void *meet_waker(void *arg)
{
	struct sleeper *s = arg;

	for (uint64_t i = 1; i <= rounds; i++) {
		meet(0, 2 * i);
		s->work[0].text = i;
		atomic_store_explicit(&s->work[0].given, i, memory_order_release);
		wake_up(&s->wait);
		meet(0, 2 * i + 1);
	}
	return NULL;
}

static void *meet_sleeper(void *arg)
{
	struct sleeper *s = arg;

	for (uint64_t i = 1; i <= rounds; i++) {
		uint64_t count, n;
		bool woken;

		meet(1, 2 * i);
		prepare_to_wait(&s->wait);
		n = take(s);
		meet(1, 2 * i + 1);
		woken = read(wait_fd(&s->wait), &count, sizeof(count)) == sizeof(count);
		if (!n && !woken) {
			fprintf(stderr, "round %ju: a wake-up was lost\n", (uintmax_t)i);
			exit(1);
		}
		finish_wait(&s->wait, false);
		s->sleeps += !n;
		s->woken += woken;
		take(s);
	}
	return NULL;
}

/* --- sleep ----------------------------------------------------------------------------------- */

static void *waker(void *arg)
{
	uint32_t id = (uint32_t)(uintptr_t)arg, state = id + 1;
	struct sleeper *s = &sleeper1;
	struct work *w = &s->work[id];

	for (uint64_t i = 1; i <= rounds; i++) {
		w->text = i;
		atomic_store_explicit(&w->given, i, memory_order_release);
		wake_up(&s->wait);
		for (int n = 0; atomic_load_explicit(&w->taken, memory_order_acquire) != i; n++)
			if (n % 256 == 255)
				sched_yield();
		spin(rnd(&state) % 64);
	}
	return NULL;
}

/* Between the announcement and the block is the turn, as in napi_sleep(). */
static void *sleeper(void *arg)
{
	struct sleeper *s = arg;
	uint32_t state = 99;
	uint64_t left = rounds * WAKERS;

	while (left) {
		struct pollfd fd = {.fd = wait_fd(&s->wait), .events = POLLIN};
		uint64_t n = 0;
		int woken = 0;

		for (uint32_t i = rnd(&state) % 1024; i && !n; i--)
			n = take(s);
		left -= n;
		if (n)
			continue;
		prepare_to_wait(&s->wait);
		n = take(s);
		left -= n;
		if (!n) {
			s->sleeps++;
			woken = poll(&fd, 1, LOST_MS);
			if (!woken && take(s)) {
				fprintf(stderr, "a wake-up was lost after %ju sleeps\n",
					(uintmax_t)s->sleeps);
				exit(1);
			}
			s->woken += woken > 0;
		}
		finish_wait(&s->wait, woken > 0);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sleeper *s = &sleeper1;
	pthread_t threads[1 + WAKERS];
	bool meets;
	int n = 0;

	if (argc != 3 || (strcmp(argv[1], "meet") && strcmp(argv[1], "sleep")))
		return 2;
	meets = !strcmp(argv[1], "meet");
	rounds = strtoull(argv[2], NULL, 10);
	if (init_waitqueue_head(&s->wait))
		return 1;
	pthread_create(&threads[n++], NULL, meets ? meet_sleeper : sleeper, s);
	for (uintptr_t i = 0; i < (meets ? 1 : WAKERS); i++)
		pthread_create(&threads[n++], NULL, meets ? meet_waker : waker,
			       meets ? (void *)s : (void *)i);
	while (n--)
		pthread_join(threads[n], NULL);
	printf("%ju rounds, %ju sleeps, %ju woken\n", (uintmax_t)rounds, (uintmax_t)s->sleeps,
	       (uintmax_t)s->woken);
	destroy_waitqueue_head(&s->wait);
	return !s->sleeps || !s->woken; /* then nothing was tested */
}
