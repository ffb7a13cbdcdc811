/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif_gen.h - between the files of memif_gen: its packets (memif_frame.c) and its loop
 * (memif_gen.c).
 *
 *	 memif_gen                      the forwarder
 *	 left  198.18.0.2  ── id 0 ──▶  198.18.0.1  2001:db8:18::1   02:00:00:00:01:01
 *	 right 198.19.0.2  ◀── id 1 ──  198.19.0.1  2001:db8:19::1   02:00:00:00:02:01
 *
 * Packets go from left to 10.0.0.0/8 or 2001:db8:8000::/34, which the forwarder routes by right's
 * 198.19.0.2 or 2001:db8:19::2, whose link address is 02:00:00:00:02:02. Their last six bytes say
 * when they were sent.
 */
#ifndef SKUA_TESTS_BENCH_MEMIF_GEN_H
#define SKUA_TESTS_BENCH_MEMIF_GEN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

#define STAMP_BYTES 6
#define STAMP_MASK  ((1ULL << 48) - 1)

struct frames {
	uint16_t len;
	bool v6;
	uint32_t n, at;
	uint8_t *v; /* n whole frames but for the stamp */
};

/* Makes n frames of len bytes (without FCS), each to another destination. */
int frames_make(struct frames *f, bool v6, uint16_t len, uint32_t n);

/* Whether a frame is one of ours, a hop later: anything else is the forwarder's own talk. */
bool frame_is_ours(const struct frames *f, const struct rte_mbuf *m);

static inline void frame_write(struct frames *f, struct rte_mbuf *m, uint64_t now)
{
	char *p = rte_pktmbuf_mtod(m, char *);

	memcpy(p, f->v + (size_t)f->at * f->len, f->len);
	memcpy(p + f->len - STAMP_BYTES, &now, STAMP_BYTES);
	m->data_len = f->len;
	m->pkt_len = f->len;
	f->at = f->at + 1 == f->n ? 0 : f->at + 1;
}

/* Clocks since a frame was sent; the stamp is good for a day. */
static inline uint64_t frame_age(const struct frames *f, const struct rte_mbuf *m, uint64_t now)
{
	uint64_t sent = 0;

	memcpy(&sent, rte_pktmbuf_mtod(m, const char *) + f->len - STAMP_BYTES, STAMP_BYTES);
	return (now - sent) & STAMP_MASK;
}

#endif
