// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// ipv6Only are the flags that an IPv4 address cannot have (IPV6ONLY_FLAGS).
const ipv6Only = unix.IFA_F_NODAD | unix.IFA_F_OPTIMISTIC | unix.IFA_F_DADFAILED |
	unix.IFA_F_HOMEADDRESS | unix.IFA_F_TENTATIVE | unix.IFA_F_MANAGETEMPADDR |
	unix.IFA_F_STABLE_PRIVACY

// add4 is inet_rtm_newaddr from where the request has been parsed.
func (t *Table) add4(c Config, nlflags uint16) (*Addr, error) {
	if c.Prefix.Addr().IsUnspecified() {
		return nil, nil
	}
	if !c.Link.InDev {
		return nil, unix.ENOBUFS
	}
	c.Link.Settle(unix.AF_INET)
	now := t.net.Clock.Now()
	a := &Addr{
		Link: c.Link, Prefix: c.Prefix, Peer: c.Peer, Broadcast: c.Broadcast, Label: c.Label,
		Scope: c.Scope, Flags: c.Flags, Metric: c.Metric, Proto: c.Proto, Created: now,
	}
	if a.Label == "" {
		a.Label = c.Link.Name
	}
	if old := t.match4(a); old != nil {
		return old, t.change4(old, c, nlflags)
	}
	t.setLifetimes4(a, c.Lifetimes)
	if a.Flags&unix.IFA_F_MCAUTOJOIN != 0 {
		if err := t.join(a.Link, a.Address(), true); err != nil {
			return nil, rtnl.Errorf(rtnl.Errno(err), "ipv4: Multicast auto join failed")
		}
	}
	return a, t.insert4(a, t.net.Origin)
}

// match4 finds the address that a would be (find_matching_ifa).
func (t *Table) match4(a *Addr) *Addr {
	for _, x := range t.v4[a.Link.Index] {
		if x.Net() == a.Net() && x.Local() == a.Local() {
			return x
		}
	}
	return nil
}

// change4 is the second half of inet_rtm_newaddr: a exists.
func (t *Table) change4(a *Addr, c Config, nlflags uint16) error {
	if nlflags&unix.NLM_F_EXCL != 0 || nlflags&unix.NLM_F_REPLACE == 0 {
		return rtnl.Errorf(unix.EEXIST, "ipv4: Address already assigned")
	}
	old := *a
	a.Metric, a.Proto = c.Metric, c.Proto
	t.net.Notify(Event{Type: Changed, Addr: a, Old: old})
	t.setLifetimes4(a, c.Lifetimes)
	t.schedule(a)
	t.gen++
	t.net.Announce(Msg{Type: unix.RTM_NEWADDR, Addr: a, Origin: t.net.Origin})
	return nil
}

// setLifetimes4 is set_ifa_lifetime.
func (t *Table) setLifetimes4(a *Addr, lft *Lifetimes) {
	if lft == nil {
		lft = &Lifetimes{Valid: Infinity, Preferred: Infinity}
	}
	a.Flags &^= unix.IFA_F_PERMANENT | unix.IFA_F_DEPRECATED
	if lft.Valid == Infinity {
		a.Flags |= unix.IFA_F_PERMANENT
	}
	a.ValidLft, a.PreferLft = lft.Valid, lft.Preferred
	if lft.Preferred == 0 {
		a.Flags |= unix.IFA_F_DEPRECATED
	}
	a.Updated = t.net.Clock.Now()
}

// insert4 is __inet_insert_ifa: a primary goes behind the primaries of its scope or a wider one, a
// secondary to the end.
func (t *Table) insert4(a *Addr, o rtnl.Origin) error {
	a.Flags &^= unix.IFA_F_SECONDARY | ipv6Only
	list := t.v4[a.Link.Index]
	at := 0
	for i, x := range list {
		if !x.Secondary() && a.Scope <= x.Scope {
			at = i + 1
		}
		if x.Net() != a.Net() {
			continue
		}
		if x.Local() == a.Local() {
			return unix.EEXIST
		}
		if x.Scope != a.Scope {
			return rtnl.Errorf(unix.EINVAL, "ipv4: Invalid scope value")
		}
		a.Flags |= unix.IFA_F_SECONDARY
	}
	if a.Secondary() {
		at = len(list)
	}
	if err := t.link(a, at); err != nil {
		return err
	}
	t.schedule(a)
	t.net.Announce(Msg{Type: unix.RTM_NEWADDR, Addr: a, Origin: o})
	t.net.Notify(Event{Type: Added, Addr: a})
	return nil
}

