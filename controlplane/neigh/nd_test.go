// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

func sllao(last byte) NDOptions { m := mac(last); return NDOptions{SrcLLAddr: m[:]} }
func tllao(last byte) NDOptions { m := mac(last); return NDOptions{TgtLLAddr: m[:]} }

func ns(src, dst, target string, o NDOptions) ND {
	return ND{Type: NDNeighborSolicit, Src: ip(src), Dst: ip(dst), Target: ip(target), Options: o}
}

func na(src, dst, target string, o NDOptions) ND {
	return ND{Type: NDNeighborAdvert, Src: ip(src), Dst: ip(dst), Target: ip(target), Options: o}
}

const (
	own     = "2001:db8::1"
	peer    = "2001:db8::2"
	ownNode = "ff02::1:ff00:1"
)

func (e *env) forwarding6() { e.sysctl("net.ipv6.conf.all.forwarding", "1") }

func TestNDSolicitation(t *testing.T) {
	e := newEnv(t)
	e.miss(e.eth0, peer, "")
	e.want(e.eth0, peer, "INCOMPLETE")
	e.same("sent", e.sent(), "eth0: NS 2001:db8::2 from fe80::1 to ff02::1:ff00:2 sllao")
	e.miss(e.eth0, "2001:db8::3", own) // the asker's address is ours
	e.same("sent", e.sent(), "eth0: NS 2001:db8::3 from 2001:db8::1 to ff02::1:ff00:3 sllao")
	e.miss(e.eth0, "2001:db8::4", "2001:db8:9::9") // forwarded
	e.same("sent", e.sent(), "eth0: NS 2001:db8::4 from fe80::1 to ff02::1:ff00:4 sllao")
	e.miss(e.eth1, "fe80::9", "") // no link-local address to ask from
	e.same("sent", e.sent(), "")
}

func TestNDProbesByUnicast(t *testing.T) {
	e := newEnv(t)
	e.put(peer, 2, unix.NUD_STALE)
	e.use(e.eth0, peer)
	e.clock.Advance(5 * time.Second)
	e.want(e.eth0, peer, "PROBE 02")
	e.same("sent", e.sent(), "eth0: NS 2001:db8::2 from fe80::1 to 2001:db8::2 sllao")
}

func TestNSForOwnAddress(t *testing.T) {
	for _, c := range []struct {
		name string
		m    ND
		sent string
		peer string
	}{
		{"multicast", ns(peer, ownNode, own, sllao(2)),
			"eth0: NA 2001:db8::1 from 2001:db8::1 to 2001:db8::2 solicited override tllao", "STALE 02"},
		{"unicast", ns(peer, own, own, sllao(2)),
			"eth0: NA 2001:db8::1 from 2001:db8::1 to 2001:db8::2 solicited", "STALE 02"},
		{"multicast without address", ns(peer, ownNode, own, NDOptions{}), "", "none"},
		{"unicast without address", ns(peer, own, own, NDOptions{}),
			"eth0: NA 2001:db8::1 from 2001:db8::1 to 2001:db8::2 solicited", "NONE"},
		{"DAD", ns("::", ownNode, own, NDOptions{}),
			"eth0: NA 2001:db8::1 from 2001:db8::1 to ff02::1 override tllao", "none"},
		{"for another", ns(peer, "ff02::1:ff00:9", "2001:db8::9", sllao(2)), "", "none"},
		{"for an address of another link", ns(peer, ownNode, "2001:db8:1::1", sllao(2)), "", "none"},
	} {
		e := newEnv(t)
		e.addAddr(e.eth1, "2001:db8:1::1/64")
		e.nd(e.eth0, c.m)
		if got := e.sent(); got != c.sent {
			t.Errorf("%s: sent %q, want %q", c.name, got, c.sent)
		}
		if got := e.state(e.eth0, peer); got != c.peer {
			t.Errorf("%s: asker is %s, want %s", c.name, got, c.peer)
		}
	}
}

func TestNSRouterFlag(t *testing.T) {
	e := newEnv(t)
	e.forwarding6()
	e.sent()
	e.nd(e.eth0, ns(peer, own, own, sllao(2)))
	e.same("sent", e.sent(), "eth0: NA 2001:db8::1 from 2001:db8::1 to 2001:db8::2 router solicited")
}

