// SPDX-License-Identifier: BSD-3-Clause

package rtnl

import (
	"slices"
	"testing"
	"time"
)

func TestManualClockRunsTimersInOrderOfTime(t *testing.T) {
	c := NewManualClock()
	start := c.Now()
	var ran []string
	note := func(name string) func() {
		return func() { ran = append(ran, name+"@"+c.Now().Sub(start).String()) }
	}
	c.AfterFunc(3*time.Second, note("late"))
	c.AfterFunc(time.Second, func() {
		note("early")()
		c.AfterFunc(time.Second, note("nested"))
	})
	stopped := c.AfterFunc(2*time.Second, note("stopped"))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop is true once")
	}
	c.Advance(2500 * time.Millisecond)
	if want := []string{"early@1s", "nested@2s"}; !slices.Equal(ran, want) {
		t.Errorf("ran %v, want %v", ran, want)
	}
	if got := c.Now().Sub(start); got != 2500*time.Millisecond {
		t.Errorf("now is start+%v", got)
	}
}
