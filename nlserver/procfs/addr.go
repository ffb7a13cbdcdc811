// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
)

// scope6 is ipv6_addr_type & IPV6_ADDR_SCOPE_MASK, which if_inet6 shows.
func scope6(a netip.Addr) uint8 {
	switch addr.Scope6(a) {
	case unix.RT_SCOPE_HOST:
		return 0x10
	case unix.RT_SCOPE_LINK:
		return 0x20
	case unix.RT_SCOPE_SITE:
		return 0x40
	}
	return 0
}

// ifInet6 is /proc/net/if_inet6 (if6_seq_show).
func (t *Tree) ifInet6(b *bytes.Buffer) {
	for _, a := range t.st.Addrs.All(unix.AF_INET6) {
		fmt.Fprintf(b, "%s %02x %02x %02x %02x %8s\n", hex6(a.Local()), a.Link.Index, a.Bits(),
			scope6(a.Local()), uint8(a.Flags), a.Link.Name)
	}
}

// Flags of /proc/net/arp (ATF_*).
const (
	atfCom  = 0x02
	atfPerm = 0x04
	atfPubl = 0x08
)

// arp is /proc/net/arp: the IPv4 neighbours that ARP made, then the proxied ones.
func (t *Tree) arp(b *bytes.Buffer) {
	b.WriteString("IP address       HW type     Flags       HW address            Mask     Device\n")
	for _, n := range t.st.Neighs.All(unix.AF_INET) {
		if n.NUD&unix.NUD_NOARP != 0 {
			continue // NEIGH_SEQ_SKIP_NOARP
		}
		flags := 0
		switch {
		case n.NUD&unix.NUD_PERMANENT != 0:
			flags = atfPerm | atfCom
		case n.NUD&(unix.NUD_REACHABLE|unix.NUD_STALE|unix.NUD_DELAY|unix.NUD_PROBE) != 0:
			flags = atfCom
		}
		fmt.Fprintf(b, "%-16s 0x%-10x0x%-10x%-17s     *        %s\n", n.Addr, n.Link.Type, flags, n.HardAddr, n.Link.Name)
	}
	for _, p := range t.st.Neighs.Proxies(unix.AF_INET) {
		name, typ := "*", uint16(0)
		if p.Link != nil {
			name, typ = p.Link.Name, p.Link.Type
		}
		fmt.Fprintf(b, "%-16s 0x%-10x0x%-10x%s     *        %s\n", p.Addr, typ, atfPubl|atfPerm, "00:00:00:00:00:00", name)
	}
}

// anycast6 is /proc/net/anycast6 (ac6_seq_show): the subnet-router anycast addresses.
func (t *Tree) anycast6(b *bytes.Buffer) {
	for _, l := range t.st.Links.All() {
		users := map[netip.Addr]int{}
		var order []netip.Addr
		for _, a := range t.st.Addrs.OfLink(l, unix.AF_INET6) {
			subnet := a.Prefix.Masked().Addr()
			if !t.st.Addrconf.IsAnycast(l, subnet) {
				continue
			}
			if users[subnet]++; users[subnet] == 1 {
				order = append(order, subnet)
			}
		}
		for i := len(order) - 1; i >= 0; i-- { // the last one first
			fmt.Fprintf(b, "%-4d %-15s %s %5d\n", l.Index, l.Name, hex6(order[i]), users[order[i]])
		}
	}
}

// igmp is /proc/net/igmp (igmp_mc_seq_show).
func (t *Tree) igmp(b *bytes.Buffer) {
	b.WriteString("Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n")
	for _, l := range t.st.Links.All() {
		groups := t.st.Addrconf.Memberships(l, unix.AF_INET)
		for i, g := range groups {
			if i == 0 {
				fmt.Fprintf(b, "%d\t%-10s: %5d %7s\n", l.Index, l.Name, len(groups), "V3")
			}
			fmt.Fprintf(b, "\t\t\t\t%s %5d %d:%08X\t\t%d\n", hex4(g.Addr), g.Users, 0, 0, 0)
		}
	}
}

// userTick is the unit of times in /proc (USER_HZ).
const userTick = time.Second / 100

// igmp6 is /proc/net/igmp6 (igmp6_mc_seq_show).
func (t *Tree) igmp6(b *bytes.Buffer) {
	for _, l := range t.st.Links.All() {
		for _, g := range t.st.Addrconf.Memberships(l, unix.AF_INET6) {
			flags, due := t.st.MLD.Reporter(l, g.Addr)
			fmt.Fprintf(b, "%-4d %-15s %s %5d %08X %d\n", l.Index, l.Name, hex6(g.Addr), g.Users, g.Flags|flags,
				due/userTick)
		}
	}
}
