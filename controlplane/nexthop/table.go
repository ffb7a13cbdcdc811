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

// ofLink is what a link's events concern.
type ofLink struct {
	infos   map[*Info]struct{}
	paths   map[*path]struct{}
	objects map[*Object]uint64 // those of one hop, and when they came
}

// infoKey is the content of an Info; equal keys are one Info (fib_find_info).
type infoKey struct {
	family, typ, dptype, scope uint8
	protocol, pref             uint8
	hopScope, hopFlags         uint8
	flags, priority, table     uint32
	realm                      uint32
	weight                     uint16
	hops                       uint16
	link                       *link.Link
	prefsrc, gateway           netip.Addr
	metrics                    *Metrics // interned
	object                     *Object
	more                       string // the hops after the first, packed
}

type countedMetrics struct {
	m    *Metrics
	refs int
}

// Table holds the Infos of an instance and their paths in the data plane.
type Table struct {
	net     *rtnl.Net
	infos   []*Info // by index; [0] is nil
	free    []uint32
	byKey   map[infoKey]*Info
	metrics map[Metrics]*countedMetrics
	devs    map[*link.Link]*ofLink
	paths   map[pathKey]*path
	freeIDs []uint32
	nextID  uint32
	scratch []byte
	gen     uint64
	sources map[netip.Addr]map[*Info]struct{} // by preferred source
	dead    []*Info                           // see TakeDead
	// blackholes: see AnyBlackhole.
	blackholes bool

	// CheckHop finds and validates the one hop of a new Object (nh_create_ipv4, nh_create_ipv6). Set
	// by package route, to whose tables a gateway belongs.
	CheckHop func(cfg *ObjectConfig) (Hop, error)
	// CompatMode is net.ipv4.nexthop_compat_mode: routes are shown with what their Object has, and
	// announced when that changes.
	CompatMode bool
	// UseNeigh is net.ipv4.fib_multipath_use_neigh.
	UseNeigh bool

	links       *link.Table
	objects     map[uint32]*Object
	ids         []uint32 // of objects, rising, and some that are gone
	linked      uint64   // objects of one hop that ever came
	lastID      uint32   // that was chosen for user space
	objectSeq   uint32
	objectPaths int
}

// New makes an empty table.
func New(net *rtnl.Net, links *link.Table) *Table {
	t := &Table{
		net: net, infos: make([]*Info, 1), byKey: map[infoKey]*Info{},
		metrics: map[Metrics]*countedMetrics{}, devs: map[*link.Link]*ofLink{},
		paths: map[pathKey]*path{}, nextID: 1, gen: 1, sources: map[netip.Addr]map[*Info]struct{}{},
		CompatMode: true, links: links, objects: map[uint32]*Object{}, objectSeq: 1,
	}
	t.addKnobs()
	return t
}

// At is the Info of an index that is held.
func (t *Table) At(index uint32) *Info { return t.infos[index] }

// Gen changes whenever an Info is freed: a cache of Infos without references is good for one Gen.
func (t *Table) Gen() uint64 { return t.gen }

// Len is the number of Infos, and of their nexthops in the data plane.
func (t *Table) Len() (infos, paths int) { return len(t.byKey), len(t.paths) + t.objectPaths }

func (t *Table) onLink(l *link.Link) *ofLink {
	o := t.devs[l]
	if o == nil {
		o = &ofLink{infos: map[*Info]struct{}{}, paths: map[*path]struct{}{}, objects: map[*Object]uint64{}}
		t.devs[l] = o
	}
	return o
}

// compareFlags are the flags that distinguish Infos (~RTNH_COMPARE_MASK).
const compareFlags = ^uint32(unix.RTNH_F_DEAD | unix.RTNH_F_LINKDOWN | unix.RTNH_F_OFFLOAD | unix.RTNH_F_TRAP)

// Hold finds the Info with the content of s or makes it, and counts a reference to it. s and its
// hops stay the caller's. ENOBUFS: the data plane has no nexthop left; else what it says.
func (t *Table) Hold(s *Spec) (*Info, error) {
	k := infoKey{
		family: s.Family, typ: s.Type, dptype: s.DPType, scope: s.Scope, protocol: s.Protocol,
		pref: s.Pref, flags: s.Flags & compareFlags, priority: s.Priority, hops: uint16(len(s.Hops)),
		prefsrc: s.PrefSrc, table: s.Table, object: s.Object,
	}
	hops := s.Hops
	if s.Object != nil {
		hops, k.hops = nil, 0
	}
	var interned *countedMetrics
	if s.Metrics != nil && *s.Metrics != (Metrics{}) {
		interned = t.intern(s.Metrics)
		k.metrics = interned.m
	}
	if len(hops) > 0 {
		h := &hops[0]
		k.link, k.gateway, k.hopScope, k.weight, k.realm = h.Link, h.Gateway, h.Scope, h.Weight, h.Realm
		k.hopFlags = h.Flags & uint8(compareFlags&0xff)
		if len(hops) > 1 {
			k.more = string(t.pack(hops[1:]))
		}
	}
	if i := t.byKey[k]; i != nil {
		i.refs++
		t.dropUnused(interned)
		return i, nil
	}
	i := &Info{Spec: *s, key: k, refs: 1}
	i.Metrics = k.metrics
	i.Hops = slices.Clone(hops)
	if i.Object != nil {
		i.Hops = i.Object.hops
	}
	if err := t.makePath(i); err != nil {
		t.dropUnused(interned)
		return nil, err
	}
	if interned != nil {
		interned.refs++
	}
	t.register(i)
	return i, nil
}

