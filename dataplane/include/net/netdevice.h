/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdevice.h - devices, and the worker that carries packets between them.
 *
 * A net_device is allocated once for its (net, ifindex) and never freed, so that a packet, a
 * nexthop or a neighbour that still names a deleted device meets one that is down, not freed
 * memory. The control plane (one writer) changes fields in place; each is read and written whole.
 */
#ifndef SKUA_NET_NETDEVICE_H
#define SKUA_NET_NETDEVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <net/if.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <rte_spinlock.h>

#include <dataplane.h>
#include <lib/wait.h>
#include <net/skbuff.h>
#include <net/snmp.h>

struct fib_tables;
struct net;
struct rules_order;
struct punt_rings;
struct inject_ring;
struct neigh_hold_table;
struct frag_table;
struct rps_ring;
struct twin;
struct twin_rings;

/* The six bytes of a MAC address as the low bytes of a little-endian word. */
#define ETH_ADDR_MASK 0x0000ffffffffffffULL

/* CPUs fetch lines in pairs: what one worker writes begins a pair of its own. */
#define SMP_ALIGN (2 * RTE_CACHE_LINE_SIZE)

/* Written by one worker, read by dp_link_stats(). */
struct net_device_stats {
	uint64_t rx_packets, tx_packets;
	uint64_t rx_bytes, tx_bytes;
	uint64_t rx_errors, tx_errors;
	uint64_t rx_dropped, tx_dropped;
	uint64_t multicast;
	uint64_t rx_nohandler;
	uint64_t rx_length_errors;
} __rte_aligned(SMP_ALIGN);

/* Groups that a device has joined, one family: replaced as a whole. */
struct mc_list {
	uint32_t n;
	uint8_t addr[][16];
};

/* Addresses of a device, in the order they were added: replaced as a whole. */
struct ifa_list {
	uint32_t n;
	struct dp_addr addr[];
};

struct net_device {
	/* Read per packet; written by the control plane. */
	uint64_t dev_addr; /* as ETH_ADDR_MASK */
	uint64_t hdr4;     /* bytes 6..13 of the link header of our IPv4 packets */
	uint64_t hdr6;     /* the same for IPv6 */
	uint32_t flags;    /* IFF_*, IFF_RUNNING: has carrier; 0: deleted */
	uint32_t conf4;    /* DP_CONF_* */
	uint32_t conf6;
	uint32_t mtu;
	uint32_t mtu6;
	uint32_t ifindex;
	uint16_t port; /* DP_PORT_NONE: no device behind it */
	uint8_t type;  /* enum dp_link_type */
	uint8_t present;
	uint32_t pad;

	struct net *net;
	struct fib_tables *fib[2]; /* its own, IPv4 and IPv6 (l3mdev); NULL: the net's. RCU */
	struct mc_list *mc_list4;  /* RCU */
	struct mc_list *mc_list6;
	struct ifa_list *ifa_list;       /* RCU */
	struct nexthop *linklocal;       /* fe80::/64 on this link */
	struct net_device *lower;        /* of a (mac)VLAN the real device, of a veth its peer */
	struct vlan_group *vlgrp;        /* the VLANs on it; NULL: there never was one */
	uint32_t vlan_tag;               /* of a VLAN: protocol and id as on the wire */
	struct macvlan_port *macvlan;    /* the macvlans on it; NULL: none. RCU */
	uint64_t vlan_egress;            /* of a VLAN: PCP of priority i in bits 4i */
	struct twin *twin;               /* in the host; workers only ask whether there is one */
	struct dp_link conf;             /* as last set; the writer's */
	struct inet_ifaddr **ifa_hashed; /* those of ifa_list; the writer's */
	struct rules_order *order[2];

	struct net_device_stats stats[DP_MAX_WORKERS];
} __rte_cache_aligned;

static inline bool netif_running(const struct net_device *dev)
{
	return dev->flags & IFF_UP;
}

/* --- stages: where the cycles go -------------------------------------------------------------- */

enum dp_stage {
	STAGE_RX,         /* rte_eth_rx_burst */
	STAGE_RPS,        /* the hash of each packet, and rings to other workers */
	STAGE_BACKLOG,    /* what other workers handed over */
	STAGE_RECEIVE,    /* eth_type_trans and dispatch by EtherType */
	STAGE_IP_RCV,     /* header checks, PRE_ROUTING */
	STAGE_IP_ROUTE,   /* FIB, martians, source validation */
	STAGE_IP_FORWARD, /* TTL, MTU, FORWARD */
	STAGE_IP_OUTPUT,  /* POST_ROUTING, fragmentation, neighbour */
	STAGE_IP6_RCV,
	STAGE_IP6_ROUTE,
	STAGE_IP6_FORWARD,
	STAGE_IP6_OUTPUT,
	STAGE_INJECT, /* packets of the control plane */
	STAGE_TWIN,   /* packets of the host's sockets */
	STAGE_TX,     /* rte_eth_tx_burst */
	STAGE_MAX,
};

