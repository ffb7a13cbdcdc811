// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/conf"
	"skua/controlplane"
	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/nexthop"
	"skua/controlplane/route"
	"skua/dataplane"
)

// applier makes steps of a plan true. Every Set may be said again: what is there is replaced.
type applier struct {
	dp    *dataplane.Dataplane
	stack *controlplane.Stack
	ports map[string]uint16 // by link name
}

// Apply is conf.Applier.
func (a *applier) Apply(s conf.Step) (func() error, error) {
	a.stack.Net.Lock()
	defer a.stack.Net.Unlock()
	undo, err := a.step(s)
	if undo == nil {
		return nil, err
	}
	return func() error {
		a.stack.Net.Lock()
		defer a.stack.Net.Unlock()
		return undo()
	}, err
}

func (a *applier) step(s conf.Step) (func() error, error) {
	del := s.Op == conf.Del
	switch {
	case s.Link != nil && del:
		return a.delLink(s.Link)
	case s.Link != nil:
		return a.setLink(s.Link, s.Old)
	case s.Addr != nil && del:
		return func() error { return a.setAddr(s.Addr) }, a.delAddr(s.Addr)
	case s.Addr != nil:
		return func() error { return a.delAddr(s.Addr) }, a.setAddr(s.Addr)
	case s.Route != nil && del:
		return func() error { return a.setRoute(s.Route) }, a.delRoute(s.Route)
	case s.Route != nil:
		return func() error { return a.delRoute(s.Route) }, a.setRoute(s.Route)
	case s.Neigh != nil && del:
		return func() error { return a.setNeigh(s.Neigh) }, a.delNeigh(s.Neigh)
	case s.Neigh != nil:
		return func() error { return a.delNeigh(s.Neigh) }, a.setNeigh(s.Neigh)
	case s.Sysctl != nil:
		return a.setSysctl(s.Sysctl)
	case s.Hash != nil:
		return nil, a.setHashPolicy(uint32(*s.Hash))
	}
	return nil, errors.New("empty step")
}

// up brings the loopback link up, as every init system does.
func (a *applier) up() error {
	a.stack.Net.Lock()
	defer a.stack.Net.Unlock()
	return a.stack.Links.Change(a.stack.Links.Loopback(), link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP})
}

func (a *applier) find(name string) (*link.Link, error) {
	if l := a.stack.Links.ByName(name); l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("there is no link %q (any more)", name)
}

func (a *applier) setLink(c, old *conf.Link) (func() error, error) {
	l := a.stack.Links.ByName(c.Name)
	fresh := l == nil
	if fresh {
		var err error
		if l, err = a.addLink(c); err != nil {
			return nil, err
		}
	}
	undo := func() error {
		if fresh {
			_, err := a.delLink(c)
			return err
		}
		return a.changeLink(l, old)
	}
	if err := a.changeLink(l, c); err != nil {
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

// addLink opens the port and makes the link.
func (a *applier) addLink(c *conf.Link) (*link.Link, error) {
	id, port, err := a.dp.AddPort(portConfig(c))
	if err != nil {
		return nil, err
	}
	state, err := a.dp.PortLink(id)
	if err != nil {
		return nil, errors.Join(err, a.dp.DelPort(id))
	}
	cfg := link.Config{
		Name: c.Name, Port: id, Kind: linkKind(portKind(c)), HardAddr: port.MAC, PermAddr: port.MAC,
		MTU: uint32(port.MTU), MinMTU: uint32(port.MinMTU), MaxMTU: uint32(port.MaxMTU), Carrier: state.Up,
		NumTxQueues: uint32(port.TxQueues), NumRxQueues: uint32(port.RxQueues), ParentDev: c.PCI,
	}
	if c.PCI != "" {
		cfg.ParentBus = "pci"
	}
	l, err := a.stack.Links.Add(cfg)
	if err != nil {
		return nil, errors.Join(err, a.dp.DelPort(id))
	}
	a.ports[c.Name] = id
	return l, nil
}

// changeLink sets what the file says of a link that is there; c nil: nothing.
func (a *applier) changeLink(l *link.Link, c *conf.Link) error {
	if c == nil {
		return nil
	}
	mtu := uint32(c.MTU)
	ch := link.Change{MTU: &mtu, FlagsMask: unix.IFF_UP}
	if *c.Up {
		ch.Flags = unix.IFF_UP
	}
	if c.MAC != (conf.MAC{}) && link.HardAddr(c.MAC) != l.HardAddr {
		ch.HardAddr = c.MAC[:]
	}
	return a.stack.Links.Change(l, ch)
}

func (a *applier) delLink(c *conf.Link) (func() error, error) {
	l, err := a.find(c.Name)
	if err != nil {
		return nil, nil // someone was faster
	}
	port, ours := a.ports[c.Name]
	if err := a.stack.Links.Remove(l); err != nil {
		return nil, err
	}
	delete(a.ports, c.Name)
	if ours {
		if err := a.dp.DelPort(port); err != nil {
			return nil, err
		}
	}
	return func() error {
		_, err := a.setLink(c, nil)
		return err
	}, nil
}

func (a *applier) setAddr(c *conf.LinkAddr) error {
	l, err := a.find(c.Link)
	if err != nil {
		return err
	}
	_, err = a.stack.Addrs.Add(addr.Config{Link: l, Prefix: c.Prefix.Prefix, Scope: addrScope(c.Addr())},
		unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

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

func (a *applier) delAddr(c *conf.LinkAddr) error {
	l, err := a.find(c.Link)
	if err != nil {
		return nil
	}
	err = a.stack.Addrs.Delete(addr.Match{Link: l, Family: familyOf(c.Addr()),
		Local: c.Addr(), Bits: c.Bits()})
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil
	}
	return err
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

func (a *applier) setRoute(c *conf.Route) error {
	r, err := a.routeConfig(c)
	if err != nil {
		return err
	}
	r.NLFlags = unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	return a.stack.Routes.Add(r)
}

func (a *applier) delRoute(c *conf.Route) error {
	r, err := a.routeConfig(c)
	if err != nil {
		return nil // its link is gone, and the route with it
	}
	err = a.stack.Routes.Delete(r)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

func (a *applier) setNeigh(c *conf.Neigh) error {
	l, err := a.find(c.Dev)
	if err != nil {
		return err
	}
	return a.stack.Neighs.Add(neigh.Config{Link: l, Addr: c.To.Addr, HardAddr: link.HardAddr(c.LLAddr), HasAddr: true,
		NUD: unix.NUD_PERMANENT}, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
}

func (a *applier) delNeigh(c *conf.Neigh) error {
	l, err := a.find(c.Dev)
	if err != nil {
		return nil
	}
	err = a.stack.Neighs.Delete(neigh.Config{Link: l, Addr: c.To.Addr})
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func (a *applier) setSysctl(s *conf.SysctlSetting) (func() error, error) {
	links := a.stack.Links
	old, err := links.Sysctl(s.Name)
	if err != nil {
		return nil, fmt.Errorf("%s: Skua has no such sysctl: %w", s.Name, err)
	}
	if err := links.SetSysctl(s.Name, s.Value); err != nil {
		return nil, fmt.Errorf("%s = %s: %w", s.Name, s.Value, err)
	}
	return func() error { return links.SetSysctl(s.Name, old) }, nil
}

func (a *applier) setHashPolicy(policy uint32) error {
	return errors.Join(a.dp.SetMultipathHashPolicy(hostNet, unix.AF_INET, policy),
		a.dp.SetMultipathHashPolicy(hostNet, unix.AF_INET6, policy))
}
