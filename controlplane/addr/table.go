// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// Table holds the addresses of a Net.
type Table struct {
	net   *rtnl.Net
	links *link.Table
	v4    map[uint32][]*Addr // by ifindex: in_device.ifa_list
	v6    map[uint32][]*Addr // by ifindex: inet6_dev.addr_list
	local map[netip.Addr][]*Addr
}

// New makes an empty table and subscribes it to the links' events.
func New(net *rtnl.Net, links *link.Table) *Table {
	return &Table{
		net: net, links: links,
		v4: map[uint32][]*Addr{}, v6: map[uint32][]*Addr{}, local: map[netip.Addr][]*Addr{},
	}
}

// Config is what one RTM_NEWADDR or RTM_DELADDR says.
type Config struct {
	Link      *link.Link
	Prefix    netip.Prefix // local address and prefix length
	Peer      netip.Addr   // invalid: none
	Broadcast netip.Addr   // invalid: none (the kernel sets none by itself)
	Label     string       // empty: the link's name; in Delete: any
	Scope     uint8        // IPv4; that of an IPv6 address follows from it
	Flags     uint32       // IFA_F_*
	ValidLft  uint32       // s; 0 with PreferLft 0 and no Lifetimes: infinity
	PreferLft uint32
	Lifetimes bool // IFA_CACHEINFO was given
	Metric    uint32
	Proto     uint8
	HasLocal  bool // Delete: IFA_LOCAL was given
	HasPeer   bool // Delete: IFA_ADDRESS was given
}

// Add adds an address, or changes the one that is there (inet_rtm_newaddr, inet6_rtm_newaddr).
// nlflags are NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE. EEXIST: it is there and was not to be
// replaced.
func (t *Table) Add(c Config, nlflags uint16) (*Addr, error) {
	a := &Addr{
		Link: c.Link, Prefix: c.Prefix, Peer: c.Peer, Broadcast: c.Broadcast, Label: c.Label,
		Scope: c.Scope, Flags: c.Flags | unix.IFA_F_PERMANENT, ValidLft: Infinity, PreferLft: Infinity,
		Created: t.net.Clock.Now(), Updated: t.net.Clock.Now(),
	}
	list := t.lists(a.Family())
	list[c.Link.Index] = append(list[c.Link.Index], a)
	t.local[a.Local()] = append(t.local[a.Local()], a)
	t.net.Notify(Event{Type: Added, Addr: a})
	return a, nil
}

// Delete deletes the address that c names (inet_rtm_deladdr, inet6_rtm_deladdr). EADDRNOTAVAIL:
// there is none.
func (t *Table) Delete(c Config) error { return unix.EADDRNOTAVAIL }

// Remove deletes an address that the stack itself holds: addrconf's own, a failed one.
func (t *Table) Remove(a *Addr) error { return nil }

// OfLink gives the addresses of a link in the kernel's order: IPv4 primaries before secondaries,
// IPv6 by scope, the global ones first. Do not change the slice.
func (t *Table) OfLink(l *link.Link, family uint8) []*Addr { return t.lists(family)[l.Index] }

// All gives the addresses of a family by link.
func (t *Table) All(family uint8) []*Addr {
	var all []*Addr
	for _, l := range t.links.All() {
		all = append(all, t.OfLink(l, family)...)
	}
	return all
}

// IsLocal finds the address that ip is of any link; nil: it is not ours. An address that only one
// link has because it is link-local is found too: see Find.
func (t *Table) IsLocal(ip netip.Addr) *Addr {
	if of := t.local[ip.WithZone("")]; len(of) > 0 {
		return of[0]
	}
	return nil
}

// Find finds the address ip of link l; nil: l does not have it.
func (t *Table) Find(l *link.Link, ip netip.Addr) *Addr {
	for _, a := range t.local[ip] {
		if a.Link == l {
			return a
		}
	}
	return nil
}

// Select chooses the source address for dst of at most the given scope (RT_SCOPE_*) when the packet
// leaves on l: inet_select_addr for IPv4 (dst may be invalid), ipv6_dev_get_saddr (RFC 6724) for
// IPv6. l may be nil. Invalid: there is none.
func (t *Table) Select(l *link.Link, dst netip.Addr, scope uint8) netip.Addr { return netip.Addr{} }

// OnLink says whether a and b are in one subnet of an address of l (inet_addr_onlink); b may be
// invalid.
func (t *Table) OnLink(l *link.Link, a, b netip.Addr) bool {
	for _, x := range t.OfLink(l, unix.AF_INET) {
		if x.Net().Contains(a) && (!b.IsValid() || x.Net().Contains(b)) {
			return true
		}
	}
	return false
}

// SetFlags changes flags of an IPv6 address for DAD (IFA_F_TENTATIVE, _OPTIMISTIC, _DADFAILED), tells
// the data plane and sends the event Changed, without an announcement.
func (t *Table) SetFlags(a *Addr, set, clear uint32) error { return nil }

// Announce sends RTM_NEWADDR for a (ipv6_ifa_notify): addrconf does it when DAD has ended.
func (t *Table) Announce(a *Addr) {
	t.net.Announce(Msg{Type: unix.RTM_NEWADDR, Addr: a})
}

func (t *Table) lists(family uint8) map[uint32][]*Addr {
	if family == unix.AF_INET {
		return t.v4
	}
	return t.v6
}
