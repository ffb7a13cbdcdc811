// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/route"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/tests/pkt"
)

// env is a Handler on two links, with a routing table that sends everything to eth1.
type env struct {
	t     testing.TB
	h     *Handler
	dp    *dpif.Fake
	clock *rtnl.ManualClock
	links *link.Table
	in    *link.Link

	// What the routes say.
	src  netip.Addr // preferred source
	mtu  uint32
	fail error
}

var names = pkt.Names{
	MAC: map[string]string{"h": "02:00:00:00:00:01", "r": "02:00:00:00:00:02"},
	IP4: map[string]string{"h": "10.0.0.2", "r": "10.0.0.1", "far": "10.9.9.9"},
	IP6: map[string]string{"h": "2001:db8::2", "r": "2001:db8::1", "far": "2001:db8:9::9"},
}

func newEnv(t testing.TB) *env {
	t.Helper()
	e := &env{t: t, dp: dpif.NewFake(), clock: rtnl.NewManualClock(), mtu: 1500}
	if err := e.dp.AddNet(0); err != nil {
		t.Fatal(err)
	}
	net := rtnl.NewNet(0, e.dp, e.clock, nil)
	net.Lock()
	defer net.Unlock()
	var err error
	if e.links, err = link.New(net); err != nil {
		t.Fatal(err)
	}
	addrs := addr.New(net, e.links)
	e.in, err = e.links.Add(link.Config{
		Name: "eth1", Port: 0, HardAddr: link.HardAddr{2, 0, 0, 0, 0, 2}, Carrier: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	up := link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}
	if err := e.links.Change(e.in, up); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"10.0.0.1/24", "2001:db8::1/64"} {
		_, err := addrs.Add(addr.Config{Link: e.in, Prefix: netip.MustParsePrefix(p), Flags: unix.IFA_F_NODAD}, unix.NLM_F_CREATE)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range addrs.OfLink(e.in, unix.AF_INET6) {
		if err := addrs.SetFlags(a, 0, unix.IFA_F_TENTATIVE); err != nil {
			t.Fatal(err)
		}
	}
	e.h = New(net, e.links, addrs, e, nil)
	e.dp.Injected()
	return e
}

// Lookup is the routing table.
func (e *env) Lookup(q route.Query) (route.Result, error) {
	if e.fail != nil {
		return route.Result{}, e.fail
	}
	src := q.Src
	if !src.IsValid() {
		src = e.src
	}
	if !src.IsValid() {
		src = netip.MustParseAddr(names.IP4["r"])
		if q.Family == unix.AF_INET6 {
			src = netip.MustParseAddr(names.IP6["r"])
		}
	}
	return route.Result{Type: unix.RTN_UNICAST, Link: e.in, Dst: q.Dst, Src: src, MTU: e.mtu}, nil
}

func (e *env) AddrType(a netip.Addr) uint8 {
	if a == netip.MustParseAddr(names.IP4["r"]) {
		return unix.RTN_LOCAL
	}
	return unix.RTN_UNICAST
}

// punt is a packet as C hands it up.
func (e *env) punt(reason dpif.PuntReason, text string) *dpif.Punt {
	frame := pkt.MustBuild(text, names)
	p := &dpif.Punt{
		Iif: e.in.Index, Reason: reason, Data: frame, PktLen: uint32(len(frame)), L3: 14,
		PktType: unix.PACKET_HOST, RtType: unix.RTN_LOCAL, Protocol: 0x0800,
	}
	if frame[12] == 0x86 {
		p.Protocol, p.L4 = 0x86dd, 54
		if len(frame) > 20 {
			p.IPProto = frame[20]
		}
		if next, at, _, ok := skipExthdr(frame[14:]); ok && next != frame[20] {
			p.IPProto, p.L4 = next, uint16(14+at)
		}
	} else if len(frame) > 24 {
		p.L4, p.IPProto = 14+uint16(frame[14]&15)*4, frame[23]
	}
	return p
}

// sent takes what was injected.
func (e *env) sent() []*pkt.Packet {
	var out []*pkt.Packet
	for _, in := range e.dp.Injected() {
		out = append(out, pkt.DecodeIP(in.Data))
	}
	return out
}

// expect says that what was sent is exactly these packets.
func (e *env) expect(want ...string) {
	e.t.Helper()
	got := e.sent()
	for i, text := range want {
		layers, err := pkt.Parse(text, names)
		if err != nil {
			e.t.Fatal(err)
		}
		if i >= len(got) {
			e.t.Errorf("nothing, want %s", text)
			continue
		}
		if err := pkt.Match(layers, got[i]); err != nil {
			e.t.Errorf("%v\n got  %s\n want %s", err, got[i], text)
		}
	}
	for _, p := range got[min(len(want), len(got)):] {
		e.t.Errorf("sent %s", p)
	}
}

func TestEcho(t *testing.T) {
	e := newEnv(t)
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip h > r ttl 3 tos 7 / icmp echo-request id 1 seq 2 / data "abc"`))
	e.expect(`ip r > h ttl 64 tos 7 no-df / icmp echo-reply id 1 seq 2 / data "abc" / data 0`)
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip6 h > r hlim 3 tc 7 / icmp6 echo-request id 1 seq 2 / data "abc"`))
	e.expect(`ip6 r > h hlim 64 tc 7 / icmp6 echo-reply id 1 seq 2 / data "abc" / data 0`)
}

