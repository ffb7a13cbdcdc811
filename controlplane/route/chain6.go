// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
)

// Every link has a route to ff00::/8, one to fe80::/64 and, of a router, one to its anycast address.
// So with thousands of links those prefixes have thousands of aliases, and each link that comes or
// goes changes all three. What follows does it without looking at the Infos of the others.

// longChain is from how many aliases on a prefix is looked at so.
const longChain = 16

func (t *Table) long(tab *fibTable, node uint32) bool {
	n := 0
	for a := tab.trie.at(node).head; a != 0 && n < longChain; a = t.alias.at(a).next {
		n++
	}
	return n == longChain
}

// dup6 is the first alias from a on that goes the same way as info at the same metric; 0: none does.
func (t *Table) dup6(k key, plen uint8, info *nexthop.Info, a uint32) uint32 {
	var buf [8]uint32
	same := buf[:0]
	t.nexthops.EachOnLink(info.Hops[0].Link, familyIPv6, func(i *nexthop.Info) {
		if i.Table == info.Table && i.Priority == info.Priority && sameHop6(i, info) && i.MayBeAt(placeOf(k, plen)) {
			same = append(same, i.Index())
		}
	})
	for ; a != 0 && len(same) > 0; a = t.alias.at(a).next {
		if slices.Contains(same, t.alias.at(a).info) {
			return a
		}
	}
	return 0
}

// topScore6 says whether no alias can have a better score, so that choose6 need not look at them.
func (t *Table) topScore6(score int, oif uint32) bool {
	return oif == 0 && score >= 2|decodePref(0)<<2 && !t.highPref6 && !t.nexthops.AnyBlackhole()
}

// append6 is insert6 for a route that goes behind the alias a and all after it, of which the last has
// a metric that is no greater; false: this is no such route.
func (t *Table) append6(tab *fibTable, node uint32, cfg *Config, info *nexthop.Info, a uint32) (r inserted6, ok bool, err error) {
	k, plen := cfg.prefix()
	if cfg.NLFlags&(unix.NLM_F_REPLACE|unix.NLM_F_EXCL) != 0 || cfg.Expires != 0 || info.Object != nil ||
		multipath6(info) || info.Type == unix.RTN_THROW {
		return r, false, nil
	}
	if dup := t.dup6(k, plen, info, a); dup != 0 {
		t.prolong6(tab, k, plen, dup, cfg)
		return r, true, unix.EEXIST
	}
	for next := t.alias.at(a).next; next != 0; next = t.alias.at(a).next {
		a = next
	}
	last := t.info(a).Priority
	if last > info.Priority {
		return r, false, nil
	}
	r = inserted6{key: k, plen: plen, node: node, nlflags: unix.NLM_F_CREATE | cfg.NLFlags&unix.NLM_F_APPEND}
	if last != info.Priority {
		r.nlflags |= unix.NLM_F_EXCL
	}
	before := t.bestAt(tab, node, k, plen)
	p := &t.alias.at(a).next
	r.alias = t.insertAt(p, alias{info: info.Index()})
	info.PutAt(placeOf(k, plen))
	if err = t.pushAt(tab, node, k, plen, before); err != nil {
		t.removeAt(p)
	}
	return r, true, err
}

// alone6 says whether an alias can go without a change of a group: it is no part of one.
func alone6(i *nexthop.Info) bool { return i.Object == nil && !multipath6(i) }

// unlinkAlone6 is unlink6 for an alias that is part of no group.
func (t *Table) unlinkAlone6(tab *fibTable, node uint32, k key, plen uint8, a uint32, internal bool) error {
	info := t.info(a)
	before := t.bestAt(tab, node, k, plen)
	r := t.route(tab, k, plen, a)
	p := &tab.trie.at(node).head
	for *p != a {
		p = &t.alias.at(*p).next
	}
	*p = t.alias.at(a).next
	at := node
	if tab.trie.at(node).head == 0 {
		at = 0
	}
	if err := t.pushAt(tab, at, k, plen, before); err != nil {
		*p = a
		return err
	}
	if at == 0 {
		t.emptied(tab, k, plen)
	}
	t.announce(unix.RTM_DELROUTE, 0, internal, r)
	t.drop(info)
	t.forgetExpiry(a)
	t.alias.release(a)
	t.finish()
	return nil
}

// onLink6 are the Infos over l that may be at a prefix of a table, by their index.
func (t *Table) onLink6(tab *fibTable, k key, plen uint8, l *link.Link, buf []uint32) []uint32 {
	t.nexthops.EachOnLink(l, familyIPv6, func(i *nexthop.Info) {
		if i.Table == tab.id && i.MayBeAt(placeOf(k, plen)) {
			buf = append(buf, i.Index())
		}
	})
	return buf
}

// over6 are the Infos that a request to delete from a prefix can mean, when it names a link and there are
// many; false: it can mean others too.
func (t *Table) over6(tab *fibTable, node uint32, k key, plen uint8, cfg *Config) ([]uint32, bool) {
	if cfg.Oif == 0 || cfg.NHID != 0 || tab.byObject || !t.long(tab, node) {
		return nil, false
	}
	l := t.links.ByIndex(cfg.Oif)
	if l == nil {
		return nil, false
	}
	return t.onLink6(tab, k, plen, l, nil), true
}

// disableAlone6 is disablePrefix6 where no route over l is part of a group; false: it is not so.
func (t *Table) disableAlone6(tab *fibTable, node uint32, k key, plen uint8, l *link.Link) bool {
	var buf [8]uint32
	mine := t.onLink6(tab, k, plen, l, buf[:0])
	for _, i := range mine {
		if !alone6(t.nexthops.At(i)) {
			return false
		}
	}
	before := t.bestAt(tab, node, k, plen)
	var gone []uint32
	for p := &tab.trie.at(node).head; *p != 0; {
		a := *p
		if !slices.Contains(mine, t.alias.at(a).info) {
			p = &t.alias.at(a).next
			continue
		}
		r := t.route(tab, k, plen, a)
		*p = t.alias.at(a).next
		t.announce(unix.RTM_DELROUTE, 0, true, r)
		gone = append(gone, a)
	}
	if len(gone) == 0 {
		return true
	}
	t.emptied(tab, k, plen)
	t.enqueueChange(tab, k, plen, before)
	for _, a := range gone {
		t.drop(t.info(a))
		t.forgetExpiry(a)
		t.alias.release(a)
	}
	return true
}
