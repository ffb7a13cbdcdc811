// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
)

// What ARP and ND ask of the own addresses.

// addrType is inet_addr_type_dev_table: what an IPv4 address is, by the routes that the own addresses
// make in table local.
func (t *Table) addrType(a netip.Addr) uint8 {
	b := a.As4()
	switch {
	case b[0] == 0 || b == [4]byte{255, 255, 255, 255}:
		return unix.RTN_BROADCAST
	case a.IsMulticast():
		return unix.RTN_MULTICAST
	case t.isLocal4(a):
		return unix.RTN_LOCAL
	}
	if t.broadcasts == nil {
		t.broadcasts = t.findBroadcasts()
	}
	if t.broadcasts[a] {
		return unix.RTN_BROADCAST
	}
	return unix.RTN_UNICAST
}

// isLocal4 says whether table local has a as RTN_LOCAL: an own address, or in a subnet of lo.
func (t *Table) isLocal4(a netip.Addr) bool {
	if t.addrs.IsLocal(a) != nil {
		return true
	}
	if lo := t.links.Loopback(); lo != nil {
		for _, x := range t.addrs.OfLink(lo, unix.AF_INET) {
			if x.Net().Contains(a) {
				return true
			}
		}
	}
	return false
}

// findBroadcasts collects the broadcast addresses of all links that are up. The result is kept until
// an address or a link changes.
func (t *Table) findBroadcasts() map[netip.Addr]bool {
	all := map[netip.Addr]bool{}
	for _, x := range t.addrs.All(unix.AF_INET) {
		if !x.Link.Up() {
			continue
		}
		if x.Broadcast.IsValid() {
			all[x.Broadcast] = true
		}
		if x.Bits() < 31 && !x.Secondary() {
			all[lastOf(x.Net())] = true
		}
	}
	return all
}

// lastOf is the address of an IPv4 prefix whose host bits are all ones.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// routeInput is ip_route_input for an ARP request: RTN_LOCAL for an own address of any link without
// the hook.
func (t *Table) routeInput(in *link.Link, dst, src netip.Addr) (typ uint8, out *link.Link, ok bool) {
	if t.RouteInput != nil {
		typ, out, err := t.RouteInput(in, dst, src)
		return typ, out, err == nil
	}
	if t.addrs.IsLocal(src) != nil || src.IsMulticast() || src.IsLoopback() {
		return 0, nil, false // a martian
	}
	if t.addrs.IsLocal(dst) != nil {
		return unix.RTN_LOCAL, nil, true
	}
	return 0, nil, false
}

// confirmAddr is inet_confirm_addr: an own address of l (of any link when l is nil) of at most the
// given scope that is local, or any when local is unspecified, and whose subnet has dst unless that
// is unspecified.
func (t *Table) confirmAddr(l *link.Link, dst, local netip.Addr, scope uint8) bool {
	if l != nil {
		return t.confirmAddrLink(l, dst, local, scope)
	}
	for _, l := range t.links.All() {
		if l.InDev && t.confirmAddrLink(l, dst, local, scope) {
			return true
		}
	}
	return false
}

// confirmAddrLink is confirm_addr_indev.
func (t *Table) confirmAddrLink(l *link.Link, dst, local netip.Addr, scope uint8) bool {
	var found netip.Addr
	same := false
	hostScope := uint8(unix.RT_SCOPE_HOST)
	if l.RouteLocalnet() {
		hostScope = unix.RT_SCOPE_LINK
	}
	match := func(a netip.Addr, x *addr.Addr) bool { return a.IsUnspecified() || x.Net().Contains(a) }
	for _, x := range t.addrs.OfLink(l, unix.AF_INET) {
		least := min(x.Scope, hostScope)
		if !found.IsValid() && (local == x.Local() || local.IsUnspecified()) && least <= scope {
			found = x.Local()
			if same {
				break
			}
		}
		if same {
			continue
		}
		if same = match(local, x) && match(dst, x); !same || !found.IsValid() {
			continue
		}
		if !local.IsUnspecified() || dst.IsUnspecified() || x.Net().Contains(found) {
			break
		}
		if least <= scope {
			found = x.Local()
			break
		}
		same = false // the address found earlier is of another subnet
	}
	return same && found.IsValid()
}

// linkLocal is ipv6_get_lladdr: the link-local address of l that has none of the banned IFA_F_*.
func (t *Table) linkLocal(l *link.Link, banned uint32) netip.Addr {
	all := t.addrs.OfLink(l, unix.AF_INET6)
	for i := len(all) - 1; i >= 0; i-- {
		if a := all[i]; a.Local().IsLinkLocalUnicast() && a.Flags&banned == 0 {
			return a.Local()
		}
	}
	return netip.Addr{}
}

// own6 finds the address a of l (ipv6_get_ifaddr with strict).
func (t *Table) own6(l *link.Link, a netip.Addr) *addr.Addr {
	for _, x := range t.addrs.OfLink(l, unix.AF_INET6) {
		if x.Local() == a {
			return x
		}
	}
	return nil
}
