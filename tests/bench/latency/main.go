// SPDX-License-Identifier: BSD-3-Clause

// Command latency measures how long packets take through a real `skua run`, and whether its worker
// ever stops looking at its queues.
//
// memif: a generator in a process of its own sends packets with the time of sending through shared
// memory, at the rate that is reached and at 10, 50 and 90 % of it, while the control plane sleeps
// and while it works. With two CPUs the generator shares its CPU with the control plane, and is
// sometimes away: packets that were under way then are told apart.
//
// stalls: measured inside the worker, whose packets come from memory. While a full table loads, Go
// collects garbage and links change, each gap of over 100 µs between two turns is set beside what
// the kernel's trace says of that CPU at that time, and beside the gaps of an empty loop.
//
// It prints Markdown; -o writes JSON, -publish puts the tables into a page. Given files of JSON, it
// does that with what they say and measures nothing.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// options of the command line.
type options struct {
	rounds  int
	seconds float64 // of a rate
	fifo    bool
	match   string // of the name of a stall scenario
	tmp     string // for sockets and files
	page    string // to put the tables into; "": none
}

// report is the JSON.
type report struct {
	Memif  []memifRun `json:"memif,omitempty"`
	Stalls []stall    `json:"stalls,omitempty"`
}

func init() {
	runtime.LockOSThread() // see dieWithUs
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 1, "how often each case of memif is measured")
	flag.Float64Var(&o.seconds, "seconds", 2, "how long each rate is measured")
	flag.BoolVar(&o.fifo, "fifo", false, "give worker and generator SCHED_FIFO: on a shared machine only")
	flag.StringVar(&o.match, "match", "", "measure only stalls whose name has this in it")
	flag.StringVar(&o.page, "publish", "", "put the tables into this page, between its latency marks")
	only := flag.String("only", "", "memif, stalls: measure only these")
	out := flag.String("o", "", "write the figures to a file, as JSON")
	flag.Parse()
	if flag.NArg() > 0 {
		if err := show(flag.Args(), o.page); err != nil {
			fmt.Fprintln(os.Stderr, "latency:", err)
			os.Exit(1)
		}
		return
	}
	if *only != "" && *only != "memif" && *only != "stalls" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(o, *only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

func run(o options, only, out string) (err error) {
	if o.tmp, err = os.MkdirTemp("", "skua-latency"); err != nil {
		return err
	}
	defer os.RemoveAll(o.tmp)
	if err := build(); err != nil {
		return err
	}
	if err := keepAway(); err != nil {
		return fmt.Errorf("CPUs %d and %d: %w", restCPU, workerCPU, err)
	}
	restore, err := reserveHugepages(512)
	if err != nil {
		return err
	}
	defer restore()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		restore()
		os.RemoveAll(o.tmp)
		os.Exit(130)
	}()
	var r report
	if only != "stalls" {
		if r.Memif, err = memif(o); err != nil {
			return err
		}
		fmt.Printf("\nThrough two memifs, Skua %s\n\n%s", revision(), memifTable(r.Memif))
	}
	if only != "memif" {
		if r.Stalls, err = stalls(o); err != nil {
			return err
		}
		fmt.Printf("\nTimes that the worker did not look at its queues for over %d µs, Skua %s\n\n%s", gapLimit, revision(), stallTable(r.Stalls))
	}
	if o.page != "" {
		if err := publish(o.page, r); err != nil {
			return err
		}
	}
	if out == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}

// show prints what was measured before, and puts it into a page if there is one.
func show(files []string, page string) error {
	var all report
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var r report
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		all.Memif, all.Stalls = append(all.Memif, r.Memif...), append(all.Stalls, r.Stalls...)
	}
	fmt.Printf("%s\n%s", memifTable(all.Memif), stallTable(all.Stalls))
	if page == "" {
		return nil
	}
	return publish(page, all)
}

// revision is the commit that was measured.
func revision() string {
	text, _ := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	return strings.TrimSpace(string(text))
}
