/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dataplane.h - the one seam between the control plane (Go) and the data plane (C).
 *
 * Everything that crosses is a value: a struct that names its object in full (net, ifindex,
 * prefix, ...) and may be said twice with the same effect. No call keeps a pointer that it was
 * given. All calls of the "write" half are made by one thread at a time (the holder of RTNL);
 * they return 0 or a negative errno, and when they return, every lcore that starts a burst from
 * then on sees the change. The "read" half may be called from any thread.
 *
 * Packets cross by copy: dp_punt_read() (C to Go) and dp_inject_burst() (Go to C).
 */
#ifndef SKUA_DATAPLANE_H
#define SKUA_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DP_MAX_NETS     64    /* instances of the stack */
#define DP_MAX_LINKS    16384 /* ifindexes per net: 1 .. DP_MAX_LINKS - 1 */
#define DP_MAX_WORKERS  16    /* poll-mode lcores */
#define DP_MAX_TABLES   4096  /* routing tables in all, both families */
#define DP_MAX_NEXTHOPS (1u << 20)
#define DP_MAX_GROUP    256 /* members of a nexthop group */
#define DP_PORT_NONE    UINT16_MAX
#define DP_IFNAMSIZ     16

/* --- life ---------------------------------------------------------------------------------- */

struct dp_conf {
	uint32_t workers;      /* 1 .. DP_MAX_WORKERS */
	uint32_t mbufs;        /* mbufs in the packet pool */
	uint32_t mbuf_data;    /* bytes of data room per mbuf, without headroom; 0: 2048 */
	uint32_t neigh_max;    /* neighbour entries per net and family; 0: 131072 */
	uint32_t punt_bytes;   /* about that much for punts per worker, a power of two; 0: 4 MiB */
	uint8_t hash_seed[40]; /* key of the flow hash: random for a router, fixed for a test */
};

/* Builds pools, rings, tables. After rte_eal_init(). -ENOMEM, -EINVAL. */
int dp_init(const struct dp_conf *conf);
void dp_fini(void);

/* The life of a worker: polls its queues until dp_stop(). Never enters Go. arg: worker index. */
int dp_worker_main(void *arg);
void dp_stop(void);

/*
 * What a worker does that finds nothing for some 50 microseconds. DP_IDLE_SLEEP: it sleeps until a
 * packet comes when all its receive queues can tell; else for a time that doubles up to
 * max_sleep_us (1 .. 1000000), and looks. May be said at any time; before, a worker polls.
 */
enum dp_idle { DP_IDLE_SLEEP, DP_IDLE_POLL };
int dp_idle_conf(uint32_t mode, uint32_t max_sleep_us);

/*
 * One turn of the poll loop on the calling thread, for tests that want to be the clock.
 * Returns the number of packets received plus injected packets taken. The caller must have
 * registered the thread with dp_worker_enter(), once, and be the only one that is this worker.
 */
int dp_worker_enter(uint32_t worker);
int dp_worker_poll(uint32_t worker);
void dp_worker_exit(uint32_t worker);

/* --- ports --------------------------------------------------------------------------------- */

/* A started ethdev port is handed to the data plane, or taken back (queues are drained). */
int dp_port_add(uint16_t port, uint16_t nb_rxq, uint16_t nb_txq);
int dp_port_del(uint16_t port);
/* Which worker polls a receive queue. By default queue q is polled by worker q % workers. */
int dp_port_rxq(uint16_t port, uint16_t queue, uint32_t worker);
/*
 * Software distribution (receive packet steering): what is received on a port is spread by flow
 * over these workers, a bit each; both directions of a flow come to the same one. 0: it stays with
 * the worker that polls.
 */
int dp_port_rps(uint16_t port, uint32_t workers);

/* The mempool that receive queues are to be filled from (a struct rte_mempool *). */
void *dp_mempool(void);

