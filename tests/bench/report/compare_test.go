// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func runsOf(cycles ...float64) []figure {
	var all []figure
	for _, c := range cycles {
		all = append(all, figure{CyclesBest: c - 1, CyclesMedian: c})
	}
	return all
}

func TestADifferenceMustExceedTheSpread(t *testing.T) {
	base := []float64{50, 51, 50, 52, 50, 51, 50, 50, 51}
	scaled := func(by float64, disturbed ...int) []figure {
		v := slices.Clone(base)
		for i := range v {
			v[i] *= by
		}
		for _, i := range disturbed {
			v[i] *= 3
		}
		return runsOf(v...)
	}
	mixed := runsOf(49, 52, 49, 53, 51, 50, 49, 51, 50)
	for _, c := range []struct {
		name string
		head []figure
		want string
	}{
		{"2 % more", scaled(1.02), "slower"},
		{"2 % less", scaled(0.98), "faster"},
		{"2 % less, and one run disturbed", scaled(0.98, 4), "faster"},
		{"2 % less, and two runs disturbed", scaled(0.98, 4, 5), "within the spread"},
		{"the same", scaled(1), "within the spread"},
		{"now more, now less", mixed, "within the spread"},
	} {
		row := compared([]comparison{{"x", runsOf(base...), c.head}}).rows[0]
		if got := row[len(row)-1]; got != c.want {
			t.Errorf("%s: %s, want %s: %q", c.name, got, c.want, row)
		}
	}
	row := compared([]comparison{{"x", runsOf(100, 110, 120, 100, 100), runsOf(50, 66, 48, 50, 50)}}).rows[0]
	want := []string{"x", "99.0", "100", "47.0", "50.0", "0.500", "0.400 - 0.600", "faster"}
	if !slices.Equal(row, want) {
		t.Errorf("%q, want %q", row, want)
	}
	row = compared([]comparison{{"x", runsOf(100, 100), runsOf(50, 50)}}).rows[0]
	if got := row[len(row)-1]; got != "too few rounds" {
		t.Errorf("two rounds are enough for %q", got)
	}
}

func TestCasesThatTheOlderOneDoesNotKnowAreSkipped(t *testing.T) {
	program := func(cases string) string {
		path := filepath.Join(t.TempDir(), "fwd_bench")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n[ \"$1\" = -l ] && echo '"+cases+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old, now := program("ipv4-1-route ipv6-1-route gone"), program("ipv4-1-route ipv6-1-route ipv4-ecmp8 ipv4-1M-routes ipv6-220k-routes")
	if got, err := inBoth(old, now, nil); err != nil || !slices.Equal(got, []string{"ipv4-1-route", "ipv6-1-route"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := inBoth(old, now, []string{"ipv4-ecmp8"}); err == nil {
		t.Error("nothing to compare, and no error")
	}
	if _, err := inBoth(old, now, []string{"ipv4-1-rout"}); err == nil || !strings.Contains(err.Error(), `"ipv4-1-rout"`) {
		t.Errorf("a case that there is not: %v", err)
	}
	if _, err := inBoth("/nonexistent", now, nil); err == nil {
		t.Error("a program that there is not, and no error")
	}
}
