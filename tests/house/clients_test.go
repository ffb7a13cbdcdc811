// SPDX-License-Identifier: BSD-3-Clause

package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// client is a row of README's table of clients.
type client struct {
	name  string // and its version
	tests string
}

// clients reads the table: client, commands, result, tests.
func clients(t *testing.T, text string) []client {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n| client | commands | result | shown by |\n")
	if !ok {
		t.Fatal("README.md has no table of clients")
	}
	var rows []client
	for line := range strings.Lines(rest) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(line, "|--") {
			continue
		}
		if len(cells) != 4 {
			t.Errorf("%d cells in %s", len(cells), line)
			continue
		}
		rows = append(rows, client{strings.TrimPrefix(cells[0], "| "), strings.TrimSuffix(cells[3], " |")})
	}
	return rows
}

var (
	testDir  = regexp.MustCompile("^`(tests/[a-z]+)`$")
	testName = regexp.MustCompile(`^(Test\w+)(?:/(\S+))?$`)
)

// missingTests says what the last cell of a row names that is not there: `folder` TestName, ...; a
// subtest is a script of the folder's testdata, and its name may have a *.
func missingTests(cell string) (missing []string, found int) {
	dir, text := "", ""
	for _, word := range strings.FieldsFunc(cell, func(r rune) bool { return r == ' ' || r == ',' || r == ';' }) {
		if m := testDir.FindStringSubmatch(word); m != nil {
			dir, text = m[1], ""
			files, _ := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
			for _, f := range files {
				b, _ := os.ReadFile(f)
				text += string(b)
			}
			continue
		}
		m := testName.FindStringSubmatch(word)
		if m == nil || !strings.Contains(text, "\nfunc "+m[1]+"(t *testing.T) {") {
			missing = append(missing, dir+" "+word)
			continue
		}
		if m[2] != "" {
			if scripts, _ := filepath.Glob(filepath.Join(root, dir, "testdata", m[2]+".txt")); len(scripts) == 0 {
				missing = append(missing, dir+" "+word)
				continue
			}
		}
		found++
	}
	return missing, found
}

// Each client that README claims is shown by tests that are there, and none is left out.
func TestClientsAreTested(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := clients(t, string(text))
	for _, r := range rows {
		missing, found := missingTests(r.tests)
		if len(missing) > 0 || found == 0 {
			t.Errorf("README.md, %s: %d tests are there, and these are not: %q", r.name, found, missing)
		}
	}
	for _, name := range strings.Fields("ip bridge tc ss ethtool libnl zebra ospfd ospf6d isisd bgpd bfdd vrrpd BIRD keepalived radvd Go") {
		if !slices.ContainsFunc(rows, func(r client) bool {
			return regexp.MustCompile(`\b` + name + `\b`).MatchString(r.name)
		}) {
			t.Errorf("README.md: no row of the table of clients is about %s", name)
		}
	}
}

func TestTheTableOfClientsItself(t *testing.T) {
	for _, c := range []struct {
		cell    string
		missing []string
		found   int
	}{
		{"`tests/iproute` TestCompare/route4, TestCompare/link_*; `tests/house` TestClientsAreTested", nil, 3},
		{"`tests/iproute` TestCompare/nosuch", []string{"tests/iproute TestCompare/nosuch"}, 0},
		{"`tests/house` TestCompare", []string{"tests/house TestCompare"}, 0},
		{"`tests/nosuch` TestCompare", []string{"tests/nosuch TestCompare"}, 0},
		{"by hand", []string{" by", " hand"}, 0},
	} {
		missing, found := missingTests(c.cell)
		if !slices.Equal(missing, c.missing) || found != c.found {
			t.Errorf("%s: %d, missing %q", c.cell, found, missing)
		}
	}
}
