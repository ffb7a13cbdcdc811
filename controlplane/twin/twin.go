// SPDX-License-Identifier: BSD-3-Clause

// Package twin keeps the host's kernel showing what Skua has: for each link a TAP of the same index,
// name, addresses and state, so that sockets of the host can use it (dpif.TwinHost).
//
// The stack says what changed by events, under RTNL; the host's kernel is told by one goroutine,
// without RTNL, in the order in which links changed. It is told what is, not what happened: a link
// that changed five times meanwhile is brought to where it is now. Skua decides: what somebody
// changes on a twin by the kernel's own netlink is left alone until the link changes the next time.
package twin

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/route"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// retry is after how long what the host refused is tried again.
const retry = time.Second

// Tables are what twins are made from.
type Tables struct {
	Net    *rtnl.Net
	Links  *link.Table
	Addrs  *addr.Table
	Routes *route.Table
}

// Table keeps the twins of a Net.
type Table struct {
	Tables
	host dpif.TwinHost

	mu      sync.Mutex
	dirty   []uint32         // indexes of links that changed, in order
	marked  map[uint32]bool  // those in dirty
	home    bool             // what hangs on no link changed
	ways    bool             // routes changed, or what they go by
	many    [2]bool          // by family: the main table had more routes than mostWays; under RTNL
	marks   uint64           // ever made
	settled uint64           // of those, the host has been told
	idle    *sync.Cond       // settled changed
	wake    chan struct{}    // something is dirty
	failed  map[uint32]error // what the host said last, so that it is logged once; homeFailed: of home

	twins map[uint32]*link.Link // those that there are; the goroutine's own
}

// homeFailed and waysFailed are the keys in Table.failed of what hangs on no link.
const (
	homeFailed = 0
	waysFailed = 1<<32 - 1
)

// New begins to listen to the events of t.Net, under RTNL. What is there already has its twin as
// soon as Run runs.
func New(t Tables, host dpif.TwinHost) *Table {
	x := &Table{
		Tables: t, host: host, marked: map[uint32]bool{}, wake: make(chan struct{}, 1),
		failed: map[uint32]error{}, twins: map[uint32]*link.Link{},
	}
	x.idle = sync.NewCond(&x.mu)
	t.Net.Subscribe(x.Event)
	t.Routes.Changed = x.markWays
	t.Links.IndexTaken = func(index uint32) bool { return !host.Free(index) }
	for _, l := range t.Links.All() {
		x.mark(l.Index, true)
	}
	return x
}

// Event hears of links and addresses.
func (t *Table) Event(event any) {
	switch e := event.(type) {
	case link.Event:
		t.mark(e.Link.Index, e.Link.Loopback())
		t.markMaster(e.Link)
	case addr.Event:
		switch {
		case e.Addr != nil:
			t.mark(e.Addr.Link.Index, !e.Addr.Local().IsLinkLocalUnicast())
			t.markMaster(e.Addr.Link)
		case e.Link != nil:
			t.mark(e.Link.Index, true)
		}
	}
}

func (t *Table) markMaster(l *link.Link) {
	if l.Master != nil {
		t.mark(l.Master.Index, false)
	}
}

// mark says that a link changed, home: and what hangs on none.
func (t *Table) mark(index uint32, home bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marks++
	t.home, t.ways = t.home || home, true
	if !t.marked[index] {
		t.marked[index] = true
		t.dirty = append(t.dirty, index)
	}
	t.rouse()
}

func (t *Table) rouse() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Settle returns when the host has been told everything that had changed before the call, or ctx is
// done. Without RTNL.
func (t *Table) Settle(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	want := t.marks
	if t.settled >= want {
		return
	}
	stop := context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.idle.Broadcast()
	})
	defer stop()
	for t.settled < want && ctx.Err() == nil {
		t.idle.Wait()
	}
}

// Run tells the host until ctx is done.
func (t *Table) Run(ctx context.Context) error {
	again := time.NewTimer(retry)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			t.mu.Lock()
			t.settled = t.marks
			t.idle.Broadcast()
			t.mu.Unlock()
			return nil
		case <-t.wake:
		case <-again.C:
		}
		if t.tell() {
			again.Reset(retry)
		}
	}
}

// state is a link as the host is to show it, with the link itself, which tells one from the next of
// the same index.
type state struct {
	index uint32
	link  *link.Link // nil: gone
	twin  dpif.Twin
}

