// SPDX-License-Identifier: BSD-3-Clause

package twin

import (
	"slices"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// l3mdev fills in the VRF that l is, or is in.
func (t *Table) l3mdev(l *link.Link, tw *dpif.Twin) {
	master := l.L3Master()
	if master == nil {
		return
	}
	if master != l {
		tw.Master = master.Index
		return
	}
	vrf := &dpif.TwinVRF{Table: l.L3Table()}
	for _, s := range l.Slaves() {
		if vrf.MTU == 0 || s.MTU < vrf.MTU {
			vrf.MTU = s.MTU
		}
		if !s.Up() || !s.Carrier {
			continue
		}
		for _, a := range t.addrsOf(s) {
			near := dpif.TwinNear{Prefix: a.Prefix.Masked(), Src: a.Prefix.Addr()}
			if a.Peer.IsValid() {
				if near.Prefix, _ = a.Peer.Prefix(a.Prefix.Bits()); !near.Prefix.IsValid() {
					continue
				}
			}
			if good(near.Src) && !a.NoPrefixRoute && near.Prefix.Bits() < near.Src.BitLen() {
				vrf.Near = append(vrf.Near, near)
			}
		}
	}
	tw.VRF = vrf
}

// l3Last sorts the VRFs behind their links, whose addresses their routes need.
func l3Last(states []state) []state {
	return slices.SortedStableFunc(slices.Values(states), func(a, b state) int {
		switch {
		case a.twin.VRF == nil && b.twin.VRF != nil:
			return -1
		case a.twin.VRF != nil && b.twin.VRF == nil:
			return 1
		}
		return 0
	})
}
