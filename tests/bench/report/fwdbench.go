// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// figure is what fwd_bench prints of a case.
type figure struct {
	Name         string             `json:"name"`
	CyclesBest   float64            `json:"cycles_best"`
	CyclesMedian float64            `json:"cycles_median"`
	Mpps         float64            `json:"mpps"` // at cycles_best
	Runs         []float64          `json:"runs"`
	Stages       map[string]float64 `json:"stages"`
	Drops        map[string]uint64  `json:"drops"`
	Forwarded    uint64             `json:"forwarded"`
	Extra        map[string]any     `json:"extra"`
}

// mppsMedian is the rate at cycles_median.
func (f figure) mppsMedian() float64 {
	if f.CyclesMedian == 0 {
		return f.Mpps
	}
	return f.Mpps * f.CyclesBest / f.CyclesMedian
}

// parseFigures reads the array that fwd_bench prints. The program may have died in the middle of
// it: what came whole before that is returned with the error.
func parseFigures(text []byte) ([]figure, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	switch open, err := dec.Token(); {
	case err != nil:
		return nil, fmt.Errorf("no figures: %w", err)
	case open != json.Delim('['):
		return nil, fmt.Errorf("figures begin with %v, not with [", open)
	}
	var figures []figure
	for dec.More() {
		var f figure
		if err := dec.Decode(&f); err != nil {
			return figures, err
		}
		if f.Name == "" {
			return figures, errors.New("a figure has no name")
		}
		figures = append(figures, f)
	}
	_, err := dec.Token()
	return figures, err
}

// fwdBench measures cases once in one process, which loads what they share once.
func (b *bench) fwdBench(program string, cases []string, args ...string) ([]figure, error) {
	runs := 3
	if b.quick {
		runs = 1
	}
	args = append(args, "-j", "-r", strconv.Itoa(runs), "-s", strconv.FormatFloat(b.seconds, 'f', -1, 64))
	cmd, cancel := b.command(program, append(args, cases...)...)
	defer cancel()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, runErr := cmd.Output()
	figures, err := parseFigures(text)
	if runErr != nil {
		err = fmt.Errorf("%w %s", runErr, strings.TrimSpace(stderr.String()))
	}
	if err == nil && len(figures) < len(cases) {
		err = fmt.Errorf("%d figures of %d cases", len(figures), len(cases))
	}
	if err != nil {
		err = fmt.Errorf("fwd_bench %s: %w", strings.Join(cases, " "), err)
	}
	return figures, err
}

// pcapFiles has fwd_bench write what the ports of a case receive, so that testpmd gets the same.
func pcapFiles(program, dir, name string) ([]string, error) {
	text := said(program, "-P", dir, name)
	if files := strings.Fields(text); len(files) == 2 {
		return files, nil
	}
	return nil, fmt.Errorf("%s -P %s %s printed %q, not two files", program, dir, name, text)
}

// fwdCases lists the cases that a fwd_bench knows.
func fwdCases(program string) ([]string, error) {
	text := said(program, "-l")
	if text == "" {
		return nil, fmt.Errorf("%s -l lists no cases", program)
	}
	return strings.Fields(text), nil
}

// tables are what cases load, by the beginnings of their names.
var tables = []struct{ prefix, table string }{
	{"ipv4-1-route", "ipv4-1-route"}, {"ipv4-ttl", "ipv4-1-route"},
	{"ipv4-1M-routes", "ipv4-1M-routes"}, {"ipv4-churn", "ipv4-1M-routes"},
	{"ipv6-1-route", "ipv6-1-route"},
	{"ipv6-220k-routes", "ipv6-220k-routes"}, {"ipv6-churn", "ipv6-220k-routes"},
	{"ipv4-scan16", "ipv4-scan16"},
}

// groups puts cases that load the same together, in the order in which they are first named.
func groups(cases []string) [][]string {
	var order []string
	in := map[string][]string{}
	for _, name := range cases {
		key := name
		for _, t := range tables {
			if name == t.prefix || strings.HasPrefix(name, t.prefix+"-") {
				key = t.table
			}
		}
		if in[key] == nil {
			order = append(order, key)
		}
		in[key] = append(in[key], name)
	}
	var all [][]string
	for _, key := range order {
		all = append(all, in[key])
	}
	return all
}