/* --- ports and queues ------------------------------------------------------------------------- */

/* Packets that wait for their port's transmit burst, in order. */
struct tx_queue {
	uint16_t n;
	uint16_t port;
	bool listed;            /* in softnet_data.dirty */
	struct net_device *dev; /* of the packets in it: whose counters they go to */
	uint64_t bytes;
	struct rte_mbuf *pkts[SKB_LIST_MAX];
};

struct rx_queue {
	uint16_t port;
	uint16_t queue;
	uint8_t rps_len;                  /* 0: what is received stays with the worker */
	uint8_t rps_cpus[DP_MAX_WORKERS]; /* workers that its flows are spread over */
};

/* What a worker polls: replaced as a whole (RCU). */
struct rxq_list {
	uint32_t n;
	struct rx_queue rxq[];
};

#define LOOPBACK_IFINDEX 1
#define NETDEV_MAX_RXQ   64

/* How a receive queue tells a sleeping worker that a packet came. */
enum rxq_signal {
	RXQ_SILENT,     /* not at all: the worker has to look */
	RXQ_WAKES,      /* who fills it calls softnet_wake_rxq() */
	RXQ_INTERRUPTS, /* the device's interrupt for the queue */
};

/* A port as the data plane knows it; written by the control plane. */
struct netdev_port {
	/* Read per burst. */
	struct net_device *dev; /* the link on it, NULL: none */
	uint16_t nb_rxq;
	uint16_t nb_txq;    /* 0: not ours */
	uint16_t tx_shared; /* bit of a worker: others have its queue too, take _xmit_lock */
	uint8_t txq[DP_MAX_WORKERS]; /* of each worker */

	/* The writer's. */
	uint16_t rps_mask;                  /* workers that flows are spread over */
	uint16_t rps_polled;                /* those that they are */
	uint8_t rxq_worker[NETDEV_MAX_RXQ]; /* who is to poll a queue */
	uint8_t rxq_polled[NETDEV_MAX_RXQ]; /* who polls it, DP_MAX_WORKERS: nobody */
	uint8_t rxq_signal[NETDEV_MAX_RXQ]; /* enum rxq_signal */
} __rte_cache_aligned;

/* The lock of a transmit queue that several workers have. */
struct netdev_queue {
	rte_spinlock_t _xmit_lock;
} __rte_cache_aligned;

extern struct netdev_port netdev_ports[RTE_MAX_ETHPORTS];
extern struct netdev_queue netdev_txqs[RTE_MAX_ETHPORTS][DP_MAX_WORKERS];

/* --- the worker ------------------------------------------------------------------------------- */

/* Packets of our own looped back, received on the next turn (netif_rx). */
#define BACKLOG_MAX 1024

/* All that one worker owns. Nobody else writes it but for the rings' other ends. */
struct softnet_data {
	uint32_t worker;
	uint32_t n_dirty;  /* ports with packets in their tx_queue */
	uint32_t n_tagged; /* of the burst under way, see tagged */
	uint16_t dirty[RTE_MAX_ETHPORTS];
	struct rxq_list *rxq; /* RCU, written by the control plane */
	uint32_t rps_from;    /* workers that may hand packets to this one; control plane */
	uint32_t rps_told;    /* workers that were handed packets and not woken yet */
	struct rps_ring *rps_in[DP_MAX_WORKERS];  /* from each; control plane */
	struct rps_ring *rps_out[DP_MAX_WORKERS]; /* to each; control plane */
	struct punt_rings *punt;
	struct inject_ring *inject;
	struct rte_ring *neigh_events; /* struct dp_neigh to apply to what is held */
	struct neigh_hold_table *hold;
	struct frag_table *frags;
	struct twin_rings *twin; /* NULL: there are no host twins */
	bool twin_told;          /* the twin thread was given something this turn */
	uint64_t now;            /* TSC at the start of the turn */
	uint32_t vrf_recursion;  /* VRFs that a packet is being sent by */

	struct dp_stage_stats stages[STAGE_MAX];
	uint64_t stage_tsc; /* when the current stage began */
	uint64_t turn_tsc;  /* when the turn before began; 0: there was none, or we slept since */
	uint64_t idle_tsc; /* when the first of the turns without packets began; 0: there is none */
	struct dp_worker_stats stats;
	uint64_t drops[SKB_DROP_REASON_MAX];

	uint32_t n_dead; /* dropped, and not yet given back */
	struct rte_mbuf *dead[SKB_LIST_MAX];

	struct sk_buff *tagged[NAPI_BURST]; /* untagged for their VLAN, skb->dev */

