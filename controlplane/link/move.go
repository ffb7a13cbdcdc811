// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
)

// NewNet is what the RTM_DELLINK of a link that moves says about where it goes.
type NewNet struct {
	NSID  int32 // IFLA_NEW_NETNSID
	Index uint32
}

// Move takes a link to the table of another net (dev_change_net_namespace): it goes down, all that
// hangs on it goes, and it comes up anew there, with its name, or with name when that one is taken,
// and its index, or the next free one when that is taken, or index when that is not 0. The Link
// stays the same one. EINVAL: it stays where it was made, as lo; EEXIST: the name is taken; EBUSY:
// the index is; else what the data plane says.
func (t *Table) Move(l *Link, to *Table, name string, index uint32) error {
	switch {
	case l.gone:
		return syscall.ENODEV
	case t == to:
		return nil
	case l.Loopback(), l.ops != nil && l.ops.Local:
		return syscall.EINVAL
	}
	newName := l.Name
	if to.names[newName] != nil {
		if name == "" {
			return syscall.EEXIST
		}
		var err error
		if newName, err = to.allocName(name); err != nil {
			return err
		}
	}
	for _, n := range l.AltNames {
		if to.names[n] != nil {
			return syscall.EEXIST
		}
	}
	if index != 0 && to.ByIndex(index) != nil {
		return syscall.EBUSY
	}
	if index == 0 && to.ByIndex(l.Index) == nil {
		index = l.Index
	}
	index, err := to.allocIndex(index)
	if err != nil {
		return err
	}
	defer t.linkwatch()
	if err := closeMany([]*Link{l}); err != nil {
		return err
	}
	if err := t.leave(l, to.net, index); err != nil {
		return err
	}
	return to.enter(l, newName, index)
}

// Return takes a link back to the table of the host when its net ends (default_device_exit_net);
// one whose name is taken there is called dev0, dev1, ...
func (t *Table) Return(l *Link, host *Table) error { return t.Move(l, host, "dev%d", 0) }

// leave takes a link that is down out of its table and its net.
func (t *Table) leave(l *Link, to *rtnl.Net, index uint32) error {
	t.unlist(l)
	l.QDisc = "noop" // dev_shutdown
	t.notify(Event{Type: Unregister, Link: l, Moving: true})
	if l.Master != nil {
		l.Master.ops.delSlave(l.Master, l)
	}
	nsid := t.net.EnsureNSID(to)
	had4, had6 := l.InDev, l.In6Dev
	l.InDev, l.In6Dev = false, false
	t.netconfMoved(l, had4, had6)
	t.net.Announce(Msg{Type: unix.RTM_DELLINK, Link: l, Change: ^uint32(0), NewNet: &NewNet{nsid, index}})
	return t.net.DP.DelLink(t.net.ID, l.Index)
}

// enter registers a link that left another table.
func (t *Table) enter(l *Link, name string, index uint32) error {
	l.t, l.Name, l.Index = t, name, index
	l.gone = false
	l.set4, l.neighSet4, l.neighSet6 = 0, 0, 0
	l.Neigh4, l.Neigh6 = t.NeighDefault4, t.NeighDefault6
	if l.MTU >= MinMTU4 {
		l.addInDev()
	}
	if l.MTU >= MinMTU6 {
		l.addIn6Dev()
	}
	l.refreshFlags()
	if err := t.net.DP.SetLink(l.dp()); err != nil {
		l.gone = true
		return err
	}
	t.put(l)
	for _, n := range l.AltNames {
		t.names[n] = l
	}
	for _, near := range append(slices.Clone(l.uppers), l.Far()) { // whose other end has moved
		if near == nil || near == l {
			continue
		}
		if err := near.t.publish(near, func() {}); err != nil {
			t.net.Log.Error("the data plane looks for a link where it was", "link", l.Name, "of", near.Name, "err", err)
		}
	}
	t.netconfMoved(l, false, false)
	t.notify(Event{Type: Register, Link: l})
	t.announce(l, unix.RTM_NEWLINK, ^uint32(0), 0)
	return nil
}

// put gives a link its place by index and name.
func (t *Table) put(l *Link) {
	for uint32(len(t.links)) <= l.Index {
		t.links = append(t.links, nil)
	}
	t.links[l.Index], t.names[l.Name] = l, l
	t.all = nil
	t.gen++
}
