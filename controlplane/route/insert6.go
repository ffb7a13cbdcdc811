// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
)

// add6 is ip6_route_add, and ip6_route_multipath_add when there are several nexthops.
func (t *Table) add6(cfg *Config) error {
	c := *cfg
	if c.Priority == 0 && !c.internal {
		c.Priority = MetricUser
	}
	if c.Type > unix.RTN_XRESOLVE {
		return rtnl.Errorf(unix.EINVAL, "Invalid route type")
	}
	tab := t.newTable(&t.v6, c.table())
	if c.Hops != nil {
		return t.multipathAdd6(tab, &c)
	}
	info, err := t.info6(&c, 1)
	if err != nil {
		return err
	}
	r, err := t.insert6(tab, &c, info)
	if err != nil {
		t.nexthops.Release(info)
		return err
	}
	t.announce(unix.RTM_NEWROUTE, r.nlflags, c.internal, t.route6At(tab, r.node, r.key, r.plen, r.alias))
	return nil
}

// inserted6 is where a route went.
type inserted6 struct {
	key     key
	plen    uint8
	node    uint32
	alias   uint32
	nlflags uint16
}

// edit6 is a change of the aliases of one IPv6 prefix that can be taken back.
type edit6 struct {
	t      *Table
	tab    *fibTable
	key    key
	plen   uint8
	before uint32
	was    []alias  // as it was, with the numbers in old
	old    []uint32 // numbers of the aliases
	group  *nexthop.Group
	node   uint32
}

// insert6 is fib6_add: it takes over the reference to info when it succeeds.
func (t *Table) insert6(tab *fibTable, cfg *Config, info *nexthop.Info) (inserted6, error) {
	k, plen := cfg.prefix()
	replace := cfg.NLFlags&unix.NLM_F_REPLACE != 0
	create := cfg.NLFlags&unix.NLM_F_CREATE != 0
	r := inserted6{key: k, plen: plen, nlflags: unix.NLM_F_EXCL | cfg.NLFlags&unix.NLM_F_APPEND}
	node := tab.trie.find(k, plen)
	if replace && !create && plen > 0 && !tab.trie.has(k, plen) { // of ::/0 there is always a node
		return r, rtnl.Errorf(unix.ENOENT, "Can not replace route - no match found")
	}
	var head uint32
	if node != 0 {
		head = tab.trie.at(node).head
	}
	ecmp := multipath6(info)
	p, fallback, found := &head, (*uint32)(nil), false
	for n := 0; *p != 0; n++ {
		it := t.info(*p)
		if n == longChain {
			if r, ok, err := t.append6(tab, node, cfg, info, *p); ok {
				return r, err
			}
		}
		if it.Priority == info.Priority {
			if cfg.NLFlags&unix.NLM_F_EXCL != 0 {
				return r, unix.EEXIST
			}
			r.nlflags &^= unix.NLM_F_EXCL
			if replace {
				if ecmp == multipath6(it) {
					found = true
					break
				}
				if fallback == nil {
					fallback = p
				}
			} else if sameHop6(it, info) {
				t.prolong6(tab, k, plen, *p, cfg)
				return r, unix.EEXIST
			}
		}
		if it.Priority > info.Priority {
			break
		}
		p = &t.alias.at(*p).next
	}
	if fallback != nil && !found {
		p, found = fallback, true
	}
	if replace && !found && !create {
		return r, unix.ENOENT
	}
	e := t.begin6At(tab, node, k, plen)
	if node == 0 {
		e.node = tab.trie.insert(k, plen)
		if tab.trie.entries++; tab.trie.entries == jumpFrom && tab.trie.jump == nil {
			tab.trie.grow()
		}
	}
	r.node = e.node
	n := tab.trie.at(e.node)
	if p == &head {
		p = &n.head
	}
	var gone []uint32
	if replace && found {
		r.nlflags = unix.NLM_F_REPLACE
		gone = t.replaced6(p, info)
	} else {
		r.nlflags |= unix.NLM_F_CREATE
	}
	r.alias = t.insertAt(p, alias{info: info.Index()})
	info.PutAt(placeOf(k, plen))
	tab.byObject = tab.byObject || info.Object != nil
	if err := t.finish6(e); err != nil {
		return r, err
	}
	for _, a := range gone {
		t.drop(t.info(a))
		t.forgetExpiry(a)
		t.alias.release(a)
	}
	t.finish()
	t.setExpiry(tab, k, plen, r.alias, cfg.Expires)
	return r, nil
}

