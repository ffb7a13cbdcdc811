// SPDX-License-Identifier: BSD-3-Clause

package main

import "slices"

// goal is a row of the table of figures to reach.
type goal struct {
	title   string
	reach   string
	measure func([]Result) (measured, bool)
	others  string // what was measured of other routers on such a machine, earlier
}

// measured is what a run has to say to a goal.
type measured struct {
	best, median, spread string
	of                   Result // whose Mpps and ratios to testpmd are shown
	reached              bool
}

// Other routers, measured earlier on such a machine and with their own sources; VPP's figure is
// without its source.
var goals = []goal{
	{"IPv4, 1 route", "≤ 45 cycles/packet", cycles("ipv4-1-route", 45), "VPP 59, grout 145, bare l3fwd 30"},
	{"IPv4, 1,000,000 routes, uniform over the table", "≤ 80 cycles/packet", cycles("ipv4-1M-routes", 80), "VPP 255, grout 329, bare l3fwd 64"},
	{"IPv6, 220,000 routes, uniform over the table", "≤ 110 cycles/packet", cycles("ipv6-220k-routes", 110), "VPP 1,009, grout 665"},
	{"IPv4, 1 route, on net_pcap", "≥ 0.5 of testpmd macswap", ofMacswap(pcapName, 0.5), "grout 0.24"},
	{"against the Linux kernel's forwarding, packets per core-second", "≥ 50 times", timesKernel("ipv4-1-route", 50), "the kernel 1"},
	{"100,000 route changes a second, 1,000,000 routes", "≤ 1.10 times the cycles at rest, no packet lost", slowerBy("ipv4-churn-100k", 1.1, 95e3), ""},
	{"2 lcores", "≥ 1.9 times 1 lcore, or each as fast as alone", scaling("ipv4-lcores-2", 1.9, 1.05), ""},
	{"memory of the whole program with 1,000,000 + 220,000 routes", "≤ 300 MB", megabytes("memory-1M-220k-MB", 300), ""},
	{"TCP by a twin, the slowest of IPv4, IPv6, out, in", "≥ 5 Gbit/s", byTwin(5), ""},
	{"FRR learns 1,000,000 + 200,000 routes by BGP, until all forward", "≤ the kernel's time", notLongerThanKernel("fulltable-forward"), ""},
}

// figures is the table of figures to reach.
func figures(results []Result) *table {
	t := newTable("case", "to reach", "best", "median", "runs", "", "Mpps", "of testpmd io", "of testpmd macswap", "others on such a machine")
	for _, g := range goals {
		m, ok := g.measure(results)
		if !ok {
			t.add(g.title, g.reach, "-", "-", "not measured", "", "-", "-", "-", g.others)
			continue
		}
		mark := "no"
		if m.reached {
			mark = "yes"
		}
		t.add(g.title, g.reach, m.best, m.median, m.spread, mark, number(m.of.Mpps), number(m.of.RatioIO), number(m.of.Ratio), g.others)
	}
	return t
}

// cycles is a case that may need that many cycles per packet.
func cycles(name string, most float64) func([]Result) (measured, bool) {
	return func(results []Result) (measured, bool) {
		r, ok := find(results, name)
		return measured{number(r.CyclesBest), number(r.CyclesMedian), spread(r.Runs), r, r.CyclesMedian <= most}, ok
	}
}

// ofMacswap is a case that must reach a part of what testpmd macswap does. Its cycles are shown too.
func ofMacswap(name string, least float64) func([]Result) (measured, bool) {
	return func(results []Result) (measured, bool) {
		r, ok := find(results, name)
		return measured{number(r.CyclesBest), number(r.CyclesMedian), spread(r.Runs) + " cycles/packet", r, r.Ratio >= least}, ok
	}
}

// timesKernel is a case that must forward that many times what the kernel does from veth to veth.
func timesKernel(name string, least float64) func([]Result) (measured, bool) {
	return func(results []Result) (measured, bool) {
		r, ok := find(results, kernelName(name, "veth"))
		all := floats(r.Extra["ratios"])
		if !ok || len(all) == 0 {
			return measured{}, false
		}
		return measured{number(slices.Max(all)) + " times", number(r.Ratio) + " times", spread(all), Result{Mpps: r.Mpps}, r.Ratio >= least}, true
	}
}

// slowerBy is a case that is disturbed so many times a second and may take so many times what it
// takes at rest. A packet that is lost makes fwd_bench fail the case.
func slowerBy(name string, most, changes float64) func([]Result) (measured, bool) {
	return func(results []Result) (measured, bool) {
		r, ok := find(results, name)
		all := r.ExtraRuns["slower"]
		if !ok || len(all) == 0 {
			return measured{}, false
		}
		slower := float(r.Extra["slower"])
		return measured{number(slices.Min(all)) + " times", number(slower) + " times", spread(all), r,
			slower <= most && float(r.Extra["changes_per_second"]) >= changes}, true
	}
}

// scaling is a case on two lcores: they forward so many times what one does; or, where something else
// keeps the second CPU busy, neither needs noticeably more cycles than alone.
func scaling(name string, least, unchanged float64) func([]Result) (measured, bool) {
	return func(results []Result) (measured, bool) {
		r, ok := find(results, name)
		all := r.ExtraRuns["scaling"]
		if !ok || len(all) == 0 {
			return measured{}, false
		}
		asAlone := true
		for _, lcore := range []string{"lcore0", "lcore1"} {
			together, alone := float(r.Extra[lcore]), float(r.Extra[lcore+"_alone"])
			asAlone = asAlone && together > 0 && together <= unchanged*alone
		}
		times := float(r.Extra["scaling"])
		return measured{number(slices.Max(all)) + " times", number(times) + " times", spread(all), r, times >= least || asAlone}, true
	}
}

// megabytes is a weight, the heaviest of the runs.
func megabytes(name string, most float64) func([]Result) (measured, bool) {
	return func(results []Result) (measured, bool) {
		r, ok := find(results, name)
		if !ok || len(r.Runs) == 0 {
			return measured{}, false
		}
		heaviest := slices.Max(r.Runs)
		return measured{number(slices.Min(r.Runs)) + " MB", number(median(r.Runs)) + " MB", spread(r.Runs), Result{}, heaviest <= most}, true
	}
}

// notLongerThanKernel is a case that may take as long as with the kernel.
func notLongerThanKernel(name string) func([]Result) (measured, bool) {
	return func(results []Result) (measured, bool) {
		r, ok := find(results, name)
		all := ratios(r.Runs, r.ExtraRuns["kernel"])
		if !ok || len(all) == 0 {
			return measured{}, false
		}
		return measured{number(median(all)) + " of its time", number(r.Ratio) + " of its time", spread(all), Result{}, r.Ratio <= 1}, true
	}
}
