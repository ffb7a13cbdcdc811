// SPDX-License-Identifier: BSD-3-Clause

package controlplane

import (
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/dataplane/dpif"
)

// Consistency compares the tables with what the data plane says that it holds, entry by entry, and
// says what differs; nil: nothing. Under RTNL. It costs as much as a dump of everything.
func (s *Stack) Consistency() []string {
	c := comparison{Stack: s, pause: func() {}}
	return c.all()
}

// CheckConsistency is Consistency for a running instance: it takes RTNL by itself, and lets go of it
// after every thousand routes, so that nobody waits for it for long. Every entry is compared at one
// moment, all of them at many.
func (s *Stack) CheckConsistency() []string {
	c := comparison{Stack: s, pause: func() {
		s.Net.Unlock()
		runtime.Gosched()
		s.Net.Lock()
	}}
	s.Net.Lock()
	defer s.Net.Unlock()
	return c.all()
}

func (c *comparison) all() []string {
	c.links()
	c.addrs()
	c.mcasts()
	c.pause()
	c.neighs()
	c.pause()
	c.nexthops()
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		c.lookups(family)
		c.missingRoutes(family)
		c.heldRoutes(family)
	}
	return c.differences
}

type comparison struct {
	*Stack
	pause       func() // where others may change the tables
	differences []string

	members    map[uint32][]dpif.Member // of the groups, at membersGen
	membersGen uint32
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
		case d != l.Published():
			c.differ("link %s is %+v, in the data plane %+v", l.Name, l.Published(), d)
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

// mcasts compares the groups that links are in.
func (c *comparison) mcasts() {
	dump, err := c.Net.DP.DumpMcasts(c.Net.ID)
	if c.failed("groups", err) {
		return
	}
	ours := map[dpif.Addr]bool{}
	for _, l := range c.Links.All() {
		for _, g := range c.Addrconf.Groups(l) {
			ours[dpif.Addr{Net: c.Net.ID, Ifindex: l.Index, Addr: g}] = true
		}
	}
	for _, d := range dump {
		if !ours[d] {
			c.differ("group %+v is only in the data plane", d)
		}
		delete(ours, d)
	}
	for g := range ours {
		c.differ("group %+v is not in the data plane", g)
	}
}

// lookups compares the rules that lookups go through, of the net and of each link.
func (c *comparison) lookups(family uint8) {
	for _, l := range append([]*link.Link{nil}, c.Links.All()...) {
		index, name := uint32(0), "the net"
		if l != nil {
			index, name = l.Index, l.Name
		}
		held, err := c.Net.DP.DumpRules(c.Net.ID, index, family)
		if c.failed("rules", err) {
			return
		}
		ours := c.Routes.PublishedRules(family, l)
		if !slices.EqualFunc(ours, held, sameRule) {
			c.differ("rules of %s are %+v, in the data plane %+v", name, ours, held)
		}
	}
}

// sameRule compares rules; a prefix that takes in everything is none.
func sameRule(a, b dpif.Rule) bool {
	for _, p := range []*netip.Prefix{&a.Src, &a.Dst, &b.Src, &b.Dst} {
		if p.IsValid() && p.Bits() == 0 {
			*p = netip.Prefix{}
		}
	}
	return a == b
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
	theirs := make(map[uint32]dpif.Nexthop, len(dump))
	for _, n := range dump {
		theirs[n.ID] = n
	}
	c.Nexthops.Published(func(n dpif.Nexthop) {
		d, ok := theirs[n.ID]
		delete(theirs, n.ID)
		switch {
		case !ok:
			c.differ("nexthop %d is not in the data plane", n.ID)
		case n.Members == nil && d.Members != nil: // no member lives
		case !sameNexthop(n, d):
			c.differ("nexthop %d is %+v, in the data plane %+v", n.ID, n, d)
		case n.Buckets > 0:
			c.buckets(n.ID)
		}
	})
	for id := range theirs {
		c.differ("nexthop %d is only in the data plane", id)
	}
}

// buckets compares what the buckets of a resilient group lead to.
func (c *comparison) buckets(id uint32) {
	theirs, err := c.Net.DP.ReadBuckets(c.Net.ID, id)
	if c.failed(fmt.Sprintf("buckets of nexthop %d", id), err) {
		return
	}
	ours := c.Nexthops.PublishedBuckets(id)
	if len(ours) != len(theirs) {
		c.differ("nexthop %d has %d buckets, in the data plane %d", id, len(ours), len(theirs))
		return
	}
	for n := range ours {
		if ours[n] != theirs[n].ID {
			c.differ("bucket %d of nexthop %d leads to %d, in the data plane to %d", n, id, ours[n], theirs[n].ID)
		}
	}
}

// sameNexthop compares what packets can tell apart.
func sameNexthop(a, b dpif.Nexthop) bool {
	members := slices.Equal(a.Members, b.Members)
	a.Members, b.Members = nil, nil
	return members && reflect.DeepEqual(a, b)
}
