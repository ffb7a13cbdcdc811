// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// newFuzzEnv is a router with a neighbour of each kind that a packet could touch.
func newFuzzEnv(t *testing.T) *env {
	e := newEnv(t)
	e.sysctl("net.ipv4.conf.all.forwarding", "1")
	e.forwarding6()
	e.put("10.0.0.2", 2, unix.NUD_PERMANENT)
	e.put("10.0.0.3", 3, unix.NUD_REACHABLE)
	e.put(peer, 2, unix.NUD_PERMANENT)
	e.put("fe80::3", 3, unix.NUD_REACHABLE)
	e.miss(e.eth0, "10.0.0.4", "")
	e.miss(e.eth0, "fe80::4", "")
	e.sent()
	return e
}

// FuzzARP gives any frame to the whole handler.
func FuzzARP(f *testing.F) {
	seed := func(op uint16, sip, tip string) {
		a := ARP{Op: op, SenderHA: mac(9), SenderIP: ip(sip), TargetHA: mac(0xa0), TargetIP: ip(tip)}
		f.Add(a.Frame(mac(0xa0), mac(9)), uint8(14), uint8(unix.PACKET_BROADCAST), false)
	}
	seed(ARPRequest, "10.0.0.9", "10.0.0.1")
	seed(ARPRequest, "0.0.0.0", "10.0.0.1")
	seed(ARPRequest, "10.0.0.1", "10.0.0.1")
	seed(ARPRequest, "10.0.0.9", "10.1.0.1")
	seed(ARPReply, "10.0.0.4", "10.0.0.1")
	seed(ARPReply, "10.0.0.2", "10.0.0.1")
	f.Add([]byte{}, uint8(14), uint8(0), true)
	f.Add(make([]byte, 60), uint8(200), uint8(3), true)
	f.Fuzz(func(t *testing.T, frame []byte, l3, pktType uint8, accept bool) {
		e := newFuzzEnv(t)
		if accept {
			e.sysctl("net.ipv4.conf.eth0.arp_accept", "1")
		}
		before := e.table.Len(unix.AF_INET)
		e.table.HandleARP(&dpif.Punt{Iif: e.eth0.Index, L3: uint16(l3), PktType: pktType, Data: frame})

		var a ARP
		err := error(DropTooSmall)
		if int(l3) <= len(frame) {
			a, err = ParseARP(frame[l3:])
		}
		if err == nil {
			if again, err := ParseARP(a.Append(nil)); err != nil || again != a {
				t.Errorf("round trip of %+v: %+v, %v", a, again, err)
			}
		}
		sent := e.dp.Injected()
		if len(sent) > 1 {
			t.Errorf("%d packets for one", len(sent))
		}
		for _, in := range sent {
			answer, aerr := ParseARP(in.Data[14:])
			switch {
			case err != nil || a.Op != ARPRequest:
				t.Errorf("an answer to what is no request: %v, %v", err, a.Op)
			case aerr != nil || answer.Op != ARPReply || answer.SenderHA != e.eth0.HardAddr || in.Oif != e.eth0.Index:
				t.Errorf("bad answer %+v, %v", answer, aerr)
			case answer.SenderIP != a.TargetIP || e.addrs.IsLocal(answer.SenderIP) == nil:
				t.Errorf("an answer for %v, asked was %v", answer.SenderIP, a.TargetIP)
			case answer.TargetIP != a.SenderIP || answer.TargetHA != a.SenderHA || link.HardAddr(in.Data[:6]) != a.SenderHA:
				t.Errorf("an answer to %v %v, %v %v asked", answer.TargetIP, answer.TargetHA, a.SenderIP, a.SenderHA)
			case e.addrs.IsLocal(a.SenderIP) != nil:
				t.Errorf("an answer to ourselves")
			}
		}
		switch after := e.table.Len(unix.AF_INET); {
		case after > before+1:
			t.Errorf("%d neighbours learned from one packet", after-before)
		case after == before+1:
			if n := e.table.Lookup(e.eth0, a.SenderIP); err != nil || n == nil || e.addrs.IsLocal(a.SenderIP) != nil {
				t.Errorf("learned something else than the sender %v", a.SenderIP)
			}
		}
		e.want(e.eth0, "10.0.0.2", "PERMANENT 02")
		e.checkHeap()
	})
}

