// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

type env struct {
	t     *testing.T
	dp    *dpif.Fake
	net   *rtnl.Net
	clock *rtnl.ManualClock
	links *link.Table
	addrs *addr.Table
	conf  *Table
	l     *link.Link
	log   []string // what was sent and announced
	nonce uint64   // of the last solicitation
}

// SendNS and SendNA are the network.
func (e *env) SendNS(_ *link.Link, target, dst, src netip.Addr, nonce uint64) {
	e.nonce = nonce
	e.log = append(e.log, fmt.Sprintf("NS %v to %v from %v", target, dst, src))
}

func (e *env) SendNA(_ *link.Link, dst, target netip.Addr, router, solicited, override, withAddr bool) {
	e.log = append(e.log, fmt.Sprintf("NA %v to %v %t %t %t %t", target, dst, router, solicited, override, withAddr))
}

func newEnv(t *testing.T, sysctls ...string) *env {
	t.Helper()
	e := &env{t: t, dp: dpif.NewFake(), clock: rtnl.NewManualClock()}
	if err := e.dp.AddNet(0); err != nil {
		t.Fatal(err)
	}
	e.net = rtnl.NewNet(0, e.dp, e.clock, nil)
	e.net.Lock()
	var err error
	if e.links, err = link.New(e.net); err != nil {
		t.Fatal(err)
	}
	e.addrs = addr.New(e.net, e.links)
	e.conf = New(e.net, e.links, e.addrs, e)
	e.net.Subscribe(e.conf.Event)
	e.net.OnAnnounce(func(msg any) {
		if m, ok := msg.(addr.Msg); ok && !m.Addr.Is4() {
			what := map[uint16]string{unix.RTM_NEWADDR: "new", unix.RTM_DELADDR: "del"}[m.Type]
			e.log = append(e.log, fmt.Sprintf("%s %v%s", what, m.Addr.Prefix, flags(m.Addr.Flags)))
		}
	})
	for _, s := range sysctls {
		e.set(s)
	}
	e.l, err = e.links.Add(link.Config{
		Name: "eth1", Port: 0, HardAddr: link.HardAddr{2, 0, 0, 0, 0, 1}, Carrier: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.net.Unlock)
	return e
}

func flags(f uint32) (s string) {
	for _, b := range []struct {
		bit  uint32
		name string
	}{{unix.IFA_F_TENTATIVE, " tentative"}, {unix.IFA_F_DADFAILED, " dadfailed"}, {unix.IFA_F_OPTIMISTIC, " optimistic"}} {
		if f&b.bit != 0 {
			s += b.name
		}
	}
	return s
}

func (e *env) set(line string) {
	e.t.Helper()
	name, value, _ := strings.Cut(line, "=")
	if err := e.links.SetSysctl(name, value); err != nil {
		e.t.Fatalf("%s: %v", line, err)
	}
}

func (e *env) up(on bool) {
	e.t.Helper()
	c := link.Change{FlagsMask: unix.IFF_UP}
	if on {
		c.Flags = unix.IFF_UP
	}
	if err := e.links.Change(e.l, c); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) add(prefix string, flags uint32, lft *addr.Lifetimes) *addr.Addr {
	e.t.Helper()
	a, err := e.addrs.Add(addr.Config{
		Link: e.l, Prefix: netip.MustParsePrefix(prefix), Flags: flags, Lifetimes: lft,
	}, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	if err != nil {
		e.t.Fatal(err)
	}
	return a
}

func (e *env) advance(d time.Duration) {
	e.net.Unlock()
	e.clock.Advance(d)
	e.net.Lock()
}

// expect says what was sent and announced since the last expect, in order.
func (e *env) expect(want ...string) {
	e.t.Helper()
	if !slices.Equal(e.log, want) {
		e.t.Errorf("happened:\n  %s\nwant:\n  %s", strings.Join(e.log, "\n  "), strings.Join(want, "\n  "))
	}
	e.log = nil
}

func (e *env) find(a string) *addr.Addr { return e.addrs.Find(e.l, netip.MustParseAddr(a)) }

func (e *env) groups() string {
	var out []string
	for _, g := range e.conf.Groups(e.l) {
		out = append(out, g.String())
	}
	return strings.Join(out, " ")
}

const ll, llNS = "fe80::ff:fe00:1", "NS fe80::ff:fe00:1 to ff02::1:ff00:1 from ::"

// Each row of the table in addrconf.go, on the way of an address that nobody else has.
func TestDADSucceeds(t *testing.T) {
	e := newEnv(t)
	e.up(true)
	e.expect()
	a := e.find(ll)
	if a == nil || a.State != addr.StateDAD || a.Flags&unix.IFA_F_TENTATIVE == 0 {
		t.Fatalf("begun: %+v", a)
	}
	e.advance(time.Second) // at a random time within it
	e.expect(llNS)
	if e.nonce == 0 || e.nonce != e.conf.Nonce(e.l, a.Local()) {
		t.Errorf("nonce %x, table says %x", e.nonce, e.conf.Nonce(e.l, a.Local()))
	}
	e.advance(time.Second)
	e.expect("new " + ll + "/64")
	if a.State != addr.StatePostDAD || a.Flags&unix.IFA_F_TENTATIVE != 0 || e.conf.Nonce(e.l, a.Local()) != 0 {
		t.Errorf("completed: state %d flags %x", a.State, a.Flags)
	}
	e.advance(time.Minute)
	e.expect()
}

func TestDADOfAnAddedAddress(t *testing.T) {
	e := newEnv(t)
	e.up(true)
	e.advance(3 * time.Second)
	e.log = nil
	e.set("net.ipv6.conf.eth1.dad_transmits=3")
	e.set("net.ipv6.conf.eth1.ndisc_notify=1")
	e.add("2001:db8::1/64", 0, nil)
	e.expect("new 2001:db8::1/64 tentative")
	const ns = "NS 2001:db8::1 to ff02::1:ff00:1 from ::"
	e.advance(time.Second)
	e.expect(ns)
	e.advance(2 * time.Second)
	e.expect(ns, ns)
	e.advance(time.Second)
	e.expect("new 2001:db8::1/64", "NA 2001:db8::1 to ff02::1 false false true true")
}

func TestNoDAD(t *testing.T) {
	for name, c := range map[string]struct {
		sysctl string
		flags  uint32
	}{
		"nodad":       {"net.ipv6.conf.default.accept_dad=1", unix.IFA_F_NODAD},
		"accept_dad":  {"net.ipv6.conf.default.accept_dad=0", 0},
		"no transmit": {"net.ipv6.conf.default.dad_transmits=0", 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, c.sysctl, "net.ipv6.conf.default.addr_gen_mode=1")
			e.up(true)
			a := e.add("2001:db8::1/64", c.flags, nil)
			if name == "no transmit" {
				e.advance(time.Second)
			}
			if a.Flags&unix.IFA_F_TENTATIVE != 0 || !a.Usable6() {
				t.Errorf("flags %x", a.Flags)
			}
			for _, line := range e.log {
				if strings.HasPrefix(line, "NS") {
					t.Errorf("sent %s", line)
				}
			}
		})
	}
}

