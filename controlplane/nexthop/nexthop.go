// SPDX-License-Identifier: BSD-3-Clause

// Package nexthop holds what routes point at.
//
// There are two layers. An Info is the kernel's fib_info: everything that the routes of a
// gateway usually have in common (protocol, scope, type, preferred source, priority, metrics and
// the hops), found again by its content, counted, and shared by any number of routes. Below it
// are the objects of the data plane, which know only what packets meet (type, link, gateway, MTU)
// and are shared by all Infos that agree in that: a million routes over a thousand gateways, of
// whatever protocol or metric, are a thousand nexthops there. A change of a link touches these
// objects and no prefix.
package nexthop

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// Metrics are the RTAX_* values of a route, indexed by RTAX_* (metrics[RTAX_MTU]), and the name
// of RTAX_CC_ALGO. Comparable.
type Metrics struct {
	Value  [unix.RTAX_MAX + 1]uint32
	CCAlgo string
}

// Hop is one way out (fib_nh_common).
type Hop struct {
	Link    *link.Link // nil: a reject type
	Gateway netip.Addr // invalid: the destination itself is the neighbour
	Scope   uint8      // RT_SCOPE_* (nhc_scope)
	Flags   uint8      // RTNH_F_DEAD, _LINKDOWN, _ONLINK
	Weight  uint16     // 1..256
	Realm   uint32     // RTA_FLOW
}

// Oif is the ifindex of the hop's link, 0: none.
func (h *Hop) Oif() uint32 {
	if h.Link == nil {
		return 0
	}
	return h.Link.Index
}

// Spec is the content of an Info.
type Spec struct {
	Family   uint8 // AF_INET or AF_INET6: of the routes that point here
	Type     uint8 // RTN_*
	Scope    uint8 // RT_SCOPE_*
	Protocol uint8 // RTPROT_*
	Pref     uint8 // ICMPV6_ROUTER_PREF_*
	Flags    uint32
	Priority uint32
	Table    uint32 // the table of the first route; it does not distinguish Infos
	PrefSrc  netip.Addr
	Metrics  *Metrics // nil: none; not written after Hold
	Hops     []Hop    // empty: a reject type
}

// Info is a shared Spec (fib_info). Read under RTNL, written by this package only.
type Info struct {
	Spec
	ID uint32 // nexthop id in the data plane; 0: nothing can be forwarded through it now

	refs  int
	index uint32
	out   *object
}
