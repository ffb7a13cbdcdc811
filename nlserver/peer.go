// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Peer is the process that opens a netlink socket.
type Peer struct {
	PID   int    // as we see it; 0: not to be seen from here
	TGID  uint32 // as it says
	Admin bool   // it may change things (CAP_NET_ADMIN)

	// Netns is the inode of the network namespace that it says it is in; 0: it says nothing.
	Netns uint64
	// Cookie is that of the namespace that its connection was made in; 0: the kernel does not tell
	// (before Linux 5.14). The connection keeps that namespace alive.
	Cookie uint64

	fd int
}

// OpenNetns opens the network namespace that the connection was made in. EPERM: it takes
// CAP_NET_ADMIN over that.
func (p *Peer) OpenNetns() (*os.File, error) {
	fd, err := unix.IoctlRetInt(p.fd, unix.SIOCGSKNS)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "the client's network namespace"), nil
}

// OpenFD opens the network namespace that the process has open as descriptor fd
// (get_net_ns_by_fd): EBADF when it has none, EINVAL when that is something else.
func (p *Peer) OpenFD(fd uint32) (*os.File, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/fd/%d", p.PID, int32(fd)))
	if err != nil {
		return nil, unix.EBADF
	}
	if typ, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE); err != nil || typ != unix.CLONE_NEWNET {
		f.Close()
		return nil, unix.EINVAL
	}
	return f, nil
}

// OpenPID opens the network namespace of a process (get_net_ns_by_pid): ESRCH when there is none.
func OpenPID(pid uint32) (*os.File, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, unix.ESRCH
	}
	return f, nil
}

// NetnsCookie is that of the network namespace that socket fd belongs to; 0: the kernel does not
// tell.
func NetnsCookie(fd int) uint64 {
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return 0
	}
	return cookie
}

// newPeer reads what the kernel tells about the other end of fd.
func (srv *Server) newPeer(fd int) (Peer, error) {
	p := Peer{Cookie: NetnsCookie(fd), fd: fd}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return p, err
	}
	p.PID, p.Admin = int(cred.Pid), srv.allowed(cred, peerGroups(fd))
	return p, nil
}

// familyOf is the one that serves protocol for the client at p; nil: none does. Other errors are
// those of Config.Net.
func (srv *Server) familyOf(p *Peer, protocol int) (*Family, error) {
	families := srv.cfg.Families
	if srv.cfg.Net != nil {
		var err error
		if families, err = srv.cfg.Net(p); err != nil {
			return nil, err
		}
	}
	for _, f := range families {
		if f.Protocol == protocol {
			f.once.Do(f.prepare)
			return f, nil
		}
	}
	return nil, nil
}

// Disconnect ends the connections to families that are no more. Their clients try again, and get
// what Config.Net says then.
func (srv *Server) Disconnect(families []*Family) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	for s := range srv.sockets {
		if slices.Contains(families, s.servedBy()) {
			s.hangUp()
		}
	}
}

// servedBy is s.fam for any goroutine.
func (s *Socket) servedBy() *Family {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	return s.fam
}
