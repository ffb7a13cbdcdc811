// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
	"skua/controlplane/rule"
)

// info6 finds or makes the Info of one nexthop of a new route and counts a reference to it
// (ip6_route_info_create, ip6_route_info_create_nh).
func (t *Table) info6(cfg *Config, weight uint16) (*nexthop.Info, error) {
	var object *nexthop.Object
	var hop nexthop.Hop
	var reject bool
	var err error
	if cfg.NHID == 0 {
		hop, reject, err = t.hop6(cfg)
	} else if object, err = t.nexthops.ForRoute(cfg.NHID); err == nil {
		if err = object.Check6(); err == nil {
			hop = object.Hops()[0]
		}
	}
	if err != nil {
		return nil, err
	}
	hop.Weight = weight
	s := &t.spec
	*s = nexthop.Spec{
		Family: familyIPv6, Type: cfg.Type, Protocol: cfg.Protocol, Priority: cfg.Priority,
		Table: cfg.table(), Metrics: cfg.Metrics, Pref: cfg.Pref,
		Flags: cfg.Flags &^ uint32(unix.RTNH_F_ONLINK),
		Hops:  append(t.hops[:0], hop), Object: object,
	}
	defer func() { t.hops = s.Hops[:0]; clear(s.Hops) }()
	if s.Type == 0 {
		s.Type = unix.RTN_UNICAST
	}
	if s.Protocol == 0 {
		s.Protocol = unix.RTPROT_BOOT
	}
	if reject {
		s.Flags, s.Pref = FlagReject|FlagNoNexthop, 0
		if props[s.Type].errno == 0 {
			s.DPType = unix.RTN_UNREACHABLE
		}
	}
	t.highPref6 = t.highPref6 || decodePref(s.Pref) > decodePref(0)
	if cfg.PrefSrc.IsValid() && !cfg.PrefSrc.IsUnspecified() {
		if !t.ownSource6(cfg.PrefSrc, hop.Link) {
			return nil, rtnl.Errorf(unix.EINVAL, "Invalid source address")
		}
		s.PrefSrc = cfg.PrefSrc
	}
	return t.nexthops.Hold(s)
}

// ownSource6 is ipv6_chk_addr: a is an address of ours that is tentative no longer. A link-local one
// must be l's.
func (t *Table) ownSource6(a netip.Addr, l *link.Link) bool {
	const both = unix.IFA_F_TENTATIVE | unix.IFA_F_OPTIMISTIC
	x := t.local6(a, l)
	return x != nil && x.Flags&both != unix.IFA_F_TENTATIVE
}

// local6 is ipv6_chk_addr_and_flags: the address of ours that a is, tentative or not. A link-local
// one must be l's, any other one in the VRF of l, or in none as l is.
func (t *Table) local6(a netip.Addr, l *link.Link) *addr.Addr {
	if l != nil && a.IsLinkLocalUnicast() {
		return t.addrs.Find(l, a)
	}
	var vrf *link.Link
	if l != nil {
		vrf = l.L3Master()
	}
	return t.addrs.FindIn(vrf, a)
}

// isReject6 is fib6_is_reject: routes over the loopback link would loop.
func isReject6(flags uint32, l *link.Link, dst netip.Addr) bool {
	return flags&FlagReject != 0 ||
		l != nil && l.Loopback() && !dst.IsLoopback() && flags&(FlagAnycast|FlagLocal) == 0
}

// hop6 finds and validates the nexthop of a route (fib6_nh_init).
func (t *Table) hop6(cfg *Config) (hop nexthop.Hop, reject bool, err error) {
	hop = nexthop.Hop{Scope: unix.RT_SCOPE_UNIVERSE, Weight: 1}
	var l *link.Link
	if cfg.Oif != 0 {
		if l = t.links.ByIndex(cfg.Oif); l == nil || !l.In6Dev {
			return hop, false, unix.ENODEV
		}
	}
	if cfg.Flags&unix.RTNH_F_ONLINK != 0 {
		if l == nil {
			return hop, false, rtnl.Errorf(unix.ENODEV, "Nexthop device required for onlink")
		}
		if !l.Up() {
			return hop, false, rtnl.Errorf(unix.ENETDOWN, "Nexthop device is not up")
		}
		hop.Flags |= unix.RTNH_F_ONLINK
	}
	dst := netip.IPv6Unspecified()
	if cfg.Dst.IsValid() {
		dst = cfg.Dst.Addr()
	}
	if isReject6(cfg.Flags, l, dst) && (cfg.Flags&FlagReject != 0 || !cfg.Gateway.IsValid()) {
		hop.Link = t.links.Loopback()
		if !hop.Link.In6Dev {
			return hop, true, unix.ENODEV
		}
		return hop, true, nil
	}
	if cfg.Gateway.IsValid() {
		if l, err = t.gateway6(cfg, l); err != nil {
			return hop, false, err
		}
		hop.Gateway = cfg.Gateway
	}
	switch {
	case l == nil:
		return hop, false, unix.ENODEV
	case !l.Enabled6():
		return hop, false, rtnl.Errorf(unix.EACCES, "IPv6 is disabled on nexthop device")
	case !l.Up() && !cfg.ignore:
		return hop, false, rtnl.Errorf(unix.ENETDOWN, "Nexthop device is not up")
	}
	if cfg.Flags&(FlagLocal|FlagAnycast) == 0 && !l.Carrier {
		hop.Flags |= unix.RTNH_F_LINKDOWN
	}
	hop.Link = l
	return hop, false, nil
}

