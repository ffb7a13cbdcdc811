// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

func byUnicast(_ *ARP, p *dpif.Punt)   { p.PktType = unix.PACKET_HOST }
func byBroadcast(_ *ARP, p *dpif.Punt) { p.PktType = unix.PACKET_BROADCAST }

func TestARPCodec(t *testing.T) {
	a := ARP{ARPReply, mac(1), ip("10.0.0.1"), mac(2), ip("10.0.0.2")}
	b := a.Append(nil)
	if got, err := ParseARP(append(b, make([]byte, 18)...)); err != nil || got != a {
		t.Errorf("round trip: %+v, %v", got, err)
	}
	for _, c := range []struct {
		name   string
		mangle func(b []byte) []byte
		want   Drop
	}{
		{"short", func(b []byte) []byte { return b[:27] }, DropTooSmall},
		{"empty", func(b []byte) []byte { return nil }, DropTooSmall},
		{"hardware length", func(b []byte) []byte { b[4] = 8; return b }, DropBadARP},
		{"protocol length", func(b []byte) []byte { b[5] = 16; return b }, DropBadARP},
		{"hardware type", func(b []byte) []byte { b[1] = 2; return b }, DropBadARP},
		{"protocol type", func(b []byte) []byte { b[3] = 1; return b }, DropBadARP},
		{"RARP", func(b []byte) []byte { b[7] = 3; return b }, DropBadARP},
		{"IEEE 802", func(b []byte) []byte { b[1] = 6; return b }, ""},
	} {
		_, err := ParseARP(c.mangle(append([]byte(nil), b...)))
		if got, _ := err.(Drop); got != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestRequestForOwnAddressIsAnsweredAndLearnedFrom(t *testing.T) {
	e := newEnv(t)
	e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.0.0.1")
	e.same("sent", e.sent(), "eth0: 10.0.0.1 is-at a0 to 10.0.0.2 02")
	e.want(e.eth0, "10.0.0.2", "STALE 02")
	e.arp(e.eth0, ARPRequest, mac(3), "10.0.0.2", "10.0.0.1") // moved: an asker is believed
	e.want(e.eth0, "10.0.0.2", "STALE 03")
}

func TestRequestForAnAddressOfAnotherLinkIsAnswered(t *testing.T) {
	e := newEnv(t)
	e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.1.0.1")
	e.same("sent", e.sent(), "eth0: 10.1.0.1 is-at a0 to 10.0.0.2 02")
}

func TestRequestsThatAreNotAnswered(t *testing.T) {
	for _, c := range []struct {
		name, sip, tip string
		drop           Drop
	}{
		{"another's address", "10.0.0.2", "10.0.0.9", ""},
		{"multicast target", "10.0.0.2", "224.0.0.1", DropARPTarget},
		{"loopback target", "10.0.0.2", "127.0.0.1", DropARPTarget},
		{"from our own address", "10.0.0.1", "10.0.0.1", ""},
		{"from a multicast address", "224.0.0.5", "10.0.0.1", ""},
		{"DAD for another's address", "0.0.0.0", "10.0.0.9", ""},
	} {
		e := newEnv(t)
		e.arp(e.eth0, ARPRequest, mac(2), c.sip, c.tip)
		if got := e.sent(); got != "" {
			t.Errorf("%s: sent %q", c.name, got)
		}
		if n := e.table.Len(unix.AF_INET); n != 0 {
			t.Errorf("%s: %d neighbours learned", c.name, n)
		}
		if c.drop != "" && e.table.Drops[c.drop] != 1 {
			t.Errorf("%s: drops %v, want %s", c.name, e.table.Drops, c.drop)
		}
	}
}

func TestARPIsDropped(t *testing.T) {
	e := newEnv(t)
	e.must(e.links.Change(e.eth1, link.Change{Flags: unix.IFF_NOARP, FlagsMask: unix.IFF_NOARP}))
	down := e.addLink("eth2", 0xa2)
	e.setUp(down, false)
	for _, c := range []struct {
		name string
		do   func()
		want Drop
	}{
		{"to another host", func() {
			e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.0.0.1", func(_ *ARP, p *dpif.Punt) { p.PktType = unix.PACKET_OTHERHOST })
		}, DropNotForUs},
		{"NOARP link", func() { e.arp(e.eth1, ARPRequest, mac(2), "10.1.0.2", "10.1.0.1") }, DropNoARP},
		{"link that is down", func() { e.arp(down, ARPRequest, mac(2), "10.1.0.2", "10.1.0.1") }, DropUnknownLink},
		{"unknown link", func() { e.table.HandleARP(&dpif.Punt{Iif: 99}) }, DropUnknownLink},
		{"lying offset", func() { e.table.HandleARP(&dpif.Punt{Iif: 2, L3: 40, Data: make([]byte, 20)}) }, DropTooSmall},
	} {
		before := e.table.Drops[c.want]
		c.do()
		if e.table.Drops[c.want] != before+1 {
			t.Errorf("%s: drops %v, want one more %s", c.name, e.table.Drops, c.want)
		}
	}
	e.same("sent", e.sent(), "")
}

func TestDADProbeIsAnsweredAndNotLearned(t *testing.T) {
	e := newEnv(t)
	e.arp(e.eth0, ARPRequest, mac(2), "0.0.0.0", "10.0.0.1")
	e.same("sent", e.sent(), "eth0: 10.0.0.1 is-at a0 to 0.0.0.0 02")
	if n := e.table.Len(unix.AF_INET); n != 0 {
		t.Errorf("%d neighbours learned", n)
	}
}

func TestARPIgnore(t *testing.T) {
	const self, other, far = "10.0.0.1", "10.1.0.1", "10.9.0.2"
	for _, c := range []struct {
		value, sip, tip string
		answer          bool
	}{
		{"0", "10.0.0.2", other, true},
		{"1", "10.0.0.2", self, true},
		{"1", far, self, true},
		{"1", "10.0.0.2", other, false},
		{"2", "10.0.0.2", self, true},
		{"2", far, self, false},
		{"2", "10.0.0.2", other, false},
		{"3", "10.0.0.2", other, true},
		{"3", "10.0.0.2", "10.5.0.1", false}, // of scope host
		{"1", "10.0.0.2", "10.5.0.1", true},
		{"8", "10.0.0.2", self, false},
	} {
		e := newEnv(t)
		a := e.addAddr(e.eth0, "10.5.0.1/32")
		a.Scope = unix.RT_SCOPE_HOST
		e.sysctl("net.ipv4.conf.eth0.arp_ignore", c.value)
		e.arp(e.eth0, ARPRequest, mac(2), c.sip, c.tip)
		if got := e.sent() != ""; got != c.answer {
			t.Errorf("arp_ignore %s, %s asks for %s: answered %v", c.value, c.sip, c.tip, got)
		}
	}
}

func TestARPFilterAnswersOnlyByTheWayBack(t *testing.T) {
	e := newEnv(t)
	e.sysctl("net.ipv4.conf.eth0.arp_filter", "1")
	e.table.RouteOutput = func(dst, src netip.Addr) *link.Link {
		if dst == ip("10.1.0.2") {
			return e.eth1
		}
		return e.eth0
	}
	e.arp(e.eth0, ARPRequest, mac(2), "10.1.0.2", "10.0.0.1")
	e.same("sent by the wrong link", e.sent(), "")
	e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.0.0.1")
	e.same("sent", e.sent(), "eth0: 10.0.0.1 is-at a0 to 10.0.0.2 02")
}

func TestUnsolicitedReplyIsNotLearned(t *testing.T) {
	e := newEnv(t)
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
	e.arp(e.eth0, ARPRequest, mac(3), "10.0.0.3", "10.0.0.3")
	if n := e.table.Len(unix.AF_INET); n != 0 {
		t.Errorf("%d neighbours learned", n)
	}
}

func TestARPAccept(t *testing.T) {
	for _, c := range []struct {
		name, value string
		op          uint16
		sip, tip    string
		same        bool // target link-layer address is the sender's
		want        string
	}{
		{"announcement", "1", ARPRequest, "10.0.0.3", "10.0.0.3", false, "STALE 03"},
		{"reply", "1", ARPReply, "10.0.0.3", "10.0.0.1", false, "REACHABLE 03"},
		{"gratuitous reply", "1", ARPReply, "10.0.0.3", "10.0.0.3", true, "REACHABLE 03"},
		{"request for another", "1", ARPRequest, "10.0.0.3", "10.0.0.9", false, "none"},
		{"of the subnet", "2", ARPRequest, "10.0.0.3", "10.0.0.3", false, "STALE 03"},
		{"of no subnet", "2", ARPRequest, "10.9.0.3", "10.9.0.3", false, "none"},
		{"of an own address", "1", ARPRequest, "10.0.0.1", "10.0.0.1", false, "none"},
		{"of a broadcast address", "1", ARPRequest, "10.0.0.255", "10.0.0.255", false, "none"},
	} {
		e := newEnv(t)
		e.sysctl("net.ipv4.conf.eth0.arp_accept", c.value)
		e.arp(e.eth0, c.op, mac(3), c.sip, c.tip, func(a *ARP, _ *dpif.Punt) {
			if c.same {
				a.TargetHA = a.SenderHA
			}
		})
		if got := e.state(e.eth0, c.sip); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestLocktimeFirstReplyCounts(t *testing.T) {
	e := newEnv(t)
	e.miss(e.eth0, "10.0.0.2", "")
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
	e.arp(e.eth0, ARPReply, mac(3), "10.0.0.2", "10.0.0.1")
	e.want(e.eth0, "10.0.0.2", "REACHABLE 02")
	e.clock.Advance(1001 * time.Millisecond)
	e.arp(e.eth0, ARPReply, mac(3), "10.0.0.2", "10.0.0.1")
	e.want(e.eth0, "10.0.0.2", "REACHABLE 03")
}

func TestGratuitousARPOverridesAtOnce(t *testing.T) {
	e := newEnv(t)
	e.miss(e.eth0, "10.0.0.2", "")
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
	e.arp(e.eth0, ARPRequest, mac(3), "10.0.0.2", "10.0.0.2")
	e.want(e.eth0, "10.0.0.2", "STALE 03")
}

func TestReplyToItselfIsGratuitousOnlyWithBothAddresses(t *testing.T) {
	for _, both := range []bool{false, true} {
		e := newEnv(t)
		e.miss(e.eth0, "10.0.0.2", "")
		e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
		e.arp(e.eth0, ARPReply, mac(3), "10.0.0.2", "10.0.0.2", func(a *ARP, _ *dpif.Punt) {
			if both {
				a.TargetHA = a.SenderHA
			}
		})
		want := "REACHABLE 02" // within locktime
		if both {
			want = "REACHABLE 03"
		}
		e.want(e.eth0, "10.0.0.2", want)
	}
}

func TestDropGratuitousARP(t *testing.T) {
	e := newEnv(t)
	e.sysctl("net.ipv4.conf.eth0.drop_gratuitous_arp", "1")
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.arp(e.eth0, ARPRequest, mac(3), "10.0.0.2", "10.0.0.2")
	e.want(e.eth0, "10.0.0.2", "STALE 02")
}

func TestBroadcastReplyDoesNotShowReachability(t *testing.T) {
	e := newEnv(t)
	e.miss(e.eth0, "10.0.0.2", "")
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1", byBroadcast)
	e.want(e.eth0, "10.0.0.2", "STALE 02")
}

func TestProxyARP(t *testing.T) {
	forward := func(t *testing.T) *env {
		e := newEnv(t)
		e.sysctl("net.ipv4.conf.all.forwarding", "1")
		e.table.RouteInput = func(_ *link.Link, dst, _ netip.Addr) (uint8, *link.Link, error) {
			if netip.MustParsePrefix("10.1.0.0/24").Contains(dst) {
				return unix.RTN_UNICAST, e.eth1, nil
			}
			return unix.RTN_UNICAST, e.eth0, nil
		}
		return e
	}
	const answer = "eth0: 10.1.0.7 is-at a0 to 10.0.0.2 02"

	t.Run("off", func(t *testing.T) {
		e := forward(t)
		e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.1.0.7", byUnicast)
		e.same("sent", e.sent(), "")
	})
	t.Run("proxy_arp", func(t *testing.T) {
		e := forward(t)
		e.sysctl("net.ipv4.conf.eth0.proxy_arp", "1")
		e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.0.0.9", byUnicast)
		e.same("sent for an address behind the same link", e.sent(), "")
		e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.1.0.7", byUnicast)
		e.same("sent", e.sent(), answer)
		e.want(e.eth0, "10.0.0.2", "STALE 02")
	})
	t.Run("not forwarding", func(t *testing.T) {
		e := forward(t)
		e.sysctl("net.ipv4.conf.eth0.proxy_arp", "1")
		e.sysctl("net.ipv4.conf.eth0.forwarding", "0")
		e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.1.0.7", byUnicast)
		e.same("sent", e.sent(), "")
	})
	t.Run("entry", func(t *testing.T) {
		e := forward(t)
		e.must(e.table.Add(Config{Link: e.eth0, Addr: ip("10.1.0.7"), Flags: FlagProxy}, unix.NLM_F_CREATE))
		e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.1.0.8", byUnicast)
		e.same("sent for another address", e.sent(), "")
		e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.1.0.7", byUnicast)
		e.same("sent", e.sent(), answer)
		e.must(e.table.Delete(Config{Link: e.eth0, Addr: ip("10.1.0.7"), Flags: FlagProxy}))
		e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.1.0.7", byUnicast)
		e.same("sent after it was deleted", e.sent(), "")
	})
	t.Run("delayed", func(t *testing.T) {
		e := forward(t)
		e.sysctl("net.ipv4.conf.eth0.proxy_arp", "1")
		e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.1.0.7")
		e.clock.Advance(800 * time.Millisecond)
		e.same("sent within proxy_delay", e.sent(), answer)
	})
	t.Run("queue", func(t *testing.T) {
		e := forward(t)
		e.sysctl("net.ipv4.conf.eth0.proxy_arp", "1")
		for i := range 70 {
			e.arp(e.eth0, ARPRequest, mac(byte(i)), "10.0.0.2", "10.1.0.7")
		}
		e.clock.Advance(800 * time.Millisecond)
		if n := len(e.dp.Injected()); n != 65 || e.table.Drops[DropProxyQueue] != 5 {
			t.Errorf("%d answers, drops %v", n, e.table.Drops)
		}
	})
	t.Run("private VLAN", func(t *testing.T) {
		e := forward(t)
		e.sysctl("net.ipv4.conf.eth0.proxy_arp_pvlan", "1")
		e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.0.0.9", byUnicast)
		e.same("sent", e.sent(), "eth0: 10.0.0.9 is-at a0 to 10.0.0.2 02")
	})
}

func TestRequestThatRoutingRefusesStillUpdates(t *testing.T) {
	e := newEnv(t)
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.table.RouteInput = func(*link.Link, netip.Addr, netip.Addr) (uint8, *link.Link, error) {
		return 0, nil, unix.EINVAL
	}
	e.clock.Advance(2 * time.Second)
	e.arp(e.eth0, ARPRequest, mac(3), "10.0.0.2", "10.0.0.1")
	e.same("sent", e.sent(), "")
	e.want(e.eth0, "10.0.0.2", "STALE 03")
}

func TestARPAnnounceChoosesTheSource(t *testing.T) {
	for _, c := range []struct{ value, asker, source string }{
		{"0", "", "10.0.0.1"},
		{"0", "10.1.0.1", "10.1.0.1"}, // own, of another link
		{"0", "10.9.0.9", "10.0.0.1"}, // forwarded
		{"1", "10.1.0.1", "10.0.0.1"}, // the target cannot know it
		{"1", "10.0.0.5", "10.0.0.5"}, // own, of the target's subnet
		{"2", "10.0.0.5", "10.0.0.1"},
	} {
		e := newEnv(t)
		e.addAddr(e.eth0, "10.0.0.5/24")
		e.sysctl("net.ipv4.conf.eth0.arp_announce", c.value)
		e.miss(e.eth0, "10.0.0.2", c.asker)
		if got, want := e.sent(), "eth0: who-has 10.0.0.2 tell "+c.source+" to all"; got != want {
			t.Errorf("arp_announce %s, packet from %q: %q, want %q", c.value, c.asker, got, want)
		}
	}
}

func TestGratuitousARPOnlyWithArpNotify(t *testing.T) {
	e := newEnv(t)
	newMAC := link.Change{HardAddr: []byte{2, 0, 0, 0, 0, 0xb0}}
	e.setUp(e.eth0, false)
	e.setUp(e.eth0, true)
	e.must(e.links.Change(e.eth0, newMAC))
	e.addAddr(e.eth0, "10.0.7.1/24")
	e.same("sent without arp_notify", e.sent(), "")

	e.sysctl("net.ipv4.conf.eth0.arp_notify", "1")
	e.setUp(e.eth0, false)
	e.setUp(e.eth0, true)
	const both = "eth0: who-has 10.0.0.1 tell 10.0.0.1 to all, eth0: who-has 10.0.7.1 tell 10.0.7.1 to all"
	e.same("sent when it comes up", e.sent(), both)
	newMAC.HardAddr[5]++
	e.must(e.links.Change(e.eth0, newMAC))
	e.same("sent when its address changes", e.sent(), both)
	e.addAddr(e.eth0, "10.0.8.1/24")
	e.same("sent for a new address", e.sent(), "")
	e.table.SendGratuitousARP(e.eth0)
	e.same("sent when asked", e.sent(), both+", eth0: who-has 10.0.8.1 tell 10.0.8.1 to all")
}