// tell brings the host to where the stack is now; true: not all of it, it is to be tried again.
func (t *Table) tell() bool {
	states, home, ways, marks := t.look()
	var failed []uint32
	say := func(index uint32, name string, err error) {
		t.log(index, name, err)
		if err != nil {
			failed = append(failed, index)
		}
	}
	for _, s := range states { // what goes first, so that its name is free
		if was := t.twins[s.index]; was != nil && was != s.link {
			delete(t.twins, s.index)
			say(s.index, was.Name, t.host.DelTwin(s.index))
		}
	}
	for _, vrf := range states { // without its links not all that it has is possible: it comes again
		if vrf.twin.VRF != nil {
			t.twins[vrf.index] = vrf.link
			_ = t.host.SetTwin(vrf.twin)
		}
	}
	for _, s := range l3Last(states) {
		if s.link != nil {
			t.twins[s.index] = s.link
			say(s.index, s.twin.Name, t.host.SetTwin(s.twin))
		}
	}
	var err error
	if home != nil {
		err = t.host.SetHome(*home)
		t.log(homeFailed, "", err)
	}
	var werr error
	if ways != nil {
		werr = t.host.SetWays(*ways)
		t.log(waysFailed, "", werr)
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	for _, index := range failed {
		if !t.marked[index] {
			t.marked[index] = true
			t.dirty = append(t.dirty, index)
		}
	}
	t.home, t.ways = t.home || err != nil, t.ways || werr != nil
	t.settled = marks
	t.idle.Broadcast()
	return len(failed) > 0 || err != nil || werr != nil
}

// log says what the host refused, once.
func (t *Table) log(index uint32, name string, err error) {
	was := t.failed[index]
	switch {
	case err == nil:
		delete(t.failed, index)
	case was == nil || was.Error() != err.Error():
		t.failed[index] = err
		t.Net.Log.Warn("the host's kernel does not follow", "link", name, "err", err)
	}
}

// look reads the state of what is dirty, all at one moment of RTNL. home, ways: nil when they did not
// change.
func (t *Table) look() (states []state, home *dpif.TwinHome, ways *[]dpif.TwinWay, marks uint64) {
	t.Net.Lock()
	defer t.Net.Unlock()
	t.mu.Lock()
	dirty, homely, routed := t.dirty, t.home, t.ways
	marks = t.marks
	t.dirty, t.marked, t.home, t.ways = nil, map[uint32]bool{}, false, false
	t.mu.Unlock()
	for _, index := range dirty {
		l := t.Links.ByIndex(index)
		if l != nil && l.Loopback() {
			continue
		}
		s := state{index: index, link: l}
		if l != nil {
			s.twin = dpif.Twin{
				Index: l.Index, Name: l.Name, HardAddr: l.HardAddr, MTU: l.MTU, Up: l.Up(), Carrier: l.Carrier,
				Addrs: t.addrsOf(l),
			}
			s.twin.Src4, s.twin.Src6 = t.bound(l)
			t.l3mdev(l, &s.twin)
		}
		states = append(states, s)
	}
	if homely {
		h := t.lookHome()
		home = &h
	}
	if routed {
		w := t.lookWays()
		ways = &w
	}
	return states, home, ways, marks
}

// addrsOf are the addresses of a link that sockets may have: not those that are being checked.
func (t *Table) addrsOf(l *link.Link) []dpif.TwinAddr {
	var out []dpif.TwinAddr
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		for _, a := range t.Addrs.OfLink(l, family) {
			if !a.Is4() && !a.Usable6() {
				continue
			}
			out = append(out, dpif.TwinAddr{
				Prefix: a.Prefix, Peer: a.Peer, Broadcast: a.Broadcast, Scope: a.Scope,
				NoPrefixRoute: a.Flags&unix.IFA_F_NOPREFIXROUTE != 0,
			})
		}
	}
	return out
}

// bound are the addresses that sockets bound to l leave from where the host would find no route, which
// it needs of every IPv6 one, and of an address that another link of a VRF has.
func (t *Table) bound(l *link.Link) (src4, src6 netip.Addr) {
	first := func(l *link.Link) {
		for _, a := range t.addrsOf(l) {
			switch a := a.Prefix.Addr(); {
			case !good(a):
			case a.Is4() && !src4.IsValid():
				src4 = a
			case a.Is6() && !src6.IsValid():
				src6 = a
			}
		}
	}
	first(l)
	vrf := l.L3Master()
	if vrf == nil {
		return netip.Addr{}, src6
	}
	first(vrf)
	for _, m := range vrf.Slaves() {
		first(m)
	}
	return src4, src6
}

// Where a packet would go for which there is no better route than a default one.
var (
	anywhere4 = netip.AddrFrom4([4]byte{223, 255, 255, 254})
	anywhere6 = netip.MustParseAddr("3fff:ffff:ffff::1")
)

func (t *Table) lookHome() dpif.TwinHome {
	var h dpif.TwinHome
	seen := map[netip.Addr]bool{}
	for _, a := range t.addrsOf(t.Links.Loopback()) {
		if a := a.Prefix.Addr(); !a.IsLoopback() {
			h.Addrs = append(h.Addrs, a)
		}
	}
	for _, l := range t.Links.All() {
		for _, a := range t.addrsOf(l) {
			a := a.Prefix.Addr()
			if !a.IsLoopback() && !a.IsLinkLocalUnicast() && !seen[a] {
				seen[a] = true
				h.Sources = append(h.Sources, a)
			}
		}
	}
	h.LoUp = t.Links.Loopback().Up()
	h.Src4, h.Src6 = t.source(anywhere4), t.source(anywhere6)
	return h
}

// source is the address that a packet to dst would leave from; where there is no way yet, one that
// could be it.
func (t *Table) source(dst netip.Addr) netip.Addr {
	family := uint8(unix.AF_INET)
	if dst.Is6() {
		family = unix.AF_INET6
	}
	if r, err := t.Routes.Lookup(route.Query{Family: family, Dst: dst}); err == nil && good(r.Src) {
		return r.Src
	}
	for _, l := range t.Links.All() {
		for _, a := range t.Addrs.OfLink(l, family) {
			if a.Scope == unix.RT_SCOPE_UNIVERSE && good(a.Local()) && (a.Is4() || a.Usable6()) {
				return a.Local()
			}
		}
	}
	return netip.Addr{}
}

func good(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsLinkLocalUnicast()
}
