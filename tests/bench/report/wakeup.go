// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// What idle costs: the first packet after a pause, and the CPU of a worker without packets, for each
// way to wait (tests/bench/wakeup says which).

const wakeupProgram = "out/wakeup_bench"

// wakeupFigure is what wakeup_bench prints of a case.
type wakeupFigure struct {
	Name string  `json:"name"`
	Lost int     `json:"lost"`
	P50  float64 `json:"p50_us"`
	P99  float64 `json:"p99_us"`
	Max  float64 `json:"max_us"`
	CPU  float64 `json:"cpu_percent"`
}

// wakeup measures every case in every round. Runs are the medians of the rounds; p99 and CPU are
// medians of theirs, max is the longest of all.
func wakeup(b *bench) ([]Result, error) {
	samples := 300
	if b.quick {
		samples = 20
	}
	var names []string
	rounds := map[string][]wakeupFigure{}
	var cpus []string
	for range b.rounds {
		before := b.probe()
		figures, err := wakeupBench(samples)
		if err != nil {
			return nil, err
		}
		cpus = append(cpus, placement(before, b.probe()))
		for _, f := range figures {
			if rounds[f.Name] == nil {
				names = append(names, f.Name)
			}
			rounds[f.Name] = append(rounds[f.Name], f)
		}
	}
	var results []Result
	for _, name := range names {
		results = append(results, woken(name, rounds[name], cpus))
	}
	fmt.Printf("\nThe first packet after 10 ms without, and a worker without packets\n\n%v", wakeups(results))
	return results, nil
}

func woken(name string, rounds []wakeupFigure, cpus []string) Result {
	var p99, cpu []float64
	r := Result{Name: "wakeup-" + name, Unit: "us", CPUs: cpus}
	longest, lost := 0.0, 0
	for _, f := range rounds {
		r.Runs = append(r.Runs, f.P50)
		p99, cpu = append(p99, f.P99), append(cpu, f.CPU)
		longest, lost = max(longest, f.Max), lost+f.Lost
	}
	r.Extra = map[string]any{"p99_us": median(p99), "max_us": longest, "cpu_percent": median(cpu), "lost": float64(lost)}
	if lost > 0 {
		r.Error = fmt.Sprintf("%d packets did not come through", lost)
	}
	return r
}

// wakeups is the table of the ways to wait.
func wakeups(results []Result) *table {
	ways := []struct{ name, idle, packet string }{
		{"wakeup-poll", "polls", "from a ring"},
		{"wakeup-wake", "sleeps, is woken", "from a ring"},
		{"wakeup-look", "sleeps up to 250 us, looks", "from a ring"},
		{"wakeup-tap-poll", "polls", "from a TAP"},
		{"wakeup-tap-wake", "sleeps, is woken", "from a TAP"},
	}
	t := newTable("the worker", "the packet", "p50, us", "runs", "p99, us", "max, us", "% of a CPU", "CPUs")
	for _, w := range ways {
		if r, ok := find(results, w.name); ok {
			extra := func(name string) float64 { v, _ := r.Extra[name].(float64); return v }
			t.add(w.idle, w.packet, number(median(r.Runs)), spread(r.Runs), number(extra("p99_us")), number(extra("max_us")),
				fmt.Sprintf("%.1f", extra("cpu_percent")), placements(r.CPUs))
		}
	}
	return t
}

// wakeupBench runs not under bench.under: a real-time worker that polls is stopped by the kernel 50
// ms of each second.
func wakeupBench(samples int) ([]wakeupFigure, error) {
	cmd := exec.Command(wakeupProgram, "-json", "-n", strconv.Itoa(samples))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", wakeupProgram, err)
	}
	var figures []wakeupFigure
	if err := json.Unmarshal(text, &figures); err != nil {
		return nil, fmt.Errorf("%s: %w", wakeupProgram, err)
	}
	return figures, nil
}
