// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"slices"
	"time"
)

// expiry is the end of an IPv6 route. Packets and lookups pass it over then; it is deleted with the
// next collection, every gc_interval.
type expiry struct {
	at    time.Time
	ended bool // the data plane passes it over
	table *fibTable
	key   key
	plen  uint8
}

// setExpiry gives a route its end, seconds from now; 0: none. Those that reject have none either
// (ip6_route_info_create).
func (t *Table) setExpiry(tab *fibTable, k key, plen uint8, a uint32, seconds uint32) {
	if seconds == 0 || t.info(a).Flags&FlagReject != 0 {
		t.forgetExpiry(a)
		return
	}
	t.setExpiryAt(tab, k, plen, a, t.net.Clock.Now().Add(time.Duration(seconds)*time.Second))
}

func (t *Table) setExpiryAt(tab *fibTable, k key, plen uint8, a uint32, at time.Time) {
	before := t.best(tab, k, plen)
	t.alias.at(a).expires = true
	t.expires[a] = &expiry{at: at, table: tab, key: k, plen: plen}
	if err := t.push(tab, k, plen, before); err != nil { // it had ended and lives again
		t.net.Log.Error("data plane refuses a route that was prolonged", "err", err)
	}
	if t.gcAt.IsZero() {
		t.gcAt = t.net.Clock.Now().Add(t.gcInterval())
	}
	if t.gcTimer == nil || at.Before(t.gcNext) || t.gcAt.Before(t.gcNext) {
		t.schedule6()
	}
}

// gcInterval is how long the next collection is away: whole seconds, at least one (round_jiffies).
func (t *Table) gcInterval() time.Duration { return max(t.set6.gcInterval, time.Second) }

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

// schedule6 sets the timer to when the next route ends, or to when ended ones are deleted.
func (t *Table) schedule6() {
	if t.gcTimer != nil {
		t.gcTimer.Stop()
		t.gcTimer = nil
	}
	if len(t.expires) == 0 {
		t.gcAt = time.Time{}
		return
	}
	next := t.gcAt
	for _, x := range t.expires {
		if !x.ended && x.at.Before(next) {
			next = x.at
		}
	}
	t.gcNext = next
	t.gcTimer = t.net.AfterFunc(max(next.Sub(t.net.Clock.Now()), 0), t.expire6)
}

// expire6 takes what has ended from the data plane and, when it is time, deletes it (fib6_run_gc).
func (t *Table) expire6() {
	now := t.net.Clock.Now()
	var ended []uint32
	for a, x := range t.expires {
		if !x.at.After(now) {
			ended = append(ended, a)
		}
	}
	slices.Sort(ended)
	for _, a := range ended {
		if x := t.expires[a]; !x.ended {
			before := t.best(x.table, x.key, x.plen)
			x.ended = true
			t.enqueueChange(x.table, x.key, x.plen, before)
		}
	}
	t.finish()
	if !t.gcAt.After(now) {
		for _, a := range ended {
			t.delete6(a)
		}
		t.gcAt = now.Add(t.gcInterval())
	}
	t.schedule6()
}

func (t *Table) delete6(a uint32) {
	x := t.expires[a]
	err := t.unlink6(x.table, x.key, x.plen, a, false, true)
	if err != nil {
		t.net.Log.Warn("expired route stays", "err", err)
	}
}
