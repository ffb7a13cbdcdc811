// SPDX-License-Identifier: BSD-3-Clause

package nlmsg

import (
	"bytes"
	"encoding/binary"
)

// Attr is one attribute as it stands in a message (struct nlattr). The zero Attr is one that is
// not there. Data points into the message and is valid as long as that is.
type Attr struct {
	Data    []byte // payload
	Off     uint32 // of the attribute's header from the start of the message, in bytes
	RawType uint16 // with NLA_F_NESTED and NLA_F_NET_BYTEORDER
	present bool
}

// Present says whether the attribute was in the message.
func (a Attr) Present() bool { return a.present }

// Type is the attribute's type without flags.
func (a Attr) Type() uint16 { return a.RawType & TypeMask }

// IsNested says whether the sender set NLA_F_NESTED.
func (a Attr) IsNested() bool { return a.RawType&Nested != 0 }

// Len is the length of the payload in bytes (nla_len).
func (a Attr) Len() int { return len(a.Data) }

// The number readers below give 0 when the payload is shorter than the number; a policy, or the
// sticky error of Attrs, is what reports that.

// U8 reads the payload as a byte.
func (a Attr) U8() uint8 {
	if len(a.Data) < 1 {
		return 0
	}
	return a.Data[0]
}

// U16 reads a 16-bit number in host order.
func (a Attr) U16() uint16 {
	if len(a.Data) < 2 {
		return 0
	}
	return binary.NativeEndian.Uint16(a.Data)
}

// U32 reads a 32-bit number in host order.
func (a Attr) U32() uint32 {
	if len(a.Data) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(a.Data)
}

// U64 reads a 64-bit number in host order.
func (a Attr) U64() uint64 {
	if len(a.Data) < 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(a.Data)
}

// U16BE reads a 16-bit number in network order.
func (a Attr) U16BE() uint16 {
	if len(a.Data) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(a.Data)
}

// U32BE reads a 32-bit number in network order.
func (a Attr) U32BE() uint32 {
	if len(a.Data) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(a.Data)
}

// U64BE reads a 64-bit number in network order.
func (a Attr) U64BE() uint64 {
	if len(a.Data) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(a.Data)
}

// String is the payload up to its first NUL, or all of it.
func (a Attr) String() string {
	if i := bytes.IndexByte(a.Data, 0); i >= 0 {
		return string(a.Data[:i])
	}
	return string(a.Data)
}

// NextAttr splits the first attribute off b, which begins off bytes into its message. ok is false
// at the end, and when the rest is no whole attribute (nla_ok); rest is then what is left over.
func NextAttr(b []byte, off uint32) (a Attr, rest []byte, restOff uint32, ok bool) {
	if len(b) < AttrHdrLen {
		return Attr{}, b, off, false
	}
	n := int(binary.NativeEndian.Uint16(b))
	if n < AttrHdrLen || n > len(b) {
		return Attr{}, b, off, false
	}
	a = Attr{
		Data:    b[AttrHdrLen:n:n],
		Off:     off,
		RawType: binary.NativeEndian.Uint16(b[2:]),
		present: true,
	}
	end := min(Align(n), len(b))
	return a, b[end:], off + uint32(end), true
}

// Each calls f for every attribute in b, which begins off bytes into its message, until f returns
// an error (nla_for_each_attr). Bytes left over at the end are not an error.
func Each(b []byte, off uint32, f func(Attr) error) error {
	for {
		a, rest, restOff, ok := NextAttr(b, off)
		if !ok {
			return nil
		}
		if err := f(a); err != nil {
			return err
		}
		b, off = rest, restOff
	}
}

// Each calls f for every attribute nested in a.
func (a Attr) Each(f func(Attr) error) error { return Each(a.Data, a.Off+AttrHdrLen, f) }
