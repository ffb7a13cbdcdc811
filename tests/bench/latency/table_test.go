// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What was measured replaces what was there; what was not stays.
func TestPublish(t *testing.T) {
	const page = "a\n<!-- latency:memif -->\nold\n<!-- /latency:memif -->\nb\n<!-- latency:stalls -->\nkept\n<!-- /latency:stalls -->\nc\n"
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	var run memifRun
	run.Case, run.Rates = "IPv4", []rateRun{{Load: "50%", Mpps: 4.25, Latency: times{P50: 1500, Max: 9000}}}
	if err := publish(file, report{Memif: []memifRun{run}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if !strings.Contains(got, "| IPv4 |  | 50% | 4.25 | 0 | 1.5 | 0.0 | 0.0 | 9.0 |") || strings.Contains(got, "old") ||
		!strings.HasPrefix(got, "a\n<!-- latency:memif -->\n|") ||
		!strings.HasSuffix(got, "|\n<!-- /latency:memif -->\nb\n<!-- latency:stalls -->\nkept\n<!-- /latency:stalls -->\nc\n") {
		t.Errorf("the page became\n%s", got)
	}
	if err := os.WriteFile(file, []byte("nothing here\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := publish(file, report{Stalls: []stall{{While: "x"}}}); err == nil {
		t.Error("a page without marks is no error")
	}
}
