// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// twoLinks is p1 with 10.0.1.1/24 and p2 with 10.0.2.1/24, and the same in IPv6.
func twoLinks(t *testing.T) *env {
	e := newEnv(t, nil)
	for i := range 2 {
		name := fmt.Sprint("p", i+1)
		e.up(name, true)
		e.addAddr(name, fmt.Sprintf("10.0.%d.1/24", i+1))
		e.addAddr(name, fmt.Sprintf("2001:db8:%d::1/64", i+1))
	}
	e.dp.Calls()
	e.msgs = nil
	return e
}

func (e *env) add(cfg Config) {
	e.Helper()
	if err := e.routes.Add(&cfg); err != nil {
		e.Fatal(err)
	}
}

// multipath is a route over both links.
func multipath(dst string) Config {
	c := via(dst, "")
	for i, gw := range []string{"10.0.1.2", "10.0.2.2"} {
		if c.Family == unix.AF_INET6 {
			gw = fmt.Sprintf("2001:db8:%d::2", i+1)
		}
		c.Hops = append(c.Hops, HopConfig{Gateway: netip.MustParseAddr(gw), Hops: uint8(i)})
	}
	return c
}

func TestRoutesOfOneGatewayShareANexthop(t *testing.T) {
	e := twoLinks(t)
	_, before := e.nexthops.Len()
	for i := range 500 {
		c := via(fmt.Sprintf("20.%d.%d.0/24", i/250, i%250), []string{"10.0.1.2", "10.0.2.2"}[i%2])
		c.Protocol, c.Priority = uint8(4+i%3), uint32(i%5)
		e.add(c)
	}
	if _, after := e.nexthops.Len(); after-before != 2 {
		t.Errorf("%d nexthops in the data plane for two gateways", after-before)
	}
	for i := range 500 {
		c := via(fmt.Sprintf("20.%d.%d.0/24", i/250, i%250), "")
		c.Scope, c.Protocol = unix.RT_SCOPE_NOWHERE, 0
		if err := e.routes.Delete(&c); err != nil {
			t.Fatal(err)
		}
	}
	if _, after := e.nexthops.Len(); after != before {
		t.Errorf("%d nexthops stay behind", after-before)
	}
}

func TestWhatTheDataPlaneRefusesChangesNothing(t *testing.T) {
	e := twoLinks(t)
	e.add(via("20.0.0.0/8", "10.0.1.2"))
	e.add(multipath("2001:db8:20::/48"))
	state := func() string {
		infos, objects := e.nexthops.Len()
		return fmt.Sprint(e.dumped(unix.AF_INET, 100), e.dumped(unix.AF_INET6, 100), infos, objects)
	}
	want := state()
	with := func(c Config, flags uint16) Config { c.NLFlags = flags; return c }
	const create = unix.NLM_F_CREATE
	for name, cfg := range map[string]Config{
		"new":            via("21.0.0.0/8", "10.0.1.3"),
		"replaced":       with(via("20.0.0.0/8", "10.0.2.2"), create|unix.NLM_F_REPLACE),
		"multipath":      multipath("22.0.0.0/8"),
		"IPv6":           via("2001:db8:21::/48", "2001:db8:1::3"),
		"IPv6 sibling":   with(via("2001:db8:20::/48", "2001:db8:1::3"), create|unix.NLM_F_APPEND),
		"IPv6 replaced":  with(via("2001:db8:20::/48", "2001:db8:1::3"), create|unix.NLM_F_REPLACE),
		"IPv6 multipath": {Family: unix.AF_INET6, Dst: netip.MustParsePrefix("2001:db8:22::/48"), NLFlags: create, Hops: []HopConfig{{Gateway: netip.MustParseAddr("2001:db8:1::8")}, {Gateway: netip.MustParseAddr("2001:db8:1::9")}}},
	} {
		for _, call := range []string{"SetRoutes", "SetNexthop"} {
			e.dp.Fail(call, unix.ENOMEM)
			if call == "SetRoutes" {
				e.dp.Fail("SetRoute", unix.ENOMEM)
			}
			err := e.routes.Add(&cfg)
			if rtnl.Errno(err) != unix.ENOMEM {
				t.Errorf("%s, %s fails: %v", name, call, err)
			}
			if got := state(); got != want {
				t.Fatalf("%s, %s fails:\n got %s\nwant %s", name, call, got, want)
			}
		}
	}
	del := via("20.0.0.0/8", "")
	del.Scope = unix.RT_SCOPE_NOWHERE
	e.dp.Fail("SetRoutes", unix.ENOMEM)
	if err := e.routes.Delete(&del); rtnl.Errno(err) != unix.ENOMEM {
		t.Errorf("delete: %v", err)
	}
	if got := state(); got != want {
		t.Errorf("delete:\n got %s\nwant %s", got, want)
	}
}

