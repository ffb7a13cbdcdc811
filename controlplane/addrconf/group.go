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

// Join makes l a member of a group (ip_mc_inc_group, __ipv6_dev_mc_inc): once more, if it is one.
func (t *Table) Join(l *link.Link, group netip.Addr) {
	of := t.groups[l.Index]
	if of == nil {
		of = map[netip.Addr]int{}
		t.groups[l.Index] = of
	}
	if of[group]++; of[group] > 1 {
		return
	}
	if err := t.net.DP.SetMcast(dpif.Addr{Net: t.net.ID, Ifindex: l.Index, Addr: group}); err != nil {
		t.net.Log.Error("data plane does not join a group", "group", group, "link", l.Name, "err", err)
	}
}

// Leave takes one membership back (ip_mc_dec_group, __ipv6_dev_mc_dec).
func (t *Table) Leave(l *link.Link, group netip.Addr) {
	of := t.groups[l.Index]
	if of[group] == 0 {
		return
	}
	if of[group]--; of[group] == 0 {
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
	delete(t.groups[l.Index], group)
	if err := t.net.DP.DelMcast(dpif.Addr{Net: t.net.ID, Ifindex: l.Index, Addr: group}); err != nil {
		t.net.Log.Error("data plane does not leave a group", "group", group, "link", l.Name, "err", err)
	}
}

// Joined says whether l is a member of a group (ip_check_mc_rcu, ipv6_chk_mcast_addr).
func (t *Table) Joined(l *link.Link, group netip.Addr) bool { return t.groups[l.Index][group] > 0 }

// Groups gives the groups of l, IPv4 first.
func (t *Table) Groups(l *link.Link) []netip.Addr {
	var out []netip.Addr
	for g := range t.groups[l.Index] {
		out = append(out, g)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// up4 and down4 are ip_mc_up and ip_mc_down: every host is in 224.0.0.1 (RFC 1112 7.2).
func (t *Table) up4(l *link.Link) {
	if l.InDev && !t.Joined(l, allHosts) {
		t.Join(l, allHosts)
	}
}

func (t *Table) down4(l *link.Link) {
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
