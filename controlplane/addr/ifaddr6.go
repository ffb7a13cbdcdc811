// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// Values of IFA_PROTO (IFAPROT_*).
const (
	ProtoUnspec   = 0
	ProtoKernelLo = 1
	ProtoKernelRA = 2
	ProtoKernelLL = 3
)

// settable6 are the flags that user space may give an IPv6 address.
const settable6 = unix.IFA_F_NODAD | unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR |
	unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN | unix.IFA_F_OPTIMISTIC

// add6 is inet6_rtm_newaddr from where the request has been parsed.
func (t *Table) add6(c Config, nlflags uint16) (*Addr, error) {
	c.Flags &= settable6
	if !c.Link.In6Dev { // ipv6_find_idev: below the least MTU of IPv6
		return nil, unix.EINVAL
	}
	if !t.optimisticAllowed(c.Link) {
		c.Flags &^= unix.IFA_F_OPTIMISTIC
	}
	const both = unix.IFA_F_NODAD | unix.IFA_F_OPTIMISTIC
	if c.Flags&both == both {
		return nil, rtnl.Errorf(unix.EINVAL, "IFA_F_NODAD and IFA_F_OPTIMISTIC are mutually exclusive")
	}
	old := t.Find(c.Link, c.Prefix.Addr())
	if old == nil {
		return t.new6(c)
	}
	if nlflags&unix.NLM_F_EXCL != 0 || nlflags&unix.NLM_F_REPLACE == 0 {
		return old, rtnl.Errorf(unix.EEXIST, "ipv6: address already assigned")
	}
	return old, t.modify6(old, c)
}

// optimisticAllowed is ipv6_allow_optimistic_dad.
func (t *Table) optimisticAllowed(l *link.Link) bool {
	return (t.links.All6.OptimisticDAD != 0 || l.Conf6.OptimisticDAD != 0) &&
		t.links.All6.Forwarding == 0 && l.Conf6.Forwarding == 0
}

// new6 is inet6_addr_add.
func (t *Table) new6(c Config) (*Addr, error) {
	if c.Flags&unix.IFA_F_MANAGETEMPADDR != 0 && c.Prefix.Bits() != 64 {
		return nil, rtnl.Errorf(unix.EINVAL,
			"ipv6: address with \"mngtmpaddr\" flag must have a prefix length of 64")
	}
	if c.Link.Conf6.DisableIPv6 != 0 && !c.Link.Loopback() {
		return nil, rtnl.Errorf(unix.EACCES, "ipv6: IPv6 is disabled on this device")
	}
	t.net.Notify(Event{Type: Adding6, Link: c.Link})
	auto := c.Flags&unix.IFA_F_MCAUTOJOIN != 0
	if auto {
		if err := t.join(c.Link, c.Prefix.Addr(), true); err != nil {
			return nil, rtnl.Errorf(rtnl.Errno(err), "ipv6: Multicast auto join failed")
		}
	}
	a, err := t.insert6(c)
	if err != nil {
		if auto {
			_ = t.join(c.Link, c.Prefix.Addr(), false)
		}
		return nil, err
	}
	if a.Flags&(unix.IFA_F_OPTIMISTIC|unix.IFA_F_NODAD) == 0 {
		t.Announce(a)
	}
	t.net.Notify(Event{Type: Start, Addr: a})
	return a, nil
}

// AddKernel adds an IPv6 address of the stack's own, a link-local one or one from a router
// advertisement: it is announced only when it is Ready, and DAD starts at once
// (addrconf_add_linklocal). c.Flags is taken as it is.
func (t *Table) AddKernel(c Config) (*Addr, error) {
	a, err := t.insert6(c)
	if err != nil {
		return nil, err
	}
	t.net.Notify(Event{Type: Start, Addr: a})
	return a, nil
}

// insert6 is ipv6_add_addr with the prefix route that follows it.
func (t *Table) insert6(c Config) (*Addr, error) {
	a, err := t.alloc6(c)
	if err != nil {
		return nil, err
	}
	prefix := PrefixAdd
	if a.Flags&unix.IFA_F_NOPREFIXROUTE != 0 {
		prefix = PrefixKeep
	}
	t.net.Notify(Event{Type: Added, Addr: a, Prefix: prefix, Expires: a.expires()})
	return a, nil
}

