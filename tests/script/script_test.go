// SPDX-License-Identifier: BSD-3-Clause

package script

import (
	"os"
	"testing"
)

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

// run plays a script on a router.
func run(t *testing.T, s *Script, router Router) {
	t.Helper()
	r := &Run{Script: s, Router: router}
	if testing.Verbose() {
		r.Log = t.Logf
	}
	if err := r.Setup(); err != nil {
		t.Fatal(err)
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		t.Run(c.Name, func(t *testing.T) {
			if testing.Verbose() {
				r.Log = t.Logf
			}
			if err := r.Case(c); err != nil {
				t.Error(err)
			}
		})
	}
}

// The scripts say what the kernel does.
func TestKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a network namespace and TAP devices")
	}
	for _, s := range scripts(t) {
		t.Run(s.Name, func(t *testing.T) {
			k, err := NewKernel()
			if err != nil {
				t.Skipf("no network namespace here: %v", err)
			}
			defer k.Close()
			run(t, s, k)
		})
	}
}

// Skua does the same, with the real data plane and without root.
func TestSkua(t *testing.T) {
	for _, s := range scripts(t) {
		t.Run(s.Name, func(t *testing.T) { run(t, s, newSkua(t, s)) })
	}
}
