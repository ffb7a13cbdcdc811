// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/* fwd_router.c - the router of fwd_bench, and the tables that it has. See fwd.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <net/if.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "fwd.h"
#include "inet_table.h"

/* The routes of the full table; route i leads out of port 1 when it is even, of port 0 else. */
static struct inet_route4 *table4;
static struct inet_route6 *table6;
static uint32_t table_n;

static void link_add(unsigned int port)
{
	const uint32_t conf =
	    DP_CONF_FORWARDING | DP_CONF_ENABLED | DP_CONF_SEND_REDIRECTS | DP_CONF_SHARED_MEDIA;
	struct dp_link l = {.ifindex = port + 1,
			    .port = port_id[port],
			    .carrier = 1,
			    .flags = IFF_UP,
			    .mtu = 1500,
			    .mtu6 = 1500,
			    .conf4 = conf,
			    .conf6 = conf};
	struct dp_addr a = {.ifindex = port + 1, .family = AF_INET};

	port_mac(l.lladdr, port);
	ok(dp_link_set(&l), "dp_link_set");
	memcpy(a.addr, (uint8_t[4]){10, 0, (uint8_t)port, 1}, 4);
	ok(dp_addr_set(&a), "dp_addr_set");
}

void route_set(uint32_t table, uint8_t family, const void *dst, uint8_t plen, uint32_t nh)
{
	struct dp_route r = {.table = table, .family = family, .plen = plen, .nh_id = nh};

	memcpy(r.dst, dst, family == AF_INET ? 4 : 16);
	ok(dp_route_set(&r, 1, NULL), "dp_route_set");
}

uint32_t local_id(uint8_t family)
{
	return family == AF_INET ? 1 : 2;
}

/* id - 16 mod PORTS_MAX is the port that a gateway is behind. */
uint32_t gateway_id(uint8_t family, unsigned int port, uint32_t g)
{
	return (family == AF_INET ? 0 : PORTS_MAX * GATEWAYS) + PORTS_MAX * (g % GATEWAYS) + port +
	       16;
}

/* The neighbour is the port at the other end, which the frames go to. */
static void gateways_add(unsigned int port, uint8_t family)
{
	for (uint32_t g = 0; g < GATEWAYS; g++) {
		struct dp_nexthop nh = {.id = gateway_id(family, port, g),
					.ifindex = port + 1,
					.family = family,
					.type = RTN_UNICAST,
					.scope = RT_SCOPE_LINK,
					.flags = DP_NH_GATEWAY,
					.gw_family = family};
		struct dp_neigh n = {.ifindex = port + 1, .family = family, .nud = NUD_REACHABLE};

		if (family == AF_INET)
			memcpy(nh.gw, (uint8_t[4]){10, 0, (uint8_t)port, (uint8_t)(g + 2)}, 4);
		else
			memcpy(nh.gw, (uint8_t[16]){0xfe, 0x80, [15] = (uint8_t)(g + 2)}, 16);
		memcpy(n.addr, nh.gw, 16);
		port_mac(n.lladdr, port ^ 1);
		ok(dp_neigh_set(&n), "dp_neigh_set");
		ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
	}
}

static void local_add(uint8_t family, unsigned int ports)
{
	const uint32_t order[1] = {RT_TABLE_MAIN};
	struct dp_nexthop nh = {.id = local_id(family),
				.family = family,
				.type = RTN_LOCAL,
				.ifindex = 1,
				.scope = RT_SCOPE_NOWHERE};

	ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
	for (uint8_t p = 0; p < ports; p++) {
		if (family == AF_INET)
			route_set(RT_TABLE_MAIN, family, (uint8_t[4]){10, 0, p, 1}, 32, nh.id);
		else
			route_set(RT_TABLE_MAIN, family,
				  (uint8_t[16]){0x20, 1, 0xd, 0xb8, p, [15] = 1}, 128, nh.id);
	}
	ok(dp_net_tables(0, family, order, 1), "dp_net_tables");
}

void router_links(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++) {
		ok(dp_port_add(port_id[p], 1, w->lcores), "dp_port_add");
		ok(dp_port_rxq(port_id[p], 0, p * w->lcores / w->ports), "dp_port_rxq");
		link_add(p);
	}
}

void router_family(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++)
		gateways_add(p, w->family);
	local_add(w->family, w->ports);
	w->load(w);
}

/* --- one route each way: 198.18.0.0/16 and so on, 2001:db8:ff00::/48 and so on --------------- */

