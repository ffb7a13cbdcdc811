// SPDX-License-Identifier: BSD-3-Clause

package dpif

import "net/netip"

// Twin is what the host's kernel is to show of a link: the TAP, or VRF, that stands for it there.
type Twin struct {
	Index    uint32
	Name     string
	HardAddr [6]byte
	MTU      uint32 // bytes, L3
	Up       bool
	Carrier  bool
	Addrs    []TwinAddr // those that may be used, in their order
	// Src4, Src6, if valid, are what packets of sockets that are bound to the link leave from when
	// they go to where no address of the link's is near.
	Src4, Src6 netip.Addr
	Master     uint32   // index of the VRF that it is in; 0: none
	VRF        *TwinVRF // nil: it is no VRF
}

// TwinVRF is what only a VRF has. Its twin is a VRF of the host's, whose links are the twins of its
// links; where the host's kernel makes none, a TAP that takes their place for bound sockets.
type TwinVRF struct {
	Table uint32
	MTU   uint32     // bytes, the least of its links; 0: it has none
	Near  []TwinNear // what is on its links
}

// TwinNear is a network on a link.
type TwinNear struct {
	Prefix netip.Prefix
	Src    netip.Addr // our address there
}

// TwinAddr is an address of a twin.
type TwinAddr struct {
	Prefix        netip.Prefix // local address and prefix length
	Peer          netip.Addr   // of the other end; invalid: none
	Broadcast     netip.Addr   // IPv4; invalid: none
	Scope         uint8        // RT_SCOPE_*
	NoPrefixRoute bool
}

// TwinHome is what the host has beside the twins of links: the addresses of lo, and the way to
// everything else, with the address that a packet without a choice leaves from.
type TwinHome struct {
	Addrs      []netip.Addr
	Src4, Src6 netip.Addr // invalid: no default route
	LoUp       bool       // whether lo is up, which the host's own lo follows but in our own namespace
	// Sources are the addresses whose packets take that way even where the host has a default route
	// of its own.
	Sources []netip.Addr
}

// TwinWay is a route of Skua's to where no twin is near, as far as the host's sockets see it.
type TwinWay struct {
	Dst  netip.Prefix
	Type uint8      // RTN_UNICAST: Skua takes its packets; else what a socket is refused with
	Src  netip.Addr // that packets without a choice leave from; invalid: as by default
	MTU  uint32     // bytes; 0: the default
}

// TwinHost is a network namespace of the host's kernel, as far as the twins of one net are in it.
// Its methods talk to the host's kernel and may take a while: never under RTNL. One goroutine at a
// time.
type TwinHost interface {
	// SetTwin makes the twin of a link, or brings it to what t says.
	SetTwin(t Twin) error
	// DelTwin removes it; no error when there is none.
	DelTwin(index uint32) error
	SetHome(h TwinHome) error
	// SetWays sets all ways beside the default one. Where the host may have routes of its own, its
	// sockets see those only with an address of Skua's.
	SetWays(ways []TwinWay) error
	// Free says whether the host has no interface with that index. Quick, and for any goroutine.
	Free(index uint32) bool
	// Close removes everything.
	Close() error
}
