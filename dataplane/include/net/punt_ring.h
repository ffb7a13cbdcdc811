/* SPDX-License-Identifier: BSD-3-Clause */
/* punt_ring.h - what the writing end of the punt (punt.c) and the reading end (punt_read.c) share.
 */
#ifndef SKUA_NET_PUNT_RING_H
#define SKUA_NET_PUNT_RING_H

#include <lib/byte_ring.h>
#include <net/punt.h>

/* A bucket holds packets times the TSC frequency, so that refilling is one multiplication. */
struct punt_bucket {
	uint64_t tokens;
	uint64_t last; /* TSC of the last refill */
};

/* Of one worker. */
struct punt_rings {
	bool wrote; /* this turn; the worker's, as the buckets are */
	struct punt_bucket bucket[DP_PUNT_MAX];
	struct byte_ring ring[DP_PUNT_MAX];
};

extern struct punt_rings *punt_rings[DP_MAX_WORKERS];
extern int punt_eventfd;
extern _Atomic bool punt_armed;

#endif