static void one(unsigned int port, uint8_t family, uint8_t dst[16])
{
	memset(dst, 0, 16);
	if (family == AF_INET)
		memcpy(dst, (uint8_t[2]){198, (uint8_t)(18 + port)}, 2);
	else
		memcpy(dst, (uint8_t[6]){0x20, 1, 0xd, 0xb8, 0xff, (uint8_t)port}, 6);
}

void load_one(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++) {
		uint8_t dst[16];

		one(p, w->family, dst);
		route_set(RT_TABLE_MAIN, w->family, dst, w->family == AF_INET ? 16 : 48,
			  gateway_id(w->family, p ^ 1, 0));
	}
}

void draw4_one(unsigned int port, uint64_t *rnd, uint8_t dst[16])
{
	uint64_t low = inet_random(rnd);

	one(port, AF_INET, dst);
	memcpy(dst + 2, &low, 2);
}

void draw6_one(unsigned int port, uint64_t *rnd, uint8_t dst[16])
{
	uint64_t low = inet_random(rnd);

	one(port, AF_INET6, dst);
	memcpy(dst + 8, &low, 8);
}

/* --- a table like the Internet's ------------------------------------------------------------- */

void load_full(const struct world *w)
{
	uint32_t n = w->family == AF_INET ? INET_TABLE_ROUTES4 : INET_TABLE_ROUTES6;

	table_n = opt.routes && opt.routes < n ? opt.routes : n;
	table_forget();
	if (w->family == AF_INET)
		table4 = malloc(table_n * sizeof(*table4));
	else
		table6 = malloc(table_n * sizeof(*table6));
	if (table4)
		inet_table4(table4, table_n, INET_TABLE_SEED);
	else if (table6)
		inet_table6(table6, table_n, INET_TABLE_SEED);
	else
		fail("no memory");
	for (uint32_t i = 0; i < table_n; i++) {
		struct dp_route r = table_route(w->family, i, i / 2);

		ok(dp_route_set(&r, 1, NULL), "dp_route_set");
	}
}

void table_forget(void)
{
	free(table4);
	free(table6);
	table4 = NULL;
	table6 = NULL;
}

uint32_t table_routes(void)
{
	return table_n;
}

struct dp_route table_route(uint8_t family, uint32_t i, uint32_t g)
{
	struct dp_route r = {.table = RT_TABLE_MAIN, .family = family};
	uint32_t be;

	if (family == AF_INET) {
		be = htonl(table4[i].dst);
		memcpy(r.dst, &be, 4);
		r.plen = table4[i].plen;
	} else {
		memcpy(r.dst, &table6[i].dst, 16);
		r.plen = table6[i].plen;
	}
	r.nh_id = gateway_id(family, !(i & 1), g);
	return r;
}

void table_address(uint8_t family, uint32_t i, uint64_t *rnd, uint8_t dst[16])
{
	struct in6_addr a;
	uint32_t be;

	memset(dst, 0, 16);
	if (family == AF_INET) {
		be = htonl(inet_address4(&table4[i], rnd));
		memcpy(dst, &be, 4);
	} else {
		a = inet_address6(&table6[i], rnd);
		memcpy(dst, &a, 16);
	}
}

/*
 * Port 0's packets have destinations of even routes. A longer prefix within one may lead the other
 * way, and such addresses are taken again: this measures forwarding, not redirects.
 */
static bool leads_on(unsigned int port, uint8_t family, const uint8_t dst[16])
{
	uint8_t key[1][16];
	uint32_t id;

	memcpy(key[0], dst, 16);
	ok(dp_fib_lookup(0, RT_TABLE_MAIN, family, 0, (const uint8_t(*)[16])key, &id, 1),
	   "dp_fib_lookup");
	return id && (id & 1) != (port & 1);
}

void draw4_full(unsigned int port, uint64_t *rnd, uint8_t dst[16])
{
	do
		table_address(AF_INET, (uint32_t)(inet_random(rnd) % table_n & ~1ull) | port, rnd,
			      dst);
	while (!dst[0] || dst[0] == 127 || dst[0] > 223 || !leads_on(port, AF_INET, dst));
}

void draw6_full(unsigned int port, uint64_t *rnd, uint8_t dst[16])
{
	do
		table_address(AF_INET6, (uint32_t)(inet_random(rnd) % table_n & ~1ull) | port, rnd,
			      dst);
	while (!leads_on(port, AF_INET6, dst));
}
