// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// ifaddr6 follows the IPv6 addresses.
func (t *Table) ifaddr6(e addr.Event) {
	a := e.Addr
	switch e.Type {
	case addr.Added:
		if !a.Link.Loopback() {
			t.multicast6(a.Link)
		}
		t.prefixRoute6(a, e)
	case addr.Changed:
		t.prefixRoute6(a, e)
		t.peerRoute6(a, e)
	case addr.Ready:
		t.localRoute6(a)
		if a.Link.Conf6.Forwarding != 0 {
			t.joinAnycast6(a)
		}
		if a.Peer.IsValid() {
			t.addPrefix6(a.Peer, 128, a.Metric, a.Link, time.Time{})
		}
	case addr.Deleted:
		if a.Link.Conf6.Forwarding != 0 {
			t.leaveAnycast6(a)
		}
		if a.Peer.IsValid() {
			t.delPrefix6(a.Peer, 128, a.Link)
		}
		t.silently6("local", t.delOne6(t.local(a.Link, a.Local(), unix.RTN_LOCAL, FlagLocal), false))
		t.prefixRoute6(a, e)
		if e.LinkDown {
			break // addrconf_ifdown leaves what uses the address as its source
		}
		t.nexthops.PrefSrcRemoved(a.Local(), func(l *link.Link) bool { return t.ownSource6(a.Local(), l) })
	}
}

// silently6 drops an error that nobody waits for.
func (t *Table) silently6(what string, err error) {
	if err != nil && rtnl.Errno(err) != unix.EEXIST && rtnl.Errno(err) != unix.ESRCH {
		t.net.Log.Debug("route of an IPv6 address", "what", what, "err", err)
	}
}

// local is the route of an address of ours (addrconf_f6i_alloc).
func (t *Table) local(l *link.Link, a netip.Addr, typ uint8, flag uint32) *Config {
	return &Config{
		Family: familyIPv6, Table: tableOf(l, unix.RT_TABLE_LOCAL), Type: typ, Protocol: unix.RTPROT_KERNEL,
		Flags: flag | FlagNoNexthop, Oif: l.Index, Dst: netip.PrefixFrom(a, 128),
		NLFlags: unix.NLM_F_CREATE, internal: true, ignore: true,
	}
}

func (t *Table) localRoute6(a *addr.Addr) {
	t.silently6("local", t.add6(t.local(a.Link, a.Local(), unix.RTN_LOCAL, FlagLocal)))
}

// multicast6 is addrconf_add_mroute.
func (t *Table) multicast6(l *link.Link) {
	if l.Loopback() {
		return
	}
	t.silently6("multicast", t.add6(&Config{
		Family: familyIPv6, Table: tableOf(l, unix.RT_TABLE_LOCAL), Type: unix.RTN_MULTICAST,
		Protocol: unix.RTPROT_KERNEL, Priority: MetricAddrconf, Oif: l.Index,
		Dst:     netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xff}), 8),
		NLFlags: unix.NLM_F_CREATE, internal: true,
	}))
}

// peerRoute6 follows the other end of an address that is changed (inet6_addr_modify): its route goes
// when it is another's, or has another metric, and comes anew.
func (t *Table) peerRoute6(a *addr.Addr, e addr.Event) {
	old := e.Old.Peer
	if old == a.Peer && e.Old.Metric == a.Metric {
		return
	}
	if old.IsValid() {
		t.delPrefix6(old, 128, a.Link)
	}
	if a.Peer.IsValid() && a.Flags&unix.IFA_F_NOPREFIXROUTE == 0 {
		t.addPrefix6(a.Peer, 128, a.Metric, a.Link, time.Time{})
	}
}

// prefixRoute6 does to the prefix route of an address what the event says.
func (t *Table) prefixRoute6(a *addr.Addr, e addr.Event) {
	switch e.Prefix {
	case addr.PrefixAdd:
		t.addPrefix6(a.Local(), a.Bits(), a.Metric, a.Link, e.Expires)
	case addr.PrefixModify:
		// The metric of a route cannot change: a new one takes the old one's place.
		if tab, k, plen, al := t.getPrefix6(a.Local(), a.Bits(), a.Link); al != 0 {
			if e.Old.Metric != a.Metric {
				t.delPrefix6(a.Local(), a.Bits(), a.Link)
				t.addPrefix6(a.Local(), a.Bits(), a.Metric, a.Link, e.Expires)
			} else {
				t.expireAt(tab, k, plen, al, e.Expires)
			}
		} else {
			t.addPrefix6(a.Local(), a.Bits(), a.Metric, a.Link, e.Expires)
		}
	case addr.PrefixDel:
		t.delPrefix6(a.Local(), a.Bits(), a.Link)
	case addr.PrefixExpire:
		if tab, k, plen, al := t.getPrefix6(a.Local(), a.Bits(), a.Link); al != 0 {
			t.expireAt(tab, k, plen, al, e.Expires)
		}
	}
}

