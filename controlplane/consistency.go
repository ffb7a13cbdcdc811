// SPDX-License-Identifier: BSD-3-Clause

package controlplane

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/neigh"
	"skua/controlplane/route"
	"skua/dataplane/dpif"
)

// Consistency compares the tables with what the data plane says that it holds, entry by entry, and
// says what differs; nil: nothing. Under RTNL. It costs as much as a dump of everything.
func (s *Stack) Consistency() []string {
	c := comparison{Stack: s}
	c.links()
	c.addrs()
	c.neighs()
	c.nexthops()
	c.routes(unix.AF_INET)
	c.routes(unix.AF_INET6)
	return c.differences
}

type comparison struct {
	*Stack
	differences []string
	hops        map[uint32]dpif.Nexthop
}

func (c *comparison) differ(format string, args ...any) {
	c.differences = append(c.differences, fmt.Sprintf(format, args...))
}

// failed says whether a dump was not to be had.
func (c *comparison) failed(what string, err error) bool {
	if err != nil {
		c.differ("dump of %s: %v", what, err)
	}
	return err != nil
}

func (c *comparison) links() {
	dump, err := c.Net.DP.DumpLinks(c.Net.ID)
	if c.failed("links", err) {
		return
	}
	theirs := map[uint32]dpif.Link{}
	for _, l := range dump {
		theirs[l.Ifindex] = l
	}
	for _, l := range c.Links.All() {
		d, ok := theirs[l.Index]
		delete(theirs, l.Index)
		switch {
		case !ok:
			c.differ("link %s is not in the data plane", l.Name)
		case d.Name != l.Name, d.MTU != min(l.MTU, 0xffff), d.HardAddr != [6]byte(l.HardAddr), d.Carrier != l.Carrier,
			d.Flags&unix.IFF_UP != l.Flags&unix.IFF_UP, d.Port != l.Port:
			c.differ("link %s is %+v in the data plane", l.Name, d)
		}
	}
	for _, l := range theirs {
		c.differ("link %s is only in the data plane", l.Name)
	}
}

func (c *comparison) addrs() {
	dump, err := c.Net.DP.DumpAddrs(c.Net.ID)
	if c.failed("addresses", err) {
		return
	}
	ours := map[dpif.Addr]bool{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		for _, a := range c.Addrs.All(family) {
			tentative := a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC) == unix.IFA_F_TENTATIVE
			ours[dpif.Addr{Net: c.Net.ID, Ifindex: a.Link.Index, Addr: a.Local(), Tentative: tentative}] = true
		}
	}
	for _, d := range dump {
		if !ours[d] {
			c.differ("address %+v is only in the data plane", d)
		}
		delete(ours, d)
	}
	for a := range ours {
		c.differ("address %+v is not in the data plane", a)
	}
}

// neighs compares those that forward: what is being resolved comes and goes by itself in C.
func (c *comparison) neighs() {
	dump, err := c.Net.DP.DumpNeighs(c.Net.ID)
	if c.failed("neighbours", err) {
		return
	}
	theirs := map[neigh.Key]dpif.Neigh{}
	for _, d := range dump {
		if d.NUD&neigh.Valid != 0 {
			theirs[neigh.Key{Addr: d.Addr, Ifindex: d.Ifindex}] = d
		}
	}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		for _, n := range c.Neighs.All(family) {
			d, ok := theirs[n.Key()]
			delete(theirs, n.Key())
			switch {
			case n.NUD&neigh.Valid == 0 || n.Type == unix.RTN_MULTICAST || n.Type == unix.RTN_BROADCAST:
			case !ok && n.NUD&unix.NUD_NOARP == 0:
				c.differ("neighbour %v of %s is not in the data plane", n.Addr, n.Link.Name)
			case ok && d.HardAddr != [6]byte(n.HardAddr):
				c.differ("neighbour %v of %s is at %v, in the data plane at %x", n.Addr, n.Link.Name, n.HardAddr, d.HardAddr)
			}
		}
	}
	for k := range theirs {
		c.differ("neighbour %v of link %d is only in the data plane", k.Addr, k.Ifindex)
	}
}

func (c *comparison) nexthops() {
	dump, err := c.Net.DP.DumpNexthops(c.Net.ID)
	if c.failed("nexthops", err) {
		return
	}
	c.hops = map[uint32]dpif.Nexthop{}
	for _, n := range dump {
		c.hops[n.ID] = n
	}
	if _, objects := c.Nexthops.Len(); objects != len(dump) {
		c.differ("%d nexthops, in the data plane %d", objects, len(dump))
	}
}

// routes compares, for each prefix, the nexthop that packets take. The data plane may have table
// local within table main: then the local route of a prefix comes first.
func (c *comparison) routes(family uint8) {
	tables, err := c.Net.DP.DumpTables(c.Net.ID, family)
	if c.failed("tables", err) {
		return
	}
	type prefix struct {
		table uint32
		dst   netip.Prefix
	}
	theirs := map[prefix]uint32{}
	for _, t := range tables {
		err := c.Net.DP.DumpRoutes(c.Net.ID, t, family, func(r dpif.Route) bool {
			theirs[prefix{t, r.Prefix}] = r.NexthopID
			return true
		})
		if c.failed(fmt.Sprintf("table %d", t), err) {
			return
		}
	}
	merged := !slices.Contains(tables, unix.RT_TABLE_LOCAL)

	// What each prefix may lead to: of IPv4 the first usable route, of IPv6 any of the lowest metric.
	ours := map[prefix][]uint32{}
	last := map[prefix]uint32{} // table of the entry of ours
	var cursor route.Cursor
	c.Routes.Dump(family, &route.Filter{}, &cursor, func(r *route.Route) bool {
		k := prefix{r.Table, r.Dst}
		if merged && r.Table == unix.RT_TABLE_LOCAL {
			k.table = unix.RT_TABLE_MAIN
		}
		ids := []uint32{r.Info.ID()}
		for _, s := range r.Siblings {
			ids = append(ids, s.ID())
		}
		ids = slices.DeleteFunc(ids, func(id uint32) bool { return id == 0 })
		if len(ids) == 0 || r.TOS != 0 && family == unix.AF_INET {
			return true
		}
		switch table, seen := last[k]; {
		case !seen || r.Table == unix.RT_TABLE_LOCAL && table != r.Table:
			ours[k], last[k] = ids, r.Table
		case family == unix.AF_INET6 && table == r.Table:
			ours[k] = append(ours[k], ids...)
		}
		return true
	})
	for k, id := range theirs {
		ids, ok := ours[k]
		delete(ours, k)
		switch {
		case !ok:
			c.differ("route %v of table %d is only in the data plane", k.dst, k.table)
		case !c.leadsTo(id, ids):
			c.differ("route %v of table %d leads to nexthop %d in the data plane, not to one of %v", k.dst, k.table, id, ids)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(ours), func(a, b prefix) int { return a.dst.Addr().Compare(b.dst.Addr()) }) {
		c.differ("route %v of table %d is not in the data plane", k.dst, k.table)
	}
}

// leadsTo says whether nexthop id is one of ids, or a group of some of them.
func (c *comparison) leadsTo(id uint32, ids []uint32) bool {
	if slices.Contains(ids, id) {
		return true
	}
	members := c.hops[id].Members
	for _, m := range members {
		if !slices.Contains(ids, m.ID) {
			return false
		}
	}
	return len(members) > 0
}
