// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"os"
	"strings"
)

// publish puts the tables that were measured into a page, between <!-- latency:NAME --> and
// <!-- /latency:NAME -->.
func publish(file string, r report) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	page := string(text)
	for _, t := range []struct{ name, table string }{{"memif", memifTable(r.Memif)}, {"stalls", stallTable(r.Stalls)}} {
		if t.table == "" {
			continue
		}
		before, rest, ok := strings.Cut(page, "<!-- latency:"+t.name+" -->\n")
		_, after, ended := strings.Cut(rest, "<!-- /latency:"+t.name+" -->")
		if !ok || !ended {
			return fmt.Errorf("%s has no place for latency:%s", file, t.name)
		}
		page = before + "<!-- latency:" + t.name + " -->\n" + t.table + "<!-- /latency:" + t.name + " -->" + after
	}
	return os.WriteFile(file, []byte(page), 0o644)
}

// memifTable is "" when nothing was measured; so is stallTable.
func memifTable(runs []memifRun) string {
	if len(runs) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| one way, µs | Go | load | Mpps | lost | p50 | p99 | p99.9 | max | p99.9 with the generator's absences | " +
		"generator away | core to core, clocks |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range runs {
		for _, x := range r.Rates {
			l := x.Latency
			fmt.Fprintf(&b, "| %s | %s | %s | %.2f | %d | %.1f | %.1f | %.1f | %.1f | %.1f | %d times, %.0f ms | %.0f %s, %.0f %s |\n",
				r.Case, r.Go, x.Load, x.Mpps, x.Lost, l.P50/1e3, l.P99/1e3, l.P999/1e3, l.Max/1e3, x.All.P999/1e3, x.Away.N, x.Away.Sum/1e6,
				r.Before.Clocks, r.Before.Class, r.After.Clocks, r.After.Class)
		}
	}
	return b.String()
}

func stallTable(all []stall) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| while | seconds | Mpps | gaps | by other tasks | interrupts | page faults | system calls | unexplained | " +
		"longest unexplained, µs | an empty loop, per second: gaps | unexplained | longest, µs | stolen, ms |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range all {
		w, e := s.Worker, s.Spin
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %d | %d | %d | %d | %d | %d | %.0f | %.1f | %.1f | %.0f | %.0f |\n", s.While, w.Seconds, s.Mpps,
			w.Gaps, w.Causes[causeTask], w.Causes[causeInterrupt], w.Causes[causeFault], w.Causes[causeSyscall], w.Causes[causeNone],
			w.By[causeNone], float64(e.Gaps)/e.Seconds, float64(e.Causes[causeNone])/e.Seconds, e.By[causeNone], s.Steal)
	}
	return b.String()
}
