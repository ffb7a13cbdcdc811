// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The lcore that is measured has CPU 1 for itself; all else is on CPU 0.
const (
	restCPU  = 0
	lcoreCPU = 1
)

// readMachine names what the figures are measured on.
func readMachine() Machine {
	m := Machine{CPU: "unknown CPU", CPUs: runtime.NumCPU(), Date: time.Now().UTC().Format(time.DateOnly), LoadBefore: load1()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				m.CPU = strings.TrimSpace(v)
				break
			}
		}
	}
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		m.Linux = unix.ByteSliceToString(uts.Release[:])
	}
	m.DPDK = said("pkg-config", "--modversion", "libdpdk")
	m.Skua = said("git", "describe", "--tags", "--always", "--dirty")
	return m
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d CPUs, Linux %s, DPDK and testpmd %s, Skua %s", m.CPU, m.CPUs, m.Linux, m.DPDK, m.Skua)
}

// said is what a program prints, without the space around it; "" if it fails.
func said(name string, args ...string) string {
	text, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// load1 is the load average of one minute.
func load1() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return v
}

// pinProcess puts every thread of this process, and so its children, on one CPU.
func pinProcess(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
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
			return fmt.Errorf("CPU %d: %w", cpu, err)
		}
	}
	return nil
}

// reserveHugepages sees to it that there are n hugepages of 2 MiB, and returns how to undo it.
func reserveHugepages(n int) (func(), error) {
	const file = "/proc/sys/vm/nr_hugepages"
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	have, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || have >= n {
		return func() {}, err
	}
	if err := os.WriteFile(file, []byte(strconv.Itoa(n)), 0o644); err != nil {
		return nil, fmt.Errorf("reserving hugepages: %w", err)
	}
	return func() { _ = os.WriteFile(file, text, 0o644) }, nil
}
