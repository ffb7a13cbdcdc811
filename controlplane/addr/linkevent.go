// SPDX-License-Identifier: BSD-3-Clause

package addr

import "skua/controlplane/link"

// event follows the links: inetdev_event, and of addrconf_notify what concerns addresses.
func (t *Table) event(ev any) {
	e, ok := ev.(link.Event)
	if !ok {
		return
	}
	l := e.Link
	switch e.Type {
	case link.Up:
		if l.Loopback() && l.InDev {
			t.addLoopback4(l)
		}
		if l.Loopback() && l.Enabled6() {
			t.addLoopback6(l)
		}
	case link.Down:
		t.down6(l, false)
	case link.ChangeUpper:
		if e.Upper.IsVRF() { // into its domain or out of it, also when the link is down
			t.down6(l, false)
		}
	case link.ChangeName:
		t.rename4(l)
	case link.Unregister:
		t.destroy4(l)
		t.down6(l, true)
	case link.ChangeMTU:
		// The link has already lost what its new MTU does not carry.
		if !l.InDev {
			t.destroy4(l)
		}
		if l.MTU < link.MinMTU6 {
			t.down6(l, !l.In6Dev)
		}
	case link.ConfChanged:
		if e.Conf != "ipv6.conf.disable_ipv6" || !l.In6Dev {
			return
		}
		if l.Conf6.DisableIPv6 != 0 {
			t.down6(l, false)
		} else if l.Loopback() && l.Up() {
			t.addLoopback6(l)
		}
	}
}
