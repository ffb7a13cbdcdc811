// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"errors"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

const (
	// goodSize is NLMSG_GOODSIZE on x86-64: a page less struct skb_shared_info.
	goodSize = 3776
	// maxDumpSize is the most that a receive buffer can make of it.
	maxDumpSize = 32768
)

// Dump is a dump under way (struct netlink_callback). It owns a copy of its request, so that the
// embedded Request stays valid between calls; Ext is empty at the start of each.
//
// A Dumpit looks like
//
//	for ; d.Args[0] < uint64(len(all)); d.Args[0]++ {
//		e := d.Begin(unix.RTM_NEWLINK)
//		fill(e, all[d.Args[0]])
//		if !e.End() {
//			return nlmsg.ErrFull // called again with this one
//		}
//	}
//	return nil
//
// What it walks may change between calls: it must be able to go on from where it was, and sets
// Gen so that the reader learns of the change.
type Dump struct {
	*Request

	// Args and State are the Dumpit's own, zero at the first call (cb->args, cb->ctx).
	Args  [6]uint64
	State any

	// Gen, when not zero, is the generation of what is being dumped, set by the Dumpit at each call
	// (cb->seq). When it changes between calls messages carry NLM_F_DUMP_INTR
	// (nl_dump_check_consistent).
	Gen uint32

	// AnswerFlags are added to all messages and the NLMSG_DONE: NLM_F_DUMP_FILTERED.
	AnswerFlags uint16

	// Calls counts the calls before this one.
	Calls int

	prevGen uint32
	handler *Handler
	enc     nlmsg.Encoder
	minimum int   // room in bytes that each datagram has at least
	status  error // of the last call: errMore, or how it ended
}

// maxMessage is the most that one message of a dump may need, in bytes.
const maxMessage = 1 << 20

// errMore is the status of a dump that has not ended (dump_done_errno > 0).
var errMore = errors.New("more")

// Begin starts a message of the dump: NLM_F_MULTI, the flags of the answer, the requester's
// sequence number and portid. Fill it and call End.
func (d *Dump) Begin(typ uint16) *nlmsg.Encoder {
	d.enc.Begin(typ, unix.NLM_F_MULTI|d.flags(), d.Seq, d.Portid())
	return &d.enc
}

// flags is what nl_dump_check_consistent and answer_flags add.
func (d *Dump) flags() uint16 {
	flags := d.AnswerFlags
	if d.prevGen != 0 && d.Gen != d.prevGen {
		flags |= nlmsg.DumpIntr
	}
	d.prevGen = d.Gen
	return flags
}

// startDump is netlink_dump_start. The first piece is queued when it returns.
func (s *Socket) startDump(req *Request, h *Handler) error {
	if s.dump != nil {
		return unix.EBUSY
	}
	if s.full() {
		return unix.ENOBUFS
	}
	d := &Dump{handler: h, status: errMore, minimum: goodSize}
	if h.MinDumpAlloc != nil {
		d.minimum = max(d.minimum, h.MinDumpAlloc(req))
	}
	d.Request = &Request{
		Header: req.Header,
		Ext:    &nlmsg.Extack{},
		msg:    slices.Clone(req.msg),
		sock:   s,
	}
	s.setDump(d)
	s.continueDump()
	return errStarted
}

// continueDump makes the next piece and queues it (netlink_dump). It runs under Family.Lock.
func (s *Socket) continueDump() {
	d := s.dump
	done := d.next()
	s.deliver(d.enc.Buffer(), origin{dump: true})
	if done {
		s.endDump()
	}
}

// endDump forgets the dump.
func (s *Socket) endDump() {
	d := s.dump
	s.setDump(nil)
	if d.handler.DumpDone != nil {
		d.handler.DumpDone(d)
	}
}

// next makes the next piece and says whether it is the last.
func (d *Dump) next() bool {
	size := max(d.minimum, min(d.sock.maxRecvLen(), maxDumpSize))
	for d.fill(size); d.status == errMore && d.enc.Len() == 0; d.fill(size) {
		// One message is larger than a datagram was to be.
		if size *= 2; size > maxMessage {
			d.status = unix.EMSGSIZE
		}
	}
	if d.status == errMore {
		return false
	}
	errno := d.sock.fam.errno(d.Request, d.status)
	ext := d.Ext
	if !d.sock.option(optExtAck) {
		ext = nil
	}
	// When it does not fit behind the last message it goes alone into the next datagram.
	if d.enc.Done(d.Seq, d.Portid(), d.flags(), errno, ext) {
		return true
	}
	if d.enc.Len() > 0 {
		return false
	}
	d.enc.Reset(d.enc.Buffer(), 0)
	return d.enc.Done(d.Seq, d.Portid(), d.flags(), errno, ext)
}

// fill calls the Dumpit unless it has ended.
func (d *Dump) fill(size int) {
	buf := d.enc.Buffer()[:0]
	if cap(buf) < size {
		buf = make([]byte, 0, size)
	}
	d.enc.Reset(buf, size)
	if d.status != errMore {
		return
	}
	d.Ext.Reset()
	err := d.Request.parseDeclaredOnce(d)
	if err == nil {
		err = d.handler.Dumpit(d)
	}
	d.Calls++
	if errors.Is(err, nlmsg.ErrFull) {
		err = errMore
	}
	d.enc.Cancel()
	d.status = err
}

// parseDeclaredOnce applies the Handler's policy before the first call.
func (r *Request) parseDeclaredOnce(d *Dump) error {
	if d.Calls > 0 {
		return nil
	}
	return r.parseDeclared(d.handler)
}

// errno is what err comes to for the requester.
func (f *Family) errno(req *Request, err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if no, ok := err.(syscall.Errno); ok {
		return no
	}
	if f.Explain != nil {
		if no := f.Explain(req, err); no != 0 {
			return no
		}
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	return unix.EINVAL
}
