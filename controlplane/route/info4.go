// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
)

// prop is a row of fib_props: the error that a lookup ends with, and the least scope.
type prop struct {
	errno syscall.Errno
	scope uint8
}

var props = [unix.RTN_XRESOLVE + 1]prop{
	unix.RTN_UNSPEC:      {0, unix.RT_SCOPE_NOWHERE},
	unix.RTN_UNICAST:     {0, unix.RT_SCOPE_UNIVERSE},
	unix.RTN_LOCAL:       {0, unix.RT_SCOPE_HOST},
	unix.RTN_BROADCAST:   {0, unix.RT_SCOPE_LINK},
	unix.RTN_ANYCAST:     {0, unix.RT_SCOPE_LINK},
	unix.RTN_MULTICAST:   {0, unix.RT_SCOPE_UNIVERSE},
	unix.RTN_BLACKHOLE:   {unix.EINVAL, unix.RT_SCOPE_UNIVERSE},
	unix.RTN_UNREACHABLE: {unix.EHOSTUNREACH, unix.RT_SCOPE_UNIVERSE},
	unix.RTN_PROHIBIT:    {unix.EACCES, unix.RT_SCOPE_UNIVERSE},
	unix.RTN_THROW:       {unix.EAGAIN, unix.RT_SCOPE_UNIVERSE},
	unix.RTN_NAT:         {unix.EINVAL, unix.RT_SCOPE_NOWHERE},
	unix.RTN_XRESOLVE:    {unix.EINVAL, unix.RT_SCOPE_NOWHERE},
}

const rtnhPervasive = unix.RTNH_F_PERVASIVE

// checks remembers which Info a configuration with one hop came to, so that of a million routes
// over a thousand gateways a thousand are checked. What was found is good as long as nothing has
// changed that a check looks at: no Info freed, no link, no address, no direct IPv4 route.
type checks struct {
	infos map[checkKey]*nexthop.Info
	gen   uint64 // of nexthop.Table
}

type checkKey struct {
	typ, scope, protocol uint8
	flags, priority, oif uint32
	table, nhid          uint32
	gateway              netip.Addr
}

// forget is called when the answer of a check may change.
func (c *checks) forget() {
	if len(c.infos) > 0 {
		clear(c.infos)
	}
}

// maxChecks bounds what is remembered.
const maxChecks = 1 << 16

// info4 finds or makes the Info of a new route and counts a reference to it (fib_create_info).
func (t *Table) info4(cfg *Config) (*nexthop.Info, error) {
	if cfg.PrefSrc.IsValid() || cfg.Hops != nil || cfg.Metrics != nil || cfg.Realm != 0 {
		return t.createInfo4(cfg)
	}
	k := checkKey{
		typ: cfg.Type, scope: cfg.Scope, protocol: cfg.Protocol, flags: cfg.Flags,
		priority: cfg.Priority, oif: cfg.Oif, table: cfg.table(), gateway: cfg.Gateway,
		nhid: cfg.NHID,
	}
	if g := t.nexthops.Gen(); g != t.checks.gen {
		t.checks.forget()
		t.checks.gen = g
	}
	if i := t.checks.infos[k]; i != nil {
		t.nexthops.Ref(i)
		return i, nil
	}
	i, err := t.createInfo4(cfg)
	if err == nil && len(t.checks.infos) < maxChecks {
		t.checks.infos[k] = i
	}
	return i, err
}

