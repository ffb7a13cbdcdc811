// SPDX-License-Identifier: BSD-3-Clause

package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
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

// tally counts the cases that Skua is measured by, those of them that passed, and the others.
func tally(table []result) (passed, counted, others int) {
	for i := range table {
		switch {
		case table[i].passed:
			passed++
			counted++
		case table[i].counted():
			counted++
		default:
			others++
		}
	}
	return passed, counted, others
}

func summary(table []result) string {
	passed, counted, others := tally(table)
	return fmt.Sprintf("%d of %d passed (%.1f %%); %d need what Skua does not claim",
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