/*
 * A port without a driver: a pair of rings (drivers/ring.c). With fd >= 0 a C thread moves frames
 * between the rings and that TAP (IFF_NO_PI | IFF_VNET_HDR) file descriptor and owns it; with
 * fd < 0 frames go in by dp_ring_port_send() and come out by dp_ring_port_recv(). Returns the
 * new ethdev port id, already started, or a negative errno. Closed by dp_port_del().
 */
int dp_ring_port(const char *name, int fd);
int dp_ring_port_send(uint16_t port, const void *frame, uint32_t len);
/* One frame that the stack transmitted: its length, 0 when there is none, -EMSGSIZE. */
int dp_ring_port_recv(uint16_t port, void *buf, uint32_t room);

/* What went through the file of a TAP: frames as its kernel has them, packets as a wire would. */
struct dp_tun_stats {
	uint64_t rx_frames, rx_bytes, rx_packets; /* that it gave us, and what those became */
	uint64_t tx_frames, tx_bytes, tx_packets; /* that it got, and of what those were made */
	uint64_t rx_dropped, tx_dropped; /* packets: no room, or a header that lies; not taken */
};
int dp_ring_port_stats(uint16_t port, struct dp_tun_stats *out); /* -ENODEV: no TAP behind it */

/* --- net ----------------------------------------------------------------------------------- */

int dp_net_add(uint32_t net);
int dp_net_del(uint32_t net);

enum dp_net_key {
	DP_NET_MULTIPATH_HASH_POLICY, /* 0: L3, 1: L4 5-tuple (fib_multipath_hash_policy) */
	DP_NET_MULTIPATH_HASH_POLICY6,
	DP_NET_CUSTOM_RULES, /* IPv4 sources are checked by the rules, not by own addresses */
	DP_NET_CUSTOM_RULES6,
	DP_NET_KEY_MAX,
};
int dp_net_conf(uint32_t net, uint32_t key, uint32_t value);

/*
 * What a lookup goes through (fib_rules): each rule that matches a packet asks its table, until one
 * yields something other than "no route" or RTN_THROW. What does not depend on the packet (iif,
 * l3mdev, uid) was decided before. GOTO: on with the rule at target; the last three end a lookup.
 */
enum dp_rule_action {
	DP_RULE_TABLE,
	DP_RULE_GOTO,
	DP_RULE_UNREACHABLE,
	DP_RULE_PROHIBIT,
	DP_RULE_BLACKHOLE,
	DP_RULE_ACTION_MAX,
};
#define DP_RULE_INVERT (1u << 0) /* the packets that the selectors do not match */
#define DP_MAX_RULES   32768     /* of a list */

/* A selector that is 0 matches every packet. */
struct dp_rule {
	uint8_t action, flags; /* enum dp_rule_action, DP_RULE_INVERT */
	uint8_t tos, ipproto;  /* tos: the DS field, without ECN */
	uint8_t src_len, dst_len, pad[2];
	uint32_t table;
	uint32_t target; /* index of a later rule, n: the end */
	uint32_t mark, mark_mask;
	uint16_t sport[2], dport[2]; /* first and last, host order */
	/* Routes of that length and shorter, over links of that group, do not count; -1: all do. */
	int32_t suppress_prefixlen, suppress_ifgroup;
	uint8_t src[16], dst[16]; /* network order, no bits beyond the length */
};

/*
 * Replaced as a whole: with ifindex 0 for the net, else for the packets that a link receives, in
 * place of the net's (iif, l3mdev; n 0: the net's again). -E2BIG, -EINVAL, -ENODEV, -ENOMEM.
 */
int dp_rules_set(uint32_t net, uint32_t ifindex, uint8_t family, const struct dp_rule *rules,
		 uint32_t n);
/* The same with rules that only ask tables. */
int dp_net_tables(uint32_t net, uint8_t family, const uint32_t *tables, uint32_t n);
int dp_link_tables(uint32_t net, uint32_t ifindex, uint8_t family, const uint32_t *tables,
		   uint32_t n);

/* --- links --------------------------------------------------------------------------------- */

