/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * router.h - a small router in the calling thread, without root or hugepages, for C tests:
 *
 *     10.0.1.0/24, 2001:db8:1::/64  [port 0]  router  [port 1]  10.0.2.0/24, 2001:db8:2::/64
 *
 * Its addresses end in .1 and ::1. Neighbours .2 and ::2 are reachable on both sides, .9 and ::9
 * are not known. Behind 10.0.2.2 lie 198.18.0.0/15 and 2001:db8:ffff::/48; 192.0.2.0/26 is a
 * blackhole, .64/26 unreachable, .128/26 prohibited; 203.0.113.0/24 is a group of two ways.
 */
#ifndef SKUA_TESTS_FUZZ_ROUTER_H
#define SKUA_TESTS_FUZZ_ROUTER_H

#include <stdint.h>

#define ROUTER_NET   0
#define ROUTER_PORTS 2
#define ROUTER_VLAN  21 /* ifindexes: VLAN 100 of port 0, 802.1ad 200 of port 1, 7 on that */
#define ROUTER_VETH  24 /* and 25 */
#define ROUTER_DUMMY 26

extern uint16_t router_port[ROUTER_PORTS];

/* Addresses 02:00:00:00:00:p1 are the router's, 02:00:00:00:00:p2 the neighbours'. */
void router_mac(uint8_t mac[6], unsigned int port, unsigned int host);

/* workers: port p is polled by worker p % workers; one transmit queue for all of them. */
void router_start(unsigned int workers);
void router_stop(void);
/* One frame in; one turn of worker 0; one frame out (0: none). */
void router_send(unsigned int port, const void *frame, uint32_t len);
int router_poll(void);
int router_recv(unsigned int port, void *buf, uint32_t room);
/* Reads all punts; returns how many there were of each reason. */
void router_punts(uint32_t count[16]);
uint64_t router_drops(const char *reason);

#endif
