// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"net/netip"
	"slices"

	"skua/controlplane/link"
)

// Place is a prefix that a route with an Info was put at, as package route counts: the address
// left-aligned in 128 bits.
type Place struct {
	Hi, Lo uint64
	Len    uint8
}

// maxPlaces is how many places of an Info are remembered: the routes of a link's own addresses are so
// few, and the link can go without anybody looking through all tables, which thousands of links going
// at once would make long.
const maxPlaces = 8

// places are where routes with an Info may be: all that are somewhere else have gone.
type places struct {
	at   []Place
	many bool // more than are remembered: anywhere
}

// PutAt notes that a route with the Info comes to a place.
func (i *Info) PutAt(p Place) {
	switch {
	case i.places.many || slices.Contains(i.places.at, p):
	case len(i.places.at) == maxPlaces:
		i.places = places{many: true}
	default:
		i.places.at = append(i.places.at, p)
	}
}

// MayBeAt says whether there may be a route with the Info at a place of its table.
func (i *Info) MayBeAt(p Place) bool { return i.places.many || slices.Contains(i.places.at, p) }

// Places says where routes with the Info may be; false: anywhere in its table.
func (i *Info) Places() ([]Place, bool) { return i.places.at, !i.places.many }

// EachOnLink calls f with the Infos of a family that have a hop over l, in no order that matters.
func (t *Table) EachOnLink(l *link.Link, family uint8, f func(*Info)) {
	of := t.devs[l]
	if of == nil {
		return
	}
	for i := range of.infos {
		if i.Family == family {
			f(i)
		}
	}
}

// AnyBlackhole says whether there has ever been an Object that drops what comes to it.
func (t *Table) AnyBlackhole() bool { return t.blackholes }

// TakeDead gives the IPv4 Infos that died by SyncDown4 and SyncDownAddr since it was asked last.
func (t *Table) TakeDead() []*Info {
	dead := t.dead
	t.dead = nil
	return dead
}

func (t *Table) died(i *Info) {
	if i.Dead() {
		t.dead = append(t.dead, i)
	}
}

// bySource finds the Infos that have, or had, a preferred source.
func (t *Table) bySource(a netip.Addr, f func(*Info)) {
	for i := range t.sources[a] {
		f(i)
	}
}

func (t *Table) addSource(i *Info) {
	if a := i.key.prefsrc; a.IsValid() {
		if t.sources[a] == nil {
			t.sources[a] = map[*Info]struct{}{}
		}
		t.sources[a][i] = struct{}{}
	}
}

func (t *Table) forgetSource(i *Info) {
	if a := i.key.prefsrc; a.IsValid() {
		if delete(t.sources[a], i); len(t.sources[a]) == 0 {
			delete(t.sources, a)
		}
	}
}
