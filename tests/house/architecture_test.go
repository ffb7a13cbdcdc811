// SPDX-License-Identifier: BSD-3-Clause

package house

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The ways that ARCHITECTURE.md draws are blocks fenced with ```way. Each line names a function
// and its file; a line that is indented deeper is called by the one above it, and siblings stand in
// the order in which their caller names them.
//
//	net_rx_action            dataplane/net/core/net_rx_action.c
//	  ethdev_rx              dataplane/drivers/ethdev_rx.c
//	  ip_list_rcv            dataplane/net/ipv4/ip_input.c

type step struct {
	name, file string
	depth      int
	line       int
}

func ways(t *testing.T, text string) [][]step {
	t.Helper()
	var all [][]step
	var way []step
	in := false
	for n, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "```way"):
			in, way = true, nil
		case in && strings.HasPrefix(line, "```"):
			in = false
			all = append(all, way)
		case in && strings.TrimSpace(line) != "":
			fields := strings.Fields(line)
			if len(fields) < 2 {
				t.Fatalf("ARCHITECTURE.md:%d: want a function and its file", n+1)
			}
			indent := len(line) - len(strings.TrimLeft(line, " "))
			way = append(way, step{fields[0], fields[1], indent / 2, n + 1})
		}
	}
	return all
}

// lies returns what is not so in a way.
func lies(way []step, source func(file string) (string, error)) []string {
	var found []string
	var callers []step            // by depth
	after := map[int]int{}        // by depth: where in its caller's body the last sibling was named
	bodies := map[string]string{} // by file and function
	for _, s := range way {
		say := func(format string, args ...any) {
			found = append(found, fmt.Sprintf("line %d: %s: ", s.line, s.name)+fmt.Sprintf(format, args...))
		}
		text, err := source(s.file)
		if err != nil {
			say("%v", err)
			continue
		}
		body := bodyOf(text, s.name)
		if body == "" {
			say("is not defined in %s", s.file)
		}
		if s.depth > len(callers) {
			say("is indented by more than one step")
			continue
		}
		callers = callers[:s.depth]
		if s.depth > 0 {
			caller := callers[s.depth-1]
			in := bodies[caller.file+":"+caller.name]
			at := after[s.depth]
			if s.depth >= 1 && len(in) < at {
				at = 0
			}
			i := named(in[at:], s.name)
			switch {
			case i >= 0:
				after[s.depth] = at + i + 1
			case named(in, s.name) >= 0:
				say("is named by %s before its elder sibling", caller.name)
			default:
				say("is not named by %s", caller.name)
			}
		}
		callers = append(callers, s)
		bodies[s.file+":"+s.name] = body
		after[s.depth+1] = 0
	}
	return found
}

// named is where in a body a function is called or handed on, -1: nowhere.
func named(body, name string) int {
	if i := strings.LastIndex(name, "."); i >= 0 {
		name = name[i+1:]
	}
	loc := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).FindStringIndex(body)
	if loc == nil {
		return -1
	}
	return loc[0]
}

// bodyOf cuts the body of a C or Go function out of a source; Type.method names a method of Go.
func bodyOf(text, name string) string {
	text = comments.ReplaceAllStringFunc(text, func(c string) string { return strings.Repeat(" ", len(c)) })
	pattern := `(?m)^[A-Za-z_][\w \t*]*[ \t*]` + regexp.QuoteMeta(name) + `\([^;{}]*\)\s*\{`
	if typ, method, ok := strings.Cut(name, "."); ok {
		pattern = `(?m)^func \(\w+ \*?` + typ + `\) ` + method + `\(.*\{`
	} else if strings.Contains(text, "\npackage ") || strings.HasPrefix(text, "package ") {
		pattern = `(?m)^func ` + regexp.QuoteMeta(name) + `\(.*\{`
	}
	loc := regexp.MustCompile(pattern).FindStringIndex(text)
	if loc == nil {
		return ""
	}
	depth := 1
	for i := loc[1]; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return text[loc[1]:i]
			}
		}
	}
	return ""
}

var comments = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)

func TestArchitectureDrawsTheCode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	drawn := ways(t, string(text))
	if len(drawn) < 3 {
		t.Errorf("%d ways are drawn: want those of a forwarded, a local and an injected packet", len(drawn))
	}
	for _, way := range drawn {
		for _, lie := range lies(way, func(file string) (string, error) {
			b, err := os.ReadFile(filepath.Join(root, file))
			return string(b), err
		}) {
			t.Errorf("ARCHITECTURE.md: %s", lie)
		}
	}
}

func TestLiesAreFound(t *testing.T) {
	c := `
static int first(struct x *p)
{
	/* second(p) is not called here */
	if (p) {
		third(p);
	}
	return NF_HOOK(p, fourth);
}
static void third(struct x *p) { }
int fourth(int a,
	   int b)
{
	return a;
}
`
	source := func(string) (string, error) { return c, nil }
	for _, x := range []struct {
		way  string
		lies int
	}{
		{"first a.c\n  third a.c\n  fourth a.c\n", 0},
		{"first a.c\n  fourth a.c\n  third a.c\n", 1},
		{"first a.c\n  second a.c\n", 2},
		{"second a.c\n", 1},
		{"first a.c\n    third a.c\n", 1},
	} {
		all := ways(t, "```way\n"+x.way+"```\n")
		if got := lies(all[0], source); len(got) != x.lies {
			t.Errorf("%q: %q, want %d", x.way, got, x.lies)
		}
	}
}
