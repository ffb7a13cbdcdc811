/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_route_tos.c - IPv4 routes for packets of a TOS (fa_dscp). A table with some is a table for
 * each such TOS besides: all of its routes, but where a prefix has one for that TOS. So packets are
 * still looked up once, and a packet for which no route of a prefix counts finds the next shorter
 * prefix.
 */
#include <net/core/dp_local.h>
#include <net/ip_fib.h>

/* The table for a TOS, as long as nobody looks into it. */
static struct net_fib *fib_tos_make(const struct net *net, const struct net_fib *f)
{
	struct net_fib *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->id = f->id;
	v->family = f->family;
	v->over = fib_new_table("tos");
	if (!v->over || net_fib_fill(net, v) || net_fib_copy(net, f, v)) {
		net_fib_free(v);
		return NULL;
	}
	return v;
}

static int fib_tos_add(struct net *net, struct net_fib *f, const struct dp_route *r)
{
	struct net_fib *v = f->tos[FIB_TOS(r->tos)];
	bool made = !v;
	int rc;

	if (made)
		v = fib_tos_make(net, f);
	if (!v)
		return -ENOMEM;
	rc = net_fib_set(net, v, r);
	if (!rc)
		rc = fib_table_insert(v->over, route_key4(r->dst), r->plen, r->nh_id);
	if (!made)
		return rc;
	if (!rc) {
		f->tos[FIB_TOS(r->tos)] = v;
		rc = net_lookups_publish(net, AF_INET);
	}
	if (rc) {
		f->tos[FIB_TOS(r->tos)] = NULL;
		net_fib_free(v);
	}
	return rc;
}

static int fib_tos_del(struct net *net, struct net_fib *f, const struct dp_route *r)
{
	struct net_fib *v = f->tos[FIB_TOS(r->tos)];
	uint32_t dst = route_key4(r->dst);
	struct dp_route any = *r;
	int rc;

	if (!v || !fib_table_get(v->over, dst, r->plen))
		return 0;
	any.nh_id = fib_table_get(f->tb4, dst, r->plen);
	rc = net_fib_set(net, v, &any);
	if (!rc)
		rc = fib_table_delete(v->over, dst, r->plen);
	if (rc || fib_table_count(v->over))
		return rc;
	f->tos[FIB_TOS(r->tos)] = NULL;
	if (net_lookups_publish(net, AF_INET)) { /* then it stays, and is right */
		f->tos[FIB_TOS(r->tos)] = v;
		return 0;
	}
	net_fib_free(v);
	return 0;
}

int net_fib_set_tos(struct net *net, struct net_fib *f, const struct dp_route *r)
{
	return r->nh_id ? fib_tos_add(net, f, r) : fib_tos_del(net, f, r);
}

int net_fib_set_any(const struct net *net, struct net_fib *f, const struct dp_route *r)
{
	int rc = net_fib_set(net, f, r);

	for (unsigned int k = 1; !rc && k < FIB_TOS_MAX; k++) {
		struct net_fib *v = f->tos[k];

		if (v && !fib_table_get(v->over, route_key4(r->dst), r->plen))
			rc = net_fib_set(net, v, r);
	}
	return rc;
}