// alloc6 is ipv6_add_addr.
func (t *Table) alloc6(c Config) (*Addr, error) {
	ip := c.Prefix.Addr()
	switch {
	case ip.IsUnspecified():
		return nil, rtnl.Errorf(unix.EADDRNOTAVAIL, "ipv6: Invalid address")
	case ip.IsMulticast() && c.Flags&unix.IFA_F_MCAUTOJOIN == 0:
		return nil, rtnl.Errorf(unix.EADDRNOTAVAIL,
			"ipv6: Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag")
	case ip.IsLoopback() && !c.Link.Loopback():
		return nil, rtnl.Errorf(unix.EADDRNOTAVAIL, "ipv6: Cannot assign loopback address on this device")
	case ip.Is4In6():
		// Where one IPv4 address is written in two ways, filters and lookups see two.
		return nil, rtnl.Errorf(unix.EADDRNOTAVAIL, "ipv6: Cannot assign IPv4-mapped address")
	case !c.Link.In6Dev:
		return nil, rtnl.Errorf(unix.ENODEV, "ipv6: device is going away")
	case c.Link.Conf6.DisableIPv6 != 0:
		return nil, rtnl.Errorf(unix.EACCES, "ipv6: IPv6 is disabled on this device")
	case t.Find(c.Link, ip) != nil:
		return nil, unix.EEXIST
	}
	c.Link.Settle(unix.AF_INET6)
	now := t.net.Clock.Now()
	a := &Addr{
		Link: c.Link, Prefix: c.Prefix, Peer: c.Peer, Scope: Scope6(ip), Flags: c.Flags,
		Metric: c.Metric, Proto: c.Proto, Created: now,
	}
	t.setLifetimes6(a, c.Lifetimes)
	if a.Flags&unix.IFA_F_NODAD == 0 {
		a.Flags |= unix.IFA_F_TENTATIVE
	}
	if err := t.link(a, t.place6(a)); err != nil {
		return nil, err
	}
	t.schedule(a)
	return a, nil
}

// place6 is ipv6_link_dev_addr: by scope, the widest first; of one scope the newest first.
func (t *Table) place6(a *Addr) int {
	scope := srcScope(a.Local())
	list := t.v6[a.Link.Index]
	for i, x := range list {
		if scope >= srcScope(x.Local()) {
			return i
		}
	}
	return len(list)
}

func (t *Table) setLifetimes6(a *Addr, lft *Lifetimes) {
	if lft == nil {
		lft = &Lifetimes{Valid: Infinity, Preferred: Infinity}
	}
	a.Flags &^= unix.IFA_F_PERMANENT | unix.IFA_F_DEPRECATED
	if lft.Valid == Infinity {
		a.Flags |= unix.IFA_F_PERMANENT
	}
	if lft.Preferred == 0 {
		a.Flags |= unix.IFA_F_DEPRECATED
	}
	a.ValidLft, a.PreferLft = lft.Valid, lft.Preferred
	a.Updated = t.net.Clock.Now()
}

// expires is when the prefix route of the address goes with it; zero: never.
func (a *Addr) expires() time.Time {
	if a.ValidLft == Infinity {
		return time.Time{}
	}
	return a.Updated.Add(time.Duration(a.ValidLft) * time.Second)
}

// modify6 is inet6_addr_modify.
func (t *Table) modify6(a *Addr, c Config) error {
	if c.Flags&unix.IFA_F_MANAGETEMPADDR != 0 &&
		(a.Flags&unix.IFA_F_TEMPORARY != 0 || a.Bits() != 64) {
		return unix.EINVAL
	}
	if a.Flags&unix.IFA_F_TENTATIVE == 0 || a.Flags&unix.IFA_F_DADFAILED != 0 {
		c.Flags &^= unix.IFA_F_OPTIMISTIC
	}
	old := *a
	hadRoute := a.Flags&unix.IFA_F_PERMANENT != 0 && a.Flags&unix.IFA_F_NOPREFIXROUTE == 0
	a.Flags &^= unix.IFA_F_NODAD | unix.IFA_F_HOMEADDRESS | unix.IFA_F_MANAGETEMPADDR |
		unix.IFA_F_NOPREFIXROUTE
	a.Flags |= c.Flags
	t.setLifetimes6(a, c.Lifetimes)
	a.Proto = c.Proto
	if c.Metric != 0 {
		a.Metric = c.Metric
	}
	if c.Peer.IsValid() {
		a.Peer = c.Peer
	}
	t.gen++
	if a.Flags&unix.IFA_F_TENTATIVE == 0 {
		t.Announce(a)
	}
	ev := Event{Type: Changed, Addr: a, Old: old, Expires: a.expires()}
	switch {
	case c.Flags&unix.IFA_F_NOPREFIXROUTE == 0 && hadRoute:
		ev.Prefix = PrefixModify
	case c.Flags&unix.IFA_F_NOPREFIXROUTE == 0:
		ev.Prefix = PrefixAdd
	case hadRoute:
		ev.Prefix, ev.Expires = t.cleanup6(a)
	}
	t.net.Notify(ev)
	t.schedule(a)
	return nil
}

