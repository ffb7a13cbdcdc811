// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
)

// 220,000 IPv6 routes over two gateways, in random order.
func BenchmarkInsert6(b *testing.B) {
	const n = 220_000
	r := rand.New(rand.NewPCG(7, 8))
	seen := map[netip.Prefix]bool{}
	var all []netip.Prefix
	for len(all) < n {
		var a [16]byte
		binary.BigEndian.PutUint64(a[:], 0x2000<<48|r.Uint64N(1<<45))
		if p := netip.PrefixFrom(netip.AddrFrom16(a), 32+r.IntN(17)).Masked(); !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	gws := []netip.Addr{netip.MustParseAddr("2001:db8:1::9"), netip.MustParseAddr("2001:db8:1::10")}
	for b.Loop() {
		b.StopTimer()
		e := benchEnv(b)
		_, err := e.addrs.Add(addr.Config{Link: e.link("p1"), Prefix: netip.MustParsePrefix("2001:db8:1::1/64"),
			Flags: unix.IFA_F_NODAD}, unix.NLM_F_CREATE)
		if err != nil {
			b.Fatal(err)
		}
		cfg := Config{
			Family: unix.AF_INET6, Type: unix.RTN_UNICAST, Protocol: unix.RTPROT_BGP,
			NLFlags: unix.NLM_F_CREATE | unix.NLM_F_REPLACE, Table: unix.RT_TABLE_MAIN,
		}
		b.StartTimer()
		for i := range all {
			cfg.Dst, cfg.Gateway = all[i], gws[i%len(gws)]
			if err := e.routes.Add(&cfg); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/route")
}
