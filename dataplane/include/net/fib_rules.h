/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fib_rules.h - rules that look at packets (fib_rules_lookup). A burst goes through them together:
 * a selector is asked of a column, and of the packets that it matches all at once go to the table.
 */
#ifndef SKUA_NET_FIB_RULES_H
#define SKUA_NET_FIB_RULES_H

#include <stdint.h>

#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/skbuff.h>

#define FIB_RULE_SRC   (1u << 0)
#define FIB_RULE_DST   (1u << 1)
#define FIB_RULE_MARK  (1u << 2)
#define FIB_RULE_TOS   (1u << 3)
#define FIB_RULE_PROTO (1u << 4)
#define FIB_RULE_SPORT (1u << 5)
#define FIB_RULE_DPORT (1u << 6)
/* What takes more of a packet than its header (fib_rule_requires_fldissect). */
#define FIB_RULE_FLDISSECT (FIB_RULE_PROTO | FIB_RULE_SPORT | FIB_RULE_DPORT)

/* An address and what of it counts, as two words that lie as in the packet; IPv4: the first half.
 */
struct fib_rule_prefix {
	uint64_t addr[2];
	uint64_t mask[2];
};

struct fib_rule {
	uint8_t action; /* enum dp_rule_action */
	uint8_t what;   /* FIB_RULE_*: what it asks for */
	uint8_t invert;
	uint8_t tos;
	uint8_t proto;
	uint16_t target;
	uint16_t sport, sport_span; /* first port, and how many follow */
	uint16_t dport, dport_span;
	int32_t suppress_ifgroup;
	uint32_t mark, mark_mask;
	struct fib_rule_prefix src, dst;
};

/* The table of a rule for each TOS. */
struct fib_rule_tos {
	struct fib_lookup of[FIB_TOS_MAX];
};

/* Rule i belongs to fib_tables.t[i]. */
struct fib_rules {
	uint32_t what; /* FIB_RULE_* of any rule */
	bool jumps;    /* some go to others */
	/* By rule; NULL: no table has a route for packets of a TOS. */
	const struct fib_rule_tos *tos;
	struct fib_rule rule[];
};

/*
 * What rules look at, of a burst: columns that fib_rules.what does not name need not be filled, but
 * for the TOS of IPv4.
 */
struct fib_flows {
	unsigned int n;
	unsigned int room; /* n up to a whole vector: the columns have that much */
	uint32_t mark[SKB_LIST_MAX] __rte_cache_aligned;
	uint16_t sport[SKB_LIST_MAX]; /* host order; 0: none */
	uint16_t dport[SKB_LIST_MAX];
	uint8_t tos[SKB_LIST_MAX];
	uint8_t proto[SKB_LIST_MAX];
	union {
		struct {
			uint32_t saddr[SKB_LIST_MAX] __rte_cache_aligned;
			uint32_t daddr[SKB_LIST_MAX]; /* as in the packet */
		};
		struct {
			uint64_t saddr6[2][SKB_LIST_MAX] __rte_cache_aligned; /* halves */
			uint64_t daddr6[2][SKB_LIST_MAX];
		};
	};
};

static inline void fib_flows_init(struct fib_flows *f, unsigned int n)
{
	f->n = n;
	f->room = (n + 15) & ~15u;
}

/*
 * Nexthop ids for the flows of a burst, all of which have daddr: 0 no route, NET_NEXTHOP_PROHIBIT
 * and _BLACKHOLE by rules. l has rules.
 */
void fib4_rules_lookup(const struct net *net, const struct fib_tables *l, const struct fib_flows *f,
		       uint32_t *id);
void fib6_rules_lookup(const struct net *net, const struct fib_tables *l, const struct fib_flows *f,
		       uint32_t *id);

/* Protocol and ports of packet i of a burst, as far as they can be told (skb_flow_dissect). */
void fib_flow_dissect4(struct fib_flows *f, unsigned int i, struct sk_buff *skb);
void fib_flow_dissect6(struct fib_flows *f, unsigned int i, struct sk_buff *skb);

/* Chooses the forms that this CPU runs best. */
void fib_rules_init(void);

#endif
