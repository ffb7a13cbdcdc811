// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// change brings a twin from what it is to t, step by step: what was done is not done again when a
// later step fails and the whole is tried once more.
func (h *TwinHost) change(tw *hostTwin, t dpif.Twin) error {
	l := tw.link()
	if tw.is.HardAddr != t.HardAddr {
		if err := h.nl.LinkSetHardwareAddr(l, t.HardAddr[:]); err != nil {
			return fmt.Errorf("address %x: %w", t.HardAddr, err)
		}
		tw.is.HardAddr = t.HardAddr
		if tw.fd >= 0 {
			if err := setTwin(h.net, h.gen, t.Index, -1, t.HardAddr); err != nil {
				return err
			}
		}
	}
	if tw.is.Name != t.Name {
		if err := h.rename(tw, t.Name); err != nil {
			return fmt.Errorf("its name: %w", err)
		}
	}
	if tw.fd >= 0 {
		t.MTU = min(t.MTU, maxTapMTU)
	}
	if tw.is.MTU != t.MTU {
		if err := h.nl.LinkSetMTU(l, int(t.MTU)); err != nil {
			return fmt.Errorf("mtu %d: %w", t.MTU, err)
		}
		if tw.is.MTU < 1280 && t.MTU >= 1280 { // IPv6 is new on it
			if err := tame(tw.is.Name); err != nil {
				return err
			}
			tw.is.Addrs = nil
		}
		tw.is.MTU = t.MTU
	}
	if tw.is.Carrier != t.Carrier && tw.fd >= 0 {
		if err := setTapCarrier(tw.fd, t.Carrier); err != nil {
			return fmt.Errorf("carrier: %w", err)
		}
	}
	tw.is.Carrier = t.Carrier
	if err := h.enslave(tw, t.Master); err != nil {
		return err
	}
	if err := h.addrsLeave(tw, t.Addrs); err != nil {
		return err
	}
	if tw.is.Up != t.Up {
		set := h.nl.LinkSetDown
		if t.Up {
			set = h.nl.LinkSetUp
		}
		if err := set(l); err != nil {
			return err
		}
		tw.is.Up = t.Up
	}
	if err := h.addrsCome(tw, t.Addrs); err != nil {
		return err
	}
	return h.boundRoutes(tw, t)
}

// boundRoutes lets sockets that are bound to a twin reach what is not on its link. Nobody else takes
// these routes while there is a better one.
func (h *TwinHost) boundRoutes(tw *hostTwin, t dpif.Twin) error {
	if tw.fd < 0 {
		return nil // its links have them
	}
	if !t.Up {
		tw.is.Src4, tw.is.Src6, tw.near = netip.Addr{}, netip.Addr{}, nil // they went with it
		return nil
	}
	table := h.boundTable(tw, &t)
	for _, f := range []struct {
		family int
		src    netip.Addr
		was    *netip.Addr
	}{{unix.AF_INET, t.Src4, &tw.is.Src4}, {unix.AF_INET6, t.Src6, &tw.is.Src6}} {
		r := defaultRoute(t.Index, f.family, f.src, homeMetric+int(t.Index))
		r.Table = table
		if t.VRF != nil {
			r.MTU = int(t.VRF.MTU)
		}
		if err := h.setDefault(r, *f.was); err != nil {
			return err
		}
		*f.was = f.src
	}
	return h.nearRoutes(tw, t)
}

// rename is for kernels that rename no interface which is up, too. One of ours that has the name
// still, because it is about to get another, gives way.
func (h *TwinHost) rename(tw *hostTwin, name string) error {
	for _, other := range h.twins {
		if other != tw && other.is.Name == name {
			if err := h.rename(other, fmt.Sprintf("skua-twin%d", other.index)); err != nil {
				return err
			}
		}
	}
	l := tw.link()
	err := h.nl.LinkSetName(l, name)
	if errors.Is(err, unix.EBUSY) {
		if err = h.nl.LinkSetDown(l); err != nil {
			return err
		}
		err = h.nl.LinkSetName(l, name)
		if tw.is.Up {
			err = errors.Join(err, h.nl.LinkSetUp(l))
		}
		tw.is.Addrs = nil // what the kernel dropped meanwhile comes again
	}
	if err != nil {
		return err
	}
	tw.is.Name = name
	return nil
}

func (h *TwinHost) addrsLeave(tw *hostTwin, want []dpif.TwinAddr) error {
	for _, a := range slices.Clone(tw.is.Addrs) {
		if slices.Contains(want, a) {
			continue
		}
		err := h.nl.AddrDel(tw.link(), hostAddr(a))
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("address %s: %w", a.Prefix, err)
		}
		tw.is.Addrs = slices.DeleteFunc(tw.is.Addrs, func(b dpif.TwinAddr) bool { return a == b })
	}
	return nil
}

func (h *TwinHost) addrsCome(tw *hostTwin, want []dpif.TwinAddr) error {
	for _, a := range want {
		if slices.Contains(tw.is.Addrs, a) {
			continue
		}
		if err := h.nl.AddrReplace(tw.link(), hostAddr(a)); err != nil {
			return fmt.Errorf("address %s: %w", a.Prefix, err)
		}
		tw.is.Addrs = append(tw.is.Addrs, a)
	}
	return nil
}

func hostAddr(a dpif.TwinAddr) *netlink.Addr {
	ip := a.Prefix.Addr().AsSlice()
	bits := a.Prefix.Addr().BitLen()
	out := &netlink.Addr{
		IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(a.Prefix.Bits(), bits)}, Scope: int(a.Scope),
	}
	if a.Prefix.Addr().Is6() {
		out.Flags = unix.IFA_F_NODAD
	}
	if a.NoPrefixRoute {
		out.Flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if a.Peer.IsValid() {
		out.Peer = &net.IPNet{IP: a.Peer.AsSlice(), Mask: net.CIDRMask(a.Prefix.Bits(), bits)}
	}
	if a.Broadcast.IsValid() {
		out.Broadcast = a.Broadcast.AsSlice()
	} else if a.Prefix.Addr().Is4() {
		out.Broadcast = net.IPv4zero // else netlink computes one
	}
	return out
}
