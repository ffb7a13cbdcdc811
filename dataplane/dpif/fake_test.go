// SPDX-License-Identifier: BSD-3-Clause

package dpif

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"
)

func newFake(t *testing.T) *Fake {
	t.Helper()
	f := NewFake()
	for _, err := range []error{
		f.AddNet(0),
		f.SetLink(Link{Ifindex: 2, Name: "eth0", Port: 0, MTU: 1500}),
		f.SetNexthop(Nexthop{ID: 1, Ifindex: 2, Family: afInet, Type: rtnUnicast}),
		f.SetNexthop(Nexthop{ID: 2, Ifindex: 2, Family: afInet, Type: rtnUnicast,
			Gateway: netip.MustParseAddr("10.0.0.2")}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestFakeOrder(t *testing.T) {
	p := netip.MustParsePrefix("10.0.0.0/24")
	a := netip.MustParseAddr("10.0.0.1")
	for _, tt := range []struct {
		name string
		do   func(f *Fake) error
		want error
	}{
		{"link in unknown net", func(f *Fake) error {
			return f.SetLink(Link{Net: 9, Ifindex: 1, Name: "x"})
		}, syscall.ENODEV},
		{"address on unknown link", func(f *Fake) error {
			return f.SetAddr(Addr{Ifindex: 3, Addr: a})
		}, syscall.ENODEV},
		{"mapped address", func(f *Fake) error {
			return f.SetAddr(Addr{Ifindex: 2, Addr: netip.MustParseAddr("::ffff:10.0.0.1")})
		}, syscall.EINVAL},
		{"nexthop on unknown link", func(f *Fake) error {
			return f.SetNexthop(Nexthop{ID: 3, Ifindex: 9, Family: afInet, Type: rtnUnicast})
		}, syscall.ENODEV},
		{"group of unknown member", func(f *Fake) error {
			return f.SetNexthop(Nexthop{ID: 3, Family: afInet, Type: rtnUnicast,
				Members: []Member{{1, 1}, {7, 1}}})
		}, syscall.ENOENT},
		{"route to unknown nexthop", func(f *Fake) error {
			_, err := f.SetRoutes([]Route{{Table: 254, Prefix: p, NexthopID: 8}})
			return err
		}, syscall.ENOENT},
		{"route with host bits", func(f *Fake) error {
			_, err := f.SetRoutes([]Route{{Table: 254,
				Prefix: netip.MustParsePrefix("10.0.0.1/24"), NexthopID: 1}})
			return err
		}, syscall.EINVAL},
		{"route of the other family", func(f *Fake) error {
			_, err := f.SetRoutes([]Route{{Table: 254,
				Prefix: netip.MustParsePrefix("2001:db8::/32"), NexthopID: 1}})
			return err
		}, syscall.EINVAL},
		{"neighbour on unknown link", func(f *Fake) error {
			return f.SetNeigh(Neigh{Ifindex: 3, Addr: a, NUD: 2})
		}, syscall.ENODEV},
		{"nexthop in use", func(f *Fake) error {
			if _, err := f.SetRoutes([]Route{{Table: 254, Prefix: p, NexthopID: 1}}); err != nil {
				return err
			}
			return f.DelNexthop(0, 1)
		}, syscall.EBUSY},
		{"link in use", func(f *Fake) error { return f.DelLink(0, 2) }, syscall.EBUSY},
		{"ordered failure", func(f *Fake) error {
			f.Fail("SetAddr", syscall.ENOMEM)
			return f.SetAddr(Addr{Ifindex: 2, Addr: a})
		}, syscall.ENOMEM},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.do(newFake(t)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestFakeRoutes(t *testing.T) {
	f := newFake(t)
	f.Calls()
	set := []Route{
		{Table: 254, Prefix: netip.MustParsePrefix("0.0.0.0/0"), NexthopID: 2},
		{Table: 254, Prefix: netip.MustParsePrefix("10.0.0.0/24"), NexthopID: 1},
		{Table: 254, Prefix: netip.MustParsePrefix("10.0.0.0/25"), NexthopID: 9},
	}
	if n, err := f.SetRoutes(set); n != 2 || err != syscall.ENOENT {
		t.Fatalf("SetRoutes = %d, %v; want 2, ENOENT", n, err)
	}
	want := []string{"SetRoute 0 254 0.0.0.0/0 2", "SetRoute 0 254 10.0.0.0/24 1"}
	if got := f.Calls(); !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
	ids := make([]uint32, 2)
	dst := []netip.Addr{netip.MustParseAddr("10.0.0.77"), netip.MustParseAddr("192.0.2.1")}
	if err := f.Lookup(0, 254, dst, ids); err != nil || ids[0] != 1 || ids[1] != 2 {
		t.Errorf("Lookup = %v, %v; want [1 2]", ids, err)
	}
	var got []Route
	if err := f.DumpRoutes(0, 254, afInet, func(r Route) bool {
		got = append(got, r)
		return true
	}); err != nil || !slices.Equal(got, set[:2]) {
		t.Errorf("DumpRoutes = %v, %v; want %v", got, err, set[:2])
	}
}

func TestFakePunts(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := f.WaitPunts(ctx); err != context.DeadlineExceeded {
		t.Fatalf("WaitPunts without punts = %v", err)
	}
	f.Push(Punt{Reason: PuntARP, Data: []byte("one")})
	f.Push(Punt{Reason: PuntND, Data: []byte("two")})
	if err := f.WaitPunts(context.Background()); err != nil {
		t.Fatal(err)
	}
	var got []string
	read := func(p *Punt) { got = append(got, string(p.Data)) }
	if n := f.PollPunts(1, read) + f.PollPunts(8, read); n != 2 {
		t.Errorf("%d punts, want 2", n)
	}
	if !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("punts %q", got)
	}
}
