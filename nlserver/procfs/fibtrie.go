// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
)

// This file shows the IPv4 tables as fib_trie and fib_triestat do. Skua's tries are of another kind:
// the kernel's level-compressed trie is built for the occasion, by its own rules of when a node is
// wide enough (should_inflate).

// lcLeaf is a leaf: the routes whose prefixes begin with the same address.
type lcLeaf struct {
	key    uint32
	routes []string
}

// lcNode is an internal node or a leaf.
type lcNode struct {
	leaf     *lcLeaf
	key      uint32
	pos      int // bits below those that it looks at
	bits     int
	full     int
	empty    int
	children []*lcNode
}

// Thresholds of should_inflate in percent.
const (
	inflateRoot = 30
	inflate     = 50
)

// lcBuild makes the trie of leaves that are sorted by key. Nil: there are none.
func lcBuild(leaves []lcLeaf, root bool) *lcNode {
	switch len(leaves) {
	case 0:
		return nil
	case 1:
		return &lcNode{leaf: &leaves[0]}
	}
	differ := leaves[0].key ^ leaves[len(leaves)-1].key
	n := &lcNode{pos: bits.Len32(differ) - 1, bits: 1}
	threshold := inflate
	if root {
		threshold = inflateRoot
	}
	for {
		n.full, n.empty = 0, 0
		for _, part := range n.split(leaves) {
			switch {
			case len(part) == 0:
				n.empty++
			case len(part) > 1 && bits.Len32(part[0].key^part[len(part)-1].key) == n.pos:
				n.full++
			}
		}
		used := 1<<n.bits - n.empty + n.full
		if used <= 1 || n.pos == 0 || 50*used < threshold<<n.bits {
			break
		}
		n.pos--
		n.bits++
	}
	n.key = leaves[0].key &^ (1<<(n.pos+n.bits) - 1)
	if n.pos+n.bits == 32 {
		n.key = 0
	}
	for _, part := range n.split(leaves) {
		n.children = append(n.children, lcBuild(part, false))
	}
	return n
}

// split shares leaves among the children.
func (n *lcNode) split(leaves []lcLeaf) [][]lcLeaf {
	parts := make([][]lcLeaf, 1<<n.bits)
	for from := 0; from < len(leaves); {
		i := leaves[from].key >> n.pos & (1<<n.bits - 1)
		to := from + 1
		for to < len(leaves) && leaves[to].key>>n.pos&(1<<n.bits-1) == i {
			to++
		}
		parts[i] = leaves[from:to]
		from = to
	}
	return parts
}

// defaultRules is how many rules there are as long as the user has made none.
const defaultRules = 3

// lcTables are the tables in the order of the kernel's hash. As long as there are no rules of the
// user, local and main are one trie, which is shown for both.
func (t *Tree) lcTables(each func(name string, root *lcNode, prefixes int)) {
	byTable := map[uint32]map[uint32][]string{}
	var c route.Cursor
	t.st.Routes.Dump(unix.AF_INET, &route.Filter{}, &c, func(r *route.Route) bool {
		of := byTable[r.Table]
		if of == nil {
			of = map[uint32][]string{}
			byTable[r.Table] = of
		}
		k := r.Dst.Masked().Addr().As4()
		key := binary.BigEndian.Uint32(k[:])
		s := fmt.Sprintf("/%d %s %s", r.Dst.Bits(), scopeName(r.Info.Scope), typeName(r.Type()))
		if r.TOS != 0 {
			s += fmt.Sprintf(" tos=%d", r.TOS)
		}
		of[key] = append(of[key], s)
		return true
	})
	if len(t.st.Rules.Rules(unix.AF_INET)) == defaultRules {
		merged := map[uint32][]string{}
		for _, id := range []uint32{unix.RT_TABLE_LOCAL, unix.RT_TABLE_MAIN} {
			for key, routes := range byTable[id] {
				merged[key] = append(merged[key], routes...)
			}
		}
		if len(merged) > 0 {
			byTable[unix.RT_TABLE_LOCAL], byTable[unix.RT_TABLE_MAIN] = merged, merged
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(byTable), byHash) {
		var leaves []lcLeaf
		n := 0
		for key, routes := range byTable[id] {
			leaves = append(leaves, lcLeaf{key, routes})
			n += len(routes)
		}
		slices.SortFunc(leaves, func(a, b lcLeaf) int { return int(int64(a.key) - int64(b.key)) })
		name := fmt.Sprintf("Id %d:\n", id)
		switch id {
		case unix.RT_TABLE_LOCAL:
			name = "Local:\n"
		case unix.RT_TABLE_MAIN:
			name = "Main:\n"
		}
		each(name, lcBuild(leaves, true), n)
	}
}

func scopeName(scope uint8) string {
	switch scope {
	case unix.RT_SCOPE_UNIVERSE:
		return "universe"
	case unix.RT_SCOPE_SITE:
		return "site"
	case unix.RT_SCOPE_LINK:
		return "link"
	case unix.RT_SCOPE_HOST:
		return "host"
	case unix.RT_SCOPE_NOWHERE:
		return "nowhere"
	}
	return fmt.Sprintf("scope=%d", scope)
}

var typeNames = [...]string{"UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST",
	"BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE"}

func typeName(typ uint8) string {
	if int(typ) < len(typeNames) {
		return typeNames[typ]
	}
	return fmt.Sprintf("type %d", typ)
}

func ip4(key uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], key)
	return netip.AddrFrom4(b)
}

