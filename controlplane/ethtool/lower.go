// SPDX-License-Identifier: BSD-3-Clause

package ethtool

import "skua/controlplane/link"

// lower is the device under a VLAN; nil: there is none.
func (d *Device) lower() *Device {
	if d.Lower == nil {
		return nil
	}
	return d.t.of(d.Lower)
}

// peer is the ifindex of a veth's other end; 0: it has none.
func (d *Device) peer() uint32 {
	if v, ok := d.Data.(*link.VETH); ok && v.Peer != nil {
		return v.Peer.Index
	}
	return 0
}
