// SPDX-License-Identifier: BSD-3-Clause

package nlmsg

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Encoder appends messages to a buffer. Nothing is allocated per message or attribute once the
// buffer has grown. A handler writes
//
//	e.Begin(unix.RTM_NEWROUTE, unix.NLM_F_MULTI, seq, portid)
//	rtm := e.Raw(unix.SizeofRtMsg)      // the family's header, zeroed
//	e.U32(unix.RTA_TABLE, table)
//	nest := e.Nest(unix.RTA_METRICS)
//	...
//	e.EndNest(nest)
//	if !e.End() { return nlmsg.ErrFull }
//
// Fullness is sticky: what does not fit below the limit makes the message not fit, the calls after
// it do nothing, and End takes the message back.
type Encoder struct {
	buf   []byte
	limit int // of len(buf) in bytes, 0: none
	start int // of the message under way and one, 0: none is
	full  bool
}

// ErrFull is what a dump returns when a message did not fit: it is called again with room
// (-EMSGSIZE).
const ErrFull = unix.EMSGSIZE

// NewEncoder appends to buf, which may be nil, up to limit bytes in all; 0 means no limit.
func NewEncoder(buf []byte, limit int) *Encoder { return &Encoder{buf: buf, limit: limit} }

// Reset starts over with buf and limit.
func (e *Encoder) Reset(buf []byte, limit int) { *e = Encoder{buf: buf, limit: limit} }

// Buffer is all that has been appended, the message under way included.
func (e *Encoder) Buffer() []byte { return e.buf }

// Len is len(Buffer()).
func (e *Encoder) Len() int { return len(e.buf) }

// Full says whether the message under way has outgrown the limit.
func (e *Encoder) Full() bool { return e.full }

// grow appends n bytes of any content and returns where they begin, or -1.
func (e *Encoder) grow(n int) int {
	at := len(e.buf)
	if e.full || e.limit != 0 && at+n > e.limit {
		e.full = true
		return -1
	}
	if at+n <= cap(e.buf) {
		e.buf = e.buf[:at+n]
		return at
	}
	e.buf = append(e.buf, make([]byte, n)...)
	return at
}

// Begin starts a message; its length is written by End.
func (e *Encoder) Begin(typ, flags uint16, seq, portid uint32) {
	e.start, e.full = len(e.buf)+1, false
	if at := e.grow(HdrLen); at >= 0 {
		Header{Type: typ, Flags: flags, Seq: seq, PID: portid}.Put(e.buf[at:])
	}
}

// SetFlags adds flags to the header of the message under way.
func (e *Encoder) SetFlags(flags uint16) {
	if !e.full && e.start > 0 {
		f := e.buf[e.start-1+6:]
		binary.NativeEndian.PutUint16(f, binary.NativeEndian.Uint16(f)|flags)
	}
}

// End finishes the message. False: it did not fit and is gone, or none was begun.
func (e *Encoder) End() bool {
	if e.full || e.start == 0 {
		e.Cancel()
		return false
	}
	at := e.start - 1
	binary.NativeEndian.PutUint32(e.buf[at:], uint32(len(e.buf)-at))
	e.start = 0
	return true
}

// Cancel takes the message under way back, if there is one.
func (e *Encoder) Cancel() {
	if e.start > 0 {
		e.buf = e.buf[:e.start-1]
	}
	e.start, e.full = 0, false
}

// Raw appends n zero bytes and their padding, for the family's header, and returns them. They may
// be written until the next call. When the message is full they are scratch.
func (e *Encoder) Raw(n int) []byte {
	size := Align(n)
	at := e.grow(size)
	if at < 0 {
		return make([]byte, n)
	}
	b := e.buf[at : at+size]
	clear(b)
	return b[:n]
}

// Payload appends an attribute of n payload bytes, all zero, and returns these to be written
// until the next call. When the message is full they are scratch.
func (e *Encoder) Payload(typ uint16, n int) []byte {
	at := e.attr(typ, n)
	if at < 0 {
		return make([]byte, n)
	}
	b := e.buf[at : at+n]
	clear(b)
	return b
}

