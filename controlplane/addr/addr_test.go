// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// bench is a table over a data plane of maps and a clock that stands, with a record of what is said.
type bench struct {
	*Table
	t     *testing.T
	dp    *dpif.Fake
	clock *rtnl.ManualClock
	said  []string
	p1    *link.Link
	p2    *link.Link
}

var eventNames = map[EventType]string{
	Added: "added", Start: "start", Ready: "ready", Deleted: "deleted", Changed: "changed",
	RoutesDel: "routes del", RoutesAdd: "routes add", Disable6: "disable6", Adding6: "adding",
}

var prefixNames = map[PrefixAction]string{
	PrefixAdd: " prefix add", PrefixModify: " prefix modify", PrefixDel: " prefix del",
	PrefixExpire: " prefix expire",
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, dp: dpif.NewFake(), clock: rtnl.NewManualClock()}
	if err := b.dp.AddNet(0); err != nil {
		t.Fatal(err)
	}
	net := rtnl.NewNet(0, b.dp, b.clock, nil)
	links, err := link.New(net)
	if err != nil {
		t.Fatal(err)
	}
	b.Table = New(net, links)
	for i, l := range []**link.Link{&b.p1, &b.p2} {
		*l, err = links.Add(link.Config{Name: fmt.Sprintf("p%d", i+1), HardAddr: link.HardAddr{2, 0, 0, 0, 0, 1}, Carrier: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	net.Subscribe(func(ev any) {
		e, ok := ev.(Event)
		switch {
		case !ok:
		case e.Addr == nil:
			b.said = append(b.said, eventNames[e.Type])
		default:
			b.said = append(b.said, eventNames[e.Type]+" "+e.Addr.Prefix.String()+prefixNames[e.Prefix])
		}
	})
	net.OnAnnounce(func(msg any) {
		if m, ok := msg.(Msg); ok {
			b.said = append(b.said, map[uint16]string{unix.RTM_NEWADDR: "NEWADDR ", unix.RTM_DELADDR: "DELADDR "}[m.Type]+m.Addr.Prefix.String())
		}
	})
	return b
}

// config reads "10.0.0.1/24", "10.0.0.1/24 scope 253", "10.0.0.1/24 peer 10.0.1.1".
func config(l *link.Link, s string) Config {
	word := strings.Fields(s)
	c := Config{Link: l, Prefix: netip.MustParsePrefix(word[0])}
	for i := 1; i+1 < len(word); i += 2 {
		switch v := word[i+1]; word[i] {
		case "scope":
			fmt.Sscan(v, &c.Scope)
		case "peer":
			c.Peer = netip.MustParseAddr(v)
		case "flags":
			fmt.Sscan(v, &c.Flags)
		case "valid":
			c.Lifetimes = &Lifetimes{}
			fmt.Sscanf(v, "%d,%d", &c.Lifetimes.Valid, &c.Lifetimes.Preferred)
		case "metric":
			fmt.Sscan(v, &c.Metric)
		}
	}
	return c
}

func (b *bench) add(l *link.Link, s string) *Addr {
	b.t.Helper()
	a, err := b.Add(config(l, s), unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	if err != nil {
		b.t.Fatalf("%s: %v", s, err)
	}
	return a
}

// del deletes what ip would delete.
func (b *bench) del(l *link.Link, s string) error {
	p := netip.MustParsePrefix(s)
	if p.Addr().Is4() {
		return b.Delete(Match{Link: l, Family: unix.AF_INET, Local: p.Addr(), Address: p.Addr(), Bits: p.Bits()})
	}
	return b.Delete(Match{Link: l, Family: unix.AF_INET6, Local: p.Addr(), Bits: p.Bits()})
}

func (b *bench) wantSaid(want ...string) {
	b.t.Helper()
	if !slices.Equal(b.said, want) {
		b.t.Errorf("said\n\t%s\nwant\n\t%s", strings.Join(b.said, "\n\t"), strings.Join(want, "\n\t"))
	}
	b.said = nil
}

// wantList compares the addresses of a link in order; "*" marks a secondary, "!" a deprecated one.
func (b *bench) wantList(l *link.Link, family uint8, want string) {
	b.t.Helper()
	var got []string
	for _, a := range b.OfLink(l, family) {
		s := a.Prefix.String()
		if a.Is4() && a.Secondary() {
			s += "*"
		}
		if a.Flags&unix.IFA_F_DEPRECATED != 0 {
			s += "!"
		}
		got = append(got, s)
	}
	if strings.Join(got, " ") != want {
		b.t.Errorf("%s has %q, want %q", l.Name, strings.Join(got, " "), want)
	}
	// The data plane has the same, and nothing else of this family on the link.
	have, err := b.dp.DumpAddrs(0)
	if err != nil {
		b.t.Fatal(err)
	}
	in, ours := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for _, a := range have {
		if a.Ifindex == l.Index && a.Addr.Is4() == (family == unix.AF_INET) {
			in[a.Addr] = true
		}
	}
	for _, a := range b.OfLink(l, family) {
		ours[a.Local()] = true
	}
	if len(in) != len(ours) {
		b.t.Errorf("the data plane has %v on %s", in, l.Name)
	}
}

func wantError(t *testing.T, what string, err error, errno syscall.Errno, text string) {
	t.Helper()
	var e *rtnl.Error
	got := ""
	if errors.As(err, &e) {
		got = e.Msg
	}
	if rtnl.Errno(err) != errno || got != text {
		t.Errorf("%s: %v %q, want %v %q", what, rtnl.Errno(err), got, errno, text)
	}
}

func TestIPv4Order(t *testing.T) {
	b := newBench(t)
	for _, s := range []string{
		"10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/24 scope 253", "10.0.2.1/24 scope 254", "10.0.3.1/24",
		"10.0.0.1/25",
	} {
		b.add(b.p1, s)
	}
	// Narrow scopes first, primaries of one scope in order, secondaries last.
	b.wantList(b.p1, unix.AF_INET, "10.0.2.1/24 10.0.1.1/24 10.0.0.1/24 10.0.3.1/24 10.0.0.1/25 10.0.0.2/24*")
}

func TestIPv4Mistakes(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "10.0.0.1/24")
	_, err := b.Add(config(b.p1, "10.0.0.1/24"), 0)
	wantError(t, "again", err, unix.EEXIST, "ipv4: Address already assigned")
	_, err = b.Add(config(b.p1, "10.0.0.2/24 scope 254"), 0)
	wantError(t, "other scope", err, unix.EINVAL, "ipv4: Invalid scope value")
	_, err = b.Add(config(b.p1, "10.0.9.2/24 valid 5,6"), 0)
	wantError(t, "lifetimes", err, unix.EINVAL, "ipv4: address lifetime invalid")
	_, err = b.Add(config(b.p1, "10.0.9.2/24 flags 1024"), 0)
	wantError(t, "autojoin", err, unix.EINVAL, "ipv4: Multicast auto join failed")
	wantError(t, "del", b.del(b.p1, "10.0.0.9/24"), unix.EADDRNOTAVAIL, "ipv4: Address not found")
	if a, err := b.Add(config(b.p1, "0.0.0.0/0"), 0); a != nil || err != nil {
		t.Errorf("the zero address: %v, %v", a, err)
	}
	b.dp.Fail("SetAddr", unix.ENOSPC)
	if _, err := b.Add(config(b.p1, "10.0.5.1/24"), 0); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("refused by the data plane: %v", err)
	}
	b.wantList(b.p1, unix.AF_INET, "10.0.0.1/24")
}

func TestDeletingAPrimaryTakesItsSecondaries(t *testing.T) {
	b := newBench(t)
	for _, s := range []string{"10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/24", "10.0.0.3/24"} {
		b.add(b.p1, s)
	}
	b.said = nil
	if err := b.del(b.p1, "10.0.0.1/24"); err != nil {
		t.Fatal(err)
	}
	b.wantSaid("DELADDR 10.0.0.2/24", "deleted 10.0.0.2/24", "DELADDR 10.0.0.3/24", "deleted 10.0.0.3/24",
		"DELADDR 10.0.0.1/24", "deleted 10.0.0.1/24")
	b.wantList(b.p1, unix.AF_INET, "10.0.1.1/24")
}

func TestPromotion(t *testing.T) {
	b := newBench(t)
	if err := b.links.SetSysctl("net.ipv4.conf.all.promote_secondaries", "1"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/24", "10.0.0.3/24"} {
		b.add(b.p1, s)
	}
	b.said = nil
	if err := b.del(b.p1, "10.0.0.1/24"); err != nil {
		t.Fatal(err)
	}
	b.wantSaid("routes del 10.0.0.2/24", "routes del 10.0.0.3/24",
		"DELADDR 10.0.0.1/24", "deleted 10.0.0.1/24",
		"NEWADDR 10.0.0.2/24", "added 10.0.0.2/24", "routes add 10.0.0.3/24")
	b.wantList(b.p1, unix.AF_INET, "10.0.1.1/24 10.0.0.2/24 10.0.0.3/24*")
}

// TestSameAddressTwice: two prefix lengths of one address are two addresses, and the data plane
// keeps the address until both are gone.
func TestSameAddressTwice(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "10.0.0.1/24")
	b.add(b.p1, "10.0.0.1/16")
	if err := b.del(b.p1, "10.0.0.1/24"); err != nil {
		t.Fatal(err)
	}
	b.wantList(b.p1, unix.AF_INET, "10.0.0.1/16")
	if err := b.del(b.p1, "10.0.0.1/16"); err != nil {
		t.Fatal(err)
	}
	b.wantList(b.p1, unix.AF_INET, "")
}

