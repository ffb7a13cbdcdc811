// SPDX-License-Identifier: BSD-3-Clause

package controlplane

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/nexthop"
	"skua/controlplane/route"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/tests/pkt"
)

var names = pkt.Names{
	MAC: map[string]string{"h": "02:00:00:00:00:99", "r": "02:00:00:00:00:02"},
	IP4: map[string]string{"h": "10.0.0.2", "r": "10.0.0.1"},
	IP6: map[string]string{"h": "2001:db8::2", "r": "2001:db8::1"},
}

// newStack is a router with a link, an address of each family, a neighbour and a route.
func newStack(t *testing.T) (*Stack, *dpif.Fake, *rtnl.ManualClock, *link.Link) {
	t.Helper()
	dp, clock := dpif.NewFake(), rtnl.NewManualClock()
	s, err := New(Options{DP: dp, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	s.Net.Lock()
	defer s.Net.Unlock()
	l, err := s.Links.Add(link.Config{Name: "eth1", HardAddr: link.HardAddr{2, 0, 0, 0, 0, 2}, Carrier: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*link.Link{s.Links.Loopback(), l} {
		if err := s.Links.Change(x, link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"10.0.0.1/24", "2001:db8::1/64"} {
		c := addr.Config{Link: l, Prefix: netip.MustParsePrefix(p), Flags: unix.IFA_F_NODAD}
		if _, err := s.Addrs.Add(c, unix.NLM_F_CREATE); err != nil {
			t.Fatal(err)
		}
	}
	err = s.Neighs.Add(neigh.Config{
		Link: l, Addr: netip.MustParseAddr("10.0.0.2"), HardAddr: link.HardAddr{2, 0, 0, 0, 0, 0x99}, HasAddr: true,
		NUD: unix.NUD_PERMANENT,
	}, unix.NLM_F_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	for _, tos := range []uint8{0, 0x08, 0x40} {
		err = s.Routes.Add(&route.Config{
			Family: unix.AF_INET, Type: unix.RTN_UNICAST, Table: unix.RT_TABLE_MAIN, NLFlags: unix.NLM_F_CREATE,
			Dst: netip.MustParsePrefix("10.9.0.0/16"), Gateway: netip.MustParseAddr("10.0.0.2"), TOS: tos,
			Metrics: (*nexthop.Metrics)(nil),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	dp.Injected()
	return s, dp, clock, l
}

func punt(l *link.Link, reason dpif.PuntReason, text string) dpif.Punt {
	frame := pkt.MustBuild(text, names)
	p := dpif.Punt{
		Iif: l.Index, Oif: l.Index, Reason: reason, Data: frame, PktLen: uint32(len(frame)), L3: 14,
		RtType: unix.RTN_LOCAL, Protocol: 0x0806,
	}
	switch frame[12] {
	case 0x86:
		p.Protocol, p.L4, p.IPProto = 0x86dd, 54, frame[20]
	case 8:
		if frame[13] == 0 {
			p.Protocol, p.L4, p.IPProto = 0x0800, 34, frame[23]
		}
	}
	return p
}

// alone is a set of the one instance.
func alone(s *Stack) *Stacks {
	all := &Stacks{host: s, all: []*Stack{s}}
	all.byID[s.Net.ID] = s
	return all
}

// Each reason finds its table.
func TestPuntsAreDispatched(t *testing.T) {
	s, dp, _, l := newStack(t)
	all := alone(s)
	send := punt(l, dpif.PuntICMPSend, `eth h > r / ip h > 10.9.0.1 ttl 1 / udp 1 > 2`)
	send.ICMPType, send.RtType = 11, unix.RTN_UNICAST
	miss := punt(l, dpif.PuntNeighMiss, `eth h > r / ip h > 10.0.0.9 / udp 1 > 2`)
	miss.Addr = netip.MustParseAddr("10.0.0.9")
	other := punt(l, dpif.PuntICMP, `eth h > r / ip h > r / icmp echo-request`)
	other.Net = 7
	for _, c := range []struct {
		p    dpif.Punt
		want string // what is sent, "": nothing
	}{
		{punt(l, dpif.PuntARP, `eth h > bcast / arp request sha h spa h tha 0 tpa r`), "arp reply"},
		{punt(l, dpif.PuntND, `eth h > r / ip6 h > r hlim 255 / icmp6 ns target 2001:db8::1 slla h`), "icmp6 na"},
		{punt(l, dpif.PuntICMP, `eth h > r / ip h > r / icmp echo-request`), "icmp echo-reply"},
		{punt(l, dpif.PuntLocal, `eth h > r / ip h > r / udp 1 > 2`), "icmp unreachable"},
		{punt(l, dpif.PuntIGMP, `eth h > r / ip h > 224.0.0.1 / igmp type 17`), ""},
		{send, "icmp time-exceeded"},
		{miss, "arp request"},
		{other, ""}, // of another instance
	} {
		dp.Push(c.p)
		for all.Poll() > 0 {
		}
		var got []string
		for _, in := range dp.Injected() {
			p := pkt.DecodeIP(in.Data)
			if in.Kind == dpif.InjectXmit {
				p = pkt.Decode(in.Data)
			}
			got = append(got, p.String())
		}
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("reason %d: sent %q, want %q", c.p.Reason, got, c.want)
		}
	}
}

// A query finds the groups of the link, and what is sent and received is counted as ICMPv6.
func TestMLDIsAnswered(t *testing.T) {
	s, dp, clock, l := newStack(t)
	all := alone(s)
	clock.Advance(10 * time.Second)
	dp.Injected()
	before := map[string]uint64{}
	for _, c := range s.MIB() {
		before[c.Name] = c.Value
	}
	text := `eth h > mcast:ff02::1 / ip6 fe80::99 > ff02::1 hlim 1 / hbh opt 050200000100
		/ icmp6 mld-query rest 000a0000 / data hex 00000000000000000000000000000000027d0000`
	p := punt(l, dpif.PuntIGMP, text)
	p.IPProto, p.L4, p.RtType, p.PktType = unix.IPPROTO_ICMPV6, 62, unix.RTN_MULTICAST, unix.PACKET_MULTICAST
	dp.Push(p)
	for all.Poll() > 0 {
	}
	clock.Advance(time.Second)
	sent := dp.Injected()
	if len(sent) != 1 || !strings.Contains(pkt.DecodeIP(sent[0].Data).String(), "mld2-report") {
		t.Fatalf("sent %v", sent)
	}
	for _, c := range s.MIB() {
		want := map[string]uint64{
			"Icmp6InMsgs": 1, "Icmp6InGroupMembQueries": 1, "Icmp6InType130": 1,
			"Icmp6OutMsgs": 1, "Icmp6OutMLDv2Reports": 1, "Icmp6OutType143": 1,
		}[c.Name]
		if got := c.Value - before[c.Name]; got != want {
			t.Errorf("%s is %d more, want %d", c.Name, got, want)
		}
	}
}

// Run handles what comes until it is told to stop.
func TestRun(t *testing.T) {
	s, dp, _, l := newStack(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- alone(s).Run(ctx) }()
	const n = 3 * puntBatch
	for range n {
		dp.Push(punt(l, dpif.PuntICMP, `eth h > r / ip h > r / icmp echo-request`))
	}
	got := 0
	for deadline := time.Now().Add(30 * time.Second); got < n && time.Now().Before(deadline); {
		got += len(dp.Injected())
		time.Sleep(time.Millisecond)
	}
	if got != n {
		t.Errorf("%d of %d answered", got, n)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run ends with %v", err)
	}
}

// What is the same is silent; what somebody changed behind our back is found, entry by entry.
func TestConsistency(t *testing.T) {
	s, dp, clock, l := newStack(t)
	s.Net.Lock()
	defer s.Net.Unlock()
	if got := s.Consistency(); len(got) > 0 {
		t.Fatalf("a new router: %q", got)
	}
	_ = clock
	a := netip.MustParseAddr
	nh, err := dp.DumpNexthops(0)
	if err != nil || len(nh) == 0 {
		t.Fatal(nh, err)
	}
	for _, c := range []struct {
		what string
		do   func() error
		want string
	}{
		{"a route too many", func() error {
			_, err := dp.SetRoutes([]dpif.Route{{Table: 254, Prefix: netip.MustParsePrefix("10.77.0.0/16"), NexthopID: nh[0].ID}})
			return err
		}, "route 10.77.0.0/16 of table 254 is only in the data plane"},
		{"a route too few", func() error {
			_, err := dp.SetRoutes([]dpif.Route{{Table: 254, Prefix: netip.MustParsePrefix("10.9.0.0/16")}})
			return err
		}, "route 10.9.0.0/16 of table 254 is not in the data plane"},
		{"a route elsewhere", func() error {
			_, err := dp.SetRoutes([]dpif.Route{{Table: 254, Prefix: netip.MustParsePrefix("10.0.0.1/32"), NexthopID: nh[len(nh)-1].ID}})
			return err
		}, "route 10.0.0.1/32 of table 254 leads to nexthop"},
		{"a route for a TOS elsewhere", func() error {
			_, err := dp.SetRoutes([]dpif.Route{{
				Table: 254, Prefix: netip.MustParsePrefix("10.9.0.0/16"), NexthopID: nh[0].ID, TOS: 0x08,
			}})
			return err
		}, "route 10.9.0.0/16 of table 254 leads to nexthop"},
		{"a neighbour moved", func() error {
			return dp.SetNeigh(dpif.Neigh{Ifindex: l.Index, Addr: a("10.0.0.2"), NUD: unix.NUD_PERMANENT, HardAddr: [6]byte{2, 1}})
		}, "neighbour 10.0.0.2 of eth1 is at"},
		{"a neighbour too many", func() error {
			return dp.SetNeigh(dpif.Neigh{Ifindex: l.Index, Addr: a("10.0.0.3"), NUD: unix.NUD_REACHABLE, HardAddr: [6]byte{2, 1}})
		}, "neighbour 10.0.0.3 of link 2 is only in the data plane"},
		{"an address too many", func() error {
			return dp.SetAddr(dpif.Addr{Ifindex: l.Index, Addr: a("10.0.0.4")})
		}, "is only in the data plane"},
		{"an address too few", func() error {
			return dp.DelAddr(dpif.Addr{Ifindex: l.Index, Addr: a("10.0.0.1")})
		}, "is not in the data plane"},
		{"a group too many", func() error {
			return dp.SetMcast(dpif.Addr{Ifindex: l.Index, Addr: a("224.0.0.9")})
		}, "is only in the data plane"},
		{"a group too few", func() error {
			return dp.DelMcast(dpif.Addr{Ifindex: l.Index, Addr: a("224.0.0.1")})
		}, "group {Net:0 Ifindex:2 Addr:224.0.0.1"},
		{"other rules", func() error {
			return dp.SetRules(0, 0, unix.AF_INET6, dpif.TableRules(99))
		}, "rules of the net are ["},
		{"rules of a link", func() error {
			return dp.SetRules(0, l.Index, unix.AF_INET, dpif.TableRules(254))
		}, "rules of eth1 are ["},
		{"a nexthop too many", func() error {
			return dp.SetNexthop(dpif.Nexthop{ID: 4711, Family: unix.AF_INET, Type: unix.RTN_BLACKHOLE})
		}, "nexthop 4711 is only in the data plane"},
		{"a link changed", func() error {
			links, err := dp.DumpLinks(0)
			if err == nil {
				i := slices.IndexFunc(links, func(x dpif.Link) bool { return x.Ifindex == l.Index })
				links[i].MTU = 99
				err = dp.SetLink(links[i])
			}
			return err
		}, "link eth1 is {"},
	} {
		before := s.Consistency()
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		got := s.Consistency()
		found := slices.ContainsFunc(got, func(line string) bool {
			return strings.Contains(line, c.want) && !slices.Contains(before, line)
		})
		if !found {
			t.Errorf("%s: %q has no %q", c.what, got, c.want)
		}
	}
}

func TestNewFails(t *testing.T) {
	for _, method := range []string{"AddNet", "SetLink"} {
		dp := dpif.NewFake()
		dp.Fail(method, unix.ENOMEM)
		if _, err := New(Options{DP: dp, Clock: rtnl.NewManualClock()}); rtnl.Errno(err) != unix.ENOMEM {
			t.Errorf("%s fails: New returns %v", method, err)
		}
	}
}
