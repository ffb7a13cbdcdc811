// SPDX-License-Identifier: BSD-3-Clause

package nlmsg

import "math"

// Attributes that describe a rule (enum netlink_policy_type_attr).
const (
	polType     = 1
	polMinS     = 2
	polMaxS     = 3
	polMinU     = 4
	polMaxU     = 5
	polMinLen   = 6
	polMaxLen   = 7
	polIndex    = 8
	polMaxType  = 9
	polBitfield = 10
	polMask     = 12
)

// describedAs is enum netlink_attribute_type of each kind; 0: not described.
var describedAs = [kindMax]uint32{
	Flag: 1, U8: 2, U16: 3, U32: 4, U64: 5, S8: 6, S16: 7, S32: 8, S64: 9, Binary: 10, String: 11,
	NulString: 12, NestedAttrs: 13, NestedArray: 14, Bitfield32: 15, Sint: 16, Uint: 17,
	Msecs: 5, BE16: 3, BE32: 4,
}

// unsignedMax is the greatest value of each unsigned kind.
var unsignedMax = [kindMax]uint64{
	U8: math.MaxUint8, U16: math.MaxUint16, U32: math.MaxUint32, U64: math.MaxUint64,
	BE16: math.MaxUint16, BE32: math.MaxUint32, Uint: math.MaxUint64, Msecs: math.MaxUint64,
}

// describe appends nest typ with what r wants (netlink_policy_dump_write_attr).
func (r *Rule) describe(e *Encoder, typ uint16) { r.describeIn(e, typ, nil) }

// describeIn also says which policy of list a nest follows; list may be nil.
func (r *Rule) describeIn(e *Encoder, typ uint16, list *PolicyList) {
	if describedAs[r.Kind] == 0 {
		return
	}
	nest := e.Nest(typ)
	switch r.Kind {
	case NestedAttrs, NestedArray:
		if list != nil && r.Nested != nil {
			e.U32(polIndex, uint32(list.Index(r.Nested)))
			e.U32(polMaxType, uint32(len(r.Nested.Attrs)-1))
		}
	case U8, U16, U32, U64, BE16, BE32, Uint, Msecs:
		if r.Check == CheckMask {
			e.padded(polMask, r.Mask)
			break
		}
		lo, hi := uint64(0), unsignedMax[r.Kind]
		if r.Check == CheckRange || r.Check == CheckMin {
			lo = uint64(r.Min)
		}
		if r.Check == CheckRange || r.Check == CheckMax {
			hi = uint64(r.Max)
		}
		e.padded(polMinU, lo)
		e.padded(polMaxU, hi)
	case S8, S16, S32, S64, Sint:
		bits := [kindMax]uint{S8: 7, S16: 15, S32: 31, S64: 63, Sint: 63}[r.Kind]
		lo, hi := int64(-1)<<bits, int64(uint64(1)<<bits-1)
		if r.Check == CheckRange || r.Check == CheckMin {
			lo = r.Min
		}
		if r.Check == CheckRange || r.Check == CheckMax {
			hi = r.Max
		}
		e.padded(polMinS, uint64(lo))
		e.padded(polMaxS, uint64(hi))
	case Bitfield32:
		e.U32(polBitfield, uint32(r.Mask))
	case Binary, String, NulString:
		r.describeLen(e)
	}
	e.U32(polType, describedAs[r.Kind])
	e.EndNest(nest)
}

func (r *Rule) describeLen(e *Encoder) {
	switch {
	case r.Check == CheckExact:
		e.U32(polMinLen, uint32(r.Len))
		e.U32(polMaxLen, uint32(r.Len))
	case r.Kind == Binary && r.Check != CheckNone:
		if r.Check != CheckMax {
			e.U32(polMinLen, uint32(r.Min))
		}
		if r.Check != CheckMin {
			e.U32(polMaxLen, uint32(r.Max))
		}
	case r.Len != 0:
		e.U32(polMaxLen, uint32(r.Len))
	}
}

// padded appends a 64-bit number; on x86-64 and arm64 the kernel pads nothing, since unaligned
// access is efficient there (nla_put_u64_64bit).
func (e *Encoder) padded(typ uint16, v uint64) { e.U64(typ, v) }
