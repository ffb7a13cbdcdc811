// SPDX-License-Identifier: BSD-3-Clause

package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// result is a row of the table.
type result struct {
	part, name string
	passed     bool
	why        string // when it did not pass
}

// wholeRun is the case of a part that says whether it came to its end.
const wholeRun = "(comes to its end)"

// command stands before what scripts run when they are asked to be verbose.
const command = "COMMAND: "

var (
	columns = regexp.MustCompile(`^\s*(?:TEST: )?(.*?)\s*\[\s?(OK|FAIL|SKIP|XFAIL)\s?\]\s*$`)
	lines   = regexp.MustCompile(`^(PASS|FAIL|SKIP): (.*)$`)
	ended   = regexp.MustCompile(`^conformance: exit status (\d+)$`)
)

// parse finds the cases in what a part printed: "TEST: name [ OK ]", or "PASS: name".
func parse(p *part, out string) []result {
	var results []result
	var context []string
	seen := map[string]int{}
	add := func(name, verdict string) {
		name = randomUUID.ReplaceAllString(name, "UUID")
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s #%d", name, seen[name])
		}
		r := result{part: p.name(), name: name, passed: verdict == "OK" || verdict == "PASS"}
		if slices.Contains(unchecked, name) {
			r.passed = false
		}
		if d := device(r.part, name); d != "" && name != wholeRun {
			r.why = needs + d
		} else if !r.passed {
			r.why = why(r.part, name, context)
		}
		results, context = append(results, r), nil
	}
	status := "none"
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, " \t\r\n")
		if m := columns.FindStringSubmatch(line); m != nil {
			add(m[1], m[2])
		} else if m := lines.FindStringSubmatch(line); m != nil {
			add(strings.TrimSpace(m[2]), m[1])
		} else if m := ended.FindStringSubmatch(line); m != nil {
			status = m[1]
		} else if line != "" {
			context = append(context, line)
		}
	}
	for _, name := range unreached[p.name()] {
		if seen[name] == 0 {
			add(name, "FAIL")
		}
	}
	verdict := "FAIL"
	if (status == "0" || status == "1") && len(results) > 0 {
		verdict = "OK"
	}
	if status == "124" || status == "137" {
		context = append(context, "it takes longer than its limit")
	}
	add(wholeRun, verdict)
	return results
}

// counted says whether a case is one of those that Skua is measured by: not those that need a device
// type which it does not have, nor that a script comes to its end, which is no case of its authors'.
func (r *result) counted() bool {
	return !strings.HasPrefix(r.why, needs) && (r.name != wholeRun || !r.passed)
}

var complaint = regexp.MustCompile(`(?i)error|answers|cannot|can't|not found|failed|longer|unknown|invalid`)

// why says in a line why a case did not pass: what was complained of, or what was expected of which
// command.
func why(part, name string, context []string) string {
	if k := knownWhy(part, name); k != "" {
		return k
	}
	last := ""
	for i, line := range slices.Backward(context) {
		if _, cmd, ok := strings.Cut(line, command); ok {
			last, context = cmd, context[i+1:]
			break
		}
	}
	for _, line := range slices.Backward(context) {
		if complaint.MatchString(line) {
			return clip(line)
		}
	}
	return clip(last)
}

// Names that a script makes up, which are others each time.
var (
	randomName = regexp.MustCompile(`dev-[A-Za-z]{6}`)
	randomUUID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

func clip(s string) string {
	s = randomName.ReplaceAllString(s, "dev-XXXXXX")
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 100 {
		s = s[:100]
	}
	return s
}

func TestParse(t *testing.T) {
	p := &part{script: "x.sh", group: "g"}
	out := "TEST: one    [ OK ]\nError: no.\n    TEST: two      [FAIL]\nCOMMAND: ip x\nTEST: one  [FAIL]\nPASS: three\n" +
		"PASS: tests/tc/cbq.t\nconformance: exit status 1\n"
	want := []result{
		{"x.sh g", "one", true, ""}, {"x.sh g", "two", false, "Error: no."}, {"x.sh g", "one #2", false, "ip x"},
		{"x.sh g", "three", true, ""}, {"x.sh g", "tests/tc/cbq.t", false, ""}, {"x.sh g", wholeRun, true, ""},
	}
	if got := parse(p, out); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if got := parse(p, "Cannot do it\nconformance: exit status 124\n"); got[0].passed || !strings.Contains(got[0].why, "longer") {
		t.Errorf("of a part that does not end: %v", got)
	}
}

// What counts: not a device type that is not there, whatever the case came to, and nothing else.
func TestTally(t *testing.T) {
	out := "PASS: gretap\nFAIL: bridge setup\nFAIL: tc htb hierarchy\nFAIL: ipsec\nPASS: route get\nconformance: exit status 1\n"
	passed, counted, others := tally(parse(&part{script: "rtnetlink.sh"}, out))
	if passed != 1 || counted != 3 || others != 2 {
		t.Errorf("%d of %d passed, %d others", passed, counted, others)
	}
	_, counted, _ = tally(parse(&part{script: "fib_tests.sh", group: "rp_filter"}, "conformance: exit status 2\n"))
	if counted != 3 { // both of its cases, and that it gave up
		t.Errorf("%d cases of one that gives up, want 3", counted)
	}
}
