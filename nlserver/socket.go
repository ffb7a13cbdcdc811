// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"errors"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// batch is how many messages of a send are handled before their answers are written and the
// family's lock is given up for a moment.
const batch = 64

// helloTime is how long a connection may stay silent before it says hello, in seconds.
const helloTime = 10

// Socket is a netlink socket of a client (struct netlink_sock).
type Socket struct {
	srv *Server
	fam *Family // nil before the hello

	fd    int // of the connection, which blocks; to be used under wmu or by run only
	page  *sharedPage
	admin bool
	peer  Peer

	portid atomic.Uint32 // 0: not bound
	gone   atomic.Bool   // it is being closed

	// The connection's goroutine only.
	tgid   uint32
	rcvbuf int // bytes, the limit of the queue
	in     inbox
	req    Request
	ext    nlmsg.Extack
	ack    nlmsg.Encoder
	dump   *Dump
	late   *time.Timer // while it is parked without a hello

	queue
	turn
}

func newSocket(srv *Server, fd int) (*Socket, error) {
	s := &Socket{srv: srv, fd: fd}
	var err error
	if s.peer, err = srv.newPeer(fd); err != nil {
		return nil, err
	}
	s.admin = s.peer.Admin
	if s.rcvbuf, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF); err != nil {
		return nil, err
	}
	s.req.sock, s.req.Ext = s, &s.ext
	s.in.oob = make([]byte, unix.CmsgSpace(4*8))
	return s, nil
}

// run is the life of a connection. True: it is parked, and run is called again when there is
// something to read.
func (s *Socket) run() (parked bool) {
	if s.fam == nil {
		setRecvTimeout(s.fd, helloTime)
	}
	for {
		if s.fam != nil && s.srv.crowded() && s.mayPark() && s.srv.lot.park(s) {
			return true
		}
		f, payload, file, err := s.next()
		if err == unix.EAGAIN && s.fam != nil {
			if s.srv.lot.park(s) {
				return true
			}
			continue
		}
		if err != nil {
			break
		}
		ok := s.handle(f, payload, file)
		if file >= 0 {
			unix.Close(file)
		}
		s.in.release(s)
		if !ok {
			break
		}
	}
	s.close()
	return false
}

// next waits for a frame, at the page or at the connection.
func (s *Socket) next() (f frame, payload []byte, file int, err error) {
	if s.fam != nil {
		if f, payload, ok := s.posted(); ok {
			return f, payload, -1, nil
		}
	}
	return s.in.next(s)
}

// mayPark says whether there is nothing to read, and nothing will come but by the connection.
func (s *Socket) mayPark() bool {
	s.srv.turns.recall(s)
	return s.page.turn.Load() != turnPosted && s.silent()
}

// silent says whether there is nothing to read from the connection.
func (s *Socket) silent() bool {
	p := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN | unix.POLLRDHUP}}
	n, _ := unix.Poll(p, 0)
	return n == 0
}

// hangUp makes run end.
func (s *Socket) hangUp() {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if !s.closed {
		unix.Shutdown(s.fd, unix.SHUT_RDWR)
	}
	s.srv.turns.recall(s)
}

// close is netlink_release.
func (s *Socket) close() {
	s.srv.turns.recall(s)
	if s.fam != nil {
		s.gone.Store(true)
		s.fam.remove(s)
		if s.dump != nil {
			s.fam.lock()
			s.endDump()
			s.fam.unlock()
		}
	}
	s.wmu.Lock()
	defer s.wmu.Unlock()
	s.closed = true
	unix.Close(s.fd)
	if s.page != nil {
		s.page.put(&s.page.version, 0)
		s.srv.pages.close(s.page)
		s.page = nil
	}
}

// handle does what a frame says. False: the client breaks the protocol.
func (s *Socket) handle(f frame, payload []byte, file int) bool {
	if s.fam == nil {
		return f.op == opHello && s.hello(f, payload, file)
	}
	var result int
	var err error
	switch f.op {
	case opBind:
		err = s.bind(f.a, f.b)
	case opConnect:
		err = s.connect(f.a, f.b)
	case opSend:
		result, err = s.send(f, payload)
	case opSendFD:
		result, err = s.sendFile(f, file)
	case opMore:
		s.more()
	case opJoin:
		err = s.membership(f.a, true)
	case opLeave:
		err = s.membership(f.a, false)
	case opRcvbuf:
		s.setRcvbuf(int(f.a))
	case opIoctl:
		err = s.ioctl(f, payload)
	default:
		return false
	}
	s.complete(f.seq, result, err)
	return true
}

