// SPDX-License-Identifier: BSD-3-Clause

package main

import "testing"

func TestRunsAreClassedByTheProbesAroundThem(t *testing.T) {
	for _, c := range []struct {
		before, after float64
		want          string
	}{
		{30, 40, "near"}, {160, 400, "far"}, {30, 160, "mixed"}, {160, 30, "mixed"}, {0, 30, "unknown"},
	} {
		if got := placement(c.before, c.after); got != c.want {
			t.Errorf("placement(%v, %v) = %q, want %q", c.before, c.after, got, c.want)
		}
	}
	if got, want := placements([]string{"far", "near", "near"}), "near 2, far 1"; got != want {
		t.Errorf("placements: %q, want %q", got, want)
	}
}

// It ends also when the whole process has one CPU, as in a run.
func TestProbeEnds(t *testing.T) {
	for range 3 {
		if ns := coreToCore(); ns < 0 || ns > 1e9 {
			t.Errorf("a cache line takes %v ns", ns)
		}
	}
}
