// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// Types of groups (NEXTHOP_GRP_TYPE_*).
const (
	GroupMultipath = 0 // by thresholds of the hash
	GroupResilient = 1 // by buckets, of which as few as possible change their nexthop
	GroupTypeMax   = GroupResilient
)

// Object is struct nexthop: what RTM_NEWNEXTHOP makes. Read it under RTNL; only this package writes
// it.
type Object struct {
	ID       uint32
	Protocol uint8 // RTPROT_*
	Flags    uint8 // RTNH_F_ONLINK
	Shape

	hops    []Hop              // as its routes see them: Hop, or those of the members
	infos   map[*Info]struct{} // of the routes that point here
	paths   []*path
	t       *Table
	parents []*Object // groups that this is a member of, the newest first
}

// Shape is what replacing an Object exchanges (struct nh_info, struct nh_group).
type Shape struct {
	Family    uint8 // AF_INET or AF_INET6, of the hop; AF_UNSPEC: a group
	FDB       bool  // for tunnel endpoints of a bridge, never for routes
	Blackhole bool
	Hop       Hop          // of no group; Link nil: FDB
	Grp       *ObjectGroup // nil: no group
}

// ObjectGroup is struct nh_group.
type ObjectGroup struct {
	Type    uint16 // GroupMultipath, GroupResilient
	Entries []*Entry
	Table   *Buckets // GroupResilient
}

// Entry is a member of a group (struct nh_grp_entry).
type Entry struct {
	Object *Object
	Weight uint16 // 1..65535

	count, wants int // buckets that it has, and those of its share
}

// ObjectConfig is a request for an Object (struct nh_config). The table keeps nothing that it points
// at.
type ObjectConfig struct {
	ID        uint32 // 0: one is chosen
	Family    uint8
	Protocol  uint8
	Flags     uint8 // RTNH_F_ONLINK
	FDB       bool
	Blackhole bool
	Link      *link.Link // nil: FDB, or a group
	Gateway   netip.Addr
	Group     []GroupEntry // not empty: a group
	GroupType uint16
	Resilient ResilientConfig
	NLFlags   uint16 // NLM_F_CREATE, _REPLACE
}

// GroupEntry is struct nexthop_grp.
type GroupEntry struct {
	ID       uint32
	Weight   uint16 // 1..65535; 0: more than that was asked for
	Reserved bool   // a field that must be 0 is not
}

// IsBlackhole says that what comes here is dropped (nexthop_is_blackhole).
func (o *Object) IsBlackhole() bool {
	if g := o.Grp; g != nil {
		return len(g.Entries) == 1 && g.Entries[0].Object.Blackhole
	}
	return o.Blackhole
}

// Multipath says whether routes to o are shown with several hops (nexthop_is_multipath): also those
// to a group of one.
func (o *Object) Multipath() bool { return o.Grp != nil }

// Paths is the number of ways (nexthop_num_path).
func (o *Object) Paths() int {
	if o.Grp != nil {
		return len(o.Grp.Entries)
	}
	return 1
}

// Hops are the ways, with the weights of a group.
func (o *Object) Hops() []Hop { return o.hops }

// ByRoutes says whether routes of a family point at o itself.
func (o *Object) ByRoutes(family uint8) bool {
	for i := range o.infos {
		if i.Family == family {
			return true
		}
	}
	return false
}

// Parents are the groups that o is a member of.
func (o *Object) Parents() []*Object { return o.parents }

// hasV4 says whether o cannot be for IPv6 routes (has_v4).
func (s *Shape) hasV4() bool {
	if s.Grp == nil {
		return s.Family == unix.AF_INET
	}
	for _, e := range s.Grp.Entries {
		if e.Object.Family == unix.AF_INET {
			return true
		}
	}
	return false
}

// first is the hop that a group is judged by.
func (s *Shape) first() *Hop {
	if s.Grp != nil {
		return &s.Grp.Entries[0].Object.Hop
	}
	return &s.Hop
}

var errFDB = rtnl.Errorf(unix.EINVAL, "Route cannot point to a fdb nexthop")

