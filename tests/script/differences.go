// SPDX-License-Identifier: BSD-3-Clause

package script

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// Difference is a case in which Skua does something else than the kernel, on purpose.
type Difference struct {
	Script string // file without .txtar
	Case   string // section; what Skua does instead is the section Case@skua
	Reason string
}

// LoadDifferences reads the one file that lists them.
func LoadDifferences(file string) ([]Difference, error) {
	var f struct{ Difference []Difference }
	meta, err := toml.DecodeFile(file, &f)
	if err == nil && len(meta.Undecoded()) > 0 {
		err = fmt.Errorf("%s: unknown key %s", file, meta.Undecoded()[0])
	}
	return f.Difference, err
}

const skuaSuffix = "@skua"

// skuaCase says whether a section is Skua's side of a difference, and of which.
func skuaCase(section string) (string, bool) { return strings.CutSuffix(section, skuaSuffix) }

// check says what is wrong with an entry: its script or one of its sections is not there.
func (d *Difference) check(scripts []*Script) error {
	for _, s := range scripts {
		if s.Name != d.Script {
			continue
		}
		for _, name := range []string{d.Case, d.Case + skuaSuffix} {
			if s.find(name) == nil {
				return fmt.Errorf("differences: %s has no section %s", d.Script, name)
			}
		}
		return nil
	}
	return fmt.Errorf("differences: no script %s", d.Script)
}

func (s *Script) find(section string) *Case {
	for i := range s.Cases {
		if s.Cases[i].Name == section {
			return &s.Cases[i]
		}
	}
	return nil
}

// CasesFor gives the sections that run on a router: on "skua" the other side of each difference in
// the place of the kernel's.
func (s *Script) CasesFor(router string, diffs []Difference) []Case {
	other := map[string]bool{}
	for _, d := range diffs {
		if d.Script == s.Name && router == "skua" {
			other[d.Case] = true
		}
	}
	var out []Case
	for _, c := range s.Cases {
		if _, side := skuaCase(c.Name); side {
			continue
		}
		if mine := s.find(c.Name + skuaSuffix); other[c.Name] && mine != nil {
			c = *mine
		}
		out = append(out, c)
	}
	return out
}
