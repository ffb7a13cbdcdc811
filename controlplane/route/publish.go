// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// batch is how many prefixes go to the data plane at once when many change.
const batch = 512

// usable4 is the nexthop id of the aliases with a TOS that begin at a, 0: none.
func (t *Table) usable4(a uint32, tos uint8) uint32 {
	for ; a != 0; a = t.alias.at(a).next {
		if t.alias.at(a).tos != tos {
			continue
		}
		if id := t.info(a).ID(); id != 0 {
			return id
		}
	}
	return 0
}

// chosen is the nexthop id for packets of one node.
func (t *Table) chosen(tab *fibTable, node uint32) uint32 {
	if tab.family.id == familyIPv4 {
		return t.usable4(tab.trie.at(node).head, 0)
	}
	return t.usable6(tab, node)
}

// target is the table of the data plane that holds tab's prefixes.
func (tab *fibTable) target() uint32 {
	if tab.merged && tab.id == unix.RT_TABLE_LOCAL {
		return unix.RT_TABLE_MAIN
	}
	return tab.id
}

// best is the nexthop id that the data plane is to have for a prefix of tab, 0: none.
func (t *Table) best(tab *fibTable, k key, plen uint8) uint32 {
	return t.bestAt(tab, tab.trie.find(k, plen), k, plen)
}

// bestAt is best where the prefix's node in tab is known, or known not to be there (0).
func (t *Table) bestAt(tab *fibTable, node uint32, k key, plen uint8) (own uint32) {
	if node != 0 {
		own = t.chosen(tab, node)
	}
	if !tab.merged {
		return own
	}
	var of *fibTable // that shares the data plane's table
	switch tab.id {
	case unix.RT_TABLE_LOCAL:
		of = tab.main
	case unix.RT_TABLE_MAIN:
		of = tab.local
	}
	if of == nil || own != 0 && tab.id == unix.RT_TABLE_LOCAL {
		return own
	}
	if i := of.trie.find(k, plen); i != 0 {
		if other := t.chosen(of, i); other != 0 && (own == 0 || of.id == unix.RT_TABLE_LOCAL) {
			return other
		}
	}
	return own
}

// push brings one prefix of the data plane up to date when what it is to have changed from before.
func (t *Table) push(tab *fibTable, k key, plen uint8, before uint32) error {
	return t.pushAt(tab, tab.trie.find(k, plen), k, plen, before)
}

func (t *Table) pushAt(tab *fibTable, node uint32, k key, plen uint8, before uint32) error {
	t.changed()
	now, tos := t.bestAt(tab, node, k, plen), t.enqueueTOS(tab, k, plen)
	if now == before && !tos {
		return nil
	}
	if now != before {
		t.enqueue(tab, k, plen, now)
	}
	return t.commit()
}

// enqueue is push without looking and without waiting: for changes of many prefixes. Errors then
// can only be logged.
func (t *Table) enqueue(tab *fibTable, k key, plen uint8, nh uint32) {
	t.pending = append(t.pending, dpif.Route{
		Net: t.net.ID, Table: tab.target(), NexthopID: nh,
		Prefix: netip.PrefixFrom(k.addr(tab.family.id), int(plen)),
	})
}

// enqueueChange is enqueue when what the data plane is to have changed from before.
func (t *Table) enqueueChange(tab *fibTable, k key, plen uint8, before uint32) {
	t.changed()
	if now := t.best(tab, k, plen); now != before {
		t.enqueue(tab, k, plen, now)
	}
	if len(t.pending) >= batch {
		t.finish()
	}
}

// commit sends what was enqueued. That a prefix to be deleted is not there is no error: when
// nexthops die, what the data plane had is not always known.
func (t *Table) commit() (err error) {
	for rest := t.pending; len(rest) > 0; {
		var done int
		if done, err = t.net.DP.SetRoutes(rest); err == nil {
			break
		}
		if done >= len(rest) || rest[done].NexthopID != 0 || rtnl.Errno(err) != unix.ENOENT {
			break
		}
		rest, err = rest[done+1:], nil
	}
	if err != nil {
		t.notSent(t.pending)
	}
	t.pending = t.pending[:0]
	return err
}

// drop gives an Info back once the data plane's prefixes do not point at it (finish).
func (t *Table) drop(i *nexthop.Info) { t.releases = append(t.releases, i) }

func (t *Table) dropGroup(g *nexthop.Group) {
	if g != nil {
		t.groups = append(t.groups, g)
	}
}

// finish sends what is pending and then gives back what was dropped.
func (t *Table) finish() {
	if err := t.commit(); err != nil {
		t.net.Log.Error("data plane refuses routes", "err", err)
	}
	for _, g := range t.groups {
		t.nexthops.ReleaseGroup(g)
	}
	for _, i := range t.releases {
		t.nexthops.Release(i)
	}
	clear(t.groups)
	clear(t.releases)
	t.groups, t.releases = t.groups[:0], t.releases[:0]
}

// unmerge gives the local table a table of its own in the data plane, when rules may go between the
// two, or of IPv6 when one for both would no longer answer as two in order do. At no time does a packet miss a prefix.
func (t *Table) unmerge(f *family) error {
	local, main := f.tables[unix.RT_TABLE_LOCAL], f.tables[unix.RT_TABLE_MAIN]
	f.merged = false
	if local == nil {
		return nil
	}
	err := t.eachLocal(local, func(c cursor, nh uint32) {
		t.enqueue(local, c.key, c.plen, nh)
		t.enqueueTOS(local, c.key, c.plen)
	})
	if err == nil {
		err = t.publishRules(f)
	}
	if err != nil {
		f.merged = true
		return err
	}
	return t.eachLocal(local, func(c cursor, _ uint32) {
		t.enqueue(main, c.key, c.plen, t.best(main, c.key, c.plen))
		t.enqueueTOS(main, c.key, c.plen)
	})
}

// eachLocal calls do for every prefix that local has a nexthop for, and sends what do enqueues.
func (t *Table) eachLocal(local *fibTable, do func(c cursor, nh uint32)) error {
	var err error
	local.trie.walk(local.family.id, cursor{}, func(i uint32) bool {
		n := local.trie.at(i)
		if nh := t.chosen(local, i); nh != 0 || t.tosRoutes > 0 {
			do(cursor{key: n.key, plen: n.plen}, nh)
		}
		if len(t.pending) >= batch {
			err = t.commit()
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	return t.commit()
}
