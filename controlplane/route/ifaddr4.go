// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
)

// addr4 is an IPv4 address as the arithmetic of subnets wants it; 0 stands for none.
type addr4 uint32

func toAddr4(a netip.Addr) addr4 {
	if !a.Is4() {
		return 0
	}
	b := a.As4()
	return addr4(binary.BigEndian.Uint32(b[:]))
}

func (a addr4) ip() netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(a))
	return netip.AddrFrom4(b)
}

func (a addr4) zeronet() bool { return a == 0 }

// subnet is the numbers of an address's subnet.
type subnet struct {
	local, address, mask, broadcast addr4
	bits                            int
}

func subnetOf(a *addr.Addr) subnet {
	bits := a.Bits()
	return subnet{
		local: toAddr4(a.Local()), address: toAddr4(a.Address()), broadcast: toAddr4(a.Broadcast),
		mask: addr4(^uint64(0) << (32 - bits)), bits: bits,
	}
}

func (s *subnet) prefix() addr4 { return s.address & s.mask }
func (s *subnet) brd() addr4    { return s.address | ^s.mask }

// primary4 is inet_ifa_byprefix: the first address of a's subnet on its link.
func (t *Table) primary4(a *addr.Addr) *addr.Addr {
	for _, x := range t.addrs.OfLink(a.Link, familyIPv4) {
		if x.Net() == a.Net() {
			return x
		}
	}
	return nil
}

// magic4 makes or deletes a route that an address brings with it (fib_magic).
func (t *Table) magic4(add bool, typ uint8, dst addr4, bits int, prim *addr.Addr, metric uint32) {
	cfg := Config{
		Family: familyIPv4, Protocol: unix.RTPROT_KERNEL, Type: typ, Priority: metric,
		Dst: netip.PrefixFrom(dst.ip(), bits), PrefSrc: prim.Local(), Oif: prim.Link.Index,
		NLFlags: unix.NLM_F_CREATE | unix.NLM_F_APPEND, Scope: unix.RT_SCOPE_LINK,
		Table: tableOf(prim.Link, unix.RT_TABLE_LOCAL), internal: true,
	}
	if typ == unix.RTN_UNICAST {
		cfg.Table = tableOf(prim.Link, unix.RT_TABLE_MAIN)
	}
	if typ == unix.RTN_LOCAL {
		cfg.Scope = unix.RT_SCOPE_HOST
	}
	var err error
	if add {
		err = t.add4(&cfg)
	} else {
		err = t.del4(&cfg)
	}
	if err != nil { // EEXIST and ESRCH are usual: nobody waits for the answer
		t.net.Log.Debug("route of an address", "dst", cfg.Dst, "add", add, "err", err)
	}
}

// connected4 is the type of the route of a subnet.
func connected4(a *addr.Addr) uint8 {
	if a.Link.Loopback() {
		return unix.RTN_LOCAL
	}
	return unix.RTN_UNICAST
}

// addIfaddr4 makes the routes of an address (fib_add_ifaddr).
func (t *Table) addIfaddr4(a *addr.Addr) {
	s, prim := subnetOf(a), a
	if a.Secondary() {
		if prim = t.primary4(a); prim == nil {
			return
		}
	}
	t.magic4(true, unix.RTN_LOCAL, s.local, 32, prim, 0)
	if !a.Link.Up() {
		return
	}
	if s.broadcast != 0 && s.broadcast != ^addr4(0) {
		t.magic4(true, unix.RTN_BROADCAST, s.broadcast, 32, prim, 0)
	}
	if s.prefix().zeronet() || a.Secondary() || s.prefix() == s.local && s.bits == 32 {
		return
	}
	if a.Flags&unix.IFA_F_NOPREFIXROUTE == 0 {
		t.magic4(true, connected4(a), s.prefix(), s.bits, prim, a.Metric)
	}
	if s.bits < 31 {
		t.magic4(true, unix.RTN_BROADCAST, s.brd(), 32, prim, 0)
	}
}

