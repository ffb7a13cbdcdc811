// SPDX-License-Identifier: BSD-3-Clause

// Package addrconf configures IPv6 on links by itself: link-local addresses (RFC 4862, RFC 7217),
// duplicate address detection (RFC 4862 5.4, RFC 7527), and the multicast groups that a node must be
// in, of both families.
//
// It acts on the events of links and addresses, as addrconf_notify, inet6_addr_add and
// addrconf_dad_work do; the addresses themselves are package addr's, messages are package neigh's.
//
// # Duplicate address detection
//
// The state is addr.Addr.State; the kernel's work queue is done at once here, as we hold RTNL.
//
//	state    event                     condition            new state  action
//	-------  ------------------------  -------------------  ---------  --------------------------------
//	(any)    addr.Start                                     PREDAD     begin
//	PREDAD   begin                                          DAD        join the solicited-node group
//	DAD      begun                     no DAD wanted        DAD        completed
//	DAD      begun                     link not ready       DAD        stays tentative, or goes if it
//	                                                                   is not permanent and failed
//	DAD      begun, or link ready      DAD wanted           DAD        timer: random, up to the delay of
//	                                                                   router solicitations
//	DAD      timer                     probes left          DAD        NS from ::, timer: retrans_timer
//	DAD      timer                     none left            POSTDAD    completed
//	DAD      NS or NA of another                            ERRDAD     abort; RFC 7217: the next address
//	ERRDAD   abort                                          POSTDAD    permanent: DADFAILED; else deleted;
//	                                                                   LL of the MAC, accept_dad 2:
//	                                                                   IPv6 off on the link
//	(any)    addr.Deleted                                   DEAD       leave the group, stop the timer
//	kept     link down                                      PREDAD     stop the timer (keep_addr_on_down)
//
// "No DAD wanted": the link is a loopback or has no ARP, accept_dad is 0, the address is not
// tentative or has IFA_F_NODAD. "Completed": flags are cleared, RTM_NEWADDR, and with ndisc_notify
// an unsolicited NA.
package addrconf

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/rtnl"
)

// Table is the configuration of a Net.
type Table struct {
	net    *rtnl.Net
	links  *link.Table
	addrs  *addr.Table
	neighs Sender

	// IdgenRetries and IdgenDelay are net.ipv6.conf.idgen_*: how many further stable-privacy
	// addresses are tried when one is a duplicate, and the pause before, in seconds.
	IdgenRetries int
	IdgenDelay   int

	groups map[uint32][]*Group   // by ifindex, in the order of joining
	host   map[hostMember]bool   // those that the host's sockets have joined, by twins
	hw     map[uint32][]*HWGroup // the link-layer groups that follow, likewise
}

// Sender is what package neigh sends for us.
type Sender interface {
	SendNS(l *link.Link, target, dst, src netip.Addr, nonce uint64)
	SendNA(l *link.Link, dst, target netip.Addr, router, solicited, override, withAddr bool)
}

// New makes a Table. The caller subscribes Event, after the packages that it reacts to.
func New(net *rtnl.Net, links *link.Table, addrs *addr.Table, neighs Sender) *Table {
	t := &Table{
		net: net, links: links, addrs: addrs, neighs: neighs, IdgenRetries: 3, IdgenDelay: 1,
		host:   map[hostMember]bool{},
		groups: map[uint32][]*Group{}, hw: map[uint32][]*HWGroup{},
	}
	t.addKnobs()
	for _, l := range links.All() {
		t.register(l)
	}
	return t
}

// Close stops all timers.
func (t *Table) Close() {
	for _, a := range t.addrs.All(unix.AF_INET6) {
		t.stopTimer(a)
	}
}

