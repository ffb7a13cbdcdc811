/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * twin.c - host twins as workers see them: what of the packets for ourselves goes to the host's
 * sockets, and what those send.
 *
 * The control plane keeps what a kernel answers without a socket and must not be answered twice:
 * ARP, neighbour discovery, echo and timestamp requests. It shares what both need to see.
 */
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/napi.h>
#include <net/twin.h>

#include <netinet/ip_icmp.h>

#include <drivers/twin.h>

/* Packets that are fetched ahead. */
#define TWIN_PREFETCH 8

/* --- towards the host ------------------------------------------------------------------------- */

void twin_rcv(struct softnet_data *sd, struct sk_buff *skb, enum twin_prio prio)
{
	struct twin_rings *r = __atomic_load_n(&sd->twin, __ATOMIC_ACQUIRE);

	if (unlikely(!r)) {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_TWIN_GONE);
		return;
	}
	if (unlikely(rte_ring_sp_enqueue(r->to[prio], skb_mbuf(skb)))) {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_TWIN_FULL);
		return;
	}
	sd->twin_told = true;
}

void twin_mirror(struct softnet_data *sd, struct sk_buff *skb, enum dp_punt_reason reason,
		 uint8_t ipproto)
{
	struct dp_punt rec = {.reason = (uint16_t)reason, .ipproto = ipproto};
	enum skb_drop_reason drop = punt_send(sd, dev_net(skb->dev), skb, &rec);

	if (drop)
		kfree_skb_reason(sd, skb, drop);
	else
		twin_rcv(sd, skb, TWIN_URGENT);
}

static bool icmp_asks(const struct sk_buff *skb)
{
	uint32_t l4 = (uint32_t)skb->transport_header - skb->network_header;

	if (skb_network_headlen(skb) <= l4)
		return true; /* cut short: its counters are the control plane's */
	switch (skb_transport_header(skb)[0]) {
	case ICMP_ECHO:
	case ICMP_TIMESTAMP:
	case ICMP_ADDRESS:
		return true;
	}
	return false;
}

static bool link_scope(const struct sk_buff *skb)
{
	const struct ipv6hdr *hdr = ipv6_hdr(skb);

	if (skb->protocol == htons(ETH_P_IP))
		return ipv4_is_local_multicast(ip_hdr(skb)->daddr);
	return ipv6_addr_linklocal(&hdr->daddr) ||
	       (ipv6_addr_is_multicast(&hdr->daddr) && IPV6_MC_SCOPE(&hdr->daddr) <= 2);
}

/* Those that speak of neither ports nor errors: raw sockets hear them, by the link (IP_PKTINFO). */
static bool raw_only(uint8_t ipproto)
{
	switch (ipproto) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return false;
	}
	return true;
}

/*
 * A packet that came in by a member of a VRF is for sockets of the VRF (l3mdev_l3_rcv), but for
 * what means the link. Only where the host has a TAP in the place of the VRF: its own VRFs know.
 */
static void twin_l3mdev(struct sk_buff *skb, uint8_t ipproto)
{
	struct net_device *vrf;

	if (likely(!skb->dev->conf.master))
		return;
	vrf = dev_l3mdev(skb->dev);
	if (vrf && dev_has_twin(vrf) && !link_scope(skb) && !raw_only(ipproto))
		skb->dev = vrf;
}

static void twin_deliver(struct softnet_data *sd, struct sk_buff *skb, enum twin_prio prio,
			 uint8_t ipproto)
{
	twin_l3mdev(skb, ipproto);
	twin_rcv(sd, skb, prio);
}

bool twin_local_rcv(struct softnet_data *sd, struct sk_buff *skb, enum dp_punt_reason reason,
		    uint8_t ipproto)
{
	switch (reason) {
	case DP_PUNT_ND: {
		uint8_t type = skb_transport_header(skb)[0];

		/* router discovery is user space's too, and it may look at advertisements */
		if (type == NDISC_NEIGHBOUR_SOLICITATION || type == NDISC_REDIRECT)
			return false;
		twin_mirror(sd, skb, reason, ipproto);
		return true;
	}
	case DP_PUNT_IGMP:
		twin_mirror(sd, skb, reason, ipproto);
		return true;
	case DP_PUNT_ICMP:
		if (ipproto == IPPROTO_ICMP ? icmp_asks(skb)
					    : skb_transport_header(skb)[0] == ICMPV6_ECHO_REQUEST)
			return false;
		twin_deliver(sd, skb, TWIN_BULK, ipproto);
		return true;
	case DP_PUNT_CONTROL:
	case DP_PUNT_CS6:
		twin_deliver(sd, skb, TWIN_URGENT, ipproto);
		return true;
	default:
		twin_deliver(sd, skb, TWIN_BULK, ipproto);
		return true;
	}
}