// replaced6 unlinks what a new route replaces: the alias *p, and its siblings when it has any. They
// are released later.
func (t *Table) replaced6(p *uint32, info *nexthop.Info) (gone []uint32) {
	first := *p
	it := t.info(first)
	siblings := 0
	for a := *p; a != 0; a = t.alias.at(a).next {
		if of := t.info(a); of.Priority == it.Priority && multipath6(of) {
			siblings++
		}
	}
	all := multipath6(it) && siblings > 1
	gone = append(gone, first)
	*p = t.alias.at(first).next
	for q := p; all && *q != 0; {
		of := t.info(*q)
		if of.Priority > info.Priority {
			break
		}
		if multipath6(of) {
			gone = append(gone, *q)
			*q = t.alias.at(*q).next
			continue
		}
		q = &t.alias.at(*q).next
	}
	return gone
}

// begin6 notes a prefix as it is.
func (t *Table) begin6(tab *fibTable, k key, plen uint8) *edit6 {
	return t.begin6At(tab, tab.trie.find(k, plen), k, plen)
}

// begin6At is begin6 where the prefix's node is known, or known not to be there (0).
func (t *Table) begin6At(tab *fibTable, node uint32, k key, plen uint8) *edit6 {
	e := &edit6{t: t, tab: tab, key: k, plen: plen, node: node, before: t.bestAt(tab, node, k, plen)}
	if node == 0 {
		return e
	}
	e.group = tab.groups[e.node]
	for a := tab.trie.at(e.node).head; a != 0; a = t.alias.at(a).next {
		e.was, e.old = append(e.was, *t.alias.at(a)), append(e.old, a)
	}
	return e
}

// finish6 makes the group that the prefix needs now and brings the data plane up to date, or takes
// everything back.
func (t *Table) finish6(e *edit6) error {
	err := t.mergeable(e.tab, e.key, e.plen)
	var group *nexthop.Group
	if err == nil {
		group, err = t.group6(e.tab, e.node)
	}
	if err == nil {
		e.setGroup(group)
		node := e.node
		if e.tab.trie.at(node).head == 0 {
			node = 0
		}
		if err = t.pushAt(e.tab, node, e.key, e.plen, e.before); err == nil {
			t.dropGroup(e.group)
			if node == 0 {
				e.tab.forget(e.key, e.plen)
			}
			return nil
		}
		if group != nil {
			t.nexthops.ReleaseGroup(group)
		}
	}
	e.undo()
	return err
}

func (e *edit6) setGroup(g *nexthop.Group) {
	if g == nil {
		delete(e.tab.groups, e.node)
	} else {
		e.tab.groups[e.node] = g
	}
}

// undo puts the aliases back as they were and frees those that are new.
func (e *edit6) undo() {
	n := e.tab.trie.at(e.node)
	for a := n.head; a != 0; {
		next := e.t.alias.at(a).next
		if !slices.Contains(e.old, a) {
			e.t.alias.release(a)
		}
		a = next
	}
	n.head = 0
	for i, a := range e.old {
		*e.t.alias.at(a) = e.was[i]
		if i == 0 {
			n.head = a
		}
	}
	e.setGroup(e.group)
	e.t.emptied(e.tab, e.key, e.plen)
}

