// SPDX-License-Identifier: BSD-3-Clause

// Command report is `make bench`: it measures Skua and its peers in turn, several rounds in one run
// because the machine's speed drifts, prints the tables, and writes out/bench.json.
//
// What is measured is divided into sections, a file each: a function that measures, prints its
// table, and returns its results. The table of figures to reach (figures.go), the README's tables
// and the picture are made from the results alone.
//
// Quote ratios: both sides of one saw the same machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sections in the order in which they are measured and printed. What a section returns is kept even
// when it also returns an error, which is reported at the end. A case that fails says so by
// bench.fail and does not stop its section.
var sections = []struct {
	name    string
	measure func(*bench) ([]Result, error)
}{
	{"forward", forward},
	{"kernel", kernelForward},
	{"routes", routes},
	{"netlink", netlinkSpeed},
	{"memory", memory},
	{"wakeup", wakeup},
	{"slowpath", slowpath},
	{"twins", twins},
	{"latency", latency},
	{"fulltable", fulltable},
}

// bench is one run of the program.
type bench struct {
	rounds   int
	seconds  float64  // of one measurement
	quick    bool     // everything once, to see whether it works
	under    []string // command that measured programs are run under
	machine  Machine
	failures []string
}

func main() {
	var b bench
	flag.IntVar(&b.rounds, "rounds", 0, "how often each case is measured (5; -compare: 9)")
	flag.Float64Var(&b.seconds, "seconds", 0.25, "how long a case is measured each time")
	flag.BoolVar(&b.quick, "quick", false, "two short rounds: shows that it works, not how fast")
	only := flag.String("only", "", "measure only these sections: "+sectionNames()+" (a comma between them)")
	out := flag.String("o", "out/bench.json", "where the figures go")
	compare := flag.String("compare", "", "compare the working tree with this `commit`; cases may be named after the flags")
	from := flag.String("from", "out/bench.json", "results for -plot, -readme and -publish")
	plotFile := flag.String("plot", "", "measure nothing: draw the picture into this `file`")
	readmeFile := flag.String("readme", "", "measure nothing: put the tables between the markers of this `file`")
	show := flag.Bool("publish", false, "measure nothing: make the results, or the sections of -only, those of "+figuresJSON+", "+figuresSVG+" and README.md")
	under := flag.String("under", "", "run measured programs under this `command`: \"chrt -f 1\"")
	flag.Parse()
	b.under = strings.Fields(*under)
	switch {
	case b.rounds == 0 && b.quick:
		b.rounds = 2
	case b.rounds == 0 && *compare != "":
		b.rounds = compareRounds
	case b.rounds == 0:
		b.rounds = 5
	}
	if b.quick {
		b.seconds = 0.1
	}
	if *plotFile != "" || *readmeFile != "" || *show {
		exit(written(*from, *plotFile, *readmeFile, *only, *show))
	}
	exit(b.prepared(func() error {
		if *compare != "" {
			return b.compare(*compare, flag.Args())
		}
		return b.run(*only, *out)
	}))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// written makes from results what is asked for.
func written(from, plotFile, readmeFile, only string, show bool) error {
	results, err := readResults(from)
	if err == nil && plotFile != "" {
		err = writePlot(plotFile, results)
	}
	if err == nil && readmeFile != "" {
		err = writeReadme(readmeFile, results)
	}
	if err == nil && show {
		err = publish(from, only)
	}
	return err
}

func sectionNames() string {
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// wanted is which sections a comma-separated list names; all if it is empty.
func wanted(only string) (map[string]bool, error) {
	want := map[string]bool{}
	for _, s := range sections {
		want[s.name] = only == ""
	}
	for name := range strings.SplitSeq(only, ",") {
		if _, ok := want[name]; !ok && only != "" {
			return nil, fmt.Errorf("-only: there is no section %q, there are %s", name, sectionNames())
		}
		want[name] = true
	}
	return want, nil
}

// prepared does something with the CPUs, the memory and the programs that measuring needs.
func (b *bench) prepared(measure func() error) error {
	if b.rounds < 1 || b.seconds <= 0 {
		return errors.New("-rounds is at least 1, -seconds more than 0")
	}
	if err := pinProcess(restCPU); err != nil {
		return err
	}
	restore, err := reserveHugepages(768)
	if err != nil {
		return err
	}
	defer restore()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		restore()
		os.Exit(130)
	}()
	if err := build(); err != nil {
		return err
	}
	b.machine = readMachine()
	b.machine.Rounds = b.rounds
	return measure()
}

// run measures the sections that are wanted and writes what they found.
func (b *bench) run(only, out string) error {
	want, err := wanted(only)
	if err != nil {
		return err
	}
	fmt.Printf("%v\nload %.2f, a cache line from CPU to CPU takes %.0f ns\n", b.machine, b.machine.LoadBefore, b.probe())
	var results []Result
	for _, s := range sections {
		if !want[s.name] {
			continue
		}
		fmt.Printf("\n# %s\n", s.name)
		start := time.Now()
		r, err := s.measure(b)
		if err != nil {
			b.fail(s.name, err)
		}
		for i := range r {
			r[i].Section = s.name
		}
		results = append(results, r...)
		fmt.Printf("\n(%s took %.0f s)\n", s.name, time.Since(start).Seconds())
	}
	b.machine.LoadAfter, b.machine.TSCGHz = load1(), tscGHz(results)
	fmt.Printf("\n# Figures to reach\n\n%v", figures(results))
	fmt.Printf("\nload %.2f, a cache line from CPU to CPU takes %.0f ns\n", b.machine.LoadAfter, b.probe())
	results = slices.Insert(results, 0, Result{Name: machineName, Machine: &b.machine})
	if err := writeResults(out, results); err != nil {
		return err
	}
	if len(b.failures) > 0 {
		return fmt.Errorf("%d failures:\n  %s", len(b.failures), strings.Join(b.failures, "\n  "))
	}
	return nil
}

// fail notes what did not work and says so at once; the run goes on, and ends with status 1.
func (b *bench) fail(what string, err error) {
	text := fmt.Sprintf("%s: %v", what, err)
	fmt.Println("FAILED", text)
	b.failures = append(b.failures, strings.ReplaceAll(text, "\n", "\n    "))
}

// probe measures how the two CPUs stand, and keeps the figure.
func (b *bench) probe() float64 {
	ns := coreToCore()
	b.machine.CoreToCore = append(b.machine.CoreToCore, ns)
	return ns
}

// command is a program that is measured, ended if it has not finished after a time that none needs.
func (b *bench) command(name string, args ...string) (*exec.Cmd, context.CancelFunc) {
	line := append(append(slices.Clone(b.under), name), args...)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	return exec.CommandContext(ctx, line[0], line[1:]...), cancel
}

// build compiles the programs of this folder.
func build() error {
	for _, args := range [][]string{
		{"tests/bench/build.sh", "out/fwd_bench"},
		{"cc", "-std=gnu11", "-O2", "-o", "out/route_load", "tests/bench/route_load.c", "tests/bench/inet_table.c", "-lm"},
		{"cc", "-std=gnu11", "-O2", "-o", "out/route_talk", "tests/bench/route_talk.c", "tests/bench/inet_table.c", "-lm"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, text)
		}
	}
	return nil
}
