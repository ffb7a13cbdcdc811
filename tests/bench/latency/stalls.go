// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"skua/dataplane/dpif"
)

// gapLimit is what counts as a gap, microseconds: DP_GAP_US.
const gapLimit = 100

// gapCount is how often and how long a CPU did not do what it was there for.
type gapCount struct {
	Seconds float64            `json:"seconds"`
	Gaps    uint64             `json:"gaps"`       // over 100 µs
	Longest float64            `json:"longest_us"` // of those; 0: none
	Causes  map[string]int     `json:"causes"`     // of the gaps that are known one by one
	By      map[string]float64 `json:"by_us"`      // the longest of each cause
}

// stall is what a worker suffered while the control plane did something.
type stall struct {
	While  string   `json:"while"`
	Worker gapCount `json:"worker"`
	Spin   gapCount `json:"spin"` // an empty loop on the same CPU just before
	Mpps   float64  `json:"mpps"` // that the worker forwarded meanwhile
	Steal  float64  `json:"steal_ms"`
}

// stallConf is a router whose packets come from memory: no second CPU feeds it.
const stallConf = `[dataplane]
cpus = [%d]
idle = "poll"
hugepages = "require"
[[link]]
name = "src"
vdev = "net_pcap0,rx_pcap=%s,infinite_rx=1"
mac = "02:00:00:00:01:01"
addresses = ["198.18.0.1/24", "2001:db8:18::1/64"]
[[link]]
name = "dst"
vdev = "net_null0,no-rx=1"
addresses = ["198.19.0.1/24", "2001:db8:19::1/64"]
[[link]]
name = "extra"
vdev = "net_null1,no-rx=1"
addresses = ["198.20.0.1/24"]
[[neigh]]
dev = "dst"
to = "198.19.0.2"
lladdr = "02:00:00:00:02:02"
[[neigh]]
dev = "dst"
to = "198.19.0.3"
lladdr = "02:00:00:00:02:03"
[[neigh]]
dev = "dst"
to = "2001:db8:19::2"
lladdr = "02:00:00:00:02:02"
[[route]]
to = "default"
via = "198.19.0.2"
[[route]]
to = "default6"
via = "2001:db8:19::2"
`

// scenario is something that the control plane does while packets flow.
type scenario struct {
	while string
	env   []string // of a router of its own
	do    func(ctx context.Context, r *router) error
}

const (
	fullTable  = "1000000"
	fullTable6 = "220000"
)

func scenarios() []scenario {
	load := func(args ...string) func(context.Context, *router) error {
		return func(ctx context.Context, r *router) error {
			return r.must(ctx, append([]string{"out/route_load"}, args...)...)
		}
	}
	return []scenario{
		{while: "nothing happens", do: func(ctx context.Context, _ *router) error { return sleep(ctx, 4*time.Second) }},
		{while: "1,000,000 IPv4 routes load", do: load("4", fullTable, "256", "198.19.0.2")},
		{while: "220,000 IPv6 routes load", do: load("6", fullTable6, "256", "2001:db8:19::2")},
		{while: "300,000 of them change their gateway", do: load("4", "300000", "256", "198.19.0.3")},
		{while: "links change", do: changeLinks},
		{while: "all routes are shown", do: showRoutes},
		{while: "Go collects garbage (GOGC=1)", env: []string{"GOGC=1"}, do: func(ctx context.Context, r *router) error {
			return errors.Join(load("4", "200000", "256", "198.19.0.2")(ctx, r), showRoutes(ctx, r))
		}},
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// changeLinks changes MTU, state, addresses and routes of a link that carries nothing, and of those
// that do what does not stop them.
func changeLinks(ctx context.Context, r *router) error {
	var lines strings.Builder
	for i := range 10 {
		fmt.Fprintf(&lines, "link set extra mtu %d\nlink set extra down\nlink set extra up\n", 1300+i)
		fmt.Fprintf(&lines, "addr add 198.21.%d.1/24 dev extra\naddr add 2001:db8:21:%x::1/64 dev extra\n", i, i)
		fmt.Fprintf(&lines, "addr del 198.21.%d.1/24 dev extra\naddr del 2001:db8:21:%x::1/64 dev extra\n", i, i)
		fmt.Fprintf(&lines, "link set dst mtu %d\nlink set src promisc %s\n", 1400+i, []string{"on", "off"}[i%2])
		fmt.Fprintf(&lines, "neigh replace 198.19.0.9 lladdr 02:00:00:00:03:%02x dev dst\n", i)
		fmt.Fprintf(&lines, "route replace 203.0.113.0/24 via 198.19.0.%d\n", 2+i%2)
	}
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end); {
		cmd := r.exec(ctx, "ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(lines.String())
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("ip -batch: %w: %s", err, text)
		}
	}
	return nil
}

func showRoutes(ctx context.Context, r *router) error {
	for range 2 {
		if err := r.exec(ctx, "ip", "route").Run(); err != nil {
			return fmt.Errorf("ip route: %w", err)
		}
	}
	return nil
}

// stalls measures all scenarios on one router, but for those that want one of their own.
func stalls(o options) (all []stall, err error) {
	pcap, err := writePcap(o.tmp)
	if err != nil {
		return nil, err
	}
	trace, err := newTracer(workerCPU)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, trace.close()) }()
	var shared *router
	defer func() {
		if shared != nil {
			err = errors.Join(err, shared.stop())
		}
	}()
	for _, s := range scenarios() {
		if !strings.Contains(s.while, o.match) {
			continue
		}
		skua := shared
		if skua == nil || s.env != nil {
			if shared != nil {
				err = shared.stop()
				shared = nil
			}
			if err != nil {
				return all, err
			}
		}
		spun, err := spin(o, trace, shared)
		if err != nil {
			return all, err
		}
		if shared == nil {
			if shared, err = startRouter(fmt.Sprintf(stallConf, workerCPU, pcap), s.env...); err != nil {
				return all, err
			}
			if o.fifo {
				if err := shared.fifo(); err != nil {
					return all, err
				}
			}
			time.Sleep(300 * time.Millisecond) // its links come up
		}
		one, err := measureStall(shared, trace, s)
		if err != nil {
			return all, fmt.Errorf("while %s: %w\n%s", s.while, err, shared.log)
		}
		one.Spin = spun
		fmt.Fprintf(os.Stderr, "%s: %d gaps, the longest %.0f µs; longest by cause, µs: %v; the empty loop's: %v\n", s.while,
			one.Worker.Gaps, one.Worker.Longest, one.Worker.By, spun.By)
		all = append(all, one)
	}
	return all, nil
}

