// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_tables.c - routers that are not simply one table: groups of nexthops, VRFs, many neighbours
 * on a link, and a link on which nobody is. See fwd.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <net/if.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "fwd.h"
#include "inet_table.h"

/* --- a group of 8 gateways: 20.0.0.0/8 and 21.0.0.0/8, 2001:db8:ff00::/48 and so on ---------- */

#define MEMBERS 8

void load_ecmp(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++) {
		struct dp_nexthop nh = {.id = OTHER_ID + p,
					.family = w->family,
					.type = RTN_UNICAST,
					.n_members = MEMBERS};
		struct dp_nh_member members[MEMBERS];
		uint64_t rnd = 7;
		uint8_t dst[16];

		for (uint32_t i = 0; i < MEMBERS; i++)
			members[i] = (struct dp_nh_member){gateway_id(w->family, p ^ 1, i), 1};
		ok(dp_nexthop_set(&nh, members), "dp_nexthop_set");
		w->draw(p, &rnd, dst);
		memset(dst + (w->family == AF_INET ? 1 : 6), 0, w->family == AF_INET ? 3 : 10);
		route_set(RT_TABLE_MAIN, w->family, dst, w->family == AF_INET ? 8 : 48, nh.id);
	}
}

void draw4_ecmp(unsigned int port, uint64_t *rnd, uint8_t dst[16])
{
	uint64_t low = inet_random(rnd);

	memset(dst, 0, 16);
	dst[0] = (uint8_t)(20 + port);
	memcpy(dst + 1, &low, 3);
}

/* --- VRFs: each link has a table of its own --------------------------------------------------- */

#define VRF_ROUTES 1000
#define VRF_TABLE  1000 /* and on, by port */

static struct inet_route4 vrf[PORTS_MAX][VRF_ROUTES];

void load_vrf(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++) {
		const uint8_t own[4] = {10, 0, (uint8_t)p, 1};
		uint32_t table = VRF_TABLE + p;

		inet_table4(vrf[p], VRF_ROUTES, INET_TABLE_SEED + p);
		for (uint32_t i = 0; i < VRF_ROUTES; i++) {
			uint32_t be = htonl(vrf[p][i].dst);

			route_set(table, AF_INET, &be, vrf[p][i].plen,
				  gateway_id(AF_INET, p ^ 1, i));
		}
		route_set(table, AF_INET, own, 32, local_id(AF_INET));
		ok(dp_link_tables(0, p + 1, AF_INET, &table, 1), "dp_link_tables");
	}
}

void draw4_vrf(unsigned int port, uint64_t *rnd, uint8_t dst[16])
{
	memset(dst, 0, 16);
	do {
		uint32_t r = (uint32_t)(inet_random(rnd) % VRF_ROUTES);
		uint32_t be = htonl(inet_address4(&vrf[port][r], rnd));

		memcpy(dst, &be, 4);
	} while (!dst[0] || dst[0] == 127 || dst[0] > 223);
}

/* --- connected networks: 172.16.0.0/16 is on port 1, where port 0's packets go, and so on ---- */

#define NEIGHBOURS 10000

static void connected(unsigned int port, uint8_t dst[16])
{
	memset(dst, 0, 16);
	memcpy(dst, (uint8_t[2]){172, (uint8_t)(16 + port)}, 2);
}

static void connected_add(unsigned int port)
{
	struct dp_nexthop nh = {.id = OTHER_ID + port,
				.ifindex = (port ^ 1) + 1,
				.family = AF_INET,
				.type = RTN_UNICAST,
				.scope = RT_SCOPE_LINK};
	uint8_t dst[16];

	connected(port, dst);
	ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
	route_set(RT_TABLE_MAIN, AF_INET, dst, 16, nh.id);
}

/* The i-th host that is there, all over the network. */
static void neighbour(unsigned int port, uint32_t i, uint8_t dst[16])
{
	uint16_t host = htons((uint16_t)(i * 13 + 2)); /* 13 is odd: all are different */

	connected(port, dst);
	memcpy(dst + 2, &host, 2);
}

void load_neigh(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++) {
		struct dp_neigh n = {
		    .ifindex = (p ^ 1) + 1, .family = AF_INET, .nud = NUD_REACHABLE};

		connected_add(p);
		port_mac(n.lladdr, p);
		for (uint32_t i = 0; i < NEIGHBOURS; i++) {
			neighbour(p, i, n.addr);
			ok(dp_neigh_set(&n), "dp_neigh_set");
		}
	}
}

void draw4_neigh(unsigned int port, uint64_t *rnd, uint8_t dst[16])
{
	neighbour(port, (uint32_t)(inet_random(rnd) % NEIGHBOURS), dst);
}

/* --- a VLAN on each port, and one route each way from one to the other ------------------------ */

static void vlan_add(unsigned int port)
{
	const uint32_t conf = DP_CONF_FORWARDING | DP_CONF_ENABLED | DP_CONF_SHARED_MEDIA;
	struct dp_link l = {.ifindex = PORTS_MAX + port + 1,
			    .port = DP_PORT_NONE,
			    .type = DP_LINK_VLAN,
			    .lower = port + 1,
			    .vlan_proto = 0x8100,
			    .vlan_id = VLAN_ID,
			    .carrier = 1,
			    .flags = IFF_UP,
			    .mtu = 1500,
			    .mtu6 = 1500,
			    .conf4 = conf,
			    .conf6 = conf};
	struct dp_nexthop nh = {.id = OTHER_ID + port,
				.ifindex = l.ifindex,
				.family = AF_INET,
				.type = RTN_UNICAST,
				.scope = RT_SCOPE_LINK,
				.flags = DP_NH_GATEWAY,
				.gw_family = AF_INET,
				.gw = {10, 1, (uint8_t)port, 2}};
	struct dp_neigh n = {.ifindex = l.ifindex, .family = AF_INET, .nud = NUD_REACHABLE};

	port_mac(l.lladdr, port);
	ok(dp_link_set(&l), "dp_link_set");
	memcpy(n.addr, nh.gw, 4);
	port_mac(n.lladdr, port ^ 1);
	ok(dp_neigh_set(&n), "dp_neigh_set");
	ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
}

void load_vlan(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++) {
		uint8_t dst[16];
		uint64_t rnd = 1;

		vlan_add(p);
		draw4_one(p ^ 1, &rnd, dst);
		memset(dst + 2, 0, 2);
		route_set(RT_TABLE_MAIN, AF_INET, dst, 16, OTHER_ID + p);
	}
}

/* One route that packets take, and a network in which nobody answers. */
void load_scan(const struct world *w)
{
	load_one(w);
	for (unsigned int p = 0; p < w->ports; p++)
		connected_add(p);
}

void draw4_scan(unsigned int port, uint64_t *rnd, uint8_t dst[16])
{
	uint64_t low = inet_random(rnd);

	connected(port, dst);
	memcpy(dst + 2, &low, 2);
}