// Ready says that an IPv6 address may be used from now on: RTM_NEWADDR, then the event Ready
// (ipv6_ifa_notify(RTM_NEWADDR, ...)).
func (t *Table) Ready(a *Addr) {
	if a.deleted {
		return
	}
	t.Announce(a)
	t.net.Notify(Event{Type: Ready, Addr: a})
}

// delete6 is inet6_addr_del.
func (t *Table) delete6(m Match) error {
	if !m.Link.In6Dev {
		return rtnl.Errorf(unix.ENXIO, "ipv6: IPv6 is disabled on this device")
	}
	for _, a := range t.v6[m.Link.Index] {
		if a.Bits() != m.Bits || a.Local() != m.Local {
			continue
		}
		t.del6(a)
		if m.Local.IsMulticast() {
			_ = t.join(m.Link, m.Local, false)
		}
		return nil
	}
	return rtnl.Errorf(unix.EADDRNOTAVAIL, "ipv6: address not found")
}

// del6 is ipv6_del_addr.
func (t *Table) del6(a *Addr) {
	ev := Event{Type: Deleted, Addr: a}
	if a.Flags&unix.IFA_F_NOPREFIXROUTE == 0 {
		ev.Prefix, ev.Expires = t.cleanup6(a)
	}
	a.State = StateDead
	t.unlink(a)
	t.net.Announce(Msg{Type: unix.RTM_DELADDR, Addr: a})
	t.net.Notify(ev)
}

// cleanup6 is check_cleanup_prefix_route: does anybody else need the prefix route of a?
func (t *Table) cleanup6(a *Addr) (action PrefixAction, expires time.Time) {
	action = PrefixDel
	for _, x := range t.v6[a.Link.Index] {
		if x == a || x.Bits() != a.Bits() || x.Prefix.Masked() != a.Prefix.Masked() {
			continue
		}
		if x.Flags&(unix.IFA_F_PERMANENT|unix.IFA_F_NOPREFIXROUTE) != 0 {
			return PrefixKeep, time.Time{}
		}
		action = PrefixExpire
		if e := x.expires(); e.After(expires) {
			expires = e
		}
	}
	return action, expires
}

// addLoopback6 gives lo its ::1 (init_loopback, add_addr): no prefix route, no detection.
func (t *Table) addLoopback6(l *link.Link) {
	a, err := t.alloc6(Config{Link: l, Prefix: netip.PrefixFrom(netip.IPv6Loopback(), 128), Proto: ProtoKernelLo})
	if err != nil {
		return // it is there, or IPv6 is disabled
	}
	a.State = StatePostDAD
	if t.SetFlags(a, 0, unix.IFA_F_TENTATIVE) == nil {
		t.net.Notify(Event{Type: Added, Addr: a})
		t.Ready(a)
	}
}

// down6 is addrconf_ifdown as far as addresses go: keep_addr_on_down keeps the permanent ones that
// are neither link-local nor loopback.
func (t *Table) down6(l *link.Link, unregister bool) {
	t.net.Notify(Event{Type: Disable6, Link: l})
	keep := !unregister && l.Conf6.DisableIPv6 == 0 && t.keepOnDown(l)
	for _, a := range slices.Clone(t.v6[l.Index]) {
		local := a.Local().IsLinkLocalUnicast() || a.Local().IsLoopback()
		if keep && a.Flags&unix.IFA_F_PERMANENT != 0 && !local {
			a.State = StatePreDAD
			if a.Flags&unix.IFA_F_NODAD == 0 {
				_ = t.SetFlags(a, unix.IFA_F_TENTATIVE, 0)
			}
			continue
		}
		a.State = StateDead
		t.unlink(a)
		t.net.Announce(Msg{Type: unix.RTM_DELADDR, Addr: a})
		t.net.Notify(Event{Type: Deleted, Addr: a, LinkDown: true})
	}
	if len(t.v6[l.Index]) == 0 {
		delete(t.v6, l.Index)
	}
}

func (t *Table) keepOnDown(l *link.Link) bool {
	keep := t.links.All6.KeepAddrOnDown
	if keep == 0 {
		keep = l.Conf6.KeepAddrOnDown
	}
	return keep > 0
}
