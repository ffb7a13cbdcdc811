// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Packets through the whole loop of one lcore: every case of fwd_bench, and dpdk-testpmd on the same
// kind of devices. A round measures every case and every peer once, one after another.
//
//	round 1: cases of table 1 · testpmd io · cases of table 2 · testpmd macswap · cases of table 3 …
//	round 2: …

const (
	fwdProgram = "out/fwd_bench"
	pcapCase   = "ipv4-1-route"
	pcapName   = "ipv4-1-route-pcap" // that case on net_pcap devices
)

// samples is what the rounds have measured.
type samples struct {
	figures map[string][]figure // by case
	rounds  map[string][]int    // by case: the round of each figure
	peers   map[peer]map[int]float64
	cpus    []string // by round
}

// peer is a mode of testpmd on a kind of device.
type peer struct{ mode, kind string }

func (p peer) String() string { return "testpmd " + p.mode + " on " + p.kind }

// forward measures packets through the whole loop.
func forward(b *bench) ([]Result, error) {
	cases, err := fwdCases(fwdProgram)
	if err != nil {
		return nil, err
	}
	pcap, err := pcapFiles(fwdProgram, "out", pcapCase)
	if err != nil {
		b.fail(pcapName, err)
	}
	got := measureForward(b, cases, pcap)
	var results []Result
	for _, name := range append(slices.Clone(cases), pcapName) {
		results = append(results, got.result(name))
	}
	printForward(results)
	return results, nil
}

// measureForward goes round all cases and peers. A case that failed once is not tried again.
func measureForward(b *bench, cases []string, pcap []string) *samples {
	got := &samples{figures: map[string][]figure{}, rounds: map[string][]int{}, peers: map[peer]map[int]float64{}}
	dead := map[string]bool{pcapName: len(pcap) == 0}
	onPcap := pcapDevices(pcap)
	fmt.Printf("%d rounds of %d cases and 4 peers\n", b.rounds, len(cases)+1)
	keep := func(round int, name string, f figure) {
		got.figures[name], got.rounds[name] = append(got.figures[name], f), append(got.rounds[name], round)
	}
	for round := range b.rounds {
		before := b.probe()
		var turns []func()
		for _, group := range groups(cases) {
			turns = append(turns, func() {
				for _, f := range b.measureGroup(group, dead) {
					keep(round, f.Name, f)
				}
			})
		}
		turns = append(turns, func() {
			if dead[pcapName] {
				return
			}
			figures, err := b.fwdBench(fwdProgram, []string{pcapCase}, "-p", "out")
			if err != nil {
				dead[pcapName] = true
				b.fail(pcapName, err)
				return
			}
			keep(round, pcapName, figures[0])
		})
		// the peers stand between the cases
		for i, p := range []struct {
			mode string
			on   devices
		}{{"io", onRings}, {"macswap", onRings}, {"io", onPcap}, {"macswap", onPcap}} {
			if p.on.kind == onPcap.kind && dead[pcapName] {
				continue
			}
			turns = slices.Insert(turns, min(2*i+1, len(turns)), func() {
				who := peer{p.mode, p.on.kind}
				mpps, err := b.testpmd(p.mode, p.on)
				if err != nil {
					b.fail(who.String(), err)
					return
				}
				if got.peers[who] == nil {
					got.peers[who] = map[int]float64{}
				}
				got.peers[who][round] = mpps
			})
		}
		for _, turn := range turns {
			turn()
		}
		got.cpus = append(got.cpus, placement(before, b.probe()))
	}
	return got
}

// measureGroup measures cases of one table. When one of them fails, the others that it took with it
// are measured each by itself.
func (b *bench) measureGroup(group []string, dead map[string]bool) []figure {
	group = slices.DeleteFunc(slices.Clone(group), func(name string) bool { return dead[name] })
	if len(group) == 0 {
		return nil
	}
	got, err := b.fwdBench(fwdProgram, group)
	if err == nil {
		return got
	}
	for _, name := range group {
		if slices.ContainsFunc(got, func(f figure) bool { return f.Name == name }) {
			continue
		}
		one, err := b.fwdBench(fwdProgram, []string{name})
		if err != nil {
			dead[name] = true
			b.fail(name, err)
			continue
		}
		got = append(got, one...)
	}
	return got
}

