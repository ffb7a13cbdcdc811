// SPDX-License-Identifier: BSD-3-Clause

package rule

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// tosMask4 is the part of the DS field that IPv4 rules look at (IPTOS_RT_MASK).
const tosMask4 = 0x1c

// loopback is the index of lo, by which packets of our own come in (LOOPBACK_IFINDEX).
const loopback = 1

// Flow is what rules look at (flowi). An invalid address matches no prefix longer than none.
type Flow struct {
	Family       uint8
	TOS          uint8 // DS field; of IPv4 what IPTOS_RT_MASK leaves counts
	Proto        uint8
	Iif, Oif     uint32 // Iif 1: a packet of our own
	L3mdev       uint32 // index of the L3 master device; Update finds it
	Mark, UID    uint32
	TunID        uint64
	Src, Dst     netip.Addr
	Sport, Dport uint16
}

// Update finds the L3 master device of a flow by its output link, or else its input link. An output
// link that is such a device itself is only that (l3mdev_update_flow).
func (t *Table) Update(f *Flow) {
	if f.Oif != 0 {
		if l := t.links.ByIndex(f.Oif); l != nil {
			master := l.L3Master()
			if f.L3mdev == 0 && master != nil {
				f.L3mdev = master.Index
			}
			if master == l {
				f.Oif = 0
			}
			return
		}
	}
	if f.Iif > loopback && f.L3mdev == 0 {
		if l := t.links.ByIndex(f.Iif); l != nil {
			if master := l.L3Master(); master != nil {
				f.L3mdev = master.Index
			}
		}
	}
}

// L3Table is the table of a flow's L3 master device; 0: there is none.
func (t *Table) L3Table(f *Flow) uint32 {
	if f.L3mdev == 0 {
		return 0
	}
	if l := t.links.ByIndex(f.L3mdev); l != nil && l.L3Master() == l {
		return l.L3Table()
	}
	return 0
}

// Lookup goes through the rules for a flow that Update has seen (fib_rules_lookup). For each that
// leads to a table it calls ask; EAGAIN from there goes on with the next rule. A rule that ends the
// lookup gives ENETUNREACH, EACCES or EINVAL; ESRCH: none did.
func (t *Table) Lookup(f *Flow, ask func(r *Rule, table uint32) syscall.Errno) syscall.Errno {
	list := t.family(f.Family).list
	l3table := t.L3Table(f)
	var jump *Rule
	for _, r := range list {
		if jump != nil && r != jump {
			continue
		}
		jump = nil
		if r.matches(f, l3table) == (r.Flags&FlagInvert != 0) {
			continue
		}
		switch r.Action {
		case ActionGoto:
			jump = r.target
		case ActionNop:
		case ActionToTable:
			table := r.Table
			if r.L3mdev {
				table = l3table
			}
			if errno := ask(r, table); errno != unix.EAGAIN {
				return errno
			}
		case ActionUnreachable:
			return unix.ENETUNREACH
		case ActionProhibit:
			return unix.EACCES
		default:
			return unix.EINVAL
		}
	}
	return unix.ESRCH
}

// matches is fib_rule_match before it is inverted.
func (r *Rule) matches(f *Flow, l3table uint32) bool {
	tos := f.TOS &^ 3
	if f.Family == unix.AF_INET {
		tos &= tosMask4
	}
	switch {
	case r.iif != 0 && r.iif != f.Iif, r.oif != 0 && r.oif != f.Oif,
		(r.Mark^f.Mark)&r.MarkMask != 0,
		r.TunID != 0 && r.TunID != f.TunID,
		r.L3mdev && l3table == 0,
		f.UID < r.UID.Start, f.UID > r.UID.End,
		!covers(r.Dst, f.Dst), !r.coversSource(f),
		r.TOS != 0 && r.TOS != tos,
		r.IPProto != 0 && r.IPProto != f.Proto,
		!r.Sport.matches(f.Sport), !r.Dport.matches(f.Dport):
		return false
	}
	return true
}

// coversSource: a source that is still to be found is asked for later (FIB_RULE_FIND_SADDR).
func (r *Rule) coversSource(f *Flow) bool {
	if f.Family == unix.AF_INET6 && !f.Src.IsValid() && r.Src.IsValid() {
		return r.Flags&FlagFindSaddr != 0
	}
	return covers(r.Src, f.Src)
}

// covers says whether a prefix, invalid for all, has an address, invalid for the unspecified one.
func covers(p netip.Prefix, a netip.Addr) bool {
	if !p.IsValid() {
		return true
	}
	if !a.IsValid() {
		a = netip.IPv6Unspecified()
		if p.Addr().Is4() {
			a = netip.IPv4Unspecified()
		}
	}
	return p.Contains(a)
}
