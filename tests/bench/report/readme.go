// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"strings"
)

// README.md's figures stand between markers and are made from the results:
//
//	<!-- bench:figures -->
//	…
//	<!-- /bench:figures -->

// passages are what can stand between markers.
var passages = map[string]func([]Result) string{
	"machine":   machineLine,
	"figures":   func(r []Result) string { return figures(r).String() },
	"matrix":    func(r []Result) string { return matrix(r).String() },
	"others":    func(r []Result) string { return otherCases(r).String() },
	"kernel":    func(r []Result) string { return beside(r).String() },
	"routes":    func(r []Result) string { return loading(r).String() },
	"fulltable": func(r []Result) string { return fulltables(r).String() },
	"netlink":   func(r []Result) string { return netlinkTable(r).String() },
	"twins":     func(r []Result) string { return twinsTable(r).String() },
	"wakeup":    func(r []Result) string { return wakeups(r).String() },
}

// readme puts the results into a text with markers.
func readme(text string, results []Result) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "<!-- bench:")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, rest, found := strings.Cut(rest, " -->")
		passage, known := passages[name]
		if !found || !known {
			return "", fmt.Errorf("there is no passage %.20q", name)
		}
		end := "<!-- /bench:" + name + " -->"
		old, after, found := strings.Cut(rest, end)
		if !found || strings.Contains(old, "<!-- bench:") {
			return "", fmt.Errorf("<!-- bench:%s --> has no end", name)
		}
		fmt.Fprintf(&out, "<!-- bench:%s -->\n%s%s", name, passage(results), end)
		text = after
	}
}

func machineLine(results []Result) string {
	m := machineOf(results)
	line := fmt.Sprintf("%s, %d CPUs", m.CPU, m.CPUs)
	if m.TSCGHz > 0 {
		line += fmt.Sprintf(" (TSC %.1f GHz)", m.TSCGHz)
	}
	line = fmt.Sprintf("%s, Linux %s, DPDK %s; %v", line, m.Linux, m.DPDK, Run{m.Skua, m.Date, m.Rounds})
	var last *Run
	for i, r := range results {
		switch {
		case r.Later == nil || i > 0 && results[i-1].Section == r.Section:
		case last != nil && *last == *r.Later:
			line += ", " + r.Section
		default:
			line += fmt.Sprintf(";\n%v: %s", *r.Later, r.Section)
			last = r.Later
		}
	}
	return line + ".\n"
}

var (
	matrixFlows = []struct{ suffix, title string }{{"", "uniform over the table"}, {"-zipf", "Zipf"}, {"-one-flow", "one flow"}}
	matrixSizes = []struct{ suffix, title string }{{"", "64 B"}, {"-imix", "IMIX"}, {"-1500", "1,500 B"}}
)

// matrix is tables × traffic × sizes, medians.
func matrix(results []Result) *table {
	t := newTable("cycles per packet, median", "traffic")
	for _, s := range matrixSizes {
		t.head = append(t.head, s.title)
	}
	for _, p := range plots {
		for _, f := range matrixFlows {
			row, some := []string{p.title, f.title}, false
			for _, s := range matrixSizes {
				r, ok := find(results, p.name+f.suffix+s.suffix)
				some = some || ok
				row = append(row, number(r.CyclesMedian))
			}
			if some {
				t.add(row...)
			}
		}
	}
	return t
}

// inMatrix is whether a case has a cell there.
func inMatrix(name string) bool {
	for _, p := range plots {
		for _, f := range matrixFlows {
			for _, s := range matrixSizes {
				if name == p.name+f.suffix+s.suffix {
					return true
				}
			}
		}
	}
	return false
}

// otherCases are those of the forwarding section that are not in the matrix.
func otherCases(results []Result) *table {
	t := newTable("case", "best", "median", "runs", "Mpps", "of testpmd macswap", "besides")
	for _, r := range results {
		if r.Section == "forward" && r.Error == "" && !inMatrix(r.Name) {
			t.add(r.Name, number(r.CyclesBest), number(r.CyclesMedian), spread(r.Runs), number(r.Mpps), number(r.Ratio), extras(r.Extra))
		}
	}
	return t
}
