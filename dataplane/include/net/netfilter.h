/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netfilter.h - hook points. A hook function takes a list and leaves in it what goes on; what it
 * drops, steals or queues it has disposed of. Without hooks a point is one predictable branch per
 * burst.
 */
#ifndef SKUA_NET_NETFILTER_H
#define SKUA_NET_NETFILTER_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>
#include <linux/netfilter.h>

#include <net/netdevice.h>

struct net;

struct nf_hook_state {
	struct softnet_data *sd;
	struct net *net;
	struct net_device *in; /* NULL where there is none */
	uint8_t hook;          /* NF_INET_* */
	uint8_t pf;            /* NFPROTO_IPV4, NFPROTO_IPV6 */
};

/* Filters list in place; returns how many go on (NF_ACCEPT). */
typedef unsigned int nf_hookfn(void *priv, struct sk_buff **list, unsigned int n,
			       const struct nf_hook_state *state);

struct nf_hook_ops {
	nf_hookfn *hook;
	void *priv;
	uint8_t pf;
	uint8_t hooknum;
	int priority; /* NF_IP_PRI_*: lower first */
};

struct nf_hook_entry {
	nf_hookfn *hook;
	void *priv;
};

/* The hooks of one point in the order of their priorities: replaced as a whole (RCU). */
struct nf_hook_entries {
	uint32_t num_hook_entries;
	int *priorities; /* the writer's */
	struct nf_hook_entry hooks[];
};

struct nf_net {
	struct nf_hook_entries *hooks_ipv4[NF_INET_NUMHOOKS];
	struct nf_hook_entries *hooks_ipv6[NF_INET_NUMHOOKS];
};

/* core.c */
unsigned int nf_hook_slow_list(const struct nf_hook_entries *e, struct sk_buff **list,
			       unsigned int n, const struct nf_hook_state *state);
/* Writer, under RTNL. -EINVAL, -ENOMEM, -ENOENT. */
int nf_register_net_hook(struct net *net, const struct nf_hook_ops *ops);
int nf_unregister_net_hook(struct net *net, const struct nf_hook_ops *ops);
void nf_net_exit(struct net *net);

#endif
