// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/dataplane/dpif"
)

// noDP takes routes and nexthops and does nothing, so that a benchmark sees only this package.
type noDP struct{ *dpif.Fake }

func (noDP) SetRoutes(r []dpif.Route) (int, error) { return len(r), nil }
func (noDP) SetNexthop(dpif.Nexthop) error         { return nil }
func (noDP) DelNexthop(uint32, uint32) error       { return nil }

// prefixes gives n different IPv4 prefixes with the lengths of an Internet table, most of them /24.
func prefixes(n int, sorted bool) []netip.Prefix {
	r := rand.New(rand.NewPCG(7, 7))
	seen := map[netip.Prefix]bool{}
	var all []netip.Prefix
	for i := uint32(0); len(all) < n; i++ {
		bits := 24
		if !sorted && r.IntN(100) >= 62 {
			bits = 16 + r.IntN(8)
		}
		var b [4]byte
		v := r.Uint32N(200<<24) + 11<<24
		if sorted {
			v = 11<<24 + i<<8
		}
		binary.BigEndian.PutUint32(b[:], v)
		p := netip.PrefixFrom(netip.AddrFrom4(b), bits).Masked()
		if p.Addr().As4()[0] != 127 && !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	return all
}

func benchEnv(b *testing.B) *env {
	e := newEnv(b, noDP{dpif.NewFake()})
	_ = e.dp.AddNet(0)
	if err := e.links.Change(e.link("p1"), link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}); err != nil {
		b.Fatal(err)
	}
	_, err := e.addrs.Add(addr.Config{Link: e.link("p1"), Prefix: netip.MustParsePrefix("10.0.0.1/16")}, unix.NLM_F_CREATE)
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func benchInsert(b *testing.B, sorted, objects bool) {
	const n = 1_000_000
	all := prefixes(n, sorted)
	gws := make([]netip.Addr, 1000)
	for i := range gws {
		gws[i] = netip.AddrFrom4([4]byte{10, 0, byte(1 + i/250), byte(i%250 + 2)})
	}
	for b.Loop() {
		b.StopTimer()
		e := benchEnv(b)
		cfg := Config{
			Family: unix.AF_INET, Type: unix.RTN_UNICAST, Protocol: unix.RTPROT_BGP,
			NLFlags: unix.NLM_F_CREATE | unix.NLM_F_REPLACE, Table: unix.RT_TABLE_MAIN,
		}
		for i := range gws {
			if _, err := e.nexthops.AddObject(&nexthop.ObjectConfig{
				ID: uint32(i + 1), Family: unix.AF_INET, Link: e.link("p1"), Gateway: gws[i], NLFlags: cfg.NLFlags,
			}); err != nil {
				b.Fatal(err)
			}
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		for i := range all {
			if cfg.Dst = all[i]; objects {
				cfg.NHID = uint32(i%len(gws) + 1)
			} else {
				cfg.Gateway = gws[i%len(gws)]
			}
			if err := e.routes.Add(&cfg); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "mallocs/route")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/route")
		_, paths := e.nexthops.Len()
		b.ReportMetric(float64(paths), "nexthops")
		runtime.KeepAlive(e)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/route")
}

// A million IPv4 routes over a thousand gateways, in random order and in rising order.
func BenchmarkInsertRandom(b *testing.B) { benchInsert(b, false, false) }
func BenchmarkInsertSorted(b *testing.B) { benchInsert(b, true, false) }

// The same in random order by the ids of a thousand nexthop objects.
func BenchmarkInsertObjects(b *testing.B) { benchInsert(b, false, true) }

// A dump of a million IPv4 routes in pieces of what fits into a datagram.
func BenchmarkDump(b *testing.B) {
	e := benchEnv(b)
	const n = 1_000_000
	cfg := Config{
		Family: unix.AF_INET, Type: unix.RTN_UNICAST, Gateway: netip.MustParseAddr("10.0.0.2"),
		NLFlags: unix.NLM_F_CREATE | unix.NLM_F_REPLACE, Table: unix.RT_TABLE_MAIN,
	}
	for _, p := range prefixes(n, false) {
		cfg.Dst = p
		if err := e.routes.Add(&cfg); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		var c Cursor
		for done := false; !done; {
			left := 500
			done = e.routes.Dump(unix.AF_INET, &Filter{}, &c, func(*Route) bool { left--; return left >= 0 })
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/route")
}
