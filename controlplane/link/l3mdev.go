// SPDX-License-Identifier: BSD-3-Clause

package link

// vrf is what a VRF keeps of its own (struct net_vrf).
type vrf struct {
	table uint32
}

// L3Master is the L3 master device of a link: its VRF, which is its own; nil: it is in none
// (l3mdev_master_dev_rcu).
func (l *Link) L3Master() *Link {
	if l.IsVRF() {
		return l
	}
	if l.Master != nil && l.Master.IsVRF() {
		return l.Master
	}
	return nil
}

// IsVRF says whether the link is a VRF (netif_is_l3_master).
func (l *Link) IsVRF() bool {
	_, is := l.Data.(*vrf)
	return is
}

// L3Table is the routing table of the L3 master device; 0: there is none (l3mdev_fib_table).
func (l *Link) L3Table() uint32 {
	if m := l.L3Master(); m != nil {
		return m.Data.(*vrf).table
	}
	return 0
}
