/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_local.h - between the files that implement dataplane.h. The write half holds dp_lock
 * exclusively, the reading of structures shared; workers never take it.
 */
#ifndef SKUA_NET_CORE_DP_LOCAL_H
#define SKUA_NET_CORE_DP_LOCAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <lib/rcu.h>
#include <net/fib_filter.h>
#include <net/ip.h>
#include <net/net_namespace.h>

/* Written by every call: in a line of its own, for workers read what lies around it. */
struct dp_lock {
	pthread_rwlock_t rw;
} __rte_cache_aligned;

extern struct dp_lock dp_lock;
extern uint32_t dp_workers;   /* of dp_init(), 0: not initialised */
extern uint32_t dp_neigh_max; /* per net and family */
extern _Atomic bool dp_stopping;

static inline void dp_write_lock(void)
{
	pthread_rwlock_wrlock(&dp_lock.rw);
}
static inline void dp_read_lock(void)
{
	pthread_rwlock_rdlock(&dp_lock.rw);
}
static inline void dp_unlock(void)
{
	pthread_rwlock_unlock(&dp_lock.rw);
}

/* The net when it is there. */
static inline struct net *dp_net(uint32_t id)
{
	return id < DP_MAX_NETS ? net_table[id] : NULL;
}

/* The device when it is there. */
static inline struct net_device *dp_dev(const struct net *net, uint32_t ifindex)
{
	struct net_device *dev = ifindex < DP_MAX_LINKS ? net->devs[ifindex] : NULL;

	return dev && dev->present ? dev : NULL;
}

static inline bool dp_family_ok(uint8_t family)
{
	return family == AF_INET || family == AF_INET6;
}

static inline size_t dp_addr_len(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

/* Frees memory that workers may still read. Without memory for that: waits for them. */
void dp_free_rcu(void *p);

/* One routing table of a net. */
struct net_fib {
	uint32_t id;
	uint8_t family;
	struct fib_table *tb4;
	struct fib6_table *tb6;
	struct fib_filter *filter; /* NULL until the table is looked up before another */
	/* The same table without the routes up to a length: each throws. Made when a rule asks. */
	struct net_fib *suppressed;
	uint8_t suppress; /* of such a table: the length */
	bool suppressing; /* it is such a table */
	/*
	 * What packets of a TOS find, where some route is for them only; by FIB_TOS(), the first is
	 * never there. Whole tables: as a rule nobody has any, and who has need not wait for two.
	 */
	struct net_fib *tos[FIB_TOS_MAX];
	struct fib_table *over; /* of such a table: the prefixes that are not as for TOS 0 */
};

/* As dp_rules_set() said it. */
struct rules_order {
	uint32_t n;
	struct dp_rule rule[];
};

struct net_tables {
	uint32_t n;
	struct net_fib **fib;
	struct rules_order *order[2]; /* AF_INET, AF_INET6; NULL: none */
};

struct fib_cursor;

static inline uint32_t route_key4(const uint8_t *dst)
{
	uint32_t addr;

	memcpy(&addr, dst, 4);
	return ntohl(addr);
}

static inline struct in6_addr route_key6(const uint8_t *dst)
{
	struct in6_addr addr;

	memcpy(&addr, dst, 16);
	return addr;
}

/* dp_route.c */
struct net_fib *net_fib_find(struct net *net, uint8_t family, uint32_t id);
int net_fib_create(struct net *net, uint8_t family, uint32_t id, struct net_fib **out);
unsigned int net_fib_dump(const struct net_fib *f, struct fib_cursor *cur, struct dp_route *out,
			  unsigned int n);
/* What is left of f when routes up to a length do not count; NULL: no memory. */
struct net_fib *net_fib_suppressed(struct net *net, struct net_fib *f, uint8_t plen);
/* A new, empty structure for f. */
int net_fib_fill(const struct net *net, struct net_fib *f);
/* All that f has into to, which is new. */
int net_fib_copy(const struct net *net, const struct net_fib *f, struct net_fib *to);
int net_fib_set(const struct net *net, struct net_fib *f, const struct dp_route *r);
void net_fib_retire(struct net_fib *f);
void net_fib_free(struct net_fib *f);
void net_tables_free(struct net *net);

/* dp_route_tos.c */

/* A route for packets of any TOS, or of r->tos only (IPv4). */
int net_fib_set_any(const struct net *net, struct net_fib *f, const struct dp_route *r);
int net_fib_set_tos(struct net *net, struct net_fib *f, const struct dp_route *r);

/* dp_tables.c */

/* Builds anew what lookups of a family go through, for the net and its links: all or nothing. */
int net_lookups_publish(struct net *net, uint8_t family);
void dev_lookups_free(struct net_device *dev);
void net_lookups_free(struct net *net);

/* dp_nexthop.c */
void net_nexthops_fixed(struct net *net);

/* dp_nexthop.c, dp_neigh.c, dp_addr.c, dp_link.c: empty a net */
void net_nexthops_flush(struct net *net);
void net_neigh_flush(struct net *net);
void net_addr_flush_dev(struct net_device *dev);
void net_links_flush(struct net *net);

/* dp_port.c */
void dp_ports_reset(void);

/* dp_net.c */
void dp_nets_free(void);

#endif
