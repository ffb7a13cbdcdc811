// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Requester is who asked for a change, as its notifications say; zero: the stack itself.
type Requester struct {
	Portid uint32
	Seq    uint32
	Flags  uint16 // nlmsg_flags of the request
}

// Family is one netlink protocol (struct netlink_kernel_cfg and its table): what socket(AF_NETLINK,
// type, Protocol) opens. Set the exported fields before the server starts.
type Family struct {
	Protocol int    // unix.NETLINK_ROUTE and so on
	Groups   uint32 // highest multicast group, at least 32 are taken

	// NonrootRecv lets everybody join groups, NonrootSend send to other sockets (NL_CFG_F_*).
	NonrootRecv bool
	NonrootSend bool

	// Rcv handles one message of type 16 or more with NLM_F_REQUEST: Table.Rcv, or another
	// family's dispatch. It runs under Lock.
	Rcv func(req *Request) error

	// Lock and Unlock surround the messages of one send, a few dozen at a time, and every piece of
	// a dump (rtnl_lock). May be nil.
	Lock, Unlock func()

	// Ahead is shown what is going to be handled, whole messages as they were sent, before each
	// batch under Lock: the family may fetch what they touch. May be nil.
	Ahead func(msgs []byte)

	// Commit is called under Lock before the answers of what was done since Lock go out: the
	// family makes its changes take effect there, if it held any back. May be nil.
	Commit func()

	// Settle is called without Lock at the end of a send, with the type of its last request, before
	// its sender goes on: the family may wait for what its changes cause elsewhere. May be nil.
	Settle func(typ uint16)

	// Explain turns an error of Rcv that carries more than an errno into the errno, and its text
	// and attribute into req.Ext. It is asked first; nil, or a result of 0, leaves it to
	// errors.As(syscall.Errno), and to EINVAL.
	Explain func(req *Request, err error) syscall.Errno

	// Ioctl answers an ioctl of a client in the network namespace of this family, under Lock. May
	// be nil: EOPNOTSUPP.
	Ioctl func(c *Ioctl) (result int, err error)

	// Joined is called when a socket joins group, Left when it leaves, both without Lock. May be
	// nil. An error of Joined refuses the membership.
	Joined func(group uint32) error
	Left   func(group uint32)

	once    sync.Once  // prepare
	mu      sync.Mutex // serialises the writers of what follows
	portids map[uint32]*Socket
	rover   int32 // the last negative portid given out
	members []atomic.Pointer[[]*Socket]
}

// prepare makes the tables; the server calls it once.
func (f *Family) prepare() {
	f.Groups = max(f.Groups, 32)
	f.portids = map[uint32]*Socket{}
	f.rover = -4096
	f.members = make([]atomic.Pointer[[]*Socket], f.Groups+1)
}

func (f *Family) lock() {
	if f.Lock != nil {
		f.Lock()
	}
}

func (f *Family) unlock() {
	if f.Unlock != nil {
		f.Unlock()
	}
}

func (f *Family) commit() {
	if f.Commit != nil {
		f.Commit()
	}
}

// listeners are the members of group; the slice is never written again.
func (f *Family) listeners(group uint32) []*Socket {
	if group == 0 || int(group) >= len(f.members) {
		return nil
	}
	if p := f.members[group].Load(); p != nil {
		return *p
	}
	return nil
}

// HasListeners says whether a notification to group would be heard (netlink_has_listeners). It
// costs one load.
func (f *Family) HasListeners(group uint32) bool { return len(f.listeners(group)) > 0 }

// Wanted says whether Notify(group, from, ...) would reach anybody, so that the message need not
// be built when it does not.
func (f *Family) Wanted(group uint32, from Requester) bool {
	return f.HasListeners(group) || from.echo()
}

// echo says whether the requester wants its own notification (nlmsg_report).
func (r Requester) echo() bool { return r.Portid != 0 && r.Flags&unix.NLM_F_ECHO != 0 }

// Notify sends msg, one or more whole messages that already carry from's portid and sequence
// number, to the members of group (nlmsg_notify). It is in their queues when Notify returns, or,
// for a socket whose own request is being handled, before that request's ACK. A requester that set
// NLM_F_ECHO gets it once, as an answer, whether it is a member or not; one that did not gets it
// when it is a member, as in the kernel. Receivers that are full lose it and learn so by ENOBUFS.
// Group 0 reaches nobody but an echoing requester. msg may be reused after. Safe for any
// goroutine.
func (f *Family) Notify(group uint32, from Requester, msg []byte) {
	echo := from.echo()
	for _, s := range f.listeners(group) {
		if echo && s.portid.Load() == from.Portid {
			continue
		}
		s.deliver(msg, origin{group: group, multicast: true})
	}
	if !echo {
		return
	}
	if s := f.lookup(from.Portid); s != nil {
		s.deliver(msg, origin{})
	}
}

// lookup is netlink_lookup.
func (f *Family) lookup(portid uint32) *Socket {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.portids[portid]
}

// bindPortid gives s the portid want, EADDRINUSE when another has it (netlink_insert).
func (f *Family) bindPortid(s *Socket, want uint32) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.taken(want) {
		return unix.EADDRINUSE
	}
	f.portids[want] = s
	s.setPortid(want)
	return nil
}

// taken says whether a socket has portid, under mu. One whose client has closed it does not count,
// even when its goroutine has not yet seen that: to the client close() was the end of it.
func (f *Family) taken(portid uint32) bool {
	s := f.portids[portid]
	if s == nil {
		return false
	}
	if s.hungUp() {
		delete(f.portids, portid)
		return false
	}
	return true
}

// autobind gives s its process id, or, when that is taken, a negative number that is not
// (netlink_autobind). Zero means the kernel and is never given out.
func (f *Family) autobind(s *Socket, tgid uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	portid := tgid
	for portid == 0 || f.taken(portid) {
		f.rover--
		if f.rover >= -4096 { // wrapped around
			f.rover = -4097
		}
		portid = uint32(f.rover)
	}
	f.portids[portid] = s
	s.setPortid(portid)
}

// join makes s a member of group.
func (f *Family) join(s *Socket, group uint32) error {
	if f.Joined != nil {
		if err := f.Joined(group); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.listeners(group)
	if slices.Contains(old, s) {
		return nil
	}
	members := append(slices.Clone(old), s)
	f.members[group].Store(&members)
	s.setGroup(group, true)
	return nil
}

// leave ends the membership of s in group, if there is one.
func (f *Family) leave(s *Socket, group uint32) {
	f.mu.Lock()
	old := f.listeners(group)
	i := slices.Index(old, s)
	if i >= 0 {
		members := slices.Delete(slices.Clone(old), i, i+1)
		f.members[group].Store(&members)
		s.setGroup(group, false)
	}
	f.mu.Unlock()
	if i >= 0 && f.Left != nil {
		f.Left(group)
	}
}

// remove takes s out of all tables.
func (f *Family) remove(s *Socket) {
	for g := uint32(1); int(g) < len(f.members); g++ {
		f.leave(s, g)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if portid := s.portid.Load(); f.portids[portid] == s {
		delete(f.portids, portid)
	}
}
