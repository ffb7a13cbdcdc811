// SPDX-License-Identifier: BSD-3-Clause

package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

const (
	netnsaNSID = 1 // NETNSA_NSID
	netnsaFD   = 3 // NETNSA_FD

	sizeofRtgenPadded = 4 // struct rtgenmsg
)

// Watch tells when namespaces end: each that is watched gets an id (nsid) in our own, and the kernel
// says when an id goes.
type Watch struct {
	events *os.File // a member of RTNLGRP_NSID

	mu    sync.Mutex
	ask   int // socket of requests, under mu
	seq   uint32
	ended map[int32][]func() // by id, of those that had it in turn and whose end was not told yet
}

// NewWatch opens the sockets. Run has to be called.
func NewWatch() (*Watch, error) {
	ask, err := routeSocket(0)
	if err != nil {
		return nil, err
	}
	events, err := routeSocket(unix.SOCK_NONBLOCK)
	if err != nil {
		unix.Close(ask)
		return nil, err
	}
	w := &Watch{ask: ask, events: os.NewFile(uintptr(events), "RTNLGRP_NSID"), ended: map[int32][]func(){}}
	err = unix.SetsockoptInt(events, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.RTNLGRP_NSID)
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("notifications of network namespaces: %w", err)
	}
	return w, nil
}

func routeSocket(flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("netlink socket of the host: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil { // none hears without
		unix.Close(fd)
		return -1, fmt.Errorf("netlink socket of the host: %w", err)
	}
	return fd, nil
}

// Add has ended called, on Run's goroutine, when the namespace that f is ends. Once for each
// namespace. EPERM: it takes CAP_NET_ADMIN in our own.
func (w *Watch) Add(f *os.File, ended func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	fd := uint32(f.Fd())
	id, err := w.request(unix.RTM_GETNSID, 0, attr{netnsaFD, fd})
	if err == nil && id < 0 {
		_, err = w.request(unix.RTM_NEWNSID, unix.NLM_F_ACK, attr{netnsaNSID, ^uint32(0)}, attr{netnsaFD, fd})
		if err == nil || errors.Is(err, unix.EEXIST) { // another gave it one meanwhile
			id, err = w.request(unix.RTM_GETNSID, 0, attr{netnsaFD, fd})
		}
	}
	if err != nil {
		return fmt.Errorf("watching network namespace %s: %w", f.Name(), err)
	}
	w.ended[id] = append(w.ended[id], ended)
	return nil
}

type attr struct {
	typ   uint16
	value uint32
}

// request asks the host's kernel, under mu, and gives the NETNSA_NSID of the answer.
func (w *Watch) request(typ, flags uint16, attrs ...attr) (int32, error) {
	w.seq++
	e := nlmsg.NewEncoder(nil, 0)
	e.Begin(typ, unix.NLM_F_REQUEST|flags, w.seq, 0)
	e.Raw(sizeofRtgenPadded)
	for _, a := range attrs {
		e.U32(a.typ, a.value)
	}
	e.End()
	if err := unix.Sendto(w.ask, e.Buffer(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	buf := make([]byte, 4096)
	for {
		n, _, err := unix.Recvfrom(w.ask, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, err
		}
		h, msg, _, ok := nlmsg.Next(buf[:n])
		switch {
		case !ok || h.Seq != w.seq:
		case h.Type == unix.NLMSG_ERROR && len(msg) >= nlmsg.HdrLen+4:
			errno := -int32(binary.NativeEndian.Uint32(msg[nlmsg.HdrLen:]))
			if errno == 0 {
				return 0, nil
			}
			return 0, syscall.Errno(errno)
		default:
			return nsidOf(msg), nil
		}
	}
}

// nsidOf is the NETNSA_NSID of a message, -1 when it has none.
func nsidOf(msg []byte) int32 {
	id := int32(-1)
	if len(msg) < nlmsg.HdrLen+sizeofRtgenPadded {
		return id
	}
	_ = nlmsg.Each(msg[nlmsg.HdrLen+sizeofRtgenPadded:], 0, func(a nlmsg.Attr) error {
		if a.Type() == netnsaNSID && a.Len() >= 4 {
			id = int32(a.U32())
		}
		return nil
	})
	return id
}

// Run tells of namespaces that end until Close.
func (w *Watch) Run() error {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.events.Read(buf)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			w.missed()
			continue
		case errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		for rest := buf[:n]; ; {
			h, msg, next, ok := nlmsg.Next(rest)
			if !ok {
				break
			}
			rest = next
			if h.Type == unix.RTM_DELNSID {
				w.gone(nsidOf(msg))
			}
		}
	}
}

// gone tells the end of the one that had an id for the longest.
func (w *Watch) gone(id int32) {
	w.mu.Lock()
	var ended func()
	if l := w.ended[id]; len(l) > 0 {
		ended = l[0]
		if w.ended[id] = l[1:]; len(l) == 1 {
			delete(w.ended, id)
		}
	}
	w.mu.Unlock()
	if ended != nil {
		ended()
	}
}

// missed asks for every id after notifications were lost.
func (w *Watch) missed() {
	var lost []int32
	w.mu.Lock()
	for id, l := range w.ended {
		for range len(l) - 1 { // another has it since
			lost = append(lost, id)
		}
		if _, err := w.request(unix.RTM_GETNSID, 0, attr{netnsaNSID, uint32(id)}); errors.Is(err, unix.ENOENT) {
			lost = append(lost, id)
		}
	}
	w.mu.Unlock()
	for _, id := range lost {
		w.gone(id)
	}
}

// Close ends Run.
func (w *Watch) Close() {
	w.events.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	unix.Close(w.ask)
	w.ask = -1
}
