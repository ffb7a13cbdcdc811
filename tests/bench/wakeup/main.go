// SPDX-License-Identifier: BSD-3-Clause

// Command wakeup measures what idle costs: how long the first packet after a pause takes to be
// forwarded, and how much of a CPU a worker without packets uses, for each way in which an idle worker
// can wait. It needs root, and two CPUs: one for the worker, one for itself.
//
//	poll        the worker polls
//	wake        it sleeps; who fills the receive queue wakes it
//	look        it sleeps for at most -max-sleep and looks, as with a device that cannot wake it
//	tap-poll    as poll, but the packet comes by a TAP, whose thread has to wake up first
//	tap-wake    as wake, by a TAP
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skua/dataplane"
)

// Case is what was measured of one way to wait.
type Case struct {
	Name    string  `json:"name"`
	Samples int     `json:"samples"`
	Lost    int     `json:"lost"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	Max     float64 `json:"max_us"`
	CPU     float64 `json:"cpu_percent"` // of the worker, without packets
	// Histogram counts samples by microseconds, rounded up to a power of two.
	Histogram map[int]int `json:"histogram_us"`
}

func main() {
	samples := flag.Int("n", 500, "packets per case")
	pause := flag.Duration("pause", 10*time.Millisecond, "least time without packets before each")
	maxSleep := flag.Duration("max-sleep", 250*time.Microsecond, "idle_max_sleep_us")
	seconds := flag.Float64("cpu", 1, "seconds over which the use of the CPU is measured")
	only := flag.String("only", "", "measure only these cases, a comma between them")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	cases, err := measure(*only, *samples, *pause, *maxSleep, time.Duration(*seconds*float64(time.Second)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "wakeup:", err)
		os.Exit(1)
	}
	if *asJSON {
		err = json.NewEncoder(os.Stdout).Encode(cases)
	} else {
		fmt.Printf("%-9s %8s %8s %8s %5s %6s  us: packets\n", "idle", "p50 us", "p99 us", "max us", "lost", "CPU")
		for _, c := range cases {
			fmt.Printf("%-9s %8.1f %8.1f %8.1f %5d %5.1f%% ", c.Name, c.P50, c.P99, c.Max, c.Lost, c.CPU)
			for us := 1; us <= 1<<30; us *= 2 {
				if c.Histogram[us] > 0 {
					fmt.Printf(" <=%d: %d", us, c.Histogram[us])
				}
			}
			fmt.Println()
		}
	}
	if err != nil {
		os.Exit(1)
	}
}

func measure(only string, samples int, pause, maxSleep, cpu time.Duration) ([]Case, error) {
	runtime.LockOSThread() // it spins
	var all unix.CPUSet
	for i := range len(all) * 64 {
		all.Set(i)
	}
	if err := unix.SchedSetaffinity(0, &all); err != nil { // who started us may be on one CPU
		return nil, err
	}
	r, err := newRouter()
	if err != nil {
		return nil, err
	}
	defer r.close()
	var cases []Case
	for _, c := range []struct {
		name string
		idle dataplane.Idle
		in   int
	}{
		{"poll", dataplane.Idle{Poll: true}, ring},
		{"wake", dataplane.Idle{}, ring},
		{"tap-poll", dataplane.Idle{Poll: true}, tap},
		{"tap-wake", dataplane.Idle{}, tap},
		{"look", dataplane.Idle{MaxSleep: maxSleep}, ring},
	} {
		if only != "" && !slices.Contains(strings.Split(only, ","), c.name) {
			continue
		}
		if c.name == "look" {
			if err := r.addSilent(); err != nil {
				return nil, err
			}
		}
		if err := r.dp.SetIdle(c.idle); err != nil {
			return nil, err
		}
		got, err := r.latencies(c.in, samples, pause)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		share, err := workerCPU(cpu)
		if err != nil {
			return nil, err
		}
		cases = append(cases, summary(c.name, samples, got, share))
	}
	return cases, nil
}

func summary(name string, samples int, got []time.Duration, cpu float64) Case {
	c := Case{Name: name, Samples: samples, Lost: samples - len(got), CPU: 100 * cpu, Histogram: map[int]int{}}
	if len(got) == 0 {
		return c
	}
	slices.Sort(got)
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	at := func(share float64) float64 { return us(got[min(len(got)-1, int(share*float64(len(got))))]) }
	c.P50, c.P99, c.Max = at(0.5), at(0.99), at(1)
	for _, d := range got {
		bucket := 1
		for us(d) > float64(bucket) {
			bucket *= 2
		}
		c.Histogram[bucket]++
	}
	return c
}

// latencies sends packets one by one, each after a pause, and says how long they took.
func (r *router) latencies(in, samples int, pause time.Duration) ([]time.Duration, error) {
	var got []time.Duration
	buf := make([]byte, 2048)
	lost := 0
	for i := range samples + samples/10 {
		if lost > 10 {
			return nil, fmt.Errorf("%d of %d packets are lost", lost, i)
		}
		time.Sleep(pause + rand.N(pause/5)) // in step with no timer of the worker's
		start := time.Now()
		if err := r.send(in); err != nil {
			return nil, err
		}
		for {
			n, err := r.dp.RecvRing(r.out, buf)
			took := time.Since(start)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				if i >= samples/10 { // the first ones find cold caches
					got = append(got, took)
				}
				break
			}
			if took > time.Second {
				lost++
				break
			}
		}
	}
	return got, nil
}
