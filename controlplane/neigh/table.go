// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// Table holds the neighbours of a Net, IPv4 and IPv6 (arp_tbl, nd_tbl). The hooks are set by
// controlplane.New before the first packet; each may be nil.
type Table struct {
	// RouteInput is ip_route_input: how an IPv4 packet from src to dst that came in on a link would
	// go. typ is RTN_*, out the link it would leave by. An error: it would be dropped (martian,
	// unreachable). Without it only own addresses are known.
	RouteInput func(in *link.Link, dst, src netip.Addr) (typ uint8, out *link.Link, err error)
	// RouteOutput is ip_route_output: the link by which an own IPv4 packet from src to dst leaves;
	// nil: there is no route. For arp_filter.
	RouteOutput func(dst, src netip.Addr) *link.Link

	// OnDADConflict is addrconf_dad_failure: someone else has, or tries to get, the tentative
	// address target of l. from is zero when it is not known.
	OnDADConflict func(l *link.Link, target netip.Addr, from link.HardAddr)
	// DADNonce gives the nonce that DAD for target sends now, 0: none. A solicitation that carries
	// it is our own, looped back (RFC 7527).
	DADNonce func(l *link.Link, target netip.Addr) uint64
	// OnRA gets a router advertisement that is valid, after its sender became a neighbour, when the
	// link does not forward or accept_ra says 2. The message holds only until it returns.
	OnRA func(l *link.Link, m *ND)
	// OnRedirect gets a redirect that is valid and that l accepts, after its target became a
	// neighbour.
	OnRedirect func(l *link.Link, m *ND)
	// OnRouterToHost is rt6_clean_tohost: a router says that it is one no more.
	OnRouterToHost func(l *link.Link, router netip.Addr)
	// Membership joins (true) or leaves the solicited-node group of a proxied IPv6 address.
	Membership func(l *link.Link, group netip.Addr, join bool)
	// Anycast says whether target is an anycast address of l (ipv6_chk_acast_addr). Without it a
	// router has the subnet-router anycast addresses of its addresses.
	Anycast func(l *link.Link, target netip.Addr) bool

	// Drops counts packets of ARP and ND, and packets that asked for a neighbour, that were not
	// used, by reason.
	Drops map[Drop]uint64

	net    *rtnl.Net
	links  *link.Table
	addrs  *addr.Table
	start  time.Time
	arp    family
	nd     family
	timers []*Entry // a heap by deadline
	wake   rtnl.Timer
	wakeAt int64
	closed bool
	local  *local4 // nil: to be collected
}

// family is a struct neigh_table.
type family struct {
	t            *Table
	af           uint8
	id           string // NDTA_NAME
	gc           GC
	entries      map[Key]*Entry
	all          list // oldest first
	gcList       gcList
	gcCount      int
	managed      map[*Entry]bool
	managedTimer rtnl.Timer
	reach        map[uint32]reach
	proxies      []*Proxy
	delayed      proxyQueue

	lastFlush, lastRand int64
	lastFull, lastWarn  int64 // when nothing could be collected; when that was logged
	periodic            rtnl.Timer
	sweepAt             *Entry // where the periodic work goes on; nil: it is done
	sweepAll            bool   // there are so many that it also collects
	stats               Stats
}

// New makes an empty table, starts its periodic work and subscribes it to events of links and addresses.
func New(net *rtnl.Net, links *link.Table, addrs *addr.Table) *Table {
	t := &Table{
		net: net, links: links, addrs: addrs, start: net.Clock.Now(), Drops: map[Drop]uint64{},
	}
	t.arp.init(t, unix.AF_INET, "arp_cache")
	t.nd.init(t, unix.AF_INET6, "ndisc_cache")
	t.arp.addSysctls("net.ipv4.neigh.default.")
	t.nd.addSysctls("net.ipv6.neigh.default.")
	net.Subscribe(t.event)
	return t
}

func (f *family) init(t *Table, af uint8, id string) {
	*f = family{
		t: t, af: af, id: id, gc: defaultGC(), entries: map[Key]*Entry{},
		managed: map[*Entry]bool{}, reach: map[uint32]reach{},
	}
	f.lastFlush = t.now()
	f.lastRand = t.now()
	f.schedulePeriodic()
}

// Close stops all timers; the data plane keeps what it has.
func (t *Table) Close() {
	t.closed = true
	if t.wake != nil {
		t.wake.Stop()
	}
	for _, f := range []*family{&t.arp, &t.nd} {
		for _, timer := range []rtnl.Timer{f.periodic, f.managedTimer, f.delayed.timer} {
			if timer != nil {
				timer.Stop()
			}
		}
	}
}

func (t *Table) now() int64 { return int64(t.net.Clock.Now().Sub(t.start)) }

func (t *Table) of(af uint8) *family {
	if af == unix.AF_INET {
		return &t.arp
	}
	return &t.nd
}

// Lookup finds an entry (neigh_lookup); nil: there is none.
func (t *Table) Lookup(l *link.Link, a netip.Addr) *Entry {
	return t.of(familyOf(a)).entries[Key{a, l.Index}]
}

// All gives the entries of a family, oldest first.
func (t *Table) All(af uint8) []*Entry {
	f := t.of(af)
	all := make([]*Entry, 0, len(f.entries))
	for n := f.all.head; n != nil; n = n.next {
		all = append(all, n)
	}
	return all
}

// Len counts the entries of a family.
func (t *Table) Len(af uint8) int { return len(t.of(af).entries) }

