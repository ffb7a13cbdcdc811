/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * punt_read.c - the reader's end of the punt. A batch takes from every reason its share, the urgent
 * first, and then what is left in the same order: an ARP packet waits for the handling of one batch
 * at most, and no reason starves another. Workers take turns to be first.
 */
#include <errno.h>

#include <net/punt_ring.h>

/* How many of a batch of 64 a reason may have before all others had theirs. */
static const uint8_t punt_share[DP_PUNT_MAX] = {
    [DP_PUNT_ARP] = 16,       [DP_PUNT_ND] = 16,        [DP_PUNT_CONTROL] = 12, [DP_PUNT_CS6] = 2,
    [DP_PUNT_NEIGH_MISS] = 4, [DP_PUNT_NEIGH_USED] = 2, [DP_PUNT_IGMP] = 2,     [DP_PUNT_ICMP] = 4,
    [DP_PUNT_LOCAL] = 4,      [DP_PUNT_ICMP_SEND] = 2,
};

struct punt_batch {
	char *buf;
	uint32_t len, room;
	uint32_t records; /* that it may still take */
	bool full;        /* the next record did not fit */
};

/* Moves at most max records of a ring into the batch; returns how many. */
static uint32_t punt_take(struct punt_batch *b, struct byte_ring *r, uint32_t max)
{
	uint64_t at = byte_ring_tail(r), end;
	uint32_t n = 0;

	max = RTE_MIN(max, b->records);
	if (!max)
		return 0;
	end = byte_ring_end(r);
	if (at == end)
		return 0;
	for (; at != end && n < max; n++) {
		struct dp_punt rec;
		uint32_t size;

		byte_ring_get(r, at, &rec, sizeof(rec));
		size = (uint32_t)sizeof(rec) + RTE_ALIGN_CEIL(rec.len, BYTE_RING_ALIGN);
		if (size > b->room - b->len) {
			b->full = true;
			break;
		}
		byte_ring_get(r, at, b->buf + b->len, size);
		b->len += size;
		at += size;
	}
	byte_ring_release(r, at);
	b->records -= n;
	return n;
}

/* One reason of all workers, beginning with another worker each time. */
static void punt_take_reason(struct punt_batch *b, enum dp_punt_reason reason, uint32_t max)
{
	static uint32_t first[DP_PUNT_MAX];
	uint32_t w = first[reason], part;

	for (uint32_t i = 0; i < DP_MAX_WORKERS && max && !b->full; i++) {
		w = w + 1 < DP_MAX_WORKERS && punt_rings[w + 1] ? w + 1 : 0;
		part = punt_take(b, &punt_rings[w]->ring[reason], max);
		max -= part;
		if (w == first[reason])
			break; /* all had their turn */
	}
	first[reason] = w;
}

int dp_punt_read(void *buf, uint32_t room, uint32_t max)
{
	struct punt_batch b = {.buf = buf, .room = room, .records = max};

	if (!punt_rings[0])
		return -EINVAL;
	for (int i = 0; i < DP_PUNT_MAX && b.records && !b.full; i++)
		punt_take_reason(&b, i, punt_share[i]);
	for (int i = 0; i < DP_PUNT_MAX && b.records && !b.full; i++)
		punt_take_reason(&b, i, b.records);
	return b.len || !b.full ? (int)b.len : -EMSGSIZE;
}

int dp_punt_fd(void)
{
	return punt_eventfd;
}

bool dp_punt_arm(void)
{
	atomic_store(&punt_armed, true);
	atomic_thread_fence(memory_order_seq_cst);
	for (int i = 0; i < DP_MAX_WORKERS && punt_rings[i]; i++)
		for (int j = 0; j < DP_PUNT_MAX; j++)
			if (byte_ring_end(&punt_rings[i]->ring[j]) !=
			    byte_ring_tail(&punt_rings[i]->ring[j]))
				return true;
	return false;
}
