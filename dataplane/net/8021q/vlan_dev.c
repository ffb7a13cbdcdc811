/* SPDX-License-Identifier: BSD-3-Clause */
/* vlan_dev.c - transmission on a VLAN: the tag goes in between addresses and EtherType. */
#include <net/if_vlan.h>
#include <net/ip.h>

/* Priorities of a TOS octet's four bits (ip_tos2prio): best effort, bulk, interactive ones. */
static inline uint32_t rt_tos2priority(uint8_t tos)
{
	static const uint8_t prio[16] = {0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4};

	return prio[tos >> 1 & 15];
}

/* PCP of a frame by the map of the VLAN: forwarded IPv4 has the priority of its TOS, the rest 0. */
static __rte_noinline uint32_t vlan_egress_tci(const struct net_device *dev, const char *eth,
					       const struct rte_mbuf *m)
{
	uint32_t prio = 0;
	uint16_t type;

	memcpy(&type, eth + 12, 2);
	if (type == htons(ETH_P_IP) && m->data_len >= ETH_HLEN + sizeof(struct iphdr))
		prio = rt_tos2priority((uint8_t)eth[ETH_HLEN + 1]);
	return (uint32_t)(dev->vlan_egress >> 4 * prio & 7) << 13;
}

void vlan_xmit_list(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		    unsigned int n)
{
	struct net_device_stats *stats = dev_stats(sd, dev);
	struct net_device *real = dev->lower;
	struct sk_buff *out[SKB_LIST_MAX];
	uint64_t bytes = 0;
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = skb_mbuf(list[i]);
		uint32_t len = m->pkt_len, tag = dev->vlan_tag;
		uint64_t addrs[2];
		char *eth = rte_pktmbuf_prepend(m, VLAN_HLEN);

		if (unlikely(!eth)) {
			stats->tx_dropped++;
			kfree_skb_reason(sd, list[i], SKB_DROP_REASON_NOMEM);
			continue;
		}
		if (unlikely(dev->vlan_egress))
			tag |= htonl(vlan_egress_tci(dev, eth + VLAN_HLEN, m));
		memcpy(addrs, eth + VLAN_HLEN, 16);
		memcpy(eth, addrs, 12);
		memcpy(eth + 12, &tag, 4);
		bytes += len;
		out[k++] = list[i];
	}
	if (!k)
		return;
	stats->tx_packets += k;
	stats->tx_bytes += bytes;
	dev_queue_xmit_list(sd, real, out, k, bytes + (uint64_t)k * VLAN_HLEN);
}
