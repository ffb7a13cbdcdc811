// SPDX-License-Identifier: BSD-3-Clause

// Package neigh holds the neighbours of links: which link-layer address an IPv4 or IPv6 address has,
// found by ARP (RFC 826) and Neighbor Discovery (RFC 4861), and how much that is to be believed now
// (RFC 4861 7.3, NUD_*). It mirrors net/core/neighbour.c, net/ipv4/arp.c and net/ipv6/ndisc.c.
//
// The data plane forwards by the entries that are valid and holds the packets for those that are
// being resolved; it is told of each change (dpif.Writer.SetNeigh) before anyone else is. Everything
// runs under RTNL.
package neigh

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// Groups of states (NUD_IN_TIMER, NUD_VALID, NUD_CONNECTED).
const (
	InTimer   uint16 = unix.NUD_INCOMPLETE | unix.NUD_REACHABLE | unix.NUD_DELAY | unix.NUD_PROBE
	Valid     uint16 = unix.NUD_PERMANENT | unix.NUD_NOARP | unix.NUD_REACHABLE | unix.NUD_PROBE | unix.NUD_STALE | unix.NUD_DELAY
	Connected uint16 = unix.NUD_PERMANENT | unix.NUD_NOARP | unix.NUD_REACHABLE
)

// Flags of an entry as user space has them: NTF_* in the low 8 bits, NTF_EXT_* above (NTF_EXT_SHIFT).
const (
	FlagUse          uint32 = 1 << 0                                          // NTF_USE
	FlagSelf         uint32 = 1 << 1                                          // NTF_SELF
	FlagMaster       uint32 = 1 << 2                                          // NTF_MASTER
	FlagProxy        uint32 = 1 << 3                                          // NTF_PROXY
	FlagExtLearned   uint32 = 1 << 4                                          // NTF_EXT_LEARNED
	FlagRouter       uint32 = 1 << 7                                          // NTF_ROUTER
	FlagManaged      uint32 = 1 << 8                                          // NTF_MANAGED
	FlagExtValidated uint32 = 1 << 10                                         // NTF_EXT_VALIDATED
	FlagExtMask      uint32 = 5                                               // the NDA_FLAGS_EXT bits that are known
	FlagExtShift            = 8                                               // NTF_EXT_SHIFT
	flagsKept        uint32 = FlagExtLearned | FlagManaged | FlagExtValidated // what creation takes over
)

// UpdateFlags say what an update may do (NEIGH_UPDATE_F_*).
type UpdateFlags uint32

// Bits of UpdateFlags.
const (
	Override         UpdateFlags = 1 << iota // the link-layer address may change
	WeakOverride                             // another address makes a connected entry suspect
	OverrideIsRouter                         // IsRouter says what FlagRouter becomes
	IsRouter                                 // the neighbour is a router
	Use                                      // make use of the entry only (NTF_USE)
	Managed                                  // keep it resolved (NTF_MANAGED)
	ExtLearned                               // someone else learned it
	ExtValidated                             // someone else knows that it is valid
	Admin                                    // an operator says so
)

// Key names an entry.
type Key struct {
	Addr    netip.Addr // without zone; IPv4 as Is4
	Ifindex uint32
}

// Entry is a neighbour (struct neighbour). Read it under RTNL; write it through Table only.
type Entry struct {
	Link     *link.Link
	Addr     netip.Addr
	HardAddr link.HardAddr
	NUD      uint16 // NUD_*
	Type     uint8  // RTN_*
	Protocol uint8  // RTPROT_* of who made it
	Dead     bool   // no longer in the table
	onGC     bool   // counts for gc_thresh, may be collected
	timer    int32  // index in Table.timers and one, 0: none
	Flags    uint32 // Flag*
	Probes   int32  // solicitations sent since INCOMPLETE or PROBE began

	// In ns since the table was made (jiffies).
	deadline                 int64
	confirmed, used, updated int64

	hint netip.Addr // source of the packet that asked: what arp_announce 0 and 1 prefer

	prev, next     *Entry // all of a family, oldest first
	gcPrev, gcNext *Entry // those on the gc list, oldest first
}

// Key is the entry's name.
func (n *Entry) Key() Key { return Key{n.Addr, n.Link.Index} }

// Family is AF_INET or AF_INET6.
func (n *Entry) Family() uint8 { return familyOf(n.Addr) }

// Refs is what NDA_CACHEINFO calls ndm_refcnt: a running timer holds one reference; so do those who
// change an entry, which Msg counts.
func (n *Entry) Refs() uint32 {
	if n.timer != 0 {
		return 1
	}
	return 0
}

// Cacheinfo says how long ago, in 1/100 s, things happened (struct nda_cacheinfo without the references).
type Cacheinfo struct {
	Confirmed, Used, Updated uint32
}

// Cacheinfo gives the ages of an entry or of the copy of one in a Msg.
func (t *Table) Cacheinfo(n *Entry) Cacheinfo {
	now := t.now()
	ago := func(at int64) uint32 { return uint32((now - at) / 1e7) }
	return Cacheinfo{ago(n.confirmed), ago(n.used), ago(n.updated)}
}

// Msg is announced where the kernel calls __neigh_notify.
type Msg struct {
	Type   uint16 // RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (app_solicit: resolve this, please)
	Entry  Entry  // a copy
	Refs   uint32 // ndm_refcnt
	Portid uint32 // nlmsg_pid: the requester's for a change by netlink, else 0
	Flags  uint16 // nlmsg_flags
}

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
