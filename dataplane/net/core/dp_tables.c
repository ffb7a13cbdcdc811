/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_tables.c - what lookups go through: the rules of the net, or those of the link that a packet
 * came in on, when it has its own (iif, l3mdev). Rules that look at no packet are a list of tables.
 */
#include <net/core/dp_local.h>
#include <net/fib_rules.h>
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

/* --- one rule, as packets meet it ------------------------------------------------------------- */

static void prefix_build(struct fib_rule_prefix *p, const uint8_t *addr, uint8_t len)
{
	uint8_t mask[16] = {0};

	for (unsigned int i = 0; i < len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	memcpy(p->addr, addr, 16);
	memcpy(p->mask, mask, 16);
	p->addr[0] &= p->mask[0];
	p->addr[1] &= p->mask[1];
}

static struct fib_rule rule_build(const struct dp_rule *in)
{
	struct fib_rule r = {
	    .action = in->action,
	    .invert = in->flags & DP_RULE_INVERT,
	    .tos = in->tos,
	    .proto = in->ipproto,
	    .target = (uint16_t)in->target,
	    .sport = in->sport[0],
	    .sport_span = (uint16_t)(in->sport[1] - in->sport[0]),
	    .dport = in->dport[0],
	    .dport_span = (uint16_t)(in->dport[1] - in->dport[0]),
	    .suppress_ifgroup = in->suppress_ifgroup,
	    .mark = in->mark,
	    .mark_mask = in->mark_mask,
	};

	prefix_build(&r.src, in->src, in->src_len);
	prefix_build(&r.dst, in->dst, in->dst_len);
	r.what = (in->src_len ? FIB_RULE_SRC : 0) | (in->dst_len ? FIB_RULE_DST : 0) |
		 (in->mark_mask ? FIB_RULE_MARK : 0) | (in->tos ? FIB_RULE_TOS : 0) |
		 (in->ipproto ? FIB_RULE_PROTO : 0) | (in->sport[0] ? FIB_RULE_SPORT : 0) |
		 (in->dport[0] ? FIB_RULE_DPORT : 0);
	return r;
}

static bool rule_is_table(const struct fib_rule *r)
{
	return r->action == DP_RULE_TABLE && !r->what && !r->invert && r->suppress_ifgroup == -1;
}

static int rule_check(const struct dp_rule *r, uint8_t family, uint32_t at, uint32_t n)
{
	uint8_t bits = family == AF_INET ? 32 : 128;

	if (r->action >= DP_RULE_ACTION_MAX || r->src_len > bits || r->dst_len > bits)
		return -EINVAL;
	if (r->action == DP_RULE_GOTO && (r->target <= at || r->target > n))
		return -EINVAL;
	if (r->sport[0] > r->sport[1] || r->dport[0] > r->dport[1] || r->mark & ~r->mark_mask)
		return -EINVAL;
	return 0;
}

/* --- all of a list ---------------------------------------------------------------------------- */

static int lookup_fill(struct net *net, const struct dp_rule *r, struct net_fib *f, bool last,
		       struct fib_lookup *t)
{
	if (r->suppress_prefixlen >= 0)
		f = net_fib_suppressed(net, f, (uint8_t)RTE_MIN(r->suppress_prefixlen, 128));
	if (!f || (!last && filter_make(f)))
		return -ENOMEM;
	if (f->family == AF_INET)
		t->tb4 = f->tb4;
	else
		t->tb6 = f->tb6;
	t->filter = last ? NULL : f->filter;
	return 0;
}

/* The table that a rule asks, made when it is not there yet; tos is NULL when none has any. */
static int table_build(struct net *net, const struct dp_rule *r, uint8_t family, bool last,
		       struct fib_lookup *t, struct fib_rule_tos *tos)
{
	struct net_fib *f;
	int rc = net_fib_create(net, family, r->table, &f);

	if (!rc)
		rc = lookup_fill(net, r, f, last, t);
	for (unsigned int k = 0; !rc && tos && k < FIB_TOS_MAX; k++) {
		tos->of[k] = *t;
		if (f->tos[k])
			rc = lookup_fill(net, r, f->tos[k], last, &tos->of[k]);
	}
	return rc;
}

static bool rule_has_tos(struct net *net, const struct dp_rule *r, uint8_t family)
{
	const struct net_fib *f = NULL;

	if (family == AF_INET && r->action == DP_RULE_TABLE)
		f = net_fib_find(net, family, r->table);
	for (unsigned int k = 0; f && k < FIB_TOS_MAX; k++)
		if (f->tos[k])
			return true;
	return false;
}

/* The list of an order; *out is NULL for an empty one. */
static int lookup_build(struct net *net, const struct rules_order *order, uint8_t family,
			struct fib_tables **out)
{
	struct fib_rule_tos *by_tos = NULL;
	size_t tables, rules_end, size;
	struct fib_tables *l;
	struct fib_rules *rules;
	bool plain = true, tos = false;
	int rc = 0;

	*out = NULL;
	if (!order || !order->n)
		return 0;
	tables = RTE_ALIGN_CEIL(sizeof(*l) + order->n * sizeof(l->t[0]), sizeof(uint64_t));
	rules_end = tables + sizeof(*rules) + order->n * sizeof(rules->rule[0]);
	for (uint32_t i = 0; i < order->n && !tos; i++)
		tos = rule_has_tos(net, &order->rule[i], family);
	rules_end = RTE_ALIGN_CEIL(rules_end, sizeof(uint64_t));
	size = rules_end + (tos ? order->n * sizeof(*by_tos) : 0);
	l = calloc(1, size);
	if (!l)
		return -ENOMEM;
	l->n = order->n;
	rules = (struct fib_rules *)((char *)l + tables);
	if (tos)
		by_tos = (struct fib_rule_tos *)((char *)l + rules_end);
	rules->tos = by_tos;
	for (uint32_t i = 0; i < l->n; i++) {
		rules->rule[i] = rule_build(&order->rule[i]);
		rules->what |= rules->rule[i].what;
		rules->jumps |= rules->rule[i].action == DP_RULE_GOTO;
		plain &= rule_is_table(&rules->rule[i]);
	}
	for (uint32_t i = 0; !rc && i < l->n; i++)
		if (rules->rule[i].action == DP_RULE_TABLE)
			rc = table_build(net, &order->rule[i], family, i + 1 == l->n, &l->t[i],
					 by_tos ? &by_tos[i] : NULL);
	if (rc) {
		free(l);
		return rc;
	}
	if (!plain || tos)
		l->rules = rules;
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
	rc = lookup_build(net, net->tables->order[v6], family, &built[0]);
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

/* --- what is said of it ----------------------------------------------------------------------- */

/* Takes order over. */
static int order_set(uint32_t id, uint32_t ifindex, uint8_t family, struct rules_order *order)
{
	struct rules_order **at = NULL;
	struct fib_tables **fib = NULL;
	int v6 = family == AF_INET6, rc = -ENODEV;
	struct net_device *dev;
	struct fib_tables *l;
	struct net *net;

	dp_write_lock();
	net = dp_net(id);
	dev = net && ifindex ? dp_dev(net, ifindex) : NULL;
	if (dev) {
		at = &dev->order[v6];
		fib = &dev->fib[v6];
	} else if (net && !ifindex) {
		at = &net->tables->order[v6];
		fib = &net->fib[v6];
	}
	if (at)
		rc = lookup_build(net, order, family, &l);
	if (!rc) {
		struct rules_order *old = *at;

		lookup_swap(fib, l);
		*at = order;
		order = old;
	}
	dp_unlock();
	free(order);
	return rc;
}

int dp_rules_set(uint32_t id, uint32_t ifindex, uint8_t family, const struct dp_rule *rules,
		 uint32_t n)
{
	struct rules_order *order = NULL;

	if (!dp_family_ok(family))
		return -EAFNOSUPPORT;
	if (n > DP_MAX_RULES)
		return -E2BIG;
	for (uint32_t i = 0; i < n; i++) {
		int rc = rule_check(&rules[i], family, i, n);

		if (rc)
			return rc;
	}
	if (n) {
		order = malloc(sizeof(*order) + n * sizeof(order->rule[0]));
		if (!order)
			return -ENOMEM;
		order->n = n;
		memcpy(order->rule, rules, n * sizeof(order->rule[0]));
	}
	return order_set(id, ifindex, family, order);
}

int dp_rules_dump(uint32_t id, uint32_t ifindex, uint8_t family, struct dp_rule *out, uint32_t n)
{
	const struct rules_order *order = NULL;
	int v6 = family == AF_INET6, rc = -ENODEV;
	const struct net_device *dev;
	struct net *net;

	if (!dp_family_ok(family))
		return -EAFNOSUPPORT;
	dp_read_lock();
	net = dp_net(id);
	dev = net && ifindex ? dp_dev(net, ifindex) : NULL;
	if (net && (dev || !ifindex)) {
		order = dev ? dev->order[v6] : net->tables->order[v6];
		rc = order ? (int)order->n : 0;
	}
	if (order)
		memcpy(out, order->rule, RTE_MIN(n, order->n) * sizeof(*out));
	dp_unlock();
	return rc;
}

int dp_link_tables(uint32_t id, uint32_t ifindex, uint8_t family, const uint32_t *tables,
		   uint32_t n)
{
	struct dp_rule *rules;
	int rc;

	if (n > DP_MAX_RULES)
		return -E2BIG;
	rules = calloc(n + 1, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		rules[i] = (struct dp_rule){
		    .table = tables[i], .suppress_prefixlen = -1, .suppress_ifgroup = -1};
	rc = dp_rules_set(id, ifindex, family, rules, n);
	free(rules);
	return rc;
}

int dp_net_tables(uint32_t id, uint8_t family, const uint32_t *tables, uint32_t n)
{
	return dp_link_tables(id, 0, family, tables, n);
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
		free(net->tables->order[v6]);
		net->tables->order[v6] = NULL;
	}
}
