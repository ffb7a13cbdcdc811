// SPDX-License-Identifier: BSD-3-Clause

package route

// The two orders in which prefixes are dumped, and how to go on from any prefix, there or not.
//
// IPv4 (fib_trie: leaves by key, within a leaf by rising suffix length): rising address, and of
// those with the same address the longest first. So 0.0.0.0/0 comes before 10.0.0.0/8, and that
// after 10.0.0.0/24.
//
// IPv6 (fib6_walk: left, right, self): rising address, a prefix after all that lie inside it. So
// ::/0 comes last.

// first4 is the first prefix of i's subtree in IPv4 order.
func (t *trie) first4(i uint32) uint32 {
	if i == 0 {
		return 0
	}
	n := t.at(i)
	if n.child[0] == 0 {
		return i // a branch has both children, so this one has aliases
	}
	x := t.first4(n.child[0])
	if n.head != 0 && n.key.less(t.at(x).key) {
		return i
	}
	return x
}

// next4 is the first prefix of i's subtree after k/plen in IPv4 order, 0: none.
func (t *trie) next4(i uint32, k key, plen uint8) uint32 {
	if i == 0 {
		return 0
	}
	n := t.at(i)
	if !n.contains(k) {
		if n.key.less(k) {
			return 0
		}
		return t.first4(i)
	}
	if n.key != k {
		if n.plen >= 32 {
			return 0
		}
		bit := k.bit(n.plen)
		x := t.next4(n.child[bit], k, plen)
		if x == 0 && bit == 0 {
			x = t.first4(n.child[1])
		}
		return x
	}
	// The same address: those of child[0] that have it too are longer and come before n.
	x := t.next4(n.child[0], k, plen)
	if x != 0 && t.at(x).key == k {
		return x
	}
	if n.head != 0 && n.plen < plen {
		return i
	}
	if x == 0 {
		x = t.first4(n.child[1])
	}
	return x
}

// first6 is the first prefix of i's subtree in IPv6 order.
func (t *trie) first6(i uint32) uint32 {
	for i != 0 {
		n := t.at(i)
		switch {
		case n.child[0] != 0:
			i = n.child[0]
		case n.child[1] != 0:
			i = n.child[1]
		default:
			return i
		}
	}
	return 0
}

// next6 is the first prefix of i's subtree after k/plen in IPv6 order, 0: none.
func (t *trie) next6(i uint32, k key, plen uint8) uint32 {
	if i == 0 {
		return 0
	}
	n := t.at(i)
	common := commonBits(n.key, k, min(n.plen, plen))
	switch {
	case common < min(n.plen, plen):
		if n.key.less(k) {
			return 0
		}
		return t.first6(i)
	case n.plen >= plen: // inside k/plen, or itself
		return 0
	}
	bit := k.bit(n.plen)
	x := t.next6(n.child[bit], k, plen)
	if x == 0 && bit == 0 {
		x = t.first6(n.child[1])
	}
	if x == 0 && n.head != 0 {
		x = i
	}
	return x
}

// cursor is where a walk stands: it goes on after the last prefix it gave. The zero cursor stands
// before the first.
type cursor struct {
	key     key
	plen    uint8
	started bool
}

// advance gives the next node in the family's order, 0 at the end.
func (t *trie) advance(family uint8, c *cursor) uint32 {
	var i uint32
	switch {
	case family == familyIPv4 && c.started:
		i = t.next4(t.root, c.key, c.plen)
	case family == familyIPv4:
		i = t.first4(t.root)
	case c.started:
		i = t.next6(t.root, c.key, c.plen)
	default:
		i = t.first6(t.root)
	}
	if i != 0 {
		n := t.at(i)
		*c = cursor{key: n.key, plen: n.plen, started: true}
	}
	return i
}
