// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"net/netip"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// Table holds the addresses of a Net.
type Table struct {
	// Membership joins (true) or leaves the group of an IFA_F_MCAUTOJOIN address; nil: there are none.
	Membership func(l *link.Link, group netip.Addr, join bool)

	net   *rtnl.Net
	links *link.Table
	v4    map[uint32][]*Addr // by ifindex: in_device.ifa_list
	v6    map[uint32][]*Addr // by ifindex: inet6_dev.addr_list
	local map[netip.Addr][]*Addr
	gen   uint32 // dev_addr_genid

	labels   []AddrLabel // longest prefixes first
	labelSeq uint32
}

// New makes an empty table and subscribes it to the links' events.
func New(net *rtnl.Net, links *link.Table) *Table {
	t := &Table{
		net: net, links: links,
		v4: map[uint32][]*Addr{}, v6: map[uint32][]*Addr{}, local: map[netip.Addr][]*Addr{},
		gen: 1, labels: defaultLabels(), labelSeq: 10,
	}
	net.Subscribe(t.event)
	return t
}

// Config is what one RTM_NEWADDR or RTM_DELADDR says.
type Config struct {
	Link      *link.Link
	Prefix    netip.Prefix // local address and prefix length
	Peer      netip.Addr   // IFA_ADDRESS where it differs from the local address; else invalid
	Broadcast netip.Addr   // invalid: none (the kernel sets none by itself)
	Label     string       // empty: the link's name
	Scope     uint8        // IPv4; that of an IPv6 address follows from it
	Flags     uint32       // IFA_F_*
	Lifetimes *Lifetimes   // IFA_CACHEINFO; nil: for ever
	Metric    uint32
	Proto     uint8
}

// Lifetimes are seconds from now; Infinity: for ever.
type Lifetimes struct{ Valid, Preferred uint32 }

// Check refuses lifetimes that are none: EINVAL.
func (l *Lifetimes) Check(family uint8) error {
	if l != nil && (l.Valid == 0 || l.Preferred > l.Valid) {
		if family == unix.AF_INET {
			return rtnl.Errorf(unix.EINVAL, "ipv4: address lifetime invalid")
		}
		return rtnl.Errorf(unix.EINVAL, "ipv6: address lifetime invalid")
	}
	return nil
}

// Add adds an address, or changes the one that is there (inet_rtm_newaddr, inet6_rtm_newaddr).
// nlflags are those of the request: NLM_F_EXCL and NLM_F_REPLACE count. EEXIST: it is there and
// was not to be replaced; EINVAL, EADDRNOTAVAIL, EACCES with the kernel's texts. The Addr is nil
// for an IPv4 address of zero, which the kernel takes for nothing to do.
func (t *Table) Add(c Config, nlflags uint16) (*Addr, error) {
	family := uint8(unix.AF_INET6)
	if c.Prefix.Addr().Is4() {
		family = unix.AF_INET
	}
	if err := c.Lifetimes.Check(family); err != nil {
		return nil, err
	}
	if family == unix.AF_INET {
		return t.add4(c, nlflags)
	}
	return t.add6(c, nlflags)
}

// Match names the address to delete. Zero fields match anything.
type Match struct {
	Link    *link.Link
	Family  uint8
	Local   netip.Addr // IFA_LOCAL; IPv6: or IFA_ADDRESS
	Address netip.Addr // IPv4: IFA_ADDRESS, with Bits
	Bits    int        // prefix length
	Label   string
}

// Delete deletes the first address that m matches (inet_rtm_deladdr, inet6_addr_del).
// EADDRNOTAVAIL: there is none; ENXIO: IPv6 is not on the link.
func (t *Table) Delete(m Match) error {
	if m.Family == unix.AF_INET {
		return t.delete4(m)
	}
	return t.delete6(m)
}

// Remove deletes an address that is known (inet_del_ifa, ipv6_del_addr): one that ran out, one that
// failed duplicate address detection.
func (t *Table) Remove(a *Addr) {
	if a.deleted {
		return
	}
	if a.Is4() {
		t.del4(a, rtnl.Origin{})
	} else {
		t.del6(a)
	}
}

// OfLink gives the addresses of a link in the kernel's order: IPv4 primaries before secondaries,
// IPv6 by scope, the global ones first. It is a copy.
func (t *Table) OfLink(l *link.Link, family uint8) []*Addr {
	return slices.Clone(t.lists(family)[l.Index])
}

// All gives the addresses of a family by link.
func (t *Table) All(family uint8) []*Addr {
	var all []*Addr
	for _, l := range t.links.All() {
		all = append(all, t.lists(family)[l.Index]...)
	}
	return all
}

// Gen changes whenever an address comes, goes or changes; never 0.
func (t *Table) Gen() uint32 { return t.gen }

