// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// consistent asks the instance to compare its tables with its data plane.
func (i *instance) consistent() {
	i.w.t.Helper()
	r := i.skua("check", "--consistency")
	if r.code != 0 || r.err != "" || !regexp.MustCompile(`^net 0: consistent: \d+ links?, \d+ nexthops?, \d+ prefix(es)?\n`).MatchString(r.out) {
		i.w.t.Errorf("skua check --consistency: exit %d: %s%s", r.code, r.out, r.err)
	}
}

// TestConsistency: while routes and links change, the data plane holds what the control plane says.
func TestConsistency(t *testing.T) {
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	i := w.start(fmt.Sprintf(router, a.name, b.name))
	hosts(a, b)
	forwards(t, a, b)
	i.consistent()

	const routes = 20000
	var add, change strings.Builder
	for n := range routes {
		fmt.Fprintf(&add, "route add 10.%d.%d.0/24 via 198.51.100.2\n", n>>8, n&255)
		fmt.Fprintf(&add, "route add 2001:db8:%x::/48 via 2001:db8:2::2\n", 0x100+n)
		fmt.Fprintf(&change, "route replace 10.%d.%d.0/24 via 192.0.2.2\n", n>>8, n&255)
		fmt.Fprintf(&change, "route del 2001:db8:%x::/48\n", 0x100+n)
	}
	w.write("add", add.String())
	w.write("change", change.String())
	for _, batch := range []string{"add", "change"} {
		done := make(chan result, 1)
		go func() { done <- i.try("ip", "-batch", w.path(batch)) }()
		for running := true; running; {
			select {
			case r := <-done:
				running = false
				if r.code != 0 {
					t.Fatalf("%s: %+v", batch, r)
				}
			default:
			}
			i.consistent()
		}
	}
	for range 3 {
		i.ip("link", "set", "right", "down")
		i.consistent()
		i.ip("link", "set", "right", "up")
		i.consistent()
	}
	r := i.skua("check", "--consistency", "--json")
	var all struct {
		Nets []struct {
			Prefixes int
		}
		Differences []struct{ What string }
	}
	if err := json.Unmarshal([]byte(r.out), &all); err != nil || r.code != 0 || len(all.Nets) == 0 || len(all.Differences) > 0 ||
		all.Nets[0].Prefixes < routes {
		t.Errorf("%v, %+v", err, r)
	}
	i.stop(syscall.SIGTERM)
}
