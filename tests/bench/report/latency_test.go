// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"slices"
	"testing"
)

func TestLatencyResults(t *testing.T) {
	const text = `{"memif": [
{"case": "IPv4, 64 B", "go": "quiet", "core_latency_after": {"clocks": 80, "class": "near"}, "rates": [{"load": "10%", "mpps": 1.5, "lost": 3, "latency": {"p50": 10, "p99": 20, "p999": 30, "max": 40}}]},
{"case": "IPv4, 64 B", "go": "quiet", "core_latency_after": {"clocks": 400, "class": "far"}, "rates": [{"load": "10%", "mpps": 1.4, "lost": 0, "latency": {"p50": 12, "p99": 19, "p999": 31, "max": 39}}]}],
"stalls": [{"while": "links change", "mpps": 9, "worker": {"seconds": 2, "gaps": 3, "causes": {"other task": 2, "unexplained": 1}, "by_us": {"unexplained": 101}}, "spin": {"by_us": {}}}]}`
	results, err := latencyResults([]byte(text))
	if err != nil || len(results) != 2 {
		t.Fatalf("%+v, %v", results, err)
	}
	m, s := results[0], results[1]
	if m.Name != "memif-ipv4-64-b-quiet-10%" || m.Unit != "ns" || !slices.Equal(m.Runs, []float64{10, 12}) ||
		!slices.Equal(m.CPUs, []string{"near", "far"}) || m.Mpps != 1.5 {
		t.Errorf("memif: %+v", m)
	}
	for key, want := range map[string]any{"p50_ns": 10.0, "p99_ns": 19.0, "p999_ns": 30.0, "max_ns": 39.0, "lost": uint64(0)} {
		if m.Extra[key] != want {
			t.Errorf("memif: %s is %v, want %v", key, m.Extra[key], want)
		}
	}
	if s.Name != "stall-links-change" || !slices.Equal(s.Runs, []float64{101}) || s.Extra["unexplained"] != 1 || s.Extra["gaps"] != uint64(3) {
		t.Errorf("stall: %+v", s)
	}
	if _, err := latencyResults([]byte("[")); err == nil {
		t.Error("half a file is no error")
	}
}
