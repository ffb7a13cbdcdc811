// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd.h - between the files of fwd_bench.
 *
 *   fwd_bench.c    options, EAL, one case after another
 *   fwd_cases.c    what there is to measure: worlds, and cases in them
 *   fwd_router.c   the router: links, addresses, gateways, neighbours, routes
 *   fwd_tables.c   routers of more than one table of routes
 *   fwd_punts.c    packets that cannot be forwarded
 *   fwd_churn.c    routes that change
 *   fwd_lcores.c   two lcores
 *   fwd_memory.c   what tables weigh
 *   fwd_packets.c  frames, and the destinations that they get
 *   fwd_ports.c    rings, and the callback that gives received packets their destinations
 *   fwd_pcap.c     the same packets as files
 *   fwd_measure.c  rounds, counters, what is printed
 */
#ifndef SKUA_TESTS_BENCH_FWD_H
#define SKUA_TESTS_BENCH_FWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>

#include <rte_mbuf.h>

#include "dataplane.h"

#define PORTS_MAX  16
#define LCORES_MAX 2
#define PACKETS    1000 /* that go round between two ports, each way */
#define PCAP_MAX   1000 /* packets in a file */
#define GATEWAYS   32   /* of a port */
#define FRAME_MAX  1514 /* without FCS */
#define FRAME_64   60
#define VLAN_ID    100
#define FRAME_1500 1514 /* IP packets of 1,500 bytes */
#define ROUNDS_MAX 64
#define TABLE_ALL  0 /* of struct option: as many routes as the Internet has */

/* What main() was told. */
struct options {
	unsigned int rounds, cpu;
	double seconds;  /* of a round */
	uint32_t routes; /* of the large tables; TABLE_ALL */
	bool json;
	const char *pcap; /* a directory: packets come from its files for ever */
};
extern struct options opt;

enum traffic { UNIFORM, ONE_FLOW, ZIPF };
enum sizes { SIZE_64, SIZE_IMIX, SIZE_1500 };

/*
 * A router and the packets that suit it. Cases of one world are measured in one life of the data
 * plane, so that a large table is loaded once.
 */
struct world {
	const char *name;
	uint8_t family;
	uint8_t lcores;
	uint8_t ports; /* p is one end, p ^ 1 the other: what comes in on one leaves by the other */
	uint16_t packets; /* that go round on each port */
	uint32_t mbufs;
	uint32_t stamps; /* destinations per port, when it is not one flow */
	bool tagged;     /* frames have a tag of VLAN_ID; IPv4 of 64 bytes only */
	void (*load)(const struct world *w);
	/* A destination for packets received on port, network order, IPv4 in the first 4 bytes. */
	void (*draw)(unsigned int port, uint64_t *rnd, uint8_t dst[16]);
};

/* Sums over what was measured of a phase of a case, and its rounds. */
struct phase {
	uint64_t tsc; /* cycles of the lcores that forwarded */
	uint64_t rx, tx, port_tx[PORTS_MAX];
	uint64_t drops[256], punted, policed, full;
	double stages[32];           /* cycles per packet, best of the rounds */
	double cycles[ROUNDS_MAX];   /* per packet forwarded, or received when none should be */
	double received[ROUNDS_MAX]; /* per packet received */
	double restock[ROUNDS_MAX];  /* of that, for packets that take the place of others */
	double lcore[LCORES_MAX][ROUNDS_MAX]; /* of the packets of that lcore */
	double mpps[ROUNDS_MAX];
};

#define PHASES_MAX 3

struct bench_case;
struct source;

/* How a case differs from packets that are simply forwarded. */
struct variant {
	unsigned int
	    phases;       /* measured in turn in every round; the last one is the case's figure */
	double forwarded; /* the share of packets received that is; the rest goes by drops[] */
	const char *drops[4];
	double arg; /* of the hooks: a share of packets, changes per second */
	/* Replaces those of fwd_ports.c; puts other packets in the place of those that are gone. */
	uint16_t (*restock)(struct source *s, struct rte_mbuf **pkts, uint16_t n, uint16_t max);
	void (*begin)(const struct bench_case *c); /* before packets go round */
	void (*phase)(const struct bench_case *c, unsigned int phase);
	void (*during)(const struct bench_case *c, unsigned int phase); /* NULL: sleep */
	void (*end)(const struct bench_case *c);
	void (*extra)(const struct bench_case *c, const struct phase *phases);
};

struct bench_case {
	char name[48];
	const struct world *world;
	const struct variant *variant; /* NULL: all is forwarded */
	enum traffic traffic;
	enum sizes sizes;
};

/* What a received IPv4 packet is given. */
struct stamp4 {
	uint32_t daddr;
	uint16_t check; /* of a header of one length; for SIZE_IMIX the sum of all but the length */
	uint8_t ttl;
	uint8_t pad;
};
/* And IPv6: the hop limit is 64. */

