// SPDX-License-Identifier: BSD-3-Clause

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"

	"skua/dataplane/dpif"
)

// puntBatch is how many packets are handled under one hold of RTNL: short enough that a netlink
// request does not wait for a flood.
const puntBatch = 64

// Netns names a network namespace of the host. The zero one is none.
type Netns struct {
	Cookie uint64 // SO_NETNS_COOKIE: never given out again
	Inode  uint64 // of its file in /proc/PID/ns; another namespace may have it later
}

// Stacks are all instances of the stack over one data plane: the host's, which has the ports, and
// one for each other network namespace that asked for it. They share RTNL. Methods are called under
// RTNL except those that say otherwise.
type Stacks struct {
	host *Stack
	all  []*Stack // in the order in which they came; the host's first
	byID [dpif.MaxNets]*Stack

	added, removed []func(*Stack)
}

// NewStacks makes the host's instance, whose id in the data plane is o.Net. Without RTNL.
func NewStacks(o Options) (*Stacks, error) {
	if o.Net >= dpif.MaxNets {
		return nil, fmt.Errorf("net %d: %w", o.Net, syscall.EINVAL)
	}
	host, err := New(o)
	if err != nil {
		return nil, err
	}
	s := &Stacks{host: host, all: []*Stack{host}}
	s.byID[o.Net] = host
	return s, nil
}

// Lock takes RTNL, which is that of every instance.
func (s *Stacks) Lock() { s.host.Net.Lock() }

// Unlock releases it.
func (s *Stacks) Unlock() { s.host.Net.Unlock() }

// Host is the instance with the ports (init_net). Safe for any goroutine.
func (s *Stacks) Host() *Stack { return s.host }

// All gives the instances, the host's first. It is to be read only.
func (s *Stacks) All() []*Stack { return s.all[:len(s.all):len(s.all)] }

// ByID finds an instance by its number in the data plane; nil: there is none.
func (s *Stacks) ByID(id uint32) *Stack {
	if id >= dpif.MaxNets {
		return nil
	}
	return s.byID[id]
}

// ByCookie finds the instance of a network namespace; nil: there is none.
func (s *Stacks) ByCookie(cookie uint64) *Stack {
	return s.find(func(st *Stack) bool { return st.Netns.Cookie == cookie })
}

// ByInode finds the instance of a network namespace that is known to be there; nil: there is none.
func (s *Stacks) ByInode(inode uint64) *Stack {
	return s.find(func(st *Stack) bool { return st.Netns.Inode == inode })
}

func (s *Stacks) find(is func(*Stack) bool) *Stack {
	if i := slices.IndexFunc(s.all, is); i >= 0 {
		return s.all[i]
	}
	return nil
}

// OnAdd has f called with every instance that Add makes, when it is whole.
func (s *Stacks) OnAdd(f func(*Stack)) { s.added = append(s.added, f) }

// OnRemove has f called with every instance that Remove is about to end, while its links are there.
func (s *Stacks) OnRemove(f func(*Stack)) { s.removed = append(s.removed, f) }

// Add makes the instance of a network namespace (setup_net): it has the loopback link, which is
// down. ENOSPC: there are dpif.MaxNets.
func (s *Stacks) Add(ns Netns) (*Stack, error) {
	id := slices.Index(s.byID[:], nil)
	if id < 0 {
		return nil, syscall.ENOSPC
	}
	st, err := assemble(s.host.Net.Sibling(uint32(id)))
	if err != nil {
		return nil, err
	}
	st.Netns = ns
	s.byID[id] = st
	s.all = append(s.all, st)
	for _, f := range s.added {
		f(st)
	}
	return st, nil
}

// Remove ends an instance when its network namespace has gone (cleanup_net): links with a port go
// back to the host's, all others go.
func (s *Stacks) Remove(st *Stack) error {
	i := slices.Index(s.all, st)
	if i <= 0 {
		return syscall.EINVAL
	}
	for _, f := range s.removed {
		f(st)
	}
	errs := []error{s.emptyOfLinks(st)}
	s.all = slices.Delete(s.all, i, i+1)
	s.byID[st.Net.ID] = nil
	for _, other := range s.all {
		other.Net.ForgetNSID(st.Net)
	}
	return errors.Join(append(errs, st.close())...)
}

// emptyOfLinks is default_device_exit_net and default_device_exit_batch.
func (s *Stacks) emptyOfLinks(st *Stack) error {
	var errs []error
	for _, l := range slices.Clone(st.Links.All()) {
		switch {
		case l.Gone() || l.Loopback(): // gone with another
		case l.Port != dpif.PortNone:
			errs = append(errs, st.Links.Return(l, s.host.Links))
		case l.Deletable():
			errs = append(errs, st.Links.Delete(l))
		default:
			errs = append(errs, st.Links.Remove(l))
		}
	}
	return errors.Join(errs...)
}

// Run handles punted packets until ctx is done. Without RTNL.
func (s *Stacks) Run(ctx context.Context) error {
	dp := s.host.Net.DP
	for {
		if err := dp.WaitPunts(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		for s.Poll() == puntBatch && ctx.Err() == nil {
			runtime.Gosched() // netlink's turn, where there is one CPU for both
		}
	}
}

// Poll handles what waits, at most one batch, and says how much it was. Without RTNL.
func (s *Stacks) Poll() int {
	s.Lock()
	defer s.Unlock()
	return s.host.Net.DP.PollPunts(puntBatch, s.HandlePunt)
}

// HandlePunt takes one punted packet to its instance; one of an instance that is gone is dropped.
func (s *Stacks) HandlePunt(p *dpif.Punt) {
	if st := s.ByID(p.Net); st != nil {
		st.HandlePunt(p)
	}
}

// Close ends all instances, the host's last. Without RTNL.
func (s *Stacks) Close() error {
	s.Lock()
	defer s.Unlock()
	var errs []error
	for len(s.all) > 1 {
		errs = append(errs, s.Remove(s.all[len(s.all)-1]))
	}
	return errors.Join(append(errs, s.host.close())...)
}
