/* SPDX-License-Identifier: BSD-3-Clause */
/* inet_fragment.c - queues of fragments: found, filled, put together, given up. */
#include <stdlib.h>

#include <netinet/ip_icmp.h>

#include <net/inet_frag.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#define IP_FRAG_TIME_S   30 /* net.ipv4.ipfrag_time */
#define IPV6_FRAG_TIME_S 60 /* net.ipv6.ip6frag_time */

static uint32_t frag_hash(const struct frag_key *key)
{
	uint64_t w[sizeof(*key) / 8], h = 0;

	memcpy(w, key, sizeof(w));
	for (size_t i = 0; i < sizeof(*key) / 8; i++)
		h = (h ^ w[i]) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(h >> 40) % FRAG_HSIZE;
}

static struct ipstats_mib *frag_mib(const struct softnet_data *sd, const struct frag_queue *q)
{
	struct net_mib *mib = net_mib(sd, q->key.net);

	return q->key.family == AF_INET ? &mib->ip : &mib->ip6;
}

struct frag_queue *inet_frag_find(struct softnet_data *sd, const struct frag_key *key)
{
	struct frag_table *t = sd->frags;
	struct frag_queue *q, **bucket;
	uint64_t time;

	if (!t) {
		t = sd->frags = calloc(1, sizeof(*t));
		if (!t)
			return NULL;
	}
	bucket = &t->buckets[frag_hash(key)];
	for (q = *bucket; q; q = q->next)
		if (!memcmp(&q->key, key, sizeof(*key)))
			return q;
	if (t->queues >= FRAG_QUEUES_MAX || t->pieces >= FRAG_PIECES_MAX)
		return NULL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->key = *key;
	time = key->family == AF_INET ? IP_FRAG_TIME_S : IPV6_FRAG_TIME_S;
	q->expires = sd->now + time * rte_get_tsc_hz();
	q->next = *bucket;
	*bucket = q;
	t->queues++;
	return q;
}

enum frag_result inet_frag_queue_insert(struct softnet_data *sd, struct frag_queue *q,
					const struct frag_piece *piece)
{
	uint32_t end = piece->offset + piece->len, at = q->n;

	/* as a rule they come in order */
	while (at && q->pieces[at - 1].offset >= piece->offset)
		at--;
	if (at < q->n) {
		const struct frag_piece *next = &q->pieces[at];

		if (next->offset == piece->offset && next->len == piece->len)
			return FRAG_DUP;
		if (end > next->offset)
			return FRAG_OVERLAP;
	}
	if (at) {
		const struct frag_piece *prev = &q->pieces[at - 1];

		if (prev->offset + prev->len > piece->offset)
			return end <= prev->offset + prev->len ? FRAG_DUP : FRAG_OVERLAP;
	}
	if (sd->frags->pieces >= FRAG_PIECES_MAX)
		return FRAG_NOMEM;
	if (q->n == q->room) {
		uint32_t room = q->room ? q->room * 2 : 8;
		struct frag_piece *p = realloc(q->pieces, room * sizeof(*p));

		if (!p)
			return FRAG_NOMEM;
		q->pieces = p;
		q->room = room;
	}
	memmove(&q->pieces[at + 1], &q->pieces[at], (q->n - at) * sizeof(*piece));
	q->pieces[at] = *piece;
	q->n++;
	sd->frags->pieces++;
	q->meat += piece->len;
	piece->skb->dst = NULL; /* not ours beyond this turn */
	return q->last_in && q->meat == q->len ? FRAG_COMPLETE : FRAG_KEPT;
}

static void frag_unlink(struct softnet_data *sd, struct frag_queue *q)
{
	struct frag_queue **pp = &sd->frags->buckets[frag_hash(&q->key)];

	while (*pp != q)
		pp = &(*pp)->next;
	*pp = q->next;
	sd->frags->queues--;
	sd->frags->pieces -= q->n;
	free(q->pieces);
	free(q);
}

struct sk_buff *inet_frag_reasm(struct softnet_data *sd, struct frag_queue *q)
{
	struct sk_buff *head = q->pieces[0].skb;
	struct rte_mbuf *m = skb_mbuf(head), *last = rte_pktmbuf_lastseg(m);

	for (uint32_t i = 1; i < q->n; i++) {
		struct frag_piece *p = &q->pieces[i];
		struct rte_mbuf *seg = skb_mbuf(p->skb);
		uint32_t cut = skb_network_offset(p->skb) + p->hlen;

		/* the headers are in the first segment: they were read there */
		rte_pktmbuf_adj(seg, (uint16_t)cut);
		last->next = seg;
		last = rte_pktmbuf_lastseg(seg);
		m->nb_segs = (uint16_t)(m->nb_segs + seg->nb_segs);
		m->pkt_len += seg->pkt_len;
	}
	frag_unlink(sd, q);
	return head;
}

void inet_frag_kill(struct softnet_data *sd, struct frag_queue *q, enum skb_drop_reason reason)
{
	for (uint32_t i = 0; i < q->n; i++)
		kfree_skb_reason(sd, q->pieces[i].skb, reason);
	frag_unlink(sd, q);
}

/* The sender is told when we have the piece that says who he is talking to (RFC 792, RFC 4443). */
static void frag_expire(struct softnet_data *sd, struct frag_queue *q)
{
	struct ipstats_mib *mib = frag_mib(sd, q);

	mib->mibs[IPSTATS_MIB_REASMFAILS]++;
	mib->mibs[IPSTATS_MIB_REASMTIMEOUT]++;
	if (q->n && !q->pieces[0].offset) {
		if (q->key.family == AF_INET)
			icmp_send(sd, q->pieces[0].skb, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
		else
			icmpv6_send(sd, q->pieces[0].skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_FRAGTIME,
				    0);
	}
	inet_frag_kill(sd, q, SKB_DROP_REASON_FRAG_REASM_TIMEOUT);
}

static __rte_noinline void frag_scan(struct softnet_data *sd, bool all)
{
	sd->frags->checked = sd->now;
	sd->frags->net_gen = __atomic_load_n(&net_table_gen, __ATOMIC_ACQUIRE);
	for (uint32_t b = 0; b < FRAG_HSIZE; b++) {
		struct frag_queue *q = sd->frags->buckets[b], *next;

		for (; q; q = next) {
			next = q->next;
			if (all || net_table[q->key.net->id] != q->key.net)
				inet_frag_kill(sd, q, SKB_DROP_REASON_QUEUE_PURGE);
			else if (sd->now > q->expires)
				frag_expire(sd, q);
		}
	}
}

void inet_frag_poll(struct softnet_data *sd)
{
	if (unlikely(sd->frags && sd->frags->queues &&
		     (sd->now - sd->frags->checked > rte_get_tsc_hz() ||
		      sd->frags->net_gen != __atomic_load_n(&net_table_gen, __ATOMIC_ACQUIRE))))
		frag_scan(sd, false);
}

void inet_frag_flush(struct softnet_data *sd)
{
	if (sd->frags)
		frag_scan(sd, true);
}

void inet_frag_fini(struct softnet_data *sd)
{
	inet_frag_flush(sd);
	free(sd->frags);
	sd->frags = NULL;
}
