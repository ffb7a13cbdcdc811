// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// key is an address of either family, left-aligned: an IPv4 address is the upper 32 bits of hi.
type key struct{ hi, lo uint64 }

func keyOf(a netip.Addr) key {
	if a.Is4() {
		b := a.As4()
		return key{hi: uint64(binary.BigEndian.Uint32(b[:])) << 32}
	}
	b := a.As16()
	return key{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (k key) addr(family uint8) netip.Addr {
	if family == familyIPv4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(k.hi>>32))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	return netip.AddrFrom16(b)
}

func (k key) bit(i uint8) int {
	if i < 64 {
		return int(k.hi >> (63 - i) & 1)
	}
	return int(k.lo >> (127 - i) & 1)
}

func (k key) masked(plen uint8) key {
	switch {
	case plen == 0:
		return key{}
	case plen <= 64:
		return key{hi: k.hi &^ (1<<(64-plen) - 1)}
	default:
		return key{k.hi, k.lo &^ (1<<(128-plen) - 1)}
	}
}

func (k key) less(o key) bool { return k.hi < o.hi || k.hi == o.hi && k.lo < o.lo }

// commonBits is the length of the common prefix of a and b, at most most.
func commonBits(a, b key, most uint8) uint8 {
	n := bits.LeadingZeros64(a.hi ^ b.hi)
	if n == 64 {
		n += bits.LeadingZeros64(a.lo ^ b.lo)
	}
	return uint8(min(n, int(most)))
}

// node is a prefix of a trie: one that has aliases (head), or a branch of two.
type node struct {
	key   key
	child [2]uint32 // by the bit after the prefix; 0: none
	head  uint32    // first alias, 0: a branch
	plen  uint8
}

func (n *node) contains(k key) bool { return commonBits(n.key, k, n.plen) == n.plen }

// trie is a path-compressed binary trie. Its nodes lie in chunks without pointers and refer to
// each other by number, so that a million prefixes are 64 MB that the garbage collector does not
// read. Numbers of nodes are stable while the node is there.
type trie struct {
	chunks  []*[1 << chunkBits]node
	next    uint32 // first number never used; 0 means "none" everywhere
	free    uint32 // list of freed nodes, through child[0]
	root    uint32
	entries int // nodes with aliases
	jump    *jump
}

func (t *trie) at(i uint32) *node { return &t.chunks[i>>chunkBits][i&chunkMask] }

func (t *trie) alloc(k key, plen uint8) uint32 {
	i := t.free
	if i != 0 {
		t.free = t.at(i).child[0]
	} else {
		if t.next == 0 {
			t.next = 1
		}
		i = t.next
		t.next++
		if int(i>>chunkBits) == len(t.chunks) {
			t.chunks = grow(t.chunks)
		}
	}
	*t.at(i) = node{key: k, plen: plen}
	return i
}

func (t *trie) release(i uint32) {
	*t.at(i) = node{child: [2]uint32{t.free, 0}}
	t.free = i
}

// find gives the node of a prefix that has aliases, 0: none.
func (t *trie) find(k key, plen uint8) uint32 {
	i := t.root
	if t.jump != nil && plen >= jumpBits {
		i = t.jump.top[k.bucket()]
	}
	for i != 0 {
		n := t.at(i)
		if n.plen >= plen {
			if n.plen == plen && n.key == k && n.head != 0 {
				return i
			}
			return 0
		}
		i = n.child[k.bit(n.plen)]
	}
	return 0
}

// has says whether there is a node for a prefix, be it only a branch.
func (t *trie) has(k key, plen uint8) bool {
	i := t.root
	for i != 0 && t.at(i).plen < plen {
		i = t.at(i).child[k.bit(t.at(i).plen)]
	}
	return i != 0 && t.at(i).plen == plen && t.at(i).key == k
}

// insert gives the node of a prefix, making it when it is not there. A node that is new has no
// alias: the caller sets head at once, or calls trim.
func (t *trie) insert(k key, plen uint8) uint32 {
	if t.jump == nil || plen < jumpBits {
		return t.insertAt(&t.root, k, plen)
	}
	if top := t.jump.top[k.bucket()]; top != 0 {
		if n := t.at(top); n.plen < plen && n.contains(k) {
			return t.insertAt(&n.child[k.bit(n.plen)], k, plen)
		}
	}
	i := t.insertAt(&t.root, k, plen)
	t.retop(k)
	return i
}

// insertAt is insert below *link.
func (t *trie) insertAt(link *uint32, k key, plen uint8) uint32 {
	for {
		i := *link
		if i == 0 {
			i = t.alloc(k, plen)
			*link = i
			return i
		}
		n := t.at(i)
		c := commonBits(k, n.key, min(plen, n.plen))
		switch {
		case c == n.plen && c == plen:
			return i
		case c == n.plen:
			link = &n.child[k.bit(c)]
			continue
		case c == plen:
			m := t.alloc(k, plen)
			t.at(m).child[n.key.bit(c)] = i
			*link = m
			return m
		}
		b, m := t.alloc(k.masked(c), c), t.alloc(k, plen)
		bit := k.bit(c)
		t.at(b).child[bit], t.at(b).child[bit^1] = m, i
		*link = b
		return m
	}
}

// trim takes the node of a prefix out when it has no alias and is needed as a branch no longer.
func (t *trie) trim(k key, plen uint8) {
	if t.jump == nil || plen < jumpBits {
		t.trimBelow(nil, &t.root, k, plen)
		return
	}
	if top := t.jump.top[k.bucket()]; top != 0 {
		n := t.at(top)
		if n.plen < plen && n.contains(k) && t.trimBelow(n, &n.child[k.bit(n.plen)], k, plen) {
			return
		}
	}
	t.trimBelow(nil, &t.root, k, plen)
	t.retop(k)
}

// trimBelow is trim from *link on, which is a link of the node top, when that is not nil. False: top
// is needed no longer either, and nothing was done.
func (t *trie) trimBelow(top *node, link *uint32, k key, plen uint8) bool {
	var parent *uint32 // the link that leads to the node above *link
	for {
		i := *link
		if i == 0 {
			return true
		}
		n := t.at(i)
		if n.plen > plen || n.plen == plen && n.key != k {
			return true
		}
		if n.plen == plen {
			break
		}
		parent, link = link, &n.child[k.bit(n.plen)]
	}
	if parent == nil && top != nil && top.head == 0 {
		return false
	}
	if t.splice(link) && parent != nil && *link == 0 {
		t.splice(parent)
	}
	return true
}

// splice takes *link's node out when it has neither an alias nor two children.
func (t *trie) splice(link *uint32) bool {
	i := *link
	n := t.at(i)
	if n.head != 0 || n.child[0] != 0 && n.child[1] != 0 {
		return false
	}
	*link = n.child[0] | n.child[1]
	t.release(i)
	return true
}

// match is the nodes that contain k, in order of rising length.
type match struct {
	nodes [129]uint32
	n     int
}

func (t *trie) match(k key, bits uint8, m *match) {
	m.n = 0
	for i := t.root; i != 0; {
		n := t.at(i)
		if n.plen > bits || !n.contains(k) {
			return
		}
		if n.head != 0 {
			m.nodes[m.n] = i
			m.n++
		}
		if n.plen == bits {
			return
		}
		i = n.child[k.bit(n.plen)]
	}
}

// below says whether a prefix with aliases lies strictly inside k/plen.
func (t *trie) below(k key, plen uint8) bool {
	for i := t.root; i != 0; {
		n := t.at(i)
		if commonBits(k, n.key, min(plen, n.plen)) < min(plen, n.plen) {
			return false
		}
		if n.plen > plen {
			return true
		}
		if n.plen == plen {
			return n.child[0] != 0 || n.child[1] != 0
		}
		i = n.child[k.bit(n.plen)]
	}
	return false
}
