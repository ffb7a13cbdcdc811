// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func mainResults(cycles float64) []Result {
	all := []Result{{Name: machineName, Machine: &Machine{CPU: "A & B <1>", CPUs: 2, Skua: "v1", Rounds: 5, Date: "2026-01-02"}}}
	for _, name := range mainCases {
		all = append(all, Result{Name: name, Section: "forward", CyclesBest: cycles - 1, CyclesMedian: cycles, Runs: []float64{cycles}, Mpps: 50})
	}
	return all
}

func TestSameResultsDrawTheSamePicture(t *testing.T) {
	a, err := plot(mainResults(44))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := plot(mainResults(44)); a != b {
		t.Error("the same results, another picture")
	}
	if b, _ := plot(mainResults(80)); a == b {
		t.Error("other results, the same picture")
	}
	dec := xml.NewDecoder(strings.NewReader(a))
	for {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("it is no XML: %v", err)
		}
	}
	if _, err := plot(nil); err == nil {
		t.Error("a picture of nothing")
	}
}

func TestBarsAreAsLongAsTheirFigures(t *testing.T) {
	svg, err := plot(mainResults(100))
	if err != nil {
		t.Fatal(err)
	}
	width := func(class, name, figure string) float64 {
		m := regexp.MustCompile(`>` + name + `</text>\s*<rect class="` + class + `"[^>]* width="([0-9.]+)"[^>]*/>\s*<text[^>]*>` + figure + `</text>`).FindStringSubmatch(svg)
		if m == nil {
			t.Fatalf("%s has no bar of %s in\n%s", name, figure, svg)
		}
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	skua, vpp := width("skua", "Skua", "100"), width("other", "VPP", "1,009")
	if r := vpp / skua; r < 10 || r > 10.2 {
		t.Errorf("the bar of 1,009 is %.2f times that of 100", r)
	}
	for x := range strings.SplitSeq(svg, "<rect") {
		m := regexp.MustCompile(`^ class="\w+" x="(\d+)" y="(\d+)" width="([0-9.]+)"`).FindStringSubmatch(x)
		if m == nil {
			continue
		}
		left, _ := strconv.ParseFloat(m[1], 64)
		w, _ := strconv.ParseFloat(m[3], 64)
		if left+w > plotWidth-40 {
			t.Errorf("a bar ends at %v of %d: no room for its figure", left+w, plotWidth)
		}
	}
}

func TestReadmeBetweenMarkers(t *testing.T) {
	text := "a\n<!-- bench:figures -->\nold 1 | 2\n<!-- /bench:figures -->\nb\n<!-- bench:machine --><!-- /bench:machine -->c\n"
	got, err := readme(text, mainResults(44))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a\n<!-- bench:figures -->\n| case", "| yes |", "<!-- /bench:figures -->\nb\n<!-- bench:machine -->\nA & B <1>, 2 CPUs", "<!-- /bench:machine -->c\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "old 1") {
		t.Error("the old figures are still there")
	}
	if again, err := readme(got, mainResults(44)); err != nil || again != got {
		t.Errorf("once more changes it: %v", err)
	}
	for _, bad := range []string{"<!-- bench:figure -->\n<!-- /bench:figure -->", "<!-- bench:figures -->\n", "<!-- bench:figures -->\n<!-- bench:machine --><!-- /bench:figures -->", "<!-- bench:fig"} {
		if got, err := readme(bad, nil); err == nil {
			t.Errorf("%q gave %q", bad, got)
		}
	}
}

func FuzzReadme(f *testing.F) {
	f.Add("a<!-- bench:figures -->b<!-- /bench:figures -->c")
	f.Fuzz(func(t *testing.T, text string) {
		once, err := readme(text, nil)
		if err != nil {
			return
		}
		if twice, err := readme(once, nil); err != nil || twice != once {
			t.Errorf("once %q, twice %q, %v", once, twice, err)
		}
	})
}

// What README.md and the picture say is what the committed results say: no number is typed by hand.
func TestCommittedFiguresAreThoseOfTheirRun(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	results, err := readResults(filepath.Join(root, figuresJSON))
	if err != nil {
		t.Fatal(err)
	}
	svg, err := plot(results)
	if err != nil {
		t.Fatal(err)
	}
	if drawn, err := os.ReadFile(filepath.Join(root, figuresSVG)); err != nil || string(drawn) != svg {
		t.Errorf("%s is not what `out/bench -publish` makes of %s (%v)", figuresSVG, figuresJSON, err)
	}
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := readme(string(text), results)
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	if want != string(text) {
		t.Errorf("README.md is not what `out/bench -publish` makes of %s", figuresJSON)
	}
	if !strings.Contains(want, "<!-- bench:figures -->") || !strings.Contains(want, figuresSVG) {
		t.Error("README.md shows neither table nor picture")
	}
}

// TestSectionsOfALaterRun: they take the place of the older ones, and the line about the machine says
// whose they are.
func TestSectionsOfALaterRun(t *testing.T) {
	machine := func(skua string, cpus int) Result {
		return Result{Name: machineName, Machine: &Machine{CPU: "x", CPUs: cpus, Linux: "6", DPDK: "22", Skua: skua, Date: "2026-01-01", Rounds: 5}}
	}
	shown := []Result{machine("aaa", 2), {Name: "a", Section: "forward", Mpps: 1}, {Name: "b", Section: "twins", Mpps: 2}}
	later := []Result{machine("bbb", 2), {Name: "a", Section: "forward", Mpps: 3}, {Name: "b", Section: "twins", Mpps: 4}, {Name: "c", Section: "twins", Mpps: 5}}
	got, err := replaced(shown, later, "twins")
	if err != nil || len(got) != 4 || got[1].Mpps != 1 || got[2].Mpps != 4 || got[3].Mpps != 5 {
		t.Fatalf("%v %+v", err, got)
	}
	if line := machineLine(got); line != "x, 2 CPUs, Linux 6, DPDK 22; Skua aaa, 2026-01-01, 5 runs;\nSkua bbb, 2026-01-01, 5 runs: twins.\n" {
		t.Errorf("%q", line)
	}
	if _, err := replaced(shown, append([]Result{machine("bbb", 4)}, later[1:]...), "twins"); err == nil {
		t.Error("figures of another machine are taken")
	}
	if _, err := replaced(shown, later, "nosuch"); err == nil {
		t.Error("a section that is not there is taken")
	}
}
