// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// step is one line of a script.
type step struct {
	line  int
	verb  string // ip or another of tools, sysctl, carrier, wait, monitor, monitor-end, batch
	args  []string
	stdin string // batch
	wait  time.Duration
}

// text is the line as it is shown.
func (s step) text() string {
	return fmt.Sprintf("%d: %s %s", s.line, s.verb, strings.Join(s.args, " "))
}

// script is a file of testdata.
type script struct {
	steps    []step
	addrconf bool
	kernel   string // the least release to compare with
	skip     string
}

// answer is what a step came to.
type answer struct {
	stdout, stderr string
	code           int
}

func readScript(path string) (*script, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &script{}
	lines := strings.Split(string(b), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if opt, ok := strings.CutPrefix(line, "#! "); ok {
			if err := s.option(opt); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		words, err := split(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		st := step{line: i + 1, verb: words[0], args: words[1:]}
		if st.verb == "batch" {
			for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "end"; i++ {
				st.stdin += lines[i] + "\n"
			}
		}
		if err := st.check(); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, st.line, err)
		}
		s.steps = append(s.steps, st)
	}
	return s, nil
}

func (s *script) option(opt string) error {
	word, rest, _ := strings.Cut(opt, " ")
	switch word {
	case "addrconf":
		s.addrconf = true
	case "kernel":
		s.kernel = rest
	case "needs":
		if _, err := exec.LookPath(rest); err != nil {
			s.skip = "needs " + rest + " (make deps)"
		}
	case "skip":
		s.skip = rest
	default:
		return fmt.Errorf("unknown option %q", word)
	}
	return nil
}

func (s *step) check() (err error) {
	want := -1
	switch s.verb {
	case "ip", "bridge", "tc", "ethtool", "ifconfig", "route", "arp", "genl", "monitor", "batch":
	case "run", "watch":
		if len(s.args) == 0 {
			return fmt.Errorf("%s wants a program", s.verb)
		}
	case "sysctl":
		want = 1
	case "carrier":
		want = 2
	case "monitor-end":
		want = 0
	case "wait":
		if want = 1; len(s.args) == 1 {
			s.wait, err = time.ParseDuration(s.args[0])
		}
	default:
		return fmt.Errorf("unknown verb %q", s.verb)
	}
	if want >= 0 && len(s.args) != want {
		return fmt.Errorf("%s takes %d words", s.verb, want)
	}
	return err
}

// split splits a line into words; '...' and "..." keep spaces.
func split(line string) (words []string, err error) {
	var word strings.Builder
	quote, open := rune(0), false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case c == ' ' || c == '\t':
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed")
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}
