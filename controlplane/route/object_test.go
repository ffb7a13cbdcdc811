// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/dataplane/dpif"
)

// objectEnv is env with the links p1 and p2 up, 10.0.1.1/24, 2001:db8:1::1/64 and the same of p2.
func objectEnv(t *testing.T) *env {
	e := newEnv(t, nil)
	e.up("lo", true)
	for n, name := range []string{"p1", "p2"} {
		e.up(name, true)
		e.addAddr(name, fmt.Sprintf("10.0.%d.1/24", n+1))
		e.addAddr(name, fmt.Sprintf("2001:db8:%d::1/64", n+1))
	}
	e.msgs = nil
	return e
}

func (e *env) object(id uint32, name, gw string) error {
	c := nexthop.ObjectConfig{ID: id, Family: unix.AF_INET, NLFlags: unix.NLM_F_CREATE | unix.NLM_F_REPLACE}
	if gw == "" {
		c.Blackhole = true
	} else {
		c.Link, c.Gateway = e.link(name), netip.MustParseAddr(gw)
		if c.Gateway.Is6() {
			c.Family = unix.AF_INET6
		}
	}
	_, err := e.nexthops.AddObject(&c)
	return err
}

func (e *env) objectGroup(id uint32, r nexthop.ResilientConfig, members ...uint32) error {
	c := nexthop.ObjectConfig{ID: id, NLFlags: unix.NLM_F_CREATE | unix.NLM_F_REPLACE, Resilient: r}
	if r != (nexthop.ResilientConfig{}) {
		c.GroupType = nexthop.GroupResilient
	}
	for _, m := range members {
		c.Group = append(c.Group, nexthop.GroupEntry{ID: m, Weight: 1})
	}
	if err := e.nexthops.CheckGroup(c.Group, false); err != nil {
		return err
	}
	_, err := e.nexthops.AddObject(&c)
	return err
}

func (e *env) must(err error) {
	if err != nil {
		e.Helper()
		e.Fatal(err)
	}
}

// to is the configuration of a route that names an object.
func to(dst string, id uint32) Config {
	c := via(dst, "")
	c.NHID = id
	return c
}

func (e *env) addTo(dst string, id uint32) {
	c := to(dst, id)
	if err := e.routes.Add(&c); err != nil {
		e.Helper()
		e.Fatal(err)
	}
}

func (e *env) way(dst, want string) {
	if got := e.forwards(netip.MustParseAddr(dst), 0); got != want {
		e.Helper()
		e.Errorf("%s goes %s, want %s", dst, got, want)
	}
}

// A replaced object is one write in the data plane, whatever the number of its routes.
func TestObjectReplacedUnderItsRoutes(t *testing.T) {
	e := objectEnv(t)
	e.must(e.object(7, "p1", "10.0.1.2"))
	for i := range 50 {
		e.addTo(fmt.Sprintf("192.0.%d.0/24", i), 7)
	}
	e.way("192.0.3.1", "via 10.0.1.2 2")
	e.dp.Calls()
	e.must(e.object(7, "p2", "10.0.2.2"))
	if calls := e.dp.Calls(); len(calls) != 1 || !strings.HasPrefix(calls[0], "SetNexthop") {
		t.Errorf("the data plane is told %v", calls)
	}
	e.way("192.0.3.1", "via 10.0.2.2 3")
	if n := len(e.msgs) - 50; n != 50 {
		t.Errorf("%d routes are announced anew, of 50", n)
	}
	e.nexthops.CompatMode = false
	e.msgs = nil
	e.must(e.object(7, "", ""))
	e.way("192.0.49.1", fmt.Sprint("type ", unix.RTN_BLACKHOLE, " 0"))
	if len(e.msgs) > 0 {
		t.Errorf("without compatibility routes are announced: %v", e.msgs)
	}
}

