// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// times are those of a histogram, in ns.
type times struct {
	N    uint64  `json:"n"`
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// rateRun is what memif_gen prints of a rate.
type rateRun struct {
	Load      string  `json:"load"` // max, 10%, ...
	AskedMpps float64 `json:"asked_mpps"`
	Mpps      float64 `json:"mpps"` // that came back
	Sent      uint64  `json:"sent"`
	Received  uint64  `json:"received"`
	Lost      uint64  `json:"lost"`
	Skipped   uint64  `json:"skipped"` // not sent because the generator was away
	Away      struct {
		N       uint64  `json:"n"`
		Longest float64 `json:"longest"` // ns
		Sum     float64 `json:"sum"`     // ns
	} `json:"away"` // of the generator
	Latency times `json:"latency"` // of packets that were not under way while it was
	All     times `json:"all"`
}

// memifRun is one generator's life.
type memifRun struct {
	Case   string      `json:"case"`
	Go     string      `json:"go"` // what Skua's control plane does meanwhile: quiet, busy
	Before coreLatency `json:"core_latency_before"`
	After  coreLatency `json:"core_latency_after"`
	Rates  []rateRun   `json:"rates"`
}

// memifConf is the forwarder that memif_gen.h draws.
const memifConf = `[dataplane]
cpus = [%d]
idle = %q
hugepages = "require"
[[link]]
name = "left"
memif = { socket = "%[3]s", id = 0, role = "client" }
mac = "02:00:00:00:01:01"
addresses = ["198.18.0.1/24", "2001:db8:18::1/64"]
[[link]]
name = "right"
memif = { socket = "%[3]s", id = 1, role = "client" }
mac = "02:00:00:00:02:01"
addresses = ["198.19.0.1/24", "2001:db8:19::1/64"]
[[neigh]]
dev = "right"
to = "198.19.0.2"
lladdr = "02:00:00:00:02:02"
[[neigh]]
dev = "right"
to = "2001:db8:19::2"
lladdr = "02:00:00:00:02:02"
[[route]]
to = "10.0.0.0/8"
via = "198.19.0.2"
[[route]]
to = "2001:db8:8000::/34"
via = "2001:db8:19::2"
`

var loads = []string{"max", "10%", "50%", "90%"}

// memifOptions are what differs between cases.
type memifOptions struct {
	v6   bool
	busy bool   // the control plane works meanwhile
	idle string // [dataplane] idle
}

// memif measures both families with a control plane that sleeps, and IPv4 with one that works.
func memif(o options) ([]memifRun, error) {
	var runs []memifRun
	for range o.rounds {
		for _, c := range []struct {
			name string
			memifOptions
		}{
			{"IPv4, 64 B", memifOptions{idle: "poll"}},
			{"IPv6, 64 B", memifOptions{idle: "poll", v6: true}},
			{"IPv4, 64 B", memifOptions{idle: "poll", busy: true}},
			{"IPv4, 64 B, idle = sleep", memifOptions{idle: "sleep"}},
		} {
			run, err := memifCase(o, c.memifOptions, loads)
			if err != nil {
				return nil, err
			}
			run.Case = c.name
			runs = append(runs, run)
		}
	}
	return runs, nil
}

// memifCase starts a generator and then a forwarder: a client that finds no server gives up.
func memifCase(o options, m memifOptions, loads []string) (memifRun, error) {
	run := memifRun{Go: "quiet"}
	var err error
	if run.Before, err = measureCoreLatency(); err != nil {
		return run, err
	}
	socket := fmt.Sprintf("%s/skua-latency-%d.sock", o.tmp, time.Now().UnixNano())
	args := []string{"-c", strconv.Itoa(restCPU), "-s", socket, "-t", fmt.Sprintf("%g", o.seconds), "-r", strings.Join(loads, ",")}
	if m.v6 {
		args = append(args, "-6")
	}
	if o.fifo {
		args = append(args, "-f")
	}
	limit, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	gen := exec.CommandContext(limit, "out/memif_gen", args...)
	out, said := &logWriter{}, &logWriter{}
	gen.Stdout, gen.Stderr = out, said
	gen.SysProcAttr = dieWithUs()
	if err := gen.Start(); err != nil {
		return run, err
	}
	for i := 0; !said.has("listening") && i < 200; i++ {
		time.Sleep(20 * time.Millisecond)
	}
	skua, err := startRouter(fmt.Sprintf(memifConf, workerCPU, m.idle, socket))
	if err != nil {
		cancel()
		_ = gen.Wait()
		return run, fmt.Errorf("%w\nmemif_gen: %s", err, said)
	}
	defer skua.stop()
	if o.fifo {
		if err := skua.fifo(); err != nil {
			return run, err
		}
	}
	if m.busy {
		run.Go = "busy"
		stop := keepBusy(skua)
		defer stop()
	}
	if err := gen.Wait(); err != nil {
		return run, fmt.Errorf("memif_gen: %w: %s\n%s", err, said, skua.log)
	}
	if run.Rates, err = parseRates(out.text, loads); err != nil {
		return run, err
	}
	run.After, err = measureCoreLatency()
	return run, err
}

// keepBusy lets the control plane show and change routes until stop is called.
func keepBusy(skua *router) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = skua.exec(ctx, "out/route_load", "4", "50000", "256", "198.19.0.2").Run()
			_ = skua.exec(ctx, "ip", "route").Run()
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// parseRates reads what memif_gen prints.
func parseRates(text []byte, loads []string) ([]rateRun, error) {
	var rates []rateRun
	if err := json.Unmarshal(text, &rates); err != nil {
		return nil, fmt.Errorf("memif_gen printed %q: %w", text, err)
	}
	if len(rates) != len(loads) {
		return nil, fmt.Errorf("memif_gen measured %d rates of %d", len(rates), len(loads))
	}
	for i := range rates {
		rates[i].Load = loads[i]
	}
	return rates, nil
}
