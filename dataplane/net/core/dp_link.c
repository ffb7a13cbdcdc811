/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_link.c - links: the devices of a net, as the control plane sets them. */
#include <net/core/dp_local.h>
#include <net/neigh_hold.h>

/* The last eight bytes of a link header of ours: source address and EtherType. */
static uint64_t eth_hdr_word(const uint8_t lladdr[6], uint16_t protocol)
{
	uint8_t b[8];
	uint16_t be = htons(protocol);
	uint64_t v;

	memcpy(b, lladdr, 6);
	memcpy(b + 6, &be, 2);
	memcpy(&v, b, 8);
	return v;
}

static struct net_device *dev_new(struct net *net, uint32_t ifindex)
{
	struct net_device *dev = aligned_alloc(SMP_ALIGN, sizeof(*dev));

	if (!dev)
		return NULL;
	memset(dev, 0, sizeof(*dev));
	dev->linklocal = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*dev->linklocal));
	if (!dev->linklocal) {
		free(dev);
		return NULL;
	}
	*dev->linklocal = (struct nexthop){
	    .dev = dev,
	    .ifindex = ifindex,
	    .type = RTN_UNICAST,
	    .scope = RT_SCOPE_LINK,
	    .family = AF_INET6,
	};
	dev->net = net;
	dev->ifindex = ifindex;
	dev->port = DP_PORT_NONE;
	return dev;
}

static void dev_set_port(struct net_device *dev, uint16_t port)
{
	if (dev->port != DP_PORT_NONE && dev->port != port && netdev_ports[dev->port].dev == dev)
		__atomic_store_n(&netdev_ports[dev->port].dev, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&dev->port, port, __ATOMIC_RELEASE);
	if (port != DP_PORT_NONE)
		__atomic_store_n(&netdev_ports[port].dev, dev, __ATOMIC_RELEASE);
}

/* What waits for neighbours on a device that went down is given up. */
static void dev_purge(struct net_device *dev)
{
	neigh_tell(&(struct dp_neigh){.net = dev->net->id, .ifindex = dev->ifindex});
}

static int link_check(const struct dp_link *l)
{
	if (!l->ifindex || l->ifindex >= DP_MAX_LINKS || l->type >= DP_LINK_MAX)
		return -EINVAL;
	if (l->port != DP_PORT_NONE &&
	    (l->port >= RTE_MAX_ETHPORTS || !netdev_ports[l->port].nb_txq))
		return -ENODEV;
	if (l->mtu < 68 || l->mtu > 65536 || l->mtu6 > 65536)
		return -EINVAL;
	return 0;
}

int dp_link_set(const struct dp_link *l)
{
	struct net_device *dev, *other;
	uint32_t flags, old;
	uint64_t addr = 0;
	struct net *net;
	int rc;

	dp_write_lock();
	net = dp_net(l->net);
	rc = net ? link_check(l) : -ENODEV;
	if (rc)
		goto out;
	dev = net->devs[l->ifindex];
	other = l->port == DP_PORT_NONE ? NULL : netdev_ports[l->port].dev;
	rc = -EBUSY;
	if (other && other != dev)
		goto out;
	if (!dev)
		dev = dev_new(net, l->ifindex);
	rc = -ENOMEM;
	if (!dev)
		goto out;
	if (!dev->present)
		memset(dev->stats, 0, sizeof(dev->stats));

	memcpy(&addr, l->lladdr, 6);
	__atomic_store_n(&dev->dev_addr, addr, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->hdr4, eth_hdr_word(l->lladdr, ETH_P_IP), __ATOMIC_RELAXED);
	__atomic_store_n(&dev->hdr6, eth_hdr_word(l->lladdr, ETH_P_IPV6), __ATOMIC_RELAXED);
	__atomic_store_n(&dev->conf4, l->conf4, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->conf6, l->conf6, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->mtu, l->mtu, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->mtu6, l->mtu6 ? l->mtu6 : l->mtu, __ATOMIC_RELAXED);
	dev->type = l->type;
	dev->conf = *l;
	flags = l->flags & ~(uint32_t)IFF_RUNNING;
	if (l->carrier)
		flags |= IFF_RUNNING;
	if (l->type == DP_LINK_LOOPBACK)
		flags |= IFF_LOOPBACK;
	old = dev->flags;
	__atomic_store_n(&net->devs[l->ifindex], dev, __ATOMIC_RELEASE);
	__atomic_store_n(&dev->present, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&dev->flags, flags, __ATOMIC_RELEASE);
	dev_set_port(dev, l->port);
	if (old & IFF_UP && !(flags & IFF_UP))
		dev_purge(dev);
	rc = 0;
out:
	dp_unlock();
	return rc;
}

static void dev_del(struct net_device *dev)
{
	dev_set_port(dev, DP_PORT_NONE);
	__atomic_store_n(&dev->flags, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&dev->present, 0, __ATOMIC_RELEASE);
	net_addr_flush_dev(dev);
	dev_lookups_free(dev);
	dev_purge(dev);
}

int dp_link_del(uint32_t id, uint32_t ifindex)
{
	struct net_device *dev = NULL;
	struct net *net;

	dp_write_lock();
	net = dp_net(id);
	if (net)
		dev = dp_dev(net, ifindex);
	if (dev)
		dev_del(dev);
	dp_unlock();
	return dev ? 0 : -ENODEV;
}

void net_links_flush(struct net *net)
{
	for (uint32_t i = 1; i < DP_MAX_LINKS; i++)
		if (net->devs[i] && net->devs[i]->present)
			dev_del(net->devs[i]);
}

int dp_link_dump(uint32_t id, uint32_t *cursor, struct dp_link *out, uint32_t n)
{
	struct net *net;
	uint32_t i = *cursor, k = 0;

	dp_read_lock();
	net = dp_net(id);
	if (!net) {
		dp_unlock();
		return -ENODEV;
	}
	for (; i < DP_MAX_LINKS && k < n; i++)
		if (dp_dev(net, i))
			out[k++] = net->devs[i]->conf;
	*cursor = i < DP_MAX_LINKS ? i : 0;
	dp_unlock();
	return (int)k;
}
