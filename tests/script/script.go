// SPDX-License-Identifier: BSD-3-Clause

// Package script runs packet scripts: txtar files that say what a router is given (ip commands,
// sysctls, frames) and which frames it sends. The same file runs on the Linux kernel and on Skua.
// README.md documents the format.
package script

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"skua/tests/pkt"
)

// Script is a parsed file.
type Script struct {
	Name    string // of the file, without .txtar
	Comment string
	Links   []Link
	Hosts   []Host
	DAD     bool     // "option dad": duplicate address detection runs
	Noise   bool     // "option noise": nothing that is received is ignored
	Needs   []string // "option needs KIND": kinds of links that not every kernel has
	Cases   []Case
	Names   pkt.Names
}

// Link is a link of the router.
type Link struct {
	Name  string
	MAC   [6]byte
	MTU   int // 0: 1500
	Addrs []netip.Prefix
	Down  bool
}

// Host is a station behind a link, which the script plays.
type Host struct {
	Name       string
	Link       string
	MAC        [6]byte
	Addrs      []netip.Addr
	Unresolved bool // the router is not given its neighbour entries
}

// Case is a section of lines: a test of its own, on the state that the sections before left.
type Case struct {
	Name  string
	Steps []Step
}

// Step is one line.
type Step struct {
	Line   int // in the file
	Verb   string
	Words  []string    // what follows the verb
	Packet []pkt.Layer // what is in braces
	Text   string      // the same as text
	After  []string    // the words after the braces
	Fails  bool        // "!" before the verb
	Repeat int         // "repeat N" before the verb
}

// Load reads the scripts that the pattern matches.
func Load(pattern string) ([]*Script, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var scripts []*Script
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s, err := Parse(strings.TrimSuffix(filepath.Base(file), ".txtar"), string(data))
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, s)
	}
	return scripts, nil
}

// Parse reads a file. Errors say file:line.
func Parse(name, text string) (*Script, error) {
	s := &Script{Name: name, Names: pkt.Names{
		MAC: map[string]string{}, IP4: map[string]string{}, IP6: map[string]string{},
	}}
	section := ""
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		at := i + 1
		line := lines[i]
		if n, ok := strings.CutPrefix(line, "-- "); ok {
			section = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(n), "--"))
			if section != "topology" {
				s.Cases = append(s.Cases, Case{Name: section})
			}
			continue
		}
		if section == "" {
			s.Comment += line + "\n"
			continue
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		for strings.Contains(line, "{") && !strings.Contains(line, "}") {
			if i++; i == len(lines) {
				return nil, fmt.Errorf("%s:%d: { without }", name, at)
			}
			line += " " + strings.TrimSpace(lines[i])
		}
		var err error
		if section == "topology" {
			err = s.topology(strings.Fields(line))
		} else {
			c := &s.Cases[len(s.Cases)-1]
			var step Step
			if step, err = s.step(line); err == nil {
				step.Line = at
				c.Steps = append(c.Steps, step)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, at, err)
		}
	}
	if len(s.Links) == 0 || len(s.Cases) == 0 {
		return nil, fmt.Errorf("%s: no topology, or no cases", name)
	}
	return s, nil
}

