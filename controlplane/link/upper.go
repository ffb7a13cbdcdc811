// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
)

// maxNest is MAX_NEST_DEV: devices that stand on one another.
const maxNest = 8

// Far is the link at the other end: of a VLAN its real device, of a veth its peer; nil: none, or the
// link itself. It may be of another net.
func (l *Link) Far() *Link {
	if l.ops != nil && l.ops.Far != nil {
		return l.ops.Far(l)
	}
	return l.Lower
}

// Iflink is dev_get_iflink: the index of the link at the other end; that of the link itself when it
// is of a kind that has none; 0: it has none now.
func (l *Link) Iflink() uint32 {
	switch far := l.Far(); {
	case far != nil:
		return far.Index
	case l.ops != nil && l.ops.Far != nil:
		return 0
	}
	return l.Index
}

// Net is the net that the link is of.
func (l *Link) Net() *rtnl.Net { return l.t.net }

// Uppers gives the links that stand on l, its master included. To be read only.
func (l *Link) Uppers() []*Link { return l.uppers }

// Lowers gives the links that l stands on, its slaves included. To be read only.
func (l *Link) Lowers() []*Link { return l.lowers }

// hasUpper says whether upper stands on l, at any distance.
func (l *Link) hasUpper(upper *Link) bool {
	return slices.ContainsFunc(l.uppers, func(u *Link) bool { return u == upper || u.hasUpper(upper) })
}

// levels counts the devices of the longest way up or down, l included.
func (l *Link) levels(next func(*Link) []*Link) int {
	n := 0
	for _, x := range next(l) {
		n = max(n, x.levels(next))
	}
	return n + 1
}

// upperLink is __netdev_upper_dev_link. EBUSY: a loop, or another master; EMLINK: too many stand on
// one another; EEXIST: it is so already.
func (t *Table) upperLink(l, upper *Link, master bool) error {
	switch {
	case l == upper, upper.hasUpper(l):
		return syscall.EBUSY
	case l.levels((*Link).Lowers)+upper.levels((*Link).Uppers) > maxNest:
		return syscall.EMLINK
	case !master && l.hasUpper(upper):
		return syscall.EEXIST
	case master && l.Master == upper:
		return syscall.EEXIST
	case master && l.Master != nil:
		return syscall.EBUSY
	}
	if master {
		old := *l
		l.Master = upper
		if err := t.publish(l, func() { *l = old }); err != nil {
			return err
		}
	}
	l.uppers, upper.lowers = append(l.uppers, upper), append(upper.lowers, l)
	t.changed(l, Event{Type: ChangeUpper, Upper: upper, Linking: true})
	return nil
}

// upperUnlink is __netdev_upper_dev_unlink.
func (t *Table) upperUnlink(l, upper *Link) {
	if !slices.Contains(l.uppers, upper) {
		return
	}
	l.uppers, upper.lowers = without(l.uppers, upper), without(upper.lowers, l)
	if l.Master == upper {
		l.Master = nil
		if !l.gone {
			if err := t.publish(l, func() {}); err != nil {
				t.net.Log.Error("the data plane keeps a master", "link", l.Name, "err", err)
			}
		}
	}
	if !l.gone {
		t.changed(l, Event{Type: ChangeUpper, Upper: upper})
	}
}

func without(links []*Link, l *Link) []*Link {
	return slices.DeleteFunc(slices.Clone(links), func(x *Link) bool { return x == l })
}

// SetMaster makes l a slave of master (netdev_master_upper_dev_link), or of none when that is nil:
// for the Ops of the master's kind, which have agreed. The data plane knows, and ChangeUpper is
// heard, when it returns.
func (t *Table) SetMaster(l, master *Link) error {
	if master != nil {
		return t.upperLink(l, master, true)
	}
	if l.Master != nil {
		t.upperUnlink(l, l.Master)
	}
	return nil
}

// setMaster is do_set_master. EINVAL: there is no such link; EOPNOTSUPP: it enslaves nobody.
func (t *Table) setMaster(l *Link, index uint32) error {
	if l.Master != nil {
		if l.Master.Index == index {
			return nil
		}
		if err := l.Master.ops.DelSlave(t, l.Master, l); err != nil {
			return err
		}
	}
	if index == 0 {
		return nil
	}
	master := t.ByIndex(index)
	if master == nil {
		return syscall.EINVAL
	}
	if master.ops == nil || master.ops.AddSlave == nil {
		return syscall.EOPNOTSUPP
	}
	return master.ops.AddSlave(t, master, l)
}

func (t *Table) setMasterOf(l *Link, c *Change) (bool, error) {
	if c.Master == nil {
		return false, nil
	}
	return false, t.setMaster(l, *c.Master)
}

// delSlave lets a slave go that is unregistered.
func (o *Ops) delSlave(master, l *Link) {
	if o != nil && o.DelSlave != nil {
		if err := o.DelSlave(l.t, master, l); err != nil {
			l.t.net.Log.Error("a slave stays", "link", l.Name, "master", master.Name, "err", err)
		}
	}
}

// Slaves gives the links enslaved to l, in the order in which they became so.
func (l *Link) Slaves() []*Link {
	var s []*Link
	for _, x := range l.lowers {
		if x.Master == l {
			s = append(s, x)
		}
	}
	return s
}

// IsMaster says whether the kind of the link enslaves others.
func (l *Link) IsMaster() bool { return l.ops != nil && l.ops.AddSlave != nil }

// enslavable answers for check what setMaster would, before anything is changed.
func (t *Table) enslavable(l *Link, index uint32) error {
	if index == 0 || l.Master != nil && l.Master.Index == index {
		return nil
	}
	switch master := t.ByIndex(index); {
	case master == nil:
		return syscall.EINVAL
	case !master.IsMaster():
		return syscall.EOPNOTSUPP
	case l.devFlags&unix.IFF_LOOPBACK != 0 && master.Kind != "vrf":
		return syscall.EOPNOTSUPP
	}
	return nil
}
