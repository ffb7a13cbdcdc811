// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// CheckGroup validates the members of a group that is asked for (nh_check_attr_group).
func (t *Table) CheckGroup(entries []GroupEntry, fdb bool) error {
	for n, e := range entries {
		if e.Reserved {
			return rtnl.Errorf(unix.EINVAL, "Reserved field in nexthop_grp must be 0")
		}
		if e.Weight == 0 {
			return rtnl.Errorf(unix.EINVAL, "Invalid value for weight")
		}
		for _, other := range entries[n+1:] {
			if other.ID == e.ID {
				return rtnl.Errorf(unix.EINVAL, "Nexthop id can not be used twice in a group")
			}
		}
	}
	var family uint8
	for _, e := range entries {
		o := t.objects[e.ID]
		if o == nil {
			return rtnl.Errorf(unix.EINVAL, "Invalid nexthop id")
		}
		if err := o.checkMember(len(entries), fdb, &family); err != nil {
			return err
		}
	}
	return nil
}

// checkMember says whether o may be one of n members. family is that of the members before.
func (o *Object) checkMember(n int, fdb bool, family *uint8) error {
	switch {
	case o.Grp != nil && o.Grp.Type == GroupResilient:
		return rtnl.Errorf(unix.EINVAL, "Resilient group can not be a nexthop within a group")
	case o.Grp != nil:
		return rtnl.Errorf(unix.EINVAL, "Hash-threshold group can not be a nexthop within a group")
	case o.Blackhole && n > 1:
		return rtnl.Errorf(unix.EINVAL, "Blackhole nexthop can not be used in a group with more than 1 path")
	case fdb && !o.FDB:
		return rtnl.Errorf(unix.EINVAL, "FDB nexthop group can only have fdb nexthops")
	case fdb && *family != unix.AF_UNSPEC && *family != o.Family:
		return rtnl.Errorf(unix.EINVAL, "FDB nexthop group cannot have mixed family nexthops")
	case !fdb && o.FDB:
		return rtnl.Errorf(unix.EINVAL, "Non FDB nexthop group cannot have fdb nexthops")
	}
	*family = o.Family
	return nil
}

// newGroup is nexthop_create_group.
func (t *Table) newGroup(id uint32, cfg *ObjectConfig) (*ObjectGroup, error) {
	if len(cfg.Group) > dpif.MaxGroup {
		return nil, rtnl.Errorf(unix.EINVAL, "More nexthops than the data plane can choose from")
	}
	g := &ObjectGroup{Type: cfg.GroupType}
	for _, e := range cfg.Group {
		o := t.objects[e.ID]
		if o == nil {
			return nil, unix.ENOENT
		}
		g.Entries = append(g.Entries, &Entry{Object: o, Weight: e.Weight})
	}
	if g.Type == GroupResilient {
		g.Table = newBuckets(t, id, &cfg.Resilient)
	}
	return g, nil
}

// replaceObject gives old what o is (replace_nexthop).
func (t *Table) replaceObject(old, o *Object, cfg *ObjectConfig) error {
	if err := old.checkRoutes(&o.Shape); err != nil {
		return err
	}
	for _, parent := range old.parents {
		if o.Blackhole && parent.Paths() > 1 {
			return rtnl.Errorf(unix.EINVAL,
				"Blackhole nexthop can not be a member of a group with more than one path")
		}
		if err := parent.checkRoutes(&o.Shape); err != nil {
			return err
		}
	}
	if old.Grp != nil {
		return t.replaceGroup(old, o, cfg)
	}
	return t.replaceSingle(old, o)
}

// replaceSingle is replace_nexthop_single: the paths of old lead where o does, and keep their ids.
func (t *Table) replaceSingle(old, o *Object) error {
	if o.Grp != nil {
		return rtnl.Errorf(unix.EINVAL, "Can not replace a nexthop with a nexthop group.")
	}
	if len(old.parents) > 0 && old.FDB != o.FDB {
		return rtnl.Errorf(unix.EINVAL, "Cannot change nexthop FDB status while in a group")
	}
	was := old.Shape
	old.Shape = o.Shape
	if err := t.republishObject(old); err != nil {
		old.Shape = was
		if err := t.republishObject(old); err != nil {
			t.net.Log.Error("data plane refuses what it had", "id", old.ID, "err", err)
		}
		return err
	}
	now := old.Shape
	t.unlink(old, &was)
	old.Shape, old.Protocol, old.Flags = now, o.Protocol, o.Flags
	t.link(old)
	old.refresh()
	for _, parent := range old.parents {
		parent.refresh()
	}
	return nil
}

// replaceGroup is replace_nexthop_grp.
func (t *Table) replaceGroup(old, o *Object, cfg *ObjectConfig) error {
	if o.Grp == nil {
		return rtnl.Errorf(unix.EINVAL, "Can not replace a nexthop group with a nexthop.")
	}
	if o.Grp.Type != old.Grp.Type {
		return rtnl.Errorf(unix.EINVAL, "Can not replace a nexthop group with one of a different type.")
	}
	if table := old.Grp.Table; table != nil {
		r := &cfg.Resilient
		if r.HasBuckets && int(r.Buckets) != len(table.buckets) {
			return rtnl.Errorf(unix.EINVAL, "Can not change number of buckets of a resilient nexthop group.")
		}
		if r.HasIdleTimer {
			table.IdleTimer = r.IdleTimer
		}
		if r.HasUnbalancedTimer {
			table.UnbalancedTimer = r.UnbalancedTimer
		}
		o.Grp.Table = table
	}
	was := old.Shape
	if err := t.regroup(old, o.Grp); err != nil {
		return err
	}
	t.unlink(old, &was)
	t.link(old)
	old.FDB = o.FDB
	return nil
}

// regroup makes g the group of o, for its routes and in the data plane. When that refuses, all is as
// it was. The members' parents are the caller's.
func (t *Table) regroup(o *Object, g *ObjectGroup) error {
	was := o.Grp
	o.Grp = g
	if g.Table != nil {
		g.Table.migrate(g)
	}
	if err := t.republishObject(o); err != nil {
		o.Grp = was
		if g.Table != nil {
			g.Table.migrate(was)
		}
		return err
	}
	o.refresh()
	return nil
}
