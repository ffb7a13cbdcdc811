// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"

	"skua/controlplane/nexthop"
)

// aliases is where aliases lie: in chunks, numbered, 0 being none.
type aliases struct {
	chunks []*[1 << chunkBits]alias
	next   uint32
	free   uint32
}

func (a *aliases) at(i uint32) *alias { return &a.chunks[i>>chunkBits][i&chunkMask] }

func (a *aliases) alloc(v alias) uint32 {
	i := a.free
	if i != 0 {
		a.free = a.at(i).next
	} else {
		if a.next == 0 {
			a.next = 1
		}
		i = a.next
		a.next++
		if int(i>>chunkBits) == len(a.chunks) {
			a.chunks = grow(a.chunks)
		}
	}
	*a.at(i) = v
	return i
}

func (a *aliases) release(i uint32) {
	*a.at(i) = alias{next: a.free}
	a.free = i
}

// info is what an alias points at.
func (t *Table) info(a uint32) *nexthop.Info { return t.nexthops.At(t.alias.at(a).info) }

// insertAt puts a new alias before *p and gives its number.
func (t *Table) insertAt(p *uint32, v alias) uint32 {
	v.next = *p
	if v.tos != 0 {
		t.tosRoutes++
	}
	i := t.alias.alloc(v)
	*p = i
	return i
}

// removeAt takes *p out of its list and frees it.
func (t *Table) removeAt(p *uint32) {
	i := *p
	if t.alias.at(i).tos != 0 {
		t.tosRoutes--
	}
	*p = t.alias.at(i).next
	t.alias.release(i)
}

// route makes the view of alias a of a prefix of tab.
func (t *Table) route(tab *fibTable, k key, plen uint8, a uint32) Route {
	al := t.alias.at(a)
	r := Route{
		Family: tab.family.id, TOS: al.tos, Table: tab.id,
		Dst:  netip.PrefixFrom(k.addr(tab.family.id), int(plen)),
		Info: t.nexthops.At(al.info),
	}
	if al.expires {
		r.HasExpires = true
		r.Expires = int32(t.expires[a].at.Sub(t.net.Clock.Now()).Milliseconds() / 10)
	}
	return r
}
