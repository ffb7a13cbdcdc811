// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd.h - between the files of fwd_bench: its packets and ports (fwd_ports.c), and the router that
 * they go through (fwd_router.c).
 */
#ifndef SKUA_TESTS_BENCH_FWD_H
#define SKUA_TESTS_BENCH_FWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKETS  1000
#define FRAME    60 /* 64 bytes with FCS */
#define GATEWAYS 32

/* What the callback of a port writes into packets. */
struct stamp4 {
	uint32_t daddr;
	uint16_t check;
	uint16_t pad;
};
struct stamps {
	void *v; /* struct stamp4 or struct in6_addr */
	uint32_t n, at;
	uint8_t header[14 + 20]; /* written whole when packets come from a file: link and IPv4 */
};

extern struct stamps stamps[2];
extern uint16_t port_id[2];

void ok(int rc, const char *what);
void port_mac(uint8_t mac[6], unsigned int port);

/* fwd_ports.c */
void stamp4_set(unsigned int port, uint32_t i, uint32_t dst); /* dst in host order */
void stamps_make(uint32_t n, size_t size);
/* Two rings each the other's, or net_pcap devices that read one file for ever. */
void ports_make(bool pcap);
void ports_start(void);
/* Fills the rings with packets and restamps what is received. */
void ports_prime(uint8_t family);
void ports_stop(void);

/* fwd_router.c: links, addresses, gateways, neighbours, the local table; then the main one */
void router_make(uint8_t family);
void load4_one(void);
void load4_full(void);
void load6_one(void);
void load6_full(void);

#endif
