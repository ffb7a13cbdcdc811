// SPDX-License-Identifier: BSD-3-Clause

package nlmsg

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"
)

// errmsgLen is the length of struct nlmsgerr: the errno and the request's header.
const errmsgLen = 4 + HdrLen

// Ack appends the answer to request, a whole message, as netlink_ack makes it: errno 0 is the ACK.
// An error carries the request back unless capAck; ext may be nil, and must be nil when the
// socket did not ask for extended ACKs. portid is the requester's.
func (e *Encoder) Ack(request []byte, portid uint32, errno syscall.Errno, capAck bool, ext *Extack) {
	h := ParseHeader(request)
	var flags uint16
	payload := 0
	if errno != 0 && !capAck {
		payload = len(request) - HdrLen
	} else {
		flags |= Capped
	}
	tlvs := !ext.empty(errno != 0)
	if tlvs {
		flags |= AckTLVs
	}
	e.Begin(unix.NLMSG_ERROR, flags, h.Seq, portid)
	at := e.grow(errmsgLen)
	if at >= 0 {
		binary.NativeEndian.PutUint32(e.buf[at:], uint32(-int32(errno)))
		copy(e.buf[at+4:], request[:HdrLen])
	}
	if payload > 0 {
		copy(e.Raw(payload), request[HdrLen:])
	}
	if tlvs {
		ext.appendTLVs(e, errno != 0)
	}
	e.End()
}

// Done appends the end of a dump (netlink_dump_done): errno 0 is success. flags are those that the
// answer carries beside NLM_F_MULTI; ext as in Ack. False: it did not fit.
func (e *Encoder) Done(seq, portid uint32, flags uint16, errno syscall.Errno, ext *Extack) bool {
	e.Begin(unix.NLMSG_DONE, unix.NLM_F_MULTI|flags, seq, portid)
	if at := e.grow(4); at >= 0 {
		binary.NativeEndian.PutUint32(e.buf[at:], uint32(-int32(errno)))
	}
	if !ext.empty(errno != 0) {
		e.SetFlags(AckTLVs)
		ext.appendTLVs(e, errno != 0)
	}
	return e.End()
}