func TestLifetimes(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "10.0.0.1/24 valid 20,10")
	b.add(b.p1, "fd00::1/64 flags 2 valid 20,10")
	b.said = nil
	b.clock.Advance(9 * time.Second)
	b.wantSaid()
	for _, a := range append(b.All(unix.AF_INET), b.All(unix.AF_INET6)...) {
		if p, v := b.Remaining(a); p != 1 || v != 11 {
			t.Errorf("%v: %d s preferred, %d s valid", a.Prefix, p, v)
		}
	}
	b.clock.Advance(time.Second)
	b.wantSaid("NEWADDR 10.0.0.1/24", "NEWADDR fd00::1/64")
	b.wantList(b.p1, unix.AF_INET, "10.0.0.1/24!")
	b.wantList(b.p1, unix.AF_INET6, "fd00::1/64!")
	b.clock.Advance(10 * time.Second)
	b.wantSaid("DELADDR 10.0.0.1/24", "deleted 10.0.0.1/24", "DELADDR fd00::1/64", "deleted fd00::1/64 prefix del")
	b.wantList(b.p1, unix.AF_INET, "")
	b.wantList(b.p1, unix.AF_INET6, "")
}

// TestLifetimeIsRenewed: a timer that was set before counts no more.
func TestLifetimeIsRenewed(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "10.0.0.1/24 valid 20,10")
	if _, err := b.Add(config(b.p1, "10.0.0.1/24"), unix.NLM_F_REPLACE); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Hour)
	b.wantList(b.p1, unix.AF_INET, "10.0.0.1/24")
	a := b.All(unix.AF_INET)[0]
	if p, v := b.Remaining(a); p != Infinity || v != Infinity || a.Flags&unix.IFA_F_PERMANENT == 0 {
		t.Errorf("%d s preferred, %d s valid, flags %#x", p, v, a.Flags)
	}
}