// Event follows links and addresses (addrconf_notify, inetdev_event, addrconf_dad_start,
// ipv6_del_addr).
func (t *Table) Event(event any) {
	switch e := event.(type) {
	case link.Event:
		t.linkEvent(&e)
	case addr.Event:
		if e.Type == addr.Adding6 && e.Link.Up() && e.Link.In6Dev {
			t.groupsUp(e.Link)
		}
		if e.Addr == nil || e.Addr.Is4() {
			return
		}
		switch e.Type {
		case addr.Start:
			t.dadStart(e.Addr)
		case addr.Deleted:
			t.forget(e.Addr)
		case addr.Ready:
			if e.Addr.Link.Conf6.Forwarding != 0 {
				t.anycast(e.Addr, true)
			}
		}
	}
}

func (t *Table) linkEvent(e *link.Event) {
	l := e.Link
	switch e.Type {
	case link.Register:
		t.register(l)
	case link.Up:
		t.up4(l)
		t.up(l)
	case link.Changed:
		t.changed(l, e.Flags)
	case link.Down:
		t.down4(l)
		t.down(l)
	case link.ChangeMTU:
		t.changeMTU(l)
	case link.Unregister:
		t.unregister(l)
	case link.ConfChanged:
		t.confChanged(e)
	}
}

// ready is addrconf_link_ready.
func ready(l *link.Link) bool { return l.Up() && l.OperUp() && l.QDisc != "noop" }

// register is ipv6_add_dev as far as groups go, and inetdev_init.
func (t *Table) register(l *link.Link) {
	if l.In6Dev {
		t.Join(l, allNodes1)
		t.Join(l, allNodes2)
		if l.Conf6.Forwarding != 0 && l.Flags&unix.IFF_MULTICAST != 0 {
			t.routerGroups(l, true)
		}
		if l.Up() && ready(l) {
			l.Flags6 |= link.If6Ready
		}
	}
	if l.Up() {
		t.up4(l)
	}
}

// up is addrconf_notify for NETDEV_UP.
func (t *Table) up(l *link.Link) {
	if !l.In6Dev || l.Conf6.DisableIPv6 != 0 {
		return
	}
	kept := t.kept(l)
	if !ready(l) {
		for _, a := range kept {
			t.dadStart(a)
		}
		return
	}
	l.Flags6 |= link.If6Ready
	for _, a := range kept {
		t.dadStart(a)
	}
	t.configure(l)
}

// kept is addrconf_permanent_addr: the addresses that stayed when the link was down get their
// prefix routes back, and are returned.
func (t *Table) kept(l *link.Link) []*addr.Addr {
	var out []*addr.Addr
	for _, a := range t.addrs.OfLink(l, unix.AF_INET6) {
		if a.Flags&unix.IFA_F_PERMANENT == 0 || a.State != addr.StatePreDAD {
			continue
		}
		if a.Flags&unix.IFA_F_NOPREFIXROUTE == 0 {
			t.net.Notify(addr.Event{Type: addr.Changed, Addr: a, Old: *a, Prefix: addr.PrefixAdd})
		}
		out = append(out, a)
	}
	return out
}

// changed is addrconf_notify for NETDEV_CHANGE.
func (t *Table) changed(l *link.Link, flags uint32) {
	if !l.In6Dev || l.Conf6.DisableIPv6 != 0 || !ready(l) {
		return
	}
	if l.Flags6&link.If6Ready != 0 {
		t.groupsUp(l) // it may have roamed
		if flags&unix.IFF_NOARP != 0 {
			t.dadRun(l, true)
		}
		return
	}
	l.Flags6 |= link.If6Ready
	t.configure(l)
}

// configure is the rest of addrconf_notify when a link has become ready.
func (t *Table) configure(l *link.Link) {
	t.groupsUp(l)
	t.autoAddrs(l)
	t.dadRun(l, false)
	l.TStamp6 = t.net.Clock.Now()
	t.links.AnnounceInfo6(l)
}

