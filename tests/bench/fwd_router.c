// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/* fwd_router.c - the router of fwd_bench, and the tables that it has. See fwd.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <net/if.h>
#include <netinet/in.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "dataplane.h"
#include "fwd.h"
#include "inet_table.h"

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

static void route(uint32_t table, uint8_t family, const void *dst, uint8_t plen, uint32_t nh)
{
	struct dp_route r = {.table = table, .family = family, .plen = plen, .nh_id = nh};

	memcpy(r.dst, dst, family == AF_INET ? 4 : 16);
	ok(dp_route_set(&r, 1, NULL), "dp_route_set");
}

/* Gateways of a port have ids 2 * g + port + 2; the neighbour is the port that the frames go to. */
static uint32_t gateway_id(unsigned int port, uint32_t g)
{
	return 2 * (g % GATEWAYS) + port + 2;
}

static void gateways_add(unsigned int port, uint8_t family)
{
	for (uint32_t g = 0; g < GATEWAYS; g++) {
		struct dp_nexthop nh = {.id = gateway_id(port, g),
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
		port_mac(n.lladdr, !port);
		ok(dp_neigh_set(&n), "dp_neigh_set");
		ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
	}
}

static void local_add(uint8_t family)
{
	const uint32_t order[2] = {RT_TABLE_LOCAL, RT_TABLE_MAIN};
	struct dp_nexthop nh = {
	    .id = 1, .family = family, .type = RTN_LOCAL, .ifindex = 1, .scope = RT_SCOPE_NOWHERE};

	ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
	for (uint8_t port = 0; port < 2; port++) {
		if (family == AF_INET)
			route(RT_TABLE_LOCAL, family, (uint8_t[4]){10, 0, port, 1}, 32, 1);
		else
			route(RT_TABLE_LOCAL, family,
			      (uint8_t[16]){0x20, 1, 0xd, 0xb8, port, [15] = 1}, 128, 1);
	}
	ok(dp_net_tables(0, family, order, 2), "dp_net_tables");
}

void router_make(uint8_t family)
{
	for (unsigned int p = 0; p < 2; p++) {
		ok(dp_port_add(port_id[p], 1, 1), "dp_port_add");
		link_add(p);
		gateways_add(p, family);
	}
	local_add(family);
}

void load4_one(void)
{
	uint64_t rnd = 7;

	stamps_make(65536, sizeof(struct stamp4));
	for (unsigned int p = 0; p < 2; p++) {
		uint32_t dst =
		    0xc6120000 + (p << 16); /* 198.18.0.0/16 in on port 0, .19 on port 1 */
		uint32_t be = htonl(dst);

		route(RT_TABLE_MAIN, AF_INET, &be, 16, gateway_id(!p, 0));
		for (uint32_t i = 0; i < 65536; i++)
			stamp4_set(p, i, dst | (inet_random(&rnd) & 0xffff));
	}
}

/*
 * Even routes lead out of port 1, odd ones out of port 0: port 0's packets have destinations of
 * the even ones. A longer prefix within a route may lead the other way, and such addresses are
 * taken again: this measures forwarding, not redirects.
 */
void load4_full(void)
{
	struct inet_route4 *t = malloc(INET_TABLE_ROUTES4 * sizeof(*t));
	uint32_t n = 1u << 20;
	uint64_t rnd = 7;

	inet_table4(t, INET_TABLE_ROUTES4, INET_TABLE_SEED);
	for (uint32_t i = 0; i < INET_TABLE_ROUTES4; i++) {
		uint32_t be = htonl(t[i].dst);

		route(RT_TABLE_MAIN, AF_INET, &be, t[i].plen, gateway_id(!(i & 1), i / 2));
	}
	stamps_make(n, sizeof(struct stamp4));
	for (uint32_t p = 0; p < 2; p++) {
		for (uint32_t i = 0; i < n;) {
			uint32_t r = (uint32_t)(inet_random(&rnd) % INET_TABLE_ROUTES4), id, dst;
			uint8_t key[1][16] = {{0}};

			dst = inet_address4(&t[(r & ~1u) | p], &rnd);
			key[0][0] = (uint8_t)(dst >> 24);
			key[0][1] = (uint8_t)(dst >> 16);
			key[0][2] = (uint8_t)(dst >> 8);
			key[0][3] = (uint8_t)dst;
			dp_fib_lookup(0, RT_TABLE_MAIN, AF_INET, (const uint8_t(*)[16])key, &id, 1);
			if (!id || (id & 1) == p || key[0][0] == 127 || !key[0][0] ||
			    key[0][0] > 223)
				continue;
			stamp4_set(p, i++, dst);
		}
	}
	free(t);
}

void load6_one(void)
{
	uint64_t rnd = 7;

	stamps_make(65536, sizeof(struct in6_addr));
	for (unsigned int p = 0; p < 2; p++) {
		uint8_t dst[16] = {0x20, 1, 0xd, 0xb8, 0xff, (uint8_t)p};

		route(RT_TABLE_MAIN, AF_INET6, dst, 48, gateway_id(!p, 0));
		for (uint32_t i = 0; i < 65536; i++) {
			uint64_t low = inet_random(&rnd);

			memcpy(dst + 8, &low, 8);
			memcpy(&((struct in6_addr *)stamps[p].v)[i], dst, 16);
		}
	}
}

void load6_full(void)
{
	struct inet_route6 *t = malloc(INET_TABLE_ROUTES6 * sizeof(*t));
	uint32_t n = 1u << 18;
	uint64_t rnd = 7;

	inet_table6(t, INET_TABLE_ROUTES6, INET_TABLE_SEED);
	for (uint32_t i = 0; i < INET_TABLE_ROUTES6; i++)
		route(RT_TABLE_MAIN, AF_INET6, &t[i].dst, t[i].plen, gateway_id(!(i & 1), i / 2));
	stamps_make(n, sizeof(struct in6_addr));
	for (uint32_t p = 0; p < 2; p++) {
		for (uint32_t i = 0; i < n;) {
			uint32_t r = (uint32_t)(inet_random(&rnd) % INET_TABLE_ROUTES6), id;
			struct in6_addr dst = inet_address6(&t[(r & ~1u) | p], &rnd);
			uint8_t key[1][16];

			memcpy(key[0], &dst, 16);
			dp_fib_lookup(0, RT_TABLE_MAIN, AF_INET6, (const uint8_t(*)[16])key, &id,
				      1);
			if (!id || (id & 1) == p)
				continue;
			((struct in6_addr *)stamps[p].v)[i++] = dst;
		}
	}
	free(t);
}
