// SPDX-License-Identifier: BSD-3-Clause

// Package nlmsg is the netlink codec: the message header, attributes in both directions, declared
// attribute policies and the extended ACK (RFC 3549; the kernel's include/net/netlink.h and
// lib/nlattr.c). It knows no family.
//
// Numbers in netlink are in host byte order unless a name ends in BE.
package nlmsg

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

const (
	// HdrLen is the length of struct nlmsghdr in bytes.
	HdrLen = unix.NLMSG_HDRLEN
	// AttrHdrLen is the length of struct nlattr in bytes.
	AttrHdrLen = 4

	// TypeMask takes NLA_F_NESTED and NLA_F_NET_BYTEORDER out of an attribute's type.
	TypeMask = 0x3fff
	// Nested marks an attribute whose payload is attributes (NLA_F_NESTED).
	Nested = 0x8000

	// DumpIntr and the others are flags that x/sys does not name or names elsewhere.
	DumpIntr     = unix.NLM_F_DUMP_INTR
	DumpFiltered = unix.NLM_F_DUMP_FILTERED
	Capped       = 0x100 // NLM_F_CAPPED: the ACK does not carry the request's payload
	AckTLVs      = 0x200 // NLM_F_ACK_TLVS: attributes follow the ACK
	Bulk         = 0x200 // NLM_F_BULK: delete many
)

// Attributes of an extended ACK (enum nlmsgerr_attrs).
const (
	ErrAttrMsg      = 1 // NLMSGERR_ATTR_MSG
	ErrAttrOffs     = 2 // NLMSGERR_ATTR_OFFS
	ErrAttrCookie   = 3 // NLMSGERR_ATTR_COOKIE
	ErrAttrPolicy   = 4 // NLMSGERR_ATTR_POLICY
	ErrAttrMissType = 5 // NLMSGERR_ATTR_MISS_TYPE
	ErrAttrMissNest = 6 // NLMSGERR_ATTR_MISS_NEST
)

// Header is struct nlmsghdr.
type Header struct {
	Len   uint32 // of the whole message in bytes, header included, padding not
	Type  uint16
	Flags uint16
	Seq   uint32
	PID   uint32 // the portid of the sender or requester
}

// ParseHeader reads the header at the start of b, of which at least HdrLen bytes must be there.
func ParseHeader(b []byte) Header {
	_ = b[HdrLen-1]
	return Header{
		Len:   binary.NativeEndian.Uint32(b[0:]),
		Type:  binary.NativeEndian.Uint16(b[4:]),
		Flags: binary.NativeEndian.Uint16(b[6:]),
		Seq:   binary.NativeEndian.Uint32(b[8:]),
		PID:   binary.NativeEndian.Uint32(b[12:]),
	}
}

// Put writes h to the first HdrLen bytes of b.
func (h Header) Put(b []byte) {
	_ = b[HdrLen-1]
	binary.NativeEndian.PutUint32(b[0:], h.Len)
	binary.NativeEndian.PutUint16(b[4:], h.Type)
	binary.NativeEndian.PutUint16(b[6:], h.Flags)
	binary.NativeEndian.PutUint32(b[8:], h.Seq)
	binary.NativeEndian.PutUint32(b[12:], h.PID)
}

// Append appends h to b.
func (h Header) Append(b []byte) []byte {
	b = binary.NativeEndian.AppendUint32(b, h.Len)
	b = binary.NativeEndian.AppendUint16(b, h.Type)
	b = binary.NativeEndian.AppendUint16(b, h.Flags)
	b = binary.NativeEndian.AppendUint32(b, h.Seq)
	return binary.NativeEndian.AppendUint32(b, h.PID)
}

// Align rounds n up to the alignment of messages and attributes, 4 bytes.
func Align(n int) int { return (n + 3) &^ 3 }

// Next splits the first message off a stream of messages. ok is false at the end, and when the
// rest is no whole message: fewer than HdrLen bytes, or a length that is below HdrLen or beyond
// the bytes there are (a client may end its requests with zeros). msg is clipped to its length.
func Next(b []byte) (h Header, msg, rest []byte, ok bool) {
	if len(b) < HdrLen {
		return Header{}, nil, b, false
	}
	h = ParseHeader(b)
	if h.Len < HdrLen || uint64(h.Len) > uint64(len(b)) {
		return h, nil, b, false
	}
	end := min(Align(int(h.Len)), len(b))
	return h, b[:h.Len:h.Len], b[end:], true
}
