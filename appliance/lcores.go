// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"skua/dataplane/dpif"
)

// lcoreSample is what the control socket tells of the cores at one moment; what is shown are
// differences of two.
type lcoreSample struct {
	Time   time.Time     `json:"time"`
	Lcores []lcoreCounts `json:"lcores"`
}

// lcoreCounts are the counters of a worker, and what it polls.
type lcoreCounts struct {
	dpif.WorkerStats
	CPU    int         // -1: none of its own
	Polled []LinkQueue // Queues, with the names of the links
}

// LinkQueue is a receive queue of a link.
type LinkQueue struct {
	Link  string `json:"link"` // "": no link is on the port
	Queue uint16 `json:"queue"`
}

// Lcores is what `skua stats --lcores --json` prints.
type Lcores struct {
	Time    time.Time `json:"time"`
	Seconds float64   `json:"seconds"` // that it is about
	Lcores  []Lcore   `json:"lcores"`
}

// Lcore is the load of a core. Busy, Idle and Asleep are shares of its time, 0..1.
type Lcore struct {
	Worker          uint32      `json:"worker"`
	Lcore           uint32      `json:"lcore"`
	CPU             int         `json:"cpu"`
	Polls           []LinkQueue `json:"polls"`
	Busy            float64     `json:"busy"`
	Idle            float64     `json:"idle"` // polled and found nothing
	Asleep          float64     `json:"asleep"`
	Packets         uint64      `json:"packets"`
	PacketsPerSec   float64     `json:"packets_per_second"`
	Share           float64     `json:"share"` // of the packets of all cores, 0..1
	CyclesPerPacket float64     `json:"cycles_per_packet"`
	PacketsPerTurn  float64     `json:"packets_per_turn"` // that found some
	Turn            TurnTimes   `json:"turn_ns"`
	Gaps            uint64      `json:"gaps"`       // over 100 µs between two turns
	GapMax          float64     `json:"gap_max_ns"` // since the start
	Sleeps          uint64      `json:"sleeps"`
	Wakeups         uint64      `json:"wakeups"` // sleeps that a packet or an event ended
	RPSOut          uint64      `json:"rps_out"` // packets handed to other cores
	RPSIn           uint64      `json:"rps_in"`
	Dropped         uint64      `json:"dropped"`
}

// TurnTimes is how long turns with packets took, in nanoseconds. A percentile is the upper end of
// its bucket, which is at most a quarter wide.
type TurnTimes struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

// lcores reads the counters of every core once.
func (inst *instance) lcores() (*lcoreSample, error) {
	links := map[uint16]string{}
	inst.stack.Net.Lock()
	for _, l := range inst.stack.Links.All() {
		if !l.Loopback() {
			links[l.Port] = l.Name
		}
	}
	inst.stack.Net.Unlock()
	workers, err := inst.dp.Workers()
	if err != nil {
		return nil, err
	}
	s := &lcoreSample{Time: time.Now()}
	cpus := inst.dp.WorkerCPUs()
	for i, w := range workers {
		c := lcoreCounts{WorkerStats: w, CPU: -1}
		if i < len(cpus) {
			c.CPU = cpus[i]
		}
		for _, q := range w.Queues {
			c.Polled = append(c.Polled, LinkQueue{links[q.Port], q.Queue})
		}
		s.Lcores = append(s.Lcores, c)
	}
	return s, nil
}

// lcoreStats prints the load of the cores: since the start, over an interval, or again and again.
func lcoreStats(out io.Writer, socket string, asJSON bool, watch, interval time.Duration) error {
	if interval < 0 || watch < 0 {
		return fmt.Errorf("an interval of %v: it is longer than nothing", min(interval, watch))
	}
	if interval == 0 {
		interval = watch
	}
	var before, after lcoreSample
	for {
		if interval > 0 {
			if before.Lcores == nil {
				if err := call(socket, "GET", "/lcores", &before); err != nil {
					return err
				}
			}
			time.Sleep(interval)
		}
		after = lcoreSample{}
		if err := call(socket, "GET", "/lcores", &after); err != nil {
			return err
		}
		l := lcoresBetween(&before, &after)
		if asJSON {
			if err := json.NewEncoder(out).Encode(l); err != nil {
				return err
			}
		} else {
			if watch > 0 && terminal(out) {
				fmt.Fprint(out, "\x1b[H\x1b[2J")
			}
			l.print(out)
		}
		if watch <= 0 {
			return nil
		}
		if !asJSON && !terminal(out) {
			fmt.Fprintln(out)
		}
		before = after
	}
}

// lcoresBetween is what the cores did from one sample to the next; from the start when before is
// empty.
func lcoresBetween(before, after *lcoreSample) *Lcores {
	l := &Lcores{Time: after.Time}
	var packets uint64
	for i, c := range after.Lcores {
		was := lcoreCounts{}
		if i < len(before.Lcores) {
			was = before.Lcores[i]
		}
		x := c.since(&was)
		packets += x.Packets
		l.Lcores = append(l.Lcores, x)
		all := c.cycles() - was.cycles()
		l.Seconds = max(l.Seconds, ratio(all, c.TSCHz))
	}
	if !before.Time.IsZero() {
		l.Seconds = after.Time.Sub(before.Time).Seconds()
	}
	for i := range l.Lcores {
		x := &l.Lcores[i]
		x.Share = ratio(x.Packets, packets)
		if l.Seconds > 0 {
			x.PacketsPerSec = float64(x.Packets) / l.Seconds
		}
	}
	return l
}

