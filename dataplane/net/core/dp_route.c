/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_route.c - routing tables: found by id, filled, emptied. */
#include <lib/fib_rib.h>
#include <net/core/dp_local.h>
#include <net/ip.h>
#include <net/ip_fib.h>

/* --- one table ------------------------------------------------------------------------------- */

struct net_fib *net_fib_find(struct net *net, uint8_t family, uint32_t id)
{
	struct net_tables *ts = net->tables;

	for (uint32_t i = 0; i < ts->n; i++)
		if (ts->fib[i]->id == id && ts->fib[i]->family == family)
			return ts->fib[i];
	return NULL;
}

static uint32_t net_fib_total;

static void fib_of_name(char name[FIB_TABLE_NAMSIZ], const struct net *net, const struct net_fib *f)
{
	snprintf(name, FIB_TABLE_NAMSIZ, "net%u-ipv%u-%u", net->id, f->family == AF_INET ? 4 : 6,
		 f->id);
}

/* A new, empty structure for f. */
int net_fib_fill(const struct net *net, struct net_fib *f)
{
	char name[FIB_TABLE_NAMSIZ];

	fib_of_name(name, net, f);
	if (f->family == AF_INET)
		f->tb4 = fib_new_table(name);
	else
		f->tb6 = fib6_new_table(name);
	return f->tb4 || f->tb6 ? 0 : -ENOMEM;
}