enum dp_link_type {
	DP_LINK_ETHER,
	DP_LINK_LOOPBACK,
	DP_LINK_DUMMY,   /* takes every packet and sends none */
	DP_LINK_VLAN,    /* of lower: vlan_proto, vlan_id */
	DP_LINK_VETH,    /* what it sends peer_ifindex of peer_net receives */
	DP_LINK_VRF,     /* l3mdev of those that have it as master */
	DP_LINK_MACVLAN, /* on lower, with an address of its own: macvlan_mode */
	DP_LINK_MAX,
};

/* dp_link.conf: the per-device sysctls that packets meet (in_device, inet6_dev). */
#define DP_CONF_FORWARDING           (1u << 0)
#define DP_CONF_RP_STRICT            (1u << 1) /* rp_filter = 1 */
#define DP_CONF_RP_LOOSE             (1u << 2) /* rp_filter = 2 */
#define DP_CONF_ACCEPT_LOCAL         (1u << 3)
#define DP_CONF_SEND_REDIRECTS       (1u << 4)
#define DP_CONF_SHARED_MEDIA         (1u << 5)
#define DP_CONF_ROUTE_LOCALNET       (1u << 6)
#define DP_CONF_ACCEPT_SRC_ROUTE     (1u << 7)
#define DP_CONF_BC_FORWARDING        (1u << 8)
#define DP_CONF_IN_L2_MULTICAST_DROP (1u << 9)  /* drop_unicast_in_l2_multicast */
#define DP_CONF_DISABLED             (1u << 10) /* IPv6 only: disable_ipv6 */
#define DP_CONF_ENABLED              (1u << 11) /* the device has an in_device / inet6_dev */

struct dp_link {
	uint32_t net;
	uint32_t ifindex;
	char name[DP_IFNAMSIZ];
	uint16_t port; /* ethdev port id or DP_PORT_NONE */
	uint8_t type;  /* enum dp_link_type */
	uint8_t carrier;
	uint32_t flags;     /* IFF_UP, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI, IFF_LOOPBACK */
	uint32_t mtu, mtu6; /* L3, bytes: 68 .. 65535 */
	uint32_t conf4;     /* DP_CONF_* */
	uint32_t conf6;
	uint8_t lladdr[6];
	uint16_t vlan_proto;   /* DP_LINK_VLAN: ETH_P_8021Q, ETH_P_8021AD; host order */
	uint32_t master;       /* ifindex that it is enslaved to; 0: none */
	uint32_t lower;        /* DP_LINK_VLAN, _MACVLAN: ifindex of the real device */
	uint32_t peer_net;     /* the net of lower, of peer_ifindex */
	uint32_t peer_ifindex; /* DP_LINK_VETH; 0: none yet */
	uint16_t vlan_id;      /* DP_LINK_VLAN: 0 .. 4094 */
	uint8_t macvlan_mode;  /* DP_LINK_MACVLAN: 1 private, 2 vepa, 4 bridge */
	uint8_t pad;
	uint8_t vlan_egress[16]; /* DP_LINK_VLAN: PCP (0 .. 7) of each priority */
	uint32_t group;          /* IFLA_GROUP: rules may refuse what leaves by it */
};

int dp_link_set(const struct dp_link *link);
int dp_link_del(uint32_t net, uint32_t ifindex);

/* An own address: source validation (RFC 1812 5.3.8; a packet from ourselves is a martian). */
struct dp_addr {
	uint32_t net;
	uint32_t ifindex;
	uint8_t family;    /* AF_INET, AF_INET6 */
	uint8_t tentative; /* IPv6 DAD runs: not yet ours for data */
	uint8_t pad[2];
	uint8_t addr[16]; /* network order; IPv4 in the first 4 bytes */
};
int dp_addr_set(const struct dp_addr *addr);
int dp_addr_del(const struct dp_addr *addr);

/* A multicast group that a link has joined (ip_mc_list, ifmcaddr6). */
int dp_mcast_set(const struct dp_addr *group);
int dp_mcast_del(const struct dp_addr *group);

