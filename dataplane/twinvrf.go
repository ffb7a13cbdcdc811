// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// The twin of a VRF is a VRF of the host's with the same table, in which the twins of its links are:
// then sockets that are bound to it, or to one of its links, hear and send as they do on a kernel.
// Where the host's kernel makes no VRFs it is a TAP, with routes that only sockets find that are
// bound to it.

// vrfAlias is the IFLA_IFALIAS of the VRFs that are ours: they outlive a Skua that was killed.
const vrfAlias = "twin of Skua's"

// maxTapMTU is the greatest MTU of a TAP, in bytes: MAX_MTU of drivers/net/tun.c without the header.
const maxTapMTU = 65535 - 14

// addVRF makes a VRF of the host's, which is down. EOPNOTSUPP: its kernel makes none. What none of
// its links is the way to goes nowhere: it must not fall through to the tables of others.
func (h *TwinHost) addVRF(t dpif.Twin) (*hostTwin, error) {
	a := netlink.NewLinkAttrs()
	a.Name, a.Index, a.HardwareAddr = t.Name, int(t.Index), net.HardwareAddr(t.HardAddr[:])
	if err := h.nl.LinkAdd(&netlink.Vrf{LinkAttrs: a, Table: t.VRF.Table}); err != nil {
		return nil, err
	}
	tw := &hostTwin{fd: -1, index: t.Index, is: dpif.Twin{
		Index: t.Index, Name: t.Name, HardAddr: t.HardAddr, Carrier: t.Carrier, VRF: t.VRF,
	}}
	err := h.nl.LinkSetAlias(tw.link(), vrfAlias) // a new link takes none
	if err == nil {
		err = tame(t.Name)
	}
	for _, r := range nowhere(t.VRF.Table) {
		if err == nil {
			err = h.nl.RouteReplace(r)
		}
	}
	if err != nil {
		return nil, errors.Join(err, h.removeVRF(tw))
	}
	return tw, nil
}

// nowhere are the last routes of a VRF's table.
func nowhere(table uint32) []*netlink.Route {
	var out []*netlink.Route
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		r := defaultRoute(0, family, netip.Addr{}, unreachableMetric)
		r.Type, r.Table, r.Scope = unix.RTN_UNREACHABLE, int(table), unix.RT_SCOPE_UNIVERSE
		out = append(out, r)
	}
	return out
}

// unreachableMetric is what zebra and the kernel's documentation of VRFs use.
const unreachableMetric = 4278198272

// removeVRF removes a VRF of the host's. Its links stay, in none.
func (h *TwinHost) removeVRF(tw *hostTwin) error {
	var errs []error
	for _, r := range nowhere(tw.is.VRF.Table) {
		if h.vrfOfTable(tw.is.VRF.Table) != nil {
			break // another has them too
		}
		if err := h.nl.RouteDel(r); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, err)
		}
	}
	if err := h.nl.LinkDel(tw.link()); err != nil && !errors.Is(err, unix.ENODEV) {
		errs = append(errs, err)
	}
	for _, other := range h.twins {
		if other.is.Master == tw.index {
			other.left()
		}
	}
	return errors.Join(errs...)
}

// left says that a twin is in no VRF now, or in another one: it was down and up again meanwhile.
func (tw *hostTwin) left() {
	tw.is.Master, tw.is.Addrs = 0, nil
	tw.is.Src4, tw.is.Src6 = netip.Addr{}, netip.Addr{}
}

func (h *TwinHost) vrfOfTable(table uint32) *hostTwin {
	for _, tw := range h.twins {
		if tw.fd < 0 && tw.is.VRF.Table == table {
			return tw
		}
	}
	return nil
}

// sweepVRFs removes what a Skua that was killed left.
func (h *TwinHost) sweepVRFs() error {
	all, err := h.nl.LinkList()
	if err != nil {
		return err
	}
	for _, l := range all {
		vrf, is := l.(*netlink.Vrf)
		if !is || vrf.Alias != vrfAlias {
			continue
		}
		tw := &hostTwin{fd: -1, index: uint32(vrf.Index), is: dpif.Twin{
			Name: vrf.Name, VRF: &dpif.TwinVRF{Table: vrf.Table},
		}}
		if err := h.removeVRF(tw); err != nil {
			return fmt.Errorf("vrf %s of a Skua that is gone: %w", vrf.Name, err)
		}
	}
	return nil
}

// collect puts those twins into a VRF that were told of it before it was there.
func (h *TwinHost) collect(vrf *hostTwin) error {
	for _, tw := range h.twins {
		if tw.want.Master == vrf.index && tw.is.Master != vrf.index {
			if err := h.change(tw, tw.want); err != nil {
				return fmt.Errorf("twin of %s: %w", tw.want.Name, err)
			}
		}
	}
	return nil
}

// enslave puts a twin into a VRF of the host's, 0: into none.
func (h *TwinHost) enslave(tw *hostTwin, master uint32) error {
	if vrf := h.twins[master]; vrf == nil || vrf.fd >= 0 {
		master = 0 // it is a TAP, or comes later and its links with it
	}
	if tw.is.Master == master {
		return nil
	}
	set := func() error { return h.nl.LinkSetNoMaster(tw.link()) }
	if master != 0 {
		set = func() error { return h.nl.LinkSetMasterByIndex(tw.link(), int(master)) }
	}
	if err := set(); err != nil {
		return fmt.Errorf("its VRF: %w", err)
	}
	tw.left()
	tw.is.Master = master
	return nil
}

// boundTable is the table of the routes that only sockets find which are bound to a twin.
func (h *TwinHost) boundTable(tw *hostTwin, t *dpif.Twin) int {
	if vrf := h.twins[tw.is.Master]; vrf != nil && tw.is.Master != 0 {
		if !t.Carrier { // another link of the VRF is to be the way
			t.Src4, t.Src6 = netip.Addr{}, netip.Addr{}
		}
		return int(vrf.is.VRF.Table)
	}
	if t.VRF == nil {
		t.Src4 = netip.Addr{} // the host takes everything to be near
	}
	return unix.RT_TABLE_MAIN
}

// nearRoutes gives a TAP that stands for a VRF what is on the links of the VRF, so that sockets
// speak to each neighbour from our address there.
func (h *TwinHost) nearRoutes(tw *hostTwin, t dpif.Twin) error {
	if t.VRF == nil {
		return nil
	}
	wanted := map[dpif.TwinNear]bool{}
	for _, n := range t.VRF.Near {
		wanted[n] = true
	}
	for n := range tw.near {
		if wanted[n] {
			continue
		}
		gone := nearRoute(&t, n)
		gone.MTU = 0 // whichever it has
		if err := h.nl.RouteDel(gone); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("route to %s: %w", n.Prefix, err)
		}
	}
	tw.near = wanted
	for _, n := range t.VRF.Near { // again each time, as setDefault
		if err := h.nl.RouteReplace(nearRoute(&t, n)); err != nil {
			return fmt.Errorf("route to %s: %w", n.Prefix, err)
		}
	}
	return nil
}

func nearRoute(t *dpif.Twin, n dpif.TwinNear) *netlink.Route {
	family := unix.AF_INET
	if n.Src.Is6() {
		family = unix.AF_INET6
	}
	r := defaultRoute(t.Index, family, n.Src, homeMetric+int(t.Index))
	r.Dst = &net.IPNet{IP: n.Prefix.Addr().AsSlice(), Mask: net.CIDRMask(n.Prefix.Bits(), n.Src.BitLen())}
	r.MTU = int(t.VRF.MTU)
	return r
}
