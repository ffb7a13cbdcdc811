// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// ObjectMsg is announced where the kernel calls nexthop_notify.
type ObjectMsg struct {
	Type   uint16 // RTM_NEWNEXTHOP, RTM_DELNEXTHOP
	Object *Object
	Origin rtnl.Origin // with the flags of the request, which the message bears too
}

// ObjectEvent is said to package route by rtnl.Net.Notify.
type ObjectEvent struct {
	Type   ObjectEventType
	Object *Object
}

// ObjectEventType is the type of an ObjectEvent.
type ObjectEventType int

// Events of an Object.
const (
	// ObjectRemoved: routes that point at it, whose Infos are Dead now, have to go
	// (__remove_nexthop_fib).
	ObjectRemoved ObjectEventType = iota + 1
	// ObjectReplaced: routes that point at it, or at a group that it is in, go another way.
	ObjectReplaced
)

// Object finds an Object by its id; nil: there is none (nexthop_find_by_id).
func (t *Table) Object(id uint32) *Object { return t.objects[id] }

// NextObject is the Object of the lowest id that is from or more; nil: there is none.
func (t *Table) NextObject(from uint32) *Object {
	n, _ := slices.BinarySearch(t.ids, from)
	for ; n < len(t.ids); n++ {
		if o := t.objects[t.ids[n]]; o != nil {
			return o
		}
	}
	return nil
}

// addID and dropIDs keep ids: one that goes stays until most of them are of that kind.
func (t *Table) addID(id uint32) {
	if n, found := slices.BinarySearch(t.ids, id); !found {
		t.ids = slices.Insert(t.ids, n, id)
	}
}

func (t *Table) dropIDs() {
	if len(t.ids) > 2*len(t.objects)+16 {
		t.ids = slices.DeleteFunc(t.ids, func(id uint32) bool { return t.objects[id] == nil })
	}
}

// ObjectSeq changes whenever an Object does (net->nexthop.seq); never 0.
func (t *Table) ObjectSeq() uint32 { return t.objectSeq }

func (t *Table) changedObjects() {
	if t.objectSeq++; t.objectSeq == 0 {
		t.objectSeq = 1
	}
}

// errNoObject is said of ids that do not exist.
var errNoObject = rtnl.Errorf(unix.EINVAL, "Nexthop id does not exist")

// ForRoute finds the Object that a route names.
func (t *Table) ForRoute(id uint32) (*Object, error) {
	if o := t.objects[id]; o != nil {
		return o, nil
	}
	return nil, errNoObject
}

// AddObject makes or replaces an Object (nexthop_add). The members of a group have passed CheckGroup.
// Its errors are the kernel's, or those of the data plane, and then nothing has changed.
func (t *Table) AddObject(cfg *ObjectConfig) (*Object, error) {
	if cfg.NLFlags&unix.NLM_F_REPLACE != 0 && cfg.ID == 0 {
		return nil, rtnl.Errorf(unix.EINVAL, "Replace requires nexthop id")
	}
	id := cfg.ID
	if id == 0 {
		if id = t.unusedID(); id == 0 {
			return nil, rtnl.Errorf(unix.EINVAL, "No unused id")
		}
	}
	o := &Object{
		t: t, ID: id, Protocol: cfg.Protocol, Flags: cfg.Flags, infos: map[*Info]struct{}{},
		Shape: Shape{Family: cfg.Family, FDB: cfg.FDB, Blackhole: cfg.Blackhole},
	}
	if len(cfg.Group) > 0 {
		g, err := t.newGroup(id, cfg)
		if err != nil {
			return nil, err
		}
		o.Family, o.Grp = unix.AF_UNSPEC, g
	} else if err := t.newHop(o, cfg); err != nil {
		return nil, err
	}
	return t.insertObject(o, cfg)
}

// unusedID is nh_find_unused_id.
func (t *Table) unusedID() uint32 {
	for start := t.lastID; ; {
		if t.lastID++; t.lastID == start {
			return 0
		}
		if t.lastID != 0 && t.objects[t.lastID] == nil {
			return t.lastID
		}
	}
}

// newHop is nexthop_create.
func (t *Table) newHop(o *Object, cfg *ObjectConfig) error {
	c := *cfg
	if c.Blackhole {
		t.blackholes = true
		c.Link = t.links.Loopback()
	}
	if c.FDB {
		o.Hop = Hop{Gateway: c.Gateway, Scope: unix.RT_SCOPE_LINK, Weight: 1}
		return nil
	}
	hop, err := t.CheckHop(&c)
	if err != nil {
		return err
	}
	hop.Weight = 1
	o.Hop, o.Flags = hop, hop.Flags
	return nil
}

// insertObject is insert_nexthop.
func (t *Table) insertObject(o *Object, cfg *ObjectConfig) (*Object, error) {
	old := t.objects[o.ID]
	switch replace := cfg.NLFlags&unix.NLM_F_REPLACE != 0; {
	case old != nil && replace:
		if err := t.replaceObject(old, o, cfg); err != nil {
			return nil, err
		}
		t.changedObjects()
		t.net.Announce(ObjectMsg{Type: unix.RTM_NEWNEXTHOP, Object: old, Origin: t.net.Origin})
		t.net.Notify(ObjectEvent{ObjectReplaced, old})
		return old, nil
	case old != nil:
		return nil, unix.EEXIST
	case replace && cfg.NLFlags&unix.NLM_F_CREATE == 0:
		return nil, rtnl.Errorf(unix.ENOENT, "Replace specified without create and no entry exists")
	}
	if g := o.Grp; g != nil && g.Type == GroupResilient {
		if !cfg.Resilient.HasBuckets {
			return nil, rtnl.Errorf(unix.EINVAL, "Number of buckets not specified for nexthop group insertion")
		}
		g.Table.rebalance(g)
		g.Table.upkeep()
	}
	t.objects[o.ID] = o
	t.addID(o.ID)
	t.link(o)
	o.refresh()
	t.changedObjects()
	t.net.Announce(ObjectMsg{Type: unix.RTM_NEWNEXTHOP, Object: o, Origin: t.net.Origin})
	return o, nil
}

