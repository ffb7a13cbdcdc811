/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * byte_ring.h - records of any length from one thread to one other. The writer fills a record piece
 * by piece behind head and publishes it whole; the reader copies it out and gives the room back.
 * Neither waits for the other, and neither is hurt when the other is preempted.
 */
#ifndef SKUA_LIB_BYTE_RING_H
#define SKUA_LIB_BYTE_RING_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#define BYTE_RING_ALIGN 8 /* of records */

struct byte_ring {
	/* The writer's. */
	_Atomic uint64_t head; /* bytes ever written; read by the reader */
	uint64_t tail_seen;

	/* The reader's. */
	_Atomic uint64_t tail __rte_cache_aligned; /* bytes ever read; read by the writer */

	uint64_t size __rte_cache_aligned; /* constant, a power of two */
	char *buf;
} __rte_cache_aligned;

static inline int byte_ring_init(struct byte_ring *r, uint64_t size)
{
	memset(r, 0, sizeof(*r));
	r->size = size;
	r->buf = malloc(size);
	return r->buf ? 0 : -ENOMEM;
}

static inline void byte_ring_fini(struct byte_ring *r)
{
	free(r->buf);
	r->buf = NULL;
}

/* --- the writer ------------------------------------------------------------------------------- */

static inline uint64_t byte_ring_head(const struct byte_ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_relaxed);
}

/* Whether need bytes can be written from at on. */
static inline bool byte_ring_room(struct byte_ring *r, uint64_t at, uint64_t need)
{
	if (at + need - r->tail_seen <= r->size)
		return true;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return at + need - r->tail_seen <= r->size;
}

static inline void byte_ring_put(struct byte_ring *r, uint64_t at, const void *data, uint32_t len)
{
	uint64_t off = at & (r->size - 1);
	uint64_t first = RTE_MIN((uint64_t)len, r->size - off);

	memcpy(r->buf + off, data, first);
	if (first < len)
		memcpy(r->buf, (const char *)data + first, len - first);
}

/* Everything before at may be read. */
static inline void byte_ring_publish(struct byte_ring *r, uint64_t at)
{
	atomic_store_explicit(&r->head, at, memory_order_release);
}

/* --- the reader ------------------------------------------------------------------------------- */

static inline uint64_t byte_ring_tail(const struct byte_ring *r)
{
	return atomic_load_explicit(&r->tail, memory_order_relaxed);
}

/* How far can be read. */
static inline uint64_t byte_ring_end(const struct byte_ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_acquire);
}

static inline void byte_ring_get(const struct byte_ring *r, uint64_t at, void *data, uint64_t len)
{
	uint64_t off = at & (r->size - 1);
	uint64_t first = RTE_MIN(len, r->size - off);

	memcpy(data, r->buf + off, first);
	if (first < len)
		memcpy((char *)data + first, r->buf, len - first);
}

/* The writer may have everything before at again. */
static inline void byte_ring_release(struct byte_ring *r, uint64_t at)
{
	atomic_store_explicit(&r->tail, at, memory_order_release);
}

#endif