/* --- nexthops and routes ------------------------------------------------------------------- */

#define DP_NH_ONLINK    (1u << 0)
#define DP_NH_GATEWAY   (1u << 1) /* gw is set; else the destination is the neighbour */
#define DP_NH_LINKDOWN  (1u << 2)
#define DP_NH_USE_NEIGH (1u << 3) /* a group: pass over members whose neighbour has failed */

/* What a route points at (fib_info): ids are the control plane's, 1 .. DP_MAX_NEXTHOPS - 1. */
struct dp_nexthop {
	uint32_t net;
	uint32_t id;
	uint32_t ifindex; /* 0 for RTN_BLACKHOLE, _UNREACHABLE, _PROHIBIT, _THROW and groups */
	uint32_t mtu;     /* RTAX_MTU, 0: the link's */
	uint8_t family;   /* of the routes that point here */
	uint8_t type;     /* RTN_* */
	uint8_t scope;    /* RT_SCOPE_* of the nexthop (nhc_scope) */
	uint8_t flags;    /* DP_NH_* */
	uint8_t gw_family;
	uint8_t pad[3];
	uint8_t gw[16];
	uint32_t n_members; /* > 0: an ECMP group; type is RTN_UNICAST */
	uint32_t n_buckets; /* of a group: 1 .. 65535, flows go by dp_nexthop_buckets_set() */
};
struct dp_nh_member {
	uint32_t id;
	uint32_t weight; /* 1 .. 65535 */
};
int dp_nexthop_set(const struct dp_nexthop *nh, const struct dp_nh_member *members);
int dp_nexthop_del(uint32_t net, uint32_t id);
/*
 * Which members the buckets of a group lead to, from the bucket first. A group that is set again
 * with as many buckets keeps them. -ENOENT: no such group, -EINVAL.
 */
int dp_nexthop_buckets_set(uint32_t net, uint32_t id, uint32_t first, const uint32_t *ids,
			   uint32_t n);

struct dp_route {
	uint32_t net;
	uint32_t table;
	uint32_t nh_id; /* 0: delete the prefix */
	uint8_t family;
	uint8_t plen;
	uint8_t tos, pad; /* IPv4: for packets of this TOS (of 0x1c) only; 0: for all others */
	uint8_t dst[16];  /* network order */
};
/* Sets n routes in order; stops at the first error and says in *done how many are in. */
int dp_route_set(const struct dp_route *routes, uint32_t n, uint32_t *done);
int dp_table_flush(uint32_t net, uint8_t family, uint32_t table);

/* --- neighbours ---------------------------------------------------------------------------- */

struct dp_neigh {
	uint32_t net;
	uint32_t ifindex;
	uint16_t nud; /* NUD_*; a valid state publishes lladdr, NUD_FAILED fails the hold queue */
	uint8_t family;
	uint8_t lladdr[6];
	uint8_t pad[3];
	uint8_t addr[16];
};
/*
 * Valid states (NUD_VALID) forward; packets held for the entry leave at once. NUD_STALE forwards
 * and punts DP_PUNT_NEIGH_USED on first use. NUD_INCOMPLETE holds. NUD_FAILED drops what is held
 * (SKB_DROP_REASON_NEIGH_FAILED) and punts DP_PUNT_ICMP_SEND (host unreachable) for each; the
 * next packet punts DP_PUNT_NEIGH_MISS again.
 */
int dp_neigh_set(const struct dp_neigh *neigh);
int dp_neigh_del(const struct dp_neigh *neigh);
/* 1: used by a packet since the last call, 0: not, -ENOENT. Clears the mark. */
int dp_neigh_used(const struct dp_neigh *neigh);
/* arp_queue: at most this many packets are held per entry and worker (default 101). */
int dp_neigh_hold_max(uint32_t packets);

/* --- punt: C to Go ------------------------------------------------------------------------- */