func TestCarrierWritesNexthopsAndNoPrefix(t *testing.T) {
	e := twoLinks(t)
	for i := range 50 {
		e.add(multipath(fmt.Sprintf("20.%d.0.0/16", i)))
		e.add(via(fmt.Sprintf("21.%d.0.0/16", i), "10.0.2.2"))
		e.add(multipath(fmt.Sprintf("2001:db8:%x::/48", 0x100+i)))
	}
	for _, on := range []bool{false, true} {
		e.dp.Calls()
		if err := e.links.SetCarrier(e.link("p2"), on); err != nil {
			t.Fatal(err)
		}
		calls := e.dp.Calls()
		for _, c := range calls {
			if strings.HasPrefix(c, "SetRoute") || strings.HasPrefix(c, "DelRoute") {
				t.Errorf("carrier %v: %s", on, c)
			}
		}
		if len(calls) > 12 {
			t.Errorf("carrier %v: %d calls for a handful of nexthops", on, len(calls))
		}
	}
}

func TestLinkDownTakesItsHopsOutOfGroups(t *testing.T) {
	for _, dst := range []string{"20.0.0.0/8", "2001:db8:20::/48"} {
		e := twoLinks(t)
		e.add(multipath(dst))
		inside := netip.MustParsePrefix(dst).Addr().Next()
		for _, step := range []struct {
			link string
			up   bool
			want string
		}{
			{"", false, "group 2"}, {"p2", false, "group 1"}, {"p2", true, "group 2"}, {"p1", false, "group 1"},
			{"p2", false, "none"},
		} {
			if step.link != "" {
				e.up(step.link, step.up)
			}
			if got := e.forwards(inside, 0); got != step.want {
				t.Errorf("%s, %s up %v: %q, want %q", dst, step.link, step.up, got, step.want)
			}
		}
	}
}

func TestWithoutCarrierIgnoredRoutesFallThrough(t *testing.T) {
	for i, dst := range []string{"20.0.0.0/8", "2001:db8:20::/48"} {
		e := twoLinks(t)
		family := "ipv" + []string{"4", "6"}[i]
		gw := [][2]string{{"10.0.2.2", "10.0.1.2"}, {"2001:db8:2::2", "2001:db8:1::2"}}[i]
		e.add(via(dst, gw[0]))
		behind := via(dst, gw[1])
		behind.Priority = 5000
		e.add(behind)
		inside := netip.MustParsePrefix(dst).Addr().Next()
		if err := e.links.SetSysctl("net."+family+".conf.p2.ignore_routes_with_linkdown", "1"); err != nil {
			t.Fatal(err)
		}
		for _, on := range []bool{false, true} {
			if err := e.links.SetCarrier(e.link("p2"), on); err != nil {
				t.Fatal(err)
			}
			want := "via " + gw[1] + " 2"
			if on {
				want = "via " + gw[0] + " 3"
			}
			if got := e.forwards(inside, 0); got != want {
				t.Errorf("%s, carrier %v: %q, want %q", dst, on, got, want)
			}
			e.checkForwarding(uint8([]int{unix.AF_INET, unix.AF_INET6}[i]), inside, 0)
		}
	}
}

