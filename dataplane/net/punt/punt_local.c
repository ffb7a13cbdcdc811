/* SPDX-License-Identifier: BSD-3-Clause */
/* punt_local.c - which packets for ourselves keep the network together. */
#include <net/punt.h>

#define DSCP_CS6 48 /* network control (RFC 2474 4.2.2.2, RFC 4594 3.1) */

static bool punt_udp_control(uint16_t port)
{
	switch (port) {
	case 520:  /* RIP (RFC 2453) */
	case 521:  /* RIPng (RFC 2080) */
	case 646:  /* LDP (RFC 5036) */
	case 3784: /* BFD (RFC 5881) */
	case 3785: /* BFD echo */
	case 4784: /* BFD multihop (RFC 5883) */
		return true;
	}
	return false;
}

enum dp_punt_reason punt_local_reason(const struct sk_buff *skb, uint8_t ipproto, uint8_t tos)
{
	uint32_t l4 = (uint32_t)skb->transport_header - skb->network_header;
	uint16_t ports[2] = {0};

	if (skb_network_headlen(skb) >= l4 + sizeof(ports))
		memcpy(ports, skb_transport_header(skb), sizeof(ports));
	switch (ipproto) {
	case 88:  /* EIGRP (RFC 7868) */
	case 89:  /* OSPF (RFC 2328, RFC 5340) */
	case 103: /* PIM (RFC 7761) */
	case 112: /* VRRP (RFC 5798) */
		return DP_PUNT_CONTROL;
	case IPPROTO_TCP:
		if (ports[0] == htons(179) || ports[1] == htons(179)) /* BGP (RFC 4271) */
			return DP_PUNT_CONTROL;
		break;
	case IPPROTO_UDP:
		if (punt_udp_control(ntohs(ports[1])))
			return DP_PUNT_CONTROL;
		break;
	}
	return tos >> 2 == DSCP_CS6 ? DP_PUNT_CS6 : DP_PUNT_LOCAL;
}