func (t *Table) expireAt(tab *fibTable, k key, plen uint8, a uint32, at time.Time) {
	if at.IsZero() {
		t.forgetExpiry(a)
		return
	}
	t.setExpiryAt(tab, k, plen, a, at)
}

// addPrefix6 is addrconf_prefix_route.
func (t *Table) addPrefix6(ip netip.Addr, bits int, metric uint32, l *link.Link, expires time.Time) {
	if metric == 0 {
		metric = MetricAddrconf
	}
	cfg := Config{
		Family: familyIPv6, Table: tableOf(l, unix.RT_TABLE_MAIN), Type: unix.RTN_UNICAST,
		Protocol: unix.RTPROT_KERNEL, Priority: metric, Oif: l.Index,
		Dst: netip.PrefixFrom(ip, bits).Masked(), NLFlags: unix.NLM_F_CREATE, internal: true,
	}
	err := t.add6(&cfg)
	t.silently6("prefix", err)
	if err == nil && !expires.IsZero() {
		if tab, k, plen, a := t.getPrefix6(ip, bits, l); a != 0 {
			t.setExpiryAt(tab, k, plen, a, expires)
		}
	}
}

// getPrefix6 finds the prefix route of an address (addrconf_get_prefix_route): over l and without a
// gateway.
func (t *Table) getPrefix6(ip netip.Addr, bits int, l *link.Link) (*fibTable, key, uint8, uint32) {
	tab := t.v6.tables[tableOf(l, unix.RT_TABLE_MAIN)]
	k, plen := keyOf(ip).masked(uint8(bits)), uint8(bits)
	if tab == nil {
		return nil, k, plen, 0
	}
	node := tab.trie.find(k, plen)
	if node == 0 {
		return nil, k, plen, 0
	}
	var buf [8]uint32
	over := t.onLink6(tab, k, plen, l, buf[:0])
	for a := tab.trie.at(node).head; a != 0 && len(over) > 0; a = t.alias.at(a).next {
		if !slices.Contains(over, t.alias.at(a).info) {
			continue
		}
		i := t.info(a)
		if i.Hops[0].Link == l && !i.Hops[0].Gateway.IsValid() && i.Flags&FlagReject == 0 {
			return tab, k, plen, a
		}
	}
	return nil, k, plen, 0
}

func (t *Table) delPrefix6(ip netip.Addr, bits int, l *link.Link) {
	tab, k, plen, a := t.getPrefix6(ip, bits, l)
	if a == 0 {
		return
	}
	t.silently6("prefix", t.unlink6(tab, k, plen, a, false, true))
}

// joinAnycast6 is addrconf_join_anycast: a router answers for the subnet's anycast address.
func (t *Table) joinAnycast6(a *addr.Addr) {
	if a.Bits() >= 127 { // RFC 6164
		return
	}
	l, ip := a.Link, a.Prefix.Masked().Addr()
	if ip.IsUnspecified() {
		return
	}
	if t.anycast[l] == nil {
		t.anycast[l] = map[netip.Addr]int{}
	}
	if t.anycast[l][ip]++; t.anycast[l][ip] == 1 {
		t.silently6("anycast", t.add6(t.local(l, ip, unix.RTN_ANYCAST, FlagAnycast)))
	}
}

func (t *Table) leaveAnycast6(a *addr.Addr) {
	l, ip := a.Link, a.Prefix.Masked().Addr()
	switch t.anycast[l][ip] {
	case 0:
	case 1:
		delete(t.anycast[l], ip)
		t.silently6("anycast", t.delOne6(t.local(l, ip, unix.RTN_ANYCAST, FlagAnycast), false))
	default:
		t.anycast[l][ip]--
	}
}

// forwarding6 is dev_forward_change as far as routes go.
func (t *Table) forwarding6(l *link.Link, on bool) {
	if !l.In6Dev || t.router[l] == on {
		return
	}
	t.router[l] = on
	for _, a := range t.addrs.OfLink(l, familyIPv6) {
		switch {
		case a.Flags&unix.IFA_F_TENTATIVE != 0:
		case on:
			t.joinAnycast6(a)
		default:
			t.leaveAnycast6(a)
		}
	}
}

// permanent6 is addrconf_permanent_addr: the prefix routes of addresses that were there before the
// link came up.
func (t *Table) permanent6(l *link.Link) {
	if !l.Enabled6() {
		return
	}
	for _, a := range t.addrs.OfLink(l, familyIPv6) {
		local := a.Local().IsLinkLocalUnicast() || a.Local().IsLoopback()
		if a.Flags&unix.IFA_F_PERMANENT != 0 && a.Flags&unix.IFA_F_NOPREFIXROUTE == 0 && !local {
			t.addPrefix6(a.Address(), a.Bits(), a.Metric, l, time.Time{})
		}
	}
}
