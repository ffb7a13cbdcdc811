// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"net/netip"
	"slices"
	"syscall"
)

// AddrLabel is a row of the table of RFC 6724 section 2.1: what decides which source address goes
// with a destination (net/ipv6/addrlabel.c).
type AddrLabel struct {
	Prefix netip.Prefix // masked
	Index  uint32       // ifindex that it is for; 0: all
	Label  uint32
}

// defaultLabels are those of a new net. Two differ from RFC 6724's, as the kernel's do.
func defaultLabels() []AddrLabel {
	row := func(prefix string, label uint32) AddrLabel {
		return AddrLabel{Prefix: netip.MustParsePrefix(prefix), Label: label}
	}
	return []AddrLabel{
		row("::1/128", 0), row("::/96", 3), row("::ffff:0:0/96", 4), row("2001::/32", 6),
		row("2001:10::/28", 7), row("3ffe::/16", 12), row("2002::/16", 2), row("fec0::/10", 11),
		row("fc00::/7", 5), row("::/0", 1),
	}
}

// Labels gives the table, longest prefixes first. It is to be read only.
func (t *Table) Labels() []AddrLabel { return t.labels }

// LabelSeq counts the changes of the table.
func (t *Table) LabelSeq() uint32 { return t.labelSeq }

// AddLabel is ip6addrlbl_add. EEXIST: it is there, and not to be replaced; EINVAL: a prefix within
// the IPv4-mapped addresses.
func (t *Table) AddLabel(n AddrLabel, replace bool) error {
	n.Prefix = maskedOf(n.Prefix)
	if n.Prefix.Bits() > 96 && commonBits(n.Prefix.Addr(), mapped) >= 96 {
		return syscall.EINVAL
	}
	at := len(t.labels)
	for i, p := range t.labels {
		bits, want := p.Prefix.Bits(), n.Prefix.Bits()
		if p.Prefix == n.Prefix && p.Index == n.Index {
			if !replace {
				return syscall.EEXIST
			}
			t.labels[i] = n
			t.labelSeq++
			return nil
		}
		if bits == want && p.Index == 0 || bits < want {
			at = i
			break
		}
	}
	t.labels = slices.Insert(t.labels, at, n)
	t.labelSeq++
	return nil
}

var mapped = netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff})

// maskedOf is Prefix.Masked, which would take an IPv4-mapped address for one of IPv4.
func maskedOf(p netip.Prefix) netip.Prefix {
	b := p.Addr().As16()
	for i := range b {
		if keep := p.Bits() - 8*i; keep <= 0 {
			b[i] = 0
		} else if keep < 8 {
			b[i] &= ^byte(0) << (8 - keep)
		}
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), p.Bits())
}

// DelLabel is ip6addrlbl_del. ESRCH: it is not there.
func (t *Table) DelLabel(prefix netip.Prefix, index uint32) error {
	prefix = maskedOf(prefix)
	for i, p := range t.labels {
		if p.Prefix == prefix && p.Index == index {
			t.labels = slices.Delete(t.labels, i, i+1)
			return nil
		}
	}
	return syscall.ESRCH
}

// LabelOf finds the row of an address on a link, 0 for none (__ipv6_addr_label).
func (t *Table) LabelOf(ip netip.Addr, index uint32) (AddrLabel, bool) {
	for _, p := range t.labels {
		if (p.Index == 0 || p.Index == index) && contains(p.Prefix, ip) {
			return p, true
		}
	}
	return AddrLabel{}, false
}

// label is ipv6_addr_label: 0xffffffff where no row matches.
func (t *Table) label(ip netip.Addr, index uint32) uint32 {
	if p, ok := t.LabelOf(ip, index); ok {
		return p.Label
	}
	return ^uint32(0)
}