// gateway6 validates a gateway and gives its link (ip6_validate_gw).
func (t *Table) gateway6(cfg *Config, l *link.Link) (*link.Link, error) {
	gw := cfg.Gateway
	linkLocal := gw.IsLinkLocalUnicast()
	errLocal := rtnl.Errorf(unix.EINVAL, "Gateway can not be a local address")
	given := l != nil
	if given && t.local6(gw, l) != nil {
		return nil, errLocal
	}
	if !linkLocal {
		if gw.IsMulticast() || gw.IsUnspecified() {
			return nil, rtnl.Errorf(unix.EINVAL, "Invalid gateway address")
		}
		var err error
		if cfg.Flags&unix.RTNH_F_ONLINK != 0 {
			err = t.gatewayOnlink6(cfg, l)
		} else {
			l, err = t.gatewayReached6(cfg, l)
		}
		if err != nil {
			return nil, err
		}
	}
	if l == nil {
		return nil, rtnl.Errorf(unix.EINVAL, "Egress device not specified")
	}
	if l.Loopback() {
		return nil, rtnl.Errorf(unix.EINVAL, "Egress device can not be loopback device for this route")
	}
	if !given && t.local6(gw, l) != nil {
		return nil, errLocal
	}
	return l, nil
}

// gatewayOnlink6 is ip6_route_check_nh_onlink: the main table, or that of the VRF, must not contradict.
func (t *Table) gatewayOnlink6(cfg *Config, l *link.Link) error {
	res, ok := t.gatewayLookup6(cfg, tableOf(l, unix.RT_TABLE_MAIN), 0)
	if ok && res.info.Flags&FlagReject == 0 && res.plen != 0 && res.key != (key{}) &&
		(res.info.Type != unix.RTN_UNICAST || res.info.Hops[0].Link != l) {
		return rtnl.Errorf(unix.EINVAL, "Nexthop has invalid gateway or device mismatch")
	}
	return nil
}

// gatewayReached6 is ip6_route_check_nh: the gateway must be on a link.
func (t *Table) gatewayReached6(cfg *Config, l *link.Link) (*link.Link, error) {
	good := func(r *result6) bool {
		return r.info != nil && r.info.Flags&FlagReject == 0 && !r.info.Hops[0].Gateway.IsValid()
	}
	if cfg.Table != 0 {
		res, ok := t.gatewayLookup6(cfg, cfg.Table, lookupIface)
		if ok && good(&res) && (l == nil || res.info.Hops[0].Link == l) {
			return res.info.Hops[0].Link, nil
		}
	}
	flow := (&Query{Oif: cfg.Oif}).newFlow6(cfg.Gateway, netip.Addr{})
	flow.flags = lookupIface
	var res result6
	t.update6(&flow)
	t.rules.Lookup(&flow.Flow, func(_ *rule.Rule, id uint32) syscall.Errno { // fib6_lookup
		if tab := t.v6.tables[id]; tab != nil && t.lookupTable6(tab, &flow, &res) {
			return 0 // a throw route is no way on here
		}
		return unix.EAGAIN
	})
	if !good(&res) {
		return nil, unix.EHOSTUNREACH
	}
	out := res.info.Hops[0].Link
	if l != nil && out != l {
		return nil, unix.EHOSTUNREACH
	}
	return out, nil
}

// gatewayLookup6 is ip6_nh_lookup_table.
func (t *Table) gatewayLookup6(cfg *Config, table uint32, flags uint8) (res result6, ok bool) {
	tab := t.v6.tables[table]
	if tab == nil {
		return res, false
	}
	flow := (&Query{Oif: cfg.Oif}).newFlow6(cfg.Gateway, netip.Addr{})
	flow.flags = flags | lookupIgnoreLink
	return res, t.lookupTable6(tab, &flow, &res) && res.info != nil
}
