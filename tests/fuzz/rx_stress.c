/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rx_stress.c [SECONDS [SEED]] - the control plane changes everything while two workers forward,
 * which worker polls what and has which flows included. What is published badly or freed too early
 * shows under ASan; nothing else is asserted but that packets come through, that all that is handed
 * from one worker to another is taken, and that every one is back in its pool at the end.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <rte_mempool.h>

#include "dataplane.h"
#include "router.h"

#define WORKERS 2

static _Atomic int stop;
static _Atomic uint64_t received;

static uint64_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint16_t checksum(const uint8_t *p, int len)
{
	uint32_t sum = 0;

	for (int i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* A packet to somewhere that the changes concern. */
static uint32_t frame_make(uint8_t *f, uint64_t *s, unsigned int port)
{
	uint64_t r = rnd(s);
	uint8_t last = (uint8_t)(2 + r % 12);

	memset(f, 0, 100);
	router_mac(f, port, 1);
	router_mac(f + 6, port, 2);
	if (r & 0x100) {
		static const uint8_t net[4] = {2, 0xa, 0xd, 0xe};

		f[12] = 0x86;
		f[13] = 0xdd;
		f[14] = 0x60;
		f[19] = 20;
		f[20] = 17;
		f[21] = 64;
		memcpy(f + 22, (uint8_t[16]){0x20, 1, 0xd, 0xb8, 0, 1, [15] = 2}, 16);
		memcpy(f + 38, (uint8_t[16]){0x20, 1, 0xd, 0xb8, 0, net[r >> 9 & 3], [15] = last},
		       16);
		return 74;
	}
	f[12] = 8;
	f[14] = 0x45;
	f[17] = r & 0x200 ? 46 : 60; /* the second needs the padding: it is too short */
	f[20] = r & 0x400 ? 0x20 : 0;
	f[22] = 64;
	f[23] = 17;
	memcpy(f + 26, (uint8_t[4]){10, 0, 1, 2}, 4);
	switch (r >> 12 & 3) {
	case 0:
		memcpy(f + 30, (uint8_t[4]){10, 0, 2, last}, 4);
		break;
	case 1:
		memcpy(f + 30, (uint8_t[4]){203, 0, 113, last}, 4);
		break;
	case 2:
		memcpy(f + 30, (uint8_t[4]){198, 18, last, last}, 4);
		break;
	default:
		memcpy(f + 30, (uint8_t[4]){10, 0, 1, 1}, 4);
		break;
	}
	memcpy(f + 24, (uint16_t[]){checksum(f + 14, 20)}, 2);
	return r & 0x200 ? 60 : 74;
}

static void *worker(void *arg)
{
	unsigned int w = (unsigned int)(uintptr_t)arg;
	uint64_t s = 99 + w;
	uint8_t f[2048];

	while (!stop) {
		for (int i = 0; i < 16; i++)
			router_send(w, f, frame_make(f, &s, w));
		dp_worker_poll(w);
		while (router_recv(w, f, sizeof(f)) > 0)
			received++;
	}
	return NULL;
}

/* --- changes ---------------------------------------------------------------------------------- */

static void change_neigh(uint64_t r)
{
	static const uint16_t nud[] = {NUD_REACHABLE, NUD_STALE, NUD_INCOMPLETE, NUD_FAILED,
				       NUD_PERMANENT};
	struct dp_neigh n = {.net = ROUTER_NET, .ifindex = 1 + (r & 1), .nud = nud[r >> 8 & 3]};

	n.family = r & 2 ? AF_INET : AF_INET6;
	router_mac(n.lladdr, r & 1, 2);
	if (r & 2)
		memcpy(n.addr, (uint8_t[4]){10, 0, 1 + (r & 1), (uint8_t)(2 + (r >> 16) % 12)}, 4);
	else
		memcpy(n.addr,
		       (uint8_t[16]){0x20, 1, 0xd, 0xb8, 0,
				     1 + (r & 1), [15] = (uint8_t)(2 + (r >> 16) % 12)},
		       16);
	if (r & 0x30)
		dp_neigh_set(&n);
	else
		dp_neigh_del(&n);
	dp_neigh_used(&n);
}

static void change_nexthop(uint64_t r)
{
	uint8_t v6 = r & 1;
	struct dp_nexthop nh = {.net = ROUTER_NET,
				.id = 3 + (r >> 8) % 8 + v6 * 100,
				.family = v6 ? AF_INET6 : AF_INET,
				.type = RTN_UNICAST,
				.ifindex = 1 + (r >> 1 & 1),
				.scope = RT_SCOPE_LINK};
	struct dp_nh_member m[3] = {{3 + v6 * 100u, 1}, {4 + v6 * 100u, 2}, {5 + v6 * 100u, 3}};

	if (!(r & 0x70)) {
		dp_nexthop_del(ROUTER_NET, nh.id);
		return;
	}
	if (r & 4) {
		nh.flags = DP_NH_GATEWAY;
		nh.gw_family = nh.family;
		if (v6)
			memcpy(nh.gw,
			       (uint8_t[16]){
				   0x20, 1, 0xd, 0xb8, 0,
				   (uint8_t)nh.ifindex, [15] = (uint8_t)(2 + (r >> 16) % 12)},
			       16);
		else
			memcpy(
			    nh.gw,
			    (uint8_t[4]){10, 0, (uint8_t)nh.ifindex, (uint8_t)(2 + (r >> 16) % 12)},
			    4);
	} else if (r & 8 && nh.id % 100 > 5) {
		nh.n_members = 3;
		nh.ifindex = 0;
	} else if (!(r & 0x700000)) {
		nh.type = RTN_PROHIBIT;
		nh.ifindex = 0;
	}
	dp_nexthop_set(&nh, m);
}

static void change_route(uint64_t r)
{
	struct dp_route route = {.net = ROUTER_NET,
				 .table = r & 1 ? RT_TABLE_MAIN : 100,
				 .family = r & 2 ? AF_INET : AF_INET6,
				 .nh_id = r & 0x30 ? 3 + (r >> 8) % 8 : 0};

	if (r & 2) {
		route.plen = 24 + (r >> 16) % 9;
		memcpy(route.dst, (uint8_t[4]){198, 18, (uint8_t)(2 + (r >> 24) % 12)}, 4);
	} else {
		if (route.nh_id)
			route.nh_id += 100;
		route.plen = 48;
		memcpy(route.dst, (uint8_t[16]){0x20, 1, 0xd, 0xb8, 0, 0xe}, 16);
	}
	dp_route_set(&route, 1, NULL);
}

static void change_tables(uint64_t r)
{
	static const uint32_t order[3] = {RT_TABLE_LOCAL, 100, RT_TABLE_MAIN};
	uint8_t family = r & 1 ? AF_INET : AF_INET6;

	if (r & 2)
		dp_net_tables(ROUTER_NET, family, order, 3);
	else
		dp_net_tables(ROUTER_NET, family, (uint32_t[]){RT_TABLE_LOCAL, RT_TABLE_MAIN}, 2);
	if (!(r & 0x1c))
		dp_table_flush(ROUTER_NET, family, 100);
}

static void change_link(uint64_t r)
{
	uint32_t cursor = 1 + (r & 1);
	struct dp_link l;

	if (dp_link_dump(ROUTER_NET, &cursor, &l, 1) != 1)
		return;
	l.flags ^= r & 6 ? 0 : IFF_UP;
	l.mtu = r & 8 ? 1500 : 68;
	l.mtu6 = r & 8 ? 1500 : 1280;
	l.conf4 ^= r & 0x10 ? DP_CONF_RP_STRICT : 0;
	dp_link_set(&l);
}

static void change_addr(uint64_t r)
{
	struct dp_addr a = {.net = ROUTER_NET, .ifindex = 1 + (r & 1), .family = AF_INET};

	memcpy(a.addr, (uint8_t[4]){10, 0, 1, (uint8_t)(2 + (r >> 8) % 4)}, 4);
	r & 2 ? dp_addr_set(&a) : dp_addr_del(&a);
	memcpy(a.addr, (uint8_t[4]){224, 0, 0, (uint8_t)(r >> 8)}, 4);
	r & 2 ? dp_mcast_set(&a) : dp_mcast_del(&a);
}

/* Seldom: each waits for a turn of every worker. */
static void change_queues(uint64_t r)
{
	uint16_t port = router_port[r & 1];

	if (r >> 8 & 0x3f)
		return;
	if (r & 2)
		dp_port_rxq(port, 0, r >> 2 & 1);
	else
		dp_port_rps(port, r >> 2 & 3);
}

static void read_all(uint64_t r)
{
	static struct dp_neigh n[64];
	static struct dp_nexthop nh[64];
	static struct dp_route routes[64], last;
	uint32_t cursor = 0, punts[16];
	struct dp_inject inj = {.net = ROUTER_NET, .oif = 1 + (r & 1), .kind = DP_INJECT_RX};
	uint8_t f[2048];

	do
		dp_neigh_dump(ROUTER_NET, &cursor, n, 64);
	while (cursor);
	do
		dp_nexthop_dump(ROUTER_NET, &cursor, nh, 64);
	while (cursor);
	memset(&last, 0, sizeof(last));
	while (dp_route_dump(ROUTER_NET, 100, AF_INET, &last, routes, 64) > 0)
		;
	router_punts(punts);
	inj.len = frame_make(f, &r, r & 1);
	dp_inject(&inj, f);
}

int main(int argc, char **argv)
{
	static void (*const changes[])(uint64_t r) = {change_neigh, change_neigh,  change_nexthop,
						      change_route, change_tables, change_link,
						      change_addr,  read_all,      change_queues};
	uint64_t s = argc > 2 ? strtoull(argv[2], NULL, 0) | 1 : 12345, n = 0, out = 0, in = 0;
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	unsigned int full;
	uint8_t f[2048];
	pthread_t threads[WORKERS];

	router_start(WORKERS);
	full = rte_mempool_avail_count(dp_mempool());
	for (uintptr_t w = 0; w < WORKERS; w++)
		pthread_create(&threads[w], NULL, worker, (void *)w);
	while (time(NULL) < end) {
		uint64_t r = rnd(&s);

		changes[(r >> 48) % RTE_DIM(changes)](r);
		n++;
	}
	stop = 1;
	for (unsigned int w = 0; w < WORKERS; w++)
		pthread_join(threads[w], NULL);
	for (uint32_t i = 1; i <= 2; i++)
		dp_link_del(ROUTER_NET, i);
	dp_net_del(ROUTER_NET);
	/* one of them may have left much to the other */
	for (int taken = 1; taken > 0;) {
		taken = 0;
		for (uint32_t w = 0; w < WORKERS; w++)
			taken += dp_worker_poll(w);
	}
	for (unsigned int p = 0; p < ROUTER_PORTS; p++)
		while (router_recv(p, f, sizeof(f)) > 0)
			;
	for (uint32_t w = 0; w < WORKERS; w++) {
		struct dp_worker_stats st;

		dp_worker_read(w, &st);
		out += st.rps_out - st.rps_dropped;
		in += st.rps_in;
	}
	fprintf(stderr, "%llu changes, %llu frames came through, %llu by way of the other worker\n",
		(unsigned long long)n, (unsigned long long)received, (unsigned long long)in);
	if (out != in || !in) {
		fprintf(stderr, "%llu were handed over\n", (unsigned long long)out);
		return 1;
	}
	if (rte_mempool_avail_count(dp_mempool()) != full) {
		fprintf(stderr, "packets leak: %u of %u are in the pool\n",
			rte_mempool_avail_count(dp_mempool()), full);
		return 1;
	}
	router_stop();
	return received ? 0 : 1;
}
