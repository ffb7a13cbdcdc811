// SPDX-License-Identifier: BSD-3-Clause

// Package house tests the rules of the house: who may import whom, what stands at the top level,
// how long a file may be, and that every file says its licence.
package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// files are the files that git tracks or would track.
func files(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return walk(t)
	}
	var list []string
	for f := range strings.Lines(string(out)) {
		f = strings.TrimSpace(f)
		if _, err := os.Stat(filepath.Join(root, f)); err == nil {
			list = append(list, f)
		}
	}
	return list
}

func walk(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() && (rel == ".git" || rel == "out") {
			return filepath.SkipDir
		}
		if !d.IsDir() {
			list = append(list, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTopLevel(t *testing.T) {
	allowed := strings.Fields(`go.mod go.sum appliance dataplane controlplane nlserver conf tests vagrant
		Makefile README.md ARCHITECTURE.md LICENSE`)
	for _, f := range files(t) {
		top, _, _ := strings.Cut(f, "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(allowed, top) {
			t.Errorf("%s: %s does not belong to the top level", f, top)
		}
	}
}

// noun is the order of the control plane: each imports only those to its left.
var nouns = []string{"rtnl", "link", "addr", "neigh", "nexthop", "rule", "route", "icmp", "addrconf", "mld", "twin", "ethtool",
	"xfrm", "conntrack", "nftables", "sock", "sysctl"}

// mayImport is the rule of ARCHITECTURE.md for imports inside the module.
func mayImport(from, to string) bool {
	layer := func(p string) string { l, _, _ := strings.Cut(p, "/"); return l }
	switch {
	case from == to, layer(from) == "appliance", layer(from) == "tests":
		return true
	case strings.HasPrefix(from, "dataplane/dpif"):
		return false
	case layer(from) == "conf":
		return false
	case layer(from) == "dataplane":
		return to == "dataplane/dpif"
	case from == "controlplane":
		return layer(to) == "controlplane" || to == "dataplane/dpif"
	case layer(from) == "controlplane":
		if to == "dataplane/dpif" {
			return true
		}
		if layer(to) != "controlplane" {
			return false
		}
		a := slices.Index(nouns, strings.Split(from, "/")[1])
		b := -1
		if parts := strings.Split(to, "/"); len(parts) > 1 {
			b = slices.Index(nouns, parts[1])
		}
		return a >= 0 && b >= 0 && b < a
	case layer(from) == "nlserver":
		return layer(to) == "nlserver" || layer(to) == "controlplane" || to == "dataplane/dpif"
	}
	return false
}

func TestImports(t *testing.T) {
	checked := 0
	for _, f := range files(t) {
		if !strings.HasSuffix(f, ".go") || strings.HasPrefix(f, "dataplane/go-dpdk/") {
			continue
		}
		test := strings.HasSuffix(f, "_test.go")
		ast, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, f), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		from := filepath.ToSlash(filepath.Dir(f))
		for _, imp := range ast.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			if path == "C" && from != "dataplane" {
				t.Errorf("%s imports C: only dataplane does", f)
			}
			if strings.HasPrefix(path, "github.com/yerden/go-dpdk") && from != "dataplane" {
				t.Errorf("%s imports %s: only dataplane does", f, path)
			}
			if strings.Contains(path, ".") && (strings.HasPrefix(from, "dataplane/dpif") || from == "conf") && !test &&
				path != "github.com/BurntSushi/toml" {
				t.Errorf("%s imports %s: %s has the standard library only", f, path, from)
			}
			to, ours := strings.CutPrefix(path, "skua/")
			if !ours {
				continue
			}
			checked++
			// A test may look further, but not turn the order round.
			if test && (strings.HasPrefix(to, "tests/") || strings.HasPrefix(to, "controlplane") && strings.HasPrefix(from, "controlplane")) {
				continue
			}
			if !mayImport(from, to) {
				t.Errorf("%s: %s may not import %s", f, from, to)
			}
		}
	}
	if checked == 0 {
		t.Error("no import was checked")
	}
}

func TestTheRuleItself(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"appliance", "dataplane", true},
		{"controlplane/route", "controlplane/link", true},
		{"controlplane/link", "controlplane/route", false},
		{"controlplane/link", "dataplane", false},
		{"controlplane/link", "dataplane/dpif", true},
		{"controlplane/link", "nlserver", false},
		{"controlplane", "controlplane/icmp", true},
		{"controlplane/icmp", "controlplane", false},
		{"dataplane/dpif", "controlplane/rtnl", false},
		{"dataplane", "controlplane/rtnl", false},
		{"nlserver/rtnetlink", "controlplane", true},
		{"nlserver/rtnetlink", "dataplane", false},
		{"conf", "controlplane/link", false},
	} {
		if got := mayImport(c.from, c.to); got != c.want {
			t.Errorf("%s -> %s: %v", c.from, c.to, got)
		}
	}
}

func TestEveryFileSaysItsLicence(t *testing.T) {
	kinds := []string{".go", ".c", ".h", ".sh", ".toml", ".yml"}
	for _, f := range files(t) {
		if strings.Contains(f, "testdata/") || !slices.Contains(kinds, filepath.Ext(f)) && filepath.Base(f) != "Makefile" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, f))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 200 {
			text = text[:200]
		}
		if !strings.Contains(string(text), "SPDX-License-Identifier: BSD-3-Clause") {
			t.Errorf("%s: no licence line", f)
		}
	}
}

func TestFilesAreShortAndClean(t *testing.T) {
	for _, f := range files(t) {
		ext := filepath.Ext(f)
		if strings.Contains(f, "testdata/") || !slices.Contains([]string{".go", ".c", ".h", ".md", ".sh", ".toml"}, ext) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, f))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		if len(lines) > 501 && ext != ".md" {
			t.Errorf("%s has %d lines: would two rooms be clearer?", f, len(lines)-1)
		}
		for i, line := range lines {
			if strings.TrimRight(line, " \t\r") != line {
				t.Errorf("%s:%d: white space at the end", f, i+1)
				break
			}
		}
		if !strings.HasSuffix(string(text), "\n") {
			t.Errorf("%s: no newline at the end", f)
		}
	}
}