func TestMTUOfARoute(t *testing.T) {
	for _, c := range []Config{via("20.0.0.0/8", "10.0.1.2"), via("2001:db8:20::/48", "2001:db8:1::2")} {
		e := twoLinks(t)
		c.Metrics = &nexthop.Metrics{}
		c.Metrics.Value[unix.RTAX_MTU] = 1400
		e.add(c)
		res, err := e.routes.Lookup(Query{Family: c.Family, Dst: c.Dst.Addr().Next()})
		if err != nil || res.MTU != 1400 {
			t.Errorf("%v: MTU %d, %v", c.Dst, res.MTU, err)
		}
		all, _ := e.dp.DumpNexthops(0)
		if !slices.ContainsFunc(all, func(nh dpif.Nexthop) bool { return nh.MTU == 1400 && nh.Gateway == c.Gateway }) {
			t.Errorf("%v: the data plane does not know the MTU", c.Dst)
		}
	}
}

func TestExpiredRouteIsPassedOverAndThenGone(t *testing.T) {
	e := twoLinks(t)
	c := via("2001:db8:20::/48", "2001:db8:1::2")
	c.Expires = 61
	e.add(c)
	q := Query{Family: unix.AF_INET6, Dst: netip.MustParseAddr("2001:db8:20::1")}
	e.clock.Advance(60 * time.Second)
	if _, err := e.routes.Lookup(q); err != nil {
		t.Errorf("before the end: %v", err)
	}
	e.msgs = nil
	e.clock.Advance(2 * time.Second)
	if _, err := e.routes.Lookup(q); rtnl.Errno(err) != unix.ENETUNREACH {
		t.Errorf("at the end: %v", err)
	}
	if got := e.forwards(q.Dst, 0); got != "none" {
		t.Errorf("at the end the data plane does %q", got)
	}
	if len(e.msgs) != 0 {
		t.Errorf("announced at the end: %q", e.msgs)
	}
	e.clock.Advance(30 * time.Second)
	if want := []string{"del 0x0 2001:db8:20::/48 table 254 hops 1"}; !slices.Equal(e.msgs, want) {
		t.Errorf("announced %q, want %q", e.msgs, want)
	}
	if got := e.forwards(q.Dst, 0); got != "none" {
		t.Errorf("the data plane does %q", got)
	}
}

// The sysctls of IPv6 routes: when ended ones are collected, and whether those of a link that goes down
// are announced.
func TestSysctls6(t *testing.T) {
	e := twoLinks(t)
	set := func(name, value string, want error) {
		t.Helper()
		if err := e.links.SetSysctl("net.ipv6.route."+name, value); err != want {
			t.Fatalf("%s=%s: %v, want %v", name, value, err, want)
		}
	}
	add := func(dst string, expires uint32) {
		t.Helper()
		c := via(dst, "2001:db8:1::2")
		c.Family, c.Expires = unix.AF_INET6, expires
		e.add(c)
		e.msgs = nil
	}
	told := func(what string, want ...string) {
		t.Helper()
		if !slices.Equal(e.msgs, want) {
			t.Errorf("%s: announced %q, want %q", what, e.msgs, want)
		}
		e.msgs = nil
	}
	set("gc_interval", "-1", unix.EINVAL)
	set("gc_interval", "5", nil)
	add("2001:db8:20::/48", 2)
	e.clock.Advance(4 * time.Second)
	told("not collected yet")
	e.clock.Advance(time.Second)
	told("collected", "del 0x0 2001:db8:20::/48 table 254 hops 1")
	set("gc_interval", "3600", nil)
	add("2001:db8:21::/48", 2)
	add("2001:db8:22::/48", 20)
	e.clock.Advance(10 * time.Second)
	told("not collected for long")
	set("flush", "1", nil)
	told("flushed", "del 0x0 2001:db8:21::/48 table 254 hops 1")
	set("skip_notify_on_dev_down", "2", unix.EINVAL)
	set("skip_notify_on_dev_down", "1", nil)
	e.up("p1", false)
	for _, m := range e.msgs {
		if strings.HasPrefix(m, "del 0x0 2001:db8:22::/48") {
			t.Errorf("announced %q", m)
		}
	}
	q := Query{Family: unix.AF_INET6, Dst: netip.MustParseAddr("2001:db8:22::1")}
	if _, err := e.routes.Lookup(q); rtnl.Errno(err) != unix.ENETUNREACH {
		t.Errorf("the route is still there: %v", err)
	}
}

