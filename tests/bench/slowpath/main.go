// SPDX-License-Identifier: BSD-3-Clause

// Command slowpath measures what does not just pass through: packets for the router itself, packets
// that the control plane has to hear of, neighbours that are to be found. The data plane polls on one
// CPU, the control plane runs on the others; sources and hosts are in the same process.
//
//	ping     echo requests of many hosts as fast as the worker takes them: answered a second
//	flood    everything that is punted, at full speed, while ARP, ND and BGP come in slowly: answered
//	         or lost, and how late; what is forwarded meanwhile
//	resolve  packets to 100,000 hosts that nobody has spoken to: until all have arrived
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// result is a line of the table.
type result struct {
	Name  string             `json:"name"`
	Value float64            `json:"value"`
	Unit  string             `json:"unit"`
	Extra map[string]float64 `json:"extra,omitempty"`
}

type bench struct {
	*world
	rounds  int
	round   time.Duration
	hosts   int // of resolve
	results []result
}

var cases = []struct {
	name string
	run  func(*bench) error
}{
	{"ping", (*bench).ping}, {"flood", (*bench).flood}, {"resolve", (*bench).resolve},
}

func main() {
	b := bench{}
	cpu := flag.Int("cpu", 1, "the worker's CPU")
	fifo := flag.Bool("fifo", false, "no other program gets the CPUs meanwhile (SCHED_FIFO): on a busy machine")
	flag.IntVar(&b.rounds, "rounds", 5, "measurements of each rate: the best counts, the machine is shared")
	flag.DurationVar(&b.round, "round", 500*time.Millisecond, "length of one")
	flag.IntVar(&b.hosts, "hosts", 100000, "neighbours to resolve")
	only := flag.String("only", "", "cases, with commas: ping, flood, resolve; all of them by default")
	asJSON := flag.Bool("j", false, "print JSON")
	profile := flag.String("cpuprofile", "", "write a profile of the control plane")
	flag.Parse()
	if err := b.run(*cpu, *fifo, *only, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "slowpath:", err)
		os.Exit(1)
	}
	if *asJSON {
		if err := json.NewEncoder(os.Stdout).Encode(b.results); err != nil {
			fmt.Fprintln(os.Stderr, "slowpath:", err)
			os.Exit(1)
		}
		return
	}
	b.print()
}

func (b *bench) run(cpu int, fifo bool, only, profile string) error {
	w, err := newWorld(cpu, fifo)
	if err != nil {
		return err
	}
	b.world = w
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for _, c := range cases {
		if only != "" && !slices.Contains(strings.Split(only, ","), c.name) {
			continue
		}
		if err := c.run(b); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return w.close()
}

func (b *bench) add(name string, value float64, unit string, extra map[string]float64) {
	b.results = append(b.results, result{name, value, unit, extra})
}

func (b *bench) print() {
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "CASE\tVALUE\tUNIT\t")
	for _, r := range b.results {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Name, number(r.Value), r.Unit, extras(r.Extra))
	}
	_ = t.Flush()
}

func number(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

func extras(m map[string]float64) string {
	var parts []string
	for k, v := range m {
		parts = append(parts, k+" "+number(v))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// rate measures how fast counters grow, several times, and returns the round in which the first
// grew fastest, a second.
func (b *bench) rate(read func() ([]float64, error)) ([]float64, error) {
	var best []float64
	for range b.rounds {
		before, err := read()
		if err != nil {
			return nil, err
		}
		start := time.Now()
		time.Sleep(b.round)
		after, err := read()
		if err != nil {
			return nil, err
		}
		took := time.Since(start).Seconds()
		for i := range after {
			after[i] = (after[i] - before[i]) / took
		}
		if best == nil || after[0] > best[0] {
			best = after
		}
	}
	return best, nil
}