func (t *Table) pack(hops []Hop) []byte {
	b := t.scratch[:0]
	for i := range hops {
		h := &hops[i]
		b = binary.LittleEndian.AppendUint32(b, h.Oif())
		b = binary.LittleEndian.AppendUint32(b, h.Realm)
		b = binary.LittleEndian.AppendUint16(b, h.Weight)
		g, _ := h.Gateway.MarshalBinary()
		b = append(b, h.Scope, h.Flags&uint8(compareFlags&0xff), uint8(len(g)))
		b = append(b, g...)
	}
	t.scratch = b
	return b
}

func (t *Table) intern(m *Metrics) *countedMetrics {
	c := t.metrics[*m]
	if c == nil {
		own := *m
		c = &countedMetrics{m: &own}
		t.metrics[own] = c
	}
	return c
}

func (t *Table) dropUnused(c *countedMetrics) {
	if c != nil && c.refs == 0 {
		delete(t.metrics, *c.m)
	}
}

func (t *Table) register(i *Info) {
	if n := len(t.free); n > 0 {
		i.index = t.free[n-1]
		t.free = t.free[:n-1]
		t.infos[i.index] = i
	} else {
		i.index = uint32(len(t.infos))
		t.infos = append(t.infos, i)
	}
	t.byKey[i.key] = i
	t.addSource(i)
	if i.Object != nil {
		i.Object.infos[i] = struct{}{}
		return
	}
	for h := range i.Hops {
		if l := i.Hops[h].Link; l != nil {
			t.onLink(l).infos[i] = struct{}{}
		}
	}
}

// makePath finds or makes what the data plane needs for i.
func (t *Table) makePath(i *Info) (err error) {
	switch {
	case i.Object != nil && !rejects(i.Type):
		i.out, err = t.holdObject(i.Object, variant{i.Family, i.Type, i.MTU()})
	case i.Object != nil, len(i.Hops) == 0:
		i.out, err = t.holdSingle(&i.Spec, nil)
	case len(i.Hops) == 1:
		i.out, err = t.holdSingle(&i.Spec, &i.Hops[0])
	case len(i.Hops) > dpif.MaxGroup:
		return rtnl.Errorf(unix.EINVAL, "More nexthops than the data plane can choose from")
	default:
		members := make([]member, 0, len(i.Hops))
		for h := range i.Hops {
			o, err := t.holdSingle(&i.Spec, &i.Hops[h])
			if err != nil {
				t.releaseMembers(members)
				return err
			}
			members = append(members, member{path: o, weight: uint32(i.Hops[h].Weight)})
		}
		i.out, err = t.holdGroup(i.Family, members)
	}
	return err
}

// Ref counts one more reference to i.
func (t *Table) Ref(i *Info) { i.refs++ }

// Release gives a reference back (fib_release_info). With the last one the Info and, when no other
// needs it, its path in the data plane are gone: no prefix may point there any more.
func (t *Table) Release(i *Info) {
	if i.refs--; i.refs > 0 {
		return
	}
	t.gen++
	if t.byKey[i.key] == i {
		delete(t.byKey, i.key)
	}
	t.forgetSource(i)
	if i.Object != nil {
		delete(i.Object.infos, i)
	} else {
		t.forgetLinks(i)
	}
	t.infos[i.index] = nil
	t.free = append(t.free, i.index)
	if c := t.metrics[metricsOf(i.key.metrics)]; c != nil && c.m == i.key.metrics {
		c.refs--
		t.dropUnused(c)
	}
	if i.out != nil {
		t.release(i.out)
	}
}

func (t *Table) forgetLinks(i *Info) {
	for h := range i.Hops {
		if l := i.Hops[h].Link; l != nil {
			o := t.onLink(l)
			delete(o.infos, i)
			if l.Gone() && len(o.infos) == 0 && len(o.paths) == 0 && len(o.objects) == 0 {
				delete(t.devs, l)
			}
		}
	}
}

func metricsOf(m *Metrics) Metrics {
	if m == nil {
		return Metrics{}
	}
	return *m
}
