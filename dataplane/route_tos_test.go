// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// Routes for packets of a TOS, set and deleted at random among others, lead where the fake, which
// knows one route after the other, says.
func TestRoutesOfTOSAgainstFake(t *testing.T) {
	r := newRouter(t)
	fake := dpif.NewFake()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(fake.AddNet(r.Net))
	nhs := []uint32{0, 0, nhConn1, nhConn2, nhVia, nhLocal}
	for _, l := range r.links {
		must(fake.SetLink(l))
	}
	for _, n := range r.nhs {
		must(fake.SetNexthop(n))
	}
	const table = 100
	rnd := rand.New(rand.NewPCG(1, 2))
	addr := func() netip.Addr {
		return netip.AddrFrom4([4]byte{10, byte(rnd.IntN(2)), byte(rnd.IntN(3)), byte(rnd.IntN(3) * 100)})
	}
	for step := range 4000 {
		bits := []int{0, 8, 16, 24, 25, 32}[rnd.IntN(6)]
		route := dpif.Route{
			Net: r.Net, Table: table, Prefix: netip.PrefixFrom(addr(), bits).Masked(),
			NexthopID: nhs[rnd.IntN(len(nhs))],
		}
		if rnd.IntN(3) == 0 {
			route.TOS = uint8(4 * (1 + rnd.IntN(3)))
		}
		if step%1000 > 900 { // until the tables for a TOS are gone, and more
			route.NexthopID = 0
		}
		_, err := r.DP.SetRoutes([]dpif.Route{route})
		must(err)
		_, err = fake.SetRoutes([]dpif.Route{route})
		if route.NexthopID != 0 {
			must(err)
		}
		dst, got, want := []netip.Addr{addr(), addr(), route.Prefix.Addr()}, make([]uint32, 3), make([]uint32, 3)
		for tos := uint8(0); tos < 0x20; tos += 4 {
			must(r.DP.LookupTOS(r.Net, table, tos, dst, got))
			must(fake.LookupTOS(r.Net, table, tos, dst, want))
			if !slices.Equal(got, want) {
				t.Fatalf("step %d, %+v: %v with TOS %#x go to %v, want %v", step, route, dst, tos, got, want)
			}
		}
	}
	for _, bad := range []dpif.Route{
		{Prefix: prefix("10.0.0.0/8"), NexthopID: nhVia, TOS: 0x20},
		{Prefix: prefix("2001:db8::/32"), NexthopID: nh6Via, TOS: 0x10},
	} {
		bad.Net, bad.Table = r.Net, table
		if _, err := r.DP.SetRoutes([]dpif.Route{bad}); err != unix.EINVAL {
			t.Errorf("%+v: %v, want EINVAL", bad, err)
		}
	}
}
