/* SPDX-License-Identifier: BSD-3-Clause */
/* router.c - see router.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <net/if.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <rte_common.h>
#include <rte_eal.h>

#include "dataplane.h"
#include "router.h"

uint16_t router_port[ROUTER_PORTS];

static void ok(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-rc));
		abort();
	}
}

void router_mac(uint8_t mac[6], unsigned int port, unsigned int host)
{
	memcpy(mac, (uint8_t[6]){2, 0, 0, 0, 0, (uint8_t)(port << 4 | host)}, 6);
}

static void add_link(unsigned int port)
{
	const uint32_t conf =
	    DP_CONF_FORWARDING | DP_CONF_ENABLED | DP_CONF_SEND_REDIRECTS | DP_CONF_SHARED_MEDIA;
	struct dp_link l = {
	    .net = ROUTER_NET,
	    .ifindex = port + 1,
	    .port = router_port[port],
	    .type = DP_LINK_ETHER,
	    .carrier = 1,
	    .flags = IFF_UP,
	    .mtu = 1500,
	    .mtu6 = 1500,
	    .conf4 = conf,
	    .conf6 = conf,
	};

	router_mac(l.lladdr, port, 1);
	snprintf(l.name, sizeof(l.name), "port%u", port);
	ok(dp_link_set(&l), "dp_link_set");
}

static void add_loopback(void)
{
	struct dp_link l = {
	    .net = ROUTER_NET,
	    .ifindex = 9,
	    .name = "lo",
	    .port = DP_PORT_NONE,
	    .type = DP_LINK_LOOPBACK,
	    .carrier = 1,
	    .flags = IFF_UP,
	    .mtu = 65536,
	    .mtu6 = 65536,
	    .conf4 = DP_CONF_ENABLED,
	    .conf6 = DP_CONF_ENABLED,
	};

	ok(dp_link_set(&l), "dp_link_set lo");
}

/* A device on top of others: VLANs, a pair, a dummy. */
static void add_virtual(uint32_t ifindex, uint8_t type, uint32_t lower, uint16_t proto, uint16_t id)
{
	const uint32_t conf = DP_CONF_FORWARDING | DP_CONF_ENABLED | DP_CONF_SHARED_MEDIA;
	struct dp_link l = {
	    .net = ROUTER_NET,
	    .ifindex = ifindex,
	    .port = DP_PORT_NONE,
	    .type = type,
	    .carrier = 1,
	    .flags = IFF_UP,
	    .mtu = 1500,
	    .mtu6 = 1500,
	    .conf4 = conf,
	    .conf6 = conf,
	    .lower = lower,
	    .peer_ifindex = lower,
	    .vlan_proto = proto,
	    .vlan_id = id,
	    .vlan_egress = {[6] = 5},
	};

	router_mac(l.lladdr, (ifindex - 1) & 1, 1);
	snprintf(l.name, sizeof(l.name), "virtual%u", ifindex);
	ok(dp_link_set(&l), "dp_link_set virtual");
}

static void add_virtuals(void)
{
	add_virtual(ROUTER_VLAN, DP_LINK_VLAN, 1, 0x8100, 100);
	add_virtual(ROUTER_VLAN + 1, DP_LINK_VLAN, 2, 0x88a8, 200);
	add_virtual(ROUTER_VLAN + 2, DP_LINK_VLAN, ROUTER_VLAN + 1, 0x8100, 7);
	add_virtual(ROUTER_VETH, DP_LINK_VETH, 0, 0, 0);
	add_virtual(ROUTER_VETH + 1, DP_LINK_VETH, ROUTER_VETH, 0, 0);
	add_virtual(ROUTER_VETH, DP_LINK_VETH, ROUTER_VETH + 1, 0, 0);
	add_virtual(ROUTER_DUMMY, DP_LINK_DUMMY, 0, 0, 0);
}

