/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_addr.c - own addresses and joined groups. */
#include <net/core/dp_local.h>

/* --- the hash of a net's own addresses -------------------------------------------------------- */

/* A bit goes with the last of the addresses that it stands for. */
static void ifaddr_filter_count(struct net *net, uint8_t family, const void *ip, bool add)
{
	uint32_t addr, h;
	uint64_t word;

	if (family != AF_INET)
		return;
	memcpy(&addr, ip, 4);
	h = inet_addr_hash(addr);
	net->ifaddr_count[h] += add ? 1 : -1;
	word = net->ifaddr_filter[h / 64] & ~(1ULL << (h % 64));
	if (net->ifaddr_count[h])
		word |= 1ULL << (h % 64);
	__atomic_store_n(&net->ifaddr_filter[h / 64], word, __ATOMIC_RELEASE);
}

/*
 * Thousands of VLANs have the link-local address of one device, so a bucket may be long: whoever
 * writes goes in by the device.
 */
static void ifaddr_link(struct inet_ifaddr *ifa, struct inet_ifaddr **at, struct inet_ifaddr *next)
{
	ifa->next = next;
	ifa->pprev = at;
	if (next)
		next->pprev = &ifa->next;
	__atomic_store_n(at, ifa, __ATOMIC_RELEASE);
}

static void ifaddr_insert(struct net *net, struct inet_ifaddr *ifa)
{
	struct inet_ifaddr **head = &net->ifaddr[inet_ifaddr_bucket(ifa->family, ifa->addr)];

	ifaddr_link(ifa, head, *head);
	ifaddr_filter_count(net, ifa->family, ifa->addr, true);
}

static void ifaddr_replace(struct inet_ifaddr *old, struct inet_ifaddr *ifa)
{
	ifaddr_link(ifa, old->pprev, old->next);
	dp_free_rcu(old);
}

static void ifaddr_unlink(struct net *net, struct inet_ifaddr *ifa)
{
	__atomic_store_n(ifa->pprev, ifa->next, __ATOMIC_RELEASE);
	if (ifa->next)
		ifa->next->pprev = ifa->pprev;
	ifaddr_filter_count(net, ifa->family, ifa->addr, false);
	dp_free_rcu(ifa);
}

/* --- addresses -------------------------------------------------------------------------------- */

static int ifa_index(const struct ifa_list *l, const struct dp_addr *a)
{
	for (uint32_t i = 0; l && i < l->n; i++)
		if (l->addr[i].family == a->family &&
		    !memcmp(l->addr[i].addr, a->addr, dp_addr_len(a->family)))
			return (int)i;
	return -1;
}

static struct net_device *addr_dev(const struct dp_addr *a)
{
	struct net *net = dp_net(a->net);

	return net ? dp_dev(net, a->ifindex) : NULL;
}