// What is larger than the way is fragmented: the options of the first fragment only where they are
// not to be copied.
func TestEchoIsFragmented(t *testing.T) {
	e := newEnv(t)
	e.mtu = 600
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip h > r opt 0707080a000001 / icmp echo-request id 1 seq 2 / data 1000`))
	e.expect(`ip r > h len 596 mf off 0 opt 0707080a000001 / icmp echo-reply`,
		`ip r > h no-mf off 568 len 468 opt 01010101010101`)
}

func TestNoAnswer(t *testing.T) {
	for name, p := range map[string]string{
		"bad sum":        `eth h > r / ip h > r / icmp echo-request sum bad`,
		"bad sum six":    `eth h > r / ip6 h > r / icmp6 echo-request sum bad`,
		"short":          `eth h > r / ip h > r proto 1 / data hex 0800f7ff`,
		"reply":          `eth h > r / ip h > r / icmp echo-reply`,
		"unknown":        `eth h > r / ip h > r / icmp 99`,
		"error":          `eth h > r / ip h > r / icmp unreachable / ip r > h / udp 1 > 2`,
		"lying length":   `eth h > r / ip h > r len 999 / icmp echo-request`,
		"no header":      `eth h > r / ip h > r / icmp echo-request / trunc 30`,
		"no header six":  `eth h > r / ip6 h > r / icmp6 echo-request / trunc 50`,
		"ihl past data":  `eth h > r / ip h > r ihl 15 / icmp echo-request`,
		"six in four":    `eth h > r type 0x0800 / ip6 h > r / icmp6 echo-request`,
		"nothing at all": `eth h > r / trunc 14`,
	} {
		e := newEnv(t)
		e.h.HandleICMP(e.punt(dpif.PuntICMP, p))
		if got := e.sent(); len(got) > 0 {
			t.Errorf("%s: answered %s", name, got[0])
		}
	}
}

// Each guard of __icmp_send and icmp6_send, and beside it the packet that passes.
func TestErrorGuards(t *testing.T) {
	const four, six = `eth h > r / ip h > far ttl 1 / udp 1 > 2`, `eth h > r / ip6 h > far hlim 1 / udp 1 > 2`
	change := func(f func(*dpif.Punt)) func(*dpif.Punt) { return f }
	none := change(func(*dpif.Punt) {})
	for _, c := range []struct {
		name, text string
		set        func(*dpif.Punt)
		sent       bool
	}{
		{"plain", four, none, true},
		{"broadcast frame", four, func(p *dpif.Punt) { p.PktType = unix.PACKET_BROADCAST }, false},
		{"multicast frame", four, func(p *dpif.Punt) { p.PktType = unix.PACKET_MULTICAST }, false},
		{"broadcast route", four, func(p *dpif.Punt) { p.RtType = unix.RTN_BROADCAST }, false},
		{"multicast route", four, func(p *dpif.Punt) { p.RtType = unix.RTN_MULTICAST }, false},
		{"first fragment", `eth h > r / ip h > far mf / udp 1 > 2`, none, true},
		{"later fragment", `eth h > r / ip h > far off 8 proto 17 / data 20`, none, false},
		{"about echo", `eth h > r / ip h > far / icmp echo-request`, none, true},
		{"about an error", `eth h > r / ip h > far / icmp unreachable / data 28`, none, false},
		{"about a redirect", `eth h > r / ip h > far / icmp redirect / data 28`, none, false},
		{"about an unknown type", `eth h > r / ip h > far / icmp 77`, none, false},
		{"about nothing", `eth h > r / ip h > far proto 1`, none, false},

		{"six plain", six, none, true},
		{"six from ::", `eth h > r / ip6 :: > far / udp 1 > 2`, none, false},
		{"six from a group", `eth h > r / ip6 ff02::1 > far / udp 1 > 2`, none, false},
		{"six to a group", `eth h > r / ip6 h > ff02::1 / udp 1 > 2`, none, false},
		{"six multicast frame", six, func(p *dpif.Punt) { p.PktType = unix.PACKET_MULTICAST }, false},
		{"six about echo", `eth h > r / ip6 h > far / icmp6 echo-request`, none, true},
		{"six about an error", `eth h > r / ip6 h > far / icmp6 unreachable / data 48`, none, false},
		{"six about a hidden error", `eth h > r / ip6 h > far / dst opt 01020000 / icmp6 packet-too-big / data 48`, none, false},
		{"six about a later fragment", `eth h > r / ip6 h > far / frag off 8 next 58 / data 3`, none, true},
	} {
		e := newEnv(t)
		p := e.punt(dpif.PuntICMPSend, c.text)
		p.RtType, p.ICMPType = unix.RTN_UNICAST, icmpTimeExceeded
		if p.Protocol == 0x86dd {
			p.ICMPType = 3
		}
		c.set(p)
		e.h.HandleSend(p)
		if got := e.sent(); (len(got) == 1) != c.sent {
			t.Errorf("%s: sent %v", c.name, got)
		}
	}
}

// What may be said to a group nevertheless: packet too big, and an option that asks for an answer.
func TestErrorsAboutGroups(t *testing.T) {
	e := newEnv(t)
	p := e.punt(dpif.PuntICMPSend, `eth h > r / ip6 h > ff0e::1 / udp 1 > 2`)
	p.ICMPType, p.Info, p.PktType = icmp6PktTooBig, 1280, unix.PACKET_MULTICAST
	e.h.HandleSend(p)
	e.expect(`ip6 r > h / icmp6 packet-too-big mtu 1280 / ip6 h > ff0e::1`)

	for option, answer := range map[string]bool{"be020000": true, "fe020000": false} {
		p := e.punt(dpif.PuntICMPSend, `eth h > r / ip6 h > ff02::1 / hbh opt `+option+` / udp 1 > 2`)
		p.ICMPType, p.ICMPCode, p.Info, p.PktType = icmp6ParamProb, icmp6UnkOption, 42, unix.PACKET_MULTICAST
		e.h.HandleSend(p)
		if got := e.sent(); (len(got) == 1) != answer {
			t.Errorf("option %s: sent %v", option, got)
		}
	}
}

func TestQuoteIsLimited(t *testing.T) {
	e := newEnv(t)
	p := e.punt(dpif.PuntICMPSend, `eth h > r / ip h > far ttl 1 / udp 1 > 2 / data 1400`)
	p.ICMPType, p.RtType = icmpTimeExceeded, unix.RTN_UNICAST
	e.h.HandleSend(p)
	e.expect(`ip r > h len 576 / icmp time-exceeded / ip h > far len 1428 / udp 1 > 2 / data 520`)
	e.mtu = 100
	e.h.HandleSend(p)
	e.expect(`ip r > h len 100 / icmp time-exceeded / ip h > far / udp 1 > 2 / data 44`)
	e.mtu = 48 // no room for a header: nothing worth saying
	e.h.HandleSend(p)
	e.expect()
	p = e.punt(dpif.PuntICMPSend, `eth h > r / ip6 h > far hlim 1 / udp 1 > 2 / data 1400`)
	p.ICMPType = 3
	e.h.HandleSend(p)
	e.expect(`ip6 r > h len 1240 / icmp6 time-exceeded / ip6 h > far / udp 1 > 2 / data 1184`)
}

func TestSourceOfErrors(t *testing.T) {
	e := newEnv(t)
	e.src = netip.MustParseAddr("192.0.2.7")
	p := e.punt(dpif.PuntICMPSend, `eth h > r / ip h > far ttl 1 / udp 1 > 2`)
	p.ICMPType, p.RtType = icmpTimeExceeded, unix.RTN_UNICAST
	e.h.HandleSend(p)
	e.expect(`ip 192.0.2.7 > h / icmp time-exceeded`)
	e.h.Sysctl.ErrorsUseInboundIfaddr = 1
	e.h.HandleSend(p)
	e.expect(`ip r > h / icmp time-exceeded`)
	p.RtType, p.ICMPType, p.ICMPCode = unix.RTN_LOCAL, icmpDestUnreach, icmpPortUnreach
	e.h.HandleSend(p) // to us: from the address that was asked
	e.expect(`ip far > h / icmp unreachable code port`)
}

func TestNoWayBack(t *testing.T) {
	e := newEnv(t)
	e.fail = syscall.ENETUNREACH
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip h > r / icmp echo-request`))
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip6 h > r / icmp6 echo-request`))
	e.h.HandleLocal(e.punt(dpif.PuntLocal, `eth h > r / ip h > r / tcp 1 > 2 syn`))
	e.h.HandleLocal(e.punt(dpif.PuntLocal, `eth h > r / ip6 h > r / udp 1 > 2`))
	e.expect()
}

// The bucket of a host: six at once, one each icmp_ratelimit, none for what is not limited.
func TestRateLimitPerHost(t *testing.T) {
	e := newEnv(t)
	e.clock.Advance(time.Hour)
	udp := func(from string) int {
		n := 0
		for range 10 {
			e.h.HandleLocal(e.punt(dpif.PuntLocal, strings.ReplaceAll(`eth h > r / ip FROM > r / udp 1 > 2`, "FROM", from)))
			n += len(e.sent())
		}
		return n
	}
	if n := udp("h"); n != 6 {
		t.Errorf("%d of 10 answered, want 6", n)
	}
	if n := udp("10.0.0.3"); n != 6 {
		t.Errorf("another host: %d of 10 answered, want 6", n)
	}
	e.clock.Advance(time.Second)
	if n := udp("h"); n != 1 {
		t.Errorf("a second later %d, want 1", n)
	}
	e.h.Sysctl.RateMask = 0
	if n := udp("h"); n != 10 {
		t.Errorf("unmasked %d of 10", n)
	}
	if got := e.h.mib.icmp.OutRateLimitHost; got != 4+4+9 {
		t.Errorf("OutRateLimitHost is %d", got)
	}
}

// The bucket of all: icmp_msgs_per_sec and its burst.
func TestRateLimitGlobal(t *testing.T) {
	e := newEnv(t)
	e.h.Sysctl.RateLimit = 0
	e.clock.Advance(time.Hour)
	n := 0
	for range 1000 {
		e.h.HandleLocal(e.punt(dpif.PuntLocal, `eth h > r / ip h > r / udp 1 > 2`))
		n += len(e.sent())
	}
	if n < 25 || n > 150 { // a burst of 50 credits, each message takes 0, 1 or 2
		t.Errorf("%d of 1000 at once", n)
	}
	if e.h.mib.icmp.OutRateLimitGlobal == 0 {
		t.Error("OutRateLimitGlobal is 0")
	}
}

// The peers that are remembered are bounded.
func TestPeersAreBounded(t *testing.T) {
	e := newEnv(t)
	for i := range maxPeers + 1000 {
		e.h.peer(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if n := len(e.h.peers.byAddr); n != maxPeers || e.h.peers.recent.Len() != n {
		t.Errorf("%d peers, %d in the list, want %d", n, e.h.peers.recent.Len(), maxPeers)
	}
	if e.h.peers.byAddr[netip.AddrFrom4([4]byte{10, 0, 0, 0})] != nil {
		t.Error("the oldest is still there")
	}
}

// A host that does not listen is told nine times, with growing pauses, and again after a silence.
func TestRedirectBackoff(t *testing.T) {
	e := newEnv(t)
	e.clock.Advance(time.Hour)
	redirect := func() int {
		p := e.punt(dpif.PuntICMPSend, `eth h > r / ip h > far ttl 9 / udp 1 > 2`)
		p.ICMPType, p.ICMPCode, p.RtType = icmpRedirect, 1, unix.RTN_UNICAST
		p.Oif, p.Addr = e.in.Index, netip.MustParseAddr("10.0.0.3")
		e.h.HandleSend(p)
		got := e.sent()
		if len(got) == 1 {
			layers, _ := pkt.Parse(`ip r > h / icmp redirect code 1 gw 10.0.0.3 / ip h > far`, names)
			if err := pkt.Match(layers, got[0]); err != nil {
				t.Fatalf("%v: %s", err, got[0])
			}
		}
		return len(got)
	}
	var after []time.Duration
	start, last := e.clock.Now(), time.Time{}
	for range 20000 {
		if redirect() == 1 {
			last = e.clock.Now()
			after = append(after, last.Sub(start))
		}
		e.clock.Advance(4 * time.Millisecond)
	}
	if len(after) != 9 {
		t.Fatalf("told %d times: %v", len(after), after)
	}
	for i := 2; i < len(after); i++ {
		if first, then := after[i-1]-after[i-2], after[i]-after[i-1]; then < first*3/2 {
			t.Errorf("pauses %v, then %v: not doubled", first, then)
		}
	}
	e.clock.Advance(20*time.Second + 500*time.Millisecond)
	if redirect() != 1 {
		t.Error("after the silence: no redirect")
	}
	e.h.HandleSend(&dpif.Punt{})
}

func TestTCPReset(t *testing.T) {
	for text, want := range map[string]string{
		`ip h > r tos 4 / tcp 1 > 2 syn seq 10`:           `ip r > h df id 0 ttl 64 tos 4 / tcp 2 > 1 rst ackf no-syn seq 0 ack 11 win 0`,
		`ip h > r / tcp 1 > 2 ackf seq 10 ack 20`:         `ip r > h / tcp 2 > 1 rst no-ackf seq 20 ack 0`,
		`ip h > r / tcp 1 > 2 fin seq 10 / data 5`:        `ip r > h / tcp 2 > 1 rst ackf seq 0 ack 16`,
		`ip h > r / tcp 1 > 2 rst`:                        "",
		`ip h > r / tcp 1 > 2 syn sum bad`:                "",
		`ip h > r / tcp 1 > 2 syn doff 4`:                 "",
		`ip h > r / tcp 1 > 2 syn doff 15`:                "",
		`ip6 h > r tc 7 / tcp 1 > 2 syn seq 10`:           `ip6 r > h tc 4 / tcp 2 > 1 rst ackf seq 0 ack 11`,
		`ip6 h > r / tcp 1 > 2 syn seq 4294967295`:        `ip6 r > h / tcp 2 > 1 rst ackf ack 0`,
		`ip h > r / tcp 1 > 2 syn seq 10 opt 020405b4`:    `ip r > h / tcp 2 > 1 rst ackf ack 11 doff 5`,
		`ip h > r / tcp 1 > 2 syn seq 1 / data 3 / pad 9`: `ip r > h / tcp 2 > 1 rst ackf ack 5`,
	} {
		e := newEnv(t)
		e.h.HandleLocal(e.punt(dpif.PuntLocal, "eth h > r / "+text))
		if want == "" {
			e.expect()
		} else {
			e.expect(want)
		}
	}
}

// The source route of a packet is turned around (RFC 1812 4.2.2.6), without the sender twice.
func TestEchoTurnsSourceRoute(t *testing.T) {
	e := newEnv(t)
	// Came by 10.0.0.5 and 10.0.0.6; the pointer is behind them.
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip h > r opt 830b0c0a0000050a000006 / icmp echo-request id 1 seq 1`))
	e.expect(`ip r > 10.0.0.6 opt 830b040a0000050a000002 / icmp echo-reply id 1 seq 1`)
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip h > r opt 83070c0a000005 / icmp echo-request id 1 seq 1`))
	e.expect(`ip r > 10.0.0.5 opt 8307040a000002 / icmp echo-reply id 1 seq 1`)
}

func TestSysctls(t *testing.T) {
	e := newEnv(t)
	for name, want := range map[string]string{
		"net.ipv4.icmp_ratelimit": "1000", "net.ipv4.icmp_ratemask": "6168",
		"net.ipv4.icmp_echo_ignore_broadcasts": "1", "net.ipv4.icmp_msgs_per_sec": "1000",
		"net.ipv4.icmp_msgs_burst": "50", "net.ipv6.icmp.ratelimit": "100",
		"net.ipv6.icmp.ratemask": "0-1,3-127", "net.ipv4.ip_default_ttl": "64",
	} {
		if got, err := e.links.Sysctl(name); got != want || err != nil {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
	if err := e.links.SetSysctl("net.ipv6.icmp.ratemask", "1,3-5"); err != nil {
		t.Error(err)
	}
	if got, _ := e.links.Sysctl("net.ipv6.icmp.ratemask"); got != "1,3-5" {
		t.Errorf("ratemask is %q", got)
	}
	for name, value := range map[string]string{
		"net.ipv6.icmp.ratemask": "5-3", "net.ipv4.icmp_echo_ignore_all": "2", "net.ipv4.ip_default_ttl": "0",
		"net.ipv4.icmp_ratelimit": "fast",
	} {
		if err := e.links.SetSysctl(name, value); rtnl.Errno(err) != unix.EINVAL {
			t.Errorf("%s=%s: %v, want EINVAL", name, value, err)
		}
	}
}

func TestCounters(t *testing.T) {
	e := newEnv(t)
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip h > r / icmp echo-request`))
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip h > r / icmp echo-request sum bad`))
	e.h.HandleICMP(e.punt(dpif.PuntICMP, `eth h > r / ip6 h > r / icmp6 echo-request`))
	e.h.HandleLocal(e.punt(dpif.PuntLocal, `eth h > r / ip h > r / udp 1 > 2`))
	got := map[string]uint64{}
	for _, list := range [][]dpif.Counter{e.h.MIB(), e.h.MIB6(), e.h.LocalMIB()} {
		for _, c := range list {
			got[c.Name] = c.Value
		}
	}
	for name, want := range map[string]uint64{
		"IcmpInMsgs": 2, "IcmpInErrors": 1, "IcmpInCsumErrors": 1, "IcmpInEchos": 1, "IcmpOutEchoReps": 1,
		"IcmpOutMsgs": 2, "IcmpOutDestUnreachs": 1, "IcmpMsgInType8": 1, "IcmpMsgOutType0": 1,
		"Icmp6InMsgs": 1, "Icmp6InEchos": 1, "Icmp6OutEchoReplies": 1, "UdpNoPorts": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %d, want %d", name, got[name], want)
		}
	}
}
