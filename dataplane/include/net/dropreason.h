/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dropreason.h - why a packet was dropped. The names are those of Linux (dropreason-core.h), so
 * that what an operator learned from `perf trace` or dropwatch holds here; the numbers are not.
 */
#ifndef SKUA_NET_DROPREASON_H
#define SKUA_NET_DROPREASON_H

#define DEFINE_DROP_REASON(FN)                                                                     \
	FN(NOT_SPECIFIED)                                                                          \
	FN(PKT_TOO_SMALL)                                                                          \
	FN(NETFILTER_DROP)                                                                         \
	FN(OTHERHOST)                                                                              \
	FN(IP_CSUM)                                                                                \
	FN(IP_INHDR)                                                                               \
	FN(IP_RPFILTER)                                                                            \
	FN(UNICAST_IN_L2_MULTICAST)                                                                \
	FN(XFRM_POLICY)                                                                            \
	FN(IP_NOPROTO)                                                                             \
	FN(IP_OUTNOROUTES)                                                                         \
	FN(IPV6DISABLED)                                                                           \
	FN(NEIGH_CREATEFAIL)                                                                       \
	FN(NEIGH_FAILED)                                                                           \
	FN(NEIGH_QUEUEFULL)                                                                        \
	FN(NEIGH_DEAD)                                                                             \
	FN(QDISC_DROP)                                                                             \
	FN(CPU_BACKLOG)                                                                            \
	FN(UNHANDLED_PROTO)                                                                        \
	FN(DEV_HDR)                                                                                \
	FN(DEV_READY)                                                                              \
	FN(FULL_RING)                                                                              \
	FN(NOMEM)                                                                                  \
	FN(HDR_TRUNC)                                                                              \
	FN(IP_INADDRERRORS)                                                                        \
	FN(IP_INNOROUTES)                                                                          \
	FN(IP_LOCAL_SOURCE)                                                                        \
	FN(IP_INVALID_SOURCE)                                                                      \
	FN(IP_LOCALNET)                                                                            \
	FN(IP_INVALID_DEST)                                                                        \
	FN(PKT_TOO_BIG)                                                                            \
	FN(DUP_FRAG)                                                                               \
	FN(FRAG_REASM_TIMEOUT)                                                                     \
	FN(FRAG_TOO_FAR)                                                                           \
	FN(IPV6_BAD_EXTHDR)                                                                        \
	FN(QUEUE_PURGE)                                                                            \
	FN(BLACKHOLE)                                                                              \
	FN(DST_GONE)     /* ours: the route's nexthop or device is deleted already */              \
	FN(PUNT_POLICED) /* ours: above the rate of its punt reason */                             \
	FN(PUNT_FULL)    /* ours: the control plane does not keep up */                            \
	FN(TWIN_FULL)    /* ours: the host's kernel does not keep up with its twins */             \
	FN(TWIN_GONE)    /* ours: for a host twin that was deleted meanwhile */

enum skb_drop_reason {
	SKB_NOT_DROPPED_YET,
#define FN(reason) SKB_DROP_REASON_##reason,
	DEFINE_DROP_REASON(FN)
#undef FN
	    SKB_DROP_REASON_MAX,
};

#endif
