/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_link.c - links: the devices of a net, as the control plane sets them. */
#include <net/core/dp_local.h>
#include <net/if_macvlan.h>
#include <net/if_vlan.h>
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
	if (l->type == DP_LINK_VLAN &&
	    (l->vlan_id >= VLAN_VID_MASK || !eth_type_vlan(htons(l->vlan_proto))))
		return -EINVAL;
	if (l->type == DP_LINK_MACVLAN && l->macvlan_mode != MACVLAN_MODE_PRIVATE &&
	    l->macvlan_mode != MACVLAN_MODE_VEPA && l->macvlan_mode != MACVLAN_MODE_BRIDGE)
		return -EINVAL;
	for (unsigned int i = 0; i < RTE_DIM(l->vlan_egress); i++)
		if (l->vlan_egress[i] > 7)
			return -EINVAL;
	if (l->mtu < 68 || l->mtu > 65536 || l->mtu6 > 65536)
		return -EINVAL;
	return 0;
}

/* The device that l stands on, or that is its peer. */
static int link_lower(const struct dp_link *l, struct net_device **out)
{
	bool on_lower = l->type == DP_LINK_VLAN || l->type == DP_LINK_MACVLAN;
	uint32_t ifindex = on_lower ? l->lower : l->peer_ifindex;
	struct net *net;

	*out = NULL;
	if (!on_lower && l->type != DP_LINK_VETH)
		return 0;
	if (l->type == DP_LINK_VETH && !ifindex)
		return 0;
	net = dp_net(l->peer_net);
	*out = net ? dp_dev(net, ifindex) : NULL;
	return *out ? 0 : -ENODEV;
}

/* A VLAN that was is no longer in the group of its real device. */
static void vlan_unlink(struct net_device *dev)
{
	uint16_t proto = htons(dev->conf.vlan_proto);

	if (dev->type == DP_LINK_VLAN && dev->lower &&
	    vlan_find_dev(dev->lower, proto, dev->conf.vlan_id) == dev)
		vlan_group_set(dev->lower, proto, dev->conf.vlan_id, NULL);
}

/* What stands between dev and its lower device. */
static int link_stack(struct net_device *dev, const struct dp_link *l, struct net_device *lower)
{
	uint64_t egress = 0, addr = 0;
	int rc;

	if (dev->lower != lower || dev->type != l->type || dev->conf.vlan_id != l->vlan_id ||
	    dev->conf.vlan_proto != l->vlan_proto)
		vlan_unlink(dev);
	memcpy(&addr, l->lladdr, 6);
	rc = macvlan_port_set(dev, l->type == DP_LINK_MACVLAN ? lower : NULL, addr);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < RTE_DIM(l->vlan_egress); i++)
		egress |= (uint64_t)l->vlan_egress[i] << 4 * i;
	__atomic_store_n(&dev->lower, lower, __ATOMIC_RELEASE);
	__atomic_store_n(&dev->vlan_egress, egress, __ATOMIC_RELAXED);
	if (l->type != DP_LINK_VLAN)
		return 0;
	__atomic_store_n(&dev->vlan_tag, htonl((uint32_t)l->vlan_proto << 16 | l->vlan_id),
			 __ATOMIC_RELAXED);
	return vlan_group_set(lower, htons(l->vlan_proto), l->vlan_id, dev);
}

int dp_link_set(const struct dp_link *l)
{
	struct net_device *dev, *other, *lower = NULL;
	uint32_t flags, old;
	uint64_t addr = 0;
	struct net *net;
	int rc;

	dp_write_lock();
	net = dp_net(l->net);
	rc = net ? link_check(l) : -ENODEV;
	if (!rc)
		rc = link_lower(l, &lower);
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
	rc = link_stack(dev, l, lower);
	if (rc)
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
	vlan_unlink(dev);
	macvlan_port_set(dev, NULL, 0);
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
