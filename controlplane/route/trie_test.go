// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"
)

// slowTrie is the obvious twin of trie: a list of prefixes.
type slowTrie struct {
	family  uint8
	entries map[cursor]uint32
}

func (s *slowTrie) sorted() []cursor {
	var all []cursor
	for c := range s.entries {
		all = append(all, c)
	}
	sort.Slice(all, func(i, j int) bool { return before(s.family, all[i], all[j]) })
	return all
}

func before(family uint8, a, b cursor) bool {
	if family == familyIPv4 {
		if a.key != b.key {
			return a.key.less(b.key)
		}
		return a.plen > b.plen
	}
	if short := min(a.plen, b.plen); a.key.masked(short) == b.key.masked(short) {
		return a.plen > b.plen
	}
	return a.key.less(b.key)
}

func randomPrefix(r *rand.Rand, family uint8) cursor {
	// Few different bits, so that prefixes nest, repeat and share addresses.
	bits := 128
	if family == familyIPv4 {
		bits = 32
	}
	plen := uint8(r.IntN(bits + 1))
	var k key
	for range r.IntN(4) {
		b := r.IntN(bits)
		if b < 64 {
			k.hi |= 1 << (63 - b)
		} else {
			k.lo |= 1 << (127 - b)
		}
	}
	if r.IntN(3) == 0 {
		plen &^= 7
	}
	return cursor{key: k.masked(plen), plen: plen, started: true}
}

func TestTrieAgainstSortedList(t *testing.T) {
	for _, family := range []uint8{familyIPv4, familyIPv6} {
		t.Run(fmt.Sprint(family), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(family)))
			tr, slow := &trie{}, &slowTrie{family: family, entries: map[cursor]uint32{}}
			for step := range 5000 {
				p := randomPrefix(r, family)
				if _, there := slow.entries[p]; there && r.IntN(3) > 0 {
					tr.at(tr.find(p.key, p.plen)).head = 0
					tr.trim(p.key, p.plen)
					delete(slow.entries, p)
				} else {
					i := tr.insert(p.key, p.plen)
					tr.at(i).head = uint32(step + 1)
					slow.entries[p] = uint32(step + 1)
				}
				if step == 1000 {
					tr.grow()
				}
				checkJump(t, tr, p.key)
				checkPoint(t, tr, slow, randomPrefix(r, family))
				if step%500 == 0 {
					checkWalk(t, tr, slow)
				}
			}
			for p := range slow.entries {
				tr.at(tr.find(p.key, p.plen)).head = 0
				tr.trim(p.key, p.plen)
				checkJump(t, tr, p.key)
			}
			if tr.root != 0 {
				t.Error("an emptied trie keeps nodes")
			}
		})
	}
}

// checkJump looks whether the way into the middle of the trie is the one that the root leads to.
func checkJump(t *testing.T, tr *trie, k key) {
	t.Helper()
	if tr.jump == nil {
		return
	}
	was := tr.jump.top[k.bucket()]
	if tr.retop(k); tr.jump.top[k.bucket()] != was {
		t.Fatalf("the jump to %v leads to node %d, want %d", k, was, tr.jump.top[k.bucket()])
	}
}

// checkPoint compares everything that is asked about one prefix.
func checkPoint(t *testing.T, tr *trie, slow *slowTrie, q cursor) {
	t.Helper()
	var head uint32
	if i := tr.find(q.key, q.plen); i != 0 {
		head = tr.at(i).head
	}
	if head != slow.entries[q] {
		t.Fatalf("find %v: %d, want %d", q, head, slow.entries[q])
	}
	bits := uint8(128)
	if slow.family == familyIPv4 {
		bits = 32
	}
	var m match
	tr.match(q.key, bits, &m)
	var got, want []uint32
	for i := range m.n {
		got = append(got, tr.at(m.nodes[i]).head)
	}
	var below bool
	var next *cursor
	var containing []cursor
	for p := range slow.entries {
		if q.key.masked(p.plen) == p.key {
			containing = append(containing, p)
		}
		below = below || p.plen > q.plen && p.key.masked(q.plen) == q.key
		if before(slow.family, q, p) && (next == nil || before(slow.family, p, *next)) {
			next = &p
		}
	}
	sort.Slice(containing, func(i, j int) bool { return containing[i].plen < containing[j].plen })
	for _, p := range containing {
		want = append(want, slow.entries[p])
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("match %v: %v, want %v", q, got, want)
	}
	if tr.below(q.key, q.plen) != below {
		t.Fatalf("below %v: %v, want %v", q, !below, below)
	}
	c := q
	switch i := tr.advance(slow.family, &c); {
	case i == 0 && next != nil:
		t.Fatalf("after %v: none, want %v", q, *next)
	case i != 0 && (next == nil || c != *next):
		t.Fatalf("after %v: %v, want %v", q, c, next)
	}
}

func checkWalk(t *testing.T, tr *trie, slow *slowTrie) {
	t.Helper()
	var c cursor
	want := slow.sorted()
	for n := 0; ; n++ {
		i := tr.advance(slow.family, &c)
		if i == 0 {
			if n != len(want) {
				t.Fatalf("walk ends after %d of %d", n, len(want))
			}
			return
		}
		if n >= len(want) || c != want[n] || tr.at(i).head != slow.entries[c] {
			t.Fatalf("walk step %d: %v", n, c)
		}
	}
}