void twin_rcv_other(struct softnet_data *sd, struct sk_buff *skb)
{
	switch (ntohs(skb->protocol)) {
	case 0 ... 1535: /* LLC: IS-IS, STP */
	case 0x8809:     /* slow protocols: LACP */
	case 0x888e:     /* EAPOL */
	case 0x88cc:     /* LLDP */
	case 0x8902:     /* CFM */
		twin_rcv(sd, skb, TWIN_URGENT);
		break;
	default:
		twin_rcv(sd, skb, TWIN_BULK);
	}
}

void __twin_wake(struct softnet_data *sd)
{
	sd->twin_told = false;
	wake_up(&twin_thread.wait);
}

/* --- from the host ---------------------------------------------------------------------------- */

/* Reports of groups that the host's sockets join: the control plane joins them too. */
static void twin_report(struct softnet_data *sd, const struct sk_buff *skb, uint8_t ipproto)
{
	struct dp_punt rec = {
	    .reason = DP_PUNT_IGMP,
	    .ipproto = ipproto,
	    .oif = skb->dev->ifindex,
	};

	punt_send(sd, dev_net(skb->dev), skb, &rec);
}

static bool is_mld(const struct sk_buff *skb)
{
	const uint8_t *p = skb_network_header(skb);

	/* a hop-by-hop header with the router alert of eight bytes, then ICMPv6 */
	if (skb_network_headlen(skb) <= sizeof(struct ipv6hdr) + 8 || p[6] != NEXTHDR_HOP ||
	    p[40] != NEXTHDR_ICMP || p[41])
		return false;
	return (p[48] >= 130 && p[48] <= 132) || p[48] == 143;
}

static void twin_xmit(struct softnet_data *sd, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;

	if (!netif_running(dev) && dev->type != DP_LINK_LOOPBACK) {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_DEV_READY);
	} else if (skb->pkt_type == PACKET_OUTGOING) {
		dev_queue_xmit(sd, dev, skb);
	} else if (skb->protocol == htons(ETH_P_IP)) {
		if (skb_network_headlen(skb) >= sizeof(struct iphdr) &&
		    ip_hdr(skb)->protocol == IPPROTO_IGMP)
			twin_report(sd, skb, IPPROTO_IGMP);
		ip_queue_xmit(sd, dev, skb);
	} else {
		if (is_mld(skb))
			twin_report(sd, skb, IPPROTO_ICMPV6);
		ip6_xmit(sd, dev, skb);
	}
}

/* The twin thread wrote it: its lines are another CPU's. The headers are behind a full headroom. */
static inline void twin_prefetch(struct rte_mbuf *m)
{
	__builtin_prefetch(m, 1);
	__builtin_prefetch(mbuf_skb(m), 1);
	__builtin_prefetch(rte_mbuf_buf_addr(m, skb_pool) + RTE_PKTMBUF_HEADROOM, 1);
}

unsigned int __twin_rx(struct softnet_data *sd, struct twin_rings *r)
{
	struct rte_mbuf *pkts[NAPI_BURST];
	unsigned int n = rte_ring_sc_dequeue_burst(r->from, (void **)pkts, NAPI_BURST, NULL);

	for (unsigned int i = 0; i < RTE_MIN(n, (unsigned int)TWIN_PREFETCH); i++)
		twin_prefetch(pkts[i]);
	for (unsigned int i = 0; i < n; i++) {
		if (i + TWIN_PREFETCH < n)
			twin_prefetch(pkts[i + TWIN_PREFETCH]);
		twin_xmit(sd, mbuf_skb(pkts[i]));
	}
	stage_end(sd, STAGE_TWIN, n);
	return n;
}
