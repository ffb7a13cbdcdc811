// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Remove unregisters a link (unregister_netdevice): it goes down first, then everything that hangs
// on it goes. ENODEV: it is gone already.
func (t *Table) Remove(l *Link) error { return removeAll([]*Link{l}) }

// removeAll is unregister_netdevice_many: all go down before the first of them is unregistered. They
// may be of several nets.
func removeAll(links []*Link) error {
	for _, l := range links {
		if l.gone {
			return syscall.ENODEV
		}
	}
	if err := closeMany(links); err != nil {
		return err
	}
	for _, l := range links {
		l.t.unlist(l)
	}
	var failed error
	for _, l := range links {
		if err := l.t.unregister(l); err != nil {
			failed = err
		}
	}
	return failed
}

// closeMany is dev_close_many of those that are up.
func closeMany(links []*Link) error {
	var closed []*Link
	for _, l := range links {
		if !l.Up() {
			continue
		}
		if err := l.t.close(l); err != nil {
			return err
		}
		closed = append(closed, l)
	}
	for _, l := range closed {
		l.t.announce(l, unix.RTM_NEWLINK, unix.IFF_UP|unix.IFF_RUNNING, 0)
		l.t.notify(Event{Type: Down, Link: l})
	}
	return nil
}

// unlist is unlist_netdevice: nobody finds it any more.
func (t *Table) unlist(l *Link) {
	l.gone = true
	t.links[l.Index] = nil
	t.all = nil
	t.gen++
	for _, n := range append(slices.Clone(l.AltNames), l.Name) {
		delete(t.names, n)
	}
}

func (t *Table) unregister(l *Link) error {
	l.QDisc = "noop" // dev_shutdown
	t.notify(Event{Type: Unregister, Link: l})
	if l.Master != nil {
		l.Master.ops.delSlave(l.Master, l)
	}
	for _, upper := range slices.Clone(l.uppers) {
		t.upperUnlink(l, upper)
	}
	for _, lower := range slices.Clone(l.lowers) {
		t.upperUnlink(lower, l)
	}
	had4, had6 := l.InDev, l.In6Dev
	l.InDev, l.In6Dev = false, false
	t.netconfMoved(l, had4, had6)
	t.announce(l, unix.RTM_DELLINK, ^uint32(0), 0)
	return t.net.DP.DelLink(t.net.ID, l.Index)
}
