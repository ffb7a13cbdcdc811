/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_tables.c - the tables that a lookup goes through, in their order: those of the net, or those
 * of the link that a packet came in on, when it has its own (l3mdev).
 */
#include <net/core/dp_local.h>
#include <net/ip_fib.h>

/* What says "certainly not in this table" before the others are asked. */
static int filter_make(struct net_fib *f)
{
	struct fib_cursor cur = {0};
	struct dp_route r[64];
	unsigned int n;

	if (f->filter)
		return 0;
	f->filter = calloc(1, sizeof(*f->filter));
	if (!f->filter)
		return -ENOMEM;
	do {
		n = net_fib_dump(f, &cur, r, 64);
		for (unsigned int i = 0; i < n; i++)
			fib_filter_count(f->filter, f->family, r[i].dst, r[i].plen, 1);
	} while (n == 64);
	return 0;
}

/* The list of an order; *out is NULL for an empty one. Makes the tables that are not there yet. */
static int lookup_build(struct net *net, const struct tables_order *order, uint8_t family,
			struct fib_tables **out)
{
	struct fib_tables *l;

	*out = NULL;
	if (!order || !order->n)
		return 0;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->n = order->n;
	for (uint32_t i = 0; i < l->n; i++) {
		struct net_fib *f;

		if (net_fib_create(net, family, order->id[i], &f) ||
		    (i + 1 < l->n && filter_make(f))) {
			free(l);
			return -ENOMEM;
		}
		if (family == AF_INET)
			l->t[i].tb4 = f->tb4;
		else
			l->t[i].tb6 = f->tb6;
		l->t[i].filter = i + 1 < l->n ? f->filter : NULL;
	}
	*out = l;
	return 0;
}

static void lookup_swap(struct fib_tables **at, struct fib_tables *l)
{
	struct fib_tables *old = *at;

	__atomic_store_n(at, l, __ATOMIC_RELEASE);
	dp_free_rcu(old);
}

int net_lookups_publish(struct net *net, uint8_t family)
{
	struct fib_tables **built = calloc(DP_MAX_LINKS, sizeof(*built));
	int v6 = family == AF_INET6, rc;

	if (!built)
		return -ENOMEM;
	rc = lookup_build(net, &net->tables->order[v6], family, &built[0]);
	for (uint32_t i = 1; !rc && i < DP_MAX_LINKS; i++)
		if (net->devs[i])
			rc = lookup_build(net, net->devs[i]->order[v6], family, &built[i]);
	for (uint32_t i = 0; i < DP_MAX_LINKS; i++) {
		if (rc)
			free(built[i]);
		else if (!i)
			lookup_swap(&net->fib[v6], built[0]);
		else if (built[i])
			lookup_swap(&net->devs[i]->fib[v6], built[i]);
	}
	free(built);
	return rc;
}

static void order_set(struct tables_order *order, const uint32_t *tables, uint32_t n)
{
	memcpy(order->id, tables, n * sizeof(*tables));
	order->n = n;
}

int dp_net_tables(uint32_t id, uint8_t family, const uint32_t *tables, uint32_t n)
{
	int v6 = family == AF_INET6, rc = -ENODEV;
	struct tables_order order = {0};
	struct fib_tables *l;
	struct net *net;

	if (!dp_family_ok(family))
		return -EAFNOSUPPORT;
	if (n > NET_TABLES_MAX)
		return -E2BIG;
	order_set(&order, tables, n);
	dp_write_lock();
	net = dp_net(id);
	if (net)
		rc = lookup_build(net, &order, family, &l);
	if (!rc) {
		net->tables->order[v6] = order;
		lookup_swap(&net->fib[v6], l);
	}
	dp_unlock();
	return rc;
}

int dp_link_tables(uint32_t id, uint32_t ifindex, uint8_t family, const uint32_t *tables,
		   uint32_t n)
{
	struct tables_order *order = NULL;
	struct net_device *dev = NULL;
	struct fib_tables *l;
	struct net *net;
	int rc = 0;

	if (!dp_family_ok(family))
		return -EAFNOSUPPORT;
	if (n > NET_TABLES_MAX)
		return -E2BIG;
	if (n) {
		order = calloc(1, sizeof(*order));
		if (!order)
			return -ENOMEM;
		order_set(order, tables, n);
	}
	dp_write_lock();
	net = dp_net(id);
	if (net)
		dev = dp_dev(net, ifindex);
	rc = dev ? lookup_build(net, order, family, &l) : -ENODEV;
	if (!rc) {
		lookup_swap(&dev->fib[family == AF_INET6], l);
		free(dev->order[family == AF_INET6]);
		dev->order[family == AF_INET6] = order;
	}
	dp_unlock();
	if (rc)
		free(order);
	return rc;
}

void dev_lookups_free(struct net_device *dev)
{
	for (int v6 = 0; v6 < 2; v6++) {
		lookup_swap(&dev->fib[v6], NULL);
		free(dev->order[v6]);
		dev->order[v6] = NULL;
	}
}

void net_lookups_free(struct net *net)
{
	for (int v6 = 0; v6 < 2; v6++) {
		lookup_swap(&net->fib[v6], NULL);
		net->tables->order[v6].n = 0;
	}
}
