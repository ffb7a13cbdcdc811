// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const twoFigures = `[
 {"name": "ipv4-1-route", "cycles_best": 40, "cycles_median": 50, "mpps": 65, "runs": [40, 50, 60],
  "stages": {"ip_rcv": 7.5}, "drops": {"IP_INHDR": 3}, "forwarded": 100, "extra": {"slower": 1.25}},
 {"name": "ipv6-1-route", "cycles_best": 44.5, "cycles_median": 46, "mpps": 58.3, "runs": [44.5, 46, 48], "stages": {}}`

func TestFiguresAreRead(t *testing.T) {
	got, err := parseFigures([]byte(twoFigures + "\n]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Name != "ipv4-1-route" || got[0].Stages["ip_rcv"] != 7.5 || got[0].Drops["IP_INHDR"] != 3 ||
		got[0].Forwarded != 100 || got[0].Extra["slower"] != 1.25 || !slices.Equal(got[1].Runs, []float64{44.5, 46, 48}) {
		t.Errorf("%+v", got)
	}
	if m := got[0].mppsMedian(); m != 52 {
		t.Errorf("the rate of the median is %v, want 65 * 40 / 50 = 52", m)
	}
}

func TestFiguresBeforeACrashAreKept(t *testing.T) {
	got, err := parseFigures([]byte(twoFigures + `, {"name": "ipv4-ecmp8", "cyc`))
	if err == nil {
		t.Error("no error for half a figure")
	}
	if len(got) != 2 {
		t.Errorf("%d figures, want the 2 that are whole", len(got))
	}
	if got, err := parseFigures(nil); err == nil || len(got) != 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	if _, err := parseFigures([]byte(`[{"cycles_best": 1}]`)); err == nil {
		t.Error("a figure without a name was taken")
	}
}