// A permanent address that is a duplicate stays, and says so; another goes.
func TestDADFails(t *testing.T) {
	e := newEnv(t, "net.ipv6.conf.default.addr_gen_mode=1")
	e.up(true)
	e.add("2001:db8::1/64", 0, nil)
	e.add("2001:db8::2/64", 0, &addr.Lifetimes{Valid: 100, Preferred: 100})
	e.log = nil
	for _, a := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::77"} {
		e.conf.Conflict(e.l, netip.MustParseAddr(a), link.HardAddr{2, 9})
	}
	e.expect("new 2001:db8::1/64 tentative dadfailed", "del 2001:db8::2/64 tentative")
	if a := e.find("2001:db8::1"); a == nil || a.State != addr.StatePostDAD || a.Usable6() {
		t.Errorf("%+v", a)
	}
	e.advance(time.Minute) // no probe is sent any more
	e.expect()
	e.conf.Conflict(e.l, netip.MustParseAddr("2001:db8::1"), link.HardAddr{2, 9}) // known already
	e.expect()
}

// A conflict after the detection is none of it.
func TestConflictAfterDAD(t *testing.T) {
	e := newEnv(t)
	e.up(true)
	e.advance(3 * time.Second)
	e.log = nil
	e.conf.Conflict(e.l, netip.MustParseAddr(ll), link.HardAddr{2, 9})
	e.expect()
	if !e.find(ll).Usable6() {
		t.Error("the address is lost")
	}
}

