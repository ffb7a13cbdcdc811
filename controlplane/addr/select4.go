// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// Select chooses the source address for dst of at most the given scope (RT_SCOPE_*) when the packet
// leaves on l: inet_select_addr for IPv4 (dst may be invalid: then family decides), ipv6_dev_get_saddr
// (RFC 6724) for IPv6. l may be nil. Invalid: there is none.
func (t *Table) Select(l *link.Link, dst netip.Addr, scope uint8) netip.Addr {
	if dst.Is4() || !dst.IsValid() {
		return t.Select4(l, dst, scope)
	}
	return t.Select6(l, dst)
}

// Select4 is inet_select_addr: the first primary of l whose subnet has dst, else its first primary,
// else the first of another link, each of at most the given scope.
func (t *Table) Select4(l *link.Link, dst netip.Addr, scope uint8) (found netip.Addr) {
	if l != nil && l.InDev {
		localnet := uint8(unix.RT_SCOPE_HOST)
		if l.RouteLocalnet() {
			localnet = unix.RT_SCOPE_LINK
		}
		for _, a := range t.v4[l.Index] {
			if a.Secondary() || min(a.Scope, localnet) > scope {
				continue
			}
			if !dst.IsValid() || dst.IsUnspecified() || a.Net().Contains(dst) {
				return a.Local()
			}
			if !found.IsValid() {
				found = a.Local()
			}
		}
		if found.IsValid() {
			return found
		}
	}
	for _, other := range t.links.All() {
		if l != nil && other.L3Master() != l.L3Master() {
			continue // of another domain
		}
		for _, a := range t.v4[other.Index] {
			if !a.Secondary() && a.Scope != unix.RT_SCOPE_LINK && a.Scope <= scope {
				return a.Local()
			}
		}
	}
	return netip.Addr{}
}

// Confirm is inet_confirm_addr: the own address local (invalid: any) of at most the given scope that
// has dst (invalid: any) in its subnet, of l (nil: any link). Invalid: there is none.
func (t *Table) Confirm(l *link.Link, dst, local netip.Addr, scope uint8) netip.Addr {
	if l != nil {
		return t.confirm(l, dst, local, scope)
	}
	for _, l := range t.links.All() {
		if a := t.confirm(l, dst, local, scope); a.IsValid() {
			return a
		}
	}
	return netip.Addr{}
}

// confirm is confirm_addr_indev.
func (t *Table) confirm(l *link.Link, dst, local netip.Addr, scope uint8) (found netip.Addr) {
	localnet := uint8(unix.RT_SCOPE_HOST)
	if l.RouteLocalnet() {
		localnet = unix.RT_SCOPE_LINK
	}
	same := false
	for _, a := range t.v4[l.Index] {
		least := min(a.Scope, localnet)
		if !found.IsValid() && (!local.IsValid() || local == a.Local()) && least <= scope {
			found = a.Local()
			if same {
				break
			}
		}
		if same {
			continue
		}
		same = (!local.IsValid() || a.Net().Contains(local)) && (!dst.IsValid() || a.Net().Contains(dst))
		if !same || !found.IsValid() {
			continue
		}
		if local.IsValid() || !dst.IsValid() || a.Net().Contains(found) {
			break
		}
		if least <= scope {
			found = a.Local()
			break
		}
		same = false
	}
	if !same {
		return netip.Addr{}
	}
	return found
}

// OnLink says whether a and b are in one subnet of an address of l (inet_addr_onlink); b may be
// invalid.
func (t *Table) OnLink(l *link.Link, a, b netip.Addr) bool {
	for _, x := range t.v4[l.Index] {
		if x.Net().Contains(a) && (!b.IsValid() || b.IsUnspecified() || x.Net().Contains(b)) {
			return true
		}
	}
	return false
}
