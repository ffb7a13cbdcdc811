// SPDX-License-Identifier: BSD-3-Clause

package mld

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/addrconf"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/tests/pkt"
)

// env is a link, whose groups the test says, and which has a link-local address.
type env struct {
	t     *testing.T
	dp    *dpif.Fake
	net   *rtnl.Net
	clock *rtnl.ManualClock
	links *link.Table
	l     *link.Link
	mld   *Table
	sent  map[uint8]int
}

func (e *env) CountSent6(typ uint8) { e.sent[typ]++ }

const ll = "fe80::ff:fe00:1"

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{t: t, dp: dpif.NewFake(), clock: rtnl.NewManualClock(), sent: map[uint8]int{}}
	if err := e.dp.AddNet(0); err != nil {
		t.Fatal(err)
	}
	e.net = rtnl.NewNet(0, e.dp, e.clock, nil)
	e.net.Lock()
	t.Cleanup(e.net.Unlock)
	var err error
	if e.links, err = link.New(e.net); err != nil {
		t.Fatal(err)
	}
	addrs := addr.New(e.net, e.links)
	e.mld = New(e.net, e.links, addrs, e)
	if e.l, err = e.links.Add(link.Config{Name: "eth1", HardAddr: link.HardAddr{2, 0, 0, 0, 0, 1}, Carrier: true}); err != nil {
		t.Fatal(err)
	}
	if err := e.links.Change(e.l, link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}); err != nil {
		t.Fatal(err)
	}
	a, err := addrs.Add(addr.Config{Link: e.l, Prefix: netip.MustParsePrefix(ll + "/64"), Flags: unix.IFA_F_NODAD}, unix.NLM_F_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	if err := addrs.SetFlags(a, 0, unix.IFA_F_TENTATIVE); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *env) tell(what addrconf.GroupEventType, groups ...string) {
	if groups == nil {
		e.mld.Event(addrconf.GroupEvent{Type: what, Link: e.l})
	}
	for _, g := range groups {
		e.mld.Event(addrconf.GroupEvent{Type: what, Link: e.l, Group: netip.MustParseAddr(g)})
	}
}

func (e *env) advance(d time.Duration) {
	e.net.Unlock()
	e.clock.Advance(d)
	e.net.Lock()
}

func (e *env) sysctl(name, value string) {
	e.t.Helper()
	if err := e.links.SetSysctl(name, value); err != nil {
		e.t.Fatalf("%s = %s: %v", name, value, err)
	}
}

// hear receives a query, or a report, of another; the text begins behind the IPv6 header.
func (e *env) hear(text string) {
	e.t.Helper()
	frame := pkt.MustBuild("eth 02:00:00:00:00:99 > mcast:ff02::1 / ip6 fe80::99 > ff02::1 hlim 1 / hbh opt 050200000100 / "+text, pkt.Names{})
	e.mld.HandleMLD(e.l, frame[14:], 48, unix.PACKET_MULTICAST)
}

// query is the text of one of version 2 with a robustness of 2 and an interval of 125 s.
func query(code uint16, group string) string {
	return fmt.Sprintf("icmp6 mld-query rest %04x0000 / data hex %x027d0000", code, netip.MustParseAddr(group).As16())
}

func queryV1(code uint16, group string) string {
	return fmt.Sprintf("icmp6 mld-query rest %04x0000 / data hex %x", code, netip.MustParseAddr(group).As16())
}

// want says what was sent since the last call: "2 ff02::5" for each record, "report ff02::5", "done ...",
// with " | " between packets.
func (e *env) want(want string) {
	e.t.Helper()
	var packets []string
	for _, in := range e.dp.Injected() {
		p := pkt.DecodeIP(in.Data)
		if len(p.Problems) > 0 || in.Data[7] != 1 || in.Kind != dpif.InjectIP || in.Oif != e.l.Index {
			e.t.Errorf("sent %s, %v", p, p.Problems)
		}
		packets = append(packets, said(in.Data[48:]))
	}
	if got := strings.Join(packets, " | "); got != want {
		e.t.Helper()
		e.t.Errorf("sent\n\t%s\nwant\n\t%s", got, want)
	}
}

func said(m []byte) string {
	of := func(b []byte) string { return netip.AddrFrom16([16]byte(b)).String() }
	switch m[0] {
	case typeReport:
		return "report " + of(m[8:24])
	case typeDone:
		return "done " + of(m[8:24])
	}
	var out []string
	for r := m[8:]; len(r) >= recordLen; r = r[recordLen:] {
		out = append(out, fmt.Sprintf("%d %s", r[0], of(r[4:20])))
	}
	if len(out) != int(m[6])<<8+int(m[7]) {
		return "a wrong number of records"
	}
	return strings.Join(out, ", ")
}

