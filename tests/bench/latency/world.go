// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// CPUs of this bench: the worker has one to itself; the generator, Go and all else share the other.
const (
	restCPU   = 0
	workerCPU = 1
)

// build compiles the C programs of tests/bench that are measured with.
func build() error {
	const line = "cc -std=gnu11 -D_GNU_SOURCE -O3 -Wall -Wextra -o out/"
	for _, cmd := range []string{
		line + "corelat tests/bench/corelat.c -lpthread",
		line + "spin tests/bench/spin.c",
		line + "route_load tests/bench/route_load.c tests/bench/inet_table.c -lm",
		line + "memif_gen $(pkg-config --cflags libdpdk) tests/bench/memif_gen.c tests/bench/memif_frame.c " +
			"-Wl,--no-as-needed $(pkg-config --libs libdpdk)",
	} {
		if text, err := exec.Command("sh", "-c", cmd).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, text)
		}
	}
	return nil
}

// reserveHugepages sees to it that n hugepages of 2 MiB are free, and returns how to undo it. The
// number is the machine's: whoever holds the lock may change it.
func reserveHugepages(n int) (func(), error) {
	const file = "/proc/sys/vm/nr_hugepages"
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "skua-hugepages.lock"), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	was, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	undo := func() {
		_ = os.WriteFile(file, was, 0o644)
		lock.Close()
	}
	have, err := strconv.Atoi(strings.TrimSpace(string(was)))
	if err == nil && have < n {
		err = os.WriteFile(file, []byte(strconv.Itoa(n)), 0o644)
	}
	if err != nil {
		undo()
		return nil, fmt.Errorf("reserving hugepages: %w", err)
	}
	return undo, nil
}

// router is a running `skua run`.
type router struct {
	dir    string
	socket string
	cmd    *exec.Cmd
	log    *logWriter
}

// startRouter starts out/skua with a configuration and waits until it forwards.
func startRouter(conf string, env ...string) (*router, error) {
	dir, err := os.MkdirTemp("", "skua-latency")
	if err != nil {
		return nil, err
	}
	r := &router{dir: dir, socket: dir + "/netlink.sock", log: &logWriter{}}
	file := dir + "/skua.toml"
	conf = fmt.Sprintf("[appliance]\nsocket = %q\n", r.socket) + conf
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r.cmd = exec.Command("taskset", "-c", fmt.Sprintf("%d,%d", restCPU, workerCPU), "out/skua", "run", file)
	r.cmd.Env = append(os.Environ(), env...)
	r.cmd.Stderr = r.log
	r.cmd.SysProcAttr = dieWithUs()
	if err := r.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for range 200 {
		if r.log.has("msg=forwarding") {
			return r, nil
		}
		if r.cmd.Process.Signal(syscall.Signal(0)) != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("skua does not forward:\n%s", r.log), r.stop())
}

// dieWithUs ends a program when we end: one that polls would keep a CPU for ever. The thread that
// starts it must not end before: it is the main one.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

func (r *router) stop() error {
	_ = r.cmd.Process.Signal(os.Interrupt)
	end := time.AfterFunc(10*time.Second, func() { _ = r.cmd.Process.Kill() })
	defer end.Stop()
	return errors.Join(r.cmd.Wait(), os.RemoveAll(r.dir))
}

// exec is a program under `skua exec`.
func (r *router) exec(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "out/skua", append([]string{"--socket", r.socket, "exec", "--"}, args...)...)
}

// must runs a program under `skua exec` that has to succeed.
func (r *router) must(ctx context.Context, args ...string) error {
	if text, err := r.exec(ctx, args...).CombinedOutput(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, text)
	}
	return nil
}

// worker is what `skua stats --json` says of worker 0.
type worker struct {
	Packets uint64     `json:"packets"`
	TSCHz   uint64     `json:"tsc_hz"`
	Gaps    uint64     `json:"gaps"`
	GapLog  []dpif.Gap `json:"gap_log"`
}

func (r *router) worker() (worker, error) {
	text, err := exec.Command("out/skua", "--socket", r.socket, "stats", "--json").Output()
	if err != nil {
		return worker{}, fmt.Errorf("skua stats: %w", err)
	}
	return parseWorker(text)
}

func parseWorker(text []byte) (worker, error) {
	var s struct {
		Workers []worker `json:"workers"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return worker{}, fmt.Errorf("skua stats: %w", err)
	}
	if len(s.Workers) == 0 || s.Workers[0].TSCHz == 0 {
		return worker{}, errors.New("skua stats: no worker, or one without a clock")
	}
	return s.Workers[0], nil
}

// thread is the one that polls: it may run on the worker's CPU and on no other.
func (r *router) thread() (int, error) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", r.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		var set unix.CPUSet
		if unix.SchedGetaffinity(tid, &set) == nil && set.Count() == 1 && set.IsSet(workerCPU) {
			return tid, nil
		}
	}
	return 0, errors.New("no thread of skua is bound to the worker's CPU")
}

// fifo gives the worker a priority that other programs of a shared machine do not have.
func (r *router) fifo() error {
	tid, err := r.thread()
	if err != nil {
		return err
	}
	return exec.Command("chrt", "-f", "-p", "1", strconv.Itoa(tid)).Run()
}

// coreLatency is what corelat prints.
type coreLatency struct {
	Clocks float64 `json:"clocks"`
	NS     float64 `json:"ns"`
	Class  string  `json:"class"` // near, far
}

func measureCoreLatency() (coreLatency, error) {
	var c coreLatency
	text, err := exec.Command("out/corelat", strconv.Itoa(restCPU), strconv.Itoa(workerCPU)).Output()
	if err != nil {
		return c, fmt.Errorf("corelat: %w", err)
	}
	return c, json.Unmarshal(text, &c)
}

// steal is how long the hypervisor kept a CPU from us, since boot.
func steal(cpu int) (time.Duration, error) {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return parseSteal(f, cpu)
}

// parseSteal reads proc_stat(5): the eighth figure of a CPU's line, in ticks of 10 ms.
func parseSteal(r io.Reader, cpu int) (time.Duration, error) {
	name := "cpu" + strconv.Itoa(cpu)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) > 8 && f[0] == name {
			ticks, err := strconv.ParseInt(f[8], 10, 64)
			return time.Duration(ticks) * 10 * time.Millisecond, err
		}
	}
	return 0, fmt.Errorf("/proc/stat has no steal time of CPU %d", cpu)
}

// keepAway pins this process and what it starts to the CPU that is not the worker's.
func keepAway() error {
	var set unix.CPUSet
	set.Set(restCPU)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			if err := unix.SchedSetaffinity(tid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	}
	return nil
}

// logWriter keeps what a program says.
type logWriter struct {
	mu   sync.Mutex
	text []byte
}

func (l *logWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *logWriter) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

func (l *logWriter) has(text string) bool { return strings.Contains(l.String(), text) }

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