// delete4 is inet_rtm_deladdr.
func (t *Table) delete4(m Match) error {
	for _, a := range t.v4[m.Link.Index] {
		if m.Local.IsValid() && a.Local() != m.Local ||
			m.Label != "" && a.Label != m.Label ||
			m.Address.IsValid() && (m.Bits != a.Bits() || !a.Net().Contains(m.Address)) {
			continue
		}
		if a.Address().IsMulticast() {
			_ = t.join(a.Link, a.Address(), false)
		}
		t.del4(a, t.net.Origin)
		return nil
	}
	return rtnl.Errorf(unix.EADDRNOTAVAIL, "ipv4: Address not found")
}

// del4 is __inet_del_ifa. A primary takes its secondaries with it, or the first of them becomes
// primary when promote_secondaries says so.
func (t *Table) del4(a *Addr, o rtnl.Origin) {
	var promote *Addr
	if !a.Secondary() && a.Link.InDev {
		for _, s := range slices.Clone(t.v4[a.Link.Index]) {
			if s == a || !s.Secondary() || s.Net() != a.Net() {
				continue
			}
			if a.Link.PromoteSecondaries() {
				promote = s
				break
			}
			t.unlink(s)
			t.net.Announce(Msg{Type: unix.RTM_DELADDR, Addr: s, Origin: o})
			t.net.Notify(Event{Type: Deleted, Addr: s})
		}
	}
	var rest []*Addr // secondaries of the subnet, the promoted one first
	if promote != nil {
		rest = t.secondaries(a)
		for _, s := range rest {
			t.net.Notify(Event{Type: RoutesDel, Addr: s, Primary: a})
		}
	}
	t.unlink(a)
	t.net.Announce(Msg{Type: unix.RTM_DELADDR, Addr: a, Origin: o})
	t.net.Notify(Event{Type: Deleted, Addr: a})
	if promote == nil {
		return
	}
	t.promote(promote, a)
	t.net.Announce(Msg{Type: unix.RTM_NEWADDR, Addr: promote, Origin: o})
	t.net.Notify(Event{Type: Added, Addr: promote})
	for _, s := range rest[1:] {
		t.net.Notify(Event{Type: RoutesAdd, Addr: s})
	}
}

func (t *Table) secondaries(a *Addr) (of []*Addr) {
	for _, s := range t.v4[a.Link.Index] {
		if s != a && s.Secondary() && s.Net() == a.Net() {
			of = append(of, s)
		}
	}
	return of
}

// promote moves s, of the subnet of gone, to the end of the primaries of the scope that gone had or
// a wider one.
func (t *Table) promote(s, gone *Addr) {
	list := slices.DeleteFunc(t.v4[s.Link.Index], func(x *Addr) bool { return x == s })
	at := 0
	for i, x := range list {
		if !x.Secondary() && gone.Scope <= x.Scope {
			at = i + 1
		}
	}
	s.Flags &^= unix.IFA_F_SECONDARY
	t.v4[s.Link.Index] = slices.Insert(list, at, s)
	t.gen++
}

// addLoopback4 gives lo its 127.0.0.1/8 (inetdev_event, NETDEV_UP).
func (t *Table) addLoopback4(l *link.Link) {
	l.Settle(unix.AF_INET)
	now := t.net.Clock.Now()
	a := &Addr{
		Link: l, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 8), Label: l.Name,
		Scope: unix.RT_SCOPE_HOST, Created: now,
	}
	t.setLifetimes4(a, nil)
	_ = t.insert4(a, rtnl.Origin{}) // EEXIST: it is there from before
}

// destroy4 is inetdev_destroy: the link loses IPv4.
func (t *Table) destroy4(l *link.Link) {
	for len(t.v4[l.Index]) > 0 {
		t.del4(t.v4[l.Index][0], rtnl.Origin{})
	}
	delete(t.v4, l.Index)
}

// rename4 is inetdev_changename: labels follow the link's name, and keep what is behind the colon.
func (t *Table) rename4(l *link.Link) {
	for i, a := range t.v4[l.Index] {
		tail := ""
		if i > 0 {
			if at := slices.Index([]byte(a.Label), ':'); at >= 0 {
				tail = a.Label[at:]
			} else {
				tail = ":" + strconv.Itoa(i+1)
			}
		}
		name := l.Name
		if len(name)+len(tail) >= unix.IFNAMSIZ {
			name = name[:max(unix.IFNAMSIZ-1-len(tail), 0)]
		}
		a.Label = name + tail
		t.gen++
		t.net.Announce(Msg{Type: unix.RTM_NEWADDR, Addr: a})
	}
}