// accept_dad 2: a duplicate of the address of the MAC turns IPv6 off on the link.
func TestDADFailureDisables(t *testing.T) {
	e := newEnv(t, "net.ipv6.conf.default.accept_dad=2")
	e.up(true)
	e.conf.Conflict(e.l, netip.MustParseAddr(ll), link.HardAddr{2, 9})
	if e.l.Conf6.DisableIPv6 == 0 || e.find(ll) != nil {
		t.Errorf("disable_ipv6 %d, address %+v", e.l.Conf6.DisableIPv6, e.find(ll))
	}
	e = newEnv(t, "net.ipv6.conf.default.accept_dad=1")
	e.up(true)
	e.conf.Conflict(e.l, netip.MustParseAddr(ll), link.HardAddr{2, 9})
	if e.l.Conf6.DisableIPv6 != 0 || e.find(ll) == nil {
		t.Error("accept_dad 1 disabled IPv6")
	}
}

// Detection waits for the link: for its being up, and for the carrier.
func TestDADWaitsForTheLink(t *testing.T) {
	e := newEnv(t, "net.ipv6.conf.default.addr_gen_mode=1")
	a := e.add("2001:db8::1/64", 0, nil)
	e.log = nil
	e.advance(time.Minute)
	e.expect()
	if err := e.links.SetCarrier(e.l, false); err != nil {
		t.Fatal(err)
	}
	e.up(true)
	e.advance(time.Minute)
	e.expect()
	if a.Flags&unix.IFA_F_TENTATIVE == 0 {
		t.Error("not tentative without a carrier")
	}
	if err := e.links.SetCarrier(e.l, true); err != nil {
		t.Fatal(err)
	}
	e.advance(3 * time.Second)
	e.expect("NS 2001:db8::1 to ff02::1:ff00:1 from ::", "new 2001:db8::1/64")
}

// An address that is deleted, or whose link goes down, asks no more.
func TestDADEnds(t *testing.T) {
	e := newEnv(t)
	e.up(true)
	a := e.add("2001:db8::1/64", 0, nil)
	e.addrs.Remove(a)
	e.up(false)
	e.log = nil
	e.advance(time.Minute)
	e.expect()
}

// keep_addr_on_down: permanent addresses stay, and are looked into again.
func TestKeptAddresses(t *testing.T) {
	e := newEnv(t, "net.ipv6.conf.default.addr_gen_mode=1", "net.ipv6.conf.default.keep_addr_on_down=1")
	e.up(true)
	a := e.add("2001:db8::1/64", 0, nil)
	e.advance(3 * time.Second)
	e.up(false)
	if e.find("2001:db8::1") == nil || a.Flags&unix.IFA_F_TENTATIVE == 0 {
		t.Fatal("not kept, or not tentative")
	}
	e.log = nil
	e.up(true)
	e.advance(3 * time.Second)
	e.expect("NS 2001:db8::1 to ff02::1:ff00:1 from ::", "new 2001:db8::1/64")
}

func TestOptimistic(t *testing.T) {
	e := newEnv(t, "net.ipv6.conf.default.optimistic_dad=1")
	e.up(true)
	if f := e.find(ll).Flags; f&unix.IFA_F_OPTIMISTIC == 0 {
		t.Errorf("flags %x", f)
	}
	e.advance(0)
	e.expect(llNS) // without the random delay
	e.advance(time.Second)
	if f := e.find(ll).Flags; f&(unix.IFA_F_OPTIMISTIC|unix.IFA_F_TENTATIVE) != 0 {
		t.Errorf("flags %x", f)
	}
}
