/* SPDX-License-Identifier: BSD-3-Clause */
/* Grace periods and deferred frees over one rte_rcu_qsbr: see lib/rcu.h for the rules. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <lib/rcu.h>

struct rte_rcu_qsbr *rcu_qsbr;

/* A deferred call. next chains those that are due and run outside the lock. */
struct rcu_call {
	void (*fn)(void *arg);
	void *arg;
	struct rcu_call *next;
};

static void rcu_call_due(void *ctx, uint64_t val);

struct rcu_due {
	struct rcu_call *first;
	struct rcu_call **last;
};

/* In lines of its own: readers read what lies around it. */
static struct rcu_calls {
	pthread_mutex_t lock;
	struct rcu_queue queue; /* under lock */
} __rte_cache_aligned rcu_calls = {.lock = PTHREAD_MUTEX_INITIALIZER, .queue.fn = rcu_call_due};

int rcu_init(unsigned int max_readers)
{
	struct rte_rcu_qsbr *v;
	size_t size;

	if (max_readers == 0)
		return -EINVAL;
	if (rcu_qsbr != NULL)
		return -EBUSY;

	/* The size is a multiple of the cache line, as aligned_alloc() wants it. */
	size = rte_rcu_qsbr_get_memsize(max_readers);
	v = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (v == NULL)
		return -ENOMEM;
	if (rte_rcu_qsbr_init(v, max_readers) != 0) {
		free(v);
		return -EINVAL;
	}
	__atomic_store_n(&rcu_qsbr, v, __ATOMIC_RELEASE);
	return 0;
}

void rcu_exit(void)
{
	struct rte_rcu_qsbr *v = rcu_qsbr;

	rcu_barrier();
	pthread_mutex_lock(&rcu_calls.lock);
	rcu_queue_destroy(&rcu_calls.queue);
	pthread_mutex_unlock(&rcu_calls.lock);
	__atomic_store_n(&rcu_qsbr, NULL, __ATOMIC_RELEASE);
	free(v);
}

int rcu_register(unsigned int reader)
{
	if (rcu_qsbr == NULL)
		return -ENODEV;
	return rte_rcu_qsbr_thread_register(rcu_qsbr, reader) == 0 ? 0 : -EINVAL;
}

int rcu_unregister(unsigned int reader)
{
	if (rcu_qsbr == NULL)
		return -ENODEV;
	return rte_rcu_qsbr_thread_unregister(rcu_qsbr, reader) == 0 ? 0 : -EINVAL;
}

uint64_t start_poll_synchronize_rcu(void)
{
	if (rcu_qsbr == NULL)
		return 0;
	return rte_rcu_qsbr_start(rcu_qsbr);
}

bool poll_state_synchronize_rcu(uint64_t cookie)
{
	if (rcu_qsbr == NULL)
		return true;
	return rte_rcu_qsbr_check(rcu_qsbr, cookie, false) == 1;
}

void synchronize_rcu(void)
{
	if (rcu_qsbr != NULL)
		rte_rcu_qsbr_synchronize(rcu_qsbr, RTE_QSBR_THRID_INVALID);
}

static int rcu_queue_grow(struct rcu_queue *q)
{
	size_t cap = q->cap ? 2 * q->cap : 64;
	uint64_t *vals;
	size_t i;

	vals = malloc(cap * sizeof(*vals));
	if (vals == NULL)
		return -ENOMEM;
	for (i = q->head; i != q->tail; i++)
		vals[i & (cap - 1)] = q->vals[i & (q->cap - 1)];
	free(q->vals);
	q->vals = vals;
	q->cap = cap;
	return 0;
}

int rcu_queue_push(struct rcu_queue *q, uint64_t val)
{
	if (q->tail - q->head == q->cap && rcu_queue_grow(q) != 0)
		return -ENOMEM;
	q->vals[q->tail++ & (q->cap - 1)] = val;
	return 0;
}

void rcu_queue_reclaim(struct rcu_queue *q)
{
	if (q->head != q->wait) {
		if (!poll_state_synchronize_rcu(q->cookie))
			return;
		while (q->head != q->wait)
			q->fn(q->ctx, q->vals[q->head++ & (q->cap - 1)]);
	}
	if (q->wait != q->tail) {
		q->cookie = start_poll_synchronize_rcu();
		q->wait = q->tail;
	}
}

void rcu_queue_destroy(struct rcu_queue *q)
{
	free(q->vals);
	q->vals = NULL;
	q->cap = q->head = q->wait = q->tail = 0;
}

static void rcu_call_due(void *ctx, uint64_t val)
{
	struct rcu_call *call = (struct rcu_call *)(uintptr_t)val;
	struct rcu_due *due = ctx;

	call->next = NULL;
	*due->last = call;
	due->last = &call->next;
}

static size_t rcu_run_due(struct rcu_call *push, int *err)
{
	struct rcu_due due = {.first = NULL, .last = &due.first};
	struct rcu_call *call;
	size_t left;

	pthread_mutex_lock(&rcu_calls.lock);
	if (push != NULL)
		*err = rcu_queue_push(&rcu_calls.queue, (uintptr_t)push);
	rcu_calls.queue.ctx = &due;
	rcu_queue_reclaim(&rcu_calls.queue);
	rcu_calls.queue.ctx = NULL;
	left = rcu_queue_len(&rcu_calls.queue);
	pthread_mutex_unlock(&rcu_calls.lock);

	/* Outside the lock: a deferred function may itself defer. */
	while ((call = due.first) != NULL) {
		due.first = call->next;
		call->fn(call->arg);
		free(call);
	}
	return left;
}

int rcu_defer(void (*fn)(void *arg), void *arg)
{
	struct rcu_call *call;
	int err = 0;

	call = malloc(sizeof(*call));
	if (call == NULL)
		return -ENOMEM;
	call->fn = fn;
	call->arg = arg;
	rcu_run_due(call, &err);
	if (err)
		free(call);
	return err;
}

size_t rcu_reclaim(void)
{
	return rcu_run_due(NULL, NULL);
}

void rcu_barrier(void)
{
	/* One round for what waits already, one for what was queued behind it. */
	while (rcu_reclaim() != 0)
		synchronize_rcu();
}
