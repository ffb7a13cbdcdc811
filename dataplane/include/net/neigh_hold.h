/* SPDX-License-Identifier: BSD-3-Clause */
/* neigh_hold.h - the packets of one worker that wait for a neighbour (arp_queue). */
#ifndef SKUA_NET_NEIGH_HOLD_H
#define SKUA_NET_NEIGH_HOLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <net/neighbour.h>

#define HOLD_PACKETS_MAX (1u << 16) /* packets that one worker may hold */

struct neigh_hold {
	struct net_device *dev; /* NULL: free */
	struct sk_buff *head, *tail;
	uint64_t asked; /* TSC of the NEIGH_MISS, 0: not yet */
	uint64_t last;  /* TSC of the last packet */
	uint32_t n;
	uint32_t next; /* in the bucket, or of the free list */
	uint8_t family;
	uint8_t key[16];
};

struct neigh_hold_table {
	_Atomic uint32_t packets; /* written by the worker, read by the writer of neighbours */
	_Atomic bool rescan;      /* an event did not fit its ring */
	uint64_t scanned;         /* TSC when the last scan began */
	uint32_t scan;            /* the entry that the scan has come to, 0: none goes on */
	uint32_t free;
	uint32_t max;  /* packets held in all; constant */
	uint32_t mask; /* of buckets; there are as many entries, and entry 0 is none */
	uint32_t *buckets;
	struct neigh_hold *entries;
};

/* Tells every worker that holds packets. family 0: all of the device's are to be dropped. */
void neigh_tell(const struct dp_neigh *ev);

#endif