// Groups that come together are told together, as often as the robustness says, and so is their end.
func TestChangesAreTold(t *testing.T) {
	e := newEnv(t)
	e.tell(addrconf.GroupAdded, "ff02::5", "ff02::6")
	e.want("")
	e.advance(10 * time.Millisecond)
	e.want("4 ff02::6, 4 ff02::5")
	e.advance(1010 * time.Millisecond)
	e.want("4 ff02::6, 4 ff02::5")
	e.tell(addrconf.GroupDropped, "ff02::5")
	e.advance(10 * time.Millisecond)
	e.want("3 ff02::5")
	e.advance(time.Minute)
	e.want("3 ff02::5")
	if e.sent[typeReport2] != 4 {
		t.Errorf("counted %v", e.sent)
	}
}

func TestRobustness(t *testing.T) {
	e := newEnv(t)
	e.sysctl("net.ipv6.mld_qrv", "4")
	e.tell(addrconf.GroupsUp)
	e.tell(addrconf.GroupAdded, "ff02::5")
	e.advance(10 * time.Second)
	e.want(strings.TrimSuffix(strings.Repeat("4 ff02::5 | ", 4), " | "))
	// what a querier says counts more, as far as it is no less than 2
	e.hear(strings.Replace(query(10, "::"), "027d", "037d", 1))
	e.advance(time.Second)
	e.want("2 ff02::5")
	e.tell(addrconf.GroupDropped, "ff02::5")
	e.advance(10 * time.Second)
	e.want("3 ff02::5 | 3 ff02::5 | 3 ff02::5")
	for _, bad := range []string{"0", "-1", "x", "2147483648"} {
		if e.links.SetSysctl("net.ipv6.mld_qrv", bad) == nil {
			t.Errorf("mld_qrv %s is taken", bad)
		}
	}
}

// A group that comes back before its end was told twice is not said to have ended.
func TestJoinForgetsLeave(t *testing.T) {
	e := newEnv(t)
	e.tell(addrconf.GroupAdded, "ff02::5")
	e.advance(10 * time.Second)
	e.dp.Injected()
	e.tell(addrconf.GroupDropped, "ff02::5")
	e.tell(addrconf.GroupAdded, "ff02::5")
	e.advance(10 * time.Second)
	e.want("4 ff02::5 | 4 ff02::5")
}

// While the link is down nothing is sent; what was left then is told when it is up.
func TestLinkDown(t *testing.T) {
	e := newEnv(t)
	e.tell(addrconf.GroupAdded, "ff02::5", "ff02::6")
	e.advance(10 * time.Second)
	e.dp.Injected()
	if err := e.links.Change(e.l, link.Change{FlagsMask: unix.IFF_UP}); err != nil {
		t.Fatal(err)
	}
	e.tell(addrconf.GroupDropped, "ff02::5")
	e.tell(addrconf.GroupsDown)
	e.advance(10 * time.Second)
	e.want("")
	if err := e.links.Change(e.l, link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}); err != nil {
		t.Fatal(err)
	}
	e.tell(addrconf.GroupsUp)
	e.advance(10 * time.Millisecond)
	e.want("3 ff02::5, 4 ff02::6")
	e.tell(addrconf.GroupsGone)
	e.advance(10 * time.Second)
	e.want("")
}

// Answers come within the response delay, and not all at once.
func TestQueriesAreAnsweredInTime(t *testing.T) {
	e := newEnv(t)
	e.tell(addrconf.GroupAdded, "ff02::5", "ff02::6")
	e.advance(10 * time.Second)
	e.dp.Injected()
	early := 0
	for range 40 {
		e.hear(query(2000, "::"))
		e.advance(time.Second)
		if len(e.dp.Injected()) > 0 {
			early++
		}
		e.advance(time.Second + 3*jiffy)
		e.dp.Injected()
	}
	if early == 0 || early == 40 {
		t.Errorf("%d of 40 answers came in the first half of the time", early)
	}
	e.hear(query(2000, "ff02::6"))
	e.hear(query(100, "ff02::6")) // sooner
	e.advance(100 * time.Millisecond)
	e.want("2 ff02::6")
	e.advance(2 * time.Second)
	e.want("")
	e.hear(query(100, "ff02::7"))
	e.advance(2 * time.Second)
	e.want("")
	e.hear(query(0xf000, "ff02::5")) // (0 | 0x1000) << (7 + 3) milliseconds
	if _, due := e.mld.Reporter(e.l, netip.MustParseAddr("ff02::5")); due <= 0 || due > 4194304*time.Millisecond {
		t.Errorf("a report is due in %v", due)
	}
}

