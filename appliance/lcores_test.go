// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"skua/dataplane/dpif"
)

// sample is two cores at a TSC of 1 GHz, so that a cycle is a nanosecond.
func sample(at time.Time, packets [2]uint64) *lcoreSample {
	s := &lcoreSample{Time: at}
	for i, n := range packets {
		w := dpif.WorkerStats{
			Worker: uint32(i), Lcore: uint32(i + 1), TSCHz: 1e9, Packets: n,
			Polls: n, IdlePolls: n / 2, // two packets a turn
			BusyCycles: 100 * n, IdleCycles: 50 * n, SleepCycles: 50 * n, TurnMax: 9000, GapMax: 10000,
			Sleeps: n / 10, Wakeups: n / 20, RPSOut: n / 142857,
			Drops: []dpif.Counter{{Name: "A", Value: n / 100}, {Name: "B", Value: n / 100}},
		}
		w.Turns[3] = n / 2         // 112 to 128 cycles
		w.Turns[28] = n / 200      // 8192 and more
		w.Turns[20] = n/10 - n/200 // 2048 to 2560
		s.Lcores = append(s.Lcores, lcoreCounts{WorkerStats: w, CPU: i + 4, Polled: []LinkQueue{{"wan", 1}, {"lan", uint16(i)}, {"wan", 0}}})
	}
	return s
}

func TestLcoresBetween(t *testing.T) {
	start := time.Unix(1000, 0)
	l := lcoresBetween(sample(start, [2]uint64{1000, 1000}), sample(start.Add(2*time.Second), [2]uint64{4000, 2000}))
	if l.Seconds != 2 || len(l.Lcores) != 2 {
		t.Fatalf("%+v", l)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > want/1e6 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	a := l.Lcores[0]
	near("busy", a.Busy, 0.5)
	near("idle", a.Idle, 0.25)
	near("asleep", a.Asleep, 0.25)
	near("packets/s", a.PacketsPerSec, 1500)
	near("share", a.Share, 0.75)
	near("share of the other", l.Lcores[1].Share, 0.25)
	near("cycles/packet", a.CyclesPerPacket, 100)
	near("packets/turn", a.PacketsPerTurn, 2)
	near("p50", a.Turn.P50, 128)
	near("p99", a.Turn.P99, 2560)
	near("p99.9", a.Turn.P999, 9000) // no longer than the longest
	near("max", a.Turn.Max, 9000)
	if a.Dropped != 60 || a.Sleeps != 300 || a.Wakeups != 150 || a.CPU != 4 {
		t.Errorf("%+v", a)
	}

	all := lcoresBetween(&lcoreSample{}, sample(start, [2]uint64{1e7, 0}))
	near("seconds since the start", all.Seconds, 2)
	near("packets/s since the start", all.Lcores[0].PacketsPerSec, 5e6)
	near("a core without packets", all.Lcores[1].CyclesPerPacket+all.Lcores[1].Turn.P99+all.Lcores[1].Share, 0)
}

func TestLcoresText(t *testing.T) {
	var out strings.Builder
	lcoresBetween(&lcoreSample{}, sample(time.Unix(1000, 0), [2]uint64{1e7, 0})).print(&out)
	for _, want := range []string{
		`(?m)^WORKER  LCORE  CPU  BUSY   IDLE   ASLEEP  PACKETS/S  SHARE`,
		`(?m)^0 +1 +4 +50\.0% +25\.0% +25\.0% +5000000 +100\.0% +2\.0 +100\.0 +200000 +lan:0 wan:0,1$`,
		`(?m)^1 +2 +5 +0\.0% .* lan:1 wan:0,1$`,
		`(?m)^0 +128ns +2\.56us +9us +9us +0 +10us +1000000 +500000 +70 +0$`,
		`(?m)^1 +- +- +- +- +0 `,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}
