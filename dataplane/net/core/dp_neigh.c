/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_neigh.c - the neighbour tables, as the control plane writes them. */
#include <net/core/dp_local.h>
#include <net/neigh_hold.h>

static struct neigh_table *neigh_tbl(const struct net *net, uint8_t family)
{
	return family == AF_INET ? net->arp_tbl : net->nd_tbl;
}

static struct neighbour **neigh_bucket(struct neigh_table *t, const struct net_device *dev,
				       uint8_t family, const void *key)
{
	uint32_t addr;

	if (family == AF_INET6)
		return &t->buckets[neigh_hash6(dev, key) & t->mask];
	memcpy(&addr, key, 4);
	return &t->buckets[neigh_hash4(dev, addr) & t->mask];
}

static struct neighbour *neigh_find(struct net *net, const struct net_device *dev, uint8_t family,
				    const void *key)
{
	struct neighbour *n = *neigh_bucket(neigh_tbl(net, family), dev, family, key);

	for (; n; n = n->next)
		if (n->dev == dev && !memcmp(n->primary_key, key, dp_addr_len(family)))
			break;
	return n;
}

/* The entry, made when there is none: in no state and not shown. NULL: no memory, table full. */
struct neighbour *neigh_create(struct net *net, struct net_device *dev, uint8_t family,
			       const void *key)
{
	struct neigh_table *t = neigh_tbl(net, family);
	struct neighbour *n = neigh_find(net, dev, family, key), **bucket;

	if (n || t->entries >= t->max)
		return n;
	n = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*n));
	if (!n)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->dev = dev;
	n->family = family;
	memcpy(n->primary_key, key, dp_addr_len(family));
	bucket = neigh_bucket(t, dev, family, key);
	n->next = *bucket;
	__atomic_store_n(bucket, n, __ATOMIC_RELEASE);
	t->entries++;
	return n;
}

/* Takes an entry out that neither the control plane nor a nexthop names. */
static void neigh_drop(struct net *net, struct neighbour *n)
{
	struct neigh_table *t = neigh_tbl(net, n->family);
	struct neighbour **pp = neigh_bucket(t, n->dev, n->family, n->primary_key);

	if (n->refcnt || n->set)
		return;
	while (*pp != n)
		pp = &(*pp)->next;
	__atomic_store_n(pp, n->next, __ATOMIC_RELEASE);
	t->entries--;
	dp_free_rcu(n);
}

void neigh_release(struct net *net, struct neighbour *n)
{
	n->refcnt--;
	neigh_drop(net, n);
}

static int neigh_dev(const struct dp_neigh *in, struct net **net, struct net_device **dev)
{
	if (!dp_family_ok(in->family))
		return -EAFNOSUPPORT;
	*net = dp_net(in->net);
	*dev = *net ? dp_dev(*net, in->ifindex) : NULL;
	return *dev ? 0 : -ENODEV;
}

int dp_neigh_set(const struct dp_neigh *in)
{
	struct net_device *dev;
	struct neighbour *n;
	struct net *net;
	uint64_t ha = 0, old;
	int rc;

	dp_write_lock();
	rc = neigh_dev(in, &net, &dev);
	if (rc)
		goto out;
	n = neigh_create(net, dev, in->family, in->addr);
	rc = -ENOBUFS;
	if (!n)
		goto out;
	if (in->nud & NUD_VALID)
		memcpy(&ha, in->lladdr, 6);
	ha |= (uint64_t)in->nud << NEIGH_NUD_SHIFT;
	n->set = 1;
	old = atomic_load(&n->ha);
	if (neigh_nud(old) != in->nud)
		atomic_store(&n->stale_told, 0);
	atomic_store_explicit(&n->ha, ha, memory_order_release);
	if (in->nud & (NUD_VALID | NUD_FAILED))
		neigh_tell(in);
	rc = 0;
out:
	dp_unlock();
	return rc;
}

int dp_neigh_del(const struct dp_neigh *in)
{
	struct net_device *dev;
	struct neighbour *n;
	struct net *net;
	uint64_t old;
	int rc;

	dp_write_lock();
	rc = neigh_dev(in, &net, &dev);
	if (rc)
		goto out;
	n = neigh_find(net, dev, in->family, in->addr);
	if (!n || !n->set)
		goto out;
	old = atomic_exchange(&n->ha, 0);
	if (neigh_nud(old) & NUD_INCOMPLETE) {
		struct dp_neigh ev = *in;

		/* nobody asks for it any more: what is held goes, and no one is told */
		ev.nud = NUD_NONE;
		neigh_tell(&ev);
	}
	n->set = 0;
	n->used = 0;
	n->stale_told = 0;
	neigh_drop(net, n);
out:
	dp_unlock();
	return rc;
}

int dp_neigh_used(const struct dp_neigh *in)
{
	struct net_device *dev;
	struct neighbour *n;
	struct net *net;
	int rc;

	dp_read_lock();
	rc = neigh_dev(in, &net, &dev);
	if (rc)
		goto out;
	n = neigh_find(net, dev, in->family, in->addr);
	rc = -ENOENT;
	if (n && n->set)
		rc = atomic_load(&n->used) ? atomic_exchange(&n->used, 0) : 0;
out:
	dp_unlock();
	return rc;
}

/* cursor: IPv6 in bit 31, then 24 bits of bucket, then 7 bits of place in the chain. */
int dp_neigh_dump(uint32_t id, uint32_t *cursor, struct dp_neigh *out, uint32_t n)
{
	uint32_t v6 = *cursor >> 31, b = *cursor >> 7 & 0xffffff, at = *cursor & 0x7f, k = 0;
	struct net *net;

	dp_read_lock();
	net = dp_net(id);
	if (!net) {
		dp_unlock();
		return -ENODEV;
	}
	*cursor = 0;
	for (; v6 < 2; v6++, b = 0) {
		const struct neigh_table *t = v6 ? net->nd_tbl : net->arp_tbl;

		for (; b <= t->mask; b++, at = 0) {
			const struct neighbour *e = t->buckets[b];

			for (uint32_t i = 0; e; e = e->next, i++) {
				uint64_t ha = atomic_load(&((struct neighbour *)(uintptr_t)e)->ha);

				if (i < at || !e->set)
					continue;
				if (k == n) {
					*cursor = v6 << 31 | b << 7 | i;
					goto out;
				}
				out[k] = (struct dp_neigh){.net = id,
							   .ifindex = e->dev->ifindex,
							   .nud = neigh_nud(ha),
							   .family = e->family};
				memcpy(out[k].lladdr, &ha, 6);
				memcpy(out[k++].addr, e->primary_key, 16);
			}
		}
	}
out:
	dp_unlock();
	return (int)k;
}

void net_neigh_flush(struct net *net)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct neigh_table *t = v6 ? net->nd_tbl : net->arp_tbl;

		for (uint32_t b = 0; b <= t->mask; b++) {
			struct neighbour *n = t->buckets[b], *next;

			for (; n; n = next) {
				next = n->next;
				n->set = 0;
				n->refcnt = 0;
				neigh_drop(net, n);
			}
		}
	}
}
