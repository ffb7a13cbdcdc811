// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"syscall"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// Handler is one row of a family's table (struct rtnl_link): what is done with a message type.
type Handler struct {
	// Doit answers a request. It returns nil, an errno (syscall.Errno, wrapped or not), or what
	// Family.Explain understands; req.Ext says more. What it replies with req.Reply goes out before
	// the ACK. It runs under Family.Lock and must keep nothing of req.
	Doit func(req *Request) error

	// Dumpit answers a GET with NLM_F_DUMP. It is called again and again, each time under
	// Family.Lock, until it returns nil (all was said) or an error other than nlmsg.ErrFull (which
	// ends the dump and travels in its NLMSG_DONE). See Dump.
	Dumpit func(d *Dump) error

	// DumpDone is called once when a dump ends, also when its socket is closed in the middle. May
	// be nil.
	DumpDone func(d *Dump)

	// MinDumpAlloc gives the least room in bytes that the first datagram of a dump must have
	// (min_dump_alloc). May be nil. It runs under Family.Lock.
	MinDumpAlloc func(req *Request) int

	// Policy, when there is one, is checked before Doit or Dumpit, which find the result in
	// req.Attrs. HdrLen is the length in bytes of the family's header in front of the attributes.
	// How is the strictness; GetStrict is added when the socket asked for NETLINK_GET_STRICT_CHK.
	Policy    *nlmsg.Policy
	HdrLen    int
	How       nlmsg.Validate
	GetStrict nlmsg.Validate

	// BulkDel allows NLM_F_BULK (RTNL_FLAG_BULK_DEL_SUPPORTED).
	BulkDel bool
}

// Request is a message under way. It and all that it points to are valid until Doit returns.
type Request struct {
	nlmsg.Header

	// Ext is what the answer says beside the errno; never nil. Its text with success is a warning.
	Ext *nlmsg.Extack
	// Attrs is set when the Handler has a Policy.
	Attrs nlmsg.Attrs

	msg  []byte // header included, clipped to its length
	sock *Socket
	rep  nlmsg.Encoder
}

// Message is the whole message, header included.
func (r *Request) Message() []byte { return r.msg }

// Payload is what follows the netlink header: the family's header and the attributes.
func (r *Request) Payload() []byte { return r.msg[nlmsg.HdrLen:] }

// Portid is the requester's (NETLINK_CB(skb).portid; the header's nlmsg_pid is only a claim).
func (r *Request) Portid() uint32 { return r.sock.portid.Load() }

// From is what a notification of this change carries.
func (r *Request) From() Requester {
	return Requester{Portid: r.Portid(), Seq: r.Seq, Flags: r.Flags}
}

// Strict says whether the socket asked for NETLINK_GET_STRICT_CHK (cb->strict_check).
func (r *Request) Strict() bool { return r.sock.option(optStrictChk) }

// Admin says whether the requester may change things (CAP_NET_ADMIN).
func (r *Request) Admin() bool { return r.sock.admin }

// Peer is the process that opened the requester's socket.
func (r *Request) Peer() *Peer { return &r.sock.peer }

// Has says whether all bits of flags are set in the header.
func (r *Request) Has(flags uint16) bool { return r.Flags&flags == flags }

// FamilyHeader gives the first n bytes of the payload, or EINVAL with the kernel's text.
func (r *Request) FamilyHeader(n int) ([]byte, error) {
	if len(r.msg) < nlmsg.HdrLen+n {
		return nil, r.Ext.Fail(unix.EINVAL, "Invalid header length")
	}
	return r.msg[nlmsg.HdrLen : nlmsg.HdrLen+n], nil
}

// Parse checks and indexes the attributes behind a family's header of hdrLen bytes
// (__nlmsg_parse).
func (r *Request) Parse(hdrLen int, attrs *nlmsg.Attrs, policy *nlmsg.Policy, how nlmsg.Validate) error {
	if len(r.msg) < nlmsg.HdrLen+hdrLen {
		return r.Ext.Fail(unix.EINVAL, "Invalid header length")
	}
	off := nlmsg.HdrLen + nlmsg.Align(hdrLen)
	return attrs.Parse(r.msg[min(off, len(r.msg)):], uint32(off), policy, how, r.Ext)
}

// Reply begins a message to the requester with its sequence number and portid; fill it and call
// Send. Each Reply and Send is a datagram of its own.
func (r *Request) Reply(typ, flags uint16) *nlmsg.Encoder {
	r.rep.Reset(r.rep.Buffer()[:0], 0)
	r.rep.Begin(typ, flags, r.Seq, r.Portid())
	return &r.rep
}

// Send ends the message begun by Reply and queues it.
func (r *Request) Send() {
	if r.rep.End() {
		r.sock.deliver(r.rep.Buffer(), origin{})
	}
}

// SendRaw queues a datagram of whole messages that the handler built itself.
func (r *Request) SendRaw(msgs []byte) { r.sock.deliver(msgs, origin{}) }

// parseDeclared applies the Handler's policy.
func (r *Request) parseDeclared(h *Handler) error {
	if h.Policy == nil {
		return nil
	}
	how := h.How
	if r.Strict() {
		how |= h.GetStrict
	}
	return r.Parse(h.HdrLen, &r.Attrs, h.Policy, how)
}

// errStarted is what Rcv returns when a dump began: no ACK, its NLMSG_DONE is the answer (-EINTR
// in the kernel).
const errStarted = syscall.EINTR

// Dump begins a dump with h (netlink_dump_start). Its result is the result of Family.Rcv.
func (r *Request) Dump(h *Handler) error { return r.sock.startDump(r, h) }
