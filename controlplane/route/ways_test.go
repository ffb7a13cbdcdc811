// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// Ways are the routes that somebody made, with what a sender has to know of them.
func TestWays(t *testing.T) {
	e := newEnv(t, nil)
	e.up("p1", true)
	e.up("p2", true)
	e.addAddr("p1", "10.0.0.1/24")
	e.addAddr("p2", "10.0.1.1/24")
	e.addAddr("p2", "2001:db8::1/64")
	changes := 0
	e.routes.Changed = func() { changes++ }
	add := func(c Config) {
		t.Helper()
		before := changes
		if err := e.routes.Add(&c); err != nil {
			t.Fatal(err)
		}
		if changes == before {
			t.Errorf("route to %s: nobody hears of it", c.Dst)
		}
	}
	add(via("0.0.0.0/0", "10.0.0.2"))
	add(via("192.0.2.0/24", "10.0.1.2"))
	src := via("198.51.100.0/24", "10.0.1.2")
	src.PrefSrc = netip.MustParseAddr("10.0.0.1")
	add(src)
	refused := via("203.0.113.0/24", "")
	refused.Type = unix.RTN_UNREACHABLE
	add(refused)
	add(via("2001:db8:1::/48", "2001:db8::2"))
	tos := via("192.0.2.128/25", "10.0.1.2")
	tos.TOS = 0x10
	add(tos)

	want := func(family uint8, most int, want string) {
		t.Helper()
		got := ""
		for _, w := range e.routes.Ways(family, most) {
			got += fmt.Sprintf("%s %d %s\n", w.Dst, w.Type, w.Src)
		}
		if got != want {
			t.Errorf("got:\n%swant:\n%s", got, want)
		}
	}
	four := "192.0.2.0/24 1 10.0.1.1\n192.0.2.128/25 1 invalid IP\n198.51.100.0/24 1 10.0.0.1\n203.0.113.0/24 7 invalid IP\n"
	want(unix.AF_INET, 100, four)
	want(unix.AF_INET6, 100, "2001:db8:1::/48 1 2001:db8::1\n")
	want(unix.AF_INET, 3, "")
	e.up("p2", false)
	want(unix.AF_INET, 100, "203.0.113.0/24 7 invalid IP\n")
}
