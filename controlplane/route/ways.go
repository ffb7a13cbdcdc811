// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/rule"
)

// Way is what a sender that leaves its packets to us needs to know of a route: whether they go, from
// which address, and how long they may be.
type Way struct {
	Dst  netip.Prefix
	Type uint8      // RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT
	Src  netip.Addr // invalid: any
	MTU  uint32     // bytes, when the route has a metric; 0: the link's
}

// Ways are those of the main table, without the default route and what addresses have brought along.
// None when the table has more prefixes than most, or when rules send packets elsewhere first.
func (t *Table) Ways(family uint8, most int) []Way {
	tab := t.family(family).main
	if tab == nil || tab.trie.entries > most || !t.mainFirst(family) {
		return nil
	}
	var out []Way
	tab.trie.walk(family, cursor{}, func(i uint32) bool {
		n := tab.trie.at(i)
		dst := netip.PrefixFrom(n.key.addr(family), int(n.plen))
		if n.head != 0 && t.alias.at(n.head).tos != 0 { // who knows the TOS decides
			out = append(out, Way{Dst: dst, Type: unix.RTN_UNICAST})
			return true
		}
		for a := n.head; a != 0; a = t.alias.at(a).next {
			info := t.info(a)
			if info.ID() == 0 {
				continue
			}
			if w, ok := t.way(dst, info); ok {
				out = append(out, w)
			}
			break
		}
		return true
	})
	return out
}

// mainFirst says whether every packet that is in no VRF asks the main table first, but for the local
// one.
func (t *Table) mainFirst(family uint8) bool {
	every := rule.Rule{
		Action: rule.ActionToTable, UID: rule.AnyUID, SuppressPrefixLen: -1, SuppressIfGroup: -1,
	}
	for _, r := range t.rules.Rules(family) {
		if r.L3mdev {
			continue
		}
		bare := *r
		bare.Family, bare.Protocol, bare.Priority, bare.Table, bare.Flags = 0, 0, 0, 0, 0
		switch {
		case bare != every:
			return false
		case r.Table == unix.RT_TABLE_MAIN:
			return true
		case r.Table != unix.RT_TABLE_LOCAL && t.Len(family, r.Table) > 0:
			return false
		}
	}
	return false
}

func (t *Table) way(dst netip.Prefix, info *nexthop.Info) (w Way, ok bool) {
	w = Way{Dst: dst, Type: info.Type}
	if info.Blackhole() {
		w.Type = unix.RTN_BLACKHOLE
	}
	switch w.Type {
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT:
		return w, true
	case unix.RTN_UNICAST:
	default:
		return w, false
	}
	a := dst.Addr()
	if dst.Bits() == 0 || info.Protocol == unix.RTPROT_KERNEL || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return w, false
	}
	w.MTU = info.MTU()
	if a.Is6() {
		w.Src = t.source6(info, a)
		return w, true
	}
	for sel := range info.Hops {
		if info.Hops[sel].Good(familyIPv4, true) {
			w.Src = t.prefSrc4(&result4{info: info, sel: sel})
			break
		}
	}
	return w, true
}

// changed counts a change of a table, and says so to who wants to know.
func (t *Table) changed() {
	t.gen++
	if t.Changed != nil {
		t.Changed()
	}
}