func TestLoopback(t *testing.T) {
	b := newBench(t)
	lo := b.links.Loopback()
	b.wantList(lo, unix.AF_INET, "")
	set := func(up uint32) {
		if err := b.links.Change(lo, link.Change{Flags: up, FlagsMask: unix.IFF_UP}); err != nil {
			t.Fatal(err)
		}
	}
	set(unix.IFF_UP)
	b.wantSaid("NEWADDR 127.0.0.1/8", "added 127.0.0.1/8", "added ::1/128", "NEWADDR ::1/128", "ready ::1/128")
	set(0)
	b.wantSaid("disable6", "DELADDR ::1/128", "deleted ::1/128")
	set(unix.IFF_UP)
	b.wantSaid("added ::1/128", "NEWADDR ::1/128", "ready ::1/128")
	b.wantList(lo, unix.AF_INET, "127.0.0.1/8")
	b.wantList(lo, unix.AF_INET6, "::1/128")
}

func TestUnregister(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "10.0.0.1/24")
	b.add(b.p1, "10.0.0.2/24")
	b.add(b.p1, "fd00::1/64 flags 2")
	b.said = nil
	if err := b.links.Remove(b.p1); err != nil {
		t.Fatal(err)
	}
	b.wantSaid("DELADDR 10.0.0.2/24", "deleted 10.0.0.2/24", "DELADDR 10.0.0.1/24", "deleted 10.0.0.1/24",
		"disable6", "DELADDR fd00::1/64", "deleted fd00::1/64")
	if b.IsLocal(netip.MustParseAddr("10.0.0.1")) != nil {
		t.Error("the address is still ours")
	}
}
