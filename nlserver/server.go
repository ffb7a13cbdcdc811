// SPDX-License-Identifier: BSD-3-Clause

// Package nlserver speaks AF_NETLINK over a Unix socket: a connection is a netlink socket, and
// what the kernel's af_netlink.c does for one is done here, in the same order and with the same
// answers. It knows no networking: families (rtnetlink and so on) register their tables.
//
// A connection's goroutine blocks in recvmsg, on a thread of its own, and not in the runtime's
// poller: every datagram that a client receives makes the connection writable, and would wake that.
// Who is silent for long gives the thread back (park.go). Small frames of a client that is busy come
// by way of its page (turn.go).
//
// A send of a client is one frame (see shim/skua_nl.h). The connection's goroutine takes it,
// hands its messages to the family under the family's lock, and completes the frame when the
// answers are in the client's socket: so a send is over when its errors and ACKs can be read, as
// in the kernel. Clients do not speak frames themselves; a preloaded library does it for them.
//
// Each answer is a datagram of its own, as in the kernel: libnl stops at the first ACK of a
// datagram, libmnl refuses one with several sequence numbers. They are written many at a time.
package nlserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxSockets bounds the netlink sockets of all clients.
const maxSockets = 1 << 16

// Config says where the server listens and who may do what.
type Config struct {
	// Path of the Unix socket. A stale one is replaced; one that is served is not.
	Path string
	// Mode of the socket file; 0 is 0660. Who may not write to it cannot connect.
	Mode fs.FileMode
	// Group owns the socket file; nil: the process's.
	Group *int

	// AdminUIDs and AdminGIDs hold CAP_NET_ADMIN here, beside root and the server's own user. All
	// others that can connect may read. Supplementary groups count.
	AdminUIDs []uint32
	AdminGIDs []uint32

	// Families that are served; socket() gives EPROTONOSUPPORT for all others.
	Families []*Family
	// Net gives the families of the network namespace that a client is in, in place of Families; an
	// errno in its error is what the client's socket() returns. Nil: there is one for all. It is
	// called on the connection's goroutine, and must give the same ones again.
	Net func(p *Peer) ([]*Family, error)

	Log *slog.Logger // nil: silence
}

// Server is a listening netlink server.
type Server struct {
	cfg      Config
	log      *slog.Logger
	listener int
	file     os.FileInfo // of the socket file, when it was ours
	buffers  sync.Pool   // *[]byte of frameMax
	pages    pages
	turns    turns
	lot      *lot
	threads  chan struct{} // a token for each connection that has one

	mu      sync.Mutex
	sockets map[*Socket]struct{}
	closed  bool
	running sync.WaitGroup
}

// New listens. Clients can connect when it returns, and are answered from Serve on.
func New(cfg Config) (*Server, error) {
	srv := &Server{
		cfg:     cfg,
		log:     cfg.Log,
		sockets: map[*Socket]struct{}{},
		threads: make(chan struct{}, maxThreads),
	}
	srv.buffers.New = func() any { b := make([]byte, frameMax); return &b }
	if srv.log == nil {
		srv.log = slog.New(slog.DiscardHandler)
	}
	for i, f := range cfg.Families {
		if slices.ContainsFunc(cfg.Families[:i], func(g *Family) bool { return g.Protocol == f.Protocol }) {
			return nil, fmt.Errorf("netlink protocol %d is registered twice", f.Protocol)
		}
		f.once.Do(f.prepare)
	}
	if cfg.Mode == 0 {
		srv.cfg.Mode = 0o660
	}
	if err := srv.listen(); err != nil {
		return nil, err
	}
	return srv, nil
}

// listen makes the socket under another name and gives it its place when its mode and group are
// right: so nobody connects too early, and a restart leaves no gap.
func (srv *Server) listen() error {
	path := srv.cfg.Path
	if conn, err := net.Dial("unixpacket", path); err == nil {
		conn.Close()
		return fmt.Errorf("listen on %s: %w: another server is there", path, unix.EADDRINUSE)
	}
	if st, err := os.Lstat(path); err == nil && st.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("listen on %s: %w: it is no socket", path, unix.EEXIST)
	}
	private := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.Remove(private); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: private}); err == nil {
		err = srv.place(fd, private)
	}
	if err != nil {
		unix.Close(fd)
		os.Remove(private)
		return fmt.Errorf("listen on %s: %w", path, err)
	}
	srv.listener = fd
	return nil
}

func (srv *Server) place(fd int, private string) error {
	if srv.cfg.Group != nil {
		if err := os.Chown(private, -1, *srv.cfg.Group); err != nil {
			return err
		}
	}
	if err := os.Chmod(private, srv.cfg.Mode); err != nil {
		return err
	}
	if err := unix.Listen(fd, 128); err != nil {
		return err
	}
	file, err := os.Lstat(private)
	if err != nil {
		return err
	}
	srv.file = file
	return os.Rename(private, srv.cfg.Path)
}

// Serve answers clients until ctx is done or Close is called, and returns when all of them are
// gone.
func (srv *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	var err error
	if srv.lot, err = newLot(); err != nil {
		return errors.Join(err, srv.Close())
	}
	defer srv.lot.close()
	go srv.lot.wait(srv.wake)
	defer srv.pages.shut()
	defer srv.running.Wait()
	defer srv.closeListener()
	waiting := false
	for {
		fd, _, err := unix.Accept4(srv.listener, unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			waiting = false
			srv.open(fd)
		case srv.isClosed():
			return nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOMEM):
			if !waiting {
				srv.log.Warn("netlink: clients are kept waiting", "error", err)
			}
			waiting = true
			time.Sleep(50 * time.Millisecond)
		default:
			return err
		}
	}
}

// open starts a connection's goroutine.
func (srv *Server) open(fd int) {
	s, err := newSocket(srv, fd)
	if err != nil {
		srv.log.Warn("netlink: a client was refused", "error", err)
		unix.Close(fd)
		return
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.closed || len(srv.sockets) >= maxSockets {
		unix.Close(fd)
		return
	}
	srv.sockets[s] = struct{}{}
	srv.running.Add(1)
	srv.begin(s)
}

// Close stops listening, removes the socket file, unless it is another server's by now, and
// disconnects all clients, which try to connect again; Serve then returns.
func (srv *Server) Close() error {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if file, err := os.Lstat(srv.cfg.Path); !srv.closed && err == nil && os.SameFile(file, srv.file) {
		os.Remove(srv.cfg.Path)
	}
	srv.closed = true
	for s := range srv.sockets {
		s.hangUp()
	}
	if srv.listener < 0 {
		return nil
	}
	return unix.Shutdown(srv.listener, unix.SHUT_RDWR) // wakes accept
}

func (srv *Server) closeListener() {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	unix.Close(srv.listener)
	srv.listener = -1
}

func (srv *Server) isClosed() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.closed
}

// Admin says whether the process at the other end of fd, a Unix socket's, may change things.
func (srv *Server) Admin(fd int) (bool, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return false, err
	}
	return srv.allowed(cred, peerGroups(fd)), nil
}

// allowed decides by user and groups, since capabilities are not to be had from a socket: root,
// our own user, and those that are listed.
func (srv *Server) allowed(cred *unix.Ucred, groups []uint32) bool {
	return cred.Uid == 0 || cred.Uid == uint32(os.Geteuid()) ||
		slices.Contains(srv.cfg.AdminUIDs, cred.Uid) ||
		slices.Contains(srv.cfg.AdminGIDs, cred.Gid) ||
		slices.ContainsFunc(groups, func(gid uint32) bool {
			return slices.Contains(srv.cfg.AdminGIDs, gid)
		})
}
