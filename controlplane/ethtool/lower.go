// SPDX-License-Identifier: BSD-3-Clause

package ethtool

// lower is the device under a VLAN; nil: there is none in this net.
func (d *Device) lower() *Device {
	if d.Lower == nil {
		return nil
	}
	return d.t.of(d.Lower)
}

// peer is the ifindex of a veth's other end; 0: it has none.
func (d *Device) peer() uint32 { return 0 }
