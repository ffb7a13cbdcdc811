// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"errors"
	"fmt"
)

// What the full tables weigh in the data plane by themselves: fwd_bench -m. What the whole program
// weighs with them is in the section of routes.

// weight is what fwd_bench -m prints; bytes.
type weight struct {
	Routes4   uint64 `json:"ipv4_routes"`
	FIB4      uint64 `json:"ipv4_fib"`      // as the tables count themselves
	Resident4 uint64 `json:"ipv4_resident"` // by which the process grew
	Routes6   uint64 `json:"ipv6_routes"`
	FIB6      uint64 `json:"ipv6_fib"`
	Resident6 uint64 `json:"ipv6_resident"`
	FIB       uint64 `json:"fib"`
	Resident  uint64 `json:"resident"`
}

const fibMemory = "memory-fib-MB"

func memory(b *bench) ([]Result, error) {
	cmd, cancel := b.command(fwdProgram, "-m")
	defer cancel()
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("fwd_bench -m: %w", err)
	}
	w, err := parseWeight(text)
	if err != nil {
		return nil, fmt.Errorf("fwd_bench -m: %w", err)
	}
	t := newTable("table", "routes", "FIB, MB", "the process grew by, MB")
	t.add("IPv4", thousands(int64(w.Routes4)), number(mb(w.FIB4)), number(mb(w.Resident4)))
	t.add("IPv6", thousands(int64(w.Routes6)), number(mb(w.FIB6)), number(mb(w.Resident6)))
	t.add("both", "", number(mb(w.FIB)), number(mb(w.Resident)))
	fmt.Printf("\nMemory of the data plane's tables\n\n%v", t)
	return []Result{{Name: fibMemory, Unit: "MB", Runs: []float64{mb(w.FIB)}, Extra: map[string]any{
		"ipv4_fib": mb(w.FIB4), "ipv6_fib": mb(w.FIB6), "resident": mb(w.Resident),
	}}}, nil
}

func parseWeight(text []byte) (weight, error) {
	var w weight
	if err := json.Unmarshal(text, &w); err != nil {
		return w, err
	}
	if w.FIB == 0 || w.Routes4 == 0 || w.Routes6 == 0 {
		return w, errors.New("it names no memory or no routes")
	}
	return w, nil
}

func mb(bytes uint64) float64 { return float64(bytes) / 1e6 }
