// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// A dump of a million routes while others come, go and change between its pieces: what is there
// throughout is shown once, what is not there at the time is not shown, and it ends.
func TestMillionRoutesAreDumpedWhileTheyChange(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	e := newEnv(t, noDP{dpif.NewFake()})
	e.net.OnAnnounce(nil)
	_ = e.dp.AddNet(0)
	e.up("p1", true)
	e.addAddr("p1", "10.0.0.1/16")
	cfg := Config{
		Family: unix.AF_INET, Type: unix.RTN_UNICAST, Protocol: unix.RTPROT_BGP, Table: unix.RT_TABLE_MAIN,
		NLFlags: unix.NLM_F_CREATE | unix.NLM_F_REPLACE,
	}
	gws := []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")}
	all := prefixes(n, false)
	add := func(p netip.Prefix, gw int) {
		cfg.Dst, cfg.Gateway = p, gws[gw]
		if err := e.routes.Add(&cfg); err != nil {
			t.Fatal(p, err)
		}
	}
	for _, p := range all {
		add(p, 0)
	}
	r := rand.New(rand.NewPCG(3, 4))
	// Of every ten prefixes one comes and goes, and one changes its gateway.
	changing := func(i int) bool { return i%10 == 0 }
	there := make([]bool, n)
	for i := range there {
		there[i] = true
	}
	at := make(map[netip.Prefix]int32, n)
	for i, p := range all {
		at[p] = int32(i)
	}
	shown := make([]uint8, n)
	var c Cursor
	for done, piece := false, 0; !done; piece++ {
		left := 400
		done = e.routes.Dump(unix.AF_INET, &Filter{Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_BGP}, &c, func(rt *Route) bool {
			if left--; left < 0 {
				return false
			}
			i := at[rt.Dst]
			shown[i]++
			if !there[i] {
				t.Errorf("%v is shown, and is not there", rt.Dst)
			}
			return true
		})
		from := r.IntN(n - AheadMax)
		e.routes.Ahead(unix.AF_INET, unix.RT_TABLE_MAIN, all[from:from+AheadMax])
		for range 50 {
			i := r.IntN(n)
			switch {
			case !changing(i):
				add(all[i], r.IntN(2))
			case there[i]:
				del := Config{Family: unix.AF_INET, Dst: all[i], Table: unix.RT_TABLE_MAIN, Scope: unix.RT_SCOPE_NOWHERE}
				if err := e.routes.Delete(&del); err != nil {
					t.Fatal(all[i], err)
				}
				there[i] = false
			default:
				add(all[i], 1)
				there[i] = true
			}
		}
		if piece > n {
			t.Fatal("the dump does not end")
		}
	}
	wrong := 0
	for i, times := range shown {
		if (times > 1 || times == 0 && !changing(i)) && wrong < 10 {
			t.Errorf("%v was shown %d times", all[i], times)
			wrong++
		}
	}
}