func TestNDValidation(t *testing.T) {
	short := func(o NDOptions) ND { return ns(peer, ownNode, own, o) }
	redirect := func(src, target, dest string) ND {
		return ND{Type: NDRedirect, Src: ip(src), Dst: ip(own), Target: ip(target), Dest: ip(dest)}
	}
	for _, c := range []struct {
		name   string
		m      ND
		hop    uint8
		mangle func(msg []byte) []byte
		want   Drop
	}{
		{name: "hop limit", m: short(sllao(2)), hop: 254, want: DropHopLimit},
		{name: "code", m: short(sllao(2)), mangle: func(b []byte) []byte { b[1] = 1; return b }, want: DropBadCode},
		{name: "short NS", m: short(NDOptions{}), mangle: func(b []byte) []byte { return b[:23] }, want: DropTooSmall},
		{name: "option of no length", m: short(sllao(2)), mangle: func(b []byte) []byte { b[25] = 0; return b }, want: DropBadOptions},
		{name: "option too long", m: short(sllao(2)), mangle: func(b []byte) []byte { b[25] = 2; return b }, want: DropBadOptions},
		{name: "half an option", m: short(NDOptions{}), mangle: func(b []byte) []byte { return append(b, 1) }, want: DropBadOptions},
		{name: "link-layer address too long", m: short(NDOptions{SrcLLAddr: make([]byte, 14)}), want: DropBadOptions},
		{name: "multicast target", m: ns(peer, ownNode, "ff02::1", sllao(2)), want: DropNDTarget},
		{name: "DAD with an address", m: ns("::", ownNode, own, sllao(2)), want: DropBadOptions},
		{name: "DAD to all nodes", m: ns("::", "ff02::1", own, NDOptions{}), want: DropNDDest},
		{name: "NA with multicast target", m: na(peer, own, "ff02::1", tllao(2)), want: DropNDTarget},
		{name: "solicited NA to a group", m: ND{Type: NDNeighborAdvert, Src: ip(peer), Dst: AllNodes, Target: ip(peer), Solicited: true}, want: DropNDDest},
		{name: "NA with a bad option", m: na(peer, own, peer, NDOptions{TgtLLAddr: make([]byte, 14)}), want: DropBadOptions},
		{name: "RS to a host", m: ND{Type: NDRouterSolicit, Src: ip("fe80::2"), Dst: AllRouters}, want: DropNotForwarder},
		{name: "RA not from link-local", m: ND{Type: NDRouterAdvert, Src: ip(peer), Dst: AllNodes}, want: DropNDSource},
		{name: "short RA", m: ND{Type: NDRouterAdvert, Src: ip("fe80::2"), Dst: AllNodes}, mangle: func(b []byte) []byte { return b[:12] }, want: DropTooSmall},
		{name: "redirect not from link-local", m: redirect(peer, "fe80::3", "2001:db8:5::5"), want: DropNDSource},
		{name: "redirect of a group", m: redirect("fe80::2", "fe80::3", "ff0e::1"), want: DropNDDest},
		{name: "redirect to no router", m: redirect("fe80::2", peer, "2001:db8:5::5"), want: DropNDTarget},
	} {
		e := newEnv(t)
		if c.hop == 0 {
			c.hop = 255
		}
		e.ndMangled(e.eth0, c.m, c.hop, c.mangle, true)
		if e.table.Drops[c.want] != 1 || len(e.table.Drops) != 1 {
			t.Errorf("%s: drops %v, want %s", c.name, e.table.Drops, c.want)
		}
		if got := e.sent(); got != "" {
			t.Errorf("%s: sent %q", c.name, got)
		}
		if n := e.table.Len(unix.AF_INET6); n != 0 {
			t.Errorf("%s: %d neighbours learned", c.name, n)
		}
	}
	e := newEnv(t)
	e.ndMangled(e.eth0, short(sllao(2)), 255, func(b []byte) []byte { b[30] ^= 1; return b }, false)
	if e.table.Drops[DropChecksum] != 1 {
		t.Errorf("wrong checksum: drops %v", e.table.Drops)
	}
}

