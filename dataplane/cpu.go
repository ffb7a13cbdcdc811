// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lcoreCPUs says which CPUs the lcores run on: lcore 0, EAL's main, which only sleeps, and lcore
// i+1 for worker i.
type lcoreCPUs struct {
	main    []int // shared with Go and all other threads
	workers []int
}

// placeLcores gives each worker a CPU of those allowed: the configured ones, else the last. Go and
// everything else get what is left, or all when nothing is.
func (c *Config) placeLcores(allowed []int) (lcoreCPUs, error) {
	cpus := lcoreCPUs{main: allowed}
	if c.Stepped {
		return cpus, nil
	}
	n := c.Workers
	cpus.workers = c.CPUs
	if len(c.CPUs) == 0 {
		if n > len(allowed) {
			return cpus, fmt.Errorf("dataplane.workers: %d workers want a CPU each, and this process may "+
				"use %d (see taskset -p, the cpuset of the cgroup)", n, len(allowed))
		}
		cpus.workers = allowed[len(allowed)-n:]
	}
	var rest []int
	for _, cpu := range allowed {
		if !slices.Contains(cpus.workers, cpu) {
			rest = append(rest, cpu)
		}
	}
	for _, cpu := range cpus.workers {
		if !slices.Contains(allowed, cpu) {
			return cpus, fmt.Errorf("dataplane.cpus: CPU %d is not one that this process may use (%s)", cpu,
				join(allowed, ","))
		}
	}
	if len(rest) > 0 {
		cpus.main = rest
	}
	return cpus, nil
}

// String is the value of EAL's --lcores.
func (l lcoreCPUs) String() string {
	s := "0@(" + join(l.main, ",") + ")"
	for i, cpu := range l.workers {
		s += fmt.Sprintf(",%d@%d", i+1, cpu)
	}
	return s
}

func join(n []int, sep string) string {
	s := make([]string, len(n))
	for i, v := range n {
		s[i] = strconv.Itoa(v)
	}
	return strings.Join(s, sep)
}

// limitGo runs as many goroutines at once as there are CPUs for them: two on one CPU would wait for
// each other's locks whole slices of the kernel's scheduler. Whoever sets GOMAXPROCS knows better.
func (l lcoreCPUs) limitGo() {
	if n := len(l.main); n > 0 && n < runtime.GOMAXPROCS(0) && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(n)
	}
}

// keepOff moves every thread of the process away from the workers' CPUs; those that the Go runtime
// starts later inherit it. A garbage collector on a polling CPU would cost packets.
func (l lcoreCPUs) keepOff() error {
	if len(l.workers) == 0 || slices.Contains(l.main, l.workers[0]) {
		return nil
	}
	var set unix.CPUSet
	for _, cpu := range l.main {
		set.Set(cpu)
	}
	// Twice: a thread may start another while the list is read.
	for range 2 {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				continue
			}
			if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
				return fmt.Errorf("moving thread %d to CPUs %s: %w", tid, join(l.main, ","), err)
			}
		}
	}
	return nil
}
