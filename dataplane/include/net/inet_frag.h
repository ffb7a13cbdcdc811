/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inet_frag.h - fragments that wait for the rest of their packet, of one worker, both families.
 * Whoever spreads packets over workers keeps the fragments of a packet together (by addresses).
 */
#ifndef SKUA_NET_INET_FRAG_H
#define SKUA_NET_INET_FRAG_H

#include <stdbool.h>
#include <stdint.h>

#include <net/netdevice.h>

#define FRAG_HSIZE      256  /* hash buckets */
#define FRAG_QUEUES_MAX 512  /* packets in pieces */
#define FRAG_PIECES_MAX 1024 /* pieces of all of them */

/* One packet's key; unused bytes are zero, so that keys compare as memory. */
struct frag_key {
	uint8_t saddr[16];
	uint8_t daddr[16];
	uint32_t id;  /* as in the packet */
	uint32_t iif; /* IPv6 link-local and multicast: received on */
	struct net *net;
	uint8_t family;
	uint8_t protocol; /* IPv4 */
	uint8_t pad[6];
};

struct frag_piece {
	struct sk_buff *skb;
	uint32_t hlen; /* bytes before the piece's data, from the network header */
	uint32_t offset;
	uint32_t len;
};

struct frag_queue {
	struct frag_queue *next; /* in the bucket */
	struct frag_key key;
	uint64_t expires; /* TSC */
	uint32_t len;     /* of the whole, as far as known */
	uint32_t meat;    /* bytes that are there */
	bool last_in;
	uint32_t n, room;
	struct frag_piece *pieces; /* by offset */
};

struct frag_table {
	uint32_t queues, pieces;
	uint64_t checked; /* TSC of the last look for expired queues */
	uint32_t net_gen; /* of net_table at that look */
	struct frag_queue *buckets[FRAG_HSIZE];
};

enum frag_result {
	FRAG_KEPT,
	FRAG_COMPLETE,
	FRAG_DUP,     /* have it: this one is to be dropped */
	FRAG_OVERLAP, /* the whole queue is to be dropped (RFC 5722) */
	FRAG_NOMEM,
};

/* inet_fragment.c */

/* The queue of key, made when there is none; NULL: no memory or too many. */
struct frag_queue *inet_frag_find(struct softnet_data *sd, const struct frag_key *key);
enum frag_result inet_frag_queue_insert(struct softnet_data *sd, struct frag_queue *q,
					const struct frag_piece *piece);
/*
 * The pieces as one packet: the first with its headers, the others' data chained to it. The queue
 * is gone then.
 */
struct sk_buff *inet_frag_reasm(struct softnet_data *sd, struct frag_queue *q);
/* Drops the queue and what it holds. */
void inet_frag_kill(struct softnet_data *sd, struct frag_queue *q, enum skb_drop_reason reason);
/* Gives up queues whose time is over, or whose net is gone. Once per turn. */
void inet_frag_poll(struct softnet_data *sd);
/* Drops all. */
void inet_frag_flush(struct softnet_data *sd);
void inet_frag_fini(struct softnet_data *sd);

#endif
