// SPDX-License-Identifier: BSD-3-Clause

package ethtool

// Bits is a set of up to 128 bits: link modes and features.
type Bits [4]uint32

// Set adds bit i.
func (b *Bits) Set(i int) { b[i/32] |= 1 << (i % 32) }

// Has says whether bit i is in the set.
func (b *Bits) Has(i int) bool { return b[i/32]&(1<<(i%32)) != 0 }

// Empty says whether no bit is in the set.
func (b *Bits) Empty() bool { return *b == Bits{} }

// BitsOf makes a set of bits.
func BitsOf(list ...int) (b Bits) {
	for _, i := range list {
		b.Set(i)
	}
	return b
}
