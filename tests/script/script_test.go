// SPDX-License-Identifier: BSD-3-Clause

package script

import "testing"

func scripts(t *testing.T) []*Script {
	t.Helper()
	list, err := Load("*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no scripts")
	}
	return list
}

// run plays a script on a router, which is "kernel" or "skua".
func run(t *testing.T, s *Script, router Router, on string) {
	t.Helper()
	diffs, err := LoadDifferences("differences.toml")
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{Script: s, Router: router}
	if testing.Verbose() {
		r.Log = t.Logf
	}
	if err := r.Setup(); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.CasesFor(on, diffs) {
		t.Run(c.Name, func(t *testing.T) {
			if testing.Verbose() {
				r.Log = t.Logf
			}
			if err := r.Case(&c); err != nil {
				t.Error(err)
			}
		})
	}
}

// try runs the sections like run, and returns what is wrong in the first that fails.
func try(t *testing.T, s *Script, router Router, on string) error {
	t.Helper()
	diffs, err := LoadDifferences("differences.toml")
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{Script: s, Router: router}
	if err := r.Setup(); err != nil {
		return err
	}
	for _, c := range s.CasesFor(on, diffs) {
		if err := r.Case(&c); err != nil {
			return err
		}
	}
	return nil
}

// Every difference is there, is argued, and has its two sections; no section "NAME@skua" is silent.
func TestDifferencesAreListed(t *testing.T) {
	diffs, err := LoadDifferences("differences.toml")
	if err != nil {
		t.Fatal(err)
	}
	list := scripts(t)
	listed := map[string]bool{}
	for _, d := range diffs {
		listed[d.Script+" "+d.Case] = true
		if len(d.Reason) < 20 {
			t.Errorf("%s %s: the reason is missing", d.Script, d.Case)
		}
		if err := d.check(list); err != nil {
			t.Error(err)
		}
	}
	for _, s := range list {
		for _, c := range s.Cases {
			if name, ok := skuaCase(c.Name); ok && !listed[s.Name+" "+name] {
				t.Errorf("%s: %s is not in differences.toml", s.Name, c.Name)
			}
		}
	}
}

// A script that is wrong is refused with its line.
func TestParseErrors(t *testing.T) {
	head := "x\n-- topology --\nlink A 02:00:00:00:00:01 10.0.0.1/24\n-- a --\n"
	for text, want := range map[string]string{
		"x\n-- topology --\nlink A 02:00\n":   "s:3: address 02:00: invalid MAC address",
		"x\n-- topology --\nnode A\n":         `s:3: topology does not know "node A"`,
		head + "fly A\n":                      `s:5: no verb in "fly A"`,
		head + "send B { eth A > A }\n":       "s:5: send LINK { packet }",
		head + "send A { eth A > A / foo }\n": `s:5: no layer is called "foo"`,
		head + "send A { eth A > A\n":         "s:5: { without }",
		head + "advance soon\n":               `s:5: time: invalid duration "soon"`,
		head + "sysctl x\n":                   "s:5: sysctl NAME=VALUE",
		head + "expect A\n":                   "s:5: expect none, expect LINK none, expect LINK [any | count N] { packet }",
		"x\n":                                 "s: no topology, or no cases",
	} {
		if _, err := Parse("s", text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
