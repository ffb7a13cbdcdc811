// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver/nlmsg"
)

// maxBitset is ETHNL_MAX_BITSET_SIZE in bits.
const maxBitset = 1 << 15

// bitsetPolicy is bitset_policy.
var bitsetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.ETHTOOL_A_BITSET_NOMASK: {Kind: nlmsg.Flag},
	unix.ETHTOOL_A_BITSET_SIZE:   {Kind: nlmsg.U32, Check: nlmsg.CheckMax, Max: maxBitset},
	unix.ETHTOOL_A_BITSET_BITS:   {Kind: nlmsg.NestedAttrs},
	unix.ETHTOOL_A_BITSET_VALUE:  {Kind: nlmsg.Binary},
	unix.ETHTOOL_A_BITSET_MASK:   {Kind: nlmsg.Binary},
}}

// bitPolicy is bit_policy.
var bitPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.ETHTOOL_A_BITSET_BIT_INDEX: {Kind: nlmsg.U32},
	unix.ETHTOOL_A_BITSET_BIT_NAME:  {Kind: nlmsg.NulString},
	unix.ETHTOOL_A_BITSET_BIT_VALUE: {Kind: nlmsg.Flag},
}}

// bitset is a value of n bits with the names of its bits; mask nil: a list of bits.
type bitset struct {
	value ethtool.Bits
	mask  *ethtool.Bits
	names []string
	n     int
}

func word(v uint32) ethtool.Bits { return ethtool.Bits{v} }

// put is ethnl_put_bitset32.
func (s bitset) put(e *nlmsg.Encoder, typ uint16, compact bool) {
	nest := e.Nest(typ)
	if s.mask == nil {
		e.Flag(unix.ETHTOOL_A_BITSET_NOMASK)
	}
	e.U32(unix.ETHTOOL_A_BITSET_SIZE, uint32(s.n))
	if compact {
		s.putWords(e, unix.ETHTOOL_A_BITSET_VALUE, &s.value)
		if s.mask != nil {
			s.putWords(e, unix.ETHTOOL_A_BITSET_MASK, s.mask)
		}
	} else {
		s.putBits(e)
	}
	e.EndNest(nest)
}

func (s *bitset) putWords(e *nlmsg.Encoder, typ uint16, b *ethtool.Bits) {
	words := (s.n + 31) / 32
	p := e.Payload(typ, 4*words)
	for i := range words {
		w := b[i]
		if left := s.n - 32*i; left < 32 {
			w &= 1<<left - 1
		}
		binary.NativeEndian.PutUint32(p[4*i:], w)
	}
}

func (s *bitset) putBits(e *nlmsg.Encoder) {
	bits := e.Nest(unix.ETHTOOL_A_BITSET_BITS)
	shown := s.mask
	if shown == nil {
		shown = &s.value
	}
	for i := range s.n {
		if !shown.Has(i) {
			continue
		}
		bit := e.Nest(unix.ETHTOOL_A_BITSET_BITS_BIT)
		e.U32(unix.ETHTOOL_A_BITSET_BIT_INDEX, uint32(i))
		if i < len(s.names) {
			e.String(unix.ETHTOOL_A_BITSET_BIT_NAME, s.names[i])
		}
		if s.mask != nil && s.value.Has(i) {
			e.Flag(unix.ETHTOOL_A_BITSET_BIT_VALUE)
		}
		e.EndNest(bit)
	}
	e.EndNest(bits)
}

// parseBitset is ethnl_parse_bitset: the bits that a request sets and which of n it speaks of.
func parseBitset(a nlmsg.Attr, n int, names []string, ext *nlmsg.Extack) (value, mask ethtool.Bits, err error) {
	if !a.Present() {
		return value, mask, nil
	}
	var tb nlmsg.Attrs
	if err := tb.ParseNested(a, &bitsetPolicy, nlmsg.Strict, ext); err != nil {
		return value, mask, err
	}
	noMask := tb.Has(unix.ETHTOOL_A_BITSET_NOMASK)
	if noMask {
		for i := range n {
			mask.Set(i)
		}
	}
	if !tb.Has(unix.ETHTOOL_A_BITSET_BITS) {
		return parseCompact(a, &tb, n, noMask, mask, ext)
	}
	if v := tb.Get(unix.ETHTOOL_A_BITSET_VALUE); v.Present() {
		return value, mask, ext.FailAttr(unix.EINVAL, v, "value only allowed in compact bitset")
	}
	if m := tb.Get(unix.ETHTOOL_A_BITSET_MASK); m.Present() {
		return value, mask, ext.FailAttr(unix.EINVAL, m, "mask only allowed in compact bitset")
	}
	err = tb.Get(unix.ETHTOOL_A_BITSET_BITS).Each(func(bit nlmsg.Attr) error {
		if bit.Type() != unix.ETHTOOL_A_BITSET_BITS_BIT {
			return ext.FailAttr(unix.EINVAL, bit, "only ETHTOOL_A_BITSET_BITS_BIT allowed in ETHTOOL_A_BITSET_BITS")
		}
		i, on, err := parseBit(bit, n, noMask, names, ext)
		if err != nil {
			return err
		}
		mask.Set(i)
		value[i/32] &^= 1 << (i % 32)
		if on {
			value.Set(i)
		}
		return nil
	})
	return value, mask, err
}

