// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"
)

// vlansOn gives the VLANs on a device in the order of vlan_group_for_each_dev.
func vlansOn(real *Link) []*Link {
	list := make([]*Link, 0, len(real.vlans))
	for _, l := range real.vlans {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b *Link) int {
		x, y := a.Data.(*VLAN), b.Data.(*VLAN)
		return cmp.Or(cmp.Compare(x.Proto, y.Proto), cmp.Compare(x.ID, y.ID))
	})
	return list
}

// vlanDeviceEvent is vlan_device_event: what happens to a device happens to the VLANs on it.
func (t *Table) vlanDeviceEvent(e Event) {
	switch e.Type {
	case Changed, ChangeAddr, ChangeMTU, Down, Up, Unregister:
	default: // not to be heard by each of them whenever one comes or goes
		return
	}
	vlans := vlansOn(e.Link)
	switch e.Type {
	case Changed:
		for _, l := range vlans {
			t.transferOperState(e.Link, l)
		}
	case ChangeAddr:
		for _, l := range vlans {
			v := l.Data.(*VLAN)
			if !l.Up() || v.real == e.Link.HardAddr {
				continue
			}
			t.inheritAddr(l)
			v.real = e.Link.HardAddr
			t.syncAddr(l, true)
		}
	case ChangeMTU:
		for _, l := range vlans {
			if l.MTU > e.Link.MTU {
				mtu := e.Link.MTU
				t.follow(l, l.t.setMTU, &Change{MTU: &mtu})
			}
		}
	case Down:
		t.vlansDown(e.Link, vlans)
	case Up:
		for _, l := range vlans {
			if l.Up() {
				continue
			}
			if l.Data.(*VLAN).Flags&VLANLooseBinding == 0 {
				t.follow(l, l.t.setFlags, &Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP})
			}
			t.transferOperState(e.Link, l)
		}
	case Unregister:
		if e.Moving {
			return
		}
		if err := deleteVLANs(vlans); err != nil {
			t.net.Log.Error("VLANs of a device that is gone stay", "link", e.Link.Name, "err", err)
		}
	}
}

// vlansDown takes down the VLANs that are bound to their device; the last is the first.
func (t *Table) vlansDown(real *Link, vlans []*Link) {
	var bound []*Link
	for _, l := range slices.Backward(vlans) {
		if l.Up() && l.Data.(*VLAN).Flags&VLANLooseBinding == 0 {
			bound = append(bound, l)
		}
	}
	if err := closeMany(bound); err != nil {
		t.net.Log.Error("VLANs stay up", "link", real.Name, "err", err)
	}
	for _, l := range bound {
		t.transferOperState(real, l)
	}
}

// follow makes a change of a VLAN that its device has made.
func (t *Table) follow(l *Link, step func(*Link, *Change) (bool, error), c *Change) {
	if _, err := step(l, c); err != nil {
		t.net.Log.Error("a VLAN does not follow its device", "link", l.Name, "err", err)
	}
}
