/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wait.h - a thread that sleeps until there is something for it, and those who bring it.
 *
 *   sleeper                             waker
 *     prepare_to_wait()                   makes something available
 *     looks at everything once more       wake_up()
 *     poll()s wait_fd(), or not
 *     finish_wait()
 *
 * Each side writes, fences, and reads what the other wrote: so the sleeper sees what was made
 * available, or the waker sees that it sleeps. Only then is there a system call. Memory orders are
 * full on both sides; without them a CPU may let its read pass its write, and a wake-up is lost.
 */
#ifndef SKUA_LIB_WAIT_H
#define SKUA_LIB_WAIT_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One sleeper, any number of wakers. */
struct wait_queue_head {
	_Atomic bool asleep; /* set by the sleeper, cleared by it and by the waker who takes it */
	int fd;              /* eventfd */
};

/* 0 or a negative errno. */
static inline int init_waitqueue_head(struct wait_queue_head *wq)
{
	atomic_store_explicit(&wq->asleep, false, memory_order_relaxed);
	wq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return wq->fd < 0 ? -errno : 0;
}

static inline void destroy_waitqueue_head(struct wait_queue_head *wq)
{
	if (wq->fd >= 0)
		close(wq->fd);
	wq->fd = -1;
}

/* What becomes readable when the sleeper is woken. */
static inline int wait_fd(const struct wait_queue_head *wq)
{
	return wq->fd;
}

/* What is available and not seen by the sleeper's next look comes with a wake-up. */
static inline void prepare_to_wait(struct wait_queue_head *wq)
{
	atomic_store_explicit(&wq->asleep, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

/* woken: wait_fd() was readable. A wake-up that comes too late makes it so for the next sleep. */
static inline void finish_wait(struct wait_queue_head *wq, bool woken)
{
	uint64_t count;
	ssize_t n = 0;

	atomic_store_explicit(&wq->asleep, false, memory_order_relaxed);
	if (woken)
		n = read(wq->fd, &count, sizeof(count));
	(void)n; /* it does not block, and how often we were woken is nothing */
}

/* To be called by whoever has made something available: once for many things. */
static inline void wake_up(struct wait_queue_head *wq)
{
	const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (__builtin_expect(atomic_load_explicit(&wq->asleep, memory_order_relaxed), 0) &&
	    atomic_exchange(&wq->asleep, false)) {
		ssize_t n = write(wq->fd, &one, sizeof(one));

		(void)n; /* only a full counter fails, and then it is readable */
	}
}

#endif
