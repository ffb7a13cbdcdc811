// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"math"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/conf"
	"skua/controlplane"
	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/nexthop"
	"skua/controlplane/route"
)

// snapshot is what a plan may cost beside what its steps say: a link that goes, goes down or loses
// its last address takes routes and neighbours along, also those that operators and routing
// daemons have put there.
type snapshot struct {
	a      *applier
	links  []uint32 // ifindex
	addrs  []onLink[addr.Config]
	neighs []onLink[neigh.Config]
	routes []route.Config
	// nexthops are nexthop objects, groups behind their members.
	nexthops []onLink[nexthop.ObjectConfig]
}

type onLink[T any] struct {
	link   uint32 // ifindex
	config T
}

// snapshot is taken before a plan is applied; a plan that costs nothing reads no table.
func (a *applier) snapshot(plan []conf.Step) *snapshot {
	a.stack.Net.Lock()
	defer a.stack.Net.Unlock()
	s := &snapshot{a: a}
	var links []*link.Link
	for _, step := range plan {
		var name string
		switch {
		case step.Link != nil:
			name = step.Link.Name
		case step.Addr != nil && step.Op == conf.Del:
			name = step.Addr.Link
		}
		if l := a.link(name); l != nil && !slices.Contains(links, l) {
			links = append(links, l)
			s.addLink(l)
		}
	}
	if len(links) == 0 {
		return s
	}
	lost := func(r *route.Route) bool {
		uses := func(i *nexthop.Info) bool { return slices.ContainsFunc(links, i.UsesLink) }
		return uses(r.Info) || slices.ContainsFunc(r.Siblings, uses) || s.has(r.Info.PrefSrc)
	}
	s.addNexthops(links)
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		a.stack.Routes.Dump(family, &route.Filter{}, &route.Cursor{}, func(r *route.Route) bool {
			if r.Info.Protocol != unix.RTPROT_KERNEL && lost(r) {
				s.routes = append(s.routes, routeConfigs(r)...)
			}
			return true
		})
	}
	return s
}

func (s *snapshot) addLink(l *link.Link) {
	st := s.a.stack
	s.links = append(s.links, l.Index)
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		for _, x := range st.Addrs.OfLink(l, family) {
			s.addrs = append(s.addrs, onLink[addr.Config]{l.Index, addrConfig(st, x)})
		}
		for _, n := range st.Neighs.All(family) {
			if n.Link == l && n.NUD&neigh.Valid&^unix.NUD_NOARP != 0 {
				s.neighs = append(s.neighs, onLink[neigh.Config]{l.Index, neighConfig(n)})
			}
		}
	}
}

// addNexthops keeps the nexthop objects that leave on links, and the groups that they are in.
func (s *snapshot) addNexthops(links []*link.Link) {
	t := s.a.stack.Nexthops
	var groups []onLink[nexthop.ObjectConfig]
	for o := t.NextObject(1); o != nil; o = t.NextObject(o.ID + 1) {
		switch x := (onLink[nexthop.ObjectConfig]{o.Hop.Oif(), o.Config()}); {
		case !slices.ContainsFunc(links, o.UsesLink):
		case o.Grp != nil:
			groups = append(groups, x)
		default:
			s.nexthops = append(s.nexthops, x)
		}
		if o.ID == math.MaxUint32 {
			break
		}
	}
	s.nexthops = append(s.nexthops, groups...)
}

// restoreNexthops makes those that are gone again, and groups what they were.
func (s *snapshot) restoreNexthops() (errs []error) {
	st := s.a.stack
	for _, x := range s.nexthops {
		c := x.config
		if len(c.Group) == 0 {
			if st.Nexthops.Object(c.ID) != nil {
				continue
			}
			if c.Link = st.Links.ByIndex(x.link); c.Link == nil || !c.Link.Up() || !c.Link.Carrier {
				continue
			}
		}
		c.NLFlags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE
		if err := st.Nexthops.CheckGroup(c.Group, c.FDB); err != nil {
			errs = append(errs, err)
			continue
		}
		_, err := st.Nexthops.AddObject(&c)
		errs = append(errs, err)
	}
	return errs
}

func (s *snapshot) has(a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(s.addrs, func(x onLink[addr.Config]) bool { return x.config.Prefix.Addr() == a })
}

