// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// tracer is an instance of the kernel's tracing that says what a CPU did beside the one program
// that is bound to it, by the clock that the program reads too.
type tracer struct {
	mount string // "": the machine had it mounted
	dir   string
}

// Causes of a gap that the trace can tell.
const (
	causeTask      = "other task" // the scheduler gave the CPU away
	causeInterrupt = "interrupt"
	causeFault     = "page fault"
	causeSyscall   = "system call"
	causeNone      = "unexplained" // by the guest: the hypervisor's, or the program's own
)

var tracedEvents = []string{"sched/sched_switch", "irq_vectors", "irq", "exceptions/page_fault_user", "raw_syscalls/sys_enter"}

// newTracer returns nil without an error on a machine that cannot trace by the TSC.
func newTracer(cpu int) (*tracer, error) {
	t := &tracer{}
	base := "/sys/kernel/tracing"
	if _, err := os.Stat(base + "/instances"); err != nil {
		dir, err := os.MkdirTemp("", "skua-trace")
		if err != nil {
			return nil, err
		}
		if err := unix.Mount("skua", dir, "tracefs", 0, ""); err != nil {
			return nil, os.Remove(dir)
		}
		base, t.mount = dir, dir
	}
	clocks, err := os.ReadFile(base + "/trace_clock")
	if err != nil || !strings.Contains(string(clocks), "x86-tsc") {
		return nil, t.close()
	}
	t.dir = fmt.Sprintf("%s/instances/skua-latency-%d", base, os.Getpid())
	if err := os.Mkdir(t.dir, 0o700); err != nil {
		t.dir = ""
		return nil, errors.Join(err, t.close())
	}
	err = errors.Join(t.write("tracing_on", "0"), t.write("trace_clock", "x86-tsc"), t.write("buffer_size_kb", "16384"),
		t.write("tracing_cpumask", strconv.FormatUint(1<<cpu, 16)))
	for _, e := range tracedEvents {
		if _, missing := os.Stat(filepath.Join(t.dir, "events", e)); missing == nil {
			err = errors.Join(err, t.write("events/"+e+"/enable", "1"))
		}
	}
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *tracer) write(file, text string) error {
	return os.WriteFile(filepath.Join(t.dir, file), []byte(text), 0)
}

// start sees what happens to a thread from now on.
func (t *tracer) start(tid int) error {
	if t == nil {
		return nil
	}
	return errors.Join(t.write("set_event_pid", strconv.Itoa(tid)), t.write("trace", ""), t.write("tracing_on", "1"))
}

// stop returns what was seen since start.
func (t *tracer) stop() ([]event, error) {
	if t == nil {
		return nil, nil
	}
	if err := t.write("tracing_on", "0"); err != nil {
		return nil, err
	}
	f, err := os.Open(t.dir + "/trace")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseTrace(f)
}

func (t *tracer) close() error {
	if t == nil {
		return nil
	}
	var err error
	if t.dir != "" {
		err = os.Remove(t.dir)
	}
	if t.mount != "" {
		err = errors.Join(err, unix.Unmount(t.mount, 0), os.Remove(t.mount))
	}
	return err
}

// event is a line of the trace.
type event struct {
	at   uint64 // TSC
	pid  int    // whose turn it was
	name string
	args string
}

var traceLine = regexp.MustCompile(`^\s*.+-(\d+)\s+(?:\(.*\)\s+)?\[\d+\]\s+\S+\s+(\d+): (\w+): ?(.*)$`)

// parseTrace reads the text of a trace. Lines of another form (the header, notes about lost events)
// are passed over.
func parseTrace(r io.Reader) ([]event, error) {
	var events []event
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := traceLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		pid, err := strconv.Atoi(m[1])
		if err != nil {
			continue
		}
		at, err := strconv.ParseUint(m[2], 10, 64)
		if err != nil {
			continue
		}
		events = append(events, event{at: at, pid: pid, name: m[3], args: m[4]})
	}
	return events, lines.Err()
}

// explain tells what took most of a gap of the thread tid, if the trace says.
func explain(events []event, g dpif.Gap, tid int) string {
	end := g.At + g.Length
	spent := map[string]uint64{}
	var away, inside uint64 // when the thread lost the CPU, when the outermost interrupt began
	depth, faults, calls := 0, 0, 0
	for _, e := range events {
		if e.at < g.At || e.at > end {
			continue
		}
		switch {
		case e.name == "sched_switch" && e.pid == tid:
			away = e.at
		case e.name == "sched_switch" && strings.Contains(e.args, fmt.Sprintf("next_pid=%d ", tid)) && away > 0:
			spent[causeTask] += e.at - away
			away = 0
		case e.pid != tid:
		case strings.HasSuffix(e.name, "_entry"):
			if depth == 0 {
				inside = e.at
			}
			depth++
		case strings.HasSuffix(e.name, "_exit") && depth > 0:
			if depth--; depth == 0 {
				spent[causeInterrupt] += e.at - inside
			}
		case e.name == "page_fault_user":
			faults++
		case e.name == "sys_enter":
			calls++
		}
	}
	for cause, n := range spent {
		if 2*n >= g.Length {
			return cause
		}
	}
	switch {
	case faults > 0:
		return causeFault
	case calls > 0:
		return causeSyscall
	}
	return causeNone
}
