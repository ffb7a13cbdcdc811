// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// Group is what the data plane needs for the sibling nexthops of an IPv6 multipath route.
type Group struct{ out *path }

// ID is the nexthop of the data plane, 0: no member can be used now.
func (g *Group) ID() uint32 {
	if !g.out.usable() {
		return 0
	}
	return g.out.id
}

// HoldGroup finds or makes the group of the first hops of infos, by their weights.
func (t *Table) HoldGroup(infos []*Info) (*Group, error) {
	if len(infos) > dpif.MaxGroup {
		return nil, rtnl.Errorf(unix.EINVAL, "More nexthops than the data plane can choose from")
	}
	members := make([]member, len(infos))
	for n, i := range infos {
		i.out.refs++
		members[n] = member{path: i.out, weight: uint32(i.Hops[0].Weight)}
	}
	o, err := t.holdGroup(infos[0].Family, members)
	if err != nil {
		return nil, err
	}
	return &Group{out: o}, nil
}

// ReleaseGroup gives the group back.
func (t *Table) ReleaseGroup(g *Group) { t.release(g.out) }
