// SPDX-License-Identifier: BSD-3-Clause

// Package interop_test runs the routing daemons of Debian, unmodified, on a Skua between two routers
// of the kernel's, and on a kernel between them. It needs root.
package interop_test

import (
	"os"
	"strings"
	"testing"

	"skua/tests/lab"
)

// bin is where the binary and the shim were built, "" without root.
var bin string

func TestMain(m *testing.M) { os.Exit(lab.Main(m, &bin)) }

// routers are a lab of a test.
type routers struct {
	*lab.Lab
	t *testing.T
}

// onBoth runs a test with each kind of router in the middle: what fails on one only is that one's.
// right is how many links it has to R3.
func onBoth(t *testing.T, right int, f func(t *testing.T, l *routers)) {
	if bin == "" {
		t.Skip("network namespaces and devices need root")
	}
	for _, kind := range []string{"kernel", "skua"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // they wait for timers most of the time
			f(t, &routers{lab.New(t, bin, kind == "skua", right), t})
		})
	}
}

// need skips the test where the router in the middle cannot make a kind of link.
func (l *routers) need(kind string, more ...string) {
	l.t.Helper()
	args := []string{"ip", "link", "add"}
	if kind == "macvlan" {
		args, more = append(args, more...), nil
	}
	out, err := l.DUT.Try(append(append(args, "name", "need0", "type", kind), more...)...)
	switch {
	case strings.Contains(out, "Unknown device type"):
		l.t.Skip("it has no links of the kind " + kind)
	case err != nil:
		l.t.Fatal(err, out)
	}
	l.DUT.Must("ip", "link", "del", "need0")
}