// result sums up a case.
func (s *samples) result(name string) Result {
	kind := onRings.kind
	if name == pcapName {
		kind = "net_pcap"
	}
	io, swap := peer{"io", kind}, peer{"macswap", kind}
	r := Result{Name: name, Peer: swap.String(), Stages: map[string]float64{}, Drops: map[string]uint64{},
		Extra: map[string]any{}, ExtraRuns: map[string][]float64{}}
	var mpps, ofIO, ofSwap, peerIO, peerSwap []float64
	for i, f := range s.figures[name] {
		round := s.rounds[name][i]
		m := f.mppsMedian()
		r.Runs, mpps, r.CPUs = append(r.Runs, f.CyclesMedian), append(mpps, m), append(r.CPUs, s.cpus[round])
		if p := s.peers[io][round]; p > 0 {
			ofIO, peerIO = append(ofIO, m/p), append(peerIO, p)
		}
		if p := s.peers[swap][round]; p > 0 {
			ofSwap, peerSwap = append(ofSwap, m/p), append(peerSwap, p)
		}
		if i == 0 || f.CyclesBest < r.CyclesBest {
			r.CyclesBest = f.CyclesBest
		}
		for stage, c := range f.Stages {
			if least, ok := r.Stages[stage]; !ok || c < least {
				r.Stages[stage] = c
			}
		}
		for reason, n := range f.Drops {
			r.Drops[reason] += n
		}
		r.Forwarded += f.Forwarded
		for k, v := range f.Extra {
			if n, ok := v.(float64); ok {
				r.ExtraRuns[k] = append(r.ExtraRuns[k], n)
			} else {
				r.Extra[k] = v
			}
		}
	}
	for k, v := range r.ExtraRuns {
		r.Extra[k] = median(v)
	}
	if len(r.Runs) == 0 {
		r.Error = "no run of it succeeded"
	}
	r.CyclesMedian, r.Mpps = median(r.Runs), median(mpps)
	r.PeerMpps, r.Ratio = median(peerSwap), median(ofSwap)
	r.PeerIO, r.RatioIO = median(peerIO), median(ofIO)
	return r
}

func printForward(results []Result) {
	fmt.Printf("\nTSC cycles per packet of the whole loop, one lcore; Mpps and the ratios to dpdk-testpmd on the same devices\nare medians of the runs\n\n%v",
		scenarios(results))
	fmt.Printf("\nCycles per packet and stage, best of the runs\n\n%v", stages(results))
	if t := drops(results); len(t.rows) > 0 {
		fmt.Printf("\nDropped, all runs\n\n%v", t)
	}
}

// scenarios is the table of all cases.
func scenarios(results []Result) *table {
	t := newTable("case", "best", "median", "runs", "Mpps", "of io", "of macswap", "CPUs", "besides")
	for _, r := range results {
		if r.Error != "" {
			t.add(r.Name, "failed")
			continue
		}
		t.add(r.Name, number(r.CyclesBest), number(r.CyclesMedian), spread(r.Runs), number(r.Mpps), number(r.RatioIO), number(r.Ratio),
			placements(r.CPUs), extras(r.Extra))
	}
	return t
}

// extras prints what else a case says: "base 70.1, slower 1.03".
func extras(extra map[string]any) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(extra)) {
		if n, ok := extra[k].(float64); ok {
			if n == 0 {
				parts = append(parts, k+" 0")
			} else {
				parts = append(parts, k+" "+number(n))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// stages is a row per case and a column per stage that takes half a cycle in some case, the dearest
// first.
func stages(results []Result) *table {
	most := map[string]float64{}
	for _, r := range results {
		for stage, c := range r.Stages {
			most[stage] = max(most[stage], c)
		}
	}
	columns := slices.Collect(maps.Keys(most))
	columns = slices.DeleteFunc(columns, func(s string) bool { return most[s] < 0.5 })
	slices.SortFunc(columns, func(a, b string) int {
		return cmp.Or(cmp.Compare(most[b], most[a]), cmp.Compare(a, b))
	})
	t := newTable(append([]string{"case"}, columns...)...)
	for _, r := range results {
		if len(r.Stages) == 0 {
			continue
		}
		row := []string{r.Name}
		for _, s := range columns {
			row = append(row, number(r.Stages[s]))
		}
		t.add(row...)
	}
	return t
}

// drops names what cases have dropped, by reason.
func drops(results []Result) *table {
	t := newTable("case", "forwarded", "dropped")
	for _, r := range results {
		var parts []string
		for _, reason := range slices.Sorted(maps.Keys(r.Drops)) {
			if n := r.Drops[reason]; n > 0 {
				parts = append(parts, reason+" "+thousands(int64(n)))
			}
		}
		if len(parts) > 0 {
			t.add(r.Name, thousands(int64(r.Forwarded)), strings.Join(parts, ", "))
		}
	}
	return t
}

// tscGHz is what a case on one lcore says of the clock that it counted.
func tscGHz(results []Result) float64 {
	r, ok := find(results, pcapCase)
	if !ok {
		return 0
	}
	return r.CyclesMedian * r.Mpps / 1e3
}