func (s *Script) topology(words []string) error {
	switch {
	case words[0] == "option" && len(words) == 2 && words[1] == "dad":
		s.DAD = true
	case words[0] == "option" && len(words) == 2 && words[1] == "noise":
		s.Noise = true
	case words[0] == "option" && len(words) == 3 && words[1] == "needs":
		s.Needs = append(s.Needs, words[2])
	case words[0] == "link" && len(words) >= 3:
		l := Link{Name: words[1]}
		if err := parseMAC(words[2], &l.MAC); err != nil {
			return err
		}
		for i := 3; i < len(words); i++ {
			switch {
			case words[i] == "down":
				l.Down = true
			case words[i] == "mtu" && i+1 < len(words):
				i++
				n, err := strconv.Atoi(words[i])
				if err != nil {
					return err
				}
				l.MTU = n
			default:
				p, err := netip.ParsePrefix(words[i])
				if err != nil {
					return err
				}
				l.Addrs = append(l.Addrs, p)
				s.address(l.Name, p.Addr())
			}
		}
		s.Names.MAC[l.Name] = words[2]
		s.Links = append(s.Links, l)
	case words[0] == "host" && len(words) >= 4:
		h := Host{Name: words[1], Link: words[2]}
		if err := parseMAC(words[3], &h.MAC); err != nil {
			return err
		}
		for _, w := range words[4:] {
			if w == "unresolved" {
				h.Unresolved = true
				continue
			}
			a, err := netip.ParseAddr(w)
			if err != nil {
				return err
			}
			h.Addrs = append(h.Addrs, a)
			s.address(h.Name, a)
		}
		s.Names.MAC[h.Name] = words[3]
		s.Hosts = append(s.Hosts, h)
	default:
		return fmt.Errorf("topology does not know %q", strings.Join(words, " "))
	}
	return nil
}

// address lets a name stand for its first address of each family.
func (s *Script) address(name string, a netip.Addr) {
	names := s.Names.IP6
	if a.Is4() {
		names = s.Names.IP4
	}
	if names[name] == "" {
		names[name] = a.String()
	}
}

func parseMAC(text string, to *[6]byte) error {
	hw, err := net.ParseMAC(text)
	if err == nil && len(hw) != 6 {
		err = fmt.Errorf("%s is not 6 bytes", text)
	}
	if err == nil {
		copy(to[:], hw)
	}
	return err
}

var verbs = map[string]bool{
	"ip": true, "sysctl": true, "send": true, "expect": true, "advance": true, "carrier": true,
	"flows": true, "drain": true,
}

func (s *Script) step(line string) (Step, error) {
	st := Step{Repeat: 1}
	if rest, ok := strings.CutPrefix(line, "!"); ok {
		st.Fails, line = true, strings.TrimSpace(rest)
	}
	head, body, braces := strings.Cut(line, "{")
	words := strings.Fields(head)
	if len(words) > 2 && words[0] == "repeat" {
		n, err := strconv.Atoi(words[1])
		if err != nil {
			return st, err
		}
		st.Repeat, words = n, words[2:]
	}
	if len(words) == 0 || !verbs[words[0]] {
		return st, fmt.Errorf("no verb in %q", line)
	}
	st.Verb, st.Words = words[0], words[1:]
	if braces {
		inside, after, _ := strings.Cut(body, "}")
		st.Text, st.After = strings.TrimSpace(inside), strings.Fields(after)
		packet, err := pkt.Parse(strings.ReplaceAll(st.Text, "%n", "1"), s.Names)
		if err != nil {
			return st, err
		}
		st.Packet = packet
	}
	return st, s.check(&st)
}

// check refuses what could only fail when it runs.
func (s *Script) check(st *Step) error {
	n := len(st.Words)
	switch st.Verb {
	case "send", "flows":
		if n == 0 || !s.hasLink(st.Words[n-1]) || st.Packet == nil {
			return fmt.Errorf("%s LINK { packet }", st.Verb)
		}
	case "expect":
		if n == 1 && st.Words[0] == "none" {
			return nil
		}
		if n == 0 || !s.hasLink(st.Words[0]) || st.Packet == nil && (n != 2 || st.Words[1] != "none") {
			return fmt.Errorf("expect none, expect LINK none, expect LINK [any | count N] { packet }")
		}
	case "advance":
		if n != 1 {
			return fmt.Errorf("advance DURATION")
		}
		_, err := time.ParseDuration(st.Words[0])
		return err
	case "carrier":
		if n != 2 || !s.hasLink(st.Words[0]) || st.Words[1] != "up" && st.Words[1] != "down" {
			return fmt.Errorf("carrier LINK up|down")
		}
	case "sysctl":
		if n != 1 || !strings.Contains(st.Words[0], "=") {
			return fmt.Errorf("sysctl NAME=VALUE")
		}
	}
	return nil
}

func (s *Script) hasLink(name string) bool {
	for _, l := range s.Links {
		if l.Name == name {
			return true
		}
	}
	return false
}