static uint8_t parse(const char *text, uint8_t addr[16])
{
	uint8_t family = strchr(text, ':') ? AF_INET6 : AF_INET;

	memset(addr, 0, 16);
	if (inet_pton(family, text, addr) != 1)
		abort();
	return family;
}

static void add_addr(unsigned int port, const char *text)
{
	struct dp_addr a = {.net = ROUTER_NET, .ifindex = port + 1};

	a.family = parse(text, a.addr);
	ok(dp_addr_set(&a), "dp_addr_set");
}

static void join(unsigned int port, const char *text)
{
	struct dp_addr a = {.net = ROUTER_NET, .ifindex = port + 1};

	a.family = parse(text, a.addr);
	ok(dp_mcast_set(&a), "dp_mcast_set");
}

static void add_neigh(unsigned int port, const char *text, unsigned int host)
{
	struct dp_neigh n = {.net = ROUTER_NET, .ifindex = port + 1, .nud = NUD_REACHABLE};

	n.family = parse(text, n.addr);
	router_mac(n.lladdr, port, host);
	ok(dp_neigh_set(&n), "dp_neigh_set");
}

/* A nexthop: type, device (0: none) and gateway (NULL: none). */
static void add_nexthop(uint32_t id, uint8_t family, uint8_t type, uint32_t ifindex, const char *gw)
{
	struct dp_nexthop nh = {
	    .net = ROUTER_NET,
	    .id = id,
	    .ifindex = ifindex,
	    .family = family,
	    .type = type,
	    .scope = gw                    ? RT_SCOPE_LINK
		     : type == RTN_UNICAST ? RT_SCOPE_HOST
					   : RT_SCOPE_NOWHERE,
	};

	if (gw) {
		nh.flags = DP_NH_GATEWAY;
		nh.gw_family = parse(gw, nh.gw);
	}
	ok(dp_nexthop_set(&nh, NULL), "dp_nexthop_set");
}

static void add_group(uint32_t id, uint8_t family, uint32_t a, uint32_t b)
{
	struct dp_nexthop nh = {
	    .net = ROUTER_NET, .id = id, .family = family, .type = RTN_UNICAST, .n_members = 2};
	struct dp_nh_member m[2] = {{a, 1}, {b, 2}};

	ok(dp_nexthop_set(&nh, m), "dp_nexthop_set group");
}

static void add_route(uint32_t table, const char *dst, uint8_t plen, uint32_t nh)
{
	struct dp_route r = {.net = ROUTER_NET, .table = table, .nh_id = nh, .plen = plen};
	uint32_t done;

	r.family = parse(dst, r.dst);
	ok(dp_route_set(&r, 1, &done), "dp_route_set");
}

enum {
	LOCAL4 = 1,
	BCAST4,
	LINK0,
	LINK1,
	GW1,
	BLACK,
	UNREACH,
	PROHIBIT,
	GROUP,
	GW0,
	VLAN,
	QINQ,
	VETH,
	DUMMY
};
enum { V6 = 100 };

/* 172.16.0.0/24 leads out by a VLAN, .1 by one on another, .2 round a pair, .3 into a dummy. */
static void add_virtual_routes(void)
{
	static const uint32_t devs[] = {ROUTER_VLAN, ROUTER_VLAN + 2, ROUTER_VETH, ROUTER_DUMMY};

	for (unsigned int i = 0; i < RTE_DIM(devs); i++) {
		struct dp_neigh n = {.net = ROUTER_NET, .ifindex = devs[i], .nud = NUD_PERMANENT};
		char text[32];

		snprintf(text, sizeof(text), "172.31.%u.2", i);
		add_nexthop(VLAN + i, AF_INET, RTN_UNICAST, devs[i], text);
		n.family = parse(text, n.addr);
		router_mac(n.lladdr, devs[i] == ROUTER_VETH ? ROUTER_VETH & 1 : 0,
			   devs[i] == ROUTER_VETH ? 1 : 2);
		ok(dp_neigh_set(&n), "dp_neigh_set");
		snprintf(text, sizeof(text), "172.16.%u.0", i);
		add_route(RT_TABLE_MAIN, text, 24, VLAN + i);
	}
}

