/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dataplane_stats.h - the counters of the seam (dataplane.h, which includes it): of links, drops,
 * MIBs, stages, workers. Read from any thread.
 */
#ifndef SKUA_DATAPLANE_STATS_H
#define SKUA_DATAPLANE_STATS_H

struct dp_link_stats {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
	uint64_t rx_errors, tx_errors, rx_dropped, tx_dropped;
	uint64_t multicast, rx_missed_errors, rx_nohandler, rx_length_errors;
};
int dp_link_stats(uint32_t net, uint32_t ifindex, struct dp_link_stats *out);

/* Drop reasons: index is enum skb_drop_reason; names as in the kernel without SKB_DROP_REASON_. */
uint32_t dp_drop_reasons(void);
const char *dp_drop_reason_name(uint32_t reason);
int dp_drops(uint32_t worker, uint64_t *out, uint32_t n);

/* SNMP MIBs of a net: DP_MIB_IP, _IP6, ... names as in /proc/net/snmp, netstat, snmp6. */
enum dp_mib { DP_MIB_IP, DP_MIB_IPEXT, DP_MIB_IP6, DP_MIB_MAX };
uint32_t dp_mib_size(uint32_t mib);
const char *dp_mib_name(uint32_t mib, uint32_t i);
int dp_mib_read(uint32_t net, uint32_t mib, uint64_t *out, uint32_t n);

struct dp_stage_stats {
	uint64_t cycles; /* TSC */
	uint64_t packets;
	uint64_t calls; /* bursts */
};
uint32_t dp_stages(void);
const char *dp_stage_name(uint32_t stage);
int dp_stage_read(uint32_t worker, struct dp_stage_stats *out, uint32_t n);

/*
 * Lengths of turns, TSC cycles, counted by four buckets per power of two: bucket i begins at
 * (4 + i % 4) << (i / 4 + 4), but bucket 0 at 0, and the last has no end.
 */
#define DP_TURN_BUCKETS 128
/* A gap: so long nobody looked at the queues of a worker, microseconds. */
#define DP_GAP_US  100
#define DP_GAP_LOG 64 /* a power of two */
struct dp_gap {
	uint64_t at, len; /* TSC: the start of the turn before it, and how long until the next */
};

struct dp_worker_stats {
	uint64_t polls, idle_polls;        /* turns of the loop; those that found nothing */
	uint64_t busy_cycles, idle_cycles; /* TSC */
	uint64_t packets;                  /* taken: received, looped back, injected */
	uint64_t turn_max;                 /* TSC: the longest turn that found something */
	uint64_t gap_max;         /* TSC: the longest from one turn's start to the next's */
	uint64_t gaps;            /* of those, over DP_GAP_US; sleep is no gap */
	uint64_t sleeps, wakeups; /* times asleep; those that something ended early */
	uint64_t sleep_cycles;    /* TSC */
	uint64_t tsc_hz;
	uint64_t punted[DP_PUNT_MAX];    /* handed over */
	uint64_t policed[DP_PUNT_MAX];   /* over the rate of the reason */
	uint64_t punt_full[DP_PUNT_MAX]; /* its ring was full: the control plane was too slow */
	uint64_t injected, inject_full;  /* taken; that found no room */
	/* Packets that a neighbour's hold queue, or all of them, had no room for: IPv4, IPv6. */
	uint64_t neigh_discards[2];
	/* Packets by software distribution: handed to other workers (those dropped included), taken
	   from others, dropped because the other's ring was full. */
	uint64_t rps_out, rps_in, rps_dropped;
	uint32_t lcore; /* DPDK lcore id */
	uint32_t pad;
	uint64_t turns[DP_TURN_BUCKETS];   /* turns that found something, by length */
	struct dp_gap gap_log[DP_GAP_LOG]; /* the last of gaps: the nth is at n % DP_GAP_LOG */
};
int dp_worker_read(uint32_t worker, struct dp_worker_stats *out);
/* Forgets turn_max and gap_max; everything else only grows. */
int dp_worker_reset(uint32_t worker);

/* The receive queues that a worker polls: fills up to n, returns how many there are. */
struct dp_rxq {
	uint16_t port;
	uint16_t queue;
};
int dp_worker_rxqs(uint32_t worker, struct dp_rxq *out, uint32_t n);

#endif