// A querier of version 1 is present for robustness * interval + response interval (RFC 3810 9.12).
func TestOlderQuerier(t *testing.T) {
	e := newEnv(t)
	e.tell(addrconf.GroupAdded, "ff02::5")
	e.advance(10 * time.Second)
	e.dp.Injected()
	e.hear(queryV1(1000, "::"))
	e.advance(time.Second)
	e.want("report ff02::5")
	if flags, _ := e.mld.Reporter(e.l, netip.MustParseAddr("ff02::5")); flags != mafLastReporter {
		t.Errorf("flags are %#x", flags)
	}
	e.tell(addrconf.GroupAdded, "ff02::6")
	e.want("report ff02::6")
	e.advance(11 * time.Second)
	e.want("report ff02::6")
	e.hear(query(1000, "::")) // of a router that does not know of the other one
	e.advance(time.Second)
	if got := e.dp.Injected(); len(got) != 2 {
		t.Errorf("%d reports", len(got))
	}
	e.hear(fmt.Sprintf("icmp6 mld-report rest 00000000 / data hex %x", netip.MustParseAddr("ff02::6").As16()))
	e.tell(addrconf.GroupDropped, "ff02::5", "ff02::6")
	e.want("done ff02::5")
	e.advance(260*time.Second - 14*time.Second)
	e.tell(addrconf.GroupAdded, "ff02::7")
	e.want("report ff02::7")
	e.advance(12 * time.Second)
	e.dp.Injected()
	e.tell(addrconf.GroupAdded, "ff02::8")
	e.advance(10 * time.Second)
	e.want("4 ff02::8 | 4 ff02::8")
}

// A report is no longer than a packet may be.
func TestReportsAreSplit(t *testing.T) {
	e := newEnv(t)
	for i := range 200 {
		e.tell(addrconf.GroupAdded, fmt.Sprintf("ff02::1:%x", i))
	}
	e.advance(10 * time.Millisecond)
	var sizes []int
	records := 0
	for _, in := range e.dp.Injected() {
		sizes = append(sizes, len(in.Data))
		records += int(in.Data[54])<<8 + int(in.Data[55])
	}
	if !slices.Equal(sizes, []int{56 + 72*20, 56 + 72*20, 56 + 56*20}) || records != 200 {
		t.Errorf("packets of %v bytes with %d records", sizes, records)
	}
}

// What the host reports by a twin, we do not.
func TestTakenByTheHost(t *testing.T) {
	e := newEnv(t)
	e.tell(addrconf.GroupAdded, "ff02::5", "ff02::6")
	e.advance(10 * time.Second)
	e.dp.Injected()
	e.tell(addrconf.GroupTaken, "ff02::5")
	e.advance(10 * time.Second)
	e.want("")
	e.hear(query(10, "::"))
	e.hear(query(10, "ff02::5"))
	e.advance(time.Second)
	e.want("2 ff02::6")
	e.tell(addrconf.GroupAdded, "ff02::5") // the host has left it
	e.advance(10 * time.Second)
	e.want("4 ff02::5 | 4 ff02::5")
}

// FuzzQuery reads queries out of anything. What is answered is from a neighbour, has the router alert,
// and says no more than is there; and answering it sends only what is well formed.
func FuzzQuery(f *testing.F) {
	for _, text := range []string{query(10, "::"), query(0xffff, "ff02::5"), queryV1(7, "::"), queryV1(7, "ff02::5")} {
		frame := pkt.MustBuild("eth 02:00:00:00:00:99 > mcast:ff02::1 / ip6 fe80::99 > ff02::1 hlim 1 / hbh opt 050200000100 / "+text, pkt.Names{})
		f.Add(frame[14:], uint16(48))
	}
	f.Fuzz(func(t *testing.T, ip []byte, at uint16) {
		q, ok := ParseQuery(ip, int(at))
		if ok {
			left := len(ip) - int(at)
			if ip[7] != 1 || ip[8] != 0xfe || !q.Group.IsUnspecified() && !q.Group.IsMulticast() ||
				q.Version == 1 && left != v1MsgLen || q.Version == 2 && left < queryLen ||
				!q.Group.IsUnspecified() && left < queryLen*(q.Version-1)+16*q.Sources ||
				q.Response < 0 || q.Response > 8387584*time.Millisecond || q.QI > 31744*time.Second {
				t.Fatalf("%x is %+v", ip, q)
			}
		}
		e := newEnv(t)
		e.tell(addrconf.GroupAdded, "ff02::5")
		e.mld.HandleMLD(e.l, ip, int(at), unix.PACKET_MULTICAST)
		e.advance(10 * time.Second)
		for _, in := range e.dp.Injected() {
			if p := pkt.DecodeIP(in.Data); len(p.Problems) > 0 {
				t.Fatalf("sent %s: %v", p, p.Problems)
			}
		}
	})
}
