// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
)

// disable4 is fib_disable_ip: the nexthops over l die, and the routes that have no other go.
func (t *Table) disable4(l *link.Link, cause nexthop.Cause, force bool) {
	t.checks.forget()
	if t.nexthops.SyncDown4(l, cause, force) > 0 {
		t.flush4()
	}
}

// flush4 deletes the routes whose Info is dead (fib_flush). User space is told only of those that
// lose their source address.
func (t *Table) flush4() {
	var d dying
	for _, i := range t.nexthops.TakeDead() {
		d.add(i)
	}
	t.flushDying4(&d)
}

// flushAll4 is flush4 when anything may be dead.
func (t *Table) flushAll4() { t.flushDying4(&dying{all: true}) }

func (t *Table) flushDying4(d *dying) {
	for h := range t.v4.hash {
		for _, tab := range t.v4.hash[h] {
			dead := d.in(tab, cursor.compareFlush4)
			if d.all {
				dead = t.deadIn4(tab)
				slices.SortFunc(dead, cursor.compareFlush4)
			}
			for _, c := range dead {
				t.flushPrefix4(tab, c.key, c.plen)
			}
		}
	}
	t.finish()
	t.checks.forget()
}

// deadIn4 are the prefixes of a table that have dead routes.
func (t *Table) deadIn4(tab *fibTable) (dead []cursor) {
	tab.trie.each(tab.trie.root, func(n *node) {
		for a := n.head; a != 0; a = t.alias.at(a).next {
			if t.info(a).Dead() {
				dead = append(dead, cursor{key: n.key, plen: n.plen})
				return
			}
		}
	})
	return dead
}

func (t *Table) flushPrefix4(tab *fibTable, k key, plen uint8) {
	// What was chosen before may be dead now, so its id cannot be asked for: the prefix is always
	// sent.
	node := tab.trie.find(k, plen)
	if node == 0 {
		return
	}
	gone := false
	for p := &tab.trie.at(node).head; *p != 0; {
		info := t.info(*p)
		if !info.Dead() {
			p = &t.alias.at(*p).next
			continue
		}
		if info.PrefSrcGone {
			t.announce(unix.RTM_DELROUTE, 0, true, t.route(tab, k, plen, *p))
		}
		t.removeAt(p)
		t.drop(info)
		gone = true
	}
	if !gone {
		return
	}
	t.emptied(tab, k, plen)
	t.changed()
	t.enqueue(tab, k, plen, t.best(tab, k, plen))
	t.enqueueTOS(tab, k, plen)
	if len(t.pending) >= batch {
		t.finish()
	}
}

// each visits the nodes with aliases below i, in no order that matters.
func (t *trie) each(i uint32, f func(n *node)) {
	for i != 0 {
		n := t.at(i)
		if n.head != 0 {
			f(n)
		}
		t.each(n.child[0], f)
		i = n.child[1]
	}
}

// resend sends every prefix with a route over l to the data plane, after a change of whether
// routes without carrier count.
func (t *Table) resend(f *family, l *link.Link) {
	for _, tab := range f.tables {
		tab.trie.each(tab.trie.root, func(n *node) {
			for a := n.head; a != 0; a = t.alias.at(a).next {
				if t.info(a).UsesLink(l) {
					t.enqueue(tab, n.key, n.plen, t.best(tab, n.key, n.plen))
					t.enqueueTOS(tab, n.key, n.plen)
					break
				}
			}
			if len(t.pending) >= batch {
				t.finish()
			}
		})
	}
	t.finish()
}

// link4 follows the links (fib_netdev_event).
func (t *Table) link4(e link.Event) {
	l := e.Link
	if e.Type != link.ConfChanged {
		t.checks.forget()
	}
	if e.Type == link.Unregister {
		t.disable4(l, nexthop.Unregistered, true)
		return
	}
	if !l.InDev {
		return
	}
	switch e.Type {
	case link.Up:
		for _, a := range slices.Clone(t.addrs.OfLink(l, familyIPv4)) {
			t.addIfaddr4(a)
		}
		t.nexthops.SyncUp4(l, unix.RTNH_F_DEAD)
	case link.Down:
		t.disable4(l, nexthop.LinkDown, false)
		return
	case link.Changed:
		if l.Flags&(unix.IFF_RUNNING|unix.IFF_LOWER_UP) != 0 {
			t.nexthops.SyncUp4(l, unix.RTNH_F_LINKDOWN)
		} else {
			t.nexthops.SyncDown4(l, nexthop.CarrierLost, false)
		}
	case link.ConfChanged:
		if e.Conf != "ipv4.conf.ignore_routes_with_linkdown" {
			return
		}
		t.nexthops.Refresh(l)
		t.resend(&t.v4, l)
		return
	default:
		return
	}
	if nexthop.IgnoreLinkdown(l, familyIPv4) {
		t.resend(&t.v4, l)
	}
}
