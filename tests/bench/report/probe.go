// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A virtual machine's CPUs move: now on two cores of one chip, now far apart, and what two of them
// do together changes two to three times with it. So a cache line is sent to and fro before and
// after each round.
const (
	nearNS     = 90 // one way; about 30 when near and 100-700 when far, on the machine of README.md
	probeTrips = 100
	probeTime  = 10 * time.Millisecond
	probeMost  = 500 * time.Millisecond // when the CPUs are busy otherwise: until a batch was ours
)

// coreToCore is the time of a cache line from one CPU to the other in ns: the best of many batches,
// for whoever shares these CPUs can only make it longer. 0: there are no two CPUs, or they were
// never both ours.
func coreToCore() float64 {
	if runtime.NumCPU() < 2 {
		return 0
	}
	// Go would run no more of us at a time than there are CPUs in the affinity of the process: one.
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	var line struct {
		_    [64]byte
		ball atomic.Uint32 // even: ours to serve, odd: theirs to return
		_    [64]byte
		stop atomic.Bool
		_    [64]byte
	}
	// Threads with a CPU of their own are not given back: their goroutines end locked to them.
	ready, served := make(chan bool), make(chan float64)
	go func() {
		runtime.LockOSThread()
		here := pinThread(lcoreCPU) == nil
		ready <- here
		for here && !line.stop.Load() {
			if n := line.ball.Load(); n%2 == 1 {
				line.ball.Store(n + 1)
			}
		}
	}()
	if !<-ready {
		return 0
	}
	go func() {
		runtime.LockOSThread()
		defer line.stop.Store(true)
		_ = pinThread(restCPU) // where this process is anyway
		served <- rally(&line.ball)
	}()
	return <-served
}

// rally serves for a while and returns ns one way of the best batch of trips.
func rally(ball *atomic.Uint32) float64 {
	var best time.Duration
	for begin := time.Now(); best == 0 || time.Since(begin) < probeTime; {
		start := time.Now()
		for range probeTrips {
			n := ball.Load()
			ball.Store(n + 1)
			for spins := 0; ball.Load() != n+2; spins++ {
				if spins%1024 == 1023 && time.Since(begin) > probeMost {
					return ns(best)
				}
			}
		}
		if took := time.Since(start); best == 0 || took < best {
			best = took
		}
	}
	return ns(best)
}

func ns(batch time.Duration) float64 { return float64(batch.Nanoseconds()) / (2 * probeTrips) }

func pinThread(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(0, &set)
}

// placement is how the CPUs stood during a run, from the probes before and after it.
func placement(before, after float64) string {
	switch {
	case before == 0 || after == 0:
		return "unknown"
	case before < nearNS && after < nearNS:
		return "near"
	case before >= nearNS && after >= nearNS:
		return "far"
	}
	return "mixed"
}

// placements counts the runs of each kind: "near 3, far 2".
func placements(runs []string) string {
	text := ""
	for _, kind := range []string{"near", "far", "mixed", "unknown"} {
		n := 0
		for _, r := range runs {
			if r == kind {
				n++
			}
		}
		if n == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s %d", kind, n)
	}
	return text
}
