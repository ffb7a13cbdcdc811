// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"

	"skua/dataplane/dpif"
)

// AheadMax is how many prefixes Ahead takes at once.
const AheadMax = 64

// Ahead says that routes of these prefixes of a table are going to be added or deleted, one by one.
// To find its place in a table of a million a route reads a dozen nodes that are in no cache, each
// when the one before has come from memory. Here that is done for all of them at once, step by step
// side by side, so that their nodes come together; also in the data plane. It changes nothing.
func (t *Table) Ahead(family uint8, table uint32, dst []netip.Prefix) {
	f := t.family(family)
	tab := f.tables[table]
	if tab == nil || len(dst) < 2 || tab.trie.entries < jumpFrom {
		return
	}
	dst = dst[:min(len(dst), AheadMax)]
	tab.trie.ahead(dst)
	t.hints = t.hints[:0]
	for _, p := range dst {
		t.hints = append(t.hints, dpif.Route{Net: t.net.ID, Table: tab.target(), Prefix: p.Masked()})
	}
	t.net.DP.AheadRoutes(t.hints)
}

// ahead reads the nodes on the way to some prefixes, side by side.
func (t *trie) ahead(dst []netip.Prefix) {
	var keys [AheadMax]key
	var at [AheadMax]uint32
	var plens [AheadMax]uint8
	for i, p := range dst {
		plens[i] = uint8(p.Bits())
		keys[i] = keyOf(p.Addr()).masked(plens[i])
		at[i] = t.root
		if t.jump != nil && plens[i] >= jumpBits {
			at[i] = t.jump.top[keys[i].bucket()]
		}
	}
	for left := true; left; {
		left = false
		for i := range dst {
			if at[i] == 0 {
				continue
			}
			n := t.at(at[i])
			if n.plen >= plens[i] {
				at[i] = 0
				continue
			}
			at[i] = n.child[keys[i].bit(n.plen)]
			left = true
		}
	}
}
