// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
)

// checkObject finds and validates the hop of a nexthop object (nh_create_ipv4, nh_create_ipv6).
func (t *Table) checkObject(cfg *nexthop.ObjectConfig) (nexthop.Hop, error) {
	if cfg.Family == familyIPv4 {
		c := Config{Family: familyIPv4, Table: cfg.Link.L3Table()}
		h := HopConfig{Oif: cfg.Link.Index, Gateway: cfg.Gateway, Flags: cfg.Flags}
		return t.checkHop4(&c, &h)
	}
	c := Config{
		Family: familyIPv6, Oif: cfg.Link.Index, Gateway: cfg.Gateway, Flags: uint32(cfg.Flags),
		Table: cfg.Link.L3Table(),
	}
	hop, _, err := t.hop6(&c)
	hop.Scope = unix.RT_SCOPE_LINK
	return hop, err
}

// object follows the nexthop objects that routes point at.
func (t *Table) object(e nexthop.ObjectEvent) {
	t.changed()
	t.checks.forget()
	o := e.Object
	switch e.Type {
	case nexthop.ObjectRemoved:
		if o.ByRoutes(familyIPv4) {
			t.flushAll4()
		}
		if o.ByRoutes(familyIPv6) {
			t.flushObject6(o)
		}
	case nexthop.ObjectReplaced:
		if t.nexthops.CompatMode {
			t.notifyReplaced(o)
			for _, parent := range o.Parents() {
				t.notifyReplaced(parent)
			}
		}
	}
}

// eachByObject calls f with the aliases that point at o, table by table.
func (t *Table) eachByObject(fam *family, o *nexthop.Object, f func(tab *fibTable, n *node, a uint32)) {
	if !o.ByRoutes(fam.id) {
		return
	}
	for h := range fam.hash {
		for _, tab := range fam.hash[h] {
			tab.trie.walk(fam.id, cursor{}, func(i uint32) bool {
				n := tab.trie.at(i)
				for a := n.head; a != 0; a = t.alias.at(a).next {
					if t.info(a).Object == o {
						f(tab, n, a)
					}
				}
				return true
			})
		}
	}
}

// flushObject6 deletes the IPv6 routes that point at o, which is gone (__remove_nexthop_fib). User
// space is told unless it is to know objects only.
func (t *Table) flushObject6(o *nexthop.Object) {
	type prefix struct {
		tab *fibTable
		cursor
	}
	var order []prefix
	goes := map[prefix]map[uint32]bool{}
	t.eachByObject(&t.v6, o, func(tab *fibTable, n *node, a uint32) {
		p := prefix{tab, cursor{key: n.key, plen: n.plen}}
		if goes[p] == nil {
			goes[p] = map[uint32]bool{}
			order = append(order, p)
		}
		goes[p][a] = true
	})
	for _, p := range order {
		t.removeAll6(t.begin6(p.tab, p.key, p.plen), goes[p], t.nexthops.CompatMode)
	}
	t.finish()
}

// notifyReplaced shows the routes that point at o as they are now (__nexthop_replace_notify).
func (t *Table) notifyReplaced(o *nexthop.Object) {
	for _, fam := range []*family{&t.v4, &t.v6} {
		t.eachByObject(fam, o, func(tab *fibTable, n *node, a uint32) {
			t.announce(unix.RTM_NEWROUTE, unix.NLM_F_REPLACE, false, t.route(tab, n.key, n.plen, a))
		})
	}
}
