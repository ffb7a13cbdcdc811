// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/dataplane/dpif"
)

var (
	allHosts    = netip.AddrFrom4([4]byte{224, 0, 0, 1})
	allNodes1   = netip.MustParseAddr("ff01::1")
	allNodes2   = netip.MustParseAddr("ff02::1")
	allRouters1 = netip.MustParseAddr("ff01::2")
	allRouters2 = netip.MustParseAddr("ff02::2")
	allRouters5 = netip.MustParseAddr("ff05::2")
)

// Bits of Group.Flags (MAF_*), of IPv6.
const (
	mafLoaded   = 0x04
	mafNoReport = 0x08
)

// Group is a membership of a link (ip_mc_list, ifmcaddr6).
type Group struct {
	Addr   netip.Addr
	Users  int
	Flags  uint32 // of IPv6: MAF_*
	loaded bool   // its link-layer group is joined
	host   bool   // one of the users is the host, whose kernel reports the group by the twin
}

// Join makes l a member of a group (ip_mc_inc_group, __ipv6_dev_mc_inc): once more, if it is one.
func (t *Table) Join(l *link.Link, group netip.Addr) {
	if g, first := t.join(l, group); first {
		t.tell(GroupAdded, l, g)
	}
}

// join is Join without the event. first: l was no member.
func (t *Table) join(l *link.Link, group netip.Addr) (g *Group, first bool) {
	if g = t.group(l, group); g != nil {
		g.Users++
		return g, false
	}
	g = &Group{Addr: group, Users: 1}
	if group == allNodes2 || !group.Is4() && group.As16()[1]&0xf < 2 {
		g.Flags = mafNoReport
	}
	t.groups[l.Index] = append(t.groups[l.Index], g)
	if err := t.net.DP.SetMcast(dpif.Addr{Net: t.net.ID, Ifindex: l.Index, Addr: group}); err != nil {
		t.net.Log.Error("data plane does not join a group", "group", group, "link", l.Name, "err", err)
	}
	t.load(l, g)
	return g, true
}

// Leave takes one membership back (ip_mc_dec_group, __ipv6_dev_mc_dec).
func (t *Table) Leave(l *link.Link, group netip.Addr) {
	g := t.group(l, group)
	if g == nil {
		return
	}
	if g.Users--; g.Users == 0 {
		t.drop(l, group)
	}
}

// Membership joins or leaves.
func (t *Table) Membership(l *link.Link, group netip.Addr, on bool) {
	if on {
		t.Join(l, group)
	} else {
		t.Leave(l, group)
	}
}

// drop ends all memberships of l in a group.
func (t *Table) drop(l *link.Link, group netip.Addr) {
	of := t.groups[l.Index]
	i := slices.IndexFunc(of, func(g *Group) bool { return g.Addr == group })
	if i < 0 {
		return
	}
	t.unload(l, of[i])
	g := of[i]
	t.groups[l.Index] = slices.Delete(of, i, i+1)
	if !g.host {
		t.tell(GroupDropped, l, g)
	}
	if err := t.net.DP.DelMcast(dpif.Addr{Net: t.net.ID, Ifindex: l.Index, Addr: group}); err != nil {
		t.net.Log.Error("data plane does not leave a group", "group", group, "link", l.Name, "err", err)
	}
}

// group finds a membership; nil: there is none.
func (t *Table) group(l *link.Link, group netip.Addr) *Group {
	for _, g := range t.groups[l.Index] {
		if g.Addr == group {
			return g
		}
	}
	return nil
}

// Joined says whether l is a member of a group (ip_check_mc_rcu, ipv6_chk_mcast_addr).
func (t *Table) Joined(l *link.Link, group netip.Addr) bool { return t.group(l, group) != nil }

// Groups gives the groups of l, IPv4 first.
func (t *Table) Groups(l *link.Link) []netip.Addr {
	var out []netip.Addr
	for _, g := range t.groups[l.Index] {
		out = append(out, g.Addr)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// Memberships gives the groups of l of a family, the last joined first, as the kernel lists them.
func (t *Table) Memberships(l *link.Link, family uint8) []Group {
	var out []Group
	for _, g := range slices.Backward(t.groups[l.Index]) {
		if g.Addr.Is4() == (family == unix.AF_INET) {
			out = append(out, *g)
		}
	}
	return out
}

// up4 and down4 are ip_mc_up and ip_mc_down: every host is in 224.0.0.1 (RFC 1112 7.2).
func (t *Table) up4(l *link.Link) {
	if l.InDev && !t.Joined(l, allHosts) {
		t.Join(l, allHosts)
	}
	t.loadAll(l, unix.AF_INET)
}

func (t *Table) down4(l *link.Link) {
	t.unloadAll(l, unix.AF_INET)
	if t.Joined(l, allHosts) {
		t.drop(l, allHosts)
	}
}

// routerGroups are those that a router is in on top (dev_forward_change).
func (t *Table) routerGroups(l *link.Link, on bool) {
	for _, g := range []netip.Addr{allRouters2, allRouters1, allRouters5} {
		if t.Joined(l, g) != on {
			t.Membership(l, g, on)
		}
	}
}

// joinSolicited is addrconf_join_solict, once for each address.
func (t *Table) joinSolicited(a *addr.Addr) {
	if a.Link.Flags&(unix.IFF_LOOPBACK|unix.IFF_NOARP) != 0 {
		return
	}
	if d := dadOf(a); !d.solicited {
		d.solicited = true
		t.Join(a.Link, neigh.SolicitedNode(a.Local()))
	}
}

func (t *Table) leaveSolicited(a *addr.Addr) {
	if d := dadOf(a); d.solicited {
		d.solicited = false
		t.Leave(a.Link, neigh.SolicitedNode(a.Local()))
	}
}
