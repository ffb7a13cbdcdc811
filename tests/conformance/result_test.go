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
		if !r.passed {
			r.why = why(p, name, verdict, context)
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

// notClaimed are what cases need that Skua does not say that it has: they do not count.
var notClaimed = []struct {
	re   *regexp.Regexp
	what string
}{
	{regexp.MustCompile(`(?i)\btc\b|htb|qdisc|tests?/?tc/|dsmark|pedit|policer|flower`), "traffic control"},
	{regexp.MustCompile(`^rp_filter\n`), "traffic control"}, // which it redirects packets with
	{regexp.MustCompile(`(?i)bareudp`), "device type bareudp"},
	{regexp.MustCompile(`ip netconf show test-dummy0`), "device type bridge"}, // as the case before it
	{regexp.MustCompile(`(?i)ip6?gre|netconf show neta|\bgre\b|gretap|erspan`), "device type gre"},
	{regexp.MustCompile(`(?i)vxlan|vx10|\bfdb\b`), "device type vxlan"},
	{regexp.MustCompile(`(?i)macsec`), "device type macsec"},
	{regexp.MustCompile(`(?i)netdevsim`), "netdevsim"},
	{regexp.MustCompile(`(?i)\bfou\b`), "FOU"},
	{regexp.MustCompile(`(?i)\bipsec\b|xfrm`), "IPsec"},
	{regexp.MustCompile(`(?i)bridge|test-br0|testbr-vlan`), "device type bridge"},
	{regexp.MustCompile(`(?i)tunnel/|\btunnel\b`), "tunnels"},
	{regexp.MustCompile(`(?i)addrlabel`), "address labels"},
	{regexp.MustCompile(`(?i)ssfilter`), "sockets of its own (ss)"},
	{regexp.MustCompile(`(?i)mpls|lwtunnel|encap`), "MPLS"},
	{regexp.MustCompile(`(?i)vf_rate`), "iproute2 built from its source"},
	{regexp.MustCompile(`(?i)nettest|mausezahn|socat`), "a program that Debian has not packaged or the script does not find"},
}

const needs = "needs "

// counted says whether a case is one of those that Skua is measured by.
func (r *result) counted() bool { return !strings.HasPrefix(r.why, needs) }

var complaint = regexp.MustCompile(`(?i)error|answers|cannot|can't|not found|failed|longer|unknown|invalid`)

// why says in a line why a case did not pass: what it needs, or what was complained of.
func why(p *part, name, verdict string, context []string) string {
	text := p.group + "\n" + name
	if name == wholeRun || verdict == "SKIP" {
		text = p.group + "\n" + name + "\n" + strings.Join(context, "\n")
	}
	for _, n := range notClaimed {
		if n.re.MatchString(text) {
			return needs + n.what + ", not claimed"
		}
	}
	for _, line := range slices.Backward(context) {
		if complaint.MatchString(line) {
			return clip(line)
		}
	}
	if verdict == "SKIP" {
		return "skipped"
	}
	return ""
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
	out := "TEST: one    [ OK ]\nError: no.\n    TEST: two      [FAIL]\nTEST: one  [FAIL]\nPASS: three\nFAIL: gretap\n" +
		"conformance: exit status 1\n"
	want := []result{
		{"x.sh g", "one", true, ""}, {"x.sh g", "two", false, "Error: no."}, {"x.sh g", "one #2", false, ""},
		{"x.sh g", "three", true, ""}, {"x.sh g", "gretap", false, "needs device type gre, not claimed"},
		{"x.sh g", wholeRun, true, ""},
	}
	if got := parse(p, out); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if got := parse(p, "Cannot do it\nconformance: exit status 124\n"); got[0].passed || !strings.Contains(got[0].why, "longer") {
		t.Errorf("of a part that does not end: %v", got)
	}
}
