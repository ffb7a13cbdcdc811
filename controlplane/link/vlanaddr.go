// SPDX-License-Identifier: BSD-3-Clause

package link

// bottom is the device that l stands on in the end.
func (l *Link) bottom() *Link {
	for l.Lower != nil {
		l = l.Lower
	}
	return l
}

// syncAddr has the port under a VLAN take frames for the VLAN's address while it is up and that is
// not the port's own (dev_uc_add, dev_uc_del). Ports have no list of addresses: as of a device
// without IFF_UNICAST_FLT, the port is promiscuous while there are any, which nobody is shown.
func (t *Table) syncAddr(l *Link, up bool) {
	v, port := l.Data.(*VLAN), l.bottom()
	if !up || l.HardAddr == port.HardAddr {
		port = nil
	}
	if v.own == port {
		return
	}
	for _, x := range []struct {
		port *Link
		by   int
	}{{v.own, -1}, {port, 1}} {
		if x.port == nil {
			continue
		}
		x.port.foreign += x.by
		if x.port.gone || x.port.foreign > 1 || x.port.foreign == 1 && x.by < 0 {
			continue
		}
		if err := x.port.t.publish(x.port, func() {}); err != nil {
			t.net.Log.Error("a port does not take what is for a VLAN", "link", x.port.Name, "vlan", l.Name, "err", err)
		}
	}
	v.own = port
}

func (l *Link) isVLAN() bool {
	_, ok := l.Data.(*VLAN)
	return ok
}
