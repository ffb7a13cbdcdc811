// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// latencyReport is what tests/bench/latency writes, as far as it becomes results.
type latencyReport struct {
	Memif []struct {
		Case  string `json:"case"`
		Go    string `json:"go"`
		After struct {
			Clocks float64 `json:"clocks"`
			Class  string  `json:"class"`
		} `json:"core_latency_after"`
		Rates []latencyRate `json:"rates"`
	} `json:"memif"`
	Stalls []struct {
		While  string       `json:"while"`
		Worker latencyStall `json:"worker"`
		Spin   latencyStall `json:"spin"`
		Mpps   float64      `json:"mpps"`
	} `json:"stalls"`
}

type latencyRate struct {
	Load    string             `json:"load"`
	Mpps    float64            `json:"mpps"`
	Lost    uint64             `json:"lost"`
	Latency map[string]float64 `json:"latency"` // ns
}

type latencyStall struct {
	Seconds float64            `json:"seconds"`
	Gaps    uint64             `json:"gaps"`
	Causes  map[string]int     `json:"causes"`
	By      map[string]float64 `json:"by_us"`
}

const latencyFile = "out/latency.json"

// latency runs tests/bench/latency, which prints its own tables.
func latency(b *bench) ([]Result, error) {
	if text, err := exec.Command("go", "build", "-buildvcs=false", "-o", "out/latency", "./tests/bench/latency").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the latency bench: %w\n%s", err, text)
	}
	args := []string{"-o", latencyFile, "-rounds", fmt.Sprint(b.rounds)}
	if b.quick {
		args = append(args, "-seconds", "0.3", "-rounds", "1", "-only", "memif")
	}
	cmd := exec.Command("out/latency", args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("latency: %w", err)
	}
	text, err := os.ReadFile(latencyFile)
	if err != nil {
		return nil, err
	}
	return latencyResults(text)
}

// latencyResults makes a case of each family, load and state of Go, whose runs are the medians of
// its rounds, and one of each stall scenario, whose run is the longest gap that the trace does not
// explain.
func latencyResults(text []byte) ([]Result, error) {
	var report latencyReport
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, err
	}
	var results []Result
	for _, m := range report.Memif {
		for _, rate := range m.Rates {
			name := caseName("memif", m.Case, m.Go, rate.Load)
			i := slices.IndexFunc(results, func(r Result) bool { return r.Name == name })
			if i < 0 {
				i = len(results)
				results = append(results, Result{Name: name, Unit: "ns", Extra: map[string]any{}})
			}
			r := &results[i]
			r.Runs = append(r.Runs, rate.Latency["p50"])
			r.CPUs = append(r.CPUs, m.After.Class)
			r.Mpps = max(r.Mpps, rate.Mpps)
			for _, q := range []string{"p50", "p99", "p999", "max"} {
				key := q + "_ns" // of the best round: the machine's absences only ever add
				if old, ok := r.Extra[key].(float64); !ok || rate.Latency[q] < old {
					r.Extra[key] = rate.Latency[q]
				}
			}
			if old, ok := r.Extra["lost"].(uint64); !ok || rate.Lost < old {
				r.Extra["lost"] = rate.Lost
			}
		}
	}
	for _, s := range report.Stalls {
		results = append(results, Result{
			Name: caseName("stall", s.While), Unit: "µs", Mpps: s.Mpps, Runs: []float64{s.Worker.By["unexplained"]},
			Extra: map[string]any{"gaps": s.Worker.Gaps, "unexplained": s.Worker.Causes["unexplained"],
				"seconds": s.Worker.Seconds, "spin_longest_us": s.Spin.By["unexplained"],
				"page_faults": s.Worker.Causes["page fault"], "system_calls": s.Worker.Causes["system call"]},
		})
	}
	return results, nil
}

// caseName makes words the name of a case: "memif-ipv4-64-b-quiet-10%".
func caseName(words ...string) string {
	return strings.ToLower(strings.NewReplacer(" ", "-", ",", "").Replace(strings.Join(words, "-")))
}
