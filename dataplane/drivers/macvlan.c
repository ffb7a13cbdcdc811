/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * macvlan.c - devices with MAC addresses of their own on another device. Frames for its own address
 * pass by them: only a device that has macvlans looks, and only at other addresses.
 */
#include <net/core/dp_local.h>
#include <net/if_macvlan.h>

static inline uint64_t eth_dest(const struct rte_mbuf *m)
{
	uint64_t dest;

	memcpy(&dest, rte_pktmbuf_mtod(m, const char *), 8);
	return dest & ETH_ADDR_MASK;
}

static struct net_device *macvlan_lookup(const struct macvlan_port *port, uint64_t addr)
{
	for (uint32_t i = 0; i < port->n; i++)
		if (port->vlan[i].addr == addr)
			return port->vlan[i].dev;
	return NULL;
}

/* A copy of a frame for a macvlan, by the backlog. */
static void macvlan_copy(struct softnet_data *sd, struct net_device *vlan, struct rte_mbuf *m)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, skb_pool, 0, UINT32_MAX);

	if (unlikely(!copy)) {
		dev_stats(sd, vlan)->rx_dropped++;
		sd->drops[SKB_DROP_REASON_NOMEM]++;
		return;
	}
	netif_rx(sd, vlan, mbuf_skb(copy));
}

/* What is for several: for every macvlan that is up but from, and the bridged ones only of it. */
static void macvlan_broadcast(struct softnet_data *sd, const struct macvlan_port *port,
			      const struct net_device *from, struct rte_mbuf *m)
{
	for (uint32_t i = 0; i < port->n; i++) {
		struct net_device *vlan = port->vlan[i].dev;

		if (vlan == from || !netif_running(vlan) ||
		    (from && vlan->conf.macvlan_mode != MACVLAN_MODE_BRIDGE))
			continue;
		macvlan_copy(sd, vlan, m);
	}
}

/* Frames of one macvlan, as received on it. */
static void macvlan_receive(struct softnet_data *sd, struct net_device *real,
			    struct net_device *vlan, struct rte_mbuf **pkts, unsigned int n)
{
	struct net_device_stats *stats = dev_stats(sd, real);

	stats->rx_packets += n;
	for (unsigned int i = 0; i < n; i++)
		stats->rx_bytes += pkts[i]->pkt_len;
	netif_receive_skb_list(sd, vlan, pkts, n);
}

unsigned int macvlan_handle_frames(struct softnet_data *sd, struct net_device *real,
				   struct rte_mbuf **pkts, unsigned int n)
{
	const struct macvlan_port *port = __atomic_load_n(&real->macvlan, __ATOMIC_ACQUIRE);
	struct net_device *vlan = NULL;
	struct rte_mbuf *own[NAPI_BURST];
	unsigned int left = 0, k = 0;

	if (!port)
		return n;
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint64_t dest = m->data_len < ETH_HLEN ? real->dev_addr : eth_dest(m);
		struct net_device *to = NULL;

		if (dest != real->dev_addr) {
			if (dest & 1)
				macvlan_broadcast(sd, port, NULL, m);
			else
				to = macvlan_lookup(port, dest);
		}
		if (!to) {
			pkts[left++] = m;
			continue;
		}
		if (k && to != vlan) {
			macvlan_receive(sd, real, vlan, own, k);
			k = 0;
		}
		vlan = to;
		own[k++] = m;
	}
	if (k)
		macvlan_receive(sd, real, vlan, own, k);
	return left;
}

/* True: a macvlan of the same device took the frame. */
static bool macvlan_bridge(struct softnet_data *sd, struct net_device *dev,
			   const struct macvlan_port *port, struct rte_mbuf *m)
{
	struct net_device *to;
	uint64_t dest;

	if (m->data_len < ETH_HLEN)
		return false;
	dest = eth_dest(m);
	if (dest & 1) {
		macvlan_broadcast(sd, port, dev, m);
		return false;
	}
	to = macvlan_lookup(port, dest);
	if (!to || to == dev || to->conf.macvlan_mode != MACVLAN_MODE_BRIDGE || !netif_running(to))
		return false;
	netif_rx(sd, to, mbuf_skb(m));
	return true;
}

void macvlan_xmit_list(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		       unsigned int n)
{
	struct net_device_stats *stats = dev_stats(sd, dev);
	struct net_device *real = dev->lower;
	const struct macvlan_port *port = NULL;
	struct sk_buff *out[SKB_LIST_MAX];
	uint64_t bytes = 0;
	unsigned int k = 0;

	if (dev->conf.macvlan_mode == MACVLAN_MODE_BRIDGE)
		port = __atomic_load_n(&real->macvlan, __ATOMIC_ACQUIRE);
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = skb_mbuf(list[i]);
		uint32_t len = m->pkt_len;

		stats->tx_packets++;
		stats->tx_bytes += len;
		if (port && macvlan_bridge(sd, dev, port, m))
			continue;
		bytes += len;
		out[k++] = list[i];
	}
	if (k)
		dev_queue_xmit_list(sd, real, out, k, bytes);
}

/* Replaces the list of real by one without dev, and with it when addr is not 0. */
static int macvlan_port_change(struct net_device *real, struct net_device *dev, uint64_t addr)
{
	struct macvlan_port *old = real->macvlan, *port = NULL;
	uint32_t n = old ? old->n : 0, k = 0;

	if (addr || n > 1) {
		port = calloc(1, sizeof(*port) + (n + 1) * sizeof(port->vlan[0]));
		if (!port)
			return -ENOMEM;
		for (uint32_t i = 0; i < n; i++)
			if (old->vlan[i].dev != dev)
				port->vlan[k++] = old->vlan[i];
		if (addr) {
			port->vlan[k].addr = addr;
			port->vlan[k++].dev = dev;
		}
		port->n = k;
	}
	if (port && !port->n) {
		free(port);
		port = NULL;
	}
	__atomic_store_n(&real->macvlan, port, __ATOMIC_RELEASE);
	dp_free_rcu(old);
	return 0;
}

int macvlan_port_set(struct net_device *dev, struct net_device *real, uint64_t addr)
{
	struct net_device *before = dev->type == DP_LINK_MACVLAN ? dev->lower : NULL;
	int rc = 0;

	if (before && before != real)
		macvlan_port_change(before, dev, 0);
	if (real)
		rc = macvlan_port_change(real, dev, addr);
	return rc;
}
