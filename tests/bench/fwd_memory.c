// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_memory.c - what the full tables of both families weigh in one data plane, in bytes. See
 * fwd.h.
 *
 * *_fib is what the data plane says of each table, its RIB and what is mapped but empty included;
 * *_resident is by how much the process grew, hugepages included. The control plane's own records
 * of the routes are not here: out/skua is weighed for those.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include <net/core/dp_local.h>
#include <net/ip_fib.h>

#include "fwd.h"

/* A line of /proc/self/status, in bytes. */
static uint64_t status(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long long kb = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %llu", &kb);
	if (f)
		fclose(f);
	return kb << 10;
}

static uint64_t resident(void)
{
	malloc_trim(0);
	return status("VmRSS") + status("HugetlbPages");
}

/* Loads the table of w; returns the bytes that it says it has, and how many routes. */
static uint64_t table_load(const struct world *w, uint64_t *grown, uint32_t *routes)
{
	uint64_t before = resident();
	const struct net_fib *f;

	router_family(w);
	*routes = table_routes();
	table_forget();
	*grown = resident() - before;
	f = net_fib_find(net_table[0], w->family, RT_TABLE_MAIN);
	if (!f)
		fail("-m: there is no main table");
	return w->family == AF_INET ? fib_table_memory(f->tb4) : fib6_table_memory(f->tb6);
}

void memory_print(const struct world *w4, const struct world *w6)
{
	struct dp_conf conf = {.workers = w4->lcores, .mbufs = w4->mbufs};
	uint64_t fib4, fib6, grown4, grown6;
	uint32_t n4, n6;

	ports_make(w4->ports);
	ok(dp_init(&conf), "dp_init");
	ok(dp_net_add(0), "dp_net_add");
	ports_start(w4);
	router_links(w4);
	fib4 = table_load(w4, &grown4, &n4);
	fib6 = table_load(w6, &grown6, &n6);
	printf("{\"ipv4_routes\": %u, \"ipv4_fib\": %llu, \"ipv4_resident\": %llu,\n"
	       " \"ipv6_routes\": %u, \"ipv6_fib\": %llu, \"ipv6_resident\": %llu,\n"
	       " \"fib\": %llu, \"resident\": %llu}\n",
	       n4, (unsigned long long)fib4, (unsigned long long)grown4, n6,
	       (unsigned long long)fib6, (unsigned long long)grown6,
	       (unsigned long long)(fib4 + fib6), (unsigned long long)(grown4 + grown6));
	ports_stop(w4);
	dp_fini();
}