func (t *Table) createInfo4(cfg *Config) (*nexthop.Info, error) {
	if cfg.Type > unix.RTN_XRESOLVE {
		return nil, unix.EINVAL
	}
	if props[cfg.Type].scope > cfg.Scope {
		return nil, rtnl.Errorf(unix.EINVAL, "Invalid scope")
	}
	if cfg.Flags&(unix.RTNH_F_DEAD|unix.RTNH_F_LINKDOWN) != 0 {
		return nil, rtnl.Errorf(unix.EINVAL, "Invalid rtm_flags - can not contain DEAD or LINKDOWN")
	}
	var object *nexthop.Object
	if cfg.NHID != 0 {
		var err error
		if object, err = t.nexthops.ForRoute(cfg.NHID); err != nil {
			return nil, err
		}
	}
	if cfg.Hops != nil && len(cfg.Hops) == 0 {
		return nil, unix.EINVAL
	}
	s := &t.spec
	*s = nexthop.Spec{
		Family: familyIPv4, Type: cfg.Type, Scope: cfg.Scope, Protocol: cfg.Protocol,
		Flags: cfg.Flags, Priority: cfg.Priority, Table: cfg.table(), PrefSrc: cfg.PrefSrc,
		Metrics: cfg.Metrics, Hops: t.hops[:0], Object: object,
	}
	defer func() { t.hops = s.Hops[:0]; clear(s.Hops) }()
	hops, err := t.hops4(cfg)
	if err != nil {
		return nil, err
	}
	if props[cfg.Type].errno != 0 {
		if cfg.Gateway.IsValid() || cfg.Oif != 0 || cfg.Hops != nil {
			return nil, rtnl.Errorf(unix.EINVAL,
				"Gateway, device and multipath can not be specified for this route type")
		}
		return t.nexthops.Hold(s)
	}
	switch cfg.Type {
	case unix.RTN_UNICAST, unix.RTN_LOCAL, unix.RTN_BROADCAST, unix.RTN_ANYCAST, unix.RTN_MULTICAST:
	default:
		return nil, rtnl.Errorf(unix.EINVAL, "Invalid route type")
	}
	if cfg.Scope > unix.RT_SCOPE_HOST {
		return nil, rtnl.Errorf(unix.EINVAL, "Invalid scope")
	}
	if object != nil {
		err = object.Check4(cfg.Scope)
	} else {
		err = t.checkHops4(cfg, s, hops)
	}
	if err != nil {
		return nil, err
	}
	if cfg.PrefSrc.IsValid() && !t.validPrefSrc4(cfg) {
		return nil, rtnl.Errorf(unix.EINVAL, "Invalid prefsrc address")
	}
	return t.nexthops.Hold(s)
}

// hops4 gives the hops as they were asked for (fib_get_nhs, fib_nh_init).
func (t *Table) hops4(cfg *Config) ([]HopConfig, error) {
	if cfg.Hops == nil {
		return nil, nil
	}
	for i := range cfg.Hops {
		if cfg.Hops[i].Flags&(unix.RTNH_F_DEAD|unix.RTNH_F_LINKDOWN) != 0 {
			return nil, rtnl.Errorf(unix.EINVAL,
				"Invalid flags for nexthop - can not contain DEAD or LINKDOWN")
		}
	}
	first := &cfg.Hops[0]
	switch {
	case cfg.Oif != 0 && first.Oif != cfg.Oif:
		return nil, rtnl.Errorf(unix.EINVAL, "Nexthop device index does not match RTA_OIF")
	case cfg.Gateway.IsValid() && first.Gateway != cfg.Gateway:
		return nil, rtnl.Errorf(unix.EINVAL, "Nexthop gateway does not match RTA_GATEWAY or RTA_VIA")
	case cfg.Realm != 0 && first.Realm != cfg.Realm:
		return nil, rtnl.Errorf(unix.EINVAL, "Nexthop class id does not match RTA_FLOW")
	}
	return cfg.Hops, nil
}

// checkHops4 validates the hops and puts them into s.
func (t *Table) checkHops4(cfg *Config, s *nexthop.Spec, hops []HopConfig) error {
	if hops == nil {
		one := [1]HopConfig{{Oif: cfg.Oif, Gateway: cfg.Gateway, Flags: uint8(cfg.Flags), Realm: cfg.Realm}}
		hops = one[:]
	}
	if cfg.Scope == unix.RT_SCOPE_HOST {
		return t.hostHop4(s, hops)
	}
	linkdown := 0
	for i := range hops {
		h, err := t.checkHop4(cfg, &hops[i])
		if err != nil {
			return err
		}
		if h.Flags&unix.RTNH_F_LINKDOWN != 0 {
			linkdown++
		}
		s.Hops = append(s.Hops, h)
	}
	if linkdown == len(hops) {
		s.Flags |= unix.RTNH_F_LINKDOWN
	}
	return nil
}

