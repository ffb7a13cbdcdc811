// SPDX-License-Identifier: BSD-3-Clause

// Package bench sees that the benchmark's programs do what they measure: a case in which packets are
// lost, go the wrong way or are punted fails, however short it is. Nothing is timed here.
package bench

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// figure is what fwd_bench prints of a case.
type figure struct {
	Name      string             `json:"name"`
	Runs      []float64          `json:"runs"`
	Stages    map[string]float64 `json:"stages"`
	Drops     map[string]uint64  `json:"drops"`
	Forwarded uint64             `json:"forwarded"`
	Extra     map[string]float64 `json:"extra"`
}

var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fwd_bench")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "fwd_bench")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// fwdBench runs the program, which it builds at first.
func fwdBench(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		if exec.Command("pkg-config", "--exists", "libdpdk").Run() != nil {
			t.Skip("DPDK is not installed: pkg-config does not know libdpdk")
		}
		cmd := exec.Command("tests/bench/build.sh", program, "-O1")
		cmd.Dir = root
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build.sh: %v\n%s", err, text)
		}
	}
	var out, errs strings.Builder
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func figures(t *testing.T, args ...string) []figure {
	t.Helper()
	out, errs, err := fwdBench(t, append([]string{"-j", "-r", "2", "-s", "0.005"}, args...)...)
	if err != nil {
		t.Fatalf("fwd_bench: %v\n%s%s", err, out, errs)
	}
	var list []figure
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return list
}

// extras are figures that a case is there for.
var extras = map[string][]string{
	"ipv4-ttl-5":      {"received", "cycles_received", "cycles_received_without", "cycles_restock", "slower", "policed"},
	"ipv4-ttl-50":     {"received", "cycles_received", "cycles_received_without", "cycles_restock", "slower", "policed"},
	"ipv4-scan16":     {"received", "cycles_received", "cycles_received_without", "cycles_restock", "slower"},
	"ipv4-scan16-100": {"received", "cycles_received", "cycles_received_without", "cycles_restock", "slower"},
	"ipv4-churn-100k": {"changes_per_second", "slower", "slower_best", "cycles_at_rest"},
	"ipv6-churn-100k": {"changes_per_second", "slower", "slower_best", "cycles_at_rest"},
	"ipv4-lcores-2":   {"lcore0_alone", "lcore1_alone", "lcore0", "lcore1", "mpps_1", "mpps_2", "scaling"},
}

// Every case that is listed runs, on small tables, and forwards what it should: the program itself
// ends with an error when anything else happens to a packet.
func TestCases(t *testing.T) {
	out, _, err := fwdBench(t, "-l")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(out)
	var got []string
	for _, f := range figures(t, "-n", "1000") {
		got = append(got, f.Name)
		if len(f.Runs) != 2 || f.Runs[0] <= 0 || f.Runs[1] <= 0 || len(f.Stages) < 6 {
			t.Errorf("%s: runs %v, stages %v", f.Name, f.Runs, f.Stages)
		}
		if f.Forwarded == 0 && f.Name != "ipv4-scan16-100" {
			t.Errorf("%s: nothing was forwarded", f.Name)
		}
		for _, name := range extras[f.Name] {
			if f.Extra[name] <= 0 {
				t.Errorf("%s: %s is %v", f.Name, name, f.Extra[name])
			}
		}
	}
	if !slices.Equal(got, names) {
		t.Errorf("measured %q, listed %q", got, names)
	}
	for _, name := range []string{"ipv4-1-route", "ipv4-1M-routes", "ipv6-1-route", "ipv6-220k-routes"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s: its name is a promise, and it is gone", name)
		}
	}
}

// The packets of a file are forwarded as they are.
func TestPcap(t *testing.T) {
	for _, name := range []string{"ipv4-1-route", "ipv6-220k-routes-imix"} {
		dir := t.TempDir()
		if out, errs, err := fwdBench(t, "-n", "1000", "-P", dir, name); err != nil {
			t.Fatalf("-P: %v\n%s%s", err, out, errs)
		}
		list := figures(t, "-n", "1000", "-p", dir, name)
		if len(list) != 1 || list[0].Forwarded == 0 {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

// A wrong value is refused by the name of its flag.
func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-r", "0"}, {"-r", "1000"}, {"-r", "five"}, {"-s", "0"}, {"-s", "1s"}, {"-n", "10"}, {"-c", "9999"}, {"-p", "/nonexistent"},
	} {
		_, errs, err := fwdBench(t, args...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !strings.Contains(errs, args[0]+":") {
			t.Errorf("%q: %v, %q", args, err, errs)
		}
	}
	if _, errs, err := fwdBench(t, "ipv5-1-route"); err == nil || !strings.Contains(errs, "ipv5-1-route") {
		t.Errorf("an unknown case: %v, %q", err, errs)
	}
}

// What the tables weigh is said of both, and is no more than the process has.
func TestMemory(t *testing.T) {
	out, errs, err := fwdBench(t, "-n", "40000", "-m")
	if err != nil {
		t.Fatalf("-m: %v\n%s%s", err, out, errs)
	}
	var m map[string]uint64
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if m["ipv4_routes"] != 40000 || m["ipv6_routes"] != 40000 {
		t.Errorf("routes: %v", m)
	}
	for _, family := range []string{"ipv4", "ipv6"} {
		if fib := m[family+"_fib"]; fib < 40000*16 || fib > 1<<30 {
			t.Errorf("%s_fib: %d bytes", family, fib)
		}
		if m[family+"_resident"] == 0 {
			t.Errorf("%s_resident: nothing", family)
		}
	}
	if m["fib"] != m["ipv4_fib"]+m["ipv6_fib"] || m["resident"] != m["ipv4_resident"]+m["ipv6_resident"] {
		t.Errorf("sums: %v", m)
	}
}
