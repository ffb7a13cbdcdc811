// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
)

// disable6 is rt6_disable_ip: the IPv6 routes over l go, but of a multipath route that has another
// link only its nexthops die.
func (t *Table) disable6(l *link.Link) {
	cause := nexthop.LinkDown
	if l.Gone() {
		cause = nexthop.Unregistered
	}
	d := t.overLink(l)
	for h := range t.v6.hash {
		for _, tab := range t.v6.hash[h] {
			over := d.in(tab, cursor.compare6)
			if d.all {
				over = t.overLinkIn(tab, l)
			}
			for _, c := range over {
				t.disablePrefix6(tab, c.key, c.plen, l, cause)
			}
		}
	}
	t.finish()
	t.nexthops.SyncDown6(l, cause)
	delete(t.anycast, l)
	if l.Gone() {
		delete(t.router, l)
	}
}

// overLinkIn are the prefixes of a table that have routes over l.
func (t *Table) overLinkIn(tab *fibTable, l *link.Link) (over []cursor) {
	tab.trie.walk(familyIPv6, cursor{}, func(i uint32) bool {
		n := tab.trie.at(i)
		for a := n.head; a != 0; a = t.alias.at(a).next {
			if info := t.info(a); info.Object == nil && info.Hops[0].Link == l {
				over = append(over, cursor{key: n.key, plen: n.plen})
				break
			}
		}
		return true
	})
	return over
}

// disablePrefix6 is fib6_ifdown for the routes of one prefix. Each that goes is announced alone.
func (t *Table) disablePrefix6(tab *fibTable, k key, plen uint8, l *link.Link, cause nexthop.Cause) {
	node := tab.trie.find(k, plen)
	if node == 0 || t.long(tab, node) && t.disableAlone6(tab, node, k, plen, l) {
		return
	}
	e := t.begin6At(tab, node, k, plen)
	head := tab.trie.at(e.node).head
	goes := map[uint32]bool{}
	for a := head; a != 0; a = t.alias.at(a).next {
		info := t.info(a)
		if info.Object != nil {
			continue
		}
		if cause == nexthop.Unregistered || !multipath6(info) {
			goes[a] = info.Hops[0].Link == l
		} else {
			goes[a] = t.dies6(head, info.Priority, l)
		}
	}
	t.removeAll6(e, goes, !t.set6.skipNotify)
}

// removeAll6 deletes those of the aliases of a prefix that go; tell: each is announced.
func (t *Table) removeAll6(e *edit6, goes map[uint32]bool, tell bool) {
	tab, k, plen := e.tab, e.key, e.plen
	var gone []uint32
	for p := &tab.trie.at(e.node).head; *p != 0; {
		a := *p
		if !goes[a] {
			p = &t.alias.at(a).next
			continue
		}
		r := t.route(tab, k, plen, a)
		*p = t.alias.at(a).next
		if tell {
			t.announce(unix.RTM_DELROUTE, 0, true, r)
		}
		gone = append(gone, a)
	}
	if len(gone) == 0 {
		return
	}
	group, err := t.group6(tab, e.node)
	if err != nil { // no id for a smaller group: its first nexthop alone then
		t.net.Log.Error("multipath route is reduced", "err", err)
	}
	e.setGroup(group)
	t.dropGroup(e.group)
	t.emptied(tab, k, plen)
	t.enqueueChange(tab, k, plen, e.before)
	for _, a := range gone {
		t.drop(t.info(a))
		t.forgetExpiry(a)
		t.alias.release(a)
	}
}

// dies6 says whether the multipath route of a metric has a hop over l and no live one elsewhere.
func (t *Table) dies6(head, metric uint32, l *link.Link) bool {
	over := false
	for s := head; s != 0; s = t.alias.at(s).next {
		of := t.info(s)
		if of.Priority != metric || !multipath6(of) {
			continue
		}
		if hop := &of.Hops[0]; hop.Link == l {
			over = true
		} else if hop.Flags&unix.RTNH_F_DEAD == 0 {
			return false
		}
	}
	return over
}

// link6 follows the links (addrconf_notify as far as routes go).
func (t *Table) link6(e link.Event) {
	l := e.Link
	switch e.Type {
	case link.Up:
		t.permanent6(l)
		t.ready6(l)
	case link.Changed:
		switch {
		case !l.Up() || !l.In6Dev:
		case l.OperUp():
			t.ready6(l)
		default:
			t.nexthops.SyncDown6(l, nexthop.CarrierLost)
			t.ignored6(l)
		}
	case link.ChangeMTU:
		if l.In6Dev {
			t.nexthops.LowerMTU6(l, e.OldMTU, l.MTU6())
		}
	case link.ConfChanged:
		switch e.Conf {
		case "ipv6.conf.ignore_routes_with_linkdown":
			t.nexthops.Refresh(l)
			t.resend(&t.v6, l)
		case "ipv6.conf.disable_ipv6":
			if l.Enabled6() && l.Up() {
				t.ready6(l)
			}
		case "ipv6.conf.forwarding":
			t.forwarding6(l, l.Conf6.Forwarding != 0)
		}
	}
}

// ready6 is what addrconf does for the routes of a link that is up and operational: ff00::/8 is
// there, and what is left of multipath routes lives again.
func (t *Table) ready6(l *link.Link) {
	if !l.Enabled6() || !l.Up() || !l.OperUp() {
		return
	}
	t.multicast6(l)
	t.nexthops.SyncUp6(l, unix.RTNH_F_DEAD)
	t.ignored6(l)
}

func (t *Table) ignored6(l *link.Link) {
	if nexthop.IgnoreLinkdown(l, familyIPv6) {
		t.resend(&t.v6, l)
	}
}
