// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// HWGroup is a link-layer multicast address that a link listens to (netdev_hw_addr of dev->mc).
type HWGroup struct {
	Addr   link.HardAddr
	Users  int
	Global int // 1: a user added it (dev_mc_add_global)
}

// mapGroup is arp_mc_map and ndisc_mc_map: Ethernet only.
func mapGroup(l *link.Link, g *Group) (a link.HardAddr, ok bool) {
	if l.Type != unix.ARPHRD_ETHER {
		return a, false
	}
	if g.Addr.Is4() {
		b := g.Addr.As4()
		return link.HardAddr{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}, true
	}
	b := g.Addr.As16()
	return link.HardAddr{0x33, 0x33, b[12], b[13], b[14], b[15]}, true
}

// load joins the link-layer group of g (the first part of igmp_group_added and igmp6_group_added).
func (t *Table) load(l *link.Link, g *Group) {
	if g.loaded || !g.Addr.Is4() && g.Addr.As16()[1]&0xf < 2 {
		return
	}
	g.loaded = true
	if !g.Addr.Is4() {
		g.Flags |= mafLoaded
	}
	if a, ok := mapGroup(l, g); ok {
		t.hwGroup(l, a).Users++
	}
}

// unload leaves it again (igmp_group_dropped, igmp6_group_dropped).
func (t *Table) unload(l *link.Link, g *Group) {
	if !g.loaded {
		return
	}
	g.loaded = false
	g.Flags &^= mafLoaded
	if a, ok := mapGroup(l, g); ok {
		t.hwRelease(l, a)
	}
}

func (t *Table) loadAll(l *link.Link, family uint8) {
	for _, g := range slices.Backward(t.groups[l.Index]) {
		if g.Addr.Is4() == (family == unix.AF_INET) {
			t.load(l, g)
		}
	}
}

func (t *Table) unloadAll(l *link.Link, family uint8) {
	for _, g := range t.groups[l.Index] {
		if g.Addr.Is4() == (family == unix.AF_INET) {
			t.unload(l, g)
		}
	}
}

// hwGroup finds or makes the entry of an address.
func (t *Table) hwGroup(l *link.Link, a link.HardAddr) *HWGroup {
	for _, h := range t.hw[l.Index] {
		if h.Addr == a {
			return h
		}
	}
	h := &HWGroup{Addr: a}
	t.hw[l.Index] = append(t.hw[l.Index], h)
	return h
}

// hwRelease gives one use of an address back.
func (t *Table) hwRelease(l *link.Link, a link.HardAddr) {
	h := t.hwGroup(l, a)
	if h.Users--; h.Users <= 0 {
		t.hw[l.Index] = slices.DeleteFunc(t.hw[l.Index], func(x *HWGroup) bool { return x == h })
	}
}

// LinkGroups gives the link-layer groups of l in the order in which they were joined.
func (t *Table) LinkGroups(l *link.Link) []HWGroup {
	var out []HWGroup
	for _, h := range t.hw[l.Index] {
		out = append(out, *h)
	}
	return out
}

// AddLinkGroup makes l listen to a link-layer group of the user's (SIOCADDMULTI). A second time
// changes nothing.
func (t *Table) AddLinkGroup(l *link.Link, a link.HardAddr) {
	if h := t.hwGroup(l, a); h.Global == 0 {
		h.Global = 1
		h.Users++
	}
}

// DelLinkGroup takes it back (SIOCDELMULTI). ENOENT: it was not added.
func (t *Table) DelLinkGroup(l *link.Link, a link.HardAddr) error {
	for _, h := range t.hw[l.Index] {
		if h.Addr == a && h.Global != 0 {
			h.Global = 0
			t.hwRelease(l, a)
			return nil
		}
	}
	return syscall.ENOENT
}

// JoinLinkGroup is AddLinkGroup of a group that l does not listen to yet (dev_mc_add_excl). EEXIST: it
// does.
func (t *Table) JoinLinkGroup(l *link.Link, a link.HardAddr) error {
	if slices.ContainsFunc(t.hw[l.Index], func(h *HWGroup) bool { return h.Addr == a }) {
		return syscall.EEXIST
	}
	t.AddLinkGroup(l, a)
	return nil
}

// LeaveLinkGroup takes one of a group's users away, whichever that is (dev_mc_del). ENOENT: there are
// none.
func (t *Table) LeaveLinkGroup(l *link.Link, a link.HardAddr) error {
	if !slices.ContainsFunc(t.hw[l.Index], func(h *HWGroup) bool { return h.Addr == a }) {
		return syscall.ENOENT
	}
	t.hwRelease(l, a)
	return nil
}
