// SPDX-License-Identifier: BSD-3-Clause

package conf

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	File  string
	Line  int
	Field string // path of the key, such as link[1].mtu; empty for a mistake of syntax
	Msg   string
}

// String prints file:line: field: message.
func (p Problem) String() string {
	if p.Field == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Msg)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Field, p.Msg)
}

// Error is everything that is wrong with a file, in the order of its lines.
type Error []Problem

// Error prints one problem a line.
func (e Error) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Load reads and validates a file.
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse reads and validates text; name is what errors call the file. The error is an Error.
func Parse(name string, text []byte) (*Config, error) {
	var c Config
	md, err := toml.Decode(string(text), &c)
	if err != nil {
		return nil, Error{syntaxProblem(name, string(text), firstError(string(text), err))}
	}
	idx := indexLines(string(text))
	v := &validator{file: name, lines: idx}
	v.unknownKeys(md.Undecoded())
	c.fillDefaults()
	c.file, c.lines = name, idx
	v.config(&c)
	if len(v.problems) > 0 {
		sort.SliceStable(v.problems, func(i, j int) bool { return v.problems[i].Line < v.problems[j].Line })
		return nil, v.problems
	}
	return &c, nil
}

// Locate turns the StepError of a plan that leads to c into an Error that names the line of the
// file; other errors, and steps that are not in the file, stay as they are.
func (c *Config) Locate(err error) error {
	var step StepError
	if !errors.As(err, &step) {
		return err
	}
	path := c.path(step.Step)
	if path == "" {
		return err
	}
	return Error{{File: c.file, Line: c.lines.of(path), Field: path, Msg: err.Error()}}
}

// path is the key that a step comes from, "": none of this file.
func (c *Config) path(s Step) string {
	at := func(table string, i int, rest string) string {
		if i < 0 || s.Op == Del {
			return ""
		}
		return fmt.Sprintf("%s[%d]%s", table, i, rest)
	}
	linkAt := func(name string) int {
		return slices.IndexFunc(c.Links, func(l Link) bool { return l.Name == name })
	}
	switch {
	case s.Link != nil:
		return at("link", linkAt(s.Link.Name), "")
	case s.Addr != nil:
		return at("link", linkAt(s.Addr.Link), ".addresses")
	case s.Route != nil:
		return at("route", slices.IndexFunc(c.Routes, func(r Route) bool { return reflect.DeepEqual(r, *s.Route) }), "")
	case s.Neigh != nil:
		return at("neigh", slices.IndexFunc(c.Neighs, func(n Neigh) bool { return n == *s.Neigh }), "")
	case s.Sysctl != nil:
		if _, ok := c.Sysctl[s.Sysctl.Name]; ok && s.Op == Set {
			return "sysctl." + s.Sysctl.Name
		}
		if reason, ok := strings.CutPrefix(s.Sysctl.Name, puntSysctl); ok && s.Op == Set {
			return "punt." + reason
		}
	case s.Idle != nil:
		return "dataplane.idle"
	}
	return ""
}

// decodeError is the form in which the decoder reports a value of the wrong type.
var decodeError = regexp.MustCompile(`(?s)^toml: line (\d+)(?: \(last key "([^"]*)"\))?: (.*)$`)

// firstError finds which of the tables of one name (the second [[link]]) a wrong value is in: the
// decoder says the line of the last of them. It is the last table of the shortest beginning of the
// file that has an error too.
func firstError(text string, err error) error {
	lines := strings.SplitAfter(text, "\n")
	var ends []int // in lines, before a table begins
	for path, n := range indexLines(text) {
		if strings.HasSuffix(path, "]") {
			ends = append(ends, n-1)
		}
	}
	slices.Sort(ends)
	sort.Search(len(ends), func(i int) bool {
		var c Config
		_, e := toml.Decode(strings.Join(lines[:ends[i]], ""), &c)
		if e != nil {
			err = e
		}
		return e != nil
	})
	return err
}

func syntaxProblem(name, text string, err error) Problem {
	p := Problem{File: name, Line: 1, Msg: strings.TrimPrefix(err.Error(), "toml: ")}
	last := ""
	if m := decodeError.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		last, p.Msg = m[2], m[3]
	}
	var pe toml.ParseError
	if errors.As(err, &pe) {
		p.Line, last = pe.Position.Line, pe.LastKey
	}
	if p.Line < 1 {
		p.Line = 1 + strings.Count(text, "\n") // the decoder gives none at the end of the file
	}
	p.Msg = strings.Replace(p.Msg, "incompatible types: TOML value has type", "wrong type: have", 1)
	p.Msg = strings.Replace(p.Msg, "; destination has type", ", want", 1)
	p.Field = fieldAt(text, p.Line, last)
	return p
}

// fieldAt is the path of the key on a line, or what the parser saw last.
func fieldAt(text string, line int, last string) string {
	for path, n := range indexLines(text) {
		if n == line && !strings.HasSuffix(path, "]") {
			return path
		}
	}
	return last
}

// unknownKeys reports keys that no field took, each once and only the outermost.
func (v *validator) unknownKeys(keys []toml.Key) {
	count := map[string]bool{}
	for _, k := range keys {
		if len(k) > 1 && count[k[:len(k)-1].String()] {
			continue
		}
		count[k.String()] = true
		for _, path := range v.lines.matching(k) {
			v.at(path, "unknown key%s", suggestion(k))
		}
	}
}

// matching finds the paths of the file that a key without indexes stands for.
func (idx lineIndex) matching(k toml.Key) []string {
	want := strings.Join(k, ".")
	var found []string
	for path := range idx {
		if stripIndexes(path) == want {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		found = []string{want}
	}
	sort.Slice(found, func(i, j int) bool { return idx[found[i]] < idx[found[j]] })
	return found
}

func stripIndexes(path string) string {
	var b strings.Builder
	skip := false
	for _, r := range path {
		switch {
		case r == '[':
			skip = true
		case r == ']':
			skip = false
		case !skip:
			b.WriteRune(r)
		}
	}
	return b.String()
}
