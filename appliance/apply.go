// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"skua/conf"
	"skua/controlplane"
	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/dataplane"
)

// ports makes devices: *dataplane.Dataplane, or paper for `skua check`.
type ports interface {
	AddPort(dataplane.PortConfig) (uint16, dataplane.PortInfo, error)
	DelPort(uint16) error
	PortInfo(uint16) (dataplane.PortInfo, error)
	PortLink(uint16) (dataplane.LinkState, error)
	SetPortPlacement(uint16, dataplane.Placement) error
	SetIdle(dataplane.Idle) error
}

// applier makes steps of a plan true. Every Set may be said again: what is there is replaced. What
// takes a step back puts back what was there, also when an operator had put it there; what else a
// step costs (a link takes its routes along) is a snapshot's to put back.
type applier struct {
	ports ports
	stack *controlplane.Stack
	of    map[string]uint16 // the port of a link of the file: the link may have another name by now
	// sysctls are those that a file set, as they were before.
	sysctls map[string]string
	idle    dataplane.Idle // what cores without packets do
}

func newApplier(p ports, stack *controlplane.Stack, idle dataplane.Idle) *applier {
	return &applier{ports: p, stack: stack, of: map[string]uint16{}, sysctls: map[string]string{}, idle: idle}
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
		return a.setLink(s)
	case s.Addr != nil && del:
		return a.delAddr(s.Addr)
	case s.Addr != nil:
		return a.setAddr(s.Addr)
	case s.Route != nil:
		return a.route(s.Route, del)
	case s.Neigh != nil && del:
		return a.delNeigh(s.Neigh)
	case s.Neigh != nil:
		return a.setNeigh(s.Neigh)
	case s.Sysctl != nil && del:
		return a.delSysctl(s.Sysctl.Name)
	case s.Sysctl != nil:
		return a.setSysctl(s.Sysctl)
	case s.Idle != nil:
		return a.setIdle(idleConfig(*s.Idle))
	}
	return nil, errors.New("empty step")
}

func (a *applier) setIdle(idle dataplane.Idle) (func() error, error) {
	was := a.idle
	if err := a.ports.SetIdle(idle); err != nil {
		return nil, err
	}
	a.idle = idle
	return func() error {
		a.idle = was
		return a.ports.SetIdle(was)
	}, nil
}

// up brings the loopback link up, as every init system does.
func (a *applier) up() error {
	a.stack.Net.Lock()
	defer a.stack.Net.Unlock()
	return a.stack.Links.Change(a.stack.Links.Loopback(), link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP})
}

// link finds a link of the file, or lo; nil: it is not there.
func (a *applier) link(name string) *link.Link {
	port, ours := a.of[name]
	if !ours {
		return a.stack.Links.ByName(name)
	}
	for _, l := range a.stack.Links.All() {
		if l.Port == port && !l.Loopback() {
			return l
		}
	}
	return nil
}

func (a *applier) find(name string) (*link.Link, error) {
	if l := a.link(name); l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("there is no link %q", name)
}

// setLink makes a link, or changes the one that is there.
func (a *applier) setLink(s conf.Step) (func() error, error) {
	c := s.Link
	l := a.link(c.Name)
	if l == nil {
		l, err := a.addLink(c, 0)
		if err != nil {
			return nil, err
		}
		undo := func() error { return a.removeLink(c.Name) }
		if s.Hold {
			return undo, nil
		}
		if err := a.changeLink(l, c, nil); err != nil {
			return nil, errors.Join(err, undo())
		}
		return undo, nil
	}
	was := settings(l)
	back := func() error {
		l := a.link(c.Name)
		if l == nil {
			return nil
		}
		return errors.Join(a.placeLink(l, s.Old, c), a.stack.Links.Change(l, was))
	}
	if err := errors.Join(a.placeLink(l, c, s.Old), a.changeLink(l, c, s.Old)); err != nil {
		return nil, errors.Join(err, back())
	}
	return back, nil
}

// placeLink moves the receive queues of a link, when the file said otherwise before.
func (a *applier) placeLink(l *link.Link, c, old *conf.Link) error {
	if c == nil || old == nil || conf.SamePlacement(c, old) {
		return nil
	}
	return a.ports.SetPortPlacement(l.Port, placement(c))
}