/* Where the packets that a port receives come from. The worker of the port owns it. */
struct source {
	const void *stamps; /* struct stamp4 or struct in6_addr */
	uint32_t n, at;
	uint16_t (*stamp)(struct source *s, struct rte_mbuf **pkts, uint16_t n, uint16_t max);
	struct rte_ring *ring; /* what is sent by the other port; NULL: packets of a file */
	uint32_t packets;      /* that go round */
	uint32_t state;        /* enum source_state */
	uint32_t empty;        /* turns in which a draining source had nothing */
	uint64_t drained;
	uint64_t restock;   /* TSC */
	uint8_t header[34]; /* of a packet that takes a dropped one's place */
} __rte_cache_aligned;

enum source_state { SOURCE_RUN, SOURCE_DRAIN, SOURCE_WAIT };

extern struct source sources[PORTS_MAX];
extern uint16_t port_id[PORTS_MAX];

/* fwd_bench.c */
void ok(int rc, const char *what);
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* fwd_cases.c */
extern struct bench_case cases[];
size_t cases_make(void); /* how many there are */
const struct bench_case *case_find(const char *name);

/* fwd_packets.c */
void port_mac(uint8_t mac[6], unsigned int port);
/* The length of the i-th frame, without FCS. */
uint16_t frame_len(enum sizes sizes, unsigned int i);
/* A frame for port; dst NULL: to be stamped. */
void frame_make(uint8_t *frame, uint16_t len, unsigned int port, uint8_t family,
		const uint8_t *dst);
struct stamp4 stamp4_make(unsigned int port, const uint8_t *dst, uint8_t ttl, enum sizes sizes);
void stamps_make(const struct bench_case *c);
void stamps_free(const struct world *w);
/* The destination of a stamp. */
void stamp_dst(const struct world *w, unsigned int port, uint32_t i, uint8_t dst[16]);

/* fwd_ports.c */
void ports_make(unsigned int n);
void ports_start(const struct world *w);
void ports_stop(const struct world *w);
/* Packets go round, each stamped whenever it is received. */
void ports_prime(const struct bench_case *c);
void source_set(unsigned int port, enum source_state state);
/* Takes all packets off, and sees whether any was lost. */
void ports_drain(const struct bench_case *c);

/* fwd_pcap.c: DIR/fwd0.pcap and fwd1.pcap, what ports 0 and 1 receive */
void pcap_path(char *path, size_t room, const char *dir, unsigned int port);
void pcap_write(const struct bench_case *c, const char *dir);

/* fwd_router.c */
void router_links(const struct world *w);
void router_family(const struct world *w); /* gateways, local addresses, the world's routes */
#define OTHER_ID 4096                      /* nexthops from here on are nobody's yet */
uint32_t local_id(uint8_t family);
uint32_t gateway_id(uint8_t family, unsigned int port, uint32_t g);
void route_set(uint32_t table, uint8_t family, const void *dst, uint8_t plen, uint32_t nh);
void load_one(const struct world *w);
void load_full(const struct world *w);
void draw4_one(unsigned int port, uint64_t *rnd, uint8_t dst[16]);
void draw6_one(unsigned int port, uint64_t *rnd, uint8_t dst[16]);
void draw4_full(unsigned int port, uint64_t *rnd, uint8_t dst[16]);
void draw6_full(unsigned int port, uint64_t *rnd, uint8_t dst[16]);

/* Route i of the full table, bound to gateway g on the side that it leads to. */
struct dp_route table_route(uint8_t family, uint32_t i, uint32_t g);
uint32_t table_routes(void);
void table_forget(void);
/* An address of it. */
void table_address(uint8_t family, uint32_t i, uint64_t *rnd, uint8_t dst[16]);

/* fwd_tables.c */
void load_ecmp(const struct world *w);
void draw4_ecmp(unsigned int port, uint64_t *rnd, uint8_t dst[16]);
void load_vrf(const struct world *w);
void draw4_vrf(unsigned int port, uint64_t *rnd, uint8_t dst[16]);
void load_neigh(const struct world *w);
void draw4_neigh(unsigned int port, uint64_t *rnd, uint8_t dst[16]);
void load_vlan(const struct world *w);
void load_scan(const struct world *w);
void draw4_scan(unsigned int port, uint64_t *rnd, uint8_t dst[16]);

/* fwd_punts.c, fwd_churn.c, fwd_lcores.c */
extern const struct variant variant_ttl_5, variant_ttl_50, variant_scan_10, variant_scan_100;
extern const struct variant variant_churn_1k, variant_churn_100k, variant_lcores;

/* fwd_memory.c: loads both full tables and prints what they weigh */
void memory_print(const struct world *w4, const struct world *w6);

/* fwd_measure.c */
void measure(const struct bench_case *c);
void measured_end(void); /* after the last case */
void extra(const char *name, double value);
void sleep_seconds(double seconds);
double best(const double *v, unsigned int n);
double most(const double *v, unsigned int n);
double median(const double *v, unsigned int n);

#endif
