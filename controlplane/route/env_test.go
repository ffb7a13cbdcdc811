// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
	"skua/controlplane/rule"
	"skua/dataplane/dpif"
)

// env is a stack as far as routes: lo (1) and the links p1 (2), p2 (3), p3 (4), all down.
type env struct {
	*testing.T
	net      *rtnl.Net
	dp       *dpif.Fake
	clock    *rtnl.ManualClock
	links    *link.Table
	addrs    *addr.Table
	nexthops *nexthop.Table
	routes   *Table
	msgs     []string // announcements of routes
}

// newEnv builds the stack over dp, or over a fake of its own when dp is nil.
func newEnv(tb testing.TB, dp dpif.Dataplane) *env {
	e := &env{dp: dpif.NewFake(), clock: rtnl.NewManualClock()}
	e.T, _ = tb.(*testing.T)
	must := func(err error) {
		if err != nil {
			tb.Helper()
			tb.Fatal(err)
		}
	}
	if dp == nil {
		dp = e.dp
	}
	must(dp.AddNet(0))
	e.net = rtnl.NewNet(0, dp, e.clock, nil)
	var err error
	e.links, err = link.New(e.net)
	must(err)
	e.addrs = addr.New(e.net, e.links)
	e.nexthops = nexthop.New(e.net, e.links)
	e.net.Subscribe(e.nexthops.Event)
	e.routes, err = New(e.net, e.links, e.addrs, e.nexthops, rule.New(e.net, e.links))
	must(err)
	e.net.Subscribe(e.routes.Event)
	e.net.Subscribe(func(ev any) { // addrconf without duplicate address detection
		if a, ok := ev.(addr.Event); ok && a.Type == addr.Start {
			must(e.addrs.SetFlags(a.Addr, 0, unix.IFA_F_TENTATIVE))
			e.addrs.Ready(a.Addr)
		}
	})
	e.net.OnAnnounce(func(msg any) {
		if m, ok := msg.(*Msg); ok && e.T != nil {
			e.msgs = append(e.msgs, m.text())
		}
	})
	for i := range 3 {
		_, err := e.links.Add(link.Config{
			Name: fmt.Sprint("p", i+1), Port: uint16(i), Carrier: true,
			HardAddr: link.HardAddr{2, 0, 0, 0, 0, byte(i + 1)},
		})
		must(err)
	}
	return e
}

func (m *Msg) text() string {
	what := "new"
	if m.Type == unix.RTM_DELROUTE {
		what = "del"
	}
	hops := len(m.Route.Info.Hops)
	if m.Route.Family == unix.AF_INET6 {
		hops = 1 + len(m.Route.Siblings)
	}
	return fmt.Sprintf("%s %#x %v table %d hops %d", what, m.NLFlags, m.Route.Dst, m.Route.Table, hops)
}

func (e *env) link(name string) *link.Link { return e.links.ByName(name) }

// up sets a link up or down.
func (e *env) up(name string, up bool) {
	c := link.Change{FlagsMask: unix.IFF_UP}
	if up {
		c.Flags = unix.IFF_UP
	}
	if err := e.links.Change(e.link(name), c); err != nil {
		e.Fatal(err)
	}
}

func (e *env) addAddr(name, prefix string) {
	p := netip.MustParsePrefix(prefix)
	c := addr.Config{Link: e.link(name), Prefix: p}
	if p.Addr().Is6() {
		c.Flags = unix.IFA_F_NODAD
	}
	if _, err := e.addrs.Add(c, unix.NLM_F_CREATE|unix.NLM_F_EXCL); err != nil {
		e.Fatal(err)
	}
}

// via is the configuration of a route over a gateway, as "ip route add" makes it.
func via(dst, gw string) Config {
	p := netip.MustParsePrefix(dst)
	c := Config{
		Family: unix.AF_INET, Type: unix.RTN_UNICAST, Protocol: unix.RTPROT_BOOT, Dst: p,
		NLFlags: unix.NLM_F_CREATE | unix.NLM_F_EXCL, Table: unix.RT_TABLE_MAIN,
	}
	if p.Addr().Is6() {
		c.Family = unix.AF_INET6
	}
	if gw != "" {
		c.Gateway = netip.MustParseAddr(gw)
	}
	return c
}

// forwards gives what the data plane does with a packet to dst: "via 10.0.0.2 2", "dev 2",
// "local 2", "unreachable", "group 2" or "none".
func (e *env) forwards(dst netip.Addr, tos uint8) string {
	family := uint8(unix.AF_INET)
	if dst.Is6() {
		family = unix.AF_INET6
	}
	for _, table := range e.dp.Tables(0, family) {
		ids := make([]uint32, 1)
		if err := e.dp.LookupTOS(0, table, tos, []netip.Addr{dst}, ids); err != nil {
			e.Fatal(err)
		}
		if ids[0] == 0 {
			continue
		}
		nh := e.nexthop(ids[0])
		switch {
		case nh.Type == unix.RTN_THROW:
			continue
		case len(nh.Members) > 0:
			return fmt.Sprint("group ", len(nh.Members))
		case nh.Type == unix.RTN_UNICAST && nh.Gateway.IsValid():
			return fmt.Sprint("via ", nh.Gateway, " ", nh.Ifindex)
		default:
			return fmt.Sprint("type ", nh.Type, " ", nh.Ifindex)
		}
	}
	return "none"
}

func (e *env) nexthop(id uint32) dpif.Nexthop {
	all, err := e.dp.DumpNexthops(0)
	if err != nil {
		e.Fatal(err)
	}
	for _, nh := range all {
		if nh.ID == id {
			return nh
		}
	}
	e.Fatalf("the data plane has no nexthop %d", id)
	return dpif.Nexthop{}
}