static int addr_set(struct net_device *dev, const struct dp_addr *a)
{
	struct ifa_list *old = dev->ifa_list, *l;
	int at = ifa_index(old, a);
	uint32_t n = old ? old->n : 0;
	struct inet_ifaddr *ifa, **hashed;

	ifa = calloc(1, sizeof(*ifa));
	l = malloc(sizeof(*l) + (n + 1) * sizeof(l->addr[0]));
	hashed = realloc(dev->ifa_hashed, (n + 1) * sizeof(*hashed));
	if (hashed)
		dev->ifa_hashed = hashed;
	if (!ifa || !l || !hashed) {
		free(ifa);
		free(l);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		l->addr[i] = old->addr[i];
	l->addr[at < 0 ? (int)n : at] = *a;
	l->n = n + (at < 0);

	ifa->dev = dev;
	ifa->family = a->family;
	ifa->tentative = a->tentative;
	memcpy(ifa->addr, a->addr, dp_addr_len(a->family));
	if (at < 0)
		ifaddr_insert(dev->net, ifa);
	else
		ifaddr_replace(hashed[at], ifa);
	hashed[at < 0 ? (int)n : at] = ifa;
	__atomic_store_n(&dev->ifa_list, l, __ATOMIC_RELEASE);
	dp_free_rcu(old);
	return 0;
}

static int addr_del(struct net_device *dev, const struct dp_addr *a)
{
	struct ifa_list *old = dev->ifa_list, *l;
	int at = ifa_index(old, a);

	if (at < 0)
		return 0;
	l = malloc(sizeof(*l) + old->n * sizeof(l->addr[0]));
	if (!l)
		return -ENOMEM;
	ifaddr_unlink(dev->net, dev->ifa_hashed[at]);
	l->n = 0;
	for (uint32_t i = 0; i < old->n; i++)
		if ((int)i != at) {
			dev->ifa_hashed[l->n] = dev->ifa_hashed[i];
			l->addr[l->n++] = old->addr[i];
		}
	__atomic_store_n(&dev->ifa_list, l, __ATOMIC_RELEASE);
	dp_free_rcu(old);
	return 0;
}

static int addr_locked(const struct dp_addr *a,
		       int (*fn)(struct net_device *dev, const struct dp_addr *a))
{
	struct net_device *dev;
	int rc;

	if (!dp_family_ok(a->family))
		return -EAFNOSUPPORT;
	dp_write_lock();
	dev = addr_dev(a);
	rc = dev ? fn(dev, a) : -ENODEV;
	dp_unlock();
	return rc;
}

int dp_addr_set(const struct dp_addr *addr)
{
	return addr_locked(addr, addr_set);
}

int dp_addr_del(const struct dp_addr *addr)
{
	return addr_locked(addr, addr_del);
}

/* Address i of a link; false: there are no more. */
static bool ifaddr_at(const struct net_device *dev, uint32_t i, struct dp_addr *out)
{
	const struct ifa_list *l = dev->ifa_list;

	if (!l || i >= l->n)
		return false;
	*out = l->addr[i];
	return true;
}

/* The cursor is the link and how many of its entries have been had. */
static int addr_dump(uint32_t id, uint32_t *cursor, struct dp_addr *out, uint32_t n,
		     bool (*at)(const struct net_device *dev, uint32_t i, struct dp_addr *out))
{
	uint32_t ifindex = *cursor >> 16, i = *cursor & 0xffff, k = 0;
	struct net *net;

	dp_read_lock();
	net = dp_net(id);
	if (!net) {
		dp_unlock();
		return -ENODEV;
	}
	for (; ifindex < DP_MAX_LINKS; ifindex++, i = 0) {
		const struct net_device *dev = dp_dev(net, ifindex);

		for (; dev && k < n && at(dev, i, &out[k]); k++)
			i++;
		if (k == n)
			break; /* perhaps there are more */
	}
	*cursor = ifindex < DP_MAX_LINKS ? ifindex << 16 | i : 0;
	dp_unlock();
	return (int)k;
}

int dp_addr_dump(uint32_t id, uint32_t *cursor, struct dp_addr *out, uint32_t n)
{
	return addr_dump(id, cursor, out, n, ifaddr_at);
}

/* --- groups ----------------------------------------------------------------------------------- */

static struct mc_list **mc_slot(struct net_device *dev, uint8_t family)
{
	return family == AF_INET ? &dev->mc_list4 : &dev->mc_list6;
}

static int mcast_set(struct net_device *dev, const struct dp_addr *a)
{
	struct mc_list **slot = mc_slot(dev, a->family), *old = *slot, *l;
	uint32_t n = old ? old->n : 0;

	if (dev_mc_joined(dev, a->family, a->addr))
		return 0;
	l = calloc(1, sizeof(*l) + (n + 1) * sizeof(l->addr[0]));
	if (!l)
		return -ENOMEM;
	if (n)
		memcpy(l->addr, old->addr, n * sizeof(l->addr[0]));
	memcpy(l->addr[n], a->addr, dp_addr_len(a->family));
	l->n = n + 1;
	__atomic_store_n(slot, l, __ATOMIC_RELEASE);
	dp_free_rcu(old);
	return 0;
}

static int mcast_del(struct net_device *dev, const struct dp_addr *a)
{
	struct mc_list **slot = mc_slot(dev, a->family), *old = *slot, *l;

	if (!dev_mc_joined(dev, a->family, a->addr))
		return 0;
	l = calloc(1, sizeof(*l) + old->n * sizeof(l->addr[0]));
	if (!l)
		return -ENOMEM;
	for (uint32_t i = 0; i < old->n; i++)
		if (memcmp(old->addr[i], a->addr, dp_addr_len(a->family)))
			memcpy(l->addr[l->n++], old->addr[i], 16);
	__atomic_store_n(slot, l, __ATOMIC_RELEASE);
	dp_free_rcu(old);
	return 0;
}

int dp_mcast_set(const struct dp_addr *group)
{
	return addr_locked(group, mcast_set);
}

int dp_mcast_del(const struct dp_addr *group)
{
	return addr_locked(group, mcast_del);
}

/* Group i of a link, those of IPv4 first; false: there are no more. */
static bool mcast_at(const struct net_device *dev, uint32_t i, struct dp_addr *out)
{
	const struct mc_list *l = dev->mc_list4;

	*out = (struct dp_addr){
	    .net = dev->net->id, .ifindex = (uint32_t)dev->ifindex, .family = AF_INET};
	if (i >= (l ? l->n : 0)) {
		i -= l ? l->n : 0;
		l = dev->mc_list6;
		out->family = AF_INET6;
	}
	if (!l || i >= l->n)
		return false;
	memcpy(out->addr, l->addr[i], dp_addr_len(out->family));
	return true;
}

int dp_mcast_dump(uint32_t id, uint32_t *cursor, struct dp_addr *out, uint32_t n)
{
	return addr_dump(id, cursor, out, n, mcast_at);
}

void net_addr_flush_dev(struct net_device *dev)
{
	struct ifa_list *l = dev->ifa_list;
	struct mc_list *mc4 = dev->mc_list4, *mc6 = dev->mc_list6;

	for (uint32_t i = 0; l && i < l->n; i++)
		ifaddr_unlink(dev->net, dev->ifa_hashed[i]);
	free(dev->ifa_hashed);
	dev->ifa_hashed = NULL;
	__atomic_store_n(&dev->ifa_list, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&dev->mc_list4, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&dev->mc_list6, NULL, __ATOMIC_RELEASE);
	dp_free_rcu(l);
	dp_free_rcu(mc4);
	dp_free_rcu(mc6);
}
