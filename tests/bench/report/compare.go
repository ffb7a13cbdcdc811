// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// make bench-compare: fwd_bench of two commits, each case of one right after the same of the other,
// the first now being this one and now that.

// mainCases are compared when nobody names others.
var mainCases = []string{"ipv4-1-route", "ipv4-1M-routes", "ipv6-1-route", "ipv6-220k-routes"}

// compareRounds is enough to forgive a disturbed run on either side, see ratioSpread.
const compareRounds = 9

// comparison is a case of both, run by run.
type comparison struct {
	name       string
	base, head []figure
}

// compare measures the working tree against a commit.
func (b *bench) compare(rev string, cases []string) error {
	commit := said("git", "rev-parse", "--short", "--verify", rev+"^{commit}")
	if commit == "" {
		return fmt.Errorf("BASE: git knows no commit %q", rev)
	}
	base, remove, err := buildCommit(commit)
	if err != nil {
		return err
	}
	defer remove()
	known, err := inBoth(base, fwdProgram, cases)
	if err != nil {
		return err
	}
	fmt.Printf("%v\nload %.2f, %d rounds of %d cases: %s against the working tree\n\n", b.machine, b.machine.LoadBefore, b.rounds,
		len(known), commit)
	all := make([]comparison, len(known))
	for i, name := range known {
		all[i].name = name
	}
	for round := range b.rounds {
		before := b.probe()
		for i := range all {
			if err := b.compareOnce(&all[i], base, round%2 == 1); err != nil {
				return err
			}
		}
		fmt.Printf("round %d of %d, CPUs %s\n", round+1, b.rounds, placement(before, b.probe()))
	}
	fmt.Printf("\nTSC cycles per packet of the whole loop; the ratio is the working tree's to that of %s in the same round,\n"+
		"its spread is over the rounds%s\n\n%v", commit, trimmed(b.rounds), compared(all))
	return nil
}

// compareOnce measures a case of both.
func (b *bench) compareOnce(c *comparison, base string, headFirst bool) error {
	sides := []struct {
		program string
		to      *[]figure
	}{{base, &c.base}, {fwdProgram, &c.head}}
	if headFirst {
		slices.Reverse(sides)
	}
	for _, s := range sides {
		f, err := b.fwdBench(s.program, []string{c.name})
		if err != nil {
			return fmt.Errorf("%s: %w", s.program, err)
		}
		*s.to = append(*s.to, f[0])
	}
	return nil
}

// inBoth is which of the cases both programs know, in the order given; without any, the main ones.
func inBoth(base, head string, cases []string) ([]string, error) {
	hasBase, err := fwdCases(base)
	if err != nil {
		return nil, err
	}
	hasHead, err := fwdCases(head)
	if err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		cases = mainCases
	}
	var known []string
	for _, name := range cases {
		switch {
		case !slices.Contains(hasHead, name):
			return nil, fmt.Errorf("there is no case %q, there are %s", name, strings.Join(hasHead, ", "))
		case !slices.Contains(hasBase, name):
			fmt.Printf("%s: the older one does not know this case\n", name)
		default:
			known = append(known, name)
		}
	}
	if len(known) == 0 {
		return nil, errors.New("there is no case that both know")
	}
	return known, nil
}

// buildCommit builds the fwd_bench of a commit in a worktree of its own, with that commit's script.
func buildCommit(commit string) (program string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "bench-compare")
	if err != nil {
		return "", nil, err
	}
	tree := filepath.Join(dir, "tree")
	remove = func() {
		// the directory goes in any case, and prune forgets what was in it
		_ = exec.Command("git", "worktree", "remove", "--force", tree).Run()
		_ = os.RemoveAll(dir)
		_ = exec.Command("git", "worktree", "prune").Run()
	}
	defer func() {
		if err != nil {
			remove()
		}
	}()
	program = filepath.Join(dir, "fwd_bench")
	for _, line := range [][]string{
		{"git", "worktree", "add", "--quiet", "--detach", tree, commit},
		{filepath.Join(tree, "tests/bench/build.sh"), program},
	} {
		if text, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
			return "", nil, fmt.Errorf("%s: %w\n%s", strings.Join(line, " "), err, text)
		}
	}
	return program, remove, nil
}

// compared is the table of it.
func compared(all []comparison) *table {
	t := newTable("case", "base best", "base median", "best", "median", "ratio", "its spread", "")
	for _, c := range all {
		base, head := cyclesOf(c.base), cyclesOf(c.head)
		r := ratios(head, base)
		low, high := ratioSpread(r)
		t.add(c.name, number(slices.Min(bestOf(c.base))), number(median(base)), number(slices.Min(bestOf(c.head))), number(median(head)),
			fmt.Sprintf("%.3f", median(r)), fmt.Sprintf("%.3f - %.3f", low, high), verdict(len(r), low, high))
	}
	return t
}

func cyclesOf(figures []figure) []float64 {
	var v []float64
	for _, f := range figures {
		v = append(v, f.CyclesMedian)
	}
	return v
}

func bestOf(figures []figure) []float64 {
	var v []float64
	for _, f := range figures {
		v = append(v, f.CyclesBest)
	}
	return v
}

// ratioSpread is the least and the greatest ratio. From nine on the one lowest and the one highest
// are left out: a disturbance of one run is no difference. If nothing had changed, all but one of
// nine would lie on one side of 1 by chance in 4 of 100 comparisons, all of five in 6.
func ratioSpread(r []float64) (low, high float64) {
	s := slices.Sorted(slices.Values(r))
	if len(s) >= compareRounds {
		s = s[1 : len(s)-1]
	}
	return s[0], s[len(s)-1]
}

func trimmed(rounds int) string {
	if rounds >= compareRounds {
		return " without the lowest and the highest"
	}
	return ""
}

// verdict says of what exceeds the spread, by the whole of it lying on one side of 1.
func verdict(rounds int, low, high float64) string {
	switch {
	case rounds < 5:
		return "too few rounds"
	case high < 1:
		return "faster"
	case low > 1:
		return "slower"
	}
	return "within the spread"
}
