// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// Result is an entry of out/bench.json, which is an array of them. The first one is called
// "machine" and has only Machine; every other one is a case of a section.
type Result struct {
	Name         string               `json:"name"`
	Section      string               `json:"section,omitempty"`
	CyclesBest   float64              `json:"cycles_best"`   // TSC cycles per packet, whole loop; 0: not in cycles
	CyclesMedian float64              `json:"cycles_median"` // of the runs
	Mpps         float64              `json:"mpps"`          // median
	Peer         string               `json:"peer"`
	PeerMpps     float64              `json:"peer_mpps"`          // median
	Ratio        float64              `json:"ratio"`              // median of mpps / peer_mpps, run by run
	PeerIO       float64              `json:"peer_io,omitempty"`  // median Mpps of testpmd io on the same devices
	RatioIO      float64              `json:"ratio_io,omitempty"` // as Ratio
	Unit         string               `json:"unit,omitempty"`     // of Runs, when that is not cycles per packet
	Runs         []float64            `json:"runs"`               // cycles, or the figure of the case, of each run
	CPUs         []string             `json:"cpus,omitempty"`     // of each run: how the two CPUs stood, see probe.go
	Stages       map[string]float64   `json:"stages,omitempty"`   // cycles per packet of the stage, best of the runs
	Drops        map[string]uint64    `json:"drops,omitempty"`    // packets by SKB_DROP_REASON, all runs
	Forwarded    uint64               `json:"forwarded,omitempty"`
	Extra        map[string]any       `json:"extra,omitempty"` // what else the case has to say, median of numbers
	ExtraRuns    map[string][]float64 `json:"extra_runs,omitempty"`
	Error        string               `json:"error,omitempty"` // why the case has no figures
	Machine      *Machine             `json:"machine,omitempty"`
	Later        *Run                 `json:"later,omitempty"` // that measured it, if not the machine's
}

// Run is when figures were measured, and what of.
type Run struct {
	Skua   string `json:"skua"`
	Date   string `json:"date"` // day, UTC
	Rounds int    `json:"rounds"`
}

func (r Run) String() string { return fmt.Sprintf("Skua %s, %s, %d runs", r.Skua, r.Date, r.Rounds) }

// Machine is what the figures were measured on.
type Machine struct {
	CPU        string  `json:"cpu"`
	CPUs       int     `json:"cpus"`
	TSCGHz     float64 `json:"tsc_ghz,omitempty"` // 0: no case of this run says
	Linux      string  `json:"linux"`
	DPDK       string  `json:"dpdk"`
	Skua       string  `json:"skua"`
	Date       string  `json:"date"` // day, UTC
	Rounds     int     `json:"rounds"`
	LoadBefore float64 `json:"load_before"` // of one minute
	LoadAfter  float64 `json:"load_after"`
	// One-way ns of a cache line between the two CPUs, before and after every round of every section.
	CoreToCore []float64 `json:"core_to_core_ns,omitempty"`
}

const machineName = "machine"

// readResults reads what writeResults wrote.
func readResults(path string) ([]Result, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var results []Result
	if err := json.Unmarshal(text, &results); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return results, nil
}

func writeResults(path string, results []Result) error {
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// find returns the case of a name if it has figures.
func find(results []Result, name string) (Result, bool) {
	i := slices.IndexFunc(results, func(r Result) bool { return r.Name == name })
	if i < 0 || results[i].Error != "" {
		return Result{}, false
	}
	return results[i], true
}

// machineOf returns the machine of a run, an empty one if the file does not say.
func machineOf(results []Result) Machine {
	if i := slices.IndexFunc(results, func(r Result) bool { return r.Machine != nil }); i >= 0 {
		return *results[i].Machine
	}
	return Machine{}
}

// median is the upper one of an even number of values; 0 of none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Clone(v)
	slices.Sort(s)
	return s[len(s)/2]
}

// ratios divides run by run, as far as both have runs; a divisor of 0 gives no ratio.
func ratios(of, by []float64) []float64 {
	var r []float64
	for i := range min(len(of), len(by)) {
		if by[i] > 0 {
			r = append(r, of[i]/by[i])
		}
	}
	return r
}
