// SPDX-License-Identifier: BSD-3-Clause

// Package mld tells the network which IPv6 groups the links listen to: the listener's side of MLDv2
// (RFC 3810) and of MLDv1 (RFC 2710), so that switches that snoop it let neighbour discovery through.
// It follows net/ipv6/mcast.c; which groups there are says package addrconf (addrconf.GroupEvent).
// Nobody here listens to single sources, so every group is in mode EXCLUDE with no sources.
//
// A link has a version: 1 while force_mld_version is 1, or a querier of version 1 was heard within the
// Older Version Querier Present Timeout and force_mld_version is not 2; else 2.
//
//	event                        version 2                          version 1
//	---------------------------  ---------------------------------  ---------------------------------
//	group added                  TO_EX soon, robustness times       report, and one more by the
//	                                                                group's timer
//	group dropped                TO_IN soon, robustness times       done, if the last to report was us
//	link up, carrier back,       everything from the beginning:     likewise
//	address asked for            TO_EX of all groups
//	link-local address ready     TO_EX of all groups at once, and   -
//	                             robustness - 1 times more
//	general query                IS_EX of all groups, once within   each group's timer within the
//	                             the response delay                 response delay
//	query of a group             IS_EX of it, by its timer          report of it, by its timer
//	report of another            -                                  the group's timer stops
//	link down                    timers stop                        timers stop
//
// Records that are due together leave in one report (as many as fit). What is sent comes from the
// link-local address, or from :: while there is none that is not tentative (RFC 3590).
//
// The host's kernel reports by its twins what its own sockets have joined, and nobody reports twice: a
// group of both is the host's to report (addrconf.GroupTaken).
package mld

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/addrconf"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// Defaults of RFC 3810 9: the Robustness Variable, the Query Interval and the Query Response Interval.
const (
	defaultQRV = 2
	defaultQI  = 125 * time.Second
	defaultQRI = 10 * time.Second
)

// Counter counts what was sent, by ICMPv6 type.
type Counter interface {
	CountSent6(typ uint8)
}

// Table is the listener of a Net.
type Table struct {
	// QRV is net.ipv6.mld_qrv: the Robustness Variable until a querier says another.
	QRV int

	net   *rtnl.Net
	links *link.Table
	addrs *addr.Table
	count Counter
	ifs   map[*link.Link]*iface
}

// iface is what MLD keeps of a link (the mc_* of inet6_dev).
type iface struct {
	link   *link.Link
	groups []*group // the last joined first
	left   []*group // those that left and are yet to be told of, likewise (mc_tomb)

	qrv      int
	qi, qri  time.Duration
	maxDelay time.Duration // of the last query
	v1Until  time.Time     // a querier of version 1 counts as present

	general, changes, initial timer // mc_gq_work, mc_ifc_work, mc_dad_work
	changesLeft, initialLeft  int   // how often they are yet to send
}

// group is a group of a link (ifmcaddr6).
type group struct {
	addr    netip.Addr
	changes int   // how often its change is yet to be told (mca_crcount)
	timer   timer // its report (mca_work)
	last    bool  // the last report on the link was ours (MAF_LAST_REPORTER)
}

// New makes a Table and adds its sysctls to those of links. The caller subscribes Event, after
// addrconf's.
func New(net *rtnl.Net, links *link.Table, addrs *addr.Table, count Counter) *Table {
	t := &Table{QRV: defaultQRV, net: net, links: links, addrs: addrs, count: count, ifs: map[*link.Link]*iface{}}
	t.addKnobs()
	return t
}

// Close stops all timers.
func (t *Table) Close() {
	for _, i := range t.ifs {
		i.stop()
	}
	clear(t.ifs)
}

// Event follows the groups and the link-local addresses.
func (t *Table) Event(event any) {
	switch e := event.(type) {
	case addrconf.GroupEvent:
		if e.Link.Loopback() {
			return // there is nobody to tell
		}
		t.groupEvent(&e)
	case addr.Event:
		if e.Type == addr.Ready && e.Addr.Local().IsLinkLocalUnicast() && t.lonely(e.Addr) {
			if i := t.ifs[e.Addr.Link]; i != nil {
				t.dadComplete(i)
			}
		}
	}
}