// parseCompact is ethnl_compact_sanity_checks and what follows it.
func parseCompact(nest nlmsg.Attr, tb *nlmsg.Attrs, n int, noMask bool, all ethtool.Bits, ext *nlmsg.Extack) (value, mask ethtool.Bits, err error) {
	v, m := tb.Get(unix.ETHTOOL_A_BITSET_VALUE), tb.Get(unix.ETHTOOL_A_BITSET_MASK)
	fail := func(a nlmsg.Attr, text string) (ethtool.Bits, ethtool.Bits, error) {
		return value, mask, ext.FailAttr(unix.EINVAL, a, text)
	}
	switch {
	case noMask && m.Present():
		return fail(m, "mask not allowed in list bitset")
	case !tb.Has(unix.ETHTOOL_A_BITSET_SIZE):
		return fail(nest, "missing size in compact bitset")
	case !v.Present():
		return fail(nest, "missing value in compact bitset")
	case !noMask && !m.Present():
		return fail(nest, "missing mask in compact nonlist bitset")
	}
	size := int(tb.U32(unix.ETHTOOL_A_BITSET_SIZE))
	bytes := (size + 31) / 32 * 4
	if v.Len() != bytes {
		return fail(v, "bitset value length does not match size")
	}
	if m.Present() && m.Len() != bytes {
		return fail(m, "bitset mask length does not match size")
	}
	test := m
	if noMask {
		test = v
	}
	for i := n; i < size; i++ {
		if test.Data[i/32*4+i%32/8]&(1<<(i%8)) != 0 {
			return fail(test, "cannot modify bits past kernel bitset size")
		}
	}
	value, mask = wordsOf(v.Data, min(n, size)), all
	if !noMask {
		mask = wordsOf(m.Data, min(n, size))
	}
	return value, mask, nil
}

// wordsOf reads n bits.
func wordsOf(data []byte, n int) (b ethtool.Bits) {
	for i := range n {
		if binary.NativeEndian.Uint32(data[i/32*4:])&(1<<(i%32)) != 0 {
			b.Set(i)
		}
	}
	return b
}

// parseBit is ethnl_parse_bit.
func parseBit(bit nlmsg.Attr, n int, noMask bool, names []string, ext *nlmsg.Extack) (i int, on bool, err error) {
	var tb nlmsg.Attrs
	if err := tb.ParseNested(bit, &bitPolicy, nlmsg.Strict, ext); err != nil {
		return 0, false, err
	}
	index, name := tb.Get(unix.ETHTOOL_A_BITSET_BIT_INDEX), tb.Get(unix.ETHTOOL_A_BITSET_BIT_NAME)
	switch {
	case index.Present():
		if index.U32() >= uint32(n) {
			return 0, false, ext.FailAttr(unix.EOPNOTSUPP, index, "bit index too high")
		}
		i = int(index.U32())
		if name.Present() && i < len(names) && names[i] != name.String() {
			return 0, false, ext.FailAttr(unix.EINVAL, bit, "bit index and name mismatch")
		}
	case name.Present():
		if i = slices.Index(names[:min(n, len(names))], name.String()); i < 0 {
			return 0, false, ext.FailAttr(unix.EOPNOTSUPP, name, "bit name not found")
		}
	default:
		return 0, false, ext.FailAttr(unix.EINVAL, bit, "neither bit index nor name specified")
	}
	return i, noMask || tb.Has(unix.ETHTOOL_A_BITSET_BIT_VALUE), nil
}

// updateBitset is ethnl_update_bitset: it applies a request to b and says whether that changed it.
func updateBitset(b *ethtool.Bits, a nlmsg.Attr, n int, names []string, ext *nlmsg.Extack) (changed bool, err error) {
	value, mask, err := parseBitset(a, n, names, ext)
	if err != nil {
		return false, err
	}
	before := *b
	for i := range b {
		b[i] = b[i]&^mask[i] | value[i]&mask[i]
	}
	return *b != before, nil
}
