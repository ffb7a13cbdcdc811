// SPDX-License-Identifier: BSD-3-Clause

package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

const baselineFile = "baseline.tsv"

// readBaseline gives the table that is committed; none is empty.
func readBaseline() ([]result, error) {
	b, err := os.ReadFile(baselineFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var table []result
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(f) != 4 {
			return nil, fmt.Errorf("%s: %q has %d columns, not 4", baselineFile, line, len(f))
		}
		table = append(table, result{f[0], f[1], f[2] == "passed", f[3]})
	}
	return table, nil
}

// tally counts the cases that Skua is measured by, those of them that passed, and those that need a
// device type which it does not have.
func tally(table []result) (passed, counted, others int) {
	for i := range table {
		switch r := &table[i]; {
		case strings.HasPrefix(r.why, needs):
			others++
		case !r.counted():
		case r.passed:
			passed++
			counted++
		default:
			counted++
		}
	}
	return passed, counted, others
}

func summary(table []result) string {
	passed, counted, others := tally(table)
	return fmt.Sprintf("%d of %d cases pass (%.1f %%); %d more need a device type that Skua does not have",
		passed, counted, 100*float64(passed)/float64(max(counted, 1)), others)
}

func writeBaseline(table []result) error {
	var b strings.Builder
	b.WriteString("# SPDX-License-Identifier: BSD-3-Clause\n# Made by `make conformance UPDATE=1`. script, case, result, why\n")
	fmt.Fprintf(&b, "# %s\n", summary(table))
	for _, r := range table {
		verdict := "failed"
		if r.passed {
			verdict = "passed"
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", r.part, r.name, verdict, r.why)
	}
	return os.WriteFile(baselineFile, []byte(b.String()), 0o644)
}

const readme = "../../README.md"

// figure is where README says what the table comes to.
var figure = regexp.MustCompile(`(<!-- conformance -->)[^<]*(<!-- /conformance -->)`)

// publish writes what the table comes to into README.
func publish(table []result) error {
	b, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	return os.WriteFile(readme, figure.ReplaceAll(b, []byte("${1}"+summary(table)+"${2}")), 0o644)
}

// README says what the table says, and that is at least what is aimed at.
func TestPublished(t *testing.T) {
	table, err := readBaseline()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	m := figure.FindSubmatch(b)
	if m == nil || !strings.Contains(string(m[0]), summary(table)) {
		t.Errorf("README says %q, the table comes to %q: make conformance UPDATE=1", m, summary(table))
	}
	if passed, counted, _ := tally(table); passed*100 < counted*85 {
		t.Errorf("%d of %d are less than 85 %%", passed, counted)
	}
}