// hostHop4 is the one hop of a route of host scope: a local address.
func (t *Table) hostHop4(s *nexthop.Spec, hops []HopConfig) error {
	if len(hops) != 1 {
		return rtnl.Errorf(unix.EINVAL, "Route with host scope can not have multiple nexthops")
	}
	if hops[0].Gateway.IsValid() {
		return rtnl.Errorf(unix.EINVAL, "Route with host scope can not have a gateway")
	}
	l := t.links.ByIndex(hops[0].Oif)
	if l == nil {
		return unix.ENODEV
	}
	s.Hops = append(s.Hops, nexthop.Hop{
		Link: l, Scope: unix.RT_SCOPE_NOWHERE, Flags: hops[0].Flags & unix.RTNH_F_ONLINK,
		Weight: uint16(hops[0].Hops) + 1, Realm: hops[0].Realm,
	})
	return nil
}

// checkHop4 finds the link and scope of a hop (fib_check_nh).
func (t *Table) checkHop4(cfg *Config, h *HopConfig) (nexthop.Hop, error) {
	hop := nexthop.Hop{
		Gateway: h.Gateway, Flags: h.Flags & unix.RTNH_F_ONLINK,
		Weight: uint16(h.Hops) + 1, Realm: h.Realm,
	}
	var err error
	switch {
	case h.Gateway.Is4():
		err = t.checkGateway4(cfg, h, &hop)
	case h.Gateway.IsValid():
		c6 := Config{
			Family: familyIPv6, Table: cfg.Table, Oif: h.Oif, Gateway: h.Gateway,
			Flags: uint32(h.Flags) & unix.RTNH_F_ONLINK,
		}
		var h6 nexthop.Hop
		h6, _, err = t.hop6(&c6)
		hop.Link, hop.Scope = h6.Link, unix.RT_SCOPE_LINK
		hop.Flags |= h6.Flags & unix.RTNH_F_LINKDOWN
	default:
		err = t.checkDevice4(h, &hop)
	}
	return hop, err
}

func (t *Table) checkDevice4(h *HopConfig, hop *nexthop.Hop) error {
	if h.Flags&(rtnhPervasive|unix.RTNH_F_ONLINK) != 0 {
		return rtnl.Errorf(unix.EINVAL,
			"Invalid flags for nexthop - PERVASIVE and ONLINK can not be set")
	}
	l := t.links.ByIndex(h.Oif)
	if l == nil || !l.InDev {
		return unix.ENODEV
	}
	if !l.Up() {
		return rtnl.Errorf(unix.ENETDOWN, "Device for nexthop is not up")
	}
	hop.Link, hop.Scope = l, unix.RT_SCOPE_HOST
	markCarrier(hop)
	return nil
}