func TestDumpGoesOnWhenTablesChange(t *testing.T) {
	e := twoLinks(t)
	const n = 200
	for i := range n {
		e.add(via(fmt.Sprintf("20.0.%d.0/24", i), "10.0.1.2"))
	}
	var c Cursor
	seen := map[netip.Prefix]int{}
	for done, round := false, 0; !done; round++ {
		left := 3
		done = e.routes.Dump(unix.AF_INET, &Filter{Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_BOOT}, &c, func(r *Route) bool {
			left--
			if left >= 0 {
				seen[r.Dst]++
			}
			return left >= 0
		})
		// The one just taken goes, one behind it comes, one before it comes.
		del := via(fmt.Sprintf("20.0.%d.0/24", round*3%n), "")
		del.Scope = unix.RT_SCOPE_NOWHERE
		_ = e.routes.Delete(&del)
		e.add(via(fmt.Sprintf("19.%d.0.0/16", round), "10.0.1.2"))
		if round > n {
			t.Fatal("the dump does not end")
		}
	}
	for p, times := range seen {
		if times > 1 {
			t.Errorf("%v was dumped %d times", p, times)
		}
	}
	if len(seen) < n {
		t.Errorf("%d of %d routes were dumped", len(seen), n)
	}
}

func TestUnregisterTakesEverythingOfALink(t *testing.T) {
	e := twoLinks(t)
	e.add(multipath("20.0.0.0/8"))
	e.add(multipath("2001:db8:20::/48"))
	e.add(via("21.0.0.0/8", "10.0.2.2"))
	if err := e.links.Remove(e.link("p2")); err != nil { // the fake refuses while anything names it
		t.Fatal(err)
	}
	if got := e.forwards(netip.MustParseAddr("21.0.0.1"), 0); got != "none" {
		t.Errorf("21.0.0.1: %q", got)
	}
	if got := e.forwards(netip.MustParseAddr("2001:db8:20::1"), 0); got != "via 2001:db8:1::2 2" {
		t.Errorf("2001:db8:20::1: %q", got)
	}
}

func TestLookupErrors(t *testing.T) {
	e := twoLinks(t)
	for typ, want := range map[uint8]syscall.Errno{
		unix.RTN_BLACKHOLE: unix.EINVAL, unix.RTN_UNREACHABLE: unix.EHOSTUNREACH,
		unix.RTN_PROHIBIT: unix.EACCES, unix.RTN_THROW: unix.ENETUNREACH,
	} {
		for _, dst := range []string{"20.0.0.0/8", "2001:db8:20::/48"} {
			c := via(dst, "")
			c.Type, c.NLFlags = typ, unix.NLM_F_CREATE|unix.NLM_F_REPLACE
			if c.Family == unix.AF_INET6 {
				c.Flags = FlagReject
			}
			e.add(c)
			_, err := e.routes.Lookup(Query{Family: c.Family, Dst: c.Dst.Addr().Next()})
			if rtnl.Errno(err) != want {
				t.Errorf("type %d, %s: %v, want %v", typ, dst, err, want)
			}
			e.checkForwarding(c.Family, c.Dst.Addr().Next(), 0)
		}
	}
}
