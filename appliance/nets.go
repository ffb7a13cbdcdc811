// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/genetlink"
	"skua/nlserver/netns"
	"skua/nlserver/procfs"
	"skua/nlserver/rtnetlink"
	"skua/nlserver/sioc"
)

// nets gives each network namespace of the host an instance of the stack: the one that Skua lives in
// the instance with the ports, any other one of its own when the first process in it asks. That
// instance ends with its namespace, and does not keep it alive.
type nets struct {
	stacks *controlplane.Stacks
	log    *slog.Logger
	watch  *netns.Watch // nil: not to be had, then there is but one instance
	err    error        // why

	route  rtnetlink.Nets
	server *nlserver.Server

	twins *twins // nil: the host has none

	mu     sync.Mutex
	served map[*controlplane.Stack]*served

	// speed is procfs.Tree.Speed.
	speed func(l *link.Link) (mbps int, full, ok bool)
}

// served is what clients of an instance get.
type served struct {
	families []*nlserver.Family
	tree     *procfs.Tree // the files
}

func newNets(inst *instance) *nets {
	stacks := inst.stacks
	n := &nets{stacks: stacks, log: inst.log, speed: inst.speed, served: map[*controlplane.Stack]*served{}}
	n.err = n.open()
	n.route.Open = n.netOf
	stacks.Lock()
	defer stacks.Unlock()
	n.added(stacks.Host())
	stacks.OnAdd(n.added)
	stacks.OnRemove(n.removed)
	return n
}

// open finds out which namespace we are in.
func (n *nets) open() error {
	own, err := netns.Own()
	if err != nil {
		return err
	}
	defer own.Close()
	host := n.stacks.Host()
	if host.Netns.Inode, err = netns.Inode(own); err != nil {
		return err
	}
	if host.Netns.Cookie, err = netns.Cookie(nil); err != nil {
		return err
	}
	n.watch, err = netns.NewWatch()
	return err
}

// familiesOf is what netlink serves in an instance.
func (n *nets) familiesOf(st *controlplane.Stack) []*nlserver.Family {
	route := rtnetlink.New(rtnetlink.Tables{
		Net: st.Net, Links: st.Links, Addrs: st.Addrs, Neighs: st.Neighs, Rules: st.Rules, Routes: st.Routes,
		Addrconf: st.Addrconf,
		Nets:     &n.route,
	})
	route.Settle = func(typ uint16) { n.twins.settle(st, typ) }
	route.Ioctl = sioc.New(sioc.Tables{
		Links: st.Links, Addrs: st.Addrs, Neighs: st.Neighs, Routes: st.Routes, Devices: st.Devices,
	})
	return []*nlserver.Family{
		route,
		genetlink.New(genetlink.Tables{Net: st.Net, Links: st.Links, Devices: st.Devices}),
	}
}

func (n *nets) added(st *controlplane.Stack) {
	s := &served{families: n.familiesOf(st), tree: procfs.New(st)}
	s.tree.Speed = n.speed
	n.mu.Lock()
	defer n.mu.Unlock()
	n.served[st] = s
}

func (n *nets) removed(st *controlplane.Stack) {
	n.mu.Lock()
	s := n.served[st]
	delete(n.served, st)
	n.mu.Unlock()
	n.route.Remove(st.Net)
	if n.server != nil {
		n.server.Disconnect(s.families)
	}
}

// of is nlserver.Config.Net. EPERM: an instance is made only for who may change things; ENOSPC:
// there are as many as there can be.
func (n *nets) of(p *nlserver.Peer) ([]*nlserver.Family, error) {
	n.stacks.Lock()
	defer n.stacks.Unlock()
	st, err := n.stackOf(p)
	if err != nil {
		if !errors.Is(err, unix.EPERM) {
			n.log.Warn("netlink: a client was refused", "pid", p.PID, "err", err)
		}
		return nil, err
	}
	return n.servedIn(st).families, nil
}

func (n *nets) servedIn(st *controlplane.Stack) *served {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.served[st]
}