// Routes that differ in what packets notice share an object all the same.
func TestObjectOfDifferentRoutes(t *testing.T) {
	e := objectEnv(t)
	e.must(e.object(7, "p1", "2001:db8:1::2"))
	e.addTo("192.0.2.0/24", 7)
	e.addTo("2001:db8:10::/48", 7)
	c := to("192.0.3.0/24", 7)
	c.Metrics = &nexthop.Metrics{}
	c.Metrics.Value[unix.RTAX_MTU] = 1400
	e.must(e.routes.Add(&c))
	e.must(e.object(7, "p2", "2001:db8:2::2"))
	for _, dst := range []string{"192.0.2.1", "192.0.3.1", "2001:db8:10::1"} {
		e.way(dst, "via 2001:db8:2::2 3")
	}
	r, err := e.routes.Lookup(Query{Family: unix.AF_INET, Dst: netip.MustParseAddr("192.0.3.1")})
	if err != nil || r.MTU != 1400 || r.Link != e.link("p2") {
		t.Errorf("lookup: MTU %d by %v, %v", r.MTU, r.Link, err)
	}
	if err := e.object(7, "p1", "10.0.1.2"); err == nil {
		t.Error("an IPv6 route has an IPv4 gateway")
	}
	e.way("2001:db8:10::1", "via 2001:db8:2::2 3")
}

func TestObjectGoesWithItsRoutes(t *testing.T) {
	e := objectEnv(t)
	e.must(e.object(1, "p1", "2001:db8:1::2"))
	e.must(e.object(2, "p2", "2001:db8:2::2"))
	e.must(e.objectGroup(3, nexthop.ResilientConfig{}, 1, 2))
	for n, id := range []uint32{1, 2, 3} {
		e.addTo(fmt.Sprintf("192.0.%d.0/24", n), id)
		e.addTo(fmt.Sprintf("2001:db8:1%d::/48", n), id)
	}
	e.way("192.0.2.1", "group 2")
	e.msgs = nil
	e.must(e.nexthops.DelObject(1))
	e.way("192.0.0.1", "none")
	e.way("2001:db8:10::1", "none")
	e.way("192.0.2.1", "group 1")
	e.way("2001:db8:12::1", "group 1")
	if want := []string{"del 0x0 2001:db8:10::/48 table 254 hops 1"}; !slices.Equal(e.msgs, want) {
		t.Errorf("announced %q, want %q", e.msgs, want)
	}
	e.up("p2", false)
	e.way("192.0.2.1", "none")
	if e.nexthops.Object(2) != nil || e.nexthops.Object(3) != nil {
		t.Error("objects outlive their link")
	}
	for o := e.nexthops.NextObject(0); o != nil; {
		t.Fatalf("object %d is still listed", o.ID)
	}
	e.up("p1", false)
	if nhs, _ := e.dp.DumpNexthops(0); slices.ContainsFunc(nhs, func(n dpif.Nexthop) bool { return n.Gateway.IsValid() || n.Members != nil }) {
		t.Errorf("the data plane keeps %v", nhs)
	}
}

// What the data plane refuses leaves everything as it was.
func TestObjectRefused(t *testing.T) {
	e := objectEnv(t)
	e.must(e.object(1, "p1", "10.0.1.2"))
	e.must(e.object(2, "p2", "10.0.2.2"))
	e.must(e.object(4, "p2", "10.0.2.4"))
	e.must(e.objectGroup(3, nexthop.ResilientConfig{}, 1, 2))
	e.addTo("192.0.2.0/24", 1)
	e.addTo("192.0.3.0/24", 3)
	before, _ := e.dp.DumpNexthops(0)
	refused := func(what string, f func() error) {
		t.Helper()
		e.dp.Fail("SetNexthop", unix.ENOMEM)
		if err := f(); err != unix.ENOMEM {
			t.Errorf("%s: %v", what, err)
		}
		after, _ := e.dp.DumpNexthops(0)
		if fmt.Sprint(before) != fmt.Sprint(after) {
			t.Errorf("%s: the data plane has %v, had %v", what, after, before)
		}
	}
	refused("replace", func() error { return e.object(1, "p2", "10.0.2.9") })
	refused("replace a group", func() error { return e.objectGroup(3, nexthop.ResilientConfig{}, 2, 4) })
	refused("a route", func() error {
		c := to("192.0.4.0/24", 4)
		return e.routes.Add(&c)
	})
	if hops := e.nexthops.Object(3).Hops(); len(hops) != 2 || hops[0].Link != e.link("p1") {
		t.Errorf("the group has %v", hops)
	}
	e.way("192.0.2.1", "via 10.0.1.2 2")
	e.must(e.nexthops.DelObject(1))
	e.way("192.0.3.1", "group 1")
}

