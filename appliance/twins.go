// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"context"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/twin"
	"skua/dataplane"
)

// twins are the host twins of all nets: in our own network namespace those of the net with the ports,
// in any other one those of its net.
type twins struct {
	inst *instance
	ctx  context.Context

	mu sync.Mutex
	of map[*controlplane.Stack]*netTwins
}

type netTwins struct {
	stop  context.CancelFunc
	ready chan struct{} // closed when it is known whether there is a table
	table *twin.Table   // nil: not yet, or none
}

// startTwins gives the net with the ports its twins, as soon as it has links. An error says why there
// can be none.
func startTwins(ctx context.Context, inst *instance) (*twins, error) {
	t := &twins{inst: inst, ctx: ctx, of: map[*controlplane.Stack]*netTwins{}}
	host, err := inst.dp.NewTwinHost(inst.stack.Net.ID, inst.dp.TwinGen(inst.stack.Net.ID), nil)
	if err != nil {
		return nil, err
	}
	inst.stacks.Lock()
	defer inst.stacks.Unlock()
	nt := t.enter(inst.stack)
	ctx, nt.stop = context.WithCancel(t.ctx)
	nt.table = t.make(inst.stack, host)
	close(nt.ready)
	inst.run(t.ctx, "host twins", func(context.Context) error {
		err := nt.table.Run(ctx)
		if cerr := host.Close(); cerr != nil {
			inst.log.Warn("host twins", "err", cerr)
		}
		return err
	})
	inst.stacks.OnRemove(t.remove)
	return t, nil
}

func (t *twins) enter(st *controlplane.Stack) *netTwins {
	t.mu.Lock()
	defer t.mu.Unlock()
	nt := &netTwins{ready: make(chan struct{})}
	t.of[st] = nt
	return nt
}

// make lets a table listen to a stack, under RTNL.
func (t *twins) make(st *controlplane.Stack, host *dataplane.TwinHost) *twin.Table {
	st.ICMP.Twins = true
	return twin.New(twin.Tables{Net: st.Net, Links: st.Links, Addrs: st.Addrs, Routes: st.Routes}, host)
}

// add gives the net of another namespace, ns, its twins in a moment, under RTNL. The twins do not keep
// the namespace alive.
func (t *twins) add(st *controlplane.Stack, ns *os.File) {
	log := t.inst.log.With("net", st.Net.ID)
	fd, err := dupFile(ns)
	if err != nil {
		log.Warn("host twins", "err", err)
		return
	}
	nt, gen := t.enter(st), t.inst.dp.TwinGen(st.Net.ID)
	var ctx context.Context
	ctx, nt.stop = context.WithCancel(t.ctx)
	t.inst.run(t.ctx, "host twins of a net", func(context.Context) error {
		host, err := t.inst.dp.NewTwinHost(st.Net.ID, gen, fd)
		fd.Close()
		if err != nil {
			close(nt.ready)
			log.Warn("no host twins", "err", err)
			return nil
		}
		t.inst.stacks.Lock()
		if !st.Net.Closed() {
			table := t.make(st, host)
			t.mu.Lock()
			nt.table = table
			t.mu.Unlock()
		}
		t.inst.stacks.Unlock()
		close(nt.ready)
		if nt.table != nil {
			err = nt.table.Run(ctx)
		}
		if cerr := host.Close(); cerr != nil {
			log.Debug("host twins", "err", cerr) // its namespace may have gone before
		}
		return err
	})
}

// settleTime is how long a client waits at most for the host's kernel to follow.
const settleTime = 5 * time.Second

// settle returns when the host has what a request of that type has changed: links, addresses, routes
// as its sockets see them. t may be nil.
func (t *twins) settle(st *controlplane.Stack, typ uint16) {
	switch typ {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_SETLINK, unix.RTM_NEWADDR, unix.RTM_DELADDR:
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE, unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP, unix.RTM_NEWRULE, unix.RTM_DELRULE:
	default:
		return
	}
	if t == nil {
		return
	}
	t.mu.Lock()
	nt := t.of[st]
	t.mu.Unlock()
	if nt == nil {
		return
	}
	ctx, cancel := context.WithTimeout(t.ctx, settleTime)
	defer cancel()
	select {
	case <-nt.ready:
	case <-ctx.Done():
		return
	}
	t.mu.Lock()
	table := nt.table
	t.mu.Unlock()
	if table != nil {
		table.Settle(ctx)
	}
}

// remove ends the twins of a net, under RTNL.
func (t *twins) remove(st *controlplane.Stack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if nt := t.of[st]; nt != nil {
		nt.stop()
		delete(t.of, st)
	}
}

func dupFile(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