// ndMangled receives m after mangle; fix makes the checksum right again.
func (e *env) ndMangled(l *link.Link, m ND, hop uint8, mangle func([]byte) []byte, fix bool) {
	pkt := m.Packet()
	msg := pkt[40:]
	if mangle != nil {
		msg = mangle(append([]byte(nil), msg...))
	}
	if fix {
		msg[2], msg[3] = 0, 0
		sum := ChecksumND(m.Src, m.Dst, msg)
		msg[2], msg[3] = byte(sum>>8), byte(sum)
	}
	pkt = append(append([]byte(nil), pkt[:40]...), msg...)
	pkt[4], pkt[5], pkt[7] = byte(len(msg)>>8), byte(len(msg)), hop
	e.table.HandleND(&dpif.Punt{Iif: l.Index, L4: 40, Data: pkt})
}

func TestFragmentedNDIsSuppressed(t *testing.T) {
	for _, suppress := range []string{"1", "0"} {
		e := newEnv(t)
		e.sysctl("net.ipv6.conf.eth0.suppress_frag_ndisc", suppress)
		m := ns(peer, own, own, sllao(2))
		pkt := m.Packet()
		pkt[6] = unix.IPPROTO_FRAGMENT
		pkt[5] += 8
		pkt = append(pkt[:40:40], append([]byte{ipprotoICMPv6, 0, 0, 0, 0, 0, 0, 1}, pkt[40:]...)...)
		e.table.HandleND(&dpif.Punt{Iif: e.eth0.Index, L4: 48, Data: pkt})
		if got := e.table.Drops[DropFragmented] == 1; got != (suppress == "1") {
			t.Errorf("suppress_frag_ndisc %s: drops %v", suppress, e.table.Drops)
		}
	}
}

func TestNAForSomeoneUnknownIsIgnored(t *testing.T) {
	e := newEnv(t)
	m := na(peer, own, peer, tllao(2))
	m.Solicited, m.Override = true, true
	e.nd(e.eth0, m)
	e.want(e.eth0, peer, "none")
}