/* Rules that look deep into packets, for what the second port receives; they lead to the same
 * tables. */
static void add_rules(uint8_t family)
{
	struct dp_rule rules[] = {
	    {.action = DP_RULE_GOTO, .target = 2, .ipproto = IPPROTO_UDP, .dport = {1, 1023}},
	    {.action = DP_RULE_BLACKHOLE, .mark = 1, .mark_mask = 1, .sport = {1, UINT16_MAX}},
	    {.table = RT_TABLE_LOCAL},
	    {.table = RT_TABLE_MAIN, .flags = DP_RULE_INVERT, .ipproto = IPPROTO_TCP, .tos = 0x10},
	    {.table = RT_TABLE_MAIN, .src_len = 8, .src = {10}},
	    {.table = RT_TABLE_MAIN},
	};

	for (unsigned int i = 0; i < RTE_DIM(rules); i++)
		rules[i].suppress_prefixlen = rules[i].suppress_ifgroup = -1;
	ok(dp_rules_set(ROUTER_NET, 2, family, rules, RTE_DIM(rules)), "dp_rules_set");
}

static void add_routes(void)
{
	const uint32_t order[2] = {RT_TABLE_LOCAL, RT_TABLE_MAIN};

	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t f = v6 ? AF_INET6 : AF_INET;
		uint32_t o = v6 ? V6 : 0;

		add_nexthop(LOCAL4 + o, f, RTN_LOCAL, 1, NULL);
		add_nexthop(LINK0 + o, f, RTN_UNICAST, 1, NULL);
		add_nexthop(LINK1 + o, f, RTN_UNICAST, 2, NULL);
		add_nexthop(GW0 + o, f, RTN_UNICAST, 1, v6 ? "2001:db8:1::2" : "10.0.1.2");
		add_nexthop(GW1 + o, f, RTN_UNICAST, 2, v6 ? "2001:db8:2::2" : "10.0.2.2");
		add_nexthop(BLACK + o, f, RTN_BLACKHOLE, 0, NULL);
		add_nexthop(UNREACH + o, f, RTN_UNREACHABLE, 0, NULL);
		add_nexthop(PROHIBIT + o, f, RTN_PROHIBIT, 0, NULL);
		add_group(GROUP + o, f, GW0 + o, GW1 + o);
		ok(dp_net_tables(ROUTER_NET, f, order, 2), "dp_net_tables");
		add_rules(f);
	}
	add_nexthop(BCAST4, AF_INET, RTN_BROADCAST, 1, NULL);
	add_route(RT_TABLE_LOCAL, "127.0.0.0", 8, LOCAL4);
	add_route(RT_TABLE_LOCAL, "10.0.1.1", 32, LOCAL4);
	add_route(RT_TABLE_LOCAL, "10.0.2.1", 32, LOCAL4);
	add_route(RT_TABLE_LOCAL, "10.0.1.255", 32, BCAST4);
	add_route(RT_TABLE_MAIN, "10.0.1.0", 24, LINK0);
	add_route(RT_TABLE_MAIN, "10.0.2.0", 24, LINK1);
	add_route(RT_TABLE_MAIN, "198.18.0.0", 15, GW1);
	add_route(RT_TABLE_MAIN, "192.0.2.0", 26, BLACK);
	add_route(RT_TABLE_MAIN, "192.0.2.64", 26, UNREACH);
	add_route(RT_TABLE_MAIN, "192.0.2.128", 26, PROHIBIT);
	add_route(RT_TABLE_MAIN, "203.0.113.0", 24, GROUP);
	add_route(RT_TABLE_LOCAL, "::1", 128, LOCAL4 + V6);
	add_route(RT_TABLE_LOCAL, "2001:db8:1::1", 128, LOCAL4 + V6);
	add_route(RT_TABLE_LOCAL, "2001:db8:2::1", 128, LOCAL4 + V6);
	add_route(RT_TABLE_MAIN, "2001:db8:1::", 64, LINK0 + V6);
	add_route(RT_TABLE_MAIN, "2001:db8:2::", 64, LINK1 + V6);
	add_route(RT_TABLE_MAIN, "2001:db8:ffff::", 48, GW1 + V6);
	add_route(RT_TABLE_MAIN, "2001:db8:a::", 48, BLACK + V6);
	add_route(RT_TABLE_MAIN, "2001:db8:b::", 48, UNREACH + V6);
	add_route(RT_TABLE_MAIN, "2001:db8:c::", 48, PROHIBIT + V6);
	add_route(RT_TABLE_MAIN, "2001:db8:d::", 48, GROUP + V6);
}