// addLink opens the port and makes the link, which is down. index 0: the next free one.
func (a *applier) addLink(c *conf.Link, index uint32) (*link.Link, error) {
	id, port, err := a.ports.AddPort(portConfig(c))
	if err != nil {
		return nil, err
	}
	state, err := a.ports.PortLink(id)
	if err != nil {
		return nil, errors.Join(err, a.ports.DelPort(id))
	}
	cfg := link.Config{
		Index: index, Name: c.Name, Port: id, Kind: linkKind(portKind(c)), HardAddr: port.MAC,
		MTU: uint32(port.MTU), MinMTU: uint32(port.MinMTU), MaxMTU: uint32(port.MaxMTU), Carrier: state.Up,
		NumTxQueues: uint32(port.TxQueues), NumRxQueues: uint32(port.RxQueues), ParentDev: c.PCI,
	}
	if c.PCI != "" {
		cfg.ParentBus, cfg.PermAddr = "pci", port.PermMAC
	}
	l, err := a.stack.Links.Add(cfg)
	if err != nil {
		return nil, errors.Join(err, a.ports.DelPort(id))
	}
	a.of[c.Name] = id
	return l, nil
}

// settings are what of a link a file can change.
func settings(l *link.Link) link.Change {
	mtu := l.MTU
	return link.Change{MTU: &mtu, HardAddr: append([]byte(nil), l.HardAddr[:]...), Flags: l.Flags & unix.IFF_UP, FlagsMask: unix.IFF_UP}
}

// changeLink sets what the file says of a link that is there, and did not say before: the rest may
// be as its operator wants it by now.
func (a *applier) changeLink(l *link.Link, c, old *conf.Link) error {
	var ch link.Change
	if mtu := uint32(c.MTU); old == nil || old.MTU != c.MTU {
		ch.MTU = &mtu
	}
	if old == nil || *old.Up != *c.Up {
		ch.FlagsMask = unix.IFF_UP
		if *c.Up {
			ch.Flags = unix.IFF_UP
		}
	}
	if old != nil && old.MAC != c.MAC {
		mac := c.MAC
		if mac == (conf.MAC{}) {
			port, err := a.ports.PortInfo(l.Port)
			if err != nil {
				return err
			}
			mac = port.PermMAC
		}
		ch.HardAddr = mac[:]
	}
	return a.stack.Links.Change(l, ch)
}

func (a *applier) delLink(c *conf.Link) (func() error, error) {
	l := a.link(c.Name)
	if l == nil {
		return nil, nil
	}
	was := *l
	if err := a.removeLink(c.Name); err != nil {
		return nil, err
	}
	return func() error {
		l, err := a.addLink(c, was.Index)
		if err != nil {
			return err
		}
		name, ch := was.Name, settings(&was)
		ch.Name = &name
		ch.Flags = was.Flags & (unix.IFF_UP | unix.IFF_PROMISC | unix.IFF_ALLMULTI | unix.IFF_NOARP)
		ch.FlagsMask = unix.IFF_UP | unix.IFF_PROMISC | unix.IFF_ALLMULTI | unix.IFF_NOARP
		return errors.Join(a.stack.Links.Inherit(l, &was), a.stack.Links.Change(l, ch))
	}, nil
}

// removeLink removes a link and gives its device back.
func (a *applier) removeLink(name string) error {
	port, ours := a.of[name]
	if l := a.link(name); l != nil {
		if err := a.stack.Links.Remove(l); err != nil {
			return err
		}
	}
	delete(a.of, name)
	if !ours {
		return nil
	}
	return a.ports.DelPort(port)
}

// addrOf finds an address with its prefix length on a link; nil: it is not there.
func (a *applier) addrOf(l *link.Link, c *conf.LinkAddr) *addr.Addr {
	for _, x := range a.stack.Addrs.OfLink(l, familyOf(c.Addr())) {
		if x.Prefix == c.Prefix.Prefix {
			return x
		}
	}
	return nil
}

func (a *applier) setAddr(c *conf.LinkAddr) (func() error, error) {
	l, err := a.find(c.Link)
	if err != nil {
		return nil, err
	}
	undo := func() error { return a.dropAddr(c) }
	if old := a.addrOf(l, c); old != nil {
		was := addrConfig(a.stack, old)
		undo = func() error { return a.putAddr(was, c.Link) }
	}
	return undo, a.putAddr(addr.Config{Prefix: c.Prefix.Prefix, Scope: addrScope(c.Addr())}, c.Link)
}