// modifyMetric4 gives the route of a subnet the address's new metric (fib_modify_prefix_metric).
func (t *Table) modifyMetric4(a *addr.Addr, old uint32) {
	s := subnetOf(a)
	if a.Metric == old || !a.Link.Up() || a.Secondary() || a.Flags&unix.IFA_F_NOPREFIXROUTE != 0 ||
		s.prefix().zeronet() || s.prefix() == s.local && s.bits == 32 {
		return
	}
	t.magic4(true, connected4(a), s.prefix(), s.bits, a, a.Metric)
	t.magic4(false, connected4(a), s.prefix(), s.bits, a, old)
}

// stillNeeded is what other addresses of the link need of the routes of one that goes.
type stillNeeded struct{ local, broadcast, brd0, brd1, here bool }

// delIfaddr4 deletes the routes of an address unless others of the link need them
// (fib_del_ifaddr). promoted, when not nil, is the primary of a that goes too: then addresses of
// its subnet do not count.
func (t *Table) delIfaddr4(a, promoted *addr.Addr) {
	s, prim := subnetOf(a), a
	subnet := false
	if a.Secondary() {
		if prim = t.primary4(a); prim == nil {
			return
		}
	} else if !s.prefix().zeronet() && (s.prefix() != s.local || s.bits < 32) {
		if a.Flags&unix.IFA_F_NOPREFIXROUTE == 0 {
			t.magic4(false, connected4(a), s.prefix(), s.bits, prim, 0)
		}
		subnet = true
	}
	var need stillNeeded
	if a.Link.InDev && !a.Link.Gone() {
		need = t.needed4(a, prim, promoted)
	}
	if !need.broadcast && s.broadcast != 0 {
		t.magic4(false, unix.RTN_BROADCAST, s.broadcast, 32, prim, 0)
	}
	if subnet && s.bits < 31 {
		if !need.brd1 {
			t.magic4(false, unix.RTN_BROADCAST, s.brd(), 32, prim, 0)
		}
		if !need.brd0 {
			t.magic4(false, unix.RTN_BROADCAST, s.prefix(), 32, prim, 0)
		}
	}
	if need.local {
		return
	}
	t.magic4(false, unix.RTN_LOCAL, s.local, 32, prim, 0)
	if !need.here && t.AddrTypeOn(a.Link, a.Local()) != unix.RTN_LOCAL {
		// What used it as a source goes too.
		if t.nexthops.SyncDownAddr(a.Local(), tableOf(a.Link, unix.RT_TABLE_MAIN)) > 0 {
			t.flush4()
		}
	}
}

// needed4 scans the link's addresses for those that need the same routes as a.
func (t *Table) needed4(a, prim, promoted *addr.Addr) (need stillNeeded) {
	s := subnetOf(a)
	var prim1 *addr.Addr
	samePrefSrc := false
	for _, x := range t.addrs.OfLink(a.Link, familyIPv4) {
		if x == a {
			need.here = true
			continue
		}
		if promoted != nil && x.Net() == promoted.Net() {
			continue
		}
		switch {
		case !x.Secondary():
			if x.Local() != prim.Local() {
				continue
			}
			prim1 = x
			samePrefSrc = samePrefSrc || prim1 != prim
		case x.Net() == prim.Net():
			prim1 = prim
		default:
			if !samePrefSrc {
				continue
			}
			if prim1 == nil || x.Net() != prim1.Net() {
				prim1 = t.primary4(x)
			}
			if prim1 == nil || prim1.Local() != prim.Local() {
				continue
			}
		}
		need.add(&s, x, prim1 == x)
	}
	return need
}

// add notes what x needs of the routes of s. primary: x has the broadcasts of its subnet.
func (n *stillNeeded) add(s *subnet, x *addr.Addr, primary bool) {
	o := subnetOf(x)
	n.local = n.local || s.local == o.local
	n.broadcast = n.broadcast || s.broadcast == o.broadcast
	n.brd1 = n.brd1 || s.brd() == o.broadcast
	n.brd0 = n.brd0 || s.prefix() == o.broadcast
	if !primary || o.bits >= 31 || o.prefix().zeronet() {
		return
	}
	either := func(b addr4) bool { return b == o.brd() || b == o.prefix() }
	n.broadcast = n.broadcast || either(s.broadcast)
	n.brd1 = n.brd1 || either(s.brd())
	n.brd0 = n.brd0 || either(s.prefix())
}