	uint32_t backlog_head, backlog_tail;
	struct sk_buff *backlog[BACKLOG_MAX];

	struct tx_queue tx[RTE_MAX_ETHPORTS];

	struct wait_queue_head wait __rte_cache_aligned; /* read by whoever has something for us */
	int epfd;                                        /* interrupts of the receive queues */
	_Atomic bool running;                            /* it takes turns, or will when woken */
} __rte_cache_aligned;

extern struct softnet_data *softnet_data[DP_MAX_WORKERS];
extern struct rte_mempool *skb_pool;

/* Charges the cycles since the last stage_end() to a stage: once per burst. */
static inline void stage_end(struct softnet_data *sd, enum dp_stage stage, unsigned int packets)
{
	uint64_t now = rte_rdtsc();
	struct dp_stage_stats *s = &sd->stages[stage];

	s->cycles += now - sd->stage_tsc;
	s->packets += packets;
	s->calls++;
	sd->stage_tsc = now;
}

static inline struct net_device_stats *dev_stats(const struct softnet_data *sd,
						 struct net_device *dev)
{
	return &dev->stats[sd->worker];
}

/* --- net_rx_action.c, dev.c ------------------------------------------------------------------- */

/* One turn: every receive queue, then the inject ring, then transmit. Returns packets taken. */
unsigned int net_rx_action(struct softnet_data *sd);

/* Frames received on dev: link header, dispatch by EtherType. Consumes all. n <= NAPI_BURST. */
void netif_receive_skb_list(struct softnet_data *sd, struct net_device *dev, struct rte_mbuf **pkts,
			    unsigned int n);

/* The same where another address makes a frame ours; dev is up. */
void netif_receive_skb_addr(struct softnet_data *sd, struct net_device *dev, uint64_t dev_addr,
			    struct rte_mbuf **pkts, unsigned int n);

/* drivers/ */
unsigned int ethdev_rx(struct softnet_data *sd);
void ethdev_xmit(struct softnet_data *sd, struct tx_queue *txq);
void ethdev_tx_flush(struct softnet_data *sd);
/* As received on dev, on this worker's next turn (netif_rx); false: no room, counted, dropped. */
bool netif_rx(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);
unsigned int netif_rx_backlog(struct softnet_data *sd);
void loopback_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);
void veth_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);
void vrf_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);
void dummy_xmit(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);

/* dev.c: as dev_txq(), whatever there is to do first */
struct tx_queue *dev_txq_slow(struct softnet_data *sd, struct net_device *dev, unsigned int n);
/* Frames for a device without a queue: virtual devices, or dropped. */
void dev_xmit_noqueue(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		      unsigned int n);

/* The queue of a device, with room for n packets; NULL: it cannot transmit, or is the loopback. */
static inline struct tx_queue *dev_txq(struct softnet_data *sd, struct net_device *dev,
				       unsigned int n)
{
	struct tx_queue *txq;

	if (unlikely(~dev->flags & (IFF_UP | IFF_RUNNING) || dev->port >= RTE_MAX_ETHPORTS))
		return dev_txq_slow(sd, dev, n);
	txq = &sd->tx[dev->port];
	if (unlikely(txq->dev != dev || txq->n + n > SKB_LIST_MAX || !txq->n))
		return dev_txq_slow(sd, dev, n);
	return txq;
}

/*
 * Queues a frame (data at the link header) for the port of dev; it leaves in a burst at the end of
 * the turn at the latest, in order. Consumes it.
 */
static inline void dev_queue_xmit(struct softnet_data *sd, struct net_device *dev,
				  struct sk_buff *skb)
{
	struct tx_queue *txq = dev_txq(sd, dev, 1);

	if (unlikely(!txq)) {
		dev_xmit_noqueue(sd, dev, &skb, 1);
		return;
	}
	txq->pkts[txq->n++] = skb_mbuf(skb);
	txq->bytes += skb_mbuf(skb)->pkt_len;
}

/* The same for n frames of bytes in all: n is 1 to SKB_LIST_MAX. */
static inline void dev_queue_xmit_list(struct softnet_data *sd, struct net_device *dev,
				       struct sk_buff **list, unsigned int n, uint64_t bytes)
{
	struct tx_queue *txq = dev_txq(sd, dev, n);

	if (unlikely(!txq)) {
		dev_xmit_noqueue(sd, dev, list, n);
		return;
	}
	for (unsigned int i = 0; i < n; i++)
		txq->pkts[txq->n + i] = skb_mbuf(list[i]);
	txq->n = (uint16_t)(txq->n + n);
	txq->bytes += bytes;
}

/* Whether dev joined group (16 bytes; IPv4 in the first 4). */
bool dev_mc_joined(const struct net_device *dev, uint8_t family, const void *group);

#endif