// complete tells the client that frame seq is done.
func (s *Socket) complete(seq uint32, result int, err error) {
	if err != nil {
		var no syscall.Errno
		if !errors.As(err, &no) {
			no = unix.EIO
		}
		result = -int(no)
	}
	if s.fam != nil {
		s.busy()
		s.offer()
	}
	s.page.complete(seq, int32(result))
}

// hello takes the client's page and opens the netlink socket (netlink_create).
func (s *Socket) hello(f frame, payload []byte, file int) bool {
	h, ok := parseHello(payload)
	if !ok || file < 0 || !sealed(file) {
		return false
	}
	var err error
	if s.page, err = s.srv.pages.open(file); err != nil {
		return false
	}
	s.page.put(&s.page.version, wireVersion)

	switch {
	case f.a != wireVersion:
		s.complete(f.seq, 0, unix.EPROTO)
		return false
	case f.c != unix.SOCK_RAW && f.c != unix.SOCK_DGRAM:
		s.complete(f.seq, 0, unix.ESOCKTNOSUPPORT)
		return false
	}
	s.peer.Netns, s.peer.TGID = h.netns, h.tgid
	fam, err := s.srv.familyOf(&s.peer, int(f.b))
	if err == nil && fam == nil {
		err = unix.EPROTONOSUPPORT
	}
	if err != nil {
		s.complete(f.seq, 0, err)
		return false
	}
	s.wmu.Lock()
	s.fam = fam
	s.wmu.Unlock()
	s.tgid = h.tgid
	if s.admin {
		s.page.put(&s.page.admin, 1)
	}
	s.page.put(&s.page.maxgroup, fam.Groups)
	setRecvTimeout(s.fd, idleTime)
	s.restore(h)
	s.complete(f.seq, 0, nil)
	return true
}

// restore gives a client that was connected to another server before what it had there, as far as
// it can still be had.
func (s *Socket) restore(h hello) {
	if h.rcvbuf != 0 {
		s.setRcvbuf(int(h.rcvbuf))
	}
	if h.portid != 0 && s.fam.bindPortid(s, h.portid) != nil {
		s.autobind()
	}
	for _, g := range h.groups {
		s.membership(g, true)
	}
}

// setPortid is called under Family.mu.
func (s *Socket) setPortid(portid uint32) {
	s.portid.Store(portid)
	s.page.put(&s.page.portid, portid)
}

// setGroup is called under Family.mu. What the client was a member of stays in its page when we
// go: it asks the next server for that.
func (s *Socket) setGroup(group uint32, member bool) {
	if s.gone.Load() {
		return
	}
	s.page.setGroup(group, member)
}

func (s *Socket) setDump(d *Dump) {
	s.dump = d
	s.noteDumping()
}

// option reads a socket option, which the client keeps in its page.
func (s *Socket) option(bit uint32) bool { return s.page.options.Load()&bit != 0 }

// maxRecvLen is the largest buffer in bytes that the client has received into.
func (s *Socket) maxRecvLen() int { return int(min(s.page.maxRecv.Load(), 1<<30)) }

func (s *Socket) autobind() {
	if s.portid.Load() == 0 {
		s.fam.autobind(s, s.tgid)
	}
}

// bind is netlink_bind.
func (s *Socket) bind(portid, groups uint32) error {
	if groups != 0 && !s.mayJoin() {
		return unix.EPERM
	}
	switch bound := s.portid.Load(); {
	case bound != 0 && bound != portid:
		return unix.EINVAL
	case bound == 0 && portid != 0:
		if err := s.fam.bindPortid(s, portid); err != nil {
			return err
		}
	case bound == 0:
		s.autobind()
	}
	// The mask says which of the first 32 groups it is in, and not in.
	for g := uint32(1); g <= 32; g++ {
		if groups&(1<<(g-1)) == 0 {
			s.fam.leave(s, g)
		} else if err := s.fam.join(s, g); err != nil {
			return err
		}
	}
	return nil
}

