// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// tosMask is what a lookup goes by of the TOS of a packet (IPTOS_RT_MASK): 7 values beside 0. Routes
// with other bits can be made, and no packet takes them.
const (
	tosMask = 0x1c
	tosStep = 4
)

// tosPrefix is a prefix as the data plane has it.
type tosPrefix struct {
	table uint32
	key   key
	plen  uint8
}

// tosNexthops are the nexthops of a prefix for packets of one TOS each, 0: as for all others.
type tosNexthops [tosMask/tosStep + 1]uint32

// notKnown is the place of a nexthop that the data plane may have or not.
const notKnown = ^uint32(0)

// bestTOS is the nexthop id that only packets of a TOS take, 0: none. In the local and main tables,
// where they are one, any local route comes before the main ones (fib_find_alias).
func (t *Table) bestTOS(tab *fibTable, k key, plen, tos uint8) uint32 {
	for _, in := range []*fibTable{tab.first(), tab.second()} {
		if in == nil {
			continue
		}
		node := in.trie.find(k, plen)
		if node == 0 {
			continue
		}
		head := in.trie.at(node).head
		if id := t.usable4(head, tos); id != 0 {
			return id
		}
		if t.usable4(head, 0) != 0 {
			return 0
		}
	}
	return 0
}

// first and second are the tables that are one with tab in the data plane, in the order of a lookup.
func (tab *fibTable) first() *fibTable {
	if tab.merged && (tab.id == unix.RT_TABLE_MAIN || tab.id == unix.RT_TABLE_LOCAL) {
		return tab.local
	}
	return tab
}

func (tab *fibTable) second() *fibTable {
	if tab.merged && (tab.id == unix.RT_TABLE_MAIN || tab.id == unix.RT_TABLE_LOCAL) {
		return tab.main
	}
	return nil
}

// hasTOS says whether a prefix of tab, which may be nil, has routes for a TOS.
func (t *Table) hasTOS(tab *fibTable, k key, plen uint8) bool {
	if tab == nil {
		return false
	}
	// Those with the greatest come first.
	node := tab.trie.find(k, plen)
	return node != 0 && t.alias.at(tab.trie.at(node).head).tos != 0
}

// enqueueTOS sends what a prefix of tab has for packets of some TOS, where the data plane has
// something else, and says whether there was anything.
func (t *Table) enqueueTOS(tab *fibTable, k key, plen uint8) (changed bool) {
	if tab.family.id != familyIPv4 || t.tosRoutes == 0 && len(t.tosSent) == 0 {
		return false
	}
	p := tosPrefix{tab.target(), k, plen}
	sent := t.tosSent[p]
	if sent == nil && !t.hasTOS(tab.first(), k, plen) && !t.hasTOS(tab.second(), k, plen) {
		return false
	}
	any := false
	for i := 1; i <= tosMask/tosStep; i++ {
		id, had := t.bestTOS(tab, k, plen, uint8(i*tosStep)), uint32(0)
		any = any || id != 0
		if sent != nil {
			had = sent[i]
		}
		if id == had {
			continue
		}
		if sent == nil {
			sent = &tosNexthops{}
			t.tosSent[p] = sent
		}
		sent[i], changed = id, true
		t.enqueue(tab, k, plen, id)
		t.pending[len(t.pending)-1].TOS = uint8(i * tosStep)
	}
	if !any {
		delete(t.tosSent, p)
	}
	return changed
}

// notSent says that the data plane may not have taken some routes.
func (t *Table) notSent(routes []dpif.Route) {
	for i := range routes {
		r := &routes[i]
		if r.TOS == 0 {
			continue
		}
		p := tosPrefix{r.Table, keyOf(r.Prefix.Addr()), uint8(r.Prefix.Bits())}
		if t.tosSent[p] == nil {
			t.tosSent[p] = &tosNexthops{}
		}
		t.tosSent[p][r.TOS/tosStep] = notKnown
	}
}