// group6 makes the group of the data plane for the first metric of a node that has siblings; nil:
// none is needed.
func (t *Table) group6(tab *fibTable, node uint32) (*nexthop.Group, error) {
	infos := t.siblings[:0]
	for a := tab.trie.at(node).head; a != 0; a = t.alias.at(a).next {
		info := t.info(a)
		if !multipath6(info) {
			continue
		}
		if len(infos) > 0 && infos[0].Priority != info.Priority {
			if len(infos) > 1 {
				break
			}
			infos = infos[:0]
		}
		infos = append(infos, info)
	}
	t.siblings = infos[:0]
	if len(infos) < 2 {
		return nil, nil
	}
	return t.nexthops.HoldGroup(infos)
}

// groupMetric is the metric of the siblings that a node's group is made of.
func (t *Table) groupMetric(tab *fibTable, node uint32) uint32 {
	var metric uint32
	n := 0
	for a := tab.trie.at(node).head; a != 0 && n < 2; a = t.alias.at(a).next {
		info := t.info(a)
		if !multipath6(info) {
			continue
		}
		if n == 0 || info.Priority != metric {
			n, metric = 0, info.Priority
		}
		n++
	}
	return metric
}

// sameHop6 is rt6_duplicate_nexthop.
func sameHop6(a, b *nexthop.Info) bool {
	if a.Object != nil || b.Object != nil {
		return a.Object == b.Object
	}
	return a.Hops[0].Link == b.Hops[0].Link && a.Hops[0].Gateway == b.Hops[0].Gateway
}

// mergeable checks, before prefix k/plen of tab goes to the data plane, that one table for local
// and main still answers as the local and then the main table, and else gives them one each.
func (t *Table) mergeable(tab *fibTable, k key, plen uint8) error {
	if !t.v6.merged || tab.id != unix.RT_TABLE_LOCAL && tab.id != unix.RT_TABLE_MAIN {
		return nil
	}
	local, main := t.v6.tables[unix.RT_TABLE_LOCAL], t.v6.tables[unix.RT_TABLE_MAIN]
	split := false
	if tab == local {
		split = plen < 128 && main.trie.below(k, plen) || t.throws6(local, k, plen)
	} else {
		local.trie.match(k, 128, &t.m1)
		split = t.m1.n > 0 && local.trie.at(t.m1.nodes[0]).plen < plen
	}
	if !split {
		return nil
	}
	return t.unmerge(&t.v6)
}

// throws6 says whether a prefix has a throw route: it sends the lookup on to the main table, past
// what else is in the merged one.
func (t *Table) throws6(tab *fibTable, k key, plen uint8) bool {
	if i := tab.trie.find(k, plen); i != 0 {
		for a := tab.trie.at(i).head; a != 0; a = t.alias.at(a).next {
			if t.info(a).Type == unix.RTN_THROW {
				return true
			}
		}
	}
	return false
}

// route6 is the view of an alias with its siblings: those behind it, then those before it.
func (t *Table) route6(tab *fibTable, k key, plen uint8, a uint32) Route {
	return t.route6At(tab, tab.trie.find(k, plen), k, plen, a)
}

// route6At is route6 where the prefix's node is known, or known not to be there (0).
func (t *Table) route6At(tab *fibTable, node uint32, k key, plen uint8, a uint32) Route {
	r := t.route(tab, k, plen, a)
	if node == 0 || !multipath6(r.Info) {
		return r
	}
	before := 0
	for s := tab.trie.at(node).head; s != 0; s = t.alias.at(s).next {
		if s == a {
			before = len(r.Siblings)
		} else if t.info(s).Priority == r.Info.Priority && multipath6(t.info(s)) {
			r.Siblings = append(r.Siblings, t.info(s))
		}
	}
	if before > 0 {
		r.Siblings = slices.Concat(r.Siblings[before:], r.Siblings[:before])
	}
	return r
}
