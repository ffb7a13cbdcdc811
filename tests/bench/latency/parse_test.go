// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"skua/dataplane/dpif"
)

const ratesText = `[{"asked_mpps": 0.0000, "seconds": 1.000, "sent": 10, "received": 9, "lost": 1, "skipped": 0, "mpps": 8.5,
  "away": {"n": 2, "longest": 50, "sum": 60},
  "latency": {"n": 7, "p50": 1.0, "p99": 2.0, "p999": 3.0, "p9999": 3.5, "max": 4.0},
  "all": {"n": 9, "p50": 1.5, "p99": 2.5, "p999": 3.5, "p9999": 4, "max": 60.0}}]`

func TestParseRates(t *testing.T) {
	rates, err := parseRates([]byte(ratesText), []string{"max"})
	if err != nil {
		t.Fatal(err)
	}
	want := rateRun{Load: "max", Mpps: 8.5, Sent: 10, Received: 9, Lost: 1,
		Latency: times{N: 7, P50: 1, P99: 2, P999: 3, Max: 4}, All: times{N: 9, P50: 1.5, P99: 2.5, P999: 3.5, Max: 60}}
	want.Away.N, want.Away.Longest, want.Away.Sum = 2, 50, 60
	if rates[0] != want {
		t.Errorf("got  %+v\nwant %+v", rates[0], want)
	}
	for _, bad := range []string{"", "[]", "{}", ratesText[:40]} {
		if _, err := parseRates([]byte(bad), []string{"max"}); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestParseWorker(t *testing.T) {
	w, err := parseWorker([]byte(`{"time": "x", "workers": [{"worker": 0, "packets": 5, "tsc_hz": 1000, "gaps": 1, "gap_log": [{"at": 7, "length": 8}]}]}`))
	if err != nil || w.Packets != 5 || w.Gaps != 1 || !slices.Equal(w.GapLog, []dpif.Gap{{At: 7, Length: 8}}) {
		t.Errorf("%+v, %v", w, err)
	}
	for _, bad := range []string{"", `{"workers": []}`, `{"workers": [{"worker": 0}]}`} {
		if _, err := parseWorker([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestParseSteal(t *testing.T) {
	const stat = "cpu  1 2 3 4 5 6 7 99 0 0\ncpu0 1 2 3 4 5 6 7 11 0 0\ncpu1 1 2 3 4 5 6 7 12 0 0\nintr 5\n"
	if d, err := parseSteal(strings.NewReader(stat), 1); err != nil || d != 120*time.Millisecond {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := parseSteal(strings.NewReader(stat), 2); err == nil {
		t.Error("a CPU that is not there has steal time")
	}
}

// Only what came between two looks counts, also when the log has forgotten some of it.
func TestNewGaps(t *testing.T) {
	log := []dpif.Gap{{At: 1}, {At: 2}, {At: 3}}
	for _, c := range []struct {
		before, after uint64
		want          []dpif.Gap
	}{{3, 3, nil}, {2, 3, log[2:]}, {0, 3, log}, {5, 90, log}} {
		got := newGaps(worker{Gaps: c.before}, worker{Gaps: c.after, GapLog: log})
		if !slices.Equal(got, c.want) {
			t.Errorf("%d to %d: %v, want %v", c.before, c.after, got, c.want)
		}
	}
}

// A trace of thread 100: it loses the CPU to a compiler, is interrupted for long, takes a page
// fault, and is left alone while something takes time all the same.
const traceText = `# tracer: nop
#
#              | |         |   |||||     |         |
    rte-worker-1-100   [001] d..2. 1000: sched_switch: prev_comm=rte-worker-1 prev_pid=100 prev_prio=120 prev_state=R ==> next_comm=cc1 next_pid=7 next_prio=120
             cc1-7     [001] d.h1. 1100: local_timer_entry: vector=236
             cc1-7     [001] d.h1. 1150: local_timer_exit: vector=236
             cc1-7     [001] d..2. 1900: sched_switch: prev_comm=cc1 prev_pid=7 prev_prio=120 prev_state=R ==> next_comm=rte-worker-1 next_pid=100 next_prio=120
    rte-worker-1-100   [001] d.h1. 3000: call_function_entry: vector=251
    rte-worker-1-100   [001] d.h1. 3100: local_timer_entry: vector=236
    rte-worker-1-100   [001] d.h1. 3200: local_timer_exit: vector=236
    rte-worker-1-100   [001] d.h1. 3900: call_function_exit: vector=251
    rte-worker-1-100   [001] d.... 5010: page_fault_user: address=0x7f ip=0x55 error_code=0x6
CPU:1 [LOST 5 EVENTS]
    rte-worker-1-100   [001] d.h1. 7010: local_timer_entry: vector=236
    rte-worker-1-100   [001] d.h1. 7020: local_timer_exit: vector=236
    rte-worker-1-100   [001] ..... 9010: sys_enter: NR 28 (7f, 1, 2)
`

func TestExplain(t *testing.T) {
	events, err := parseTrace(strings.NewReader(traceText))
	if err != nil || len(events) != 12 {
		t.Fatalf("%d events of 12, %v", len(events), err)
	}
	for _, c := range []struct {
		gap  dpif.Gap
		want string
	}{
		{dpif.Gap{At: 990, Length: 1000}, causeTask},
		{dpif.Gap{At: 2990, Length: 1000}, causeInterrupt},
		{dpif.Gap{At: 5000, Length: 1000}, causeFault},
		{dpif.Gap{At: 7000, Length: 1000}, causeNone},
		{dpif.Gap{At: 9000, Length: 1000}, causeSyscall},
	} {
		if got := explain(events, c.gap, 100); got != c.want {
			t.Errorf("the gap at %d: %s, want %s", c.gap.At, got, c.want)
		}
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add(traceText)
	f.Fuzz(func(t *testing.T, text string) {
		events, err := parseTrace(strings.NewReader(text))
		if err != nil {
			return
		}
		if n := strings.Count(text, "\n") + 1; len(events) > n {
			t.Errorf("%d events in %d lines", len(events), n)
		}
		for _, e := range events {
			explain(events, dpif.Gap{At: e.at, Length: 100}, e.pid)
		}
	})
}

// Packets go through a real Skua, and each comes out with a hop less; nothing is lost at a rate that
// a machine without load reaches asleep.
func TestMemifForwards(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("hugepages need root")
	}
	if err := os.Chdir("../../.."); err != nil {
		t.Fatal(err)
	}
	defer os.Chdir("tests/bench/latency")
	if _, err := os.Stat("out/skua"); err != nil {
		t.Skip("out/skua is not built: make build")
	}
	if err := build(); err != nil {
		t.Skip(err) // no DPDK to compile with
	}
	if _, err := measureCoreLatency(); err != nil {
		t.Skipf("it takes two CPUs: %v", err)
	}
	restore, err := reserveHugepages(192)
	if err != nil {
		t.Skip(err)
	}
	defer restore()
	for _, v6 := range []bool{false, true} {
		run, err := memifCase(options{seconds: 0.3, tmp: t.TempDir()}, memifOptions{v6: v6, idle: "sleep"}, []string{"2000"})
		if err != nil {
			t.Fatal(err)
		}
		if r := run.Rates[0]; r.Received == 0 || r.Received > r.Sent || r.All.N != r.Received || r.Latency.N > r.All.N {
			t.Errorf("IPv6 %v: %+v", v6, r)
		}
	}
}