func (t *Table) groupEvent(e *addrconf.GroupEvent) {
	i := t.ifs[e.Link]
	if i == nil {
		if e.Type == addrconf.GroupsDown || e.Type == addrconf.GroupsGone {
			return
		}
		i = &iface{link: e.Link}
		t.reset(i)
		t.ifs[e.Link] = i
	}
	switch e.Type {
	case addrconf.GroupAdded:
		t.join(i, e.Group)
	case addrconf.GroupDropped:
		t.leave(i, e.Group)
	case addrconf.GroupTaken:
		i.forget(e.Group)
	case addrconf.GroupsUp:
		t.up(i)
	case addrconf.GroupsDown:
		i.stop()
	case addrconf.GroupsGone:
		i.stop()
		delete(t.ifs, e.Link)
	}
}

// reset is ipv6_mc_reset.
func (t *Table) reset(i *iface) {
	i.qrv, i.qi, i.qri, i.v1Until = t.QRV, defaultQI, defaultQRI, time.Time{}
	i.maxDelay = t.unsolicited(i)
}

// up is ipv6_mc_up.
func (t *Table) up(i *iface) {
	t.reset(i)
	for _, g := range i.groups {
		i.unleave(g.addr)
		t.added(i, g)
	}
}

// stop is ipv6_mc_down: what is due is not sent.
func (i *iface) stop() {
	for _, g := range i.groups {
		g.timer.stop()
	}
	i.changesLeft, i.initialLeft = 0, 0
	i.changes.stop()
	i.general.stop()
	i.initial.stop()
}

// join is __ipv6_dev_mc_inc for the first user of a group.
func (t *Table) join(i *iface, a netip.Addr) {
	g := i.find(a)
	if g == nil {
		g = &group{addr: a}
		i.groups = slices.Insert(i.groups, 0, g)
	}
	i.unleave(a)
	t.added(i, g)
}

// added is the end of igmp6_group_added.
func (t *Table) added(i *iface, g *group) {
	switch {
	case !i.link.Up():
	case t.v1(i):
		t.joinV1(i, g)
	default:
		g.changes = i.qrv
		t.change(i)
	}
}

// leave is igmp6_group_dropped with igmp6_leave_group.
func (t *Table) leave(i *iface, a netip.Addr) {
	g := i.find(a)
	if g == nil {
		return
	}
	i.forget(a)
	switch {
	case !t.v1(i):
		i.left = slices.Insert(i.left, 0, &group{addr: a, changes: i.qrv})
		t.change(i)
	case g.last:
		t.sendV1(i, a, typeDone)
	}
}

// forget takes a group out, and says nothing.
func (i *iface) forget(a netip.Addr) {
	if g := i.find(a); g != nil {
		g.timer.stop()
		i.groups = slices.DeleteFunc(i.groups, func(x *group) bool { return x == g })
	}
	i.unleave(a)
}

// unleave is mld_del_delrec: that the group was left is no longer told.
func (i *iface) unleave(a netip.Addr) {
	i.left = slices.DeleteFunc(i.left, func(g *group) bool { return g.addr == a })
}

func (i *iface) find(a netip.Addr) *group {
	for _, g := range i.groups {
		if g.addr == a {
			return g
		}
	}
	return nil
}

// lonely is ipv6_lonely_lladdr: no other link-local address of the link is ready.
func (t *Table) lonely(a *addr.Addr) bool {
	const not = unix.IFA_F_TENTATIVE | unix.IFA_F_OPTIMISTIC | unix.IFA_F_DADFAILED
	for _, x := range t.addrs.OfLink(a.Link, unix.AF_INET6) {
		if x != a && x.Local().IsLinkLocalUnicast() && x.Flags&(unix.IFA_F_PERMANENT|not) == unix.IFA_F_PERMANENT {
			return false
		}
	}
	return true
}

// Bits of /proc/net/igmp6 (MAF_*) that Reporter gives.
const (
	mafTimerRunning = 0x01
	mafLastReporter = 0x02
)

// Reporter says of a group of l whether a report of it is due, and was ours (MAF_*), and in what time it
// is.
func (t *Table) Reporter(l *link.Link, a netip.Addr) (flags uint32, due time.Duration) {
	i := t.ifs[l]
	if i == nil {
		return 0, 0
	}
	g := i.find(a)
	if g == nil {
		return 0, 0
	}
	if g.last {
		flags |= mafLastReporter
	}
	if g.timer.running() {
		flags, due = flags|mafTimerRunning, g.timer.at.Sub(t.net.Clock.Now())
	}
	return flags, due
}
