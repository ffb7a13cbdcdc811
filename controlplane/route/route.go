// SPDX-License-Identifier: BSD-3-Clause

// Package route holds the routing tables of both families (fib_trie, ip6_fib) and looks routes up
// as the kernel does for packets of its own and for `ip route get`.
//
// # What is kept
//
// A table is a path-compressed trie of prefixes; a prefix has a list of aliases (fib_alias,
// fib6_info), in the order in which a lookup tries them; an alias is a small value that names a
// shared nexthop.Info. A route costs about 80 bytes, none of which the garbage collector reads.
//
// # What the data plane gets
//
// For each prefix the one nexthop that packets take: of IPv4 the first usable alias without TOS,
// and those with one for packets of it (tos.go);
// of IPv6 the best of the lowest metric with its siblings. As in the kernel without rules of the
// user, the local and main tables of IPv4 are one there (table 254, the local alias first). IPv6
// looks into the local table first, and the data plane does so (255, then 254) from the moment
// when one table for both would answer otherwise; until then they are one as well.
//
// A change is in the data plane when the method that makes it returns, or it is not made.
package route

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
)

const (
	familyIPv4 = unix.AF_INET
	familyIPv6 = unix.AF_INET6
)

// Metrics of routes that the kernel gives itself (IP6_RT_PRIO_USER, IP6_RT_PRIO_ADDRCONF).
const (
	MetricUser     = 1024
	MetricAddrconf = 256
)

// Flags of IPv6 routes in nexthop.Spec.Flags (RTF_*).
const (
	FlagReject    = 0x00000200
	FlagAddrconf  = 0x00040000
	FlagPrefixRT  = 0x00080000
	FlagAnycast   = 0x00100000
	FlagNoNexthop = 0x00200000
	FlagLocal     = 0x80000000
)

// HopConfig is a nexthop of a multipath request (struct rtnexthop and its attributes).
type HopConfig struct {
	Oif     uint32
	Gateway netip.Addr // of either family
	Flags   uint8      // RTNH_F_*
	Hops    uint8      // weight - 1
	Realm   uint32
}

// Config is a route as a request describes it (fib_config, fib6_config). The table keeps nothing
// that it points at.
type Config struct {
	Family   uint8
	Type     uint8 // RTN_*; Delete: 0 is any
	Scope    uint8 // RT_SCOPE_*, IPv4; Delete: RT_SCOPE_NOWHERE is any
	Protocol uint8 // RTPROT_*; Delete: 0 is any
	TOS      uint8 // DS field without ECN
	Pref     uint8 // ICMPV6_ROUTER_PREF_*
	Table    uint32
	Flags    uint32       // rtm_flags, IPv4: RTNH_F_*; IPv6: RTNH_F_ONLINK and Flag*
	Priority uint32       // IPv6: 0 is 1024; Delete: 0 is any
	Oif      uint32       // 0: by the gateway
	NHID     uint32       // RTA_NH_ID
	Realm    uint32       // RTA_FLOW
	Expires  uint32       // seconds, 0: never; IPv6
	Dst      netip.Prefix // invalid: the default route
	PrefSrc  netip.Addr
	Gateway  netip.Addr // of either family (RTA_GATEWAY, RTA_VIA)
	Metrics  *nexthop.Metrics
	Hops     []HopConfig // RTA_MULTIPATH; nil: absent
	NLFlags  uint16      // NLM_F_CREATE, _EXCL, _REPLACE, _APPEND

	internal bool // the stack's own: announced without a requester
	ignore   bool // the link may be down (fc_ignore_dev_down)
}

// Route is an entry of a table as others see it: a value, made on demand.
type Route struct {
	Family uint8
	TOS    uint8
	Table  uint32
	Dst    netip.Prefix
	Info   *nexthop.Info
	// Siblings are the further nexthops of an IPv6 multipath route; the first is Info.
	Siblings []*nexthop.Info
	// Expires is in 1/100 s from now (clock_t); HasExpires: it has an end (RTF_EXPIRES).
	Expires    int32
	HasExpires bool
}

// Type is the RTN_* of the route.
func (r *Route) Type() uint8 { return r.Info.Type }

// Msg is announced, by pointer and valid during the call only, where the kernel calls rtmsg_fib
// and inet6_rt_notify.
type Msg struct {
	Type    uint16 // RTM_NEWROUTE, RTM_DELROUTE
	NLFlags uint16 // NLM_F_CREATE, _REPLACE, _APPEND, _EXCL: how it came about
	Route   Route
	Origin  rtnl.Origin // zero for what no one requested
}

// Query is what a lookup goes by (flowi4, flowi6).
type Query struct {
	Family       uint8
	TOS          uint8 // DS field
	Scope        uint8 // RT_SCOPE_UNIVERSE, or RT_SCOPE_LINK: direct routes only
	Proto        uint8
	Dst, Src     netip.Addr // Src invalid: to be chosen
	Oif, Iif     uint32     // Iif not 0: an input lookup
	L3mdev       uint32     // index of the VRF that the lookup is in; 0: by Oif or Iif
	Mark         uint32
	UID          uint32
	Sport, Dport uint16
	FlowLabel    uint32
}

// Result is the way that a lookup found (rtable, rt6_info).
type Result struct {
	Type    uint8 // RTN_*
	Scope   uint8
	Table   uint32       // of Route; 0: there is no route behind it
	Route   Route        // Info nil: none, as of a multicast without a route
	Hop     *nexthop.Hop // the one taken; nil: none
	Link    *link.Link   // the output link: lo for local delivery
	Gateway netip.Addr   // invalid: the destination is the neighbour
	Dst     netip.Addr   // the destination, which an unspecified one turned into
	Src     netip.Addr   // the source to use
	PrefSrc netip.Addr   // IPv6: the source that the route chooses, also when one was given
	MTU     uint32       // bytes
	Metrics *nexthop.Metrics
	Flags   uint32 // RTCF_*
}

// Flags of a Result (RTCF_*).
const (
	CacheDoRedirect = 0x01000000
	CacheDirectSrc  = 0x04000000
	CacheBroadcast  = 0x10000000
	CacheMulticast  = 0x20000000
	CacheLocal      = 0x80000000
)

// Neighbour is the address to resolve on Link.
func (r *Result) Neighbour() netip.Addr {
	if r.Gateway.IsValid() {
		return r.Gateway
	}
	return r.Dst
}