// checkGateway4 is fib_check_nh_v4_gw: the gateway must be on a link, and by a route of narrower
// scope.
func (t *Table) checkGateway4(cfg *Config, h *HopConfig, hop *nexthop.Hop) error {
	if h.Flags&unix.RTNH_F_ONLINK != 0 {
		return t.checkOnlink4(cfg, h, hop)
	}
	flow := (&Query{}).newFlow4(h.Gateway, netip.Addr{}, loopbackIndex, h.Oif)
	flow.scope = max(cfg.Scope+1, unix.RT_SCOPE_LINK)
	var res result4
	errno := syscall.Errno(unix.EAGAIN)
	if id := cfg.table(); id != unix.RT_TABLE_MAIN && t.v4.tables[id] != nil {
		errno = t.lookupTable4(id, &flow, true, &res)
	}
	if errno != 0 {
		errno = t.fibLookup4(&flow, true, &res)
	}
	if errno != 0 {
		return rtnl.Errorf(errno, "Nexthop has invalid gateway")
	}
	if res.info.Type != unix.RTN_UNICAST && res.info.Type != unix.RTN_LOCAL {
		return rtnl.Errorf(unix.EINVAL, "Nexthop has invalid gateway")
	}
	hop.Scope = res.info.Scope
	if hop.Link = res.hop().Link; hop.Link == nil {
		return rtnl.Errorf(unix.EINVAL, "No egress device for nexthop gateway")
	}
	markCarrier(hop)
	if !hop.Link.Up() {
		return unix.ENETDOWN
	}
	return nil
}

func (t *Table) checkOnlink4(cfg *Config, h *HopConfig, hop *nexthop.Hop) error {
	if cfg.Scope >= unix.RT_SCOPE_LINK {
		return rtnl.Errorf(unix.EINVAL, "Nexthop has invalid scope")
	}
	l := t.links.ByIndex(h.Oif)
	switch {
	case l == nil:
		return rtnl.Errorf(unix.ENODEV, "Nexthop device required for onlink")
	case !l.Up():
		return rtnl.Errorf(unix.ENETDOWN, "Nexthop device is not up")
	case t.AddrTypeOn(l, h.Gateway) != unix.RTN_UNICAST:
		return rtnl.Errorf(unix.EINVAL, "Nexthop has invalid gateway")
	}
	hop.Link, hop.Scope = l, unix.RT_SCOPE_LINK
	markCarrier(hop)
	return nil
}

// validPrefSrc4 is fib_valid_prefsrc: the source must be ours, in the route's table or the local
// one, unless the route itself makes it so.
func (t *Table) validPrefSrc4(cfg *Config) bool {
	k, _ := cfg.prefix()
	if cfg.Type == unix.RTN_LOCAL && k != (key{}) && keyOf(cfg.PrefSrc) == k {
		return true
	}
	id := cfg.table()
	if id == unix.RT_TABLE_MAIN {
		id = unix.RT_TABLE_LOCAL
	}
	return t.addrType4(cfg.PrefSrc, id) == unix.RTN_LOCAL ||
		id != unix.RT_TABLE_LOCAL &&
			t.AddrType(cfg.PrefSrc) == unix.RTN_LOCAL
}

// addrType4 is what a table says of an address (inet_addr_type_table): RTN_*.
func (t *Table) addrType4(a netip.Addr, table uint32) uint8 {
	switch {
	case isZeronet(a) || isLimitedBroadcast(a):
		return unix.RTN_BROADCAST
	case a.IsMulticast():
		return unix.RTN_MULTICAST
	case t.v4.tables[table] == nil:
		return unix.RTN_BROADCAST
	}
	flow := flow4{dst: keyOf(a)}
	var res result4
	if t.lookupTable4(table, &flow, false, &res) == 0 {
		return res.info.Type
	}
	return unix.RTN_UNICAST
}

// AddrType says what an IPv4 address is to this host (inet_addr_type): RTN_LOCAL, RTN_BROADCAST,
// RTN_MULTICAST or RTN_UNICAST.
func (t *Table) AddrType(a netip.Addr) uint8 { return t.addrType4(a, unix.RT_TABLE_LOCAL) }

// AddrTypeOn is AddrType in the domain of a link: that of its VRF, when it is in one
// (inet_addr_type_dev_table).
func (t *Table) AddrTypeOn(l *link.Link, a netip.Addr) uint8 {
	if id := l.L3Table(); id != 0 {
		return t.addrType4(a, id)
	}
	return t.AddrType(a)
}

func markCarrier(h *nexthop.Hop) {
	if !h.Link.Carrier {
		h.Flags |= unix.RTNH_F_LINKDOWN
	}
}
