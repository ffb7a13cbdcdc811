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

// SetWays implements dpif.TwinHost.
func (h *TwinHost) SetWays(ways []dpif.TwinWay) error {
	want := make(map[netip.Prefix]dpif.TwinWay, len(ways))
	same := len(ways) == len(h.ways) && !h.restate
	for _, w := range ways {
		want[w.Dst] = w
		same = same && h.ways[w.Dst] == w
	}
	if same {
		return nil
	}
	err := h.do(func(*os.File) error { return h.setWays(want) })
	if err != nil {
		return fmt.Errorf("interface %s: %w", homeName, err)
	}
	return nil
}

// setWays goes on with the others when one way is refused. Routes are said again when addresses have
// changed: the kernel drops a route with the address that it prefers.
func (h *TwinHost) setWays(want map[netip.Prefix]dpif.TwinWay) error {
	var errs error
	for dst, was := range h.ways {
		if want[dst] == was {
			continue
		}
		if err := h.nl.RouteDel(h.wayRoute(was)); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = fmt.Errorf("route to %s: %w", dst, err)
			continue
		}
		delete(h.ways, dst)
	}
	for dst, w := range want {
		if h.ways[dst] == w && !h.restate {
			continue
		}
		if err := h.nl.RouteReplace(h.wayRoute(w)); err != nil {
			errs = fmt.Errorf("route to %s: %w", dst, err)
			continue
		}
		h.ways[dst] = w
	}
	h.restate = errs != nil
	return errs
}

// wayRoute is a way as a route of the host.
func (h *TwinHost) wayRoute(w dpif.TwinWay) *netlink.Route {
	r := &netlink.Route{
		Dst:      &net.IPNet{IP: w.Dst.Addr().AsSlice(), Mask: net.CIDRMask(w.Dst.Bits(), w.Dst.Addr().BitLen())},
		Table:    h.waysTable(),
		Priority: homeMetric, Protocol: homeProto, Type: int(w.Type), MTU: int(w.MTU),
	}
	if w.Type != unix.RTN_UNICAST {
		return r
	}
	r.LinkIndex = int(h.home.index)
	if w.Dst.Addr().Is4() {
		r.Scope = unix.RT_SCOPE_LINK
	}
	if w.Src.IsValid() && !w.Src.IsLinkLocalUnicast() {
		r.Src = w.Src.AsSlice()
	}
	return r
}

// sweepWays deletes the routes that go with no interface: those by which sockets are refused. They
// stay when a Skua is killed.
func (h *TwinHost) sweepWays() error {
	clear(h.ways)
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		of := &netlink.Route{Table: h.waysTable(), Protocol: homeProto}
		routes, err := h.nl.RouteListFiltered(family, of, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
		if err != nil {
			return err
		}
		for _, r := range routes {
			if r.Type == unix.RTN_UNICAST {
				continue
			}
			if err := h.nl.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("route to %s: %w", r.Dst, err)
			}
		}
	}
	return nil
}

// waysTable is the main one where there are no routes but Skua's. Else the host may have some of its
// own, and the ways are in the table that only packets with an address of Skua's ask.
func (h *TwinHost) waysTable() int {
	if h.other {
		return unix.RT_TABLE_MAIN
	}
	return homeTable
}