/*
 * In the order in which a batch is filled. Each has rings and a rate of its own: punt.c has the
 * table.
 */
enum dp_punt_reason {
	DP_PUNT_ARP,       /* an ARP packet received; data: Ethernet frame */
	DP_PUNT_ND,        /* ICMPv6 133 .. 137 delivered locally */
	DP_PUNT_CONTROL,   /* routing protocols delivered locally: BGP, OSPF, BFD, VRRP, RIP, ... */
	DP_PUNT_CS6,       /* anything else delivered locally that says it is network control */
	DP_PUNT_ICMP_SEND, /* an error is to be sent about data: icmp_type, icmp_code, info */
	DP_PUNT_NEIGH_MISS, /* no (valid) neighbour: addr on oif; data: the packet that asked */
	DP_PUNT_NEIGH_USED, /* a NUD_STALE neighbour was used; no data */
	DP_PUNT_IGMP,       /* IGMP and MLD */
	DP_PUNT_ICMP,       /* other ICMP/ICMPv6 delivered locally (echo, ...) */
	DP_PUNT_LOCAL,      /* the rest delivered locally: sockets, port unreachable */
	DP_PUNT_MAX,
};

struct dp_punt {
	uint32_t net;
	uint32_t iif;      /* ifindex received on, 0: locally generated */
	uint32_t oif;      /* NEIGH_*: the neighbour's; redirect: output; iif 0: of the twin */
	uint32_t len;      /* bytes of data that follow the header */
	uint32_t pkt_len;  /* bytes that the packet had (>= len) */
	uint32_t info;     /* ICMP_SEND: MTU or pointer, host order */
	uint16_t reason;   /* enum dp_punt_reason */
	uint16_t protocol; /* EtherType, host order */
	uint16_t l3;       /* offset of the network header in data; data begins with Ethernet */
	uint16_t l4;       /* offset of the transport header (after IPv6 extension headers), or 0 */
	uint8_t pkt_type;  /* PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST */
	uint8_t ipproto;   /* final next header */
	uint8_t family;    /* of addr */
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint8_t rt_type; /* RTN_* of the input route: RTN_LOCAL, _BROADCAST, _MULTICAST, ... */
	uint8_t worker;
	uint8_t pad;
	uint8_t addr[16]; /* NEIGH_*: the neighbour; redirect: the better gateway */
};

/*
 * Copies at most max whole records (struct dp_punt, data, padding to 8 bytes) of all workers into
 * buf: of every reason its share of 64, the urgent first, then what is left in that order. Returns
 * bytes written, 0 when nothing waits, -EMSGSIZE: room is less than a record. One reader.
 */
int dp_punt_read(void *buf, uint32_t room, uint32_t max);
/* An eventfd that becomes readable when a punt waits and the reader had armed it. */
int dp_punt_fd(void);
/* Arms the eventfd; returns true when something already waits (then do not sleep). */
bool dp_punt_arm(void);
/* Police a reason: packets per second and worker, and burst. rate 0: unlimited. */
int dp_punt_police(uint32_t reason, uint32_t rate, uint32_t burst);
int dp_punt_rate(uint32_t reason, uint32_t *rate, uint32_t *burst); /* as it is now */

/* --- inject: Go to C ----------------------------------------------------------------------- */

enum dp_inject_kind {
	DP_INJECT_XMIT, /* data: a whole Ethernet frame, sent on oif as it is (ARP) */
	DP_INJECT_IP,   /* data: an IP packet of our own: LOCAL_OUT, POST_ROUTING, neighbour addr on
			   oif */
	DP_INJECT_RX,   /* data: an Ethernet frame as if received on oif */
	DP_INJECT_TWIN, /* data: an IP packet for sockets of the host, by the twin of oif */
};
struct dp_inject {
	uint32_t net;
	uint32_t oif;
	uint32_t len;
	uint8_t kind;
	uint8_t family; /* of addr */
	uint8_t pad[2];
	uint8_t addr[16]; /* INJECT_IP: nexthop; multicast and broadcast map to their MACs */
};
/*
 * -ENOBUFS, -EMSGSIZE (longer than an mbuf), -ENODEV, -EINVAL. Packets leave on the next poll of
 * the worker that their flow belongs to: those of a flow in order.
 */