// link makes those that o depends on know it.
func (t *Table) link(o *Object) {
	if o.Grp != nil {
		for _, e := range o.Grp.Entries {
			e.Object.parents = slices.Insert(e.Object.parents, 0, o)
		}
	} else if l := o.Hop.Link; l != nil {
		t.linked++
		t.onLink(l).objects[o] = t.linked
	}
}

// unlink is the reverse of link for the Shape s of o.
func (t *Table) unlink(o *Object, s *Shape) {
	same := func(x *Object) bool { return x == o }
	if s.Grp != nil {
		for _, e := range s.Grp.Entries {
			e.Object.parents = slices.DeleteFunc(e.Object.parents, same)
		}
	} else if l := s.Hop.Link; l != nil {
		of := t.onLink(l)
		if delete(of.objects, o); l.Gone() && len(of.objects)+len(of.infos)+len(of.paths) == 0 {
			delete(t.devs, l)
		}
	}
}

// DelObject removes an Object, its routes, and it from its groups (rtm_del_nexthop). ENOENT: there
// is none.
func (t *Table) DelObject(id uint32) error {
	o := t.objects[id]
	if o == nil {
		return unix.ENOENT
	}
	t.removeObject(o, true)
	return nil
}

// removeObject is remove_nexthop; told: user space is told of it.
func (t *Table) removeObject(o *Object, told bool) {
	delete(t.objects, o.ID)
	t.dropIDs()
	if told {
		t.net.Announce(ObjectMsg{Type: unix.RTM_DELNEXTHOP, Object: o, Origin: t.net.Origin})
	}
	if len(o.infos) > 0 {
		for i := range o.infos {
			i.Flags |= unix.RTNH_F_DEAD
		}
		t.net.Notify(ObjectEvent{ObjectRemoved, o})
	}
	if o.Grp != nil && o.Grp.Table != nil {
		o.Grp.Table.stop()
	}
	t.unlink(o, &o.Shape)
	for _, parent := range slices.Clone(o.parents) {
		t.shrink(parent, o, told)
	}
	t.changedObjects()
}

// shrink takes a member out of a group (remove_nh_grp_entry).
func (t *Table) shrink(parent, o *Object, told bool) {
	g := parent.Grp
	if len(g.Entries) == 1 {
		t.removeObject(parent, told)
		return
	}
	was := parent.Shape
	smaller := &ObjectGroup{Type: g.Type, Table: g.Table, Entries: slices.DeleteFunc(
		slices.Clone(g.Entries), func(e *Entry) bool { return e.Object == o })}
	if err := t.regroup(parent, smaller); err != nil {
		t.net.Log.Error("data plane refuses a smaller group", "id", parent.ID, "err", err)
		return
	}
	t.unlink(parent, &was)
	t.link(parent)
	if told {
		t.net.Announce(ObjectMsg{Type: unix.RTM_NEWNEXTHOP, Object: parent, Origin: t.net.Origin})
	}
}

// Event is the subscriber to link.Event (nh_netdev_event). It must come before that of package route.
func (t *Table) Event(event any) {
	e, ok := event.(link.Event)
	if !ok {
		return
	}
	switch e.Type {
	case link.Down, link.Unregister:
		t.flushLink(e.Link, e.Type)
	case link.Changed:
		if e.Link.Flags&(unix.IFF_RUNNING|unix.IFF_LOWER_UP) == 0 {
			t.flushLink(e.Link, e.Type)
		}
	}
}

// flushLink is nexthop_flush_dev: user space is not told of the Objects.
func (t *Table) flushLink(l *link.Link, event link.EventType) {
	of := t.devs[l]
	if of == nil {
		return
	}
	newest := slices.SortedFunc(maps.Keys(of.objects), func(a, b *Object) int {
		return cmp.Compare(of.objects[b], of.objects[a])
	})
	for _, o := range newest {
		if t.objects[o.ID] == o && (!o.Blackhole || event == link.Unregister) {
			t.removeObject(o, false)
		}
	}
}

func (t *Table) addKnobs() {
	boolean := func(v *bool, after func()) link.Knob {
		return link.Knob{
			Get: func() string {
				if *v {
					return "1"
				}
				return "0"
			},
			Set: func(value string) error {
				n, err := strconv.Atoi(value)
				if err != nil || n < 0 || n > 1 {
					return syscall.EINVAL
				}
				*v = n == 1
				after()
				return nil
			},
		}
	}
	t.links.AddSysctl("net.ipv4.nexthop_compat_mode", boolean(&t.CompatMode, func() {}))
	t.links.AddSysctl("net.ipv4.fib_multipath_use_neigh", boolean(&t.UseNeigh, func() {
		for _, p := range t.paths {
			if p.family == unix.AF_INET && len(p.members) > 0 {
				t.republish(p)
			}
		}
	}))
}
