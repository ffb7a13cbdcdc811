// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// This file mirrors shim/skua_nl.h, which says what all of it means.

const (
	wireVersion = 1
	frameMax    = 200 * 1024
	sendMax     = 64 << 20
	pageSize    = 4096
	groupWords  = 64
	markFlags   = 0x534b
	markLen     = 16
	markedMax   = 8192
	postAt      = 1024
	postMax     = 3072

	frameLen = 24 // sizeof(struct skua_nl_frame)
	helloLen = 24 // sizeof(struct skua_nl_hello)
)

const (
	opHello   = 1
	opBind    = 2
	opConnect = 3
	opSend    = 4
	opSendFD  = 5
	opMore    = 6
	opJoin    = 7
	opLeave   = 8
	opRcvbuf  = 9
	opIoctl   = 10
)

const (
	optBroadcastError = 1 << 1
	optNoEnobufs      = 1 << 2
	optCapAck         = 1 << 4
	optExtAck         = 1 << 5
	optStrictChk      = 1 << 6
	optPosts          = 1 << 8
)

const (
	turnSocket = 0
	turnPage   = 1
	turnPosted = 2
	turnLook   = 3
)

// frame is struct skua_nl_frame.
type frame struct {
	op, seq, a, b, c, len uint32
}

func parseFrame(b []byte) frame {
	_ = b[frameLen-1]
	u32 := func(i int) uint32 { return binary.NativeEndian.Uint32(b[i:]) }
	return frame{op: u32(0), seq: u32(4), a: u32(8), b: u32(12), c: u32(16), len: u32(20)}
}

// hello is struct skua_nl_hello.
type hello struct {
	netns                uint64
	tgid, portid, rcvbuf uint32
	groups               []uint32
}

// parseHello reads as many groups as there are.
func parseHello(b []byte) (h hello, ok bool) {
	if len(b) < helloLen {
		return h, false
	}
	h.netns = binary.NativeEndian.Uint64(b)
	h.tgid = binary.NativeEndian.Uint32(b[8:])
	h.portid = binary.NativeEndian.Uint32(b[12:])
	h.rcvbuf = binary.NativeEndian.Uint32(b[16:])
	n := binary.NativeEndian.Uint32(b[20:])
	b = b[helloLen:]
	if uint64(n)*4 > uint64(len(b)) || n > groupWords*32 {
		return h, false
	}
	for i := range int(n) {
		h.groups = append(h.groups, binary.NativeEndian.Uint32(b[i*4:]))
	}
	return h, true
}

// appendMark appends the marker of a datagram that is no answer.
func appendMark(b []byte, group, portid uint32) []byte {
	return nlmsg.Header{
		Len: markLen, Type: unix.NLMSG_NOOP, Flags: markFlags, Seq: group, PID: portid,
	}.Append(b)
}
