// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"golang.org/x/sys/unix"
)

// variant is what routes to one Object can want of the data plane differently.
type variant struct {
	family, typ uint8
	mtu         uint32
}

// holdObject finds or makes the path of o for routes that want v.
func (t *Table) holdObject(o *Object, v variant) (*path, error) {
	for _, p := range o.paths {
		if p.variant == v {
			p.refs++
			return p, nil
		}
	}
	id, err := t.allocID()
	if err != nil {
		return nil, err
	}
	p := &path{object: o, variant: v, id: id, refs: 1}
	if err := t.follow(p); err != nil {
		t.freeIDs = append(t.freeIDs, id)
		return nil, err
	}
	o.paths = append(o.paths, p)
	t.objectPaths++
	return p, nil
}

// follow makes p what its Object is now, in the data plane too. When that refuses, p is as it was.
func (t *Table) follow(p *path) error {
	was := *p
	o, v := p.object, p.variant
	p.pathKey = pathKey{family: v.family, typ: v.typ}
	p.members, p.mtuNow, p.buckets = nil, 0, 0
	switch {
	case o.IsBlackhole():
		p.typ = unix.RTN_BLACKHOLE
	case o.Grp == nil:
		h := &o.Hop
		p.mtu, p.mtuNow, p.link, p.gateway, p.scope = v.mtu, v.mtu, h.Link, h.Gateway, h.Scope
		p.onlink = h.Flags&unix.RTNH_F_ONLINK != 0
	default:
		members, err := t.holdMembers(o.Grp, v)
		if err != nil {
			*p = was
			return err
		}
		p.members = members
		if o.Grp.Table != nil {
			p.buckets = len(o.Grp.Table.buckets)
		}
	}
	err := t.publish(p)
	if err == nil && p.buckets > 0 {
		err = t.publishBuckets(p, 0, p.buckets)
	}
	if err != nil {
		t.releaseMembers(p.members)
		*p = was
		return err
	}
	t.releaseMembers(was.members)
	return nil
}

// holdMembers finds or makes the paths of the members of a group.
func (t *Table) holdMembers(g *ObjectGroup, v variant) ([]member, error) {
	members := make([]member, 0, len(g.Entries))
	for _, e := range g.Entries {
		m, err := t.holdObject(e.Object, v)
		if err != nil {
			t.releaseMembers(members)
			return nil, err
		}
		members = append(members, member{path: m, weight: uint32(e.Weight)})
	}
	return members, nil
}

// republishObject makes the data plane follow o. A path keeps its id, so that no prefix and no group
// is touched, but for groups of one, which are blackholes as their member is.
func (t *Table) republishObject(o *Object) error {
	for _, p := range o.paths {
		if err := t.follow(p); err != nil {
			return err
		}
	}
	for _, parent := range o.parents {
		if len(parent.Grp.Entries) > 1 {
			continue
		}
		if err := t.republishObject(parent); err != nil {
			return err
		}
	}
	return nil
}

// publishBuckets tells the data plane what buckets first to end of p's group lead to.
func (t *Table) publishBuckets(p *path, first, end int) error {
	return t.net.DP.SetBuckets(t.net.ID, p.id, uint32(first), p.bucketIDs(first, end))
}

// PublishedBuckets is what the buckets of a nexthop of the data plane are to lead to there.
func (t *Table) PublishedBuckets(id uint32) []uint32 {
	for _, o := range t.objects {
		for _, p := range o.paths {
			if p.id == id {
				return p.bucketIDs(0, p.buckets)
			}
		}
	}
	return nil
}

func (p *path) bucketIDs(first, end int) []uint32 {
	table := p.object.Grp.Table
	members := make(map[*Object]uint32, len(p.members))
	for _, m := range p.members {
		members[m.object] = m.id
	}
	ids := make([]uint32, 0, end-first)
	for n := first; n < end; n++ {
		ids = append(ids, members[table.buckets[n].entry.Object])
	}
	return ids
}
