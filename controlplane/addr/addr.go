// SPDX-License-Identifier: BSD-3-Clause

// Package addr holds the IPv4 and IPv6 addresses of links (in_ifaddr, inet6_ifaddr): primaries and
// secondaries, lifetimes, and the choice of a source address.
//
// Everything runs under RTNL. Routes that come and go with an address are package route's, duplicate
// address detection is package addrconf's: both act on this package's events.
package addr

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// Infinity is a lifetime without end (INFINITY_LIFE_TIME), in seconds.
const Infinity = ^uint32(0)

// States of duplicate address detection of an IPv6 address (INET6_IFADDR_STATE_*).
const (
	StatePreDAD State = iota
	StateDAD
	StatePostDAD
	StateErrDAD
	StateDead
)

// State is where an IPv6 address is in duplicate address detection; addrconf keeps it.
type State uint8

// Addr is an address of a link. Read it under RTNL; write it through Table only, except State and
// DAD, which belong to addrconf.
type Addr struct {
	Link      *link.Link
	Prefix    netip.Prefix // local address and prefix length (IFA_LOCAL), not masked
	Peer      netip.Addr   // IFA_ADDRESS where it differs from the local one; else invalid
	Broadcast netip.Addr   // IPv4; invalid: none
	Label     string       // IPv4: ifa_label
	Scope     uint8        // RT_SCOPE_*
	// Flags are IFA_F_*; IFA_F_PERMANENT and IFA_F_DEPRECATED are kept up with the lifetimes.
	Flags     uint32
	ValidLft  uint32 // s, from TStamp
	PreferLft uint32 // s, from TStamp
	Metric    uint32 // IFA_RT_PRIORITY of the prefix route, 0: default
	Proto     uint8  // IFAPROT_*
	Created   time.Time
	Updated   time.Time
	State     State
	DAD       any // addrconf's own
	timer     rtnl.Timer
	deleted   bool
}

// Is4 says whether it is an IPv4 address.
func (a *Addr) Is4() bool { return a.Prefix.Addr().Is4() }

// Family is AF_INET or AF_INET6.
func (a *Addr) Family() uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// Local is the address without its prefix length (ifa_local).
func (a *Addr) Local() netip.Addr { return a.Prefix.Addr() }

// Address is IFA_ADDRESS: the peer's on a point-to-point link, else the local one.
func (a *Addr) Address() netip.Addr {
	if a.Peer.IsValid() {
		return a.Peer
	}
	return a.Prefix.Addr()
}

// Net is the prefix that the address says is on the link: that of Address, masked.
func (a *Addr) Net() netip.Prefix {
	return netip.PrefixFrom(a.Address(), a.Prefix.Bits()).Masked()
}

// Bits is the prefix length.
func (a *Addr) Bits() int { return a.Prefix.Bits() }

// Secondary says whether an IPv4 address is not the first of its subnet.
func (a *Addr) Secondary() bool { return a.Flags&unix.IFA_F_SECONDARY != 0 }

// Deleted says that the address is gone; an Addr that others still hold is then dead.
func (a *Addr) Deleted() bool { return a.deleted }

// Usable6 says whether data may be sent from an IPv6 address: not tentative (unless optimistic), not
// found to be a duplicate.
func (a *Addr) Usable6() bool {
	return a.Flags&unix.IFA_F_DADFAILED == 0 &&
		a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC) != unix.IFA_F_TENTATIVE
}
