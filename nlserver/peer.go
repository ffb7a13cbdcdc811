// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"fmt"
	"os"
	"slices"
	"strings"

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

	fd  int
	uid uint32
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
	pid, err := p.program()
	if err != nil {
		return nil, unix.EBADF
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/fd/%d", pid, int32(fd)))
	if err != nil {
		return nil, unix.EBADF
	}
	if typ, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE); err != nil || typ != unix.CLONE_NEWNET {
		f.Close()
		return nil, unix.EINVAL
	}
	return f, nil
}

// program is the process whose socket this is, which another connected for when that is supervised:
// the one that it says it is, as far as it could look into that itself.
func (p *Peer) program() (int, error) {
	if p.TGID == 0 || int(p.TGID) == p.PID {
		return p.PID, nil
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		return 0, err
	}
	_, ids, _ := strings.Cut(string(status), "\nNSpid:")
	ids, _, _ = strings.Cut(ids, "\n")
	numbers := strings.Fields(ids)
	if len(numbers) > 0 && numbers[len(numbers)-1] == fmt.Sprint(p.TGID) {
		return p.PID, nil // itself, by its number in a PID namespace of its own
	}
	if len(numbers) != 1 {
		return 0, unix.ESRCH // we do not see whom it means
	}
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d", p.TGID), &st); err != nil {
		return 0, err
	}
	if p.uid != 0 && p.uid != st.Uid {
		return 0, unix.EPERM
	}
	return int(p.TGID), nil
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
	p.PID, p.uid, p.Admin = int(cred.Pid), cred.Uid, srv.allowed(cred, peerGroups(fd))
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
