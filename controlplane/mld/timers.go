// SPDX-License-Identifier: BSD-3-Clause

package mld

import (
	"time"

	"skua/controlplane/rtnl"
)

// jiffy is the kernel's unit of delays: what comes at once comes within two of them.
const jiffy = 4 * time.Millisecond

// timer is a delayed work.
type timer struct {
	t  rtnl.Timer
	at time.Time
}

func (x *timer) running() bool { return x.t != nil }

func (x *timer) stop() {
	if x.t != nil {
		x.t.Stop()
		x.t = nil
	}
}

// set is mod_delayed_work.
func (t *Table) set(x *timer, d time.Duration, f func()) {
	x.stop()
	var self rtnl.Timer
	self = t.net.AfterFunc(d, func() {
		if x.t == self { // else it was stopped while it waited for RTNL
			x.t = nil
			f()
		}
	})
	x.t, x.at = self, t.net.Clock.Now().Add(d)
}

// below chooses a delay of less than d (prandom_u32_max).
func (t *Table) below(d time.Duration) time.Duration {
	if d <= jiffy {
		return 0
	}
	return time.Duration(t.net.Rand.Int64N(int64(d)))
}

// unsolicited is unsolicited_report_interval.
func (t *Table) unsolicited(i *iface) time.Duration {
	ms := i.link.Conf6.MLDv2Interval
	if t.v1(i) {
		ms = i.link.Conf6.MLDv1Interval
	}
	return max(time.Duration(ms)*time.Millisecond, jiffy)
}

// change is mld_ifc_event: what has changed is told soon.
func (t *Table) change(i *iface) {
	if t.v1(i) {
		return
	}
	i.changesLeft = i.qrv
	t.set(&i.changes, 2*jiffy, func() { t.changesWork(i) })
}

// changesWork is mld_ifc_work.
func (t *Table) changesWork(i *iface) {
	t.sendChanges(i)
	if i.changesLeft > 0 {
		i.changesLeft--
	}
	if i.changesLeft > 0 {
		t.set(&i.changes, t.below(t.unsolicited(i))+2*jiffy, func() { t.changesWork(i) })
	}
}

// dadComplete is ipv6_mc_dad_complete: what was reported from :: is reported from the link-local address.
func (t *Table) dadComplete(i *iface) {
	i.initialLeft = i.qrv
	t.initialWork(i)
}

// initialWork is mld_dad_work.
func (t *Table) initialWork(i *iface) {
	t.sendInitial(i)
	if i.initialLeft > 0 {
		i.initialLeft--
	}
	if i.initialLeft > 0 {
		t.set(&i.initial, t.below(t.unsolicited(i))+2*jiffy, func() { t.initialWork(i) })
	}
}

// joinV1 is igmp6_join_group.
func (t *Table) joinV1(i *iface, g *group) {
	t.sendV1(i, g.addr, typeReport)
	if !g.timer.running() {
		t.set(&g.timer, t.below(t.unsolicited(i)), func() { t.groupWork(i, g) })
	}
	g.last = true
}

// groupWork is mld_mca_work.
func (t *Table) groupWork(i *iface, g *group) {
	if t.v1(i) {
		t.sendV1(i, g.addr, typeReport)
	} else {
		t.sendState(i, []*group{g})
	}
	g.last = true
}

// queried is igmp6_group_queried: a report within resp, or sooner when one is due.
func (t *Table) queried(i *iface, g *group, resp time.Duration) {
	if g.timer.running() && g.timer.at.Sub(t.net.Clock.Now()) < resp {
		return
	}
	t.set(&g.timer, t.below(resp), func() { t.groupWork(i, g) })
}
