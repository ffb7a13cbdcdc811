// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The time that counts is that of the CPU, not of the clock: BPF_PROG_TEST_RUN sleeps some 40 ms when
// it ends, and others may run on this CPU. It is the time of this thread, on which the softirqs that
// it raises are run, and of the ksoftirqd of its CPU, to which some may be left. A kernel built with
// CONFIG_IRQ_TIME_ACCOUNTING charges softirqs to neither, and would look faster than it is.

// cpuTime reads both; ksoftirqd is its /proc/PID/schedstat, "" if there is none.
func cpuTime(ksoftirqd string) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0, err
	}
	if ksoftirqd == "" {
		return time.Duration(ts.Nano()), nil
	}
	text, err := os.ReadFile(ksoftirqd)
	if err != nil {
		return 0, err
	}
	ran, err := parseSchedstat(string(text))
	return time.Duration(ts.Nano()) + ran, err
}

// parseSchedstat reads the time on a CPU: the first of three numbers, ns.
func parseSchedstat(text string) (time.Duration, error) {
	first, _, _ := strings.Cut(text, " ")
	ns, err := strconv.ParseInt(first, 10, 64)
	if err != nil || ns < 0 {
		return 0, fmt.Errorf("schedstat: %q", text)
	}
	return time.Duration(ns), nil
}

// findKsoftirqd returns the schedstat of a CPU's ksoftirqd.
func findKsoftirqd(cpu int) string {
	comms, _ := filepath.Glob("/proc/[0-9]*/comm") // the pattern is right
	for _, file := range comms {
		text, err := os.ReadFile(file)
		if err == nil && strings.TrimSpace(string(text)) == fmt.Sprintf("ksoftirqd/%d", cpu) {
			stat := filepath.Join(filepath.Dir(file), "schedstat")
			if _, err := os.Stat(stat); err == nil {
				return stat
			}
		}
	}
	return ""
}