// cycles are all that the worker has spent.
func (c *lcoreCounts) cycles() uint64 { return c.BusyCycles + c.IdleCycles + c.SleepCycles }

func (c *lcoreCounts) dropped() uint64 {
	var n uint64
	for _, d := range c.Drops {
		n += d.Value
	}
	return n
}

func (c *lcoreCounts) since(was *lcoreCounts) Lcore {
	x := Lcore{
		Worker: c.Worker, Lcore: c.Lcore, CPU: c.CPU, Polls: c.Polled,
		Packets: c.Packets - was.Packets,
		Gaps:    c.Gaps - was.Gaps, GapMax: nanoseconds(c.GapMax, c.TSCHz),
		Sleeps: c.Sleeps - was.Sleeps, Wakeups: c.Wakeups - was.Wakeups,
		RPSOut: c.RPSOut - was.RPSOut, RPSIn: c.RPSIn - was.RPSIn,
		Dropped: c.dropped() - was.dropped(),
	}
	busy, idle, asleep := c.BusyCycles-was.BusyCycles, c.IdleCycles-was.IdleCycles, c.SleepCycles-was.SleepCycles
	all := busy + idle + asleep
	x.Busy, x.Idle, x.Asleep = ratio(busy, all), ratio(idle, all), ratio(asleep, all)
	x.CyclesPerPacket = ratio(busy, x.Packets)
	x.PacketsPerTurn = ratio(x.Packets, c.Polls-c.IdlePolls-(was.Polls-was.IdlePolls))

	var turns [dpif.TurnBuckets]uint64
	for i := range turns {
		turns[i] = c.Turns[i] - was.Turns[i]
	}
	at := func(share float64) float64 {
		return nanoseconds(min(turnPercentile(&turns, share), c.TurnMax), c.TSCHz)
	}
	x.Turn = TurnTimes{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1)}
	return x
}

// turnPercentile is the length in cycles that a share of the turns did not reach, 0 when there were
// none.
func turnPercentile(turns *[dpif.TurnBuckets]uint64, share float64) uint64 {
	var all, seen uint64
	for _, n := range turns {
		all += n
	}
	if all == 0 {
		return 0
	}
	for i, n := range turns {
		if seen += n; n > 0 && float64(seen) >= share*float64(all) {
			return dpif.TurnCycles(i + 1)
		}
	}
	return dpif.TurnCycles(dpif.TurnBuckets)
}

func nanoseconds(cycles, hz uint64) float64 { return 1e9 * ratio(cycles, hz) }

// print writes the tables that a person reads.
func (l *Lcores) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "WORKER\tLCORE\tCPU\tBUSY\tIDLE\tASLEEP\tPACKETS/S\tSHARE\tPACKETS/TURN\tCYCLES/PACKET\tDROPPED\tPOLLS")
	for _, x := range l.Lcores {
		cpu := "-"
		if x.CPU >= 0 {
			cpu = fmt.Sprint(x.CPU)
		}
		fmt.Fprintf(w, "%d\t%d\t%s\t%.1f%%\t%.1f%%\t%.1f%%\t%.0f\t%.1f%%\t%.1f\t%.1f\t%d\t%s\n", x.Worker, x.Lcore, cpu,
			100*x.Busy, 100*x.Idle, 100*x.Asleep, x.PacketsPerSec, 100*x.Share, x.PacketsPerTurn, x.CyclesPerPacket,
			x.Dropped, queueNames(x.Polls))
	}
	fmt.Fprintln(w, "\nWORKER\tTURN P50\tP99\tP99.9\tMAX\tGAPS>100us\tLONGEST GAP\tSLEEPS\tWAKEUPS\tRPS OUT\tRPS IN")
	for _, x := range l.Lcores {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%s\t%d\t%d\t%d\t%d\n", x.Worker, duration(x.Turn.P50), duration(x.Turn.P99),
			duration(x.Turn.P999), duration(x.Turn.Max), x.Gaps, duration(x.GapMax), x.Sleeps, x.Wakeups,
			x.RPSOut, x.RPSIn)
	}
	_ = w.Flush()
}

// duration prints nanoseconds in the unit that fits, with three digits.
func duration(ns float64) string {
	switch {
	case ns == 0:
		return "-"
	case ns < 1e3:
		return fmt.Sprintf("%.0fns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.3gus", ns/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.3gms", ns/1e6)
	}
	return fmt.Sprintf("%.3gs", ns/1e9)
}

// queueNames prints "left:0,1 right:0", the links in the order of their names.
func queueNames(queues []LinkQueue) string {
	if len(queues) == 0 {
		return "-"
	}
	queues = slices.Clone(queues)
	slices.SortFunc(queues, func(a, b LinkQueue) int {
		if c := strings.Compare(a.Link, b.Link); c != 0 {
			return c
		}
		return int(a.Queue) - int(b.Queue)
	})
	var text strings.Builder
	for i, q := range queues {
		switch {
		case i > 0 && q.Link == queues[i-1].Link:
			fmt.Fprintf(&text, ",%d", q.Queue)
			continue
		case i > 0:
			text.WriteByte(' ')
		}
		name := q.Link
		if name == "" {
			name = "-"
		}
		fmt.Fprintf(&text, "%s:%d", name, q.Queue)
	}
	return text.String()
}
