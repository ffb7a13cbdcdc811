// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"slices"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
)

func placeOf(k key, plen uint8) nexthop.Place { return nexthop.Place{Hi: k.hi, Lo: k.lo, Len: plen} }

// dying is where routes that are to go may be: at prefixes, by table; or anywhere.
type dying struct {
	at  map[uint32][]cursor
	all bool
}

// add notes the places of an Info.
func (d *dying) add(i *nexthop.Info) {
	at, known := i.Places()
	if d.all = d.all || !known; d.all {
		return
	}
	if d.at == nil {
		d.at = map[uint32][]cursor{}
	}
	for _, p := range at {
		d.at[i.Table] = append(d.at[i.Table], cursor{key: key{p.Hi, p.Lo}, plen: p.Len})
	}
}

// in are the places of a table, each once, in the order of compare.
func (d *dying) in(tab *fibTable, compare func(a, b cursor) int) []cursor {
	at := d.at[tab.id]
	slices.SortFunc(at, compare)
	return slices.Compact(at)
}

// overLink is where the IPv6 routes over l may be that name no Object.
func (t *Table) overLink(l *link.Link) (d dying) {
	t.nexthops.EachOnLink(l, familyIPv6, d.add)
	return d
}

// compare6 is the order of a walk of IPv6 prefixes: by address, a prefix after all that lie inside it.
func (c cursor) compare6(o cursor) int {
	short := min(c.plen, o.plen)
	switch {
	case commonBits(c.key, o.key, short) == short:
		return int(o.plen) - int(c.plen)
	case c.key.less(o.key):
		return -1
	default:
		return 1
	}
}

// compareFlush4 is the order of fib_table_flush: leaves from the highest address down, in each the
// longest prefix first.
func (c cursor) compareFlush4(o cursor) int {
	switch {
	case c.key == o.key:
		return int(o.plen) - int(c.plen)
	case c.key.less(o.key):
		return 1
	default:
		return -1
	}
}
