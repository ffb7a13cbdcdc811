// SPDX-License-Identifier: BSD-3-Clause

// Package controlplane assembles the instances of the stack, one for each network namespace: the
// tables of links, addresses, neighbours, nexthops and routes, ICMP, and the loop that takes punted
// packets to them.
package controlplane

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/addrconf"
	"skua/controlplane/ethtool"
	"skua/controlplane/icmp"
	"skua/controlplane/link"
	"skua/controlplane/mld"
	"skua/controlplane/neigh"
	"skua/controlplane/nexthop"
	"skua/controlplane/route"
	"skua/controlplane/rtnl"
	"skua/controlplane/rule"
	"skua/controlplane/sysctl"
	"skua/dataplane/dpif"
)

// Options say what a Stack stands on.
type Options struct {
	Net   uint32 // id of the instance in the data plane
	DP    dpif.Dataplane
	Clock rtnl.Clock   // nil: the real one
	Log   *slog.Logger // nil: silence
}

// Stack is an instance of the stack (struct net with everything that hangs on it).
type Stack struct {
	Net      *rtnl.Net
	Links    *link.Table
	Addrs    *addr.Table
	Neighs   *neigh.Table
	Nexthops *nexthop.Table
	Rules    *rule.Table
	Routes   *route.Table
	ICMP     *icmp.Handler
	Addrconf *addrconf.Table
	MLD      *mld.Table
	Devices  *ethtool.Table

	// Netns is the network namespace of the host whose processes see this instance; of the first
	// instance that of the program itself.
	Netns Netns
}

// New makes an instance that is alone.
func New(o Options) (*Stack, error) {
	if o.Clock == nil {
		o.Clock = rtnl.SystemClock{}
	}
	net := rtnl.NewNet(o.Net, o.DP, o.Clock, o.Log)
	net.Lock()
	defer net.Unlock()
	s, err := assemble(net)
	if err == nil {
		s.addPuntKnobs()
	}
	return s, err
}

// assemble makes the instance in the data plane and its tables, under RTNL. The order in which the
// tables subscribe to each other's events is the order of this function, and the order of the
// kernel's notifier chain: what is on a link goes or comes before what is routed over it.
func assemble(net *rtnl.Net) (*Stack, error) {
	if err := net.DP.AddNet(net.ID); err != nil {
		return nil, fmt.Errorf("net %d: %w", net.ID, err)
	}
	s := &Stack{Net: net}
	var err error
	if s.Links, err = link.New(s.Net); err != nil {
		return nil, errors.Join(err, net.DP.DelNet(net.ID))
	}
	// Before addresses: routes that name a nexthop object go with it, and not with what they need.
	s.Nexthops = nexthop.New(s.Net, s.Links)
	s.Net.Subscribe(s.Nexthops.Event)
	s.Addrs = addr.New(s.Net, s.Links)
	s.Neighs = neigh.New(s.Net, s.Links, s.Addrs)
	s.Rules = rule.New(s.Net, s.Links)
	s.Net.Subscribe(s.Rules.Event)
	if s.Routes, err = route.New(s.Net, s.Links, s.Addrs, s.Nexthops, s.Rules); err != nil {
		return nil, errors.Join(err, net.DP.DelNet(net.ID))
	}
	s.Net.Subscribe(s.Routes.Event)
	s.ICMP = icmp.New(s.Net, s.Links, s.Addrs, s.Routes, s.Neighs)
	s.Addrconf = addrconf.New(s.Net, s.Links, s.Addrs, s.Neighs)
	s.Net.Subscribe(s.Addrconf.Event)
	s.MLD = mld.New(s.Net, s.Links, s.Addrs, s.ICMP)
	s.Net.Subscribe(s.MLD.Event)
	s.Devices = ethtool.New(s.Net, s.Links)

	// What a table asks of those to its right.
	s.Neighs.RouteInput = s.routeInput
	s.Neighs.RouteOutput = s.routeOutput
	s.Neighs.OnDADConflict = s.Addrconf.Conflict
	s.Neighs.DADNonce = s.Addrconf.Nonce
	s.Neighs.Anycast = s.Addrconf.IsAnycast
	s.Neighs.Membership = s.Addrconf.Membership
	s.Addrs.Membership = s.Addrconf.Membership
	s.ICMP.MLD = s.MLD.HandleMLD
	s.Routes.Joined = s.Addrconf.Joined
	s.Routes.Reachable = s.reachable
	sysctl.Complete(s.Links)
	return s, nil
}

// reachable says whether an IPv6 gateway may be taken (rt6_check_neigh): it has not failed.
func (s *Stack) reachable(l *link.Link, gw netip.Addr) bool {
	n := s.Neighs.Lookup(l, gw)
	return n == nil || n.NUD&unix.NUD_FAILED == 0
}

// routeInput is what ARP and ND ask about a packet from src to dst that came in by in
// (ip_route_input).
func (s *Stack) routeInput(in *link.Link, dst, src netip.Addr) (uint8, *link.Link, error) {
	r, err := s.Routes.Lookup(route.Query{Family: familyOf(dst), Dst: dst, Src: src, Iif: in.Index})
	if err != nil {
		return 0, nil, err
	}
	return r.Type, r.Link, nil
}

// routeOutput is the link by which a packet of ours would leave; nil: none.
func (s *Stack) routeOutput(dst, src netip.Addr) *link.Link {
	r, err := s.Routes.Lookup(route.Query{Family: familyOf(dst), Dst: dst, Src: src})
	if err != nil {
		return nil
	}
	return r.Link
}

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// HandlePunt takes one punted packet to where it belongs, under RTNL.
func (s *Stack) HandlePunt(p *dpif.Punt) {
	switch p.Reason {
	case dpif.PuntARP:
		s.Neighs.HandleARP(p)
	case dpif.PuntND:
		s.ICMP.CountND(p)
		s.Neighs.HandleND(p)
	case dpif.PuntICMP:
		s.ICMP.HandleICMP(p)
	case dpif.PuntControl, dpif.PuntCS6, dpif.PuntLocal:
		s.ICMP.HandleLocal(p)
	case dpif.PuntICMPSend:
		s.ICMP.HandleSend(p)
	case dpif.PuntNeighMiss:
		s.Neighs.HandleMiss(p)
	case dpif.PuntNeighUsed:
		s.Neighs.HandleUsed(p)
	case dpif.PuntIGMP:
		switch {
		case p.Iif == 0:
			s.Addrconf.HandleReport(p)
		case p.IPProto == unix.IPPROTO_ICMPV6:
			s.ICMP.HandleICMP(p)
		}
	}
}

// Close stops the timers of the instance and takes it out of the data plane.
func (s *Stack) Close() error {
	s.Net.Lock()
	defer s.Net.Unlock()
	return s.close()
}

func (s *Stack) close() error {
	s.MLD.Close()
	s.Addrconf.Close()
	s.Neighs.Close()
	s.Net.Close()
	return s.Net.DP.DelNet(s.Net.ID)
}

// MIB gives the counters that the control plane keeps, of ICMP, ICMPv6 and of UDP and TCP as far as
// they have no sockets, with the names of /proc/net/snmp and snmp6.
func (s *Stack) MIB() []dpif.Counter {
	s.Net.Lock()
	defer s.Net.Unlock()
	return slices.Concat(s.ICMP.MIB(), s.ICMP.MIB6(), s.ICMP.LocalMIB())
}
