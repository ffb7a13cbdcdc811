/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_stats.c - counters read back. Workers go on counting meanwhile; each value is read whole. */
#include <errno.h>

#include <rte_ethdev.h>

#include <net/core/dp_local.h>
#include <net/punt.h>

static uint64_t read_once(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* --- drop reasons ----------------------------------------------------------------------------- */

#define FN(reason) #reason,
static const char *const drop_reasons[SKB_DROP_REASON_MAX] = {"NOT_DROPPED_YET",
							      DEFINE_DROP_REASON(FN)};
#undef FN

uint32_t dp_drop_reasons(void)
{
	return SKB_DROP_REASON_MAX;
}

const char *dp_drop_reason_name(uint32_t reason)
{
	return reason < SKB_DROP_REASON_MAX ? drop_reasons[reason] : NULL;
}

int dp_drops(uint32_t worker, uint64_t *out, uint32_t n)
{
	if (worker >= dp_workers)
		return -EINVAL;
	n = RTE_MIN(n, (uint32_t)SKB_DROP_REASON_MAX);
	for (uint32_t i = 0; i < n; i++)
		out[i] = read_once(&softnet_data[worker]->drops[i]);
	return (int)n;
}

/* --- MIBs ------------------------------------------------------------------------------------- */

struct mib_entry {
	const char *name;
	uint16_t field;
};

#define M(name, field)                                                                             \
	{                                                                                          \
		name, IPSTATS_MIB_##field                                                          \
	}

/* /proc/net/snmp Ip: (without Forwarding and DefaultTTL, which are settings) */
static const struct mib_entry mib_ip[] = {
    M("InReceives", INPKTS),
    M("InHdrErrors", INHDRERRORS),
    M("InAddrErrors", INADDRERRORS),
    M("ForwDatagrams", OUTFORWDATAGRAMS),
    M("InUnknownProtos", INUNKNOWNPROTOS),
    M("InDiscards", INDISCARDS),
    M("InDelivers", INDELIVERS),
    M("OutRequests", OUTREQUESTS),
    M("OutDiscards", OUTDISCARDS),
    M("OutNoRoutes", OUTNOROUTES),
    M("ReasmTimeout", REASMTIMEOUT),
    M("ReasmReqds", REASMREQDS),
    M("ReasmOKs", REASMOKS),
    M("ReasmFails", REASMFAILS),
    M("FragOKs", FRAGOKS),
    M("FragFails", FRAGFAILS),
    M("FragCreates", FRAGCREATES),
    M("OutTransmits", OUTPKTS),
};

/* /proc/net/netstat IpExt: */
static const struct mib_entry mib_ipext[] = {
    M("InNoRoutes", INNOROUTES),
    M("InTruncatedPkts", INTRUNCATEDPKTS),
    M("InMcastPkts", INMCASTPKTS),
    M("OutMcastPkts", OUTMCASTPKTS),
    M("InBcastPkts", INBCASTPKTS),
    M("OutBcastPkts", OUTBCASTPKTS),
    M("InOctets", INOCTETS),
    M("OutOctets", OUTOCTETS),
    M("InMcastOctets", INMCASTOCTETS),
    M("OutMcastOctets", OUTMCASTOCTETS),
    M("InBcastOctets", INBCASTOCTETS),
    M("OutBcastOctets", OUTBCASTOCTETS),
    M("InCsumErrors", CSUMERRORS),
    M("InNoECTPkts", NOECTPKTS),
    M("InECT1Pkts", ECT1PKTS),
    M("InECT0Pkts", ECT0PKTS),
    M("InCEPkts", CEPKTS),
    M("ReasmOverlaps", REASM_OVERLAPS),
};

/* /proc/net/snmp6 */
static const struct mib_entry mib_ip6[] = {
    M("Ip6InReceives", INPKTS),
    M("Ip6InHdrErrors", INHDRERRORS),
    M("Ip6InTooBigErrors", INTOOBIGERRORS),
    M("Ip6InNoRoutes", INNOROUTES),
    M("Ip6InAddrErrors", INADDRERRORS),
    M("Ip6InUnknownProtos", INUNKNOWNPROTOS),
    M("Ip6InTruncatedPkts", INTRUNCATEDPKTS),
    M("Ip6InDiscards", INDISCARDS),
    M("Ip6InDelivers", INDELIVERS),
    M("Ip6OutForwDatagrams", OUTFORWDATAGRAMS),
    M("Ip6OutRequests", OUTREQUESTS),
    M("Ip6OutDiscards", OUTDISCARDS),
    M("Ip6OutNoRoutes", OUTNOROUTES),
    M("Ip6ReasmTimeout", REASMTIMEOUT),
    M("Ip6ReasmReqds", REASMREQDS),
    M("Ip6ReasmOKs", REASMOKS),
    M("Ip6ReasmFails", REASMFAILS),
    M("Ip6FragOKs", FRAGOKS),
    M("Ip6FragFails", FRAGFAILS),
    M("Ip6FragCreates", FRAGCREATES),
    M("Ip6InMcastPkts", INMCASTPKTS),
    M("Ip6OutMcastPkts", OUTMCASTPKTS),
    M("Ip6InOctets", INOCTETS),
    M("Ip6OutOctets", OUTOCTETS),
    M("Ip6InMcastOctets", INMCASTOCTETS),
    M("Ip6OutMcastOctets", OUTMCASTOCTETS),
    M("Ip6InBcastOctets", INBCASTOCTETS),
    M("Ip6OutBcastOctets", OUTBCASTOCTETS),
    M("Ip6InNoECTPkts", NOECTPKTS),
    M("Ip6InECT1Pkts", ECT1PKTS),
    M("Ip6InECT0Pkts", ECT0PKTS),
    M("Ip6InCEPkts", CEPKTS),
    M("Ip6OutTransmits", OUTPKTS),
};
#undef M

static const struct {
	const struct mib_entry *entries;
	uint32_t n;
} mib_tables[DP_MIB_MAX] = {
    [DP_MIB_IP] = {mib_ip, RTE_DIM(mib_ip)},
    [DP_MIB_IPEXT] = {mib_ipext, RTE_DIM(mib_ipext)},
    [DP_MIB_IP6] = {mib_ip6, RTE_DIM(mib_ip6)},
};

uint32_t dp_mib_size(uint32_t mib)
{
	return mib < DP_MIB_MAX ? mib_tables[mib].n : 0;
}

const char *dp_mib_name(uint32_t mib, uint32_t i)
{
	return i < dp_mib_size(mib) ? mib_tables[mib].entries[i].name : NULL;
}

int dp_mib_read(uint32_t id, uint32_t mib, uint64_t *out, uint32_t n)
{
	struct net *net;

	if (mib >= DP_MIB_MAX)
		return -EINVAL;
	n = RTE_MIN(n, mib_tables[mib].n);
	dp_read_lock();
	net = dp_net(id);
	for (uint32_t i = 0; net && i < n; i++) {
		uint16_t field = mib_tables[mib].entries[i].field;

		out[i] = 0;
		for (uint32_t w = 0; w < dp_workers; w++) {
			const struct net_mib *m = &net->mib[w];

			out[i] +=
			    read_once(mib == DP_MIB_IP6 ? &m->ip6.mibs[field] : &m->ip.mibs[field]);
		}
	}
	dp_unlock();
	return net ? (int)n : -ENODEV;
}

/* --- links, stages, workers
 * ----------------------------------------------------------------------- */

int dp_link_stats(uint32_t id, uint32_t ifindex, struct dp_link_stats *out)
{
	struct rte_eth_stats eth;
	struct net_device *dev = NULL;
	struct net *net;
	uint16_t port;

	memset(out, 0, sizeof(*out));
	dp_read_lock();
	net = dp_net(id);
	if (net)
		dev = dp_dev(net, ifindex);
	for (uint32_t w = 0; dev && w < dp_workers; w++) {
		const struct net_device_stats *s = &dev->stats[w];

		out->rx_packets += read_once(&s->rx_packets);
		out->tx_packets += read_once(&s->tx_packets);
		out->rx_bytes += read_once(&s->rx_bytes);
		out->tx_bytes += read_once(&s->tx_bytes);
		out->rx_errors += read_once(&s->rx_errors);
		out->tx_errors += read_once(&s->tx_errors);
		out->rx_dropped += read_once(&s->rx_dropped);
		out->tx_dropped += read_once(&s->tx_dropped);
		out->multicast += read_once(&s->multicast);
		out->rx_nohandler += read_once(&s->rx_nohandler);
		out->rx_length_errors += read_once(&s->rx_length_errors);
	}
	port = dev ? dev->port : DP_PORT_NONE;
	if (port < RTE_MAX_ETHPORTS && netdev_ports[port].nb_txq &&
	    !rte_eth_stats_get(port, &eth)) {
		out->rx_missed_errors = eth.imissed;
		out->rx_errors += eth.ierrors;
		out->tx_errors += eth.oerrors;
	}
	dp_unlock();
	return dev ? 0 : -ENODEV;
}

static const char *const stage_names[STAGE_MAX] = {
    [STAGE_RX] = "ethdev_rx",
    [STAGE_RPS] = "netif_rps",
    [STAGE_BACKLOG] = "process_backlog",
    [STAGE_RECEIVE] = "netif_receive_skb_list",
    [STAGE_IP_RCV] = "ip_list_rcv",
    [STAGE_IP_ROUTE] = "ip_route_input_list",
    [STAGE_IP_FORWARD] = "ip_forward",
    [STAGE_IP_OUTPUT] = "ip_output",
    [STAGE_IP6_RCV] = "ipv6_list_rcv",
    [STAGE_IP6_ROUTE] = "ip6_route_input_list",
    [STAGE_IP6_FORWARD] = "ip6_forward",
    [STAGE_IP6_OUTPUT] = "ip6_output",
    [STAGE_INJECT] = "inject_rx",
    [STAGE_TWIN] = "twin_rx",
    [STAGE_TX] = "ethdev_tx_flush",
};

uint32_t dp_stages(void)
{
	return STAGE_MAX;
}

const char *dp_stage_name(uint32_t stage)
{
	return stage < STAGE_MAX ? stage_names[stage] : NULL;
}

int dp_stage_read(uint32_t worker, struct dp_stage_stats *out, uint32_t n)
{
	if (worker >= dp_workers)
		return -EINVAL;
	n = RTE_MIN(n, (uint32_t)STAGE_MAX);
	for (uint32_t i = 0; i < n; i++) {
		const struct dp_stage_stats *s = &softnet_data[worker]->stages[i];

		out[i].cycles = read_once(&s->cycles);
		out[i].packets = read_once(&s->packets);
		out[i].calls = read_once(&s->calls);
	}
	return (int)n;
}

int dp_worker_read(uint32_t worker, struct dp_worker_stats *out)
{
	if (worker >= dp_workers)
		return -EINVAL;
	*out = softnet_data[worker]->stats;
	out->inject_full = inject_full(worker);
	return 0;
}

/* The worker may meanwhile put in a length from before: nothing worse than asking a little early.
 */
int dp_worker_reset(uint32_t worker)
{
	if (worker >= dp_workers)
		return -EINVAL;
	__atomic_store_n(&softnet_data[worker]->stats.turn_max, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&softnet_data[worker]->stats.gap_max, 0, __ATOMIC_RELAXED);
	return 0;
}

int dp_worker_rxqs(uint32_t worker, struct dp_rxq *out, uint32_t n)
{
	const struct rxq_list *l;
	int total = 0;

	if (worker >= dp_workers)
		return -EINVAL;
	dp_read_lock();
	l = softnet_data[worker]->rxq;
	if (l)
		total = (int)l->n;
	for (uint32_t i = 0; i < RTE_MIN((uint32_t)total, n); i++)
		out[i] = (struct dp_rxq){.port = l->rxq[i].port, .queue = l->rxq[i].queue};
	dp_unlock();
	return total;
}