// FuzzND gives any packet to the whole handler; fix makes the checksum right first.
func FuzzND(f *testing.F) {
	for _, m := range []ND{
		ns("2001:db8::9", ownNode, own, sllao(9)), ns("::", ownNode, own, NDOptions{Nonce: NonceOption(7)}),
		ns("2001:db8::9", "ff02::1:ff00:0", "2001:db8::", sllao(9)),
		na("fe80::4", "fe80::1", "fe80::4", tllao(4)), na("fe80::3", "ff02::1", "fe80::3", tllao(4)),
		{Type: NDRouterSolicit, Src: ip("fe80::9"), Dst: AllRouters, Options: sllao(9)},
		{Type: NDRouterAdvert, Src: ip("fe80::9"), Dst: AllNodes, Managed: true, Preference: 1, Options: NDOptions{
			MTU: []byte{0, 0, 0, 0, 5, 220}, Prefixes: []PrefixInfo{{Prefix: ip("2001:db8::"), PrefixLen: 64, Onlink: true}},
			Routes: []RouteInfo{{Prefix: ip("2001:db8:9::"), PrefixLen: 48}}, User: [][]byte{{25, 1, 0, 0, 0, 0, 0, 0}},
		}},
		{Type: NDRedirect, Src: ip("fe80::9"), Dst: ip(own), Target: ip("fe80::8"), Dest: ip("2001:db8:5::1"), Options: NDOptions{
			TgtLLAddr: []byte{2, 0, 0, 0, 0, 8}, HasHeader: true, Redirected: make([]byte, 48),
		}},
	} {
		f.Add(m.Packet(), uint8(40), false, false)
	}
	f.Add([]byte{}, uint8(40), true, true)
	f.Add(make([]byte, 44), uint8(40), true, true)
	f.Fuzz(func(t *testing.T, pkt []byte, l4 uint8, fix, asHost bool) {
		e := newFuzzEnv(t)
		if asHost {
			e.sysctl("net.ipv6.conf.all.forwarding", "0")
			e.sent()
		}
		p := dpif.Punt{Iif: e.eth0.Index, L4: uint16(l4), Data: pkt}
		src, dst, hop, msg, _, err := ndPayload(&p)
		if err == nil && fix && len(msg) >= 4 {
			msg[2], msg[3] = 0, 0
			sum := ChecksumND(src, dst, msg)
			msg[2], msg[3] = byte(sum>>8), byte(sum)
		}
		before := e.table.Len(unix.AF_INET6)
		e.table.HandleND(&p)

		var m ND
		if err == nil {
			if m, err = ParseND(src, dst, hop, msg); err == nil {
				roundTripND(t, &m)
			}
		}
		sent := e.dp.Injected()
		if len(sent) > 1 {
			t.Errorf("%d packets for one", len(sent))
		}
		for _, in := range sent {
			answer, aerr := parseSent(&in)
			to := src
			if src.IsUnspecified() {
				to = AllNodes
			}
			switch {
			case err != nil || m.Type != NDNeighborSolicit || hop != 255 || ChecksumND(src, dst, msg) != 0:
				t.Errorf("an answer to what is no valid solicitation: %v, %+v", err, m)
			case aerr != nil || answer.Type != NDNeighborAdvert || answer.Target != m.Target || answer.Dst != to:
				t.Errorf("bad answer %+v, %v", answer, aerr)
			case e.addrs.Find(e.eth0, m.Target) == nil && !e.table.anycast(e.eth0, m.Target):
				t.Errorf("an answer for %v", m.Target)
			case src.IsUnspecified() == answer.Solicited || e.addrs.Find(e.eth0, answer.Src) == nil:
				t.Errorf("bad answer %+v", answer)
			}
		}
		switch after := e.table.Len(unix.AF_INET6); {
		case after > before+1:
			t.Errorf("%d neighbours learned from one packet", after-before)
		case after == before+1:
			learned := src
			if m.Type == NDRedirect {
				learned = m.Target
			}
			if err != nil || e.table.Lookup(e.eth0, learned) == nil || learned.IsUnspecified() {
				t.Errorf("learned something else than %v, %v", learned, err)
			}
		}
		e.want(e.eth0, peer, "PERMANENT 02")
		e.checkHeap()
	})
}

// roundTripND wants what is written of a parsed message to be read as the same message.
func roundTripND(t *testing.T, m *ND) {
	t.Helper()
	b := m.Append(nil)
	if ChecksumND(m.Src, m.Dst, b) != 0 {
		t.Errorf("wrong checksum in %x", b)
	}
	again, err := ParseND(m.Src, m.Dst, 255, b)
	if err != nil {
		t.Fatalf("%x of %+v: %v", b, m, err)
	}
	if c := again.Append(nil); !bytes.Equal(b, c) {
		t.Errorf("%+v is written %x, and then %x", m, b, c)
	}
	if again.Target != m.Target || again.Solicited != m.Solicited || again.Lifetime != m.Lifetime ||
		len(again.Options.Prefixes) != len(m.Options.Prefixes) || again.Options.HasHeader != m.Options.HasHeader {
		t.Errorf("%+v becomes %+v", m, again)
	}
}