func FuzzParseFigures(f *testing.F) {
	f.Add([]byte(twoFigures + "]"))
	f.Add([]byte("[{}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, _ := parseFigures(text)
		for _, g := range got {
			if g.Name == "" {
				t.Error("a figure without a name")
			}
			if _, err := json.Marshal(g); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRatesOfTestpmd(t *testing.T) {
	look := func(a, b string) string {
		return "  ######################## NIC statistics for port 0\n  Throughput (since last show)\n  Rx-pps:   " + a +
			"          Rx-bps:  1\n  NIC statistics for port 1\n  Rx-pps:   " + b + "   Rx-bps: 2\n"
	}
	got, err := parseRates(look("1", "2") + look("150000000", "50000000"))
	if err != nil || got != 200 {
		t.Errorf("%v, %v: want the second look, 200 Mpps", got, err)
	}
	for name, text := range map[string]string{"silence": "EAL: no", "standstill": look("0", "0") + look("0", "0")} {
		if got, err := parseRates(text); err == nil {
			t.Errorf("%s gave %v Mpps", name, got)
		}
	}
}

func FuzzParseRates(f *testing.F) {
	f.Add("Rx-pps: 5\nRx-pps: 6")
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := parseRates(text); err == nil && !(v > 0) {
			t.Errorf("%v Mpps without an error", v)
		}
	})
}

func TestCasesOfOneTableAreMeasuredTogether(t *testing.T) {
	got := groups([]string{"ipv4-1-route", "ipv4-1M-routes", "ipv4-1-route-zipf", "ipv4-ecmp8", "ipv4-1M-routes-imix", "ipv4-ttl-5", "ipv4-churn-1k", "ipv6-churn-100k"})
	want := [][]string{{"ipv4-1-route", "ipv4-1-route-zipf", "ipv4-ttl-5"}, {"ipv4-1M-routes", "ipv4-1M-routes-imix", "ipv4-churn-1k"}, {"ipv4-ecmp8"}, {"ipv6-churn-100k"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSummaryPairsRunsWithPeersOfTheSameRound(t *testing.T) {
	s := &samples{
		figures: map[string][]figure{"a": {
			{Name: "a", CyclesBest: 50, CyclesMedian: 50, Mpps: 10, Stages: map[string]float64{"x": 5}, Drops: map[string]uint64{"R": 1}, Extra: map[string]any{"n": 1.0}},
			{Name: "a", CyclesBest: 40, CyclesMedian: 80, Mpps: 20, Stages: map[string]float64{"x": 3}, Drops: map[string]uint64{"R": 2}, Extra: map[string]any{"n": 9.0}},
			{Name: "a", CyclesBest: 60, CyclesMedian: 60, Mpps: 30, Stages: map[string]float64{"x": 4}, Extra: map[string]any{"n": 2.0}},
		}},
		rounds: map[string][]int{"a": {0, 1, 3}},                                                                       // round 2 failed
		peers:  map[peer]map[int]float64{{"macswap", "net_ring"}: {0: 100, 1: 40, 2: 1}, {"io", "net_ring"}: {3: 300}}, // so did some of theirs
		cpus:   []string{"near", "far", "near", "mixed"},
	}
	r := s.result("a")
	want := Result{Name: "a", CyclesBest: 40, CyclesMedian: 60, Mpps: 10, Peer: "testpmd macswap on net_ring", PeerMpps: 100, Ratio: 0.25,
		PeerIO: 300, RatioIO: 0.1, Runs: []float64{50, 80, 60}, CPUs: []string{"near", "far", "mixed"},
		Stages: map[string]float64{"x": 3}, Drops: map[string]uint64{"R": 3}, Extra: map[string]any{"n": 2.0}, ExtraRuns: map[string][]float64{"n": {1, 9, 2}}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("\n%+v, want\n%+v", r, want)
	}
	if r := s.result("b"); r.Error == "" {
		t.Error("a case without runs has no error")
	}
}

func TestWakeupsOfAllRounds(t *testing.T) {
	r := woken("poll", []wakeupFigure{{P50: 3, P99: 10, Max: 50, CPU: 99}, {P50: 1, P99: 30, Max: 20, CPU: 98}, {P50: 2, P99: 20, Max: 40, CPU: 100}}, []string{"near"})
	if r.Error != "" || median(r.Runs) != 2 || r.Extra["p99_us"] != 20.0 || r.Extra["max_us"] != 50.0 || r.Extra["cpu_percent"] != 99.0 {
		t.Errorf("%+v", r)
	}
	if got := wakeups([]Result{r}).rows; len(got) != 1 || got[0][0] != "polls" || got[0][5] != "50.0" {
		t.Errorf("%q", got)
	}
	if r := woken("poll", []wakeupFigure{{Lost: 1}}, nil); r.Error == "" {
		t.Error("a lost packet is no error")
	}
}

func TestTheFileKeepsWhatIssue2Wrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	in := []Result{{Name: machineName, Machine: &Machine{CPU: "x"}}, {Name: "ipv4-1-route", CyclesBest: 1, Runs: []float64{1, 2}, Peer: "p"}}
	if err := writeResults(path, in); err != nil {
		t.Fatal(err)
	}
	out, err := readResults(path)
	if err != nil || !reflect.DeepEqual(in, out) {
		t.Fatalf("%v: %+v, want %+v", err, out, in)
	}
	text, _ := json.Marshal(out[1])
	for _, key := range []string{"name", "cycles_best", "cycles_median", "mpps", "peer", "peer_mpps", "ratio", "runs"} {
		if !strings.Contains(string(text), `"`+key+`":`) {
			t.Errorf("no %s in %s", key, text)
		}
	}
}

func TestFigureThatIsMissedSaysSo(t *testing.T) {
	row := func(results ...Result) []string { return figures(results).rows[0] }
	if got := row(Result{Name: "ipv4-1-route", CyclesBest: 40, CyclesMedian: 45, Runs: []float64{40, 45, 50}}); got[5] != "yes" || got[4] != "40.0 - 50.0" {
		t.Errorf("45 cycles of 45: %q", got)
	}
	if got := row(Result{Name: "ipv4-1-route", CyclesBest: 40, CyclesMedian: 45.1, Runs: []float64{40, 45.1, 50}}); got[5] != "no" {
		t.Errorf("45.1 cycles of 45: %q", got)
	}
	for _, got := range [][]string{row(), row(Result{Name: "ipv4-1-route", Error: "died"})} {
		if got[4] != "not measured" || got[5] != "" {
			t.Errorf("without a measurement: %q", got)
		}
	}
}

func TestGoalsOfOtherKinds(t *testing.T) {
	churn := func(slower, changes float64) Result {
		return Result{Name: "ipv4-churn-100k", Runs: []float64{70}, Extra: map[string]any{"slower": slower, "changes_per_second": changes},
			ExtraRuns: map[string][]float64{"slower": {slower, slower + 0.01}}}
	}
	lcores := func(scaling, together float64) Result {
		return Result{Name: "ipv4-lcores-2", Extra: map[string]any{"scaling": scaling, "lcore0_alone": 50.0, "lcore1_alone": 52.0,
			"lcore0": together, "lcore1": together}, ExtraRuns: map[string][]float64{"scaling": {scaling}}}
	}
	vs := Result{Name: "ipv4-1-route-vs-kernel-veth", Mpps: 50, Ratio: 50, Extra: map[string]any{"ratios": []any{49.0, 50.0, 55.0}}}
	for _, c := range []struct {
		name, title string
		results     []Result
		want        string
	}{
		{"10 % slower", "route changes", []Result{churn(1.1, 99500)}, "yes"},
		{"11 % slower", "route changes", []Result{churn(1.11, 99500)}, "no"},
		{"too few changes", "route changes", []Result{churn(1.0, 80000)}, "no"},
		{"1.9 times", "2 lcores", []Result{lcores(1.9, 80)}, "yes"},
		{"1.5 times, but each as fast as alone", "2 lcores", []Result{lcores(1.5, 51)}, "yes"},
		{"1.5 times", "2 lcores", []Result{lcores(1.5, 60)}, "no"},
		{"50 times the kernel, after a trip through JSON", "kernel", []Result{vs}, "yes"},
		{"300 MB in all", "memory", []Result{{Name: "memory-1M-220k-MB", Runs: []float64{251, 300}}}, "yes"},
		{"301 MB in all", "memory", []Result{{Name: "memory-1M-220k-MB", Runs: []float64{251, 301}}}, "no"},
		{"nothing", "2 lcores", nil, ""},
	} {
		found := false
		for _, row := range figures(c.results).rows {
			if strings.Contains(row[0], c.title) {
				found = true
				if row[5] != c.want {
					t.Errorf("%s: %q, want %q", c.name, row, c.want)
				}
			}
		}
		if !found {
			t.Errorf("no row about %s", c.title)
		}
	}
}

func TestWeightOfTheTables(t *testing.T) {
	w, err := parseWeight([]byte(`{"ipv4_routes": 1000000, "ipv4_fib": 80000000, "ipv6_routes": 220000, "ipv6_fib": 20000000, "fib": 100000000, "resident": 1}`))
	if err != nil || mb(w.FIB) != 100 || w.Routes6 != 220000 {
		t.Errorf("%+v, %v", w, err)
	}
	for _, bad := range []string{"", "{}", "[]"} {
		if _, err := parseWeight([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestSectionsByName(t *testing.T) {
	want, err := wanted("routes")
	if err != nil || !want["routes"] || want["forward"] {
		t.Errorf("%v, %v", want, err)
	}
	if want, err := wanted(""); err != nil || !want["routes"] || !want["forward"] {
		t.Errorf("all: %v, %v", want, err)
	}
	if _, err := wanted("forward,rout"); err == nil || !strings.Contains(err.Error(), `"rout"`) {
		t.Errorf("an unknown section: %v", err)
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "-", math.NaN(): "-", 0.126: "0.13", 9.996: "10.0", 45.04: "45.0", 99.96: "100", 255: "255",
		1009.4: "1,009", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestTableIsMarkdown(t *testing.T) {
	tab := newTable("case", "µ")
	tab.add("a|b", "1")
	tab.add("c")
	want := "| case | µ   |\n|------|-----|\n| a\\|b | 1   |\n| c    |     |\n"
	if got := tab.String(); got != want {
		t.Errorf("\n%s want\n%s", got, want)
	}
}
