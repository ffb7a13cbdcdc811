// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A connection that is spoken over has a goroutine that blocks in the kernel, on a thread of its
// own: so an answer is not late. Ten thousand clients would be ten thousand threads, which is where
// the runtime gives up. So a connection that was silent for a while, or is when all threads that
// there may be are taken, is parked: one goroutine waits for all of those, by epoll, and starts the
// connection's again when its client says something. epoll is asked for what comes only: that a
// client has received a datagram wakes nobody.

const (
	// maxThreads is how many connections have a thread, and spareThreads how many of them are kept
	// for what a client that is parked says.
	maxThreads   = 1024
	spareThreads = 64
	// idleTime is how long a connection is silent before it is parked, in seconds.
	idleTime = 3
	// parkEvents is how many connections are woken at once.
	parkEvents = 128
)

// lot is where connections are parked.
type lot struct {
	epfd int
	end  int // eventfd

	mu      sync.Mutex
	sockets map[int32]*Socket // by descriptor
}

func newLot() (*lot, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	end, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, end, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(end)})
		if err != nil {
			unix.Close(end)
		}
	}
	if err != nil {
		unix.Close(epfd)
		return nil, err
	}
	return &lot{epfd: epfd, end: end, sockets: map[int32]*Socket{}}, nil
}

// park hands s over; false: it cannot be, and goes on as it is.
func (l *lot) park(s *Socket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	fd := int32(s.fd)
	l.sockets[fd] = s
	if s.fam == nil { // it has not said hello
		s.late = time.AfterFunc(helloTime*time.Second, s.hangUp)
	}
	err := unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: fd,
	})
	if err != nil {
		l.forget(s)
	}
	return err == nil
}

func (l *lot) forget(s *Socket) {
	delete(l.sockets, int32(s.fd))
	if s.late != nil {
		s.late.Stop()
		s.late = nil
	}
}

// take gives the socket back whose descriptor has something to read.
func (l *lot) take(fd int32) *Socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sockets[fd]
	if s != nil {
		_ = unix.EpollCtl(l.epfd, unix.EPOLL_CTL_DEL, s.fd, nil)
		l.forget(s)
	}
	return s
}

// wait calls wake with each socket whose client speaks, or is gone, until close.
func (l *lot) wait(wake func(*Socket)) {
	events := make([]unix.EpollEvent, parkEvents)
	for {
		n, err := unix.EpollWait(l.epfd, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for i := range max(n, 0) {
			if events[i].Fd == int32(l.end) {
				unix.Close(l.end)
				unix.Close(l.epfd)
				return
			}
			if s := l.take(events[i].Fd); s != nil {
				wake(s)
			}
		}
	}
}

// close ends wait; no socket is parked any more.
func (l *lot) close() {
	_, _ = unix.Write(l.end, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// crowded says whether only spare threads are left.
func (srv *Server) crowded() bool { return len(srv.threads) >= maxThreads-spareThreads }

// begin gives a connection its thread, or parks it when there is none.
func (srv *Server) begin(s *Socket) {
	if !srv.crowded() || !srv.lot.park(s) {
		srv.wake(s)
	}
}

// wake gives a connection that was parked a thread, as soon as there is one.
func (srv *Server) wake(s *Socket) {
	srv.threads <- struct{}{}
	go srv.serve(s)
}

// serve is the goroutine of a connection.
func (srv *Server) serve(s *Socket) {
	parked := s.run()
	<-srv.threads
	if parked {
		return
	}
	srv.mu.Lock()
	delete(srv.sockets, s)
	srv.mu.Unlock()
	srv.running.Done()
}
