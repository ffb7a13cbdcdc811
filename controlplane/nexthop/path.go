// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// pathKey is what packets can tell apart.
type pathKey struct {
	family, typ, scope uint8
	onlink             bool
	mtu                uint32
	link               *link.Link
	gateway            netip.Addr
	members            string // a group: ids and weights, packed
}

// path is a nexthop of the data plane: one way out, or a group of such.
type path struct {
	pathKey
	object  *Object // that it is a path of, and follows; nil: of Infos with hops
	variant variant // what its routes want of object
	buckets int     // of a resilient group
	stamps  []uint64
	id      uint32
	refs    int
	flags   uint8  // RTNH_F_DEAD, RTNH_F_LINKDOWN; not of a group
	mtuNow  uint32 // mtu, or what LowerMTU6 made of it
	members []member
	groups  map[*path]int // groups that this one is a member of, and how often
	sent    int           // members that the data plane has
}

type member struct {
	*path
	weight uint32
}

// usable says whether packets can take o.
func (o *path) usable() bool {
	if len(o.members) == 0 {
		return o.alive()
	}
	for _, m := range o.members {
		if m.alive() {
			return true
		}
	}
	return false
}

func (o *path) alive() bool {
	return o.flags&unix.RTNH_F_DEAD == 0 &&
		(o.flags&unix.RTNH_F_LINKDOWN == 0 || !IgnoreLinkdown(o.link, o.family))
}

var errNoIDs = rtnl.Errorf(unix.ENOBUFS, "The data plane has no nexthop left")

func (t *Table) allocID() (uint32, error) {
	if n := len(t.freeIDs); n > 0 {
		id := t.freeIDs[n-1]
		t.freeIDs = t.freeIDs[:n-1]
		return id, nil
	}
	if t.nextID >= dpif.MaxNexthops {
		return 0, errNoIDs
	}
	id := t.nextID
	t.nextID++
	return id, nil
}

// holdSingle finds or makes the path of one hop; h nil: a reject type.
func (t *Table) holdSingle(s *Spec, h *Hop) (*path, error) {
	typ := s.Type
	if s.DPType != 0 {
		typ = s.DPType
	}
	k := pathKey{family: s.Family, typ: typ}
	var flags uint8
	if h != nil && !rejects(typ) {
		k.mtu, k.link, k.gateway, k.scope = s.MTU(), h.Link, h.Gateway, h.Scope
		k.onlink = h.Flags&unix.RTNH_F_ONLINK != 0
		flags = h.Flags & (unix.RTNH_F_DEAD | unix.RTNH_F_LINKDOWN)
	}
	if o := t.paths[k]; o != nil {
		o.refs++
		return o, nil
	}
	return t.add(&path{pathKey: k, flags: flags})
}

func rejects(typ uint8) bool {
	switch typ {
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT, unix.RTN_THROW:
		return true
	}
	return false
}

// add publishes o under a new id.
func (t *Table) add(o *path) (*path, error) {
	id, err := t.allocID()
	if err != nil {
		return nil, err
	}
	o.id, o.refs, o.mtuNow = id, 1, o.mtu
	if err := t.publish(o); err != nil {
		t.freeIDs = append(t.freeIDs, id)
		return nil, err
	}
	t.paths[o.pathKey] = o
	if o.link != nil {
		t.onLink(o.link).paths[o] = struct{}{}
	}
	for _, m := range o.members {
		if m.groups == nil {
			m.groups = map[*path]int{}
		}
		m.groups[o]++
	}
	return o, nil
}

// holdGroup finds or makes the group of members, whose references it takes over; when it fails it
// gives them back.
func (t *Table) holdGroup(family uint8, members []member) (*path, error) {
	b := t.scratch[:0]
	for _, m := range members {
		b = binary.LittleEndian.AppendUint32(b, m.id)
		b = binary.LittleEndian.AppendUint16(b, uint16(m.weight))
	}
	t.scratch = b
	k := pathKey{family: family, typ: unix.RTN_UNICAST, members: string(b)}
	if o := t.paths[k]; o != nil {
		o.refs++
		t.releaseMembers(members)
		return o, nil
	}
	o, err := t.add(&path{pathKey: k, members: members})
	if err != nil {
		t.releaseMembers(members)
	}
	return o, err
}

func (t *Table) releaseMembers(members []member) {
	for _, m := range members {
		t.release(m.path)
	}
}

func (t *Table) release(o *path) {
	if o.refs--; o.refs > 0 {
		return
	}
	if o.object != nil {
		o.object.paths = slices.DeleteFunc(o.object.paths, func(p *path) bool { return p == o })
		t.objectPaths--
	} else if t.paths[o.pathKey] == o {
		delete(t.paths, o.pathKey)
	}
	if o.link != nil && o.object == nil {
		delete(t.onLink(o.link).paths, o)
	}
	if err := t.net.DP.DelNexthop(t.net.ID, o.id); err != nil {
		t.net.Log.Warn("data plane keeps a nexthop", "id", o.id, "err", err)
	}
	t.freeIDs = append(t.freeIDs, o.id)
	for _, m := range o.members {
		if o.object == nil {
			if m.groups[o]--; m.groups[o] == 0 {
				delete(m.groups, o)
			}
		}
	}
	t.releaseMembers(o.members)
}

// Published calls each with every nexthop as the data plane is to have it, in no order. Of a group
// without a live member Members is nil: the data plane keeps what it had.
func (t *Table) Published(each func(dpif.Nexthop)) {
	for _, o := range t.paths {
		each(t.published(o))
	}
	for _, o := range t.objects {
		for _, p := range o.paths {
			each(t.published(p))
		}
	}
}

func (t *Table) published(o *path) dpif.Nexthop {
	nh := dpif.Nexthop{
		Net: t.net.ID, ID: o.id, Family: o.family, Type: o.typ, Scope: o.scope,
		MTU: o.mtuNow, Gateway: o.gateway,
	}
	if o.link != nil {
		nh.Ifindex = o.link.Index
	}
	if o.onlink {
		nh.Flags |= dpif.NexthopOnlink
	}
	if o.flags&unix.RTNH_F_LINKDOWN != 0 {
		nh.Flags |= dpif.NexthopLinkdown
	}
	if len(o.members) > 0 && (o.object != nil || t.UseNeigh && o.family == unix.AF_INET) {
		nh.Flags |= dpif.NexthopUseNeigh
	}
	nh.Buckets = uint32(o.buckets)
	for _, m := range o.members {
		if m.alive() {
			nh.Members = append(nh.Members, dpif.Member{ID: m.id, Weight: m.weight})
		}
	}
	return nh
}

// publish tells the data plane what o is now. A group without a live member keeps what the data
// plane has: no prefix points at it then.
func (t *Table) publish(o *path) error {
	nh := t.published(o)
	if len(o.members) > 0 && len(nh.Members) == 0 {
		if o.sent > 0 {
			return nil
		}
		for _, m := range o.members {
			nh.Members = append(nh.Members, dpif.Member{ID: m.id, Weight: m.weight})
		}
	}
	o.sent = len(nh.Members)
	return t.net.DP.SetNexthop(nh)
}
