// SPDX-License-Identifier: BSD-3-Clause

package neigh

// Drop says why a packet was not used: an error of the codecs, and a counter of Table.Drops. Where the
// kernel has an SKB_DROP_REASON it has that name.
type Drop string

// Reasons.
const (
	DropTooSmall     Drop = "PKT_TOO_SMALL"
	DropNotForUs     Drop = "OTHERHOST"
	DropNoARP        Drop = "ARP_DISABLED"        // IFF_NOARP, loopback, or no IPv4 on the link
	DropBadARP       Drop = "ARP_BAD_HEADER"      // hardware or protocol type or length, or operation
	DropARPTarget    Drop = "ARP_BAD_TARGET"      // a multicast or loopback target
	DropARPSource    Drop = "ARP_BAD_SOURCE"      // a sender address that no host can have
	DropGratuitous   Drop = "ARP_DROP_GRATUITOUS" // drop_gratuitous_arp
	DropChecksum     Drop = "ICMP_CSUM"
	DropHopLimit     Drop = "IPV6_NDISC_HOP_LIMIT"
	DropBadCode      Drop = "IPV6_NDISC_BAD_CODE"
	DropBadType      Drop = "IPV6_NDISC_BAD_TYPE"
	DropBadOptions   Drop = "IPV6_NDISC_BAD_OPTIONS"
	DropNDTarget     Drop = "IPV6_NDISC_BAD_TARGET" // a multicast target, or a redirect's that is no router
	DropNDDest       Drop = "IPV6_NDISC_BAD_DEST"   // DAD not to the solicited-node group, solicited NA to a group
	DropNDSource     Drop = "IPV6_NDISC_BAD_SOURCE" // of an RA or redirect: not link-local
	DropFragmented   Drop = "IPV6_NDISC_FRAG"       // suppress_frag_ndisc
	DropDisabled6    Drop = "IPV6DISABLED"
	DropUnsolicited  Drop = "IPV6_NDISC_UNSOLICITED" // drop_unsolicited_na
	DropTableFull    Drop = "NEIGH_CREATEFAIL"       // table overflow
	DropProxyQueue   Drop = "NEIGH_PROXY_QUEUEFULL"
	DropUnknownLink  Drop = "DEV_READY" // the link is gone or down
	DropLoopedNonce  Drop = "IPV6_NDISC_LOOPED"
	DropNotForwarder Drop = "IPV6_NDISC_NOT_ROUTER" // an RS that a host received
)

func (d Drop) Error() string { return string(d) }