// restore adds what is missing, after the steps of the plan were taken back.
func (s *snapshot) restore() error {
	st := s.a.stack
	st.Net.Lock()
	defer st.Net.Unlock()
	var errs []error
	for _, i := range s.links {
		if l := st.Links.ByIndex(i); l != nil {
			s.dropNewLinkLocal(l)
		}
	}
	for _, x := range s.addrs {
		l := st.Links.ByIndex(x.link)
		if l == nil || slices.ContainsFunc(st.Addrs.OfLink(l, familyOf(x.config.Prefix.Addr())), func(y *addr.Addr) bool {
			return y.Prefix == x.config.Prefix
		}) {
			continue
		}
		x.config.Link = l
		_, err := st.Addrs.Add(x.config, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
		errs = append(errs, err)
	}
	// Those that lead to the gateways of others first.
	slices.SortStableFunc(s.routes, func(a, b route.Config) int { return int(b.Scope) - int(a.Scope) })
	for i := range s.routes {
		if s.routes[i].NHID == 0 {
			errs = append(errs, s.a.putRoute(&s.routes[i]))
		}
	}
	errs = append(errs, s.restoreNexthops()...)
	for i := range s.routes {
		if s.routes[i].NHID != 0 {
			errs = append(errs, s.a.putRoute(&s.routes[i]))
		}
	}
	for _, x := range s.neighs {
		l := st.Links.ByIndex(x.link)
		if l == nil {
			continue
		}
		if now := st.Neighs.Lookup(l, x.config.Addr); now != nil && now.NUD&neigh.Valid != 0 {
			continue
		}
		x.config.Link = l
		errs = append(errs, st.Neighs.Add(x.config, unix.NLM_F_CREATE|unix.NLM_F_REPLACE))
	}
	return errors.Join(errs...)
}

// dropNewLinkLocal deletes the link-local address that a link which came again made of another MAC
// address than the one it had when it came first.
func (s *snapshot) dropNewLinkLocal(l *link.Link) {
	for _, x := range s.a.stack.Addrs.OfLink(l, unix.AF_INET6) {
		if x.Proto == addr.ProtoKernelLL && !s.has(x.Local()) {
			s.a.stack.Addrs.Remove(x)
		}
	}
}

// addrConfig says an address as a request that would make it.
func addrConfig(st *controlplane.Stack, a *addr.Addr) addr.Config {
	const states = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED | unix.IFA_F_SECONDARY | unix.IFA_F_PERMANENT | unix.IFA_F_DEPRECATED
	c := addr.Config{
		Link: a.Link, Prefix: a.Prefix, Peer: a.Peer, Broadcast: a.Broadcast, Label: a.Label, Scope: a.Scope,
		Metric: a.Metric, Proto: a.Proto, Flags: a.Flags &^ states,
	}
	if preferred, valid := st.Addrs.Remaining(a); valid != addr.Infinity || preferred != addr.Infinity {
		c.Lifetimes = &addr.Lifetimes{Valid: valid, Preferred: preferred}
	}
	return c
}

// neighConfig says a neighbour as a request that would make it. What was learned is not sure any more.
func neighConfig(n *neigh.Entry) neigh.Config {
	c := neigh.Config{
		Link: n.Link, Addr: n.Addr, HardAddr: n.HardAddr, HasAddr: true, NUD: n.NUD, Flags: n.Flags, Protocol: n.Protocol,
	}
	if n.NUD&neigh.InTimer != 0 {
		c.NUD = unix.NUD_STALE
	}
	return c
}

// routeConfigs says a route as requests that would make it: an IPv6 route of several nexthops is
// one for each, so that those that are missing can be added.
func routeConfigs(r *route.Route) []route.Config {
	i := r.Info
	c := route.Config{
		Family: r.Family, Type: i.Type, Scope: i.Scope, Protocol: i.Protocol, TOS: r.TOS, Pref: i.Pref, Table: r.Table,
		Priority: i.Priority, Dst: r.Dst, PrefSrc: i.PrefSrc,
	}
	if r.HasExpires {
		c.Expires = uint32(max(r.Expires/100, 1))
	}
	if i.Metrics != nil {
		m := *i.Metrics
		c.Metrics = &m
	}
	if i.Object != nil {
		c.NHID = i.Object.ID
		return []route.Config{c}
	}
	if len(r.Siblings) == 0 && len(i.Hops) == 1 {
		h := hopConfig(&i.Hops[0])
		c.Oif, c.Gateway, c.Flags, c.Realm = h.Oif, h.Gateway, uint32(h.Flags), h.Realm
		return []route.Config{c}
	}
	if len(r.Siblings) == 0 {
		for n := range i.Hops {
			c.Hops = append(c.Hops, hopConfig(&i.Hops[n]))
		}
		return []route.Config{c}
	}
	var all []route.Config
	for _, s := range append([]*nexthop.Info{i}, r.Siblings...) {
		one := c
		one.Hops = []route.HopConfig{hopConfig(&s.Hops[0])}
		all = append(all, one)
	}
	return all
}

func hopConfig(h *nexthop.Hop) route.HopConfig {
	return route.HopConfig{
		Oif: h.Oif(), Gateway: h.Gateway, Flags: h.Flags & unix.RTNH_F_ONLINK, Hops: uint8(h.Weight - 1), Realm: h.Realm,
	}
}
