/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Read-copy update over one process-wide rte_rcu_qsbr.
 *
 * Readers are the lcores. A reader never locks: between two calls of rcu_quiescent() everything
 * that it reached through a published pointer stays valid. It reports once per poll loop, not per
 * burst (a report every 32 packets costs up to a tenth of the throughput).
 *
 * Writers publish first and give the old memory back later: directly with rcu_defer() (any thread),
 * or through an rcu_queue of their own. Neither ever waits for a reader. synchronize_rcu() and
 * rcu_barrier() do wait, and a reader must not call them while it is online.
 *
 * Names and meanings follow the kernel's (Documentation/RCU), with rcu_quiescent() standing for
 * rcu_note_context_switch().
 */
#ifndef SKUA_LIB_RCU_H
#define SKUA_LIB_RCU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

/* Written by rcu_init() and rcu_exit() only. NULL means: there are no readers. */
extern struct rte_rcu_qsbr *rcu_qsbr;

/*
 * Makes room for readers 0 … max_readers-1. Returns 0, -EINVAL (max_readers is 0), -EBUSY (called
 * twice) or -ENOMEM. Before this call there are no readers and every grace period is over at once.
 */
int rcu_init(unsigned int max_readers);

/* Runs what is deferred and frees the state. All readers must be unregistered. */
void rcu_exit(void);

/*
 * Announces a reader. It starts offline: it counts from its own rcu_online() on.
 * Returns 0, -ENODEV (before rcu_init) or -EINVAL (reader id out of range).
 */
int rcu_register(unsigned int reader);
int rcu_unregister(unsigned int reader);

/* The reader begins to hold references; called by the reader's own thread. */
static inline void rcu_online(unsigned int reader)
{
	rte_rcu_qsbr_thread_online(rcu_qsbr, reader);
}

/* The reader holds nothing until its next rcu_online(): before it sleeps or leaves its loop. */
static inline void rcu_offline(unsigned int reader)
{
	rte_rcu_qsbr_thread_offline(rcu_qsbr, reader);
}

/* The reader, online, holds no reference from before this call. */
static inline void rcu_quiescent(unsigned int reader)
{
	rte_rcu_qsbr_quiescent(rcu_qsbr, reader);
}

/*
 * Starts a grace period; the cookie is over when every reader that was online at this call has been
 * quiescent since. Every start costs each reader one cache miss, so writers start one for many
 * frees (rcu_queue does).
 */
uint64_t start_poll_synchronize_rcu(void);
bool poll_state_synchronize_rcu(uint64_t cookie);

/* Waits for one grace period. */
void synchronize_rcu(void);

/*
 * Calls fn(arg) after a grace period, from a later rcu_defer(), rcu_reclaim() or rcu_barrier() of
 * whatever thread; fn must be prepared for that. Never blocks. Returns 0 or -ENOMEM (fn is then not
 * called, and the caller still owns arg).
 */
int rcu_defer(void (*fn)(void *arg), void *arg);

/* Runs what is due. Returns the number of functions still waiting. */
size_t rcu_reclaim(void);

/* Waits until everything that was deferred before this call has run. */
void rcu_barrier(void);

/*
 * A writer's own queue of 64-bit values (indices, addresses) that wait for a grace period. One
 * writer at a time. At most one grace period is in flight per queue: [head, wait) waits for cookie,
 * [wait, tail) for the one after it.
 */
struct rcu_queue {
	void (*fn)(void *ctx, uint64_t val); /* gives val back; must not push to this queue */
	void *ctx;
	uint64_t *vals; /* ring of cap (a power of two) values */
	size_t cap;
	size_t head, wait, tail;
	uint64_t cookie;
};

/* Returns 0, or -ENOMEM: val is not queued. */
int rcu_queue_push(struct rcu_queue *q, uint64_t val);

/* Gives back what is due; costs a few loads when nothing is. */
void rcu_queue_reclaim(struct rcu_queue *q);

static inline size_t rcu_queue_len(const struct rcu_queue *q)
{
	return q->tail - q->head;
}

/* Drops all values without calling fn, and frees the ring: for an owner that frees all at once. */
void rcu_queue_destroy(struct rcu_queue *q);

#endif
