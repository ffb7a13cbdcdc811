// SPDX-License-Identifier: BSD-3-Clause

// Package route holds the routing tables of both families.
package route

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
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
	Type     uint8 // RTN_*
	Scope    uint8 // RT_SCOPE_*; IPv4
	Protocol uint8 // RTPROT_*
	TOS      uint8
	Pref     uint8  // ICMPV6_ROUTER_PREF_*
	Table    uint32 // 0: main
	Flags    uint32 // rtm_flags: RTNH_F_*, RTM_F_*
	Priority uint32 // 0 is 1024 for IPv6
	Oif      uint32
	NHID     uint32
	Realm    uint32
	Expires  uint32       // seconds, 0: never
	Dst      netip.Prefix // invalid: the default route
	Src      netip.Prefix // IPv6 source-specific routes
	PrefSrc  netip.Addr
	Gateway  netip.Addr // of either family (RTA_GATEWAY, RTA_VIA)
	Metrics  *nexthop.Metrics
	Hops     []HopConfig // RTA_MULTIPATH; nil: absent
	NLFlags  uint16      // NLM_F_CREATE, _EXCL, _REPLACE, _APPEND
}

// Route is an entry of a table as others see it: a value, made on demand.
type Route struct {
	Family uint8
	TOS    uint8
	Type   uint8 // RTN_*
	Table  uint32
	Dst    netip.Prefix
	Info   *nexthop.Info
	// Siblings are the further nexthops of an IPv6 multipath route; the first is Info.
	Siblings   []*nexthop.Info
	Expires    int32 // seconds left; meaningful when HasExpires
	HasExpires bool
}

// Msg is announced (by pointer, valid during the call only) where the kernel calls rtmsg_fib or
// inet6_rt_notify.
type Msg struct {
	Type    uint16 // RTM_NEWROUTE, RTM_DELROUTE
	NLFlags uint16 // NLM_F_CREATE, _REPLACE, _APPEND, ...
	Route   Route
}

// Query is what a lookup goes by (flowi4, flowi6).
type Query struct {
	Family       uint8
	TOS          uint8
	Scope        uint8 // RT_SCOPE_UNIVERSE, or RT_SCOPE_LINK: direct only
	Proto        uint8
	Dst, Src     netip.Addr // Src invalid: to be chosen
	Oif, Iif     uint32     // Iif not 0: an input lookup
	Mark         uint32
	UID          uint32
	Sport, Dport uint16
	FlowLabel    uint32
}

// Result is a found route.
type Result struct {
	Type    uint8 // RTN_*
	Scope   uint8
	Table   uint32
	Route   Route
	Hop     *nexthop.Hop // the member taken; nil: none
	Link    *link.Link   // the output link (lo for local delivery)
	Gateway netip.Addr   // invalid: Dst is the neighbour
	PrefSrc netip.Addr   // the source to use
	MTU     uint32       // bytes
	Flags   uint32       // RTCF_*
}

// Neighbour is the address to resolve on Link to reach dst.
func (r *Result) Neighbour(dst netip.Addr) netip.Addr {
	if r.Gateway.IsValid() {
		return r.Gateway
	}
	return dst
}

var _ = unix.AF_INET
