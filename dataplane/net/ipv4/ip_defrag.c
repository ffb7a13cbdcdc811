/* SPDX-License-Identifier: BSD-3-Clause */
/* ip_defrag.c - placeholder until reassembly */
#include <net/ip.h>
struct sk_buff *ip_defrag(struct softnet_data *sd, struct sk_buff *skb)
{
	(void)sd;
	return skb;
}
void ip_defrag_fini(struct softnet_data *sd)
{
	(void)sd;
}