// down is addrconf_ifdown after the addresses and routes are gone, which package addr sees to.
func (t *Table) down(l *link.Link) {
	t.unloadAll(l, unix.AF_INET6)
	for _, a := range t.addrs.OfLink(l, unix.AF_INET6) {
		t.stopTimer(a)
		t.leaveSolicited(a)
	}
	t.net.Notify(GroupEvent{Type: GroupsDown, Link: l})
	l.Flags6 &^= link.If6RSSent | link.If6RARcvd | link.If6Ready
	l.TStamp6 = t.net.Clock.Now()
	if l.In6Dev {
		t.links.AnnounceInfo6(l)
	}
}

// changeMTU follows IPv6 that ends below an MTU of 1280 and begins again above.
func (t *Table) changeMTU(l *link.Link) {
	had := t.Joined(l, allNodes2)
	switch {
	case had && !l.In6Dev:
		l.Flags6 &^= link.If6RSSent | link.If6RARcvd | link.If6Ready
		for _, g := range t.Groups(l) {
			if !g.Is4() {
				t.drop(l, g)
			}
		}
		t.net.Notify(GroupEvent{Type: GroupsGone, Link: l})
	case !had && l.In6Dev:
		t.register(l)
		if l.Flags6&link.If6Ready != 0 {
			t.up(l)
		}
	}
}

func (t *Table) unregister(l *link.Link) {
	l.Flags6 &^= link.If6RSSent | link.If6RARcvd | link.If6Ready
	for _, g := range t.Groups(l) {
		t.drop(l, g)
	}
	t.net.Notify(GroupEvent{Type: GroupsGone, Link: l})
	delete(t.groups, l.Index)
	t.forgetHost(l)
	delete(t.hw, l.Index)
}

// confChanged follows the sysctls that addrconf_sysctl_* act on.
func (t *Table) confChanged(e *link.Event) {
	l := e.Link
	if l == nil || !l.In6Dev {
		return
	}
	switch e.Conf {
	case "ipv6.conf.disable_ipv6": // dev_disable_change
		if l.Conf6.DisableIPv6 != 0 {
			t.down(l)
		} else if l.Up() {
			t.up(l)
		}
	case "ipv6.conf.forwarding": // dev_forward_change
		on := l.Conf6.Forwarding != 0
		if on == (e.OldConf != 0) {
			return
		}
		if l.Flags&unix.IFF_MULTICAST != 0 {
			t.routerGroups(l, on)
		}
		for _, a := range t.addrs.OfLink(l, unix.AF_INET6) {
			if a.Flags&unix.IFA_F_TENTATIVE == 0 {
				t.anycast(a, on)
			}
		}
	case "ipv6.conf.addr_gen_mode":
		if e.OldConf != l.Conf6.AddrGenMode {
			t.autoAddrs(l)
		}
	}
}

// IsAnycast is ipv6_chk_acast_addr: is a the subnet-router anycast address of a subnet of l, which
// routers for?
func (t *Table) IsAnycast(l *link.Link, a netip.Addr) bool {
	if l.Conf6.Forwarding == 0 {
		return false
	}
	for _, own := range t.addrs.OfLink(l, unix.AF_INET6) {
		if own.Bits() < 127 && own.Flags&unix.IFA_F_TENTATIVE == 0 && own.Prefix.Masked().Addr() == a {
			return true
		}
	}
	return false
}

// anycast joins or leaves the solicited-node group of the anycast address that a's subnet has
// (addrconf_join_anycast, addrconf_leave_anycast).
func (t *Table) anycast(a *addr.Addr, on bool) {
	if a.Bits() >= 127 || a.Link.Flags&(unix.IFF_LOOPBACK|unix.IFF_NOARP) != 0 {
		return
	}
	any := a.Prefix.Masked().Addr()
	if any.IsUnspecified() {
		return
	}
	if d := dadOf(a); d.anycast != on {
		d.anycast = on
		t.Membership(a.Link, neigh.SolicitedNode(any), on)
	}
}
