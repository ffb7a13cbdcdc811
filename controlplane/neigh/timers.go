// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"time"
)

// All entries share one timer of the clock: a heap orders those that wait. So 100,000 of them cost
// what their order costs, not a runtime timer each.

const (
	// tick is the granularity of the shared timer (a jiffy).
	tick = int64(time.Millisecond)
	// maxExpire is how many entries one run looks after before others get RTNL: some 200 microseconds.
	maxExpire = 256
)

// setTimer (re)starts the timer of n for the time at.
func (t *Table) setTimer(n *Entry, at int64) {
	n.deadline = at
	if n.timer == 0 {
		t.timers = append(t.timers, n)
		n.timer = int32(len(t.timers))
	}
	t.up(int(n.timer) - 1)
	t.down(int(n.timer) - 1)
	t.arm()
}

// delTimer stops the timer of n if it runs.
func (t *Table) delTimer(n *Entry) {
	if n.timer == 0 {
		return
	}
	i, last := int(n.timer)-1, len(t.timers)-1
	n.timer = 0
	moved := t.timers[last]
	t.timers[last] = nil
	t.timers = t.timers[:last]
	if i != last {
		t.timers[i] = moved
		moved.timer = int32(i + 1)
		t.up(i)
		t.down(int(moved.timer) - 1)
	}
}

// arm makes the clock call run when the first entry is due, unless it will call earlier anyway.
func (t *Table) arm() {
	if len(t.timers) == 0 || t.closed {
		return
	}
	at := (t.timers[0].deadline + tick - 1) / tick * tick
	if t.wake != nil {
		if t.wakeAt <= at {
			return
		}
		t.wake.Stop()
	}
	t.wakeAt = at
	t.wake = t.net.AfterFunc(time.Duration(max(at-t.now(), 0)), t.run)
}

func (t *Table) run() {
	t.wake = nil
	now := t.now()
	t.net.DP.Cork(func() {
		for range maxExpire {
			if len(t.timers) == 0 || t.timers[0].deadline > now || t.closed {
				break
			}
			n := t.timers[0]
			t.delTimer(n)
			t.expire(n)
		}
	})
	t.arm()
}

// A heap of four children per node: half as deep as a binary one, and what is compared lies close.

func (t *Table) up(i int) {
	h := t.timers
	n := h[i]
	for i > 0 {
		parent := (i - 1) / 4
		if h[parent].deadline <= n.deadline {
			break
		}
		h[i] = h[parent]
		h[i].timer = int32(i + 1)
		i = parent
	}
	h[i] = n
	n.timer = int32(i + 1)
}

func (t *Table) down(i int) {
	h := t.timers
	n := h[i]
	for {
		first := 4*i + 1
		if first >= len(h) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(h)); c++ {
			if h[c].deadline < h[least].deadline {
				least = c
			}
		}
		if n.deadline <= h[least].deadline {
			break
		}
		h[i] = h[least]
		h[i].timer = int32(i + 1)
		i = least
	}
	h[i] = n
	n.timer = int32(i + 1)
}

// reach is the reachable time of a link and the base that it was drawn from.
type reach struct{ base, time time.Duration }

// reachableTime is parms->reachable_time in ns: between 1/2 and 3/2 of base_reachable_time, drawn
// anew every 300 s and when the base changes (RFC 4861 6.3.2).
func (t *Table) reachableTime(n *Entry) int64 {
	return int64(t.of(n.Family()).reachable(n.Link.Index, n.params().BaseReachableTime))
}

func (f *family) reachable(ifindex uint32, base time.Duration) time.Duration {
	r, ok := f.reach[ifindex]
	if !ok || r.base != base {
		r = reach{base, f.randReachTime(base)}
		f.reach[ifindex] = r
	}
	return r.time
}

// randReachTime is neigh_rand_reach_time, in jiffies of 1 ms.
func (f *family) randReachTime(base time.Duration) time.Duration {
	ms := base.Milliseconds()
	if ms == 0 {
		return 0
	}
	return time.Duration(f.t.net.Rand.Int64N(ms)+ms/2) * time.Millisecond
}

// setManaged puts n under, or takes it from, those that are kept resolved (NTF_MANAGED).
func (f *family) setManaged(n *Entry, on bool) {
	if !on {
		delete(f.managed, n)
		return
	}
	f.managed[n] = true
	if f.managedTimer == nil && !f.t.closed {
		f.managedTimer = f.t.net.AfterFunc(0, f.managedWork)
	}
}

// managedWork is neigh_managed_work: every interval_probe_time each managed entry is used.
func (f *family) managedWork() {
	f.managedTimer = nil
	if len(f.managed) == 0 || f.t.closed {
		return
	}
	for n := f.all.head; n != nil; n = n.next {
		if f.managed[n] {
			f.t.eventSend(n)
		}
	}
	f.managedTimer = f.t.net.AfterFunc(max(f.defaults().IntervalProbeTime, 10*time.Millisecond), f.managedWork)
}