// connect is what netlink_connect asks; the client keeps the destination itself.
func (s *Socket) connect(portid, groups uint32) error {
	if (portid != 0 || groups != 0) && !s.maySend() {
		return unix.EPERM
	}
	s.autobind()
	return nil
}

func (s *Socket) mayJoin() bool { return s.admin || s.fam.NonrootRecv }
func (s *Socket) maySend() bool { return s.admin || s.fam.NonrootSend }

// membership is NETLINK_ADD_MEMBERSHIP and NETLINK_DROP_MEMBERSHIP.
func (s *Socket) membership(group uint32, member bool) error {
	switch {
	case !s.mayJoin():
		return unix.EPERM
	case group == 0 || group > s.fam.Groups:
		return unix.EINVAL
	case member:
		return s.fam.join(s, group)
	}
	s.fam.leave(s, group)
	return nil
}

// sendFile is send for what is too large for a frame.
func (s *Socket) sendFile(f frame, file int) (int, error) {
	if file < 0 || f.len > sendMax {
		return 0, unix.EMSGSIZE
	}
	data := make([]byte, f.len)
	for at := 0; at < len(data); {
		n, err := unix.Pread(file, data[at:], int64(at))
		if err != nil || n <= 0 {
			return 0, unix.EFAULT
		}
		at += n
	}
	return s.send(f, data)
}

// send is netlink_sendmsg from where the destination is known.
func (s *Socket) send(f frame, data []byte) (int, error) {
	if (f.a != 0 || f.b != 0) && !s.maySend() {
		return 0, unix.EPERM
	}
	s.autobind()
	if group := firstGroup(f.b); group != 0 {
		for _, to := range s.fam.listeners(group) {
			if to != s && to.portid.Load() != f.a {
				to.deliver(data, origin{group: group, portid: s.portid.Load(), multicast: true})
			}
		}
	}
	if f.a == 0 {
		s.receive(data)
		return len(data), nil
	}
	to := s.fam.lookup(f.a)
	if to == nil {
		return 0, unix.ECONNREFUSED
	}
	to.deliver(data, origin{portid: s.portid.Load()})
	return len(data), nil
}

// receive handles the messages of one send (netlink_rcv_skb). The family's lock is held for a
// batch at a time, and the answers to a batch are written before it is given up: so what others
// cause comes after.
func (s *Socket) receive(data []byte) {
	locked, typ := false, uint16(0)
	for n := 0; ; n++ {
		h, msg, rest, ok := nlmsg.Next(data)
		if !ok {
			break
		}
		if !locked {
			s.fam.lock()
			s.cork()
			locked = true
			if s.fam.Ahead != nil && len(rest) > 0 {
				s.fam.Ahead(data)
			}
		}
		data, typ = rest, h.Type
		s.receiveOne(h, msg)
		if n%batch == batch-1 {
			s.finish()
			locked = false
			runtime.Gosched()
		}
	}
	if locked {
		s.finish()
	}
	if s.fam.Settle != nil {
		s.fam.Settle(typ)
	}
}

func (s *Socket) finish() {
	s.fam.commit()
	s.uncork()
	s.fam.unlock()
}

// receiveOne handles and answers one message.
func (s *Socket) receiveOne(h nlmsg.Header, msg []byte) {
	s.ext = nlmsg.Extack{}
	var errno syscall.Errno
	// Only requests are handled, and control messages are skipped.
	if h.Flags&unix.NLM_F_REQUEST != 0 && h.Type >= unix.NLMSG_MIN_TYPE {
		s.req.Header, s.req.msg = h, msg
		errno = s.fam.errno(&s.req, s.fam.Rcv(&s.req))
		if errno == errStarted {
			return
		}
	}
	if errno == 0 && h.Flags&unix.NLM_F_ACK == 0 {
		return
	}
	ext := &s.ext
	if !s.option(optExtAck) {
		ext = nil
	}
	s.ack.Reset(s.ack.Buffer()[:0], 0)
	s.ack.Ack(msg, s.portid.Load(), errno, s.option(optCapAck), ext)
	s.deliver(s.ack.Buffer(), origin{})
}

// more goes on with a dump after the client received something (the end of netlink_recvmsg).
func (s *Socket) more() {
	s.retry()
	if s.dump == nil || s.queued() > s.rcvbuf/2 {
		return
	}
	s.fam.lock()
	defer s.fam.unlock()
	s.continueDump()
}