// params are the settings that act on an entry (neigh->parms).
func params(l *link.Link, af uint8) *link.NeighParams {
	if af == unix.AF_INET {
		return &l.Neigh4
	}
	return &l.Neigh6
}

func (n *Entry) params() *link.NeighParams { return params(n.Link, n.Family()) }

// create is ___neigh_create: the entry, which may be there already. ENOBUFS: the table is full;
// EINVAL: the link does not have the family.
func (t *Table) create(l *link.Link, a netip.Addr, flags uint32, exempt bool) (*Entry, error) {
	f := t.of(familyOf(a))
	if !exempt && !f.alloc() {
		return nil, unix.ENOBUFS
	}
	f.stats.Allocs++
	now := t.now()
	n := &Entry{
		Link: l, Addr: a, Flags: flags & flagsKept, NUD: unix.NUD_NONE,
		updated: now, used: now,
	}
	if err := t.construct(n); err != nil {
		return nil, err
	}
	n.confirmed = now - 2*int64(n.params().BaseReachableTime)
	if old := f.entries[n.Key()]; old != nil {
		return old, nil
	}
	f.entries[n.Key()] = n
	f.all.push(n)
	if !exempt {
		f.gcList.push(n)
		f.gcCount++
	}
	if n.Flags&FlagManaged != 0 {
		f.setManaged(n, true)
	}
	if n.NUD&Valid != 0 {
		t.publish(n)
	}
	return n, nil
}

// lookupOrCreate is __neigh_lookup with creat 1; nil when the table is full.
func (t *Table) lookupOrCreate(l *link.Link, a netip.Addr) *Entry {
	if n := t.Lookup(l, a); n != nil {
		return n
	}
	n, err := t.create(l, a, 0, false)
	if err != nil {
		t.drop(DropTableFull)
		return nil
	}
	return n
}

// construct is arp_constructor and ndisc_constructor: entries that need no resolution are NOARP at
// once.
func (t *Table) construct(n *Entry) error {
	l := n.Link
	noarp := func(ha link.HardAddr) { n.NUD, n.HardAddr = unix.NUD_NOARP, ha }
	ptp := l.Flags&unix.IFF_POINTOPOINT != 0
	if n.Addr.Is4() {
		if l.Loopback() || ptp {
			n.Addr = netip.IPv4Unspecified() // one entry is enough for all
		}
		if !l.InDev {
			return unix.EINVAL
		}
		n.Type = t.addrType(n.Addr)
	} else {
		if !l.In6Dev {
			return unix.EINVAL
		}
		n.Type = unix.RTN_UNICAST
		if n.Addr.IsMulticast() {
			n.Type = unix.RTN_MULTICAST
		}
	}
	switch {
	case n.Type == unix.RTN_MULTICAST:
		noarp(mcMap(n.Addr))
	case l.Loopback() || l.NoARP():
		noarp(l.HardAddr)
		if !n.Addr.Is4() && l.Loopback() {
			n.Type = unix.RTN_LOCAL
		}
	case n.Type == unix.RTN_BROADCAST || ptp:
		noarp(l.Broadcast)
	}
	return nil
}

// mcMap is ip_eth_mc_map and ipv6_eth_mc_map (RFC 1112 6.4, RFC 2464 7).
func mcMap(a netip.Addr) link.HardAddr {
	if a.Is4() {
		b := a.As4()
		return link.HardAddr{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	}
	b := a.As16()
	return link.HardAddr{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// remove takes an entry out of the table and says so (neigh_remove_one, neigh_cleanup_and_release).
func (t *Table) remove(n *Entry) {
	f := t.of(n.Family())
	f.stats.Destroys++
	t.delTimer(n)
	delete(f.entries, n.Key())
	if f.sweepAt == n {
		f.sweepAt = n.next
	}
	f.all.remove(n)
	if n.onGC {
		f.gcList.remove(n)
		f.gcCount--
	}
	f.setManaged(n, false)
	n.Dead = true
	t.unpublish(n.Link.Index, n.Addr)
	t.announce(n, unix.RTM_DELNEIGH, 0)
}

// publish tells the data plane what n is now.
func (t *Table) publish(n *Entry) {
	if n.NUD == unix.NUD_NONE {
		t.unpublish(n.Link.Index, n.Addr)
		return
	}
	if n.NUD == unix.NUD_STALE {
		t.net.DP.NeighUsed(n.dp(t)) // only what comes after counts as a use of a stale entry
	}
	if err := t.net.DP.SetNeigh(n.dp(t)); err != nil {
		t.net.Log.Error("neighbour not set", "addr", n.Addr, "link", n.Link.Name, "err", err)
	}
}

// unpublish makes the data plane forget a neighbour and what it holds for it; that it may never have
// known it is no error.
func (t *Table) unpublish(ifindex uint32, a netip.Addr) {
	_ = t.net.DP.DelNeigh(dpif.Neigh{Net: t.net.ID, Ifindex: ifindex, Addr: a})
}

func (t *Table) announce(n *Entry, typ uint16, portid uint32) {
	refs := n.Refs() + 1 // who changes it has found it first
	if n.Dead {
		refs = 0
	}
	m := Msg{Type: typ, Entry: *n, Refs: refs, Portid: portid}
	if typ == unix.RTM_GETNEIGH {
		m.Flags = unix.NLM_F_REQUEST
	}
	t.net.Announce(m)
}

func (t *Table) drop(d Drop) { t.Drops[d]++ }
