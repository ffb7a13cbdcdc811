// SPDX-License-Identifier: BSD-3-Clause

package conformance

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// attempts is how often a part may run before a case that has passed has failed: these scripts wait
// by sleeping, and machines are busy.
const attempts = 3

// ready gives the folder of the scripts, or skips the test.
func ready(t *testing.T) string {
	t.Helper()
	cache, err := filepath.Abs("../../out/conformance")
	if err != nil {
		t.Fatal(err)
	}
	switch _, err := os.Stat(filepath.Join(cache, "testsuite")); {
	case testing.Short():
		t.Skip("takes minutes")
	case os.Geteuid() != 0:
		t.Skip("namespaces need root")
	case err != nil:
		t.Skip("the tests of the kernel and of iproute2 are not there: tests/conformance/fetch out/conformance fetches them")
	}
	return cache
}

// Every case of the kernel's and of iproute2's tests that has passed passes.
func TestConformance(t *testing.T) {
	cache := ready(t)
	before, err := readBaseline()
	if err != nil {
		t.Fatal(err)
	}
	update := os.Getenv("UPDATE") != ""
	passed := map[string][]string{} // the cases that have to, by part
	for _, r := range before {
		if r.passed && !update {
			passed[r.part] = append(passed[r.part], r.name)
		}
	}
	bin := build(t)
	t.Run("NotClaimed", func(t *testing.T) { refusesNotClaimed(t, cache, bin) })
	all := parts(cache)
	tables := make([][]result, len(all))
	slots := make(chan struct{}, 2*runtime.NumCPU()) // most of them sleep most of the time
	var wait sync.WaitGroup
	for _, i := range longestFirst(all) {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			tables[i] = all[i].try(t, cache, bin, passed[all[i].name()])
		})
	}
	wait.Wait()
	var table []result
	for _, part := range tables {
		table = append(table, part...)
	}
	t.Log(summary(table))
	if update {
		if err := errors.Join(writeBaseline(table), publish(table)); err != nil {
			t.Fatal(err)
		}
	}
}

// try runs a part until all have passed that have to, and gives the last result.
func (p *part) try(t *testing.T, cache, bin string, have []string) []result {
	var results []result
	var missing []string
	var out string
	for n := range attempts {
		start := time.Now()
		out = p.run(t, cache, bin)
		results = parse(p, out)
		if missing = without(have, results); len(missing) == 0 {
			t.Logf("%s: %.1f s", p.name(), time.Since(start).Seconds())
			return results
		}
		t.Logf("%s: attempt %d: did not pass: %s\n%s", p.name(), n+1, strings.Join(missing, "; "), out)
	}
	t.Errorf("%s: no longer pass:\n  %s", p.name(), strings.Join(missing, "\n  "))
	return results
}

// without gives the names that have not passed.
func without(have []string, results []result) []string {
	ok := map[string]bool{}
	for _, r := range results {
		ok[r.name] = r.passed
	}
	var missing []string
	for _, name := range have {
		if !ok[name] {
			missing = append(missing, name)
		}
	}
	return missing
}

// build makes the program and its shim, as make does.
func build(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	shim, err := filepath.Glob("../../nlserver/shim/*.c")
	if err != nil {
		t.Fatal(err)
	}
	cc := append([]string{"cc", "-std=gnu11", "-O2", "-fPIC", "-shared", "-o", filepath.Join(bin, "skua-shim.so")}, shim...)
	for _, cmd := range [][]string{
		{"go", "build", "-buildvcs=false", "-o", filepath.Join(bin, "skua"), "skua/appliance"},
		append(cc, "-ldl", "-lpthread"),
	} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	return bin
}
