// SPDX-License-Identifier: BSD-3-Clause

package rtnl

import (
	"maps"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// NSIDNone is the id of a net that has none (NETNSA_NSID_NOT_ASSIGNED).
const NSIDNone int32 = -1

// NSIDMsg announces that a net got or lost the id that another one knows it by.
type NSIDMsg struct {
	Type   uint16 // RTM_NEWNSID, RTM_DELNSID
	ID     int32
	Origin Origin
}

// NSID is the id that n knows other by (peernet2id), NSIDNone when it has none.
func (n *Net) NSID(other *Net) int32 {
	for id, peer := range n.nsids {
		if peer == other {
			return id
		}
	}
	return NSIDNone
}

// ByNSID finds the net that n knows by id (get_net_ns_by_id); nil: there is none.
func (n *Net) ByNSID(id int32) *Net { return n.nsids[id] }

// NSIDs are the ids that n knows other nets by, in order.
func (n *Net) NSIDs() []int32 { return slices.Sorted(maps.Keys(n.nsids)) }

// AllocNSID gives other an id in n (alloc_netid): want, or the lowest free one when want is negative.
// ENOSPC: want is taken. It announces nothing.
func (n *Net) AllocNSID(other *Net, want int32) (int32, error) {
	if want < 0 {
		for want = 0; n.nsids[want] != nil; {
			want++
		}
	}
	if n.nsids[want] != nil {
		return 0, syscall.ENOSPC
	}
	n.nsids[want] = other
	return want, nil
}

// EnsureNSID is the id that n knows other by, given now when it had none (peernet2id_alloc).
func (n *Net) EnsureNSID(other *Net) int32 {
	if id := n.NSID(other); id != NSIDNone {
		return id
	}
	id, _ := n.AllocNSID(other, NSIDNone)
	n.Announce(NSIDMsg{Type: unix.RTM_NEWNSID, ID: id})
	return id
}

// ForgetNSID takes back what n knows other by, when other goes (unhash_nsid).
func (n *Net) ForgetNSID(other *Net) {
	if id := n.NSID(other); id != NSIDNone {
		delete(n.nsids, id)
		n.Announce(NSIDMsg{Type: unix.RTM_DELNSID, ID: id})
	}
}