// putAddr adds an address, or makes the one that is there so.
func (a *applier) putAddr(cfg addr.Config, name string) error {
	l, err := a.find(name)
	if err != nil {
		return err
	}
	cfg.Link = l
	_, err = a.stack.Addrs.Add(cfg, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	return err
}

func (a *applier) delAddr(c *conf.LinkAddr) (func() error, error) {
	l := a.link(c.Link)
	if l == nil {
		return nil, nil
	}
	old := a.addrOf(l, c)
	if old == nil {
		return nil, nil // someone was faster
	}
	was := addrConfig(a.stack, old)
	return func() error { return a.putAddr(was, c.Link) }, a.dropAddr(c)
}

func (a *applier) dropAddr(c *conf.LinkAddr) error {
	l := a.link(c.Link)
	if l == nil {
		return nil
	}
	err := a.stack.Addrs.Delete(addr.Match{Link: l, Family: familyOf(c.Addr()), Local: c.Addr(),
		Address: c.Addr(), Bits: c.Bits()})
	if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENXIO) {
		return nil
	}
	return err
}

func (a *applier) setNeigh(c *conf.Neigh) (func() error, error) {
	l, err := a.find(c.Dev)
	if err != nil {
		return nil, err
	}
	undo := func() error { return a.dropNeigh(c) }
	if old := a.stack.Neighs.Lookup(l, c.To.Addr); old != nil && old.NUD&neigh.Valid != 0 {
		was := neighConfig(old)
		undo = func() error { return a.putNeigh(was, c.Dev) }
	}
	return undo, a.putNeigh(neigh.Config{Addr: c.To.Addr, HardAddr: link.HardAddr(c.LLAddr), HasAddr: true,
		NUD: unix.NUD_PERMANENT}, c.Dev)
}

func (a *applier) putNeigh(cfg neigh.Config, name string) error {
	l, err := a.find(name)
	if err != nil {
		return err
	}
	cfg.Link = l
	return a.stack.Neighs.Add(cfg, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
}

func (a *applier) delNeigh(c *conf.Neigh) (func() error, error) {
	l := a.link(c.Dev)
	if l == nil {
		return nil, nil
	}
	old := a.stack.Neighs.Lookup(l, c.To.Addr)
	if old == nil {
		return nil, nil
	}
	was := neighConfig(old)
	return func() error { return a.putNeigh(was, c.Dev) }, a.dropNeigh(c)
}

func (a *applier) dropNeigh(c *conf.Neigh) error {
	l := a.link(c.Dev)
	if l == nil {
		return nil
	}
	err := a.stack.Neighs.Delete(neigh.Config{Link: l, Addr: c.To.Addr})
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func (a *applier) setSysctl(s *conf.SysctlSetting) (func() error, error) {
	links := a.stack.Links
	old, err := links.Sysctl(s.Name)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, errors.New("Skua has no such sysctl")
	case errors.Is(err, unix.EACCES):
		return nil, errors.New("it is the host kernel's, or not for reading: set it there")
	}
	if err != nil {
		return nil, err
	}
	if err := links.SetSysctl(s.Name, s.Value); err != nil {
		return nil, fmt.Errorf("to %q: %w", s.Value, err)
	}
	_, known := a.sysctls[s.Name]
	if !known {
		a.sysctls[s.Name] = old
	}
	return func() error {
		if !known {
			delete(a.sysctls, s.Name)
		}
		if err := links.SetSysctl(s.Name, old); !errors.Is(err, unix.ENOENT) {
			return err
		}
		return nil // its link is gone again
	}, nil
}

// delSysctl makes a sysctl what it was before a file set it.
func (a *applier) delSysctl(name string) (func() error, error) {
	was, ok := a.sysctls[name]
	if !ok {
		return nil, nil
	}
	undo, err := a.setSysctl(&conf.SysctlSetting{Name: name, Value: was})
	if err != nil {
		return nil, err
	}
	delete(a.sysctls, name)
	return func() error {
		a.sysctls[name] = was
		return undo()
	}, nil
}
