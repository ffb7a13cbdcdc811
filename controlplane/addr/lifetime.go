// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"time"

	"golang.org/x/sys/unix"
)

// schedule arms the timer of an address for what its lifetimes bring next: deprecation, or the end.
func (t *Table) schedule(a *Addr) {
	a.stop()
	next := Infinity
	switch {
	case a.PreferLft != Infinity && a.Flags&unix.IFA_F_DEPRECATED == 0:
		next = a.PreferLft
	case a.ValidLft != Infinity:
		next = a.ValidLft
	}
	if next == Infinity {
		return
	}
	at := a.Updated.Add(time.Duration(next) * time.Second)
	a.timer = t.net.AfterFunc(at.Sub(t.net.Clock.Now()), func() { t.verify(a) })
}

func (a *Addr) stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// verify is check_lifetime and addrconf_verify for one address.
func (t *Table) verify(a *Addr) {
	if a.deleted {
		return
	}
	age := t.net.Clock.Now().Sub(a.Updated)
	past := func(lft uint32) bool {
		return lft != Infinity && age >= time.Duration(lft)*time.Second
	}
	switch {
	case past(a.ValidLft):
		t.Remove(a)
		return
	case past(a.PreferLft) && a.Flags&unix.IFA_F_DEPRECATED == 0:
		a.Flags |= unix.IFA_F_DEPRECATED
		t.Announce(a)
	}
	t.schedule(a)
}
