// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A full table by way of a routing daemon: FRR learns it by BGP, on Skua and on the kernel in turn
// (tests/bench/fulltable says how).

const fulltableProgram = "out/fulltable_bench"

// fulltableFigure is what fulltable_bench prints.
type fulltableFigure struct {
	Forward   float64 `json:"forward_s"`
	Withdraw  float64 `json:"withdraw_s"`
	Packets   float64 `json:"packets"`
	Lost      float64 `json:"lost"`
	Installed int     `json:"installed"`
}

// fulltable lets FRR learn and lose a full table. A run takes minutes: there are few of them.
func fulltable(b *bench) ([]Result, error) {
	build := exec.Command("go", "build", "-o", fulltableProgram, "./tests/bench/fulltable")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(build.Args, " "), err, text)
	}
	n4, n6, rounds := 1000000, 200000, max(1, b.rounds/4)
	if b.quick {
		n4, n6 = 20000, 4000
	}
	times := []Result{
		{Name: "fulltable-forward", Unit: "s", Peer: "the kernel", ExtraRuns: map[string][]float64{}},
		{Name: "fulltable-withdraw", Unit: "s", Peer: "the kernel", ExtraRuns: map[string][]float64{}},
	}
	for range rounds {
		before := b.probe()
		skua, err := b.fulltableOnce("skua", n4, n6)
		if err != nil {
			return nil, err
		}
		kernel, err := b.fulltableOnce("kernel", n4, n6)
		if err != nil {
			return nil, err
		}
		stood := placement(before, b.probe())
		for i, of := range []func(*fulltableFigure) float64{
			func(f *fulltableFigure) float64 { return f.Forward },
			func(f *fulltableFigure) float64 { return f.Withdraw },
		} {
			r := &times[i]
			r.Runs, r.CPUs = append(r.Runs, of(skua)), append(r.CPUs, stood)
			r.ExtraRuns["kernel"] = append(r.ExtraRuns["kernel"], of(kernel))
			r.ExtraRuns["lost"] = append(r.ExtraRuns["lost"], skua.Lost)
			r.ExtraRuns["kernel_lost"] = append(r.ExtraRuns["kernel_lost"], kernel.Lost)
		}
	}
	for i := range times {
		r := &times[i]
		r.Ratio = median(ratios(r.Runs, r.ExtraRuns["kernel"]))
		r.Extra = map[string]any{}
		for k, v := range r.ExtraRuns {
			r.Extra[k] = median(v)
		}
	}
	fmt.Printf("\nFRR learns %d IPv4 and %d IPv6 routes by BGP, seconds\n\n%v", n4, n6, fulltables(times))
	return times, nil
}

func (b *bench) fulltableOnce(router string, n4, n6 int) (*fulltableFigure, error) {
	bin, err := filepath.Abs("out")
	if err != nil {
		return nil, err
	}
	// this process keeps to one CPU, the routers want both
	cmd := exec.Command("taskset", "-c", fmt.Sprintf("%d,%d", restCPU, lcoreCPU), fulltableProgram,
		"-router", router, "-bin", bin, "-v4", strconv.Itoa(n4), "-v6", strconv.Itoa(n6))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	f := &fulltableFigure{}
	if err := json.Unmarshal(text, f); err != nil {
		return nil, err
	}
	if f.Installed != n4+n6 {
		return nil, fmt.Errorf("%s: ip route shows %d routes of %d", router, f.Installed, n4+n6)
	}
	return f, nil
}

// fulltables is the table of full tables by a routing daemon.
func fulltables(results []Result) *table {
	t := newTable("until", "Skua, median", "runs", "the kernel, median", "ratio", "packets lost", "the kernel's")
	for _, c := range []struct{ name, title string }{
		{"fulltable-forward", "every route forwards"}, {"fulltable-withdraw", "none does, after their withdrawal"},
	} {
		if r, ok := find(results, c.name); ok {
			t.add(c.title, number(median(r.Runs))+" s", spread(r.Runs), number(float(r.Extra["kernel"]))+" s", number(r.Ratio),
				fmt.Sprintf("%.0f", float(r.Extra["lost"])), fmt.Sprintf("%.0f", float(r.Extra["kernel_lost"])))
		}
	}
	return t
}