// buckets counts those of a group by what they lead to in the data plane.
func (e *env) buckets(dst string) map[string]int {
	ids := make([]uint32, 1)
	e.must(e.dp.Lookup(0, unix.RT_TABLE_MAIN, []netip.Addr{netip.MustParseAddr(dst)}, ids))
	uses, err := e.dp.ReadBuckets(0, ids[0])
	e.must(err)
	n := map[string]int{}
	for _, u := range uses {
		n[e.nexthop(u.ID).Gateway.String()]++
	}
	return n
}

func (e *env) bucketsAre(dst, want string) {
	if got := fmt.Sprint(e.buckets(dst)); got != want {
		e.Helper()
		e.Errorf("buckets lead to %s, want %s", got, want)
	}
}

func (e *env) use(dst string, buckets ...uint32) {
	ids := make([]uint32, 1)
	e.must(e.dp.Lookup(0, unix.RT_TABLE_MAIN, []netip.Addr{netip.MustParseAddr(dst)}, ids))
	for _, b := range buckets {
		e.dp.UseBucket(0, ids[0], b)
	}
}

// Buckets in use stay until they are idle, or the group was out of balance for too long.
func TestResilientGroup(t *testing.T) {
	e := objectEnv(t)
	e.must(e.object(1, "p1", "10.0.1.2"))
	e.must(e.object(2, "p2", "10.0.2.2"))
	e.must(e.object(3, "p2", "10.0.2.3"))
	e.must(e.objectGroup(9, nexthop.ResilientConfig{
		Buckets: 8, HasBuckets: true, IdleTimer: 10 * time.Second, HasIdleTimer: true,
	}, 1))
	e.addTo("192.0.2.0/24", 9)
	const dst = "192.0.2.1"
	e.bucketsAre(dst, "map[10.0.1.2:8]")

	// six are in use: two can move at once
	e.use(dst, 0, 1, 2, 3, 4, 5)
	e.must(e.objectGroup(9, nexthop.ResilientConfig{Buckets: 8, HasBuckets: true}, 1, 2))
	e.bucketsAre(dst, "map[10.0.1.2:6 10.0.2.2:2]")
	table := e.nexthops.Object(9).Grp.Table
	e.clock.Advance(9 * time.Second)
	if d := table.Unbalanced(); d != 9*time.Second {
		t.Errorf("out of balance for %v", d)
	}
	e.use(dst, 1, 2, 3)
	e.clock.Advance(time.Second + time.Millisecond) // the upkeep finds 0, 4 and 5 idle, two of which are due
	e.bucketsAre(dst, "map[10.0.1.2:4 10.0.2.2:4]")
	if d := table.Unbalanced(); d != 0 {
		t.Errorf("out of balance for %v", d)
	}
	if b := table.At(1); b.Object.ID != 1 {
		t.Errorf("bucket 1, in use, has moved to %d", b.Object.ID)
	}

	// a member that goes: its buckets move whether used or not
	e.use(dst, 0, 1, 2, 3, 4, 5, 6, 7)
	e.must(e.nexthops.DelObject(2))
	e.bucketsAre(dst, "map[10.0.1.2:8]")
	e.use(dst, 0, 1, 2, 3, 4, 5, 6, 7)
	e.must(e.objectGroup(9, nexthop.ResilientConfig{UnbalancedTimer: 5 * time.Second, HasUnbalancedTimer: true}, 1, 3))
	e.bucketsAre(dst, "map[10.0.1.2:8]")
	for range 6 {
		e.use(dst, 0, 1, 2, 3, 4, 5, 6, 7)
		e.clock.Advance(time.Second)
	}
	e.bucketsAre(dst, "map[10.0.1.2:4 10.0.2.3:4]")
	e.must(e.nexthops.DelObject(9))
	e.clock.Advance(time.Minute)
	e.way(dst, "none")
}

