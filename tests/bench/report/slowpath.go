// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// What does not just pass through: pings, floods of what the control plane has to handle, neighbours
// to be found (tests/bench/slowpath says how).

const slowpathProgram = "out/slowpath_bench"

// slowpathFigure is what slowpath_bench prints of a case.
type slowpathFigure struct {
	Name  string             `json:"name"`
	Value float64            `json:"value"`
	Unit  string             `json:"unit"`
	Extra map[string]float64 `json:"extra"`
}

// slowpath measures every case once a round. Numbers beside a figure are medians of their own, but
// the longest times, which are the longest of all rounds.
func slowpath(b *bench) ([]Result, error) {
	build := exec.Command("go", "build", "-o", slowpathProgram, "./tests/bench/slowpath")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(build.Args, " "), err, text)
	}
	var results []Result
	at := map[string]int{}
	for range b.rounds {
		before := b.probe()
		figures, err := b.slowpathRound()
		if err != nil {
			return results, err
		}
		stood := placement(before, b.probe())
		for _, f := range figures {
			i, ok := at[f.Name]
			if !ok {
				i = len(results)
				at[f.Name] = i
				results = append(results, Result{Name: "slow/" + f.Name, Unit: f.Unit, ExtraRuns: map[string][]float64{}})
			}
			r := &results[i]
			r.Runs, r.CPUs = append(r.Runs, f.Value), append(r.CPUs, stood)
			for k, v := range f.Extra {
				r.ExtraRuns[k] = append(r.ExtraRuns[k], v)
			}
		}
	}
	for i := range results {
		results[i].Extra = map[string]any{}
		for k, v := range results[i].ExtraRuns {
			results[i].Extra[k] = median(v)
		}
	}
	fmt.Printf("\nPackets for the router itself, and neighbours to be found\n\n%v", slowpaths(results))
	return results, nil
}

func (b *bench) slowpathRound() ([]slowpathFigure, error) {
	args := []string{"-j", "-cpu", strconv.Itoa(lcoreCPU), "-rounds", "1", "-round",
		strconv.FormatFloat(max(b.seconds, 0.3), 'f', -1, 64) + "s"}
	if b.quick {
		args = append(args, "-hosts", "10000")
	}
	// this process keeps to one CPU, the program wants both
	both := fmt.Sprintf("%d,%d", restCPU, lcoreCPU)
	cmd, cancel := b.command("taskset", append([]string{"-c", both, slowpathProgram}, args...)...)
	defer cancel()
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	var figures []slowpathFigure
	if err := json.Unmarshal(text, &figures); err != nil {
		return nil, fmt.Errorf("%s: %w", slowpathProgram, err)
	}
	return figures, nil
}

// slowpaths is the table of the cases.
func slowpaths(results []Result) *table {
	t := newTable("case", "median", "runs", "unit", "p50, p99, longest µs")
	for i := range results {
		r := &results[i]
		late := ""
		if max := r.ExtraRuns["max_us"]; len(max) > 0 {
			late = fmt.Sprintf("%s, %s, %s", number(median(r.ExtraRuns["p50_us"])), number(median(r.ExtraRuns["p99_us"])),
				number(largest(max)))
		}
		t.add(strings.TrimPrefix(r.Name, "slow/"), number(median(r.Runs)), spread(r.Runs), r.Unit, late)
	}
	return t
}

func largest(v []float64) float64 {
	most := 0.0
	for _, x := range v {
		most = max(most, x)
	}
	return most
}