int dp_inject(const struct dp_inject *inj, const void *data);
/*
 * Whole records (struct dp_inject, data, padding to 8 bytes). Those that cannot be sent are left
 * out; returns 0, or the error of the first of them.
 */
int dp_inject_burst(const void *records, uint32_t bytes);

/* --- host twins ---------------------------------------------------------------------------- */

/*
 * Makes fd (a TAP: IFF_NO_PI | IFF_VNET_HDR) the host's twin of a link, or of the net itself
 * (ifindex 0: what no link is for); owns fd, also when it fails. fd < 0: only mac, the TAP's,
 * changed. From any thread. gen: dp_twin_gen() of the net; -ENODEV when it was deleted since, its
 * twins with it.
 */
int dp_twin_set(uint32_t net, uint32_t gen, uint32_t ifindex, int fd, const uint8_t mac[6]);
int dp_twin_del(uint32_t net, uint32_t gen, uint32_t ifindex); /* -ENOENT */
uint32_t dp_twin_gen(uint32_t net);
int dp_twin_stats(uint32_t net, uint32_t ifindex, struct dp_tun_stats *out);

/* --- reading back: lookups, dumps (for adoption and consistency) ------------------------------ */

/* What the lcores would find: nexthop ids for n destinations (network order), 0: no route. */
int dp_fib_lookup(uint32_t net, uint32_t table, uint8_t family, uint8_t tos,
		  const uint8_t (*dst)[16], uint32_t *nh_id, uint32_t n);
/* The member of a group that a flow takes; id itself when it is no group. */
uint32_t dp_nexthop_select(uint32_t net, uint32_t id, uint32_t hash);

/* Resumable dumps of up to n: the count; *cursor is 0 at start and end. last->tos: of its table. */
int dp_route_dump(uint32_t net, uint32_t table, uint8_t family, struct dp_route *last,
		  struct dp_route *out, uint32_t n); /* last: zeroed at first, then as left */
/* A hint: these prefixes, all of one table, are going to be set. */
void dp_route_ahead(const struct dp_route *routes, uint32_t n);
/* nh_id of exactly these prefixes for their TOS, 0: not there. All of one net. */
int dp_route_find(struct dp_route *routes, uint32_t n);
int dp_nexthop_dump(uint32_t net, uint32_t *cursor, struct dp_nexthop *out, uint32_t n);
int dp_nexthop_members(uint32_t net, uint32_t id, struct dp_nh_member *out, uint32_t n);
struct dp_nh_bucket {
	uint32_t id;    /* of the nexthop that it leads to */
	uint32_t stamp; /* another one after each use, at a resolution of a millisecond; 0: never */
	uint64_t idle_us; /* since the last use */
};
/* Fills up to n, returns how many; -ENOENT: no group with buckets. */
int dp_nexthop_buckets_read(uint32_t net, uint32_t id, struct dp_nh_bucket *out, uint32_t n);
int dp_neigh_dump(uint32_t net, uint32_t *cursor, struct dp_neigh *out, uint32_t n);
int dp_link_dump(uint32_t net, uint32_t *cursor, struct dp_link *out, uint32_t n);
int dp_addr_dump(uint32_t net, uint32_t *cursor, struct dp_addr *out, uint32_t n);
int dp_mcast_dump(uint32_t net, uint32_t *cursor, struct dp_addr *out, uint32_t n);
int dp_table_dump(uint32_t net, uint8_t family, uint32_t *out, uint32_t n);
/* The list that was last set: fills up to n, returns how many there are; -ENODEV. */
int dp_rules_dump(uint32_t net, uint32_t ifindex, uint8_t family, struct dp_rule *out, uint32_t n);

#include "dataplane_stats.h"

#endif
