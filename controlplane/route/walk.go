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

// cursor is where a walk stands: behind a prefix. The zero cursor stands before the first.
type cursor struct {
	key     key
	plen    uint8
	started bool
}

// walk calls f with the nodes behind c that have aliases, in the family's order, until f returns
// false; then it does too. f must not change the trie.
func (t *trie) walk(family uint8, c cursor, f func(i uint32) bool) bool {
	if family == familyIPv4 {
		return t.walk4(t.root, &c, f)
	}
	return t.walk6(t.root, &c, f)
}

// advance moves c to the next prefix and gives its node, 0 at the end.
func (t *trie) advance(family uint8, c *cursor) (next uint32) {
	t.walk(family, *c, func(i uint32) bool { next = i; return false })
	if next != 0 {
		n := t.at(next)
		*c = cursor{key: n.key, plen: n.plen, started: true}
	}
	return next
}

// passed4 says whether n and all below it lie before c or at it.
func (c *cursor) passed4(n *node) bool {
	return c.started && n.key.less(c.key) && !n.contains(c.key)
}

func (t *trie) walk4(i uint32, c *cursor, f func(i uint32) bool) bool {
	if i == 0 || c.passed4(t.at(i)) {
		return true
	}
	// From i down along child[0] as long as the address stays the same.
	var chain [33]uint32
	last := 0
	for chain[0] = i; ; last++ {
		down := t.at(chain[last]).child[0]
		if down == 0 || t.at(down).key != t.at(i).key {
			break
		}
		chain[last+1] = down
	}
	for at := last; at >= 0; at-- {
		n := t.at(chain[at])
		after := !c.started || c.key.less(n.key) || c.key == n.key && n.plen < c.plen
		if n.head != 0 && after && !f(chain[at]) {
			return false
		}
	}
	if !t.walk4(t.at(chain[last]).child[0], c, f) {
		return false
	}
	for at := last; at >= 0; at-- {
		if !t.walk4(t.at(chain[at]).child[1], c, f) {
			return false
		}
	}
	return true
}

// passed6 says whether n and all below it lie before c or at it.
func (c *cursor) passed6(n *node) bool {
	if !c.started {
		return false
	}
	short := min(n.plen, c.plen)
	if commonBits(n.key, c.key, short) < short {
		return n.key.less(c.key)
	}
	return n.plen >= c.plen // inside c, or c itself
}

func (t *trie) walk6(i uint32, c *cursor, f func(i uint32) bool) bool {
	if i == 0 || c.passed6(t.at(i)) {
		return true
	}
	n := t.at(i)
	if !t.walk6(n.child[0], c, f) || !t.walk6(n.child[1], c, f) {
		return false
	}
	return n.head == 0 || f(i)
}
