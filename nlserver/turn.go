// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The way through the connection is the long one: two thirds of what a change and its ACK cost are
// spent in the kernel's sockets. So while a client is busy the server waits at the word turn of its
// page, where the client posts small frames; answers go through the connection as ever.
//
// Whoever waits there does not see the end of the connection. So a client that closes it says so in
// turn, and those that have become silent are sent back to their connections by the server.

const (
	// busyFrames is after how many frames in a row a client is busy: the many that say little pay
	// for no writable mapping (see windowPages).
	busyFrames = 24
	// turnTime is how long after a frame the server waits at the page, at least; at most twice that.
	turnTime = 50 * time.Millisecond
)

// turns are the sockets that may be waited for at their pages.
type turns struct {
	mu      sync.Mutex
	sockets map[*Socket]uint32 // how many frames had come when it was looked at last
	looking bool
}

// turn is what a socket has to do with it.
type turn struct {
	atPage atomic.Bool   // it is among turns.sockets
	frames atomic.Uint32 // that have come
	post   []byte        // the frame that was posted
}

// busy counts a frame, and lets the server wait at the page from the one on that makes the client a
// busy one.
func (s *Socket) busy() {
	n := s.frames.Add(1)
	if n%busyFrames != 0 || s.atPage.Load() || !s.option(optPosts) || !s.srv.pages.allowWrites(s.page) {
		return
	}
	t := &s.srv.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sockets == nil {
		t.sockets = map[*Socket]uint32{}
	}
	t.sockets[s] = n
	s.atPage.Store(true)
	if !t.looking {
		t.looking = true
		time.AfterFunc(turnTime, t.look)
	}
}

// look sends those back that have been silent since it was called last.
func (t *turns) look() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s, before := range t.sockets {
		if n := s.frames.Load(); n != before {
			t.sockets[s] = n
		} else {
			t.drop(s)
		}
	}
	if t.looking = len(t.sockets) > 0; t.looking {
		time.AfterFunc(turnTime, t.look)
	}
}

// recall makes s look at its connection.
func (t *turns) recall(s *Socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.atPage.Load() {
		t.drop(s)
	}
}

// drop is recall under mu. Whose page is written to here is still mapped: a socket is recalled
// before it closes that.
func (t *turns) drop(s *Socket) {
	delete(t.sockets, s)
	s.atPage.Store(false)
	if s.page.turn.CompareAndSwap(turnPage, turnLook) {
		futexWake(&s.page.turn)
	}
}

// offer lets the client post its next frame. It is called before the one that is being handled is
// complete, so that the client knows.
func (s *Socket) offer() {
	if !s.atPage.Load() {
		return
	}
	s.page.turn.Store(turnPage)
	if !s.atPage.Load() { // it was recalled just now
		s.page.turn.CompareAndSwap(turnPage, turnSocket)
	}
}

// posted waits at the page, if that was offered. False: the connection is to be looked at.
func (s *Socket) posted() (f frame, payload []byte, ok bool) {
	if !s.page.writable.Load() {
		return f, nil, false
	}
	for s.page.turn.Load() == turnPage {
		futexWait(&s.page.turn, turnPage)
	}
	if s.page.turn.Swap(turnSocket) != turnPosted {
		return f, nil, false
	}
	return s.takePost()
}

// takePost copies the frame out of the page, where the client may still change it.
func (s *Socket) takePost() (f frame, payload []byte, ok bool) {
	from := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(s.page.page), postAt)), postMax)
	if s.post == nil {
		s.post = make([]byte, postMax)
	}
	copy(s.post, from[:frameLen])
	f = parseFrame(s.post)
	if f.len > postMax-frameLen {
		return frame{}, nil, true // of no known kind
	}
	payload = s.post[frameLen : frameLen+f.len]
	copy(payload, from[frameLen:])
	return f, payload, true
}

// futexWait waits until word is not v, or for less.
func futexWait(word *atomic.Uint32, v uint32) {
	const futexWaitOp = 0
	syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWaitOp, uintptr(v), 0, 0, 0)
}
