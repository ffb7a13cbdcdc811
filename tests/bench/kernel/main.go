// SPDX-License-Identifier: BSD-3-Clause

// Command kernel measures the Linux kernel's own IPv4 forwarding, in packets per second of one core,
// as the peer of fwd_bench. Frames are made inside the kernel (BPF_PROG_TEST_RUN with live frames,
// as xdp-trafficgen has them), so that no generator is in the way:
//
//	               gen0 ~~~~ in0 ── ip_forward ── out0 ~~~~ sink0          ~~~~ a veth pair
//	XDP_REDIRECT ──^                                        ^── XDP_DROP, counted
//	XDP_PASS ───────────────^                ^── dropped at tc egress, counted
//
// All of it, generator and sink too, runs on one CPU. What the generator costs by itself (the same
// program, its frames dropped at once) is measured in turn and taken off; what the sink costs is not.
// Two ways are measured, and neither is the kernel at its worst:
//
//	veth      the upper line: into one veth and out of another, as between two containers
//	bare      the lower line: frames enter the stack as those of a driver do, and end before the
//	          device: the stack alone, without receive rings and without transmission
//
//	kernel [-r rounds] [-s seconds] [-c cpu] [-routes n] [-load out/route_load]
//
// prints an array of cases as JSON: their Mpps of each round, ns per packet, what was subtracted.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// figure is what is printed of a case.
type figure struct {
	Name      string    `json:"name"`
	Mpps      float64   `json:"mpps"`      // median, packets forwarded per second of the core, generator taken off
	MppsBest  float64   `json:"mpps_best"` // of the runs
	Runs      []float64 `json:"runs"`      // Mpps
	NS        float64   `json:"ns"`        // per packet forwarded, of the best run
	Generator float64   `json:"generator_ns"`
	Forwarded uint64    `json:"forwarded"`
	Lost      uint64    `json:"lost"` // made, and not seen at the sink
}

type options struct {
	rounds  int
	seconds float64
	cpu     int
	routes  int
	load    string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "r", 5, "rounds")
	flag.Float64Var(&o.seconds, "s", 0.3, "CPU seconds of each measurement")
	flag.IntVar(&o.cpu, "c", 1, "the CPU that does it all")
	flag.IntVar(&o.routes, "routes", 1000000, "routes of the full table; 0: no such case")
	flag.StringVar(&o.load, "load", "out/route_load", "the program that fills the table")
	flag.Parse()
	figures, err := measure(o)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(figures)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kernel:", err)
		os.Exit(1)
	}
}

// measure does everything on one thread, which has a network namespace and a CPU for itself: they
// end with it.
func measure(o options) ([]figure, error) {
	runtime.LockOSThread()
	if o.rounds < 1 || o.seconds <= 0 || o.routes < 0 {
		return nil, fmt.Errorf("-r is at least 1, -s more than 0, -routes not negative")
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("a network namespace: %w", err)
	}
	w, err := newWorld()
	if err != nil {
		return nil, err
	}
	defer w.close()
	w.ksoftirqd = findKsoftirqd(o.cpu)
	var set unix.CPUSet
	set.Set(o.cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("CPU %d: %w", o.cpu, err)
	}
	one := []destination{}
	for i := range 1 << 16 {
		one = append(one, destinationOf(0xc6120000|uint32(i*40503)&0xffff)) // 198.18.0.0/16, each address once
	}
	figures, err := w.cases("ipv4-1-route", o, one)
	if err != nil || o.routes == 0 {
		return figures, err
	}
	all, err := w.fullTable(o)
	if err != nil {
		return nil, err
	}
	full, err := w.cases("ipv4-1M-routes", o, all)
	return append(figures, full...), err
}

// cases measures both ways through the kernel, and the generator, in turn.
func (w *world) cases(name string, o options, to []destination) ([]figure, error) {
	if err := w.destine(to); err != nil {
		return nil, err
	}
	figures := []figure{{Name: name + "-veth"}, {Name: name + "-bare"}}
	ways := []struct {
		make   func(n uint32) error
		sink   sink
		attach func() (io.Closer, error)
	}{{w.redirect, w.dropXDP, nil}, {w.pass, w.dropTC, w.attachTC}}
	length := time.Duration(o.seconds * float64(time.Second))
	for range o.rounds {
		idle, err := w.measure(w.discard, nil, length)
		if err != nil {
			return nil, err
		}
		generator := idle.ns(idle.made)
		for i := range ways {
			got, err := w.way(ways[i].make, ways[i].sink, ways[i].attach, length)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", figures[i].Name, err)
			}
			figures[i].add(got, generator)
		}
	}
	for i := range figures {
		if err := figures[i].finish(); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// way measures with a sink that is there only for it.
func (w *world) way(make func(n uint32) error, at sink, attach func() (io.Closer, error), length time.Duration) (run, error) {
	if attach != nil {
		c, err := attach()
		if err != nil {
			return run{}, err
		}
		defer c.Close()
	}
	return w.measure(make, at, length)
}

// run is what a while of generating gave.
type run struct {
	took          time.Duration // CPU time
	made, arrived uint64
}

func (r run) ns(packets uint64) float64 { return float64(r.took.Nanoseconds()) / float64(packets) }

// add takes the generator's share of every packet made off the time of a run.
func (f *figure) add(r run, generator float64) {
	f.Forwarded += r.arrived
	f.Lost += r.made - min(r.arrived, r.made)
	net := float64(r.took.Nanoseconds()) - generator*float64(r.made)
	if r.arrived == 0 || net <= 0 {
		return
	}
	ns := net / float64(r.arrived)
	f.Runs = append(f.Runs, 1e3/ns)
	if f.NS == 0 || ns < f.NS {
		f.NS, f.Generator = ns, generator
	}
}

func (f *figure) finish() error {
	if len(f.Runs) == 0 {
		return fmt.Errorf("%s: nothing was forwarded", f.Name)
	}
	if f.Lost > (f.Forwarded+f.Lost)/20 {
		return fmt.Errorf("%s: %d of %d packets were lost", f.Name, f.Lost, f.Forwarded+f.Lost)
	}
	s := slices.Sorted(slices.Values(f.Runs))
	f.Mpps, f.MppsBest = s[len(s)/2], s[len(s)-1]
	return nil
}
