// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// HomeName is the interface that stands for a net itself among the twins of its links.
const HomeName = "skua0"

// The way of the host's sockets to what is on no link of Skua's: an interface whose packets the data
// plane routes, a default route into it that gives way to every other, and for packets that have an
// address of Skua's already a rule that does not.
const (
	homeName   = HomeName
	homeMetric = 1 << 30
	homeTable  = 83 << 8 // of the rules; holds the default routes
	homeRule   = 32000   // before main
	homeProto  = 83      // RTA_PROTOCOL, FRA_PROTOCOL: ours, also after a Skua that was killed
	homeMTU    = 1500
	// homeIndexHost is its index in the namespaces of other nets, out of the way of links.
	homeIndexHost = 1 << 24
)

// addHome makes the interface. The calling thread is in the namespace.
func (h *TwinHost) addHome(ns *os.File) error {
	index := uint32(homeIndexHost)
	if err := h.sweepWays(); err != nil {
		return err
	}
	if err := h.sweepVRFs(); err != nil {
		return err
	}
	if !h.other {
		index = 0
		if err := h.sweep(); err != nil {
			return err
		}
	}
	fd, err := h.tap(ns, homeName, index)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("interface %s is there already: another Skua has its twins in this namespace", homeName)
	}
	if err != nil {
		return fmt.Errorf("interface %s: %w", homeName, err)
	}
	ifi, err := h.nl.LinkByName(homeName)
	if err != nil {
		unix.Close(fd)
		return err
	}
	t := dpif.Twin{Index: uint32(ifi.Attrs().Index), Name: homeName, MTU: homeMTU, Up: true, Carrier: true}
	copy(t.HardAddr[:], ifi.Attrs().HardwareAddr)
	tw, err := h.adopt(fd, homeIndex, t)
	if err != nil {
		return err
	}
	tw.is.MTU = t.MTU
	h.home = tw
	return h.change(tw, t)
}

// sweep deletes the rules of a Skua that was killed; its routes went with their interface.
func (h *TwinHost) sweep() error {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		rules, err := h.nl.RuleList(family)
		if err != nil {
			return err
		}
		for _, r := range rules {
			if r.Table == homeTable && r.Protocol == homeProto {
				r.Family = family
				if err := h.nl.RuleDel(&r); err != nil && !errors.Is(err, os.ErrNotExist) {
					return err
				}
			}
		}
	}
	return nil
}

// delHome removes the interface and the rules.
func (h *TwinHost) delHome() error {
	err := h.do(func(*os.File) error { return h.sweepWays() })
	if h.other {
		err = nil // its namespace has gone, perhaps
	} else {
		err = errors.Join(err, h.sweep())
	}
	home := h.home
	h.home = nil
	return errors.Join(err, h.remove(home, homeIndex))
}

// SetHome implements dpif.TwinHost.
func (h *TwinHost) SetHome(w dpif.TwinHome) error {
	h.restate = true
	err := h.do(func(*os.File) error { return h.setHome(w) })
	if err != nil {
		return fmt.Errorf("interface %s: %w", homeName, err)
	}
	return nil
}

func (h *TwinHost) setHome(w dpif.TwinHome) error {
	t := h.home.is
	t.Addrs = nil
	for _, a := range w.Addrs {
		t.Addrs = append(t.Addrs, dpif.TwinAddr{Prefix: netip.PrefixFrom(a, a.BitLen()), NoPrefixRoute: true})
	}
	if err := h.change(h.home, t); err != nil {
		return err
	}
	// a route whose preferred source is about to go would take the address' going with it
	for _, f := range []struct {
		family   int
		src, was netip.Addr
	}{{unix.AF_INET, w.Src4, h.src4}, {unix.AF_INET6, w.Src6, h.src6}} {
		if err := h.defaults(f.family, f.src, f.was); err != nil {
			return err
		}
	}
	h.src4, h.src6 = w.Src4, w.Src6
	if h.other { // whose routes are all Skua's
		return h.setLo(w.LoUp)
	}
	return h.rules(w.Sources)
}

// setLo lets the lo of another namespace follow Skua's: sockets speak to themselves by it.
func (h *TwinHost) setLo(up bool) error {
	lo, err := h.nl.LinkByIndex(1)
	if err != nil || (lo.Attrs().Flags&net.FlagUp != 0) == up {
		return err
	}
	if up {
		return h.nl.LinkSetUp(lo)
	}
	return h.nl.LinkSetDown(lo)
}

// rules sends what has an address of Skua's already into Skua.
func (h *TwinHost) rules(want []netip.Addr) error {
	wanted := map[netip.Addr]bool{}
	for _, a := range want {
		wanted[a] = true
	}
	for a := range h.sources {
		if wanted[a] {
			continue
		}
		if err := h.nl.RuleDel(homeRuleOf(a)); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("rule from %s: %w", a, err)
		}
		delete(h.sources, a)
	}
	for _, a := range want {
		if h.sources[a] {
			continue
		}
		if err := h.nl.RuleAdd(homeRuleOf(a)); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("rule from %s: %w", a, err)
		}
		h.sources[a] = true
	}
	return nil
}

// defaults sets the two default routes of a family.
func (h *TwinHost) defaults(family int, src, was netip.Addr) error {
	r := defaultRoute(h.home.index, family, netip.Addr{}, homeMetric)
	r.Table = homeTable
	if err := h.nl.RouteReplace(r); err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	return h.setDefault(defaultRoute(h.home.index, family, src, homeMetric), was)
}

// setDefault sets a default route into an interface, or removes it when it has no source. It is said
// again each time: the kernel drops a route with the address that it prefers.
func (h *TwinHost) setDefault(r *netlink.Route, was netip.Addr) error {
	src, _ := netip.AddrFromSlice(r.Src)
	if was.IsValid() && was != src {
		gone := *r
		gone.Src, gone.MTU = was.AsSlice(), 0 // whichever it has
		err := h.nl.RouteDel(&gone)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("default route from %s: %w", was, err)
		}
	}
	if !src.IsValid() {
		return nil
	}
	if err := h.nl.RouteReplace(r); err != nil {
		return fmt.Errorf("default route from %s: %w", src, err)
	}
	return nil
}

func defaultRoute(index uint32, family int, src netip.Addr, metric int) *netlink.Route {
	r := &netlink.Route{
		LinkIndex: int(index), Family: family, Table: unix.RT_TABLE_MAIN, Priority: metric, Protocol: homeProto,
		Dst: &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)},
	}
	if family == unix.AF_INET6 {
		r.Dst = &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	} else {
		r.Scope = unix.RT_SCOPE_LINK
	}
	if src.IsValid() {
		r.Src = src.AsSlice()
	}
	return r
}

func homeRuleOf(a netip.Addr) *netlink.Rule {
	r := netlink.NewRule()
	r.Family = unix.AF_INET
	if a.Is6() {
		r.Family = unix.AF_INET6
	}
	r.Src = &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
	r.Table, r.Priority, r.Protocol = homeTable, homeRule, homeProto
	return r
}
