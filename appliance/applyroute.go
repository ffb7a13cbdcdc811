// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/conf"
	"skua/controlplane/nexthop"
	"skua/controlplane/route"
)

func familyOf(ip netip.Addr) uint8 {
	if ip.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// addrScope is the scope that ip-address(8) gives an IPv4 address.
func addrScope(ip netip.Addr) uint8 {
	if ip.IsLoopback() {
		return unix.RT_SCOPE_HOST
	}
	return unix.RT_SCOPE_UNIVERSE
}

var routeTypes = map[string]uint8{
	"unicast": unix.RTN_UNICAST, "blackhole": unix.RTN_BLACKHOLE, "unreachable": unix.RTN_UNREACHABLE,
	"prohibit": unix.RTN_PROHIBIT, "throw": unix.RTN_THROW,
}

// routeConfig says a route as ip-route(8) would.
func (a *applier) routeConfig(c *conf.Route) (*route.Config, error) {
	r := &route.Config{
		Family: familyOf(netip.Prefix(c.To).Addr()), Type: routeTypes[c.Type], Protocol: unix.RTPROT_STATIC,
		Table: uint32(c.Table), Priority: uint32(c.Metric),
		Dst: netip.Prefix(c.To), PrefSrc: c.Src.Addr, Gateway: c.Via.Addr,
	}
	if c.Onlink {
		r.Flags |= unix.RTNH_F_ONLINK
	}
	if c.MTU > 0 {
		r.Metrics = &nexthop.Metrics{}
		r.Metrics.Value[unix.RTAX_MTU] = uint32(c.MTU)
	}
	if c.Type == "unicast" && !c.Via.IsValid() && len(c.Nexts) == 0 && r.Family == unix.AF_INET {
		r.Scope = unix.RT_SCOPE_LINK
	}
	var err error
	if r.Oif, err = a.oif(c.Dev); err != nil {
		return nil, err
	}
	for _, n := range c.Nexts {
		hop := route.HopConfig{Gateway: n.Via.Addr, Hops: uint8(n.Weight - 1)}
		if hop.Oif, err = a.oif(n.Dev); err != nil {
			return nil, err
		}
		if n.Onlink {
			hop.Flags |= unix.RTNH_F_ONLINK
		}
		r.Hops = append(r.Hops, hop)
	}
	return r, nil
}

func (a *applier) oif(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	l, err := a.find(name)
	if err != nil {
		return 0, err
	}
	return l.Index, nil
}

// route sets or deletes a route. Taking it back leaves the prefix with the routes that it had.
func (a *applier) route(c *conf.Route, del bool) (func() error, error) {
	r, err := a.routeConfig(c)
	if err != nil {
		if del {
			return nil, nil // its link is gone, and the route with it
		}
		return nil, err
	}
	var before []route.Config
	a.stack.Routes.At(r.Family, r.Table, r.Dst, func(x *route.Route) {
		before = append(before, routeConfigs(x)...)
	})
	undo := func() error {
		var errs []error
		if !del {
			if err := a.stack.Routes.Delete(r); !errors.Is(err, unix.ESRCH) {
				errs = append(errs, err)
			}
		}
		for i := range before {
			errs = append(errs, a.putRoute(&before[i]))
		}
		return errors.Join(errs...)
	}
	if !del {
		r.NLFlags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE
		return undo, a.stack.Routes.Add(r)
	}
	if err := a.stack.Routes.Delete(r); errors.Is(err, unix.ESRCH) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return undo, nil
}

// putRoute adds a route that was there, if it is not there.
func (a *applier) putRoute(r *route.Config) error {
	r.NLFlags = unix.NLM_F_CREATE | unix.NLM_F_APPEND
	if r.Family == unix.AF_INET && len(r.Hops) > 0 {
		r.NLFlags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE // the one that is there may have lost hops
	}
	if err := a.stack.Routes.Add(r); !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}
