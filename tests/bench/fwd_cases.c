// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_cases.c - what fwd_bench can measure. See fwd.h.
 *
 *   ipv{4,6}-{1-route,1M-routes,220k-routes}[-one-flow|-zipf][-imix|-1500]
 *                     one table by traffic by size of packets
 *   ipv{4,6}-ecmp8    65,536 flows over a group of 8 gateways
 *   ipv4-vrf16        16 links, each with a table of its own of 1,000 routes
 *   ipv4-neigh-10k    packets to 10,000 neighbours of a connected /16
 *   ipv4-vlan         from a VLAN of one port to a VLAN of the other
 *   ipv4-ttl-{5,50}   so many packets in a hundred come with a TTL of 1
 *   ipv4-scan16[-100] a tenth of them, or all, are for a connected /16 in which nobody answers; of
 *                     all, cycles are per packet received, because none is forwarded
 *   ipv4-churn-{1k,100k}, ipv6-churn-100k
 *                     so many route changes a second in the full table
 *   ipv4-lcores-2     two lcores, each with two ports of its own
 *
 * What the last four kinds say besides (extra), each round measured without and with it:
 *   slower                   cycles with / without it, median of the rounds; slower_best: of the
 *                            best; ttl and scan: per packet received
 *   cycles_received{,_without}, cycles_other
 *                            per packet received; of one that is not forwarded
 *   cycles_restock           per packet received, for those that take the place of others: in
 *                            cycles_best, and in none of the figures here
 *   punted policed full      what became of the punts, in packets
 *   changes_per_second       as reached; cycles_at_rest: without changes
 *   lcore{0,1}{,_alone}      cycles per packet of each lcore, beside the other one and alone
 *   mpps_{1,2} scaling       the first one alone, both; their ratio, median of the rounds
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fwd.h"

#define TWO_PORTS .lcores = 1, .ports = 2, .packets = PACKETS, .mbufs = 8191

static const struct world ipv4_one = {"ipv4-1-route",  AF_INET,          TWO_PORTS,
				      .stamps = 65536, .load = load_one, .draw = draw4_one};
static const struct world ipv4_full = {"ipv4-1M-routes",  AF_INET,           TWO_PORTS,
				       .stamps = 1 << 20, .load = load_full, .draw = draw4_full};
static const struct world ipv6_one = {"ipv6-1-route",  AF_INET6,         TWO_PORTS,
				      .stamps = 65536, .load = load_one, .draw = draw6_one};
static const struct world ipv6_full = {"ipv6-220k-routes", AF_INET6,          TWO_PORTS,
				       .stamps = 1 << 18,  .load = load_full, .draw = draw6_full};

static const struct world ipv4_ecmp = {"ipv4-ecmp8",    AF_INET,           TWO_PORTS,
				       .stamps = 65536, .load = load_ecmp, .draw = draw4_ecmp};
static const struct world ipv6_ecmp = {"ipv6-ecmp8",    AF_INET6,          TWO_PORTS,
				       .stamps = 65536, .load = load_ecmp, .draw = draw6_one};
static const struct world ipv4_neigh = {
    "ipv4-neigh-10k", AF_INET, TWO_PORTS, .stamps = 65536, .load = load_neigh, .draw = draw4_neigh};
/* As many packets as between two ports. */
static const struct world ipv4_vrf = {
    "ipv4-vrf16",  AF_INET,         .lcores = 1,      .ports = 16,      .packets = PACKETS / 8,
    .mbufs = 8191, .stamps = 65536, .load = load_vrf, .draw = draw4_vrf};
static const struct world ipv4_vlan = {"ipv4-vlan",     AF_INET,           TWO_PORTS,
				       .stamps = 65536, .load = load_vlan, .draw = draw4_one,
				       .tagged = true};
/* Some are held. */
static const struct world ipv4_scan = {
    "ipv4-scan16",  AF_INET,         .lcores = 1,       .ports = 2,       .packets = PACKETS,
    .mbufs = 16383, .stamps = 65536, .load = load_scan, .draw = draw4_one};
static const struct world ipv4_lcores = {
    "ipv4-lcores-2", AF_INET,         .lcores = 2,      .ports = 4,       .packets = PACKETS,
    .mbufs = 8191,   .stamps = 65536, .load = load_one, .draw = draw4_one};

/* Each by every kind of traffic in every mix of sizes. */
static const struct world *const matrix[] = {&ipv4_one, &ipv4_full, &ipv6_one, &ipv6_full};
static const char *const traffic_names[] = {"", "-one-flow", "-zipf"};
static const char *const size_names[] = {"", "-imix", "-1500"};

/* The others. */
static const struct bench_case specials[] = {
    {.name = "ipv4-ecmp8", .world = &ipv4_ecmp},
    {.name = "ipv6-ecmp8", .world = &ipv6_ecmp},
    {.name = "ipv4-vrf16", .world = &ipv4_vrf},
    {.name = "ipv4-neigh-10k", .world = &ipv4_neigh},
    {.name = "ipv4-vlan", .world = &ipv4_vlan},
    {.name = "ipv4-ttl-5", .world = &ipv4_one, .variant = &variant_ttl_5},
    {.name = "ipv4-ttl-50", .world = &ipv4_one, .variant = &variant_ttl_50},
    {.name = "ipv4-scan16", .world = &ipv4_scan, .variant = &variant_scan_10},
    {.name = "ipv4-scan16-100", .world = &ipv4_scan, .variant = &variant_scan_100},
    {.name = "ipv4-churn-1k", .world = &ipv4_full, .variant = &variant_churn_1k},
    {.name = "ipv4-churn-100k", .world = &ipv4_full, .variant = &variant_churn_100k},
    {.name = "ipv6-churn-100k", .world = &ipv6_full, .variant = &variant_churn_100k},
    {.name = "ipv4-lcores-2", .world = &ipv4_lcores, .variant = &variant_lcores},
};

struct bench_case
    cases[RTE_DIM(matrix) * RTE_DIM(traffic_names) * RTE_DIM(size_names) + RTE_DIM(specials)];

size_t cases_make(void)
{
	struct bench_case *c = cases;

	for (size_t w = 0; w < RTE_DIM(matrix); w++) {
		for (size_t t = 0; t < RTE_DIM(traffic_names); t++) {
			for (size_t s = 0; s < RTE_DIM(size_names); s++, c++) {
				c->world = matrix[w];
				c->traffic = (enum traffic)t;
				c->sizes = (enum sizes)s;
				snprintf(c->name, sizeof(c->name), "%s%s%s", matrix[w]->name,
					 traffic_names[t], size_names[s]);
			}
		}
		/* beside the others of its world: the table is loaded once */
		for (size_t i = 0; i < RTE_DIM(specials); i++)
			if (specials[i].world == matrix[w])
				*c++ = specials[i];
	}
	for (size_t i = 0; i < RTE_DIM(specials); i++)
		if (!case_find(specials[i].name))
			*c++ = specials[i];
	return (size_t)(c - cases);
}

const struct bench_case *case_find(const char *name)
{
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		if (cases[i].name[0] && !strcmp(cases[i].name, name))
			return &cases[i];
	return NULL;
}