// An MTU of an IPv6 route follows that of the link, also where an object is between.
func TestObjectMTU(t *testing.T) {
	e := objectEnv(t)
	e.must(e.object(1, "p1", "2001:db8:1::2"))
	e.must(e.object(2, "p2", "2001:db8:2::2"))
	e.must(e.objectGroup(3, nexthop.ResilientConfig{}, 1, 2))
	for n, id := range []uint32{1, 3} {
		c := to(fmt.Sprintf("2001:db8:1%d::/48", n), id)
		c.Metrics = &nexthop.Metrics{}
		c.Metrics.Value[unix.RTAX_MTU] = 1450
		e.must(e.routes.Add(&c))
	}
	mtu := uint32(1400)
	e.must(e.links.Change(e.link("p1"), link.Change{MTU: &mtu}))
	for n := range 2 {
		dst := netip.MustParseAddr(fmt.Sprintf("2001:db8:1%d::1", n))
		r, err := e.routes.Lookup(Query{Family: unix.AF_INET6, Dst: dst})
		if err != nil || r.MTU != mtu {
			t.Errorf("%v has an MTU of %d, %v", dst, r.MTU, err)
		}
		ids := make([]uint32, 1)
		e.must(e.dp.Lookup(0, unix.RT_TABLE_MAIN, []netip.Addr{dst}, ids))
		nh := e.nexthop(ids[0])
		if len(nh.Members) > 0 {
			nh = e.nexthop(nh.Members[1].ID)
		}
		if nh.MTU != mtu {
			t.Errorf("%v has an MTU of %d in the data plane", dst, nh.MTU)
		}
	}
}

// An id that nobody chose is the next free one, also behind the largest.
func TestObjectIDs(t *testing.T) {
	e := objectEnv(t)
	add := func(id, want uint32) {
		t.Helper()
		o, err := e.nexthops.AddObject(&nexthop.ObjectConfig{ID: id, Family: unix.AF_INET, Blackhole: true})
		if err != nil || o.ID != want {
			t.Errorf("id %d came to %v, %v", id, o, err)
		}
	}
	add(2, 2)
	add(0, 1)
	add(0, 3)
	add(1<<32-1, 1<<32-1)
	e.must(e.nexthops.DelObject(3))
	add(0, 4)
	var ids []uint32
	for o := e.nexthops.NextObject(0); o != nil; o = e.nexthops.NextObject(o.ID + 1) {
		if ids = append(ids, o.ID); o.ID == 1<<32-1 {
			break
		}
	}
	if want := []uint32{1, 2, 4, 1<<32 - 1}; !slices.Equal(ids, want) {
		t.Errorf("ids %d, want %d", ids, want)
	}
	for id := range uint32(300) {
		if e.nexthops.Object(1000+id) == nil {
			add(1000+id, 1000+id)
		}
	}
	for id := range uint32(300) {
		e.must(e.nexthops.DelObject(1000 + id))
		if o := e.nexthops.NextObject(5); o == nil || id < 299 && o.ID != 1001+id {
			t.Fatalf("behind %d comes %v", 1000+id, o)
		}
	}
}
