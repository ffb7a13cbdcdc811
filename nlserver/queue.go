// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// queue is the receive queue of a client's socket, which is the send queue of ours: the kernel
// accounts both alike. Any goroutine may put a datagram into it. While the socket's own request is
// being handled it is corked: datagrams are kept in order here and written together, many to a
// system call.
//
// A full queue loses what does not fit, sets ENOBUFS for the client's next receive once, and takes
// nothing until the client has emptied it (NETLINK_S_CONGESTED). Pieces of a dump are never lost:
// they wait here.
type queue struct {
	wmu       sync.Mutex
	closed    bool
	corked    int
	congested bool
	out       []byte
	items     []item
	waiting   [][]byte // pieces of dumps that did not fit

	iovs []unix.Iovec
	msgs []mmsghdr
}

// item is a datagram in out.
type item struct {
	end  int // it begins where the one before ends
	dump bool
}

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// origin says what a datagram is.
type origin struct {
	group     uint32 // multicast group
	portid    uint32 // another client's that sent it
	multicast bool
	dump      bool
}

// deliver puts a datagram into the queue; msg may be reused after.
func (s *Socket) deliver(msg []byte, from origin) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if s.closed {
		return
	}
	if from.multicast && s.corked > 0 && len(s.out) > s.rcvbuf {
		s.overrun() // it would find no room when the cork comes off
		return
	}
	s.out = append(s.out, msg...)
	if (from.multicast || from.portid != 0) && len(msg)+markLen <= markedMax {
		s.out = appendMark(s.out, from.group, from.portid)
	}
	s.items = append(s.items, item{end: len(s.out), dump: from.dump})
	if s.corked == 0 {
		s.flush()
	}
}

func (s *Socket) cork() {
	s.wmu.Lock()
	s.corked++
	s.wmu.Unlock()
}

func (s *Socket) uncork() {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if s.corked--; s.corked == 0 && !s.closed {
		s.flush()
	}
}

// flush writes all items, under wmu.
func (s *Socket) flush() {
	if len(s.items) == 0 {
		return
	}
	if s.congested && s.outq() == 0 {
		s.congested = false
	}
	for at := 0; at < len(s.items); {
		if s.congested || len(s.waiting) > 0 {
			s.lose(at)
			at++
			continue
		}
		n, err := s.write(at)
		at += n
		switch {
		case err == nil, err == unix.EINTR:
		case err == unix.EAGAIN, err == unix.ENOBUFS, err == unix.ENOMEM:
			s.lose(at)
			at++
		case err == unix.EMSGSIZE && s.writeLarge(at):
			at++
		case err == unix.EMSGSIZE:
			s.overrun()
			at++
		default: // the client is gone
			at = len(s.items)
		}
	}
	s.out, s.items = s.out[:0], s.items[:0]
	if cap(s.out) > 1<<20 {
		s.out = nil
	}
}

// bytesOf is item i.
func (s *Socket) bytesOf(i int) []byte {
	begin := 0
	if i > 0 {
		begin = s.items[i-1].end
	}
	return s.out[begin:s.items[i].end]
}

// lose is what happens to an item that has no room.
func (s *Socket) lose(i int) {
	if s.items[i].dump {
		s.waiting = append(s.waiting, append([]byte(nil), s.bytesOf(i)...))
		s.noteDumping()
		return
	}
	s.overrun()
}

// overrun is netlink_overrun.
func (s *Socket) overrun() {
	if s.option(optNoEnobufs) {
		return
	}
	if !s.congested {
		s.congested = true
		s.page.put(&s.page.err, uint32(unix.ENOBUFS))
	}
}

// write gives as many items as it can, from the first on, to the socket. It returns how many were
// taken, and why not more.
func (s *Socket) write(first int) (int, error) {
	n := min(len(s.items)-first, 2*batch)
	if n == 1 {
		errno := send(s.fd, s.bytesOf(first))
		if errno != 0 {
			return 0, errno
		}
		return 1, nil
	}
	if cap(s.msgs) < n {
		s.msgs, s.iovs = make([]mmsghdr, 2*batch), make([]unix.Iovec, 2*batch)
	}
	msgs, iovs := s.msgs[:n], s.iovs[:n]
	for i := range n {
		b := s.bytesOf(first + i)
		iovs[i].Base = unsafe.SliceData(b)
		iovs[i].SetLen(len(b))
		msgs[i].hdr.Iov, msgs[i].hdr.Iovlen = &iovs[i], 1
	}
	sent := 0
	for sent < n {
		r, errno := sendmmsg(s.fd, msgs[sent:])
		if errno != 0 {
			return sent, errno
		}
		sent += r
	}
	return sent, nil
}

// writeLarge writes an item that is larger than the whole queue may be: the kernel takes one
// datagram of any size as long as the queue is not full before.
func (s *Socket) writeLarge(i int) bool {
	b := s.bytesOf(i)
	setSndbuf(s.fd, len(b)+pageSize)
	err := unix.Sendto(s.fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	setSndbuf(s.fd, s.rcvbuf/2)
	return err == nil
}

// retry writes the pieces of dumps that had no room.
func (s *Socket) retry() {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	for len(s.waiting) > 0 {
		err := unix.Sendto(s.fd, s.waiting[0], unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
		if err == unix.EAGAIN {
			return
		}
		s.waiting = s.waiting[1:]
	}
	s.waiting = nil
	s.noteDumping()
}

// noteDumping tells the client whether a receive should be followed by SKUA_NL_MORE.
func (s *Socket) noteDumping() {
	if s.page == nil {
		return
	}
	s.page.setDumping(s.dump != nil || len(s.waiting) > 0)
}

// outq is how much the client has not yet received, in bytes of kernel memory, under wmu.
func (s *Socket) outq() int {
	n, err := unix.IoctlGetInt(s.fd, unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// hungUp says whether the client has closed its end.
func (s *Socket) hungUp() bool {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if s.closed {
		return true
	}
	p := []unix.PollFd{{Fd: int32(s.fd)}}
	n, _ := unix.Poll(p, 0)
	return n > 0 && p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// queued is outq for the connection's goroutine.
func (s *Socket) queued() int {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	return s.outq()
}

// full says whether no dump may start (the first check of netlink_dump).
func (s *Socket) full() bool {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	return len(s.waiting) > 0 || s.outq() >= s.rcvbuf
}

// setRcvbuf sets the limit of the queue in bytes, as getsockopt(SO_RCVBUF) gives it.
func (s *Socket) setRcvbuf(n int) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	s.rcvbuf = n
	setSndbuf(s.fd, n/2)
}