// Check4 says whether an IPv4 route of a scope may point here (fib_check_nexthop).
func (s *Shape) Check4(scope uint8) error {
	switch {
	case s.FDB:
		return errFDB
	case s.Grp != nil && scope == unix.RT_SCOPE_HOST:
		return rtnl.Errorf(unix.EINVAL, "Route with host scope can not have multiple nexthops")
	case scope == unix.RT_SCOPE_HOST && s.first().Gateway.IsValid():
		return rtnl.Errorf(unix.EINVAL, "Route with host scope can not have a gateway")
	case s.first().Flags&unix.RTNH_F_ONLINK != 0 && scope >= unix.RT_SCOPE_LINK:
		return rtnl.Errorf(unix.EINVAL, "Scope mismatch with nexthop")
	}
	return nil
}

// Check6 says whether IPv6 routes may point here (fib6_check_nexthop).
func (s *Shape) Check6() error {
	switch {
	case s.hasV4():
		return rtnl.Errorf(unix.EINVAL, "IPv6 routes can not use an IPv4 nexthop")
	case s.FDB:
		return errFDB
	}
	return nil
}

// checkRoutes says whether the routes that point at o may have s in its place (fib_check_nh_list,
// fib6_check_nh_list).
func (o *Object) checkRoutes(s *Shape) error {
	for i := range o.infos {
		if i.Family == unix.AF_INET {
			if err := s.Check4(i.Scope); err != nil {
				return err
			}
		}
	}
	if o.ByRoutes(unix.AF_INET6) {
		return s.Check6()
	}
	return nil
}

// Config is the request that would make o.
func (o *Object) Config() ObjectConfig {
	c := ObjectConfig{
		ID: o.ID, Family: o.Family, Protocol: o.Protocol, Flags: o.Flags & unix.RTNH_F_ONLINK, FDB: o.FDB,
		Blackhole: o.Blackhole, Link: o.Hop.Link, Gateway: o.Hop.Gateway,
	}
	if o.Grp == nil {
		return c
	}
	c.GroupType = o.Grp.Type
	for _, e := range o.Grp.Entries {
		c.Group = append(c.Group, GroupEntry{ID: e.Object.ID, Weight: e.Weight})
	}
	if b := o.Grp.Table; b != nil {
		c.Resilient = ResilientConfig{
			Buckets: uint16(len(b.buckets)), IdleTimer: b.IdleTimer, UnbalancedTimer: b.UnbalancedTimer,
			HasBuckets: true, HasIdleTimer: true, HasUnbalancedTimer: true,
		}
	}
	return c
}

// UsesLink says whether a way of o leaves on l.
func (o *Object) UsesLink(l *link.Link) bool {
	return slices.ContainsFunc(o.hops, func(h Hop) bool { return h.Link == l })
}

// Select is the index of the hop that a flow takes, by its 31-bit hash (nexthop_select_path), as far
// as neighbours do not matter.
func (o *Object) Select(hash uint32) int {
	if o.Grp == nil {
		return 0
	}
	if b := o.Grp.Table; b != nil {
		e := b.buckets[int(uint64(hash)*uint64(len(b.buckets))>>31)].entry
		return max(slices.Index(o.Grp.Entries, e), 0)
	}
	var total, sum uint64
	for _, e := range o.Grp.Entries {
		total += uint64(e.Weight)
	}
	for n, e := range o.Grp.Entries {
		if sum += uint64(e.Weight); uint64(hash) < (sum<<31+total/2)/total {
			return n
		}
	}
	return 0
}

// refresh brings what routes see of o up to date.
func (o *Object) refresh() {
	if o.Grp == nil {
		o.hops = []Hop{o.Hop}
	} else {
		o.hops = make([]Hop, len(o.Grp.Entries))
		for n, e := range o.Grp.Entries {
			o.hops[n] = e.Object.Hop
			o.hops[n].Weight = e.Weight
		}
	}
	for i := range o.infos {
		i.Hops = o.hops
	}
}
