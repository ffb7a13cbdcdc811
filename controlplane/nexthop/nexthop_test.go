// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

type env struct {
	*testing.T
	dp     *dpif.Fake
	t      *Table
	p1, p2 *link.Link
}

func newEnv(t *testing.T) *env {
	e := &env{T: t, dp: dpif.NewFake()}
	if err := e.dp.AddNet(0); err != nil {
		t.Fatal(err)
	}
	net := rtnl.NewNet(0, e.dp, rtnl.NewManualClock(), nil)
	links, err := link.New(net)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range []**link.Link{&e.p1, &e.p2} {
		*l, err = links.Add(link.Config{
			Name: "p%d", HardAddr: link.HardAddr{2, 0, 0, 0, 0, byte(i)}, Carrier: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		up := link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}
		if err := links.Change(*l, up); err != nil {
			t.Fatal(err)
		}
	}
	e.t = New(net, links)
	return e
}

func (e *env) hop(l *link.Link, gw string) Hop {
	return Hop{Link: l, Gateway: netip.MustParseAddr(gw), Scope: unix.RT_SCOPE_LINK, Weight: 1}
}

func (e *env) hold(s Spec) *Info {
	e.Helper()
	s.Family, s.Type = unix.AF_INET, unix.RTN_UNICAST
	i, err := e.t.Hold(&s)
	if err != nil {
		e.Fatal(err)
	}
	return i
}

// objects is how many nexthops the data plane has.
func (e *env) objects() int {
	all, err := e.dp.DumpNexthops(0)
	if err != nil {
		e.Fatal(err)
	}
	return len(all)
}

func (e *env) members(id uint32) int {
	all, _ := e.dp.DumpNexthops(0)
	for _, nh := range all {
		if nh.ID == id {
			return len(nh.Members)
		}
	}
	e.Fatalf("the data plane has no nexthop %d", id)
	return 0
}

func TestWhatIsEqualIsShared(t *testing.T) {
	e := newEnv(t)
	one := Spec{Protocol: unix.RTPROT_BGP, Hops: []Hop{e.hop(e.p1, "10.0.0.1")}}
	a := e.hold(one)
	one.Metrics = &Metrics{} // none at all is the same as none
	if b := e.hold(one); a != b {
		t.Error("equal specs give two Infos")
	}
	other := one
	other.Protocol, other.Priority = unix.RTPROT_STATIC, 7
	c := e.hold(other)
	if a == c || a.ID() != c.ID() {
		t.Error("packets cannot tell protocol and metric: two Infos, one nexthop")
	}
	withMTU := one
	withMTU.Metrics = &Metrics{}
	withMTU.Metrics.Value[unix.RTAX_MTU] = 1400
	d := e.hold(withMTU)
	if d.ID() == a.ID() {
		t.Error("packets can tell the MTU")
	}
	if e.objects() != 2 {
		t.Errorf("%d nexthops in the data plane", e.objects())
	}
	for _, i := range []*Info{a, a, c, d} {
		e.t.Release(i)
	}
	if infos, objects := e.t.Len(); infos != 0 || objects != 0 || e.objects() != 0 {
		t.Errorf("%d Infos, %d objects and %d nexthops stay", infos, objects, e.objects())
	}
}

func TestGroupHasItsLiveMembers(t *testing.T) {
	e := newEnv(t)
	i := e.hold(Spec{Hops: []Hop{e.hop(e.p1, "10.0.0.1"), e.hop(e.p2, "10.0.1.1")}})
	twice := e.hold(Spec{Hops: []Hop{e.hop(e.p1, "10.0.0.1"), e.hop(e.p1, "10.0.0.1")}})
	for _, step := range []struct {
		do    func() int
		dead  int
		want  int
		flags uint8
	}{
		{func() int { return 0 }, 0, 2, 0},
		{func() int { return e.t.SyncDown4(e.p2, LinkDown, false) }, 0, 1, unix.RTNH_F_DEAD | unix.RTNH_F_LINKDOWN},
		{func() int { e.t.SyncUp4(e.p2, unix.RTNH_F_DEAD); return 0 }, 0, 2, 0},
		{func() int { return e.t.SyncDown4(e.p2, CarrierLost, false) }, 0, 2, unix.RTNH_F_LINKDOWN},
		{func() int { e.t.SyncUp4(e.p2, unix.RTNH_F_LINKDOWN); return 0 }, 0, 2, 0},
	} {
		if dead := step.do(); dead != step.dead {
			t.Errorf("%d Infos died, want %d", dead, step.dead)
		}
		if got := e.members(i.ID()); got != step.want || i.Hops[1].Flags != step.flags {
			t.Errorf("%d members, hop flags %#x; want %d, %#x", got, i.Hops[1].Flags, step.want, step.flags)
		}
	}
	if dead := e.t.SyncDown4(e.p1, LinkDown, false); dead != 1 || !twice.Dead() || i.Dead() {
		t.Errorf("p1 goes: %d died; %v, %v", dead, twice.Dead(), i.Dead())
	}
	if twice.ID() != 0 {
		t.Error("a group without a live member is offered to packets")
	}
	e.t.Release(twice)
	e.t.Release(i)
	if e.objects() != 0 {
		t.Errorf("%d nexthops stay", e.objects())
	}
}

func TestRefusedNexthopLeavesNothing(t *testing.T) {
	e := newEnv(t)
	s := Spec{Family: unix.AF_INET, Type: unix.RTN_UNICAST, Hops: []Hop{e.hop(e.p1, "10.0.0.1"), e.hop(e.p2, "10.0.1.1")}}
	e.dp.Fail("SetNexthop", unix.ENOMEM)
	if _, err := e.t.Hold(&s); rtnl.Errno(err) != unix.ENOMEM {
		t.Errorf("%v", err)
	}
	if infos, objects := e.t.Len(); infos != 0 || objects != 0 || e.objects() != 0 {
		t.Errorf("%d Infos, %d objects and %d nexthops stay", infos, objects, e.objects())
	}
}

func TestLostSourceKillsItsRoutes(t *testing.T) {
	e := newEnv(t)
	src := netip.MustParseAddr("10.0.0.9")
	s := Spec{PrefSrc: src, Table: unix.RT_TABLE_MAIN, Hops: []Hop{e.hop(e.p1, "10.0.0.1")}}
	i := e.hold(s)
	s.Table = 100
	other := e.hold(s)
	if n := e.t.SyncDownAddr(src, unix.RT_TABLE_MAIN); n != 1 || !i.Dead() || !i.PrefSrcGone || other.Dead() {
		t.Errorf("%d died, main %v, table 100 %v", n, i.Dead(), other.Dead())
	}
}
