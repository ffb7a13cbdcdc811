/* SPDX-License-Identifier: BSD-3-Clause */
/* core.c - the hook points: running the hooks of one, and changing them under traffic. */
#include <errno.h>
#include <stdlib.h>

#include <lib/rcu.h>
#include <net/net_namespace.h>
#include <net/netfilter.h>

unsigned int nf_hook_slow_list(const struct nf_hook_entries *e, struct sk_buff **list,
			       unsigned int n, const struct nf_hook_state *state)
{
	for (uint32_t i = 0; n && i < e->num_hook_entries; i++)
		n = e->hooks[i].hook(e->hooks[i].priv, list, n, state);
	return n;
}

static struct nf_hook_entries **nf_hook_point(struct net *net, const struct nf_hook_ops *ops)
{
	if (ops->hooknum >= NF_INET_NUMHOOKS)
		return NULL;
	if (ops->pf == NFPROTO_IPV4)
		return &net->nf.hooks_ipv4[ops->hooknum];
	if (ops->pf == NFPROTO_IPV6)
		return &net->nf.hooks_ipv6[ops->hooknum];
	return NULL;
}

static struct nf_hook_entries *nf_entries_alloc(uint32_t n)
{
	struct nf_hook_entries *e =
	    malloc(sizeof(*e) + n * (sizeof(struct nf_hook_entry) + sizeof(int)));

	if (!e)
		return NULL;
	e->num_hook_entries = n;
	e->priorities = (int *)&e->hooks[n];
	return e;
}

static void nf_entries_free(void *arg)
{
	free(arg);
}

int nf_register_net_hook(struct net *net, const struct nf_hook_ops *ops)
{
	struct nf_hook_entries **pp = nf_hook_point(net, ops), *old, *e;
	uint32_t n, at = 0;

	if (!pp || !ops->hook)
		return -EINVAL;
	old = *pp;
	n = old ? old->num_hook_entries : 0;
	e = nf_entries_alloc(n + 1);
	if (!e)
		return -ENOMEM;
	/* behind those of the same priority: in the order of registration */
	while (at < n && old->priorities[at] <= ops->priority)
		at++;
	for (uint32_t i = 0; i < n; i++) {
		e->hooks[i + (i >= at)] = old->hooks[i];
		e->priorities[i + (i >= at)] = old->priorities[i];
	}
	e->hooks[at] = (struct nf_hook_entry){.hook = ops->hook, .priv = ops->priv};
	e->priorities[at] = ops->priority;
	__atomic_store_n(pp, e, __ATOMIC_RELEASE);
	return old ? rcu_defer(nf_entries_free, old) : 0;
}

int nf_unregister_net_hook(struct net *net, const struct nf_hook_ops *ops)
{
	struct nf_hook_entries **pp = nf_hook_point(net, ops), *old, *e = NULL;
	uint32_t n, at;

	if (!pp)
		return -EINVAL;
	old = *pp;
	n = old ? old->num_hook_entries : 0;
	for (at = 0; at < n; at++)
		if (old->hooks[at].hook == ops->hook && old->hooks[at].priv == ops->priv)
			break;
	if (at == n)
		return -ENOENT;
	if (n > 1) {
		e = nf_entries_alloc(n - 1);
		if (!e)
			return -ENOMEM;
		for (uint32_t i = 0; i < n - 1; i++) {
			e->hooks[i] = old->hooks[i + (i >= at)];
			e->priorities[i] = old->priorities[i + (i >= at)];
		}
	}
	__atomic_store_n(pp, e, __ATOMIC_RELEASE);
	return rcu_defer(nf_entries_free, old);
}

void nf_net_exit(struct net *net)
{
	for (int i = 0; i < NF_INET_NUMHOOKS; i++) {
		free(net->nf.hooks_ipv4[i]);
		free(net->nf.hooks_ipv6[i]);
		net->nf.hooks_ipv4[i] = NULL;
		net->nf.hooks_ipv6[i] = NULL;
	}
}
