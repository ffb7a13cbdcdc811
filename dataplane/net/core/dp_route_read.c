/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_route_read.c - routing tables read back, and fetched ahead. */
#include <endian.h>

#include <lib/fib_rib.h>
#include <net/core/dp_local.h>
#include <net/ip.h>
#include <net/ip_fib.h>

int dp_fib_lookup(uint32_t id, uint32_t table, uint8_t family, uint8_t tos,
		  const uint8_t (*dst)[16], uint32_t *nh_id, uint32_t n)
{
	struct net_fib *f;
	struct net *net;

	dp_read_lock();
	net = dp_net(id);
	f = net ? net_fib_find(net, family, table) : NULL;
	if (f && f->tos[FIB_TOS(tos)])
		f = f->tos[FIB_TOS(tos)];
	for (uint32_t i = 0; i < n; i++) {
		struct in6_addr addr;

		nh_id[i] = 0;
		if (!f)
			continue;
		if (family == AF_INET) {
			nh_id[i] = fib_table_lookup(f->tb4, route_key4(dst[i]));
		} else {
			addr = route_key6(dst[i]);
			nh_id[i] = fib6_table_lookup(f->tb6, &addr);
		}
	}
	dp_unlock();
	return net ? 0 : -ENODEV;
}

int dp_route_dump(uint32_t id, uint32_t table, uint8_t family, struct dp_route *last,
		  struct dp_route *out, uint32_t n)
{
	struct fib_cursor cur = {.plen = last->plen, .started = last->nh_id != 0};
	uint32_t k = 0, part;
	struct net_fib *f;
	struct net *net;

	if (family == AF_INET) {
		cur.pos[0] = (uint64_t)route_key4(last->dst) << 32;
	} else {
		memcpy(cur.pos, last->dst, 16);
		cur.pos[0] = be64toh(cur.pos[0]);
		cur.pos[1] = be64toh(cur.pos[1]);
	}
	dp_read_lock();
	net = dp_net(id);
	f = net ? net_fib_find(net, family, table) : NULL;
	if (f && last->tos)
		f = f->tos[FIB_TOS(last->tos)];
	while (f && k < n) {
		part = net_fib_dump(f, &cur, out + k, n - k);
		k += part;
		if (!part)
			break;
	}
	dp_unlock();
	for (uint32_t i = 0; i < k; i++) {
		out[i].net = id;
		out[i].table = table;
		out[i].family = family;
		out[i].tos = last->tos;
	}
	if (k)
		*last = out[k - 1];
	return net ? (int)k : -ENODEV;
}

void dp_route_ahead(const struct dp_route *routes, uint32_t n)
{
	uint8_t plen[FIB_RIB_AHEAD];
	struct net_fib *f;
	struct net *net;

	if (!n)
		return;
	dp_read_lock();
	net = dp_net(routes->net);
	f = net ? net_fib_find(net, routes->family, routes->table) : NULL;
	for (uint32_t at = 0, k; f && at < n; at += k) {
		k = RTE_MIN(n - at, (uint32_t)FIB_RIB_AHEAD);
		for (uint32_t i = 0; i < k; i++)
			plen[i] = routes[at + i].plen;
		if (f->family == AF_INET) {
			uint32_t dst[FIB_RIB_AHEAD];

			for (uint32_t i = 0; i < k; i++)
				dst[i] = route_key4(routes[at + i].dst);
			fib_table_ahead(f->tb4, dst, plen, k);
		} else {
			struct in6_addr dst[FIB_RIB_AHEAD];

			for (uint32_t i = 0; i < k; i++)
				dst[i] = route_key6(routes[at + i].dst);
			fib6_table_ahead(f->tb6, dst, plen, k);
		}
	}
	dp_unlock();
}

int dp_route_find(struct dp_route *routes, uint32_t n)
{
	struct net *net;

	dp_read_lock();
	net = n ? dp_net(routes[0].net) : NULL;
	for (uint32_t i = 0; net && i < n; i++) {
		struct dp_route *r = &routes[i];
		struct net_fib *f = net_fib_find(net, r->family, r->table);
		struct in6_addr addr;

		r->nh_id = 0;
		if (f && f->tos[FIB_TOS(r->tos)])
			f = f->tos[FIB_TOS(r->tos)];
		if (f && r->family == AF_INET) {
			r->nh_id = fib_table_get(f->tb4, route_key4(r->dst), r->plen);
		} else if (f) {
			addr = route_key6(r->dst);
			r->nh_id = fib6_table_get(f->tb6, &addr, r->plen);
		}
	}
	dp_unlock();
	return net ? 0 : -ENODEV;
}

int dp_table_dump(uint32_t id, uint8_t family, uint32_t *out, uint32_t n)
{
	struct net *net;
	uint32_t k = 0;

	dp_read_lock();
	net = dp_net(id);
	for (uint32_t i = 0; net && i < net->tables->n && k < n; i++)
		if (net->tables->fib[i]->family == family)
			out[k++] = net->tables->fib[i]->id;
	dp_unlock();
	return net ? (int)k : -ENODEV;
}
