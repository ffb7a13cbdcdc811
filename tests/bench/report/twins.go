// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// TCP by a host twin: one stream of a socket of the appliance, both ways, and beside it one between two
// namespaces that a veth joins (tests/bench/twins says how).

const twinsProgram = "out/twins_bench"

// twinsFigure is what twins_bench prints of a stream.
type twinsFigure struct {
	Name   string               `json:"name"`
	Gbit   []float64            `json:"gbit"`
	Kernel []float64            `json:"kernel_gbit"`
	Extra  map[string][]float64 `json:"extra"`
}

var twinsStreams = []struct{ name, title string }{
	{"ipv4-out", "IPv4, from the appliance"}, {"ipv4-in", "IPv4, to the appliance"},
	{"ipv6-out", "IPv6, from the appliance"}, {"ipv6-in", "IPv6, to the appliance"},
}

// twins measures every stream once a round. It runs not under bench.under: its programs share both
// CPUs, and a real-time one would keep another from its turn.
func twins(b *bench) ([]Result, error) {
	build := exec.Command("go", "build", "-o", twinsProgram, "./tests/bench/twins")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(build.Args, " "), err, text)
	}
	seconds := 2
	if b.quick {
		seconds = 1
	}
	before := b.probe()
	// this process keeps to one CPU, the streams want both
	cmd := exec.Command("taskset", "-c", fmt.Sprintf("%d,%d", restCPU, lcoreCPU), twinsProgram,
		"-rounds", strconv.Itoa(b.rounds), "-seconds", strconv.Itoa(seconds))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	var figures []twinsFigure
	if err := json.Unmarshal(text, &figures); err != nil {
		return nil, fmt.Errorf("%s: %w", twinsProgram, err)
	}
	stood := placement(before, b.probe())
	var results []Result
	for _, f := range figures {
		r := Result{Name: "twins-" + f.Name, Unit: "Gbit/s", Peer: "veth", Runs: f.Gbit,
			Ratio: median(ratios(f.Gbit, f.Kernel)), ExtraRuns: map[string][]float64{"veth": f.Kernel}, Extra: map[string]any{}}
		for range f.Gbit {
			r.CPUs = append(r.CPUs, stood)
		}
		for k, v := range f.Extra {
			r.ExtraRuns[k] = v
		}
		for k, v := range r.ExtraRuns {
			r.Extra[k] = median(v)
		}
		results = append(results, r)
	}
	fmt.Printf("\nTCP by a twin: one stream, Gbit/s\n\n%v", twinsTable(results))
	return results, nil
}

// twinsTable is the table of the streams.
func twinsTable(results []Result) *table {
	t := newTable("TCP by a twin", "best", "median", "runs", "veth without a router, median", "of veth", "packets a frame, in", "out")
	for _, s := range twinsStreams {
		if r, ok := find(results, "twins-"+s.name); ok && len(r.Runs) > 0 {
			t.add(s.title, number(slices.Max(r.Runs)), number(median(r.Runs)), spread(r.Runs), number(float(r.Extra["veth"])),
				number(r.Ratio), number(float(r.Extra["packets_per_frame_in"])), number(float(r.Extra["packets_per_frame_out"])))
		}
	}
	return t
}

// byTwin is the slowest of the streams.
func byTwin(least float64) func([]Result) (measured, bool) {
	return func(results []Result) (measured, bool) {
		var slowest Result
		for _, s := range twinsStreams {
			r, ok := find(results, "twins-"+s.name)
			if !ok || len(r.Runs) == 0 {
				return measured{}, false
			}
			if slowest.Name == "" || median(r.Runs) < median(slowest.Runs) {
				slowest = r
			}
		}
		m := median(slowest.Runs)
		return measured{number(slices.Max(slowest.Runs)) + " Gbit/s", number(m) + " Gbit/s", spread(slowest.Runs), Result{}, m >= least}, true
	}
}
