// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// GroupEventType is the type of a GroupEvent.
type GroupEventType int

// What happens to IPv6 groups, with the place in the kernel. Groups that are never reported (ff02::1,
// and those of less than link scope) make no events.
const (
	// GroupAdded: Group is Link's from now on, and to be reported (igmp6_group_added). It comes again
	// for a group that was there when listeners on the link may have been told that it is not.
	GroupAdded GroupEventType = iota + 1
	// GroupDropped: Group is no longer Link's (igmp6_group_dropped).
	GroupDropped
	// GroupTaken: the host's kernel reports Group by Link's twin: nobody else is to.
	GroupTaken
	// GroupsUp: Link, or its IPv6, is up, or may be in another place of the network: all its groups are
	// to be reported (ipv6_mc_up).
	GroupsUp
	// GroupsDown: Link went down, or lost IPv6 (ipv6_mc_down). Its groups remain.
	GroupsDown
	// GroupsGone: Link is no longer of IPv6, and has no groups (ipv6_mc_destroy_dev).
	GroupsGone
)

// GroupEvent is what happened to a group, or to all groups of a link.
type GroupEvent struct {
	Type  GroupEventType
	Link  *link.Link
	Group netip.Addr // GroupAdded, GroupDropped, GroupTaken
}

// tell makes an event of a group, if it is one that is reported.
func (t *Table) tell(what GroupEventType, l *link.Link, g *Group) {
	if !g.Addr.Is4() && g.Flags&mafNoReport == 0 {
		t.net.Notify(GroupEvent{Type: what, Link: l, Group: g.Addr})
	}
}

// groupsUp is ipv6_mc_up.
func (t *Table) groupsUp(l *link.Link) {
	t.loadAll(l, unix.AF_INET6)
	t.net.Notify(GroupEvent{Type: GroupsUp, Link: l})
}