// The table of RFC 4861 7.2.5 and appendix C.
func TestNA(t *testing.T) {
	for _, c := range []struct {
		start                       uint16
		solicited, override, router bool
		last                        byte // of the address in the option, 0: no option
		want                        string
	}{
		{start: unix.NUD_INCOMPLETE, solicited: true, last: 2, want: "REACHABLE 02"},
		{start: unix.NUD_INCOMPLETE, last: 2, want: "STALE 02"},
		{start: unix.NUD_INCOMPLETE, solicited: true, want: "INCOMPLETE"},
		{start: unix.NUD_REACHABLE, last: 2, want: "REACHABLE 02"},
		{start: unix.NUD_REACHABLE, last: 3, want: "STALE 02"},
		{start: unix.NUD_REACHABLE, solicited: true, last: 3, want: "STALE 02"},
		{start: unix.NUD_REACHABLE, override: true, last: 3, want: "STALE 03"},
		{start: unix.NUD_REACHABLE, solicited: true, override: true, last: 3, want: "REACHABLE 03"},
		{start: unix.NUD_STALE, solicited: true, last: 2, want: "REACHABLE 02"},
		{start: unix.NUD_STALE, solicited: true, want: "REACHABLE 02"},
		{start: unix.NUD_STALE, solicited: true, last: 3, want: "STALE 02"},
		{start: unix.NUD_STALE, override: true, last: 3, want: "STALE 03"},
		{start: unix.NUD_PROBE, solicited: true, override: true, last: 3, want: "REACHABLE 03"},
		{start: unix.NUD_PROBE, last: 3, want: "PROBE 02"},
		{start: unix.NUD_PERMANENT, solicited: true, override: true, last: 3, want: "PERMANENT 02"},
		{start: unix.NUD_FAILED, solicited: true, override: true, last: 3, want: "FAILED"},
	} {
		e := newEnv(t)
		e.put(peer, 2, c.start)
		m := na(peer, own, peer, NDOptions{})
		m.Solicited, m.Override = c.solicited, c.override
		if c.last != 0 {
			m.Options = tllao(c.last)
		}
		e.nd(e.eth0, m)
		if got := e.state(e.eth0, peer); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestNARouterFlag(t *testing.T) {
	e := newEnv(t)
	var gone []netip.Addr
	e.table.OnRouterToHost = func(_ *link.Link, a netip.Addr) { gone = append(gone, a) }
	n := e.put(peer, 2, unix.NUD_REACHABLE)
	m := na(peer, own, peer, tllao(2))
	m.Router = true
	e.nd(e.eth0, m)
	e.same("told", e.told(), "new 2001:db8::2 REACHABLE")
	if n.Flags&FlagRouter == 0 {
		t.Error("not a router")
	}
	m.Router = false
	e.nd(e.eth0, m)
	if n.Flags&FlagRouter != 0 || fmt.Sprint(gone) != "[2001:db8::2]" {
		t.Errorf("flags %x, router to host %v", n.Flags, gone)
	}
}

func TestUntrackedNA(t *testing.T) {
	for _, c := range []struct{ value, target, want string }{
		{"0", peer, "none"}, {"1", peer, "STALE 02"}, {"2", peer, "STALE 02"}, {"2", "2001:db8:9::9", "none"},
	} {
		e := newEnv(t)
		e.forwarding6()
		e.sysctl("net.ipv6.conf.eth0.accept_untracked_na", c.value)
		m := na(c.target, own, c.target, tllao(2))
		m.Solicited = true
		e.nd(e.eth0, m)
		if got := e.state(e.eth0, c.target); got != c.want {
			t.Errorf("accept_untracked_na %s, from %s: %s, want %s", c.value, c.target, got, c.want)
		}
	}
}

func TestDropUnsolicitedNA(t *testing.T) {
	e := newEnv(t)
	e.sysctl("net.ipv6.conf.eth0.drop_unsolicited_na", "1")
	e.put(peer, 2, unix.NUD_STALE)
	m := na(peer, "ff02::1", peer, tllao(3))
	m.Override = true
	e.nd(e.eth0, m)
	e.want(e.eth0, peer, "STALE 02")
}

func TestDADConflicts(t *testing.T) {
	const tentative = "2001:db8::7"
	for _, c := range []struct {
		name     string
		m        ND
		nonce    uint64
		conflict string
	}{
		{"NS of DAD", ns("::", "ff02::1:ff00:7", tentative, NDOptions{}), 0, "2001:db8::7 00:00:00:00:00:00"},
		{"NS of DAD, other nonce", ns("::", "ff02::1:ff00:7", tentative, NDOptions{Nonce: NonceOption(5)}), 6, "2001:db8::7 00:00:00:00:00:00"},
		{"our own NS, looped back", ns("::", "ff02::1:ff00:7", tentative, NDOptions{Nonce: NonceOption(1 << 40)}), 1 << 40, ""},
		{"NS of a neighbour", ns(peer, "ff02::1:ff00:7", tentative, sllao(2)), 0, ""},
		{"NA", na(tentative, "ff02::1", tentative, tllao(2)), 0, "2001:db8::7 02:00:00:00:00:02"},
	} {
		e := newEnv(t)
		a := e.addAddr(e.eth0, tentative+"/64")
		e.must(e.addrs.SetFlags(a, unix.IFA_F_TENTATIVE, 0))
		conflict := ""
		e.table.OnDADConflict = func(_ *link.Link, target netip.Addr, from link.HardAddr) {
			conflict = fmt.Sprint(target, " ", from)
		}
		e.table.DADNonce = func(*link.Link, netip.Addr) uint64 { return c.nonce }
		e.nd(e.eth0, c.m)
		if conflict != c.conflict {
			t.Errorf("%s: conflict %q, want %q", c.name, conflict, c.conflict)
		}
		if got := e.sent(); got != "" {
			t.Errorf("%s: sent %q", c.name, got)
		}
	}
}

func TestOptimisticAddressAnswersWithoutOverride(t *testing.T) {
	e := newEnv(t)
	a := e.addAddr(e.eth0, "2001:db8::7/64")
	e.must(e.addrs.SetFlags(a, unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC, 0))
	e.nd(e.eth0, ns(peer, "ff02::1:ff00:7", "2001:db8::7", sllao(2)))
	e.same("sent", e.sent(), "eth0: NA 2001:db8::7 from 2001:db8::7 to 2001:db8::2 solicited tllao")
}

func TestNAOfAnOwnAddressChangesNothing(t *testing.T) {
	e := newEnv(t)
	e.nd(e.eth0, na(own, "ff02::1", own, tllao(2)))
	if n := e.table.Len(unix.AF_INET6); n != 0 {
		t.Errorf("%d neighbours", n)
	}
}

func TestProxyND(t *testing.T) {
	const proxied, group = "2001:db8::50", "ff02::1:ff00:50"
	for _, c := range []struct {
		name            string
		forward, enable string
		flags           uint32
		pktType         uint8
		at              time.Duration // when the answer has come
		want            string
	}{
		{"answered", "1", "1", 0, unix.PACKET_HOST, 0, "eth0: NA 2001:db8::50 from 2001:db8::1 to 2001:db8::2 solicited tllao"},
		{"for a router", "1", "1", FlagRouter, unix.PACKET_HOST, 0, "eth0: NA 2001:db8::50 from 2001:db8::1 to 2001:db8::2 router solicited tllao"},
		{"delayed", "1", "1", 0, unix.PACKET_MULTICAST, 800 * time.Millisecond, "eth0: NA 2001:db8::50 from 2001:db8::1 to 2001:db8::2 solicited tllao"},
		{"not forwarding", "0", "1", 0, unix.PACKET_HOST, 0, ""},
		{"proxy_ndp off", "1", "0", 0, unix.PACKET_HOST, 0, ""},
	} {
		e := newEnv(t)
		var joined []string
		e.table.Membership = func(_ *link.Link, g netip.Addr, join bool) { joined = append(joined, fmt.Sprint(g, join)) }
		e.sysctl("net.ipv6.conf.all.forwarding", c.forward)
		e.sysctl("net.ipv6.conf.eth0.proxy_ndp", c.enable)
		e.must(e.table.Add(Config{Link: e.eth0, Addr: ip(proxied), Flags: FlagProxy | c.flags}, 0))
		e.sent()
		e.ndType(e.eth0, ns(peer, group, proxied, sllao(2)), 255, c.pktType)
		e.clock.Advance(c.at)
		if got := e.sent(); got != c.want {
			t.Errorf("%s: sent %q, want %q", c.name, got, c.want)
		}
		e.must(e.table.Delete(Config{Link: e.eth0, Addr: ip(proxied), Flags: FlagProxy}))
		if got := fmt.Sprint(joined); got != "[ff02::1:ff00:50 true ff02::1:ff00:50 false]" {
			t.Errorf("%s: membership %s", c.name, got)
		}
	}
}

func TestSubnetRouterAnycast(t *testing.T) {
	m := ns(peer, "ff02::1:ff00:0", "2001:db8::", sllao(2))
	e := newEnv(t)
	e.nd(e.eth0, m)
	e.same("sent by a host", e.sent(), "")
	e.forwarding6()
	e.sent()
	e.ndType(e.eth0, m, 255, unix.PACKET_MULTICAST)
	e.clock.Advance(800 * time.Millisecond)
	e.same("sent by a router", e.sent(), "eth0: NA 2001:db8:: from 2001:db8::1 to 2001:db8::2 router solicited tllao")
}

func TestRouterSolicitation(t *testing.T) {
	e := newEnv(t)
	e.forwarding6()
	e.nd(e.eth0, ND{Type: NDRouterSolicit, Src: ip("::"), Dst: AllRouters})
	if n := e.table.Len(unix.AF_INET6); n != 0 {
		t.Errorf("%d neighbours learned from an unspecified source", n)
	}
	e.nd(e.eth0, ND{Type: NDRouterSolicit, Src: ip("fe80::2"), Dst: AllRouters, Options: sllao(2)})
	e.want(e.eth0, "fe80::2", "STALE 02")
}

func TestRouterAdvertisement(t *testing.T) {
	ra := ND{
		Type: NDRouterAdvert, Src: ip("fe80::2"), Dst: AllNodes, CurHopLimit: 64, Lifetime: 1800,
		Options: sllao(2),
	}
	for _, c := range []struct {
		forward, accept string
		taken           bool
	}{{"0", "1", true}, {"0", "0", false}, {"1", "1", false}, {"1", "2", true}} {
		e := newEnv(t)
		e.sysctl("net.ipv6.conf.eth0.forwarding", c.forward)
		e.sysctl("net.ipv6.conf.eth0.accept_ra", c.accept)
		taken := false
		e.table.OnRA = func(_ *link.Link, m *ND) { taken = m.Lifetime == 1800 && m.CurHopLimit == 64 }
		e.nd(e.eth0, ra)
		if taken != c.taken {
			t.Errorf("forwarding %s, accept_ra %s: taken %v", c.forward, c.accept, taken)
		}
		e.want(e.eth0, "fe80::2", "STALE 02") // in any case
		if e.table.Lookup(e.eth0, ip("fe80::2")).Flags&FlagRouter == 0 {
			t.Error("its sender is no router")
		}
	}
}

func TestRedirect(t *testing.T) {
	m := ND{
		Type: NDRedirect, Src: ip("fe80::2"), Dst: ip(own), Target: ip("fe80::3"), Dest: ip("2001:db8:5::5"),
		Options: NDOptions{TgtLLAddr: []byte{2, 0, 0, 0, 0, 3}, HasHeader: true, Redirected: make([]byte, 48)},
	}
	for _, c := range []struct {
		forward, accept string
		taken           bool
	}{{"0", "1", true}, {"0", "0", false}, {"1", "1", false}} {
		e := newEnv(t)
		e.sysctl("net.ipv6.conf.eth0.forwarding", c.forward)
		e.sysctl("net.ipv6.conf.eth0.accept_redirects", c.accept)
		var got ND
		e.table.OnRedirect = func(_ *link.Link, m *ND) { got = *m }
		e.nd(e.eth0, m)
		if taken := got.Dest == m.Dest && got.Target == m.Target; taken != c.taken {
			t.Errorf("forwarding %s, accept_redirects %s: taken %v", c.forward, c.accept, taken)
		}
		want := "none"
		if c.taken {
			want = "STALE 03"
		}
		e.want(e.eth0, "fe80::3", want)
	}
}

func TestUnsolicitedNAOnlyWithNDISCNotify(t *testing.T) {
	e := newEnv(t)
	e.must(e.links.Change(e.eth0, link.Change{HardAddr: []byte{2, 0, 0, 0, 0, 0xb0}}))
	e.same("sent without ndisc_notify", e.sent(), "")
	e.sysctl("net.ipv6.conf.eth0.ndisc_notify", "1")
	tentative := e.addAddr(e.eth0, "2001:db8::7/64")
	e.must(e.addrs.SetFlags(tentative, unix.IFA_F_TENTATIVE, 0))
	e.must(e.links.Change(e.eth0, link.Change{HardAddr: []byte{2, 0, 0, 0, 0, 0xb1}}))
	e.same("sent", e.sent(), "eth0: NA 2001:db8::1 from 2001:db8::1 to ff02::1 override tllao, "+
		"eth0: NA fe80::1 from fe80::1 to ff02::1 override tllao")
}

func TestSendForAddrconf(t *testing.T) {
	e := newEnv(t)
	e.table.SendNS(e.eth0, ip("2001:db8::7"), SolicitedNode(ip("2001:db8::7")), netip.IPv6Unspecified(), 77)
	e.same("DAD", e.sent(), "eth0: NS 2001:db8::7 from :: to ff02::1:ff00:7 nonce")
	e.table.SendRS(e.eth0, ip("fe80::1"), AllRouters)
	e.same("RS", e.sent(), "eth0: RS invalid IP from fe80::1 to ff02::2 sllao")
	e.table.SendRS(e.eth0, netip.IPv6Unspecified(), AllRouters)
	e.same("RS without an address", e.sent(), "eth0: RS invalid IP from :: to ff02::2")
	e.put("fe80::9", 9, unix.NUD_REACHABLE)
	e.table.SendRedirect(e.eth0, ip(peer), ip("fe80::9"), ip("2001:db8:5::5"), make([]byte, 1500))
	all := e.dp.Injected()
	m, err := parseSent(&all[0])
	if err != nil || m.Target != ip("fe80::9") || m.Dest != ip("2001:db8:5::5") || len(m.Options.TgtLLAddr) != 6 ||
		len(all[0].Data) > 1280 || len(m.Options.Redirected) < 1100 {
		t.Errorf("redirect: %v, %d bytes, %+v", err, len(all[0].Data), m)
	}
}
