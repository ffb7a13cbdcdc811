// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"math/bits"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// Scopes of IPv6 addresses in the encoding of multicast scopes (IPV6_ADDR_SCOPE_*).
const (
	scopeNodeLocal = 0x1
	scopeLinkLocal = 0x2
	scopeSiteLocal = 0x5
	scopeGlobal    = 0xe
)

func isSiteLocal(ip netip.Addr) bool {
	b := ip.As16()
	return b[0] == 0xfe && b[1]&0xc0 == 0xc0
}

// srcScope is ipv6_addr_src_scope.
func srcScope(ip netip.Addr) int {
	switch {
	case ip.IsMulticast():
		return int(ip.As16()[1] & 0xf)
	case ip.IsLoopback():
		return scopeLinkLocal // as RFC 4007 has it and __ipv6_addr_type says
	case ip.IsLinkLocalUnicast():
		return scopeLinkLocal
	case isSiteLocal(ip):
		return scopeSiteLocal
	default:
		return scopeGlobal
	}
}

// Scope6 is the RT_SCOPE_* of an IPv6 address (rt_scope(ipv6_addr_scope(ip))).
func Scope6(ip netip.Addr) uint8 {
	scope := srcScope(ip)
	switch {
	case ip.IsLoopback(), ip.IsMulticast() && scope == scopeNodeLocal:
		return unix.RT_SCOPE_HOST
	case scope == scopeLinkLocal:
		return unix.RT_SCOPE_LINK
	case scope == scopeSiteLocal:
		return unix.RT_SCOPE_SITE
	default:
		return unix.RT_SCOPE_UNIVERSE
	}
}

// contains is Prefix.Contains, which would never match an IPv4-mapped address against ::/96.
func contains(p netip.Prefix, ip netip.Addr) bool {
	return commonBits(p.Addr(), ip) >= p.Bits()
}

// commonBits is ipv6_addr_diff: how many leading bits agree.
func commonBits(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			return i*8 + bits.LeadingZeros8(d)
		}
	}
	return 128
}

// candidate is a source address under test.
type candidate struct {
	a     *Addr
	scope int
	match int
}

// Select6 is ipv6_dev_get_saddr without preferences of a socket: the best source address for dst
// when the packet leaves on l (nil: not known). Multicast and link-local destinations take
// addresses of l only.
func (t *Table) Select6(l *link.Link, dst netip.Addr) netip.Addr {
	dst = dst.WithZone("")
	scope := srcScope(dst)
	only := l != nil && (dst.IsMulticast() || scope <= scopeLinkLocal || l.Conf6.UseOifAddrsOnly != 0)
	var best candidate
	for _, on := range t.links.All() {
		if only && on != l || l != nil && on.L3Master() != l.L3Master() {
			continue
		}
		for _, a := range t.v6[on.Index] {
			if !a.Usable6() || a.Local().IsMulticast() {
				continue
			}
			c := candidate{a: a, scope: srcScope(a.Local())}
			c.match = min(commonBits(a.Local(), dst), a.Bits())
			if best.a == nil || t.better(&c, &best, l, dst, scope) {
				best = c
			}
		}
	}
	if best.a == nil {
		return netip.Addr{}
	}
	return best.a.Local()
}

// better is the comparison of RFC 6724 section 5: is c a better source for dst than best?
func (t *Table) better(c, best *candidate, l *link.Link, dst netip.Addr, scope int) bool {
	rule := func(x, y bool) int { // 1: c has it alone, -1: best has it alone
		switch {
		case x && !y:
			return 1
		case y && !x:
			return -1
		default:
			return 0
		}
	}
	has := func(c *candidate, flag uint32) bool { return c.a.Flags&flag != 0 }

	// Rule 1: the destination itself.
	if r := rule(c.a.Local() == dst, best.a.Local() == dst); r != 0 {
		return r > 0
	}
	// Rule 2: appropriate scope. The smaller one, unless it is smaller than the destination's.
	if c.scope != best.scope {
		if c.scope < best.scope {
			return c.scope >= scope
		}
		return best.scope < scope
	}
	// Rule 3: not deprecated; an optimistic address is worse than any other.
	if r := rule(!has(c, unix.IFA_F_DEPRECATED|unix.IFA_F_OPTIMISTIC), !has(best, unix.IFA_F_DEPRECATED|unix.IFA_F_OPTIMISTIC)); r != 0 {
		return r > 0
	}
	// Rule 4: home address.
	if r := rule(has(c, unix.IFA_F_HOMEADDRESS), has(best, unix.IFA_F_HOMEADDRESS)); r != 0 {
		return r > 0
	}
	// Rule 5: of the outgoing link.
	if r := rule(c.a.Link == l, best.a.Link == l); l != nil && r != 0 {
		return r > 0
	}
	// Rule 6: same label as the destination.
	oif := uint32(0)
	if l != nil {
		oif = l.Index
	}
	want := t.label(dst, oif)
	same := func(c *candidate) bool { return t.label(c.a.Local(), c.a.Link.Index) == want }
	if r := rule(same(c), same(best)); r != 0 {
		return r > 0
	}
	// Rule 7: a public address, unless use_tempaddr of the link prefers temporary ones.
	tmp := func(c *candidate) bool {
		prefer := c.a.Link.Conf6.UseTempaddr >= 2
		return has(c, unix.IFA_F_TEMPORARY) == prefer
	}
	if r := rule(tmp(c), tmp(best)); r != 0 {
		return r > 0
	}
	// Rule 8: longest matching prefix.
	return c.match > best.match
}
