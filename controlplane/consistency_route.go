// SPDX-License-Identifier: BSD-3-Clause

package controlplane

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
	"skua/dataplane/dpif"
)

// routeSlice is how many routes are compared without letting go of RTNL.
const routeSlice = 1024

// merged says whether the data plane has table local within table main.
func (c *comparison) merged(family uint8) bool {
	tables, err := c.Net.DP.DumpTables(c.Net.ID, family)
	return !c.failed("tables", err) && !slices.Contains(tables, unix.RT_TABLE_LOCAL)
}

// missingRoutes looks for routes of ours that the data plane does not have.
func (c *comparison) missingRoutes(family uint8) {
	var cursor route.Cursor
	var seen []dpif.Route
	for all := false; !all; {
		c.pause()
		merged := c.merged(family)
		seen = seen[:0]
		all = c.Routes.Dump(family, &route.Filter{}, &cursor, func(r *route.Route) bool {
			if len(seen) == routeSlice {
				return false
			}
			table := r.Table
			if merged && table == unix.RT_TABLE_LOCAL {
				table = unix.RT_TABLE_MAIN
			}
			if r.TOS&^tosMask == 0 {
				seen = append(seen, dpif.Route{Net: c.Net.ID, Table: table, Prefix: r.Dst, TOS: r.TOS})
			}
			return true
		})
		seen = slices.CompactFunc(seen, func(a, b dpif.Route) bool { return a == b })
		if c.failed("routes", c.Net.DP.FindRoutes(seen)) {
			return
		}
		for _, r := range seen {
			if r.NexthopID == 0 && len(c.leads(family, merged, &r, false)) > 0 {
				c.differ("route %v of table %d is not in the data plane", r.Prefix, r.Table)
			}
		}
	}
}

// heldRoutes compares, for each prefix of the data plane, the nexthop that packets take with ours,
// and what a lookup of its address finds with what was written.
func (c *comparison) heldRoutes(family uint8) {
	tables, err := c.Net.DP.DumpTables(c.Net.ID, family)
	if c.failed("tables", err) {
		return
	}
	for _, table := range tables {
		for tos := uint8(0); tos <= tosMask; tos += 4 {
			if tos == 0 || family == unix.AF_INET {
				c.heldRoutesOf(family, dpif.Route{Net: c.Net.ID, Table: table, TOS: tos})
			}
		}
	}
}

// tosMask is what of a TOS routes are chosen by.
const tosMask = 0x1c

// heldRoutesOf compares the routes of a table for a TOS, behind last.
func (c *comparison) heldRoutesOf(family uint8, last dpif.Route) {
	held := make([]dpif.Route, routeSlice)
	for {
		c.pause()
		n, err := c.Net.DP.NextRoutes(family, last, held)
		if c.failed(fmt.Sprintf("table %d", last.Table), err) || n == 0 {
			return
		}
		merged := c.merged(family)
		for _, r := range held[:n] {
			ids := c.leads(family, merged, &r, true)
			switch {
			case len(ids) == 0:
				c.differ("route %v of table %d is only in the data plane", r.Prefix, r.Table)
			case !c.leadsTo(r.NexthopID, ids):
				c.differ("route %v of table %d leads to nexthop %d in the data plane, not to one of %v",
					r.Prefix, r.Table, r.NexthopID, ids)
			}
		}
		c.found(held[:n])
		last = held[n-1]
	}
}

// found asks for the address of each prefix: the longest with that address must be found. Of the
// last of a slice it is not known whether it is the longest.
func (c *comparison) found(held []dpif.Route) {
	var dst []netip.Addr
	var want []dpif.Route
	for i := range len(held) - 1 {
		if a := held[i].Prefix.Addr(); a != held[i+1].Prefix.Addr() {
			dst, want = append(dst, a), append(want, held[i])
		}
	}
	if len(dst) == 0 {
		return
	}
	ids := make([]uint32, len(dst))
	if c.failed("lookups", c.Net.DP.LookupTOS(c.Net.ID, held[0].Table, held[0].TOS, dst, ids)) {
		return
	}
	for i, r := range want {
		if ids[i] != r.NexthopID {
			c.differ("address %v of table %d is led to nexthop %d, and route %v says %d",
				dst[i], r.Table, ids[i], r.Prefix, r.NexthopID)
		}
	}
}

// leads says what a prefix of a table of the data plane may lead to: of IPv4 the first usable route
// for the TOS, of IPv6 any of the table's; the local route of a prefix comes first. nil: there is none. ended: one
// that packets pass over as soon as its end is noticed, until it is collected, is one too.
func (c *comparison) leads(family uint8, merged bool, of *dpif.Route, ended bool) (ids []uint32) {
	in := []uint32{of.Table}
	if merged && of.Table == unix.RT_TABLE_MAIN {
		in = []uint32{unix.RT_TABLE_LOCAL, unix.RT_TABLE_MAIN}
	}
	for _, table := range in {
		c.Routes.At(family, table, of.Prefix, func(r *route.Route) {
			if r.HasExpires && r.Expires <= 0 && !ended {
				return
			}
			if r.TOS != 0 && r.TOS != of.TOS || family == unix.AF_INET && len(ids) > 0 {
				return
			}
			ids = append(ids, r.Info.ID())
			for _, s := range r.Siblings {
				ids = append(ids, s.ID())
			}
			ids = slices.DeleteFunc(ids, func(id uint32) bool { return id == 0 })
		})
		if len(ids) > 0 {
			return ids
		}
	}
	return nil
}

// leadsTo says whether nexthop id is one of ids, or a group of some of them.
func (c *comparison) leadsTo(id uint32, ids []uint32) bool {
	if slices.Contains(ids, id) {
		return true
	}
	members, ok := c.groups()[id]
	for _, m := range members {
		if !slices.Contains(ids, m.ID) {
			return false
		}
	}
	return ok && len(members) > 0
}

// groups reads the members of the groups as they are now; only differences and IPv6 multipath
// routes ask for them.
func (c *comparison) groups() map[uint32][]dpif.Member {
	if c.members != nil && c.membersGen == c.Routes.Gen() {
		return c.members
	}
	c.members, c.membersGen = map[uint32][]dpif.Member{}, c.Routes.Gen()
	dump, err := c.Net.DP.DumpNexthops(c.Net.ID)
	if !c.failed("nexthops", err) {
		for _, n := range dump {
			if len(n.Members) > 0 {
				c.members[n.ID] = n.Members
			}
		}
	}
	return c.members
}