func measureStall(r *router, trace *tracer, s scenario) (stall, error) {
	one := stall{While: s.while}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	tid, err := r.thread()
	if err != nil {
		return one, err
	}
	if err := trace.start(tid); err != nil {
		return one, err
	}
	before, err := r.worker()
	if err != nil {
		return one, err
	}
	stolen, err := steal(workerCPU)
	if err != nil {
		return one, err
	}
	start := time.Now()
	did := s.do(ctx, r)
	seconds := time.Since(start).Seconds()
	after, err := r.worker()
	if err != nil {
		return one, errors.Join(did, err)
	}
	events, err := trace.stop()
	if err = errors.Join(did, err); err != nil {
		return one, err
	}
	until, err := steal(workerCPU)
	if err != nil {
		return one, err
	}
	one.Steal = float64((until - stolen).Milliseconds())
	one.Mpps = float64(after.Packets-before.Packets) / seconds / 1e6
	one.Worker = countGaps(newGaps(before, after), after.Gaps-before.Gaps, float64(after.TSCHz), events, tid, trace != nil)
	one.Worker.Seconds = seconds
	return one, nil
}

// newGaps are those of a worker's log that came between two looks at it.
func newGaps(before, after worker) []dpif.Gap {
	n := min(after.Gaps-before.Gaps, uint64(len(after.GapLog)))
	return after.GapLog[uint64(len(after.GapLog))-n:]
}

func countGaps(log []dpif.Gap, n uint64, hz float64, events []event, tid int, traced bool) gapCount {
	c := gapCount{Gaps: n, Causes: map[string]int{}, By: map[string]float64{}}
	for _, g := range log {
		us := float64(g.Length) / hz * 1e6
		c.Longest = max(c.Longest, us)
		cause := causeNone
		if traced {
			cause = explain(events, g, tid)
		}
		c.Causes[cause]++
		c.By[cause] = max(c.By[cause], us)
	}
	return c
}

// spin runs an empty loop on the worker's CPU, while the worker (nil: there is none) is stopped:
// what the loop suffers is the machine's doing.
func spin(o options, trace *tracer, r *router) (gapCount, error) {
	if r != nil {
		if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return gapCount{}, err
		}
		defer r.cmd.Process.Signal(syscall.SIGCONT)
	}
	args := []string{strconv.Itoa(workerCPU), "2", strconv.Itoa(gapLimit)}
	if o.fifo {
		args = append(args, "fifo")
	}
	cmd := exec.Command("out/spin", args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	begin, err := cmd.StdinPipe()
	if err != nil {
		return gapCount{}, err
	}
	if err := cmd.Start(); err != nil {
		return gapCount{}, fmt.Errorf("spin: %w", err)
	}
	err = trace.start(cmd.Process.Pid)
	begin.Close()
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return gapCount{}, fmt.Errorf("spin: %w", err)
	}
	events, err := trace.stop()
	if err != nil {
		return gapCount{}, err
	}
	return parseSpin(out.Bytes(), events, cmd.Process.Pid, trace != nil)
}

func parseSpin(text []byte, events []event, pid int, traced bool) (gapCount, error) {
	var s struct {
		Hz      float64    `json:"tsc_hz"`
		Seconds float64    `json:"seconds"`
		Gaps    uint64     `json:"gaps"`
		Log     []dpif.Gap `json:"gap_log"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return gapCount{}, fmt.Errorf("spin printed %q: %w", text, err)
	}
	if s.Hz <= 0 {
		return gapCount{}, fmt.Errorf("spin printed %q: no clock", text)
	}
	c := countGaps(s.Log, s.Gaps, s.Hz, events, pid, traced)
	c.Seconds = s.Seconds
	return c, nil
}