// IsLocal finds the address ip, of any link; nil: it is not ours. A link-local address may be on
// several links: see Find.
func (t *Table) IsLocal(ip netip.Addr) *Addr {
	if of := t.local[ip.WithZone("")]; len(of) > 0 {
		return of[0]
	}
	return nil
}

// Find finds the address ip of link l; nil: l does not have it. l nil: of any link.
func (t *Table) Find(l *link.Link, ip netip.Addr) *Addr {
	for _, a := range t.local[ip.WithZone("")] {
		if l == nil || a.Link == l {
			return a
		}
	}
	return nil
}

// FindIn finds the address ip of a link in a VRF, nil: in none; nil: there is no such one.
func (t *Table) FindIn(vrf *link.Link, ip netip.Addr) *Addr {
	for _, a := range t.local[ip.WithZone("")] {
		if a.Link.L3Master() == vrf {
			return a
		}
	}
	return nil
}

// Remaining gives what is left of the lifetimes in seconds as IFA_CACHEINFO shows it.
func (t *Table) Remaining(a *Addr) (preferred, valid uint32) {
	preferred, valid = a.PreferLft, a.ValidLft
	if a.Flags&unix.IFA_F_PERMANENT != 0 && (a.Is4() || preferred == Infinity) {
		return Infinity, Infinity
	}
	if preferred == Infinity {
		return preferred, valid
	}
	gone := uint32(t.net.Clock.Now().Sub(a.Updated).Seconds())
	preferred -= min(preferred, gone)
	if valid != Infinity {
		valid -= min(valid, gone)
	}
	return preferred, valid
}

// Announce says RTM_NEWADDR for an IPv6 address and no more (ipv6_ifa_notify(0, ...)).
func (t *Table) Announce(a *Addr) {
	t.gen++
	t.net.Announce(Msg{Type: unix.RTM_NEWADDR, Addr: a})
}

// SetFlags changes flags of an IPv6 address for duplicate address detection (IFA_F_TENTATIVE,
// _OPTIMISTIC, _DADFAILED) and tells the data plane. Nothing is announced and no event sent.
func (t *Table) SetFlags(a *Addr, set, clear uint32) error {
	a.Flags = a.Flags&^clear | set
	if a.deleted {
		return syscall.EADDRNOTAVAIL
	}
	return t.publish(a)
}

func (t *Table) lists(family uint8) map[uint32][]*Addr {
	if family == unix.AF_INET {
		return t.v4
	}
	return t.v6
}

// publish tells the data plane of an address.
func (t *Table) publish(a *Addr) error { return t.net.DP.SetAddr(t.dp(a)) }

func (t *Table) dp(a *Addr) dpif.Addr {
	tentative := a.Flags & (unix.IFA_F_TENTATIVE | unix.IFA_F_OPTIMISTIC)
	return dpif.Addr{
		Net: t.net.ID, Ifindex: a.Link.Index, Addr: a.Local(),
		Tentative: !a.Is4() && tentative == unix.IFA_F_TENTATIVE,
	}
}

// link puts an address into the list at i and the hash, and tells the data plane.
func (t *Table) link(a *Addr, i int) error {
	if err := t.publish(a); err != nil {
		return err
	}
	of := t.lists(a.Family())
	of[a.Link.Index] = slices.Insert(of[a.Link.Index], i, a)
	t.local[a.Local()] = append(t.local[a.Local()], a)
	t.gen++
	return nil
}

// unlink takes an address out again.
func (t *Table) unlink(a *Addr) {
	a.deleted = true
	a.stop()
	of := t.lists(a.Family())
	of[a.Link.Index] = slices.DeleteFunc(of[a.Link.Index], func(x *Addr) bool { return x == a })
	t.unhash(a)
	t.gen++
	// The same address may be on the link twice with different prefix lengths (IPv4).
	if t.Find(a.Link, a.Local()) != nil {
		return
	}
	if err := t.net.DP.DelAddr(t.dp(a)); err != nil {
		t.net.Log.Error("data plane keeps an address", "addr", a.Local(), "link", a.Link.Name, "err", err)
	}
}

func (t *Table) unhash(a *Addr) {
	rest := slices.DeleteFunc(t.local[a.Local()], func(x *Addr) bool { return x == a })
	if len(rest) == 0 {
		delete(t.local, a.Local())
	} else {
		t.local[a.Local()] = rest
	}
}

// join joins or leaves the group of an IFA_F_MCAUTOJOIN address.
func (t *Table) join(l *link.Link, group netip.Addr, on bool) error {
	if !group.IsMulticast() {
		return unix.EINVAL
	}
	if t.Membership != nil {
		t.Membership(l, group, on)
	}
	return nil
}
