// SPDX-License-Identifier: BSD-3-Clause

// Package rtnl holds what every part of the control plane shares: the instance of the stack
// (struct net), its one lock, its clock, its notifier chains and its errors.
//
// Locking is the kernel's: RTNL is one plain mutex for all Nets of a data plane, so that a change may
// touch several of them. Whoever changes or reads state of the control plane holds it: the netlink server for a request, a timer for its callback, the punt
// loop for a packet. No function of the control plane takes it by itself except those callbacks;
// exported methods say "under RTNL" by taking nothing. It is never held while waiting for I/O.
package rtnl

import (
	"log/slog"
	"math/rand/v2"
	"sync"

	"skua/dataplane/dpif"
)

// Origin says who asked for the change that runs under RTNL now: notifications carry it as their
// portid and sequence, and skip the asker unless it said NLM_F_ECHO. Zero: the stack itself.
type Origin struct {
	PortID uint32
	Seq    uint32
	Flags  uint16 // nlmsg_flags of the request
}

// Net is an instance of the stack (struct net): one for the host and one per network namespace.
type Net struct {
	ID    uint32
	DP    dpif.Dataplane
	Clock Clock
	Rand  *rand.Rand // under RTNL
	Log   *slog.Logger

	// Origin is set by the netlink server around a request, under RTNL.
	Origin Origin

	rtnl      *sync.Mutex // of all Nets that were made from one
	closed    bool
	nsids     map[int32]*Net
	notifiers []func(event any)
	announce  func(msg any)
}

// NewNet makes an empty instance with an RTNL of its own; it does not touch the data plane.
func NewNet(id uint32, dp dpif.Dataplane, clock Clock, log *slog.Logger) *Net {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Net{
		ID: id, DP: dp, Clock: clock, Log: log, rtnl: new(sync.Mutex), nsids: map[int32]*Net{},
		Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
}

// Sibling makes another empty instance beside n: of the same data plane and under the same RTNL.
func (n *Net) Sibling(id uint32) *Net {
	s := NewNet(id, n.DP, n.Clock, n.Log)
	s.rtnl = n.rtnl
	return s
}

// Lock takes RTNL (rtnl_lock).
func (n *Net) Lock() { n.rtnl.Lock() }

// Unlock releases RTNL (rtnl_unlock).
func (n *Net) Unlock() { n.rtnl.Unlock() }

// Close ends the instance, under RTNL: its timers do nothing from now on.
func (n *Net) Close() { n.closed = true }

// Closed says whether the instance has ended, under RTNL.
func (n *Net) Closed() bool { return n.closed }

// Subscribe adds f to the notifier chain. Subscribers run in the order of their subscription,
// synchronously, under RTNL; controlplane.New decides that order in one place.
func (n *Net) Subscribe(f func(event any)) { n.notifiers = append(n.notifiers, f) }

// Notify runs the notifier chain (call_netdevice_notifiers, inetaddr_chain, ...): how a package
// tells those to its right, which import it, that something happened.
func (n *Net) Notify(event any) {
	for _, f := range n.notifiers {
		f(event)
	}
}

// OnAnnounce sets the one receiver of announcements: the netlink server.
func (n *Net) OnAnnounce(f func(msg any)) { n.announce = f }

// Announce tells user space about a change (rtmsg_ifinfo, rtmsg_ifa, rtmsg_fib, __neigh_notify).
// msg is the Msg type of the noun's package. It is called where the kernel calls its function, so
// that monitors see the same order.
func (n *Net) Announce(msg any) {
	if n.announce != nil {
		n.announce(msg)
	}
}

// AfterFunc runs f under RTNL after d, unless the timer is stopped or n closed before. A timer that fired
// while its owner held RTNL still runs: f must check that it is still wanted.
func (n *Net) AfterFunc(d Duration, f func()) Timer {
	return n.Clock.AfterFunc(d, func() {
		n.Lock()
		defer n.Unlock()
		if !n.closed {
			f()
		}
	})
}