// attr appends an attribute's header, room for n payload bytes of any content, and zeroed padding;
// it returns where the payload begins, or -1.
func (e *Encoder) attr(typ uint16, n int) int {
	size := AttrHdrLen + n
	if size > 0xffff {
		e.full = true
		return -1
	}
	aligned := Align(size)
	at := e.grow(aligned)
	if at < 0 {
		return -1
	}
	b := e.buf[at : at+aligned]
	binary.NativeEndian.PutUint16(b, uint16(size))
	binary.NativeEndian.PutUint16(b[2:], typ)
	for i := size; i < aligned; i++ {
		b[i] = 0
	}
	return at + AttrHdrLen
}

// Bytes appends an attribute with payload v.
func (e *Encoder) Bytes(typ uint16, v []byte) {
	if at := e.attr(typ, len(v)); at >= 0 {
		copy(e.buf[at:], v)
	}
}

// String appends v and a NUL (nla_put_string).
func (e *Encoder) String(typ uint16, v string) {
	if at := e.attr(typ, len(v)+1); at >= 0 {
		copy(e.buf[at:], v)
		e.buf[at+len(v)] = 0
	}
}

// Flag appends an attribute without payload.
func (e *Encoder) Flag(typ uint16) { e.attr(typ, 0) }

// U8 appends a byte.
func (e *Encoder) U8(typ uint16, v uint8) {
	if at := e.attr(typ, 1); at >= 0 {
		e.buf[at] = v
	}
}

// U16 appends a 16-bit number in host order.
func (e *Encoder) U16(typ, v uint16) {
	if at := e.attr(typ, 2); at >= 0 {
		binary.NativeEndian.PutUint16(e.buf[at:], v)
	}
}

// U32 appends a 32-bit number in host order.
func (e *Encoder) U32(typ uint16, v uint32) {
	if at := e.attr(typ, 4); at >= 0 {
		binary.NativeEndian.PutUint32(e.buf[at:], v)
	}
}

// U64 appends a 64-bit number in host order, without 8-byte alignment, as on x86-64.
func (e *Encoder) U64(typ uint16, v uint64) {
	if at := e.attr(typ, 8); at >= 0 {
		binary.NativeEndian.PutUint64(e.buf[at:], v)
	}
}

// U16BE appends a 16-bit number in network order.
func (e *Encoder) U16BE(typ, v uint16) {
	if at := e.attr(typ, 2); at >= 0 {
		binary.BigEndian.PutUint16(e.buf[at:], v)
	}
}

// U32BE appends a 32-bit number in network order.
func (e *Encoder) U32BE(typ uint16, v uint32) {
	if at := e.attr(typ, 4); at >= 0 {
		binary.BigEndian.PutUint32(e.buf[at:], v)
	}
}

// U64BE appends a 64-bit number in network order.
func (e *Encoder) U64BE(typ uint16, v uint64) {
	if at := e.attr(typ, 8); at >= 0 {
		binary.BigEndian.PutUint64(e.buf[at:], v)
	}
}

// Nest begins an attribute that holds attributes, with NLA_F_NESTED (nla_nest_start). What it
// returns goes to EndNest or CancelNest.
func (e *Encoder) Nest(typ uint16) int { return e.NestPlain(typ | Nested) }

// NestPlain is Nest without NLA_F_NESTED (nla_nest_start_noflag), as rtnetlink's old nests are.
func (e *Encoder) NestPlain(typ uint16) int {
	at := e.attr(typ, 0)
	if at < 0 {
		return -1
	}
	return at - AttrHdrLen
}

// EndNest writes the nest's length. A nest beyond 65,535 bytes does not fit.
func (e *Encoder) EndNest(nest int) {
	if e.full || nest < 0 {
		return
	}
	n := len(e.buf) - nest
	if n > 0xffff {
		e.full = true
		return
	}
	binary.NativeEndian.PutUint16(e.buf[nest:], uint16(n))
}

// CancelNest takes the nest and all in it back.
func (e *Encoder) CancelNest(nest int) {
	if !e.full && nest >= 0 {
		e.buf = e.buf[:nest]
	}
}
