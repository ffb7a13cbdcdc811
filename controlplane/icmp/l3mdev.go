// SPDX-License-Identifier: BSD-3-Clause

package icmp

// l3mdev is the index of the VRF that the packet came in by, and that what is said of it goes out in
// (l3mdev_master_ifindex); 0: none.
func (k *packet) l3mdev() uint32 {
	if k.in == nil {
		return 0
	}
	if m := k.in.L3Master(); m != nil {
		return m.Index
	}
	return 0
}
