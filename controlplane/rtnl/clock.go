// SPDX-License-Identifier: BSD-3-Clause

package rtnl

import (
	"sort"
	"sync"
	"time"
)

// Duration is time.Duration.
type Duration = time.Duration

// Timer is a pending callback.
type Timer interface {
	// Stop prevents the callback; false: it has run or was stopped.
	Stop() bool
}

// Clock is where the control plane takes its time from, so that tests can be the clock.
type Clock interface {
	Now() time.Time
	AfterFunc(d Duration, f func()) Timer
}

// SystemClock is the real one.
type SystemClock struct{}

// Now returns the time of day with its monotonic part.
func (SystemClock) Now() time.Time { return time.Now() }

// AfterFunc runs f in its own goroutine after d.
func (SystemClock) AfterFunc(d Duration, f func()) Timer { return time.AfterFunc(d, f) }

// ManualClock moves only by Advance, which runs the callbacks that fall due, in order of time, on
// the goroutine that calls it.
type ManualClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*manualTimer
	seq    int
}

type manualTimer struct {
	clock *ManualClock
	at    time.Time
	seq   int
	f     func()
}

// NewManualClock starts at an arbitrary fixed time.
func NewManualClock() *ManualClock { return &ManualClock{now: time.Unix(1_000_000, 0)} }

// Now returns the time that Advance has reached.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc registers f for Now()+d.
func (c *ManualClock) AfterFunc(d Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	t := &manualTimer{clock: c, at: c.now.Add(d), seq: c.seq, f: f}
	c.timers = append(c.timers, t)
	return t
}

// Stop removes the timer.
func (t *manualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.clock.remove(t)
}

func (c *ManualClock) remove(t *manualTimer) bool {
	for i, x := range c.timers {
		if x == t {
			c.timers = append(c.timers[:i], c.timers[i+1:]...)
			return true
		}
	}
	return false
}

// Advance moves the clock by d. Callbacks see the time they were registered for, and may register
// or stop others. RTNL must not be held.
func (c *ManualClock) Advance(d Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for {
		sort.Slice(c.timers, func(i, j int) bool {
			a, b := c.timers[i], c.timers[j]
			if !a.at.Equal(b.at) {
				return a.at.Before(b.at)
			}
			return a.seq < b.seq
		})
		if len(c.timers) == 0 || c.timers[0].at.After(end) {
			break
		}
		t := c.timers[0]
		c.timers = c.timers[1:]
		if t.at.After(c.now) {
			c.now = t.at
		}
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	c.now = end
	c.mu.Unlock()
}
