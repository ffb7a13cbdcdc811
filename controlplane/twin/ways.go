// SPDX-License-Identifier: BSD-3-Clause

package twin

import (
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// mostWays is up to how many prefixes of a family the host is told of the main table's routes. Beyond
// that its sockets have the default way only: ICMP tells them what does not go, and packets leave from
// the address that the default route prefers.
const mostWays = 1024

var families = [...]uint8{unix.AF_INET, unix.AF_INET6}

// markWays says that a route changed, under RTNL; not when the host is not told of any.
func (t *Table) markWays() {
	few := false
	for i, family := range families {
		was := t.many[i]
		t.many[i] = t.Routes.Len(family, unix.RT_TABLE_MAIN) > mostWays
		few = few || !t.many[i] || !was
	}
	if !few {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marks++
	t.ways = true
	t.rouse()
}

// lookWays are the routes of the main table, where the rules are such that packets go by them.
func (t *Table) lookWays() (out []dpif.TwinWay) {
	for _, family := range families {
		for _, w := range t.Routes.Ways(family, mostWays) {
			out = append(out, dpif.TwinWay(w))
		}
	}
	return out
}
