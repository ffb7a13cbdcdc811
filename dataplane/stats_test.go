// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"testing"

	"skua/dataplane/dpif"
)

// Every turn that found something is in the bucket of its length.
func TestTurns(t *testing.T) {
	r := newRouter(t)
	r.DP.ResetWorkers()
	read := func() dpif.WorkerStats {
		t.Helper()
		workers, err := r.DP.Workers()
		if err != nil || len(workers) != 1 {
			t.Fatalf("workers %+v, %v", workers, err)
		}
		return workers[0]
	}
	before := read()
	for range 100 {
		r.Send("p1", udp4(t, macH1, macP1, h1, h2, 64))
		if r.Recv("p2", 0) == nil {
			t.Fatal("nothing is forwarded")
		}
	}
	after := read()

	busy := (after.Polls - after.IdlePolls) - (before.Polls - before.IdlePolls)
	cycles := after.BusyCycles - before.BusyCycles
	var turns, least, most, longest uint64
	for i := range after.Turns {
		n := after.Turns[i] - before.Turns[i]
		turns += n
		least += n * dpif.TurnCycles(i)
		if i+1 < len(after.Turns) {
			most += n * dpif.TurnCycles(i+1)
		}
		if n > 0 {
			longest = dpif.TurnCycles(i)
		}
	}
	if turns != busy || busy < 100 {
		t.Errorf("%d turns by length, %d busy ones, want at least 100", turns, busy)
	}
	if cycles < least || cycles >= most {
		t.Errorf("%d busy cycles; by the buckets %d to %d", cycles, least, most)
	}
	if after.TurnMax < longest || after.TurnMax > cycles {
		t.Errorf("the longest turn took %d of %d cycles, and its bucket begins at %d", after.TurnMax, cycles, longest)
	}
	if n := after.Packets - before.Packets; n != 100 {
		t.Errorf("%d packets, want 100", n)
	}
	if after.TSCHz < 1e8 {
		t.Errorf("TSC of %d Hz", after.TSCHz)
	}
	r.DP.ResetWorkers()
	if w := read(); w.TurnMax != 0 || w.GapMax != 0 || w.Turns != after.Turns {
		t.Errorf("after a reset %+v", w)
	}
}
