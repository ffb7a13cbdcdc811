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
	case t.local4().broadcast[a]:
		return unix.RTN_BROADCAST
	}
	return unix.RTN_UNICAST
}

// isLocal4 says whether table local has a as RTN_LOCAL: an own address, or in a subnet of lo.
func (t *Table) isLocal4(a netip.Addr) bool {
	if t.addrs.IsLocal(a) != nil {
		return true
	}
	for _, p := range t.local4().loopback {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// local4 is what else table local has: the broadcast addresses of the links that are up, and the
// subnets of lo. It is kept until an address or a link changes.
type local4 struct {
	broadcast map[netip.Addr]bool
	loopback  []netip.Prefix
}

func (t *Table) local4() *local4 {
	if t.local != nil {
		return t.local
	}
	t.local = &local4{broadcast: map[netip.Addr]bool{}}
	for _, x := range t.addrs.All(unix.AF_INET) {
		if x.Link.Loopback() {
			t.local.loopback = append(t.local.loopback, x.Net())
		}
		if !x.Link.Up() {
			continue
		}
		if x.Broadcast.IsValid() {
			t.local.broadcast[x.Broadcast] = true
		}
		if x.Bits() < 31 && !x.Secondary() {
			t.local.broadcast[lastOf(x.Net())] = true
		}
	}
	return t.local
}

// lastOf is the address of an IPv4 prefix whose host bits are all ones.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// routeInput is ip_route_input for an ARP request: the martians first, then the hook. Without the
// hook only own addresses, of any link, are reached.
func (t *Table) routeInput(in *link.Link, dst, src netip.Addr) (typ uint8, out *link.Link, ok bool) {
	switch {
	case src.IsMulticast(), src.As4()[0] == 0, src == limitedBroadcast,
		src.IsLoopback() && !in.RouteLocalnet(),
		t.addrs.IsLocal(src) != nil && !in.AcceptLocal():
		return 0, nil, false
	case t.RouteInput != nil:
		typ, out, err := t.RouteInput(in, dst, src)
		return typ, out, err == nil
	case t.addrs.IsLocal(dst) != nil:
		return unix.RTN_LOCAL, nil, true
	}
	return 0, nil, false
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// anycast says whether a is the subnet-router anycast address (RFC 4291 2.6.1) of an address of l,
// which a router has (addrconf_join_anycast).
func (t *Table) anycast(l *link.Link, a netip.Addr) bool {
	if t.Anycast != nil {
		return t.Anycast(l, a)
	}
	if !l.Forwarding6() {
		return false
	}
	for _, x := range t.addrs.OfLink(l, unix.AF_INET6) {
		if p := x.Prefix.Masked(); p.Bits() < 127 && p.Addr() == a && !a.IsUnspecified() {
			return true
		}
	}
	return false
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
func (t *Table) own6(l *link.Link, a netip.Addr) *addr.Addr { return t.addrs.Find(l, a) }