int net_fib_create(struct net *net, uint8_t family, uint32_t id, struct net_fib **out)
{
	struct net_tables *ts = net->tables;
	struct net_fib **grown, *f;

	*out = net_fib_find(net, family, id);
	if (*out)
		return 0;
	if (net_fib_total >= DP_MAX_TABLES)
		return -ENOSPC;
	grown = realloc(ts->fib, (ts->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	ts->fib = grown;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->id = id;
	f->family = family;
	if (net_fib_fill(net, f)) {
		free(f);
		return -ENOMEM;
	}
	ts->fib[ts->n++] = f;
	net_fib_total++;
	*out = f;
	return 0;
}

static void fib_table_free_rcu(void *tb)
{
	fib_free_table(tb);
}

static void fib6_table_free_rcu(void *tb)
{
	fib6_free_table(tb);
}

/* A worker may be half-way through a lookup of the table itself, not only of what hangs on it. */
static void fib_tables_retire(struct fib_table *tb4, struct fib6_table *tb6)
{
	if (tb4 && rcu_defer(fib_table_free_rcu, tb4)) {
		synchronize_rcu();
		fib_free_table(tb4);
	}
	if (tb6 && rcu_defer(fib6_table_free_rcu, tb6)) {
		synchronize_rcu();
		fib6_free_table(tb6);
	}
}

/* All that hangs on f, which nobody finds any more. */
void net_fib_retire(struct net_fib *f)
{
	struct net_fib *s;

	fib_tables_retire(f->tb4, f->tb6);
	fib_tables_retire(f->over, NULL);
	dp_free_rcu(f->filter);
	for (unsigned int k = 0; k < FIB_TOS_MAX; k++)
		if (f->tos[k])
			net_fib_free(f->tos[k]);
	while ((s = f->suppressed)) {
		f->suppressed = s->suppressed;
		fib_tables_retire(s->tb4, s->tb6);
		dp_free_rcu(s->filter);
		free(s);
	}
}

void net_fib_free(struct net_fib *f)
{
	net_fib_retire(f);
	free(f);
}

unsigned int net_fib_dump(const struct net_fib *f, struct fib_cursor *cur, struct dp_route *out,
			  unsigned int n)
{
	if (n > 64)
		n = 64;
	if (f->family == AF_INET) {
		struct fib_entry e[64];

		n = fib_table_dump(f->tb4, cur, e, n);
		for (unsigned int i = 0; i < n; i++) {
			uint32_t be = htonl(e[i].dst);

			out[i] = (struct dp_route){.nh_id = e[i].nh_id, .plen = e[i].plen};
			memcpy(out[i].dst, &be, 4);
		}
	} else {
		struct fib6_entry e[64];

		n = fib6_table_dump(f->tb6, cur, e, n);
		for (unsigned int i = 0; i < n; i++) {
			out[i] = (struct dp_route){.nh_id = e[i].nh_id, .plen = e[i].plen};
			memcpy(out[i].dst, &e[i].dst, 16);
		}
	}
	return n;
}

/* --- routes ---------------------------------------------------------------------------------- */

static uint32_t route_get(const struct net_fib *f, const struct dp_route *r)
{
	struct in6_addr dst;

	if (f->family == AF_INET)
		return fib_table_get(f->tb4, route_key4(r->dst), r->plen);
	dst = route_key6(r->dst);
	return fib6_table_get(f->tb6, &dst, r->plen);
}

static int route_insert(struct net_fib *f, const struct dp_route *r)
{
	struct in6_addr dst;

	if (f->family == AF_INET)
		return fib_table_insert(f->tb4, route_key4(r->dst), r->plen, r->nh_id);
	dst = route_key6(r->dst);
	return fib6_table_insert(f->tb6, &dst, r->plen, r->nh_id);
}

static int route_delete(struct net_fib *f, const struct dp_route *r)
{
	struct in6_addr dst;

	if (f->family == AF_INET)
		return fib_table_delete(f->tb4, route_key4(r->dst), r->plen);
	dst = route_key6(r->dst);
	return fib6_table_delete(f->tb6, &dst, r->plen);
}

/* The filter says maybe before the table has the route, and until it has it no more. */
static int route_set_one(struct net_fib *f, const struct dp_route *r)
{
	bool there = f->filter && route_get(f, r);
	int rc;

	if (!r->nh_id) {
		rc = route_delete(f, r);
		if (rc == -ESRCH)
			return 0;
		if (!rc && there)
			fib_filter_count(f->filter, f->family, r->dst, r->plen, -1);
		return rc;
	}
	if (f->filter && !there)
		fib_filter_count(f->filter, f->family, r->dst, r->plen, 1);
	rc = route_insert(f, r);
	if (rc && f->filter && !there)
		fib_filter_count(f->filter, f->family, r->dst, r->plen, -1);
	return rc;
}

/*
 * A route that is too short for a suppressed table throws there, so that what is shorter still is
 * not found in its place. Errors are not suppressed (fib_rules_lookup).
 */
static struct dp_route route_suppressed(const struct net *net, const struct net_fib *s,
					const struct dp_route *r)
{
	const struct nexthop *nh = r->nh_id ? net->nexthops[r->nh_id] : NULL;
	struct dp_route out = *r;

	if (!r->nh_id || r->plen > s->suppress)
		return out;
	if (nh &&
	    (nh->type == RTN_BLACKHOLE || nh->type == RTN_UNREACHABLE || nh->type == RTN_PROHIBIT))
		return out;
	out.nh_id = NET_NEXTHOP_THROW;
	return out;
}

int net_fib_set(const struct net *net, struct net_fib *f, const struct dp_route *r)
{
	int rc = route_set_one(f, r);

	for (struct net_fib *s = f->suppressed; !rc && s; s = s->suppressed) {
		struct dp_route short_of = route_suppressed(net, s, r);

		rc = route_set_one(s, &short_of);
	}
	return rc;
}

int net_fib_copy(const struct net *net, const struct net_fib *f, struct net_fib *to)
{
	struct fib_cursor cur = {0};
	struct dp_route r[64];
	unsigned int n;
	int rc = 0;

	do {
		n = net_fib_dump(f, &cur, r, 64);
		for (unsigned int i = 0; !rc && i < n; i++) {
			if (to->suppressing)
				r[i] = route_suppressed(net, to, &r[i]);
			rc = route_set_one(to, &r[i]);
		}
	} while (!rc && n == 64);
	return rc;
}

struct net_fib *net_fib_suppressed(struct net *net, struct net_fib *f, uint8_t plen)
{
	struct net_fib *s;

	for (s = f->suppressed; s; s = s->suppressed)
		if (s->suppress == plen)
			return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->id = f->id;
	s->family = f->family;
	s->suppress = plen;
	s->suppressing = true;
	if (net_fib_fill(net, s)) {
		free(s);
		return NULL;
	}
	if (net_fib_copy(net, f, s)) {
		net_fib_free(s);
		return NULL;
	}
	s->suppressed = f->suppressed;
	f->suppressed = s;
	return s;
}

static int route_table(const struct dp_route *r, struct net_fib **f)
{
	struct net *net = dp_net(r->net);

	if (!net)
		return -ENODEV;
	if (!dp_family_ok(r->family))
		return -EAFNOSUPPORT;
	if (r->plen > (r->family == AF_INET ? 32 : 128) || r->nh_id >= DP_MAX_NEXTHOPS)
		return -EINVAL;
	if (r->tos & ~(r->family == AF_INET ? IPTOS_RT_MASK : 0))
		return -EINVAL;
	*f = net_fib_find(net, r->family, r->table);
	if (*f || !r->nh_id)
		return 0;
	return net_fib_create(net, r->family, r->table, f);
}

int dp_route_set(const struct dp_route *routes, uint32_t n, uint32_t *done)
{
	struct net_fib *f = NULL;
	uint32_t i;
	int rc = 0;

	dp_write_lock();
	for (i = 0; i < n; i++) {
		const struct dp_route *r = &routes[i];

		if (!f || i == 0 || r->net != r[-1].net || r->table != r[-1].table ||
		    r->family != r[-1].family || r->tos || r->nh_id >= DP_MAX_NEXTHOPS) {
			f = NULL;
			rc = route_table(r, &f);
		}
		if (!rc && f)
			rc = r->tos ? net_fib_set_tos(net_table[r->net], f, r)
				    : net_fib_set_any(net_table[r->net], f, r);
		if (rc)
			break;
	}
	dp_unlock();
	if (done)
		*done = i;
	return rc;
}

int dp_table_flush(uint32_t id, uint8_t family, uint32_t table)
{
	struct net_fib *f, old;
	struct net *net;
	int rc = 0;

	if (!dp_family_ok(family))
		return -EAFNOSUPPORT;
	dp_write_lock();
	net = dp_net(id);
	f = net ? net_fib_find(net, family, table) : NULL;
	if (!f) {
		rc = net ? 0 : -ENODEV;
		goto out;
	}
	old = *f;
	f->tb4 = NULL;
	f->tb6 = NULL;
	f->filter = NULL;
	f->suppressed = NULL;
	memset(f->tos, 0, sizeof(f->tos));
	rc = net_fib_fill(net, f);
	if (!rc)
		rc = net_lookups_publish(net, family);
	if (rc) {
		struct net_fib made = *f;

		*f = old;
		old = made;
	}
	net_fib_retire(&old);
out:
	dp_unlock();
	return rc;
}

void net_tables_free(struct net *net)
{
	struct net_tables *ts = net->tables;

	net_lookups_free(net);
	for (uint32_t i = 0; i < ts->n; i++) {
		net_fib_free(ts->fib[i]);
		net_fib_total--;
	}
	free(ts->fib);
	memset(ts, 0, sizeof(*ts));
}
