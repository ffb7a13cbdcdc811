// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
)

// netlinkTables are what one client loads, changes, dumps and withdraws.
var netlinkTables = []struct {
	name   string
	family string
	routes int
	gws    []string
}{
	{"ipv4-64k", "4", 65536, []string{"192.0.2.9", "192.0.2.10", "192.0.2.11", "192.0.2.12"}},
	{"ipv4-1M", "4", routes4, []string{"192.0.2.9", "192.0.2.10", "192.0.2.11", "192.0.2.12"}},
	{"ipv6-220k", "6", routes6, []string{"2001:db8:1::9", "2001:db8:1::10"}},
}

// netlinkRows are what is measured of each table: to reach is the most that Skua may take, in times of
// the kernel or in seconds.
var netlinkRows = []struct {
	name, title, unit string
	times, seconds    float64 // to reach; 0: neither
	of                func(conversation) float64
}{
	{"load", "load, batches of 256", "s", 1, 0, func(c conversation) float64 { return c.Seconds }},
	{"one", "one route changed, with its ACK", "us", 2, 0, func(c conversation) float64 { return c.One }},
	{"dump", "dump", "s", 1.5, 0, func(c conversation) float64 { return c.Dump }},
	{"withdraw", "withdrawal, batches of 256", "s", 0, 5, func(c conversation) float64 { return c.Withdraw }},
}

// conversation is what route_talk prints.
type conversation struct {
	Routes   int     `json:"routes"`
	Seconds  float64 `json:"seconds"`
	One      float64 `json:"one_us"`
	Dump     float64 `json:"dump_seconds"`
	Dumped   int     `json:"dumped"`
	Withdraw float64 `json:"withdraw_seconds"`
}

// netlinkSpeed measures what one client waits for, of Skua and of the kernel in the same round.
func netlinkSpeed(b *bench) ([]Result, error) {
	skua, kernel := map[string][]float64{}, map[string][]float64{}
	var perRoute []float64
	var cpus []string
	for range b.rounds {
		before := b.probe()
		bytes, err := converseSkua(skua)
		if err != nil {
			return nil, err
		}
		if err := inKernel(func(under []string) error { return converse(under, kernel, nil) }); err != nil {
			return nil, err
		}
		perRoute, cpus = append(perRoute, bytes), append(cpus, placement(before, b.probe()))
	}
	var results []Result
	for _, t := range netlinkTables {
		for _, row := range netlinkRows {
			name := "netlink-" + t.name + "-" + row.name
			results = append(results, Result{Name: name, Unit: row.unit, Peer: "the kernel", Runs: skua[name], CPUs: cpus,
				Ratio: median(ratios(skua[name], kernel[name])), Extra: map[string]any{"kernel": kernel[name]}})
		}
	}
	results = append(results, Result{Name: "netlink-bytes-per-route", Unit: "bytes", Runs: perRoute, CPUs: cpus})
	fmt.Printf("\nRoutes by one netlink client\n\n%v", netlinkTable(results))
	return results, nil
}

// netlinkTable is the table of it.
func netlinkTable(results []Result) *table {
	t := newTable("routes", "what", "to reach", "Skua, best", "Skua, median", "the kernel, median", "Skua / kernel", "")
	for _, of := range netlinkTables {
		for _, row := range netlinkRows {
			r, ok := find(results, "netlink-"+of.name+"-"+row.name)
			if !ok {
				continue
			}
			kernel := floats(r.Extra["kernel"])
			reach, met := "", ""
			switch {
			case row.times > 0:
				reach, met = fmt.Sprintf("≤ %g times", row.times), yesNo(r.Ratio <= row.times)
			case of.routes == routes4:
				reach, met = fmt.Sprintf("≤ %g s", row.seconds), yesNo(median(r.Runs) <= row.seconds)
			}
			t.add(of.name, row.title, reach, number(least(r.Runs))+" "+row.unit, number(median(r.Runs))+" "+row.unit,
				number(median(kernel))+" "+row.unit, number(r.Ratio), met)
		}
	}
	if r, ok := find(results, "netlink-bytes-per-route"); ok {
		t.add("ipv4-1M", "resident memory more than before, a route", "< 400 bytes", number(least(r.Runs))+" bytes",
			number(median(r.Runs))+" bytes", "", "", yesNo(median(r.Runs) < 400))
	}
	return t
}

func yesNo(met bool) string {
	if met {
		return "yes"
	}
	return "no"
}

func least(runs []float64) float64 {
	best := 0.0
	for i, r := range runs {
		if i == 0 || r < best {
			best = r
		}
	}
	return best
}

// converse runs the client for each table; weigh is called when the largest is loaded, before it is
// withdrawn.
func converse(under []string, into map[string][]float64, weigh func(routes int) error) error {
	for _, t := range netlinkTables {
		args := append([]string{"out/route_talk", t.family, strconv.Itoa(t.routes), strconv.Itoa(batch)}, t.gws...)
		cmd := exec.Command(under[0], append(under[1:len(under):len(under)], args...)...)
		text, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("route_talk: %w", err)
		}
		var c conversation
		if err := json.Unmarshal(text, &c); err != nil {
			return err
		}
		if c.Dumped < t.routes {
			return fmt.Errorf("%s: %d routes were dumped", t.name, c.Dumped)
		}
		for _, row := range netlinkRows {
			name := "netlink-" + t.name + "-" + row.name
			into[name] = append(into[name], row.of(c))
		}
	}
	if weigh == nil {
		return nil
	}
	t := netlinkTables[1]
	args := append([]string{"out/route_load", t.family, strconv.Itoa(t.routes), strconv.Itoa(batch)}, t.gws...)
	if err := exec.Command(under[0], append(under[1:len(under):len(under)], args...)...).Run(); err != nil {
		return fmt.Errorf("route_load: %w", err)
	}
	return weigh(t.routes)
}

// converseSkua does so with a Skua of its own, and returns the bytes that a route weighs.
func converseSkua(into map[string][]float64) (perRoute float64, err error) {
	err = withSkua(func(under []string, pid int) error {
		before, err := resident(pid)
		if err != nil {
			return err
		}
		return converse(under, into, func(routes int) error {
			after, err := resident(pid)
			perRoute = (after - before) * 1e6 / float64(routes)
			return err
		})
	})
	return perRoute, err
}