// fibTrie is /proc/net/fib_trie.
func (t *Tree) fibTrie(b *bytes.Buffer) {
	t.lcTables(func(name string, root *lcNode, _ int) {
		b.WriteString(name)
		root.show(b, 0)
	})
}

// show writes a node that has depth internal nodes above it.
func (n *lcNode) show(b *bytes.Buffer, depth int) {
	indent := func(n int) {
		for range n {
			b.WriteString("   ")
		}
	}
	switch {
	case n == nil:
	case n.leaf != nil:
		indent(depth)
		fmt.Fprintf(b, "  |-- %s\n", ip4(n.leaf.key))
		for _, r := range n.leaf.routes {
			indent(depth + 1)
			fmt.Fprintf(b, "  %s\n", r)
		}
	default:
		indent(depth)
		fmt.Fprintf(b, "  +-- %s/%d %d %d %d\n", ip4(n.key), 32-n.pos-n.bits, n.bits, n.full, n.empty)
		for _, c := range n.children {
			c.show(b, depth+1)
		}
	}
}

// lcStat is struct trie_stat.
type lcStat struct {
	depth, maxDepth, leaves, nodes, null int
	sizes                                [32]int
}

func (s *lcStat) add(n *lcNode, depth int) {
	switch {
	case n == nil:
		s.null++
	case n.leaf != nil:
		s.leaves++
		s.depth += depth
		s.maxDepth = max(s.maxDepth, depth)
	default:
		s.nodes++
		s.sizes[n.bits]++
		for _, c := range n.children {
			s.add(c, depth+1)
		}
	}
}

// Sizes on a 64-bit machine: LEAF_SIZE, TNODE_SIZE(0), struct fib_alias, a pointer.
const (
	leafSize, tnodeSize, aliasSize, pointerSize = 48, 40, 48, 8
)

// fibTriestat is /proc/net/fib_triestat (trie_show_stats).
func (t *Tree) fibTriestat(b *bytes.Buffer) {
	fmt.Fprintf(b, "Basic info: size of leaf: %d bytes, size of tnode: %d bytes.\n", leafSize, tnodeSize)
	t.lcTables(func(name string, root *lcNode, prefixes int) {
		b.WriteString(name)
		var s lcStat
		s.add(root, 0)
		if root == nil {
			s.null = 0
		}
		average := 0
		if s.leaves > 0 {
			average = s.depth * 100 / s.leaves
		}
		fmt.Fprintf(b, "\tAver depth:     %d.%02d\n\tMax depth:      %d\n\tLeaves:         %d\n", average/100, average%100,
			s.maxDepth, s.leaves)
		fmt.Fprintf(b, "\tPrefixes:       %d\n\tInternal nodes: %d\n\t", prefixes, s.nodes)
		pointers := 0
		for i, n := range s.sizes {
			if n != 0 {
				fmt.Fprintf(b, "  %d: %d", i, n)
				pointers += n << i
			}
		}
		size := leafSize*s.leaves + aliasSize*prefixes + tnodeSize*s.nodes + pointerSize*pointers
		fmt.Fprintf(b, "\n\tPointers: %d\nNull ptrs: %d\nTotal size: %d  kB\n", pointers, s.null, (size+1023)/1024)
	})
}
