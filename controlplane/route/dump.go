// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
)

// Filter is what a dump leaves out (fib_dump_filter); zero fields do not filter.
type Filter struct {
	Table    uint32
	Type     uint8
	Protocol uint8
	Link     *link.Link
	PrefixRT bool // IPv6: only prefix routes of addresses (RTM_F_PREFIX)
}

func (f *Filter) passes(i *nexthop.Info, siblings []*nexthop.Info) bool {
	if f.Type != 0 && f.Type != i.Type || f.Protocol != 0 && f.Protocol != i.Protocol ||
		f.PrefixRT && i.Flags&FlagPrefixRT == 0 {
		return false
	}
	if f.Link == nil || i.UsesLink(f.Link) {
		return true
	}
	for _, s := range siblings {
		if s.UsesLink(f.Link) {
			return true
		}
	}
	return false
}

// Cursor is where a dump stands. It stays good when tables change between two calls: it goes on
// behind the last route that was taken.
type Cursor struct {
	bucket int    // of family.hash
	table  uint32 // that is being dumped; 0: the first of the bucket
	at     cursor
	skip   int // routes of the prefix at that were taken
}

// Dump calls each with the routes of a family in the kernel's order, from c on. each returns false
// for a route that it could not take: Dump then returns false, and goes on with that one when it is
// called again. True: that was all.
func (t *Table) Dump(family uint8, filter *Filter, c *Cursor, each func(*Route) bool) bool {
	f := t.family(family)
	if filter.Table != 0 {
		tab := f.tables[filter.Table]
		return tab == nil || t.dumpTable(tab, filter, c, each)
	}
	for ; c.bucket < len(f.hash); *c = (Cursor{bucket: c.bucket + 1}) {
		tables := f.hash[c.bucket]
		for i := 0; i < len(tables); i++ {
			tab := tables[i]
			if c.table != 0 && c.table != tab.id {
				continue
			}
			if c.table == 0 {
				c.table = tab.id
			}
			if !t.dumpTable(tab, filter, c, each) {
				return false
			}
			*c = Cursor{bucket: c.bucket}
			if i+1 < len(tables) {
				c.table = tables[i+1].id
			}
		}
	}
	return true
}

// At calls each with the routes of one prefix of a table, in the order in which a lookup tries them.
func (t *Table) At(family uint8, table uint32, dst netip.Prefix, each func(*Route)) {
	tab := t.family(family).tables[table]
	if tab == nil {
		return
	}
	k, plen := (&Config{Dst: dst}).prefix()
	if node := tab.trie.find(k, plen); node != 0 {
		t.dumpNode(tab, node, &Filter{}, &Cursor{}, func(r *Route) bool {
			each(r)
			return true
		})
	}
}

func (t *Table) dumpTable(tab *fibTable, filter *Filter, c *Cursor, each func(*Route) bool) bool {
	if c.skip > 0 { // in the middle of a prefix
		if node := tab.trie.find(c.at.key, c.at.plen); node != 0 && !t.dumpNode(tab, node, filter, c, each) {
			return false
		}
		c.skip = 0
	}
	return tab.trie.walk(tab.family.id, c.at, func(node uint32) bool {
		n, before := tab.trie.at(node), c.at
		c.at = cursor{key: n.key, plen: n.plen, started: true}
		if !t.dumpNode(tab, node, filter, c, each) {
			if c.skip == 0 {
				c.at = before
			}
			return false
		}
		c.skip = 0
		return true
	})
}

// dumpNode gives the routes of a prefix behind the first c.skip.
func (t *Table) dumpNode(tab *fibTable, node uint32, filter *Filter, c *Cursor, each func(*Route) bool) bool {
	n := tab.trie.at(node)
	seen := 0
	for a := n.head; a != 0; a = t.alias.at(a).next {
		info := t.info(a)
		if tab.family.id == familyIPv6 && t.sibling(n.head, a) {
			continue // shown with its first
		}
		if seen++; seen <= c.skip {
			continue
		}
		r := &t.msg.Route
		if tab.family.id == familyIPv6 {
			*r = t.route6At(tab, node, n.key, n.plen, a)
		} else {
			*r = t.route(tab, n.key, n.plen, a)
		}
		if filter.passes(info, r.Siblings) && !each(r) {
			return false
		}
		c.skip++
	}
	return true
}

// sibling says whether an alias before a belongs to the same IPv6 multipath route.
func (t *Table) sibling(head, a uint32) bool {
	info := t.info(a)
	if !multipath6(info) {
		return false
	}
	for s := head; s != a; s = t.alias.at(s).next {
		if of := t.info(s); of.Priority == info.Priority && multipath6(of) {
			return true
		}
	}
	return false
}
