// SPDX-License-Identifier: BSD-3-Clause

// Package nexthop holds what routes point at.
//
// There are two layers. An Info is the kernel's fib_info: everything that the routes of a
// gateway usually have in common (protocol, scope, type, preferred source, priority, metrics and
// the hops), found again by its content, counted, and shared by any number of routes. Below it
// are the paths: the nexthops of the data plane, which know only what packets meet (type, link, gateway, MTU)
// and are shared by all Infos that agree in that: a million routes over a thousand gateways, of
// whatever protocol or metric, are a thousand nexthops there. A change of a link touches these
// paths and no prefix.
//
// An IPv6 route with several nexthops is several Infos of one hop each, as in the kernel; what the
// data plane gets for them is a Group.
//
// An Object is what user space makes by RTM_NEWNEXTHOP, under an id of its own choice: one hop or a
// group of other Objects. Infos point at it in place of having hops. It has paths of its own, which
// keep their ids in the data plane when it is replaced.
package nexthop

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// Metrics are the RTAX_* values of a route, indexed by RTAX_* (Value[unix.RTAX_MTU]), and the name
// that RTAX_CC_ALGO stands for. Comparable.
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
	Type     uint8 // RTN_*: fib_type; what DPType does not override the data plane does with packets
	DPType   uint8 // RTN_* for the data plane where it differs from Type, else 0
	Scope    uint8 // RT_SCOPE_*
	Protocol uint8 // RTPROT_*
	Pref     uint8 // ICMPV6_ROUTER_PREF_*
	Flags    uint32
	Priority uint32
	Table    uint32 // of the routes that point here
	PrefSrc  netip.Addr
	Metrics  *Metrics // nil: none
	Hops     []Hop    // empty: a reject type
	// Object, when there is one, is what the routes name by RTA_NH_ID: the hops are its own then,
	// those given to Hold do not count, and they change with it.
	Object *Object
}

// MTU is RTAX_MTU in bytes, 0: that of the link.
func (s *Spec) MTU() uint32 {
	if s.Metrics == nil {
		return 0
	}
	return s.Metrics.Value[unix.RTAX_MTU]
}

// MTULocked says whether path MTU discovery must not change MTU (RTAX_LOCK).
func (s *Spec) MTULocked() bool {
	return s.Metrics != nil && s.Metrics.Value[unix.RTAX_LOCK]&(1<<unix.RTAX_MTU) != 0
}

// UsesLink says whether a hop leaves on l (fib_info_nh_uses_dev).
func (s *Spec) UsesLink(l *link.Link) bool {
	for i := range s.Hops {
		if s.Hops[i].Link == l {
			return true
		}
	}
	return false
}

// Info is a shared Spec (fib_info). Read it under RTNL; only this package writes it.
type Info struct {
	Spec
	// PrefSrcGone: the address PrefSrc was deleted, and the routes go with it (pfsrc_removed).
	PrefSrcGone bool

	refs   int
	index  uint32
	key    infoKey
	out    *path // nil: it needs none, because nothing is forwarded by it
	places places
}

// Index is a small number that stands for the Info as long as it is held; see Table.At.
func (i *Info) Index() uint32 { return i.index }

// Dead says that all hops are dead or the source is gone, so that its routes are to be deleted
// (fib_flags & RTNH_F_DEAD).
func (i *Info) Dead() bool { return i.Flags&unix.RTNH_F_DEAD != 0 }

// Blackhole says that packets are dropped because the Object says so (nexthop_is_blackhole),
// whatever the type of the routes.
func (i *Info) Blackhole() bool { return i.Object != nil && i.Object.IsBlackhole() }

// ShowsHops says whether routes are shown with their hops, and not only with the id of an Object.
func (i *Info) ShowsHops() bool { return i.Object == nil || i.Object.t.CompatMode }

// ID is the nexthop of the data plane, 0: no packet can take it now, so that a lookup goes on.
func (i *Info) ID() uint32 {
	if i.out == nil || !i.out.usable() {
		return 0
	}
	return i.out.id
}

// Good says whether a lookup may take hop h: it is not dead, and not without carrier where that
// counts (fib_lookup_good_nhc without the oif). ignoreLink: carrier never counts.
func (h *Hop) Good(family uint8, ignoreLink bool) bool {
	if h.Flags&unix.RTNH_F_DEAD != 0 {
		return false
	}
	return ignoreLink || h.Flags&unix.RTNH_F_LINKDOWN == 0 || !IgnoreLinkdown(h.Link, family)
}

// IgnoreLinkdown says whether routes over l count as dead without carrier
// (ip_ignore_linkdown, ip6_ignore_linkdown).
func IgnoreLinkdown(l *link.Link, family uint8) bool {
	switch {
	case l == nil:
		return false
	case family == unix.AF_INET:
		return l.InDev && l.Conf4.IgnoreRoutesWithLinkdown != 0
	default:
		return l.In6Dev && l.Conf6.IgnoreRoutesWithLinkdown != 0
	}
}
