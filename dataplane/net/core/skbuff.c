/* SPDX-License-Identifier: BSD-3-Clause */
/* skbuff.c - the rare operations on packets: pull, trim, copy; and the end of every one. */
#include <stdbool.h>

#include <rte_mempool.h>

#include <net/netdevice.h>
#include <net/skbuff.h>

/* Moves bytes of the following segments into the first, as far as it has room behind its data. */
bool __pskb_pull(struct sk_buff *skb, uint32_t len)
{
	struct rte_mbuf *m = skb_mbuf(skb);
	uint32_t need = len + skb_network_offset(skb);

	if (need > m->pkt_len || need < len)
		return false;
	if (need > (uint32_t)m->data_len + rte_pktmbuf_tailroom(m))
		return false;
	while (m->data_len < need) {
		struct rte_mbuf *seg = m->next;
		uint32_t take = need - m->data_len;

		if (!seg)
			return false;
		if (take > seg->data_len)
			take = seg->data_len;
		memcpy(rte_pktmbuf_mtod_offset(m, char *, m->data_len),
		       rte_pktmbuf_mtod(seg, char *), take);
		m->data_len = (uint16_t)(m->data_len + take);
		seg->data_off = (uint16_t)(seg->data_off + take);
		seg->data_len = (uint16_t)(seg->data_len - take);
		if (!seg->data_len) {
			m->next = seg->next;
			m->nb_segs--;
			seg->next = NULL;
			seg->nb_segs = 1;
			rte_pktmbuf_free_seg(seg);
		}
	}
	return true;
}

void __pskb_trim(struct sk_buff *skb, uint32_t len)
{
	struct rte_mbuf *m = skb_mbuf(skb);
	uint32_t total = len + skb_network_offset(skb);

	while (m->pkt_len > total) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(m), *prev = m;
		uint32_t cut = m->pkt_len - total;

		if (cut < last->data_len || last == m) {
			last->data_len = (uint16_t)(last->data_len - cut);
			m->pkt_len = total;
			break;
		}
		m->pkt_len -= last->data_len;
		while (prev->next != last)
			prev = prev->next;
		prev->next = NULL;
		m->nb_segs--;
		rte_pktmbuf_free_seg(last);
	}
}

struct sk_buff *skb_copy(const struct sk_buff *skb, struct rte_mempool *pool)
{
	const struct rte_mbuf *from = skb_mbuf(skb);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct sk_buff *copy;
	uint32_t off = 0;

	if (!m)
		return NULL;
	if (from->pkt_len > rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	for (const struct rte_mbuf *seg = from; seg; seg = seg->next) {
		memcpy(rte_pktmbuf_mtod_offset(m, char *, off), rte_pktmbuf_mtod(seg, char *),
		       seg->data_len);
		off += seg->data_len;
	}
	m->data_len = (uint16_t)off;
	m->pkt_len = off;
	copy = mbuf_skb(m);
	*copy = *skb;
	copy->network_header = (uint16_t)(m->data_off + skb_network_offset(skb));
	copy->transport_header =
	    (uint16_t)(copy->network_header + (skb->transport_header - skb->network_header));
	return copy;
}

void skb_defer_free_flush(struct softnet_data *sd)
{
	rte_pktmbuf_free_bulk(sd->dead, sd->n_dead);
	sd->n_dead = 0;
}

void kfree_skb_reason(struct softnet_data *sd, struct sk_buff *skb, enum skb_drop_reason reason)
{
	sd->drops[reason]++;
	if (unlikely(sd->n_dead == SKB_LIST_MAX))
		skb_defer_free_flush(sd);
	sd->dead[sd->n_dead++] = skb_mbuf(skb);
}

void consume_skb(struct sk_buff *skb)
{
	rte_pktmbuf_free(skb_mbuf(skb));
}
