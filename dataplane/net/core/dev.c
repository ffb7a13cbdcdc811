/* SPDX-License-Identifier: BSD-3-Clause */
/* dev.c - devices as the packet path asks them: transmission off the straight way, groups. */
#include <net/if_macvlan.h>
#include <net/if_vlan.h>
#include <net/net_namespace.h>
#include <net/netdevice.h>

struct netdev_port netdev_ports[RTE_MAX_ETHPORTS];
struct netdev_queue netdev_txqs[RTE_MAX_ETHPORTS][DP_MAX_WORKERS];
struct net *net_table[DP_MAX_NETS];
uint32_t net_table_gen;
struct softnet_data *softnet_data[DP_MAX_WORKERS];
struct rte_mempool *skb_pool;

/* Without a carrier the kernel has the noop qdisc in place. */
static bool dev_has_queue(const struct net_device *dev)
{
	return !(~dev->flags & (IFF_UP | IFF_RUNNING)) && dev->type != DP_LINK_LOOPBACK &&
	       dev->port < RTE_MAX_ETHPORTS && netdev_ports[dev->port].nb_txq;
}

struct tx_queue *dev_txq_slow(struct softnet_data *sd, struct net_device *dev, unsigned int n)
{
	struct tx_queue *txq;

	if (!dev_has_queue(dev))
		return NULL;
	txq = &sd->tx[dev->port];
	if (txq->n && (txq->dev != dev || txq->n + n > SKB_LIST_MAX))
		ethdev_xmit(sd, txq);
	if (!txq->n) {
		txq->port = dev->port;
		txq->dev = dev;
		txq->bytes = 0;
		if (!txq->listed) {
			txq->listed = true;
			sd->dirty[sd->n_dirty++] = dev->port;
		}
	}
	return txq;
}

static void dev_xmit_each(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
			  unsigned int n,
			  void (*xmit)(struct softnet_data *sd, struct net_device *dev,
				       struct sk_buff *skb))
{
	for (unsigned int i = 0; i < n; i++)
		xmit(sd, dev, list[i]);
}

static void dev_xmit_down(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb)
{
	dev_stats(sd, dev)->tx_dropped++;
	kfree_skb_reason(sd, skb, SKB_DROP_REASON_DEV_READY);
}

void dev_xmit_noqueue(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		      unsigned int n)
{
	bool up = dev->flags & IFF_UP, running = up && dev->flags & IFF_RUNNING;

	if (up && dev->type == DP_LINK_LOOPBACK)
		dev_xmit_each(sd, dev, list, n, loopback_xmit);
	else if (running && dev->type == DP_LINK_VLAN)
		vlan_xmit_list(sd, dev, list, n);
	else if (running && dev->type == DP_LINK_MACVLAN)
		macvlan_xmit_list(sd, dev, list, n);
	else if (running && dev->type == DP_LINK_VETH)
		dev_xmit_each(sd, dev, list, n, veth_xmit);
	else if (running && dev->type == DP_LINK_VRF)
		dev_xmit_each(sd, dev, list, n, vrf_xmit);
	else if (running && dev->type == DP_LINK_DUMMY)
		dev_xmit_each(sd, dev, list, n, dummy_xmit);
	else
		dev_xmit_each(sd, dev, list, n, dev_xmit_down);
}

bool dev_mc_joined(const struct net_device *dev, uint8_t family, const void *group)
{
	bool v4 = family == AF_INET;
	const struct mc_list *l =
	    __atomic_load_n(v4 ? &dev->mc_list4 : &dev->mc_list6, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; l && i < l->n; i++)
		if (!memcmp(l->addr[i], group, v4 ? 4 : 16))
			return true;
	return false;
}
