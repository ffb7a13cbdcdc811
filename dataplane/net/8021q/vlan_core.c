/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vlan_core.c - frames received with a tag. They leave the straight way one by one, and go on in
 * bursts, as received on their VLAN.
 */
#include <stdlib.h>

#include <net/if_vlan.h>

int vlan_group_set(struct net_device *real, uint16_t protocol, uint16_t vid,
		   struct net_device *vlan)
{
	struct net_device ***part;

	if (!real->vlgrp) {
		struct vlan_group *g = vlan ? calloc(1, sizeof(*g)) : NULL;

		if (!g)
			return vlan ? -ENOMEM : 0;
		__atomic_store_n(&real->vlgrp, g, __ATOMIC_RELEASE);
	}
	part = &real->vlgrp->part[protocol == htons(ETH_P_8021AD)][vid / VLAN_PART_LEN];
	if (!*part) {
		struct net_device **p = vlan ? calloc(VLAN_PART_LEN, sizeof(*p)) : NULL;

		if (!p)
			return vlan ? -ENOMEM : 0;
		__atomic_store_n(part, p, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&(*part)[vid % VLAN_PART_LEN], vlan, __ATOMIC_RELEASE);
	return 0;
}

/* Takes the tag out from behind the addresses. */
static inline void vlan_pull(struct sk_buff *skb)
{
	struct rte_mbuf *m = skb_mbuf(skb);
	char *eth = rte_pktmbuf_mtod(m, char *);
	uint64_t addrs[2];

	memcpy(addrs, eth,
	       16); /* with the tag's first half, which is overwritten by what follows */
	memcpy(eth + VLAN_HLEN, addrs, 12);
	rte_pktmbuf_adj(m, VLAN_HLEN);
}

/* Bytes of the first segment, from the link header on, as the kernel wants them behind a tag. */
static bool vlan_may_pull(struct sk_buff *skb)
{
	const struct rte_mbuf *m = skb_mbuf(skb);

	if (likely(m->data_len >= ETH_HLEN + VLAN_HLEN + 2))
		return true;
	skb->network_header = m->data_off;
	return pskb_may_pull(skb, ETH_HLEN + VLAN_HLEN + 2);
}

bool skb_vlan_untag(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	uint16_t protocol = skb->protocol, tci, inner;
	struct net_device *vlan;
	const char *eth;

	do {
		if (!vlan_may_pull(skb)) {
			kfree_skb_reason(sd, skb, SKB_DROP_REASON_NOT_SPECIFIED);
			return false;
		}
		eth = rte_pktmbuf_mtod(skb_mbuf(skb), const char *);
		memcpy(&tci, eth + ETH_HLEN, 2);
		memcpy(&inner, eth + ETH_HLEN + 2, 2);
		tci &= htons(VLAN_VID_MASK);
		vlan = vlan_find_dev(dev, protocol, ntohs(tci));
		vlan_pull(skb);
		if (vlan) {
			if (unlikely(!netif_running(vlan))) {
				kfree_skb_reason(sd, skb, SKB_DROP_REASON_NOT_SPECIFIED);
				return false;
			}
			skb->dev = vlan;
			sd->tagged[sd->n_tagged++] = skb;
			return false;
		}
		if (tci) /* nobody's VLAN: as a frame for another host */
			skb->pkt_type = PACKET_OTHERHOST;
		protocol = inner;
	} while (!tci && eth_type_vlan(inner)); /* a priority, and a tag behind it */
	skb->protocol = inner;
	skb->network_header = (uint16_t)(skb_mbuf(skb)->data_off + ETH_HLEN);
	skb->transport_header = (uint16_t)(skb->network_header + sizeof(struct iphdr));
	return true;
}

/*
 * Frames of one VLAN. What the real device takes for its own is the VLAN's too; what it does not
 * may have the VLAN's own address.
 */
static void vlan_receive(struct softnet_data *sd, struct net_device *real, struct net_device *vlan,
			 struct sk_buff **list, unsigned int n)
{
	struct rte_mbuf *pkts[NAPI_BURST], *host[NAPI_BURST];
	unsigned int k = 0, k_host = 0;
	bool other = vlan->dev_addr != real->dev_addr;

	for (unsigned int i = 0; i < n; i++)
		if (unlikely(other && list[i]->pkt_type == PACKET_HOST))
			host[k_host++] = skb_mbuf(list[i]);
		else
			pkts[k++] = skb_mbuf(list[i]);
	/* without link headers, which have been taken off here */
	dev_stats(sd, vlan)->rx_bytes -= (uint64_t)n * ETH_HLEN;
	if (k)
		netif_receive_skb_list(sd, vlan, pkts, k);
	if (k_host)
		netif_receive_skb_addr(sd, vlan, real->dev_addr, host, k_host);
}

void vlan_receive_list(struct softnet_data *sd, struct net_device *dev)
{
	struct sk_buff *left[NAPI_BURST], *own[NAPI_BURST];
	unsigned int n = sd->n_tagged;

	memcpy(left, sd->tagged, n * sizeof(*left));
	sd->n_tagged = 0; /* VLANs on VLANs use it again */
	while (n) {
		struct net_device *vlan = left[0]->dev;
		unsigned int k = 0, k_own = 0;

		for (unsigned int i = 0; i < n; i++) {
			struct sk_buff *skb = left[i];

			if (likely(skb->dev == vlan))
				own[k_own++] = skb;
			else
				left[k++] = skb;
		}
		n = k;
		vlan_receive(sd, dev, vlan, own, k_own);
	}
}