func (n *nets) stackOf(p *nlserver.Peer) (*controlplane.Stack, error) {
	host := n.stacks.Host()
	if host.Netns.Cookie == 0 || p.Cookie == 0 {
		return host, nil
	}
	st := n.stacks.ByCookie(p.Cookie)
	switch {
	case st != nil && (p.Netns == 0 || p.Netns == st.Netns.Inode):
		return st, nil
	case !p.Admin:
		return nil, unix.EPERM
	case st != nil:
		return n.onBehalf(p)
	}
	f, err := p.OpenNetns()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return n.add(f, p.Cookie)
}

// onBehalf is the instance of the namespace that a client says it is in, when its connection is not
// from there: another made it for the client, or the client makes it again after a restart of ours.
// ENOENT: there is no such namespace that we could find.
func (n *nets) onBehalf(p *nlserver.Peer) (*controlplane.Stack, error) {
	if st := n.stacks.ByInode(p.Netns); st != nil {
		return st, nil
	}
	return n.openOf(p.TGID, p.Netns)
}

// tree is kernfs.Config.Tree.
func (n *nets) tree(inode uint64, pid uint32) *procfs.Tree {
	n.stacks.Lock()
	defer n.stacks.Unlock()
	st := n.stacks.ByInode(inode)
	if st == nil && n.stacks.Host().Netns.Inode == 0 {
		st = n.stacks.Host()
	}
	if st == nil && n.server.AdminProcess(^uint32(0), ^uint32(0), pid) {
		var err error
		if st, err = n.openOf(pid, inode); err != nil {
			n.log.Warn("files: a client was refused", "pid", pid, "err", err)
		}
	}
	if st == nil {
		return nil
	}
	return n.servedIn(st).tree
}

// openOf is the instance of the namespace with an inode, which a process is in. ENOENT: it is in
// another.
func (n *nets) openOf(pid uint32, inode uint64) (*controlplane.Stack, error) {
	f, err := nlserver.OpenPID(pid)
	if err != nil {
		return nil, unix.ENOENT
	}
	defer f.Close()
	if i, err := netns.Inode(f); err != nil || i != inode {
		return nil, unix.ENOENT
	}
	cookie, err := netns.Cookie(f)
	if err != nil {
		return nil, err
	}
	return n.add(f, cookie)
}

// netOf is rtnetlink.Nets.Open.
func (n *nets) netOf(f *os.File, create bool) (*rtnl.Net, error) {
	cookie, err := netns.Cookie(f)
	if err != nil {
		return nil, err
	}
	st := n.stacks.ByCookie(cookie)
	if st == nil && !create {
		return nil, nil
	}
	if st == nil {
		if st, err = n.add(f, cookie); err != nil {
			return nil, err
		}
	}
	return st.Net, nil
}

// add makes the instance of the namespace that f is, under RTNL.
func (n *nets) add(f *os.File, cookie uint64) (*controlplane.Stack, error) {
	if n.err != nil {
		return nil, fmt.Errorf("only one network namespace is served: %w", n.err)
	}
	inode, err := netns.Inode(f)
	if err != nil {
		return nil, err
	}
	if old := n.stacks.ByInode(inode); old != nil { // it has ended, and we are told in a moment
		if err := n.stacks.Remove(old); err != nil {
			return nil, err
		}
	}
	st, err := n.stacks.Add(controlplane.Netns{Cookie: cookie, Inode: inode})
	if err != nil {
		return nil, err
	}
	if err := n.watch.Add(f, func() { n.end(st) }); err != nil {
		return nil, errors.Join(err, n.stacks.Remove(st))
	}
	if n.twins != nil {
		n.twins.add(st, f)
	}
	n.log.Info("network namespace", "net", st.Net.ID, "inode", inode)
	return st, nil
}

// end is told when a namespace has gone.
func (n *nets) end(st *controlplane.Stack) {
	n.stacks.Lock()
	defer n.stacks.Unlock()
	if st.Net.Closed() {
		return
	}
	if err := n.stacks.Remove(st); err != nil {
		n.log.Error("the end of a network namespace", "net", st.Net.ID, "err", err)
		return
	}
	n.log.Info("network namespace has gone", "net", st.Net.ID, "inode", st.Netns.Inode)
}

func (n *nets) close() {
	if n.watch != nil {
		n.watch.Close()
	}
}