void router_start(unsigned int workers)
{
	char *argv[] = {"router", "--no-huge", "--no-shconf",    "--no-pci",
			"-m",     "64",        "--no-telemetry", "--log-level=error"};
	struct dp_conf conf = {
	    .workers = workers, .mbufs = 4095, .neigh_max = 1024, .punt_bytes = 1 << 20};

	ok(rte_eal_init(8, argv), "rte_eal_init");
	ok(dp_init(&conf), "dp_init");
	ok(dp_net_add(ROUTER_NET), "dp_net_add");
	for (unsigned int i = 0; i < ROUTER_PORTS; i++) {
		char name[8], text[32];
		int port;

		snprintf(name, sizeof(name), "port%u", i);
		port = dp_ring_port(name, -1);
		ok(port, "dp_ring_port");
		router_port[i] = (uint16_t)port;
		ok(dp_port_add(router_port[i], 1, 1), "dp_port_add");
		ok(dp_port_rxq(router_port[i], 0, i % workers), "dp_port_rxq");
		add_link(i);
		for (int host = 1; host <= 2; host++) {
			snprintf(text, sizeof(text), "10.0.%u.%d", i + 1, host);
			host == 1 ? add_addr(i, text) : add_neigh(i, text, 2);
			snprintf(text, sizeof(text), "2001:db8:%u::%d", i + 1, host);
			host == 1 ? add_addr(i, text) : add_neigh(i, text, 2);
		}
		join(i, "224.0.0.1");
		join(i, "ff02::1");
		join(i, "ff02::1:ff00:1");
	}
	add_loopback();
	add_virtuals();
	add_routes();
	add_virtual_routes();
	for (uint32_t w = 0; w < workers; w++)
		ok(dp_worker_enter(w), "dp_worker_enter");
}

void router_stop(void)
{
	dp_worker_exit(0);
	for (unsigned int i = 0; i < ROUTER_PORTS; i++)
		ok(dp_port_del(router_port[i]), "dp_port_del");
	dp_fini();
}

void router_send(unsigned int port, const void *frame, uint32_t len)
{
	dp_ring_port_send(router_port[port], frame, len);
}

int router_poll(void)
{
	return dp_worker_poll(0);
}

int router_recv(unsigned int port, void *buf, uint32_t room)
{
	return dp_ring_port_recv(router_port[port], buf, room);
}

void router_punts(uint32_t count[16])
{
	static char buf[1 << 20];
	int n;

	memset(count, 0, 16 * sizeof(count[0]));
	while ((n = dp_punt_read(buf, sizeof(buf), UINT32_MAX)) > 0) {
		for (int at = 0; at < n;) {
			struct dp_punt p;

			memcpy(&p, buf + at, sizeof(p));
			at += (int)(sizeof(p) + ((p.len + 7) & ~7u));
			if (p.reason >= DP_PUNT_MAX || p.len > p.pkt_len || at > n)
				abort();
			count[p.reason]++;
		}
	}
}

uint64_t router_drops(const char *reason)
{
	uint64_t drops[256];
	int n = dp_drops(0, drops, 256);

	for (int i = 0; i < n; i++)
		if (!strcmp(dp_drop_reason_name((uint32_t)i), reason))
			return drops[i];
	abort();
}
