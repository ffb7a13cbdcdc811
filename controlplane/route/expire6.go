// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"sort"
	"time"

	"skua/controlplane/nexthop"
)

// gcInterval is how often expired routes are looked for (ip6_rt_gc_interval). A lookup passes them
// over at once.
const gcInterval = 30 * time.Second

// setExpiry gives a route its end, seconds from now; 0: none.
func (t *Table) setExpiry(tab *fibTable, k key, plen uint8, a uint32, seconds uint32) {
	if seconds == 0 {
		t.forgetExpiry(a)
		return
	}
	t.setExpiryAt(tab, k, plen, a, t.net.Clock.Now().Add(time.Duration(seconds)*time.Second))
}

func (t *Table) setExpiryAt(tab *fibTable, k key, plen uint8, a uint32, at time.Time) {
	t.alias.at(a).expires = true
	t.expires[a] = &expiry{at: at, table: tab, key: k, plen: plen}
	t.startGC()
}

func (t *Table) forgetExpiry(a uint32) {
	if al := t.alias.at(a); al.expires {
		al.expires = false
		delete(t.expires, a)
	}
}

// prolong6 is what adding a route again does to the end of the one that is there.
func (t *Table) prolong6(tab *fibTable, k key, plen uint8, a uint32, cfg *Config) {
	if t.alias.at(a).expires {
		t.setExpiry(tab, k, plen, a, cfg.Expires)
	}
}

func (t *Table) startGC() {
	if t.gcTimer == nil && len(t.expires) > 0 {
		t.gcTimer = t.net.AfterFunc(gcInterval, t.runGC)
	}
}

// runGC deletes the routes that have ended (fib6_run_gc).
func (t *Table) runGC() {
	t.gcTimer = nil
	now := t.net.Clock.Now()
	var ended []uint32
	for a, x := range t.expires {
		if !x.at.After(now) {
			ended = append(ended, a)
		}
	}
	sort.Slice(ended, func(i, j int) bool { return ended[i] < ended[j] })
	for _, a := range ended {
		x := t.expires[a]
		err := t.unlink6(x.table, x.key, x.plen, func(_ *nexthop.Info, s uint32) bool { return s == a }, true)
		if err != nil {
			t.net.Log.Warn("expired route stays", "err", err)
		}
	}
	t.startGC()
}
