// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"encoding/binary"
	"net/netip"

	"skua/controlplane/link"
)

// Types of the messages of Neighbor Discovery (RFC 4861 4, NDISC_*).
const (
	NDRouterSolicit    = 133
	NDRouterAdvert     = 134
	NDNeighborSolicit  = 135
	NDNeighborAdvert   = 136
	NDRedirect         = 137
	ndHopLimit         = 255
	ipprotoICMPv6      = 58
	ipv6HdrLen         = 40
	naFlagRouter       = 0x80
	naFlagSolicited    = 0x40
	naFlagOverride     = 0x20
	raFlagManaged      = 0x80
	raFlagOther        = 0x40
	raFlagHomeAgent    = 0x20
	prefixFlagOnlink   = 0x80
	prefixFlagAuto     = 0x40
	prefixFlagRtrAddr  = 0x20
	optSrcLLAddr       = 1
	optTgtLLAddr       = 2
	optPrefixInfo      = 3
	optRedirectHdr     = 4
	optMTU             = 5
	optNonce           = 14
	optRouteInfo       = 24
	optRDNSS           = 25
	optDNSSL           = 31
	optCaptivePortal   = 37
	optPREF64          = 38
	ndNonceLen         = 6
	ndLLAddrOptionLen  = 8
	ndRedirectedMaxLen = 1280 - ipv6HdrLen - 40 - 8 - 8 // what of the packet a redirect may carry
)

// AllNodes and AllRouters are the link-local groups ff02::1 and ff02::2.
var (
	AllNodes   = netip.MustParseAddr("ff02::1")
	AllRouters = netip.MustParseAddr("ff02::2")
)

// ND is a message of Neighbor Discovery with the addresses of the packet that carries it.
type ND struct {
	Type     uint8 // ND*
	Src, Dst netip.Addr

	Target netip.Addr // NS, NA, redirect (the better first hop)
	Dest   netip.Addr // redirect: the redirected destination

	Router, Solicited, Override bool // NA

	CurHopLimit               uint8 // RA from here; 0: unspecified
	Managed, Other, HomeAgent bool
	Preference                uint8  // 2 bits, RFC 4191: 0 medium, 1 high, 3 low
	Lifetime                  uint16 // s; 0: no default router
	Reachable, Retrans        uint32 // ms; 0: unspecified

	Options NDOptions
}

// NDOptions are the options that the kernel knows. Of the address, MTU, nonce and redirected-header
// options the first counts (ndisc_parse_options); of the others all do.
type NDOptions struct {
	SrcLLAddr  []byte // what follows type and length; nil: absent. See LLAddr
	TgtLLAddr  []byte
	MTU        []byte // 6 bytes when well formed: see LinkMTU
	Nonce      []byte // 6 bytes when well formed
	Redirected []byte // the packet, cut to a multiple of 8, that a redirect is about
	HasHeader  bool   // a redirected-header option is there
	Prefixes   []PrefixInfo
	Routes     []RouteInfo
	User       [][]byte // whole options for user space (RTM_NEWNDUSEROPT): RDNSS, DNSSL, ...
}

// PrefixInfo is an option of an RA (RFC 4861 4.6.2).
type PrefixInfo struct {
	Prefix             netip.Addr
	PrefixLen          uint8
	Onlink, Autoconf   bool
	RouterAddr         bool
	Valid, PreferredLt uint32 // s
}

// RouteInfo is an option of an RA (RFC 4191 2.3).
type RouteInfo struct {
	Prefix    netip.Addr
	PrefixLen uint8
	Pref      uint8
	Lifetime  uint32 // s
}

// LLAddr is the link-layer address in the body of an address option; false: the option has another
// length than that of Ethernet, which makes the message invalid (ndisc_opt_addr_data).
func LLAddr(body []byte) (a link.HardAddr, ok bool) {
	if len(body) != ndLLAddrOptionLen-2 {
		return a, false
	}
	return link.HardAddr(body), true
}

// LinkMTU is the MTU option; false: there is none that is well formed.
func (o *NDOptions) LinkMTU() (uint32, bool) {
	if len(o.MTU) != 6 {
		return 0, false
	}
	return binary.BigEndian.Uint32(o.MTU[2:]), true
}

// NonceValue is the nonce option as a number (dad_nonce), 0: there is none that is well formed.
func (o *NDOptions) NonceValue() uint64 {
	if len(o.Nonce) != ndNonceLen {
		return 0
	}
	return uint64(binary.BigEndian.Uint16(o.Nonce))<<32 | uint64(binary.BigEndian.Uint32(o.Nonce[2:]))
}

// NonceOption is the body of a nonce option with the 48 low bits of n.
func NonceOption(n uint64) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(n>>32))
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

// SolicitedNode is the solicited-node group of an address (addrconf_addr_solict_mult).
func SolicitedNode(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}

func isSolicitedNode(a netip.Addr) bool {
	return a.Is6() && a == SolicitedNode(a)
}

// ParseND reads a message: msg begins with the ICMPv6 header, and its checksum has been verified
// (ChecksumND). It holds only on to addresses in msg; copy what must last. The error is a Drop.
func ParseND(src, dst netip.Addr, hopLimit uint8, msg []byte) (m ND, err error) {
	if len(msg) < 4 {
		return m, DropTooSmall
	}
	if hopLimit != ndHopLimit {
		return m, DropHopLimit
	}
	if msg[1] != 0 {
		return m, DropBadCode
	}
	m.Type, m.Src, m.Dst = msg[0], src, dst
	fixed := 0
	switch m.Type {
	case NDRouterSolicit:
		fixed = 8
	case NDRouterAdvert:
		fixed = 16
	case NDNeighborSolicit, NDNeighborAdvert:
		fixed = 24
	case NDRedirect:
		fixed = 40
	default:
		return m, DropBadType
	}
	if len(msg) < fixed {
		return m, DropTooSmall
	}
	m.parseFixed(msg[:fixed])
	return m, m.parseOptions(msg[fixed:])
}

func (m *ND) parseFixed(b []byte) {
	switch m.Type {
	case NDRouterAdvert:
		m.CurHopLimit = b[4]
		m.Managed, m.Other, m.HomeAgent = b[5]&raFlagManaged != 0, b[5]&raFlagOther != 0, b[5]&raFlagHomeAgent != 0
		m.Preference = b[5] >> 3 & 3
		m.Lifetime = binary.BigEndian.Uint16(b[6:])
		m.Reachable, m.Retrans = binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
	case NDNeighborAdvert:
		m.Router, m.Solicited, m.Override = b[4]&naFlagRouter != 0, b[4]&naFlagSolicited != 0, b[4]&naFlagOverride != 0
		fallthrough
	case NDNeighborSolicit:
		m.Target = netip.AddrFrom16([16]byte(b[8:]))
	case NDRedirect:
		m.Target, m.Dest = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	}
}

// parseOptions is ndisc_parse_options: an option of no length, or longer than what is left, makes
// the whole message invalid; what is unknown is passed over.
func (m *ND) parseOptions(b []byte) error {
	o := &m.Options
	first := func(to *[]byte, body []byte) {
		if *to == nil {
			*to = body
		}
	}
	for len(b) > 0 {
		if len(b) < 2 || b[1] == 0 || len(b) < int(b[1])*8 {
			return DropBadOptions
		}
		opt := b[:int(b[1])*8]
		b = b[len(opt):]
		body := opt[2:]
		switch opt[0] {
		case optSrcLLAddr:
			first(&o.SrcLLAddr, body)
		case optTgtLLAddr:
			first(&o.TgtLLAddr, body)
		case optMTU:
			first(&o.MTU, body)
		case optNonce:
			first(&o.Nonce, body)
		case optRedirectHdr:
			if !o.HasHeader {
				o.HasHeader, o.Redirected = true, body[6:]
			}
		case optPrefixInfo:
			if len(opt) == 32 {
				o.Prefixes = append(o.Prefixes, PrefixInfo{
					Prefix: netip.AddrFrom16([16]byte(opt[16:])), PrefixLen: opt[2],
					Onlink: opt[3]&prefixFlagOnlink != 0, Autoconf: opt[3]&prefixFlagAuto != 0,
					RouterAddr: opt[3]&prefixFlagRtrAddr != 0,
					Valid:      binary.BigEndian.Uint32(opt[4:]), PreferredLt: binary.BigEndian.Uint32(opt[8:]),
				})
			}
		case optRouteInfo:
			if len(opt) <= 24 {
				var p [16]byte
				copy(p[:], opt[8:])
				o.Routes = append(o.Routes, RouteInfo{
					Prefix: netip.AddrFrom16(p), PrefixLen: opt[2], Pref: opt[3] >> 3 & 3,
					Lifetime: binary.BigEndian.Uint32(opt[4:]),
				})
			}
		case optRDNSS, optDNSSL, optCaptivePortal, optPREF64:
			o.User = append(o.User, opt)
		}
	}
	return nil
}

// Append writes the ICMPv6 message with its checksum.
func (m *ND) Append(b []byte) []byte {
	start := len(b)
	b = append(b, m.Type, 0, 0, 0)
	switch m.Type {
	case NDRouterSolicit:
		b = append(b, 0, 0, 0, 0)
	case NDRouterAdvert:
		flags := bit(m.Managed, raFlagManaged) | bit(m.Other, raFlagOther) | bit(m.HomeAgent, raFlagHomeAgent) | m.Preference&3<<3
		b = append(b, m.CurHopLimit, flags)
		b = binary.BigEndian.AppendUint16(b, m.Lifetime)
		b = binary.BigEndian.AppendUint32(b, m.Reachable)
		b = binary.BigEndian.AppendUint32(b, m.Retrans)
	case NDNeighborSolicit:
		b = append(append(b, 0, 0, 0, 0), m.Target.AsSlice()...)
	case NDNeighborAdvert:
		b = append(b, bit(m.Router, naFlagRouter)|bit(m.Solicited, naFlagSolicited)|bit(m.Override, naFlagOverride), 0, 0, 0)
		b = append(b, m.Target.AsSlice()...)
	case NDRedirect:
		b = append(append(b, 0, 0, 0, 0), m.Target.AsSlice()...)
		b = append(b, m.Dest.AsSlice()...)
	}
	b = m.Options.append(b)
	binary.BigEndian.PutUint16(b[start+2:], ChecksumND(m.Src, m.Dst, b[start:]))
	return b
}

// Packet is the whole IPv6 packet: hop limit 255, no extension headers.
func (m *ND) Packet() []byte {
	b := make([]byte, ipv6HdrLen, ipv6HdrLen+72)
	b[0], b[6], b[7] = 0x60, ipprotoICMPv6, ndHopLimit
	copy(b[8:], m.Src.AsSlice())
	copy(b[24:], m.Dst.AsSlice())
	b = m.Append(b)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-ipv6HdrLen))
	return b
}

func (o *NDOptions) append(b []byte) []byte {
	opt := func(typ uint8, body []byte) {
		if body != nil {
			n := (len(body) + 2 + 7) / 8
			b = append(append(b, typ, uint8(n)), body...)
			b = append(b, make([]byte, n*8-2-len(body))...)
		}
	}
	opt(optSrcLLAddr, o.SrcLLAddr)
	opt(optTgtLLAddr, o.TgtLLAddr)
	for i := range o.Prefixes {
		p := &o.Prefixes[i]
		b = append(b, optPrefixInfo, 4, p.PrefixLen,
			bit(p.Onlink, prefixFlagOnlink)|bit(p.Autoconf, prefixFlagAuto)|bit(p.RouterAddr, prefixFlagRtrAddr))
		b = binary.BigEndian.AppendUint32(b, p.Valid)
		b = binary.BigEndian.AppendUint32(b, p.PreferredLt)
		b = append(append(b, 0, 0, 0, 0), p.Prefix.AsSlice()...)
	}
	if o.HasHeader {
		opt(optRedirectHdr, append(make([]byte, 6), o.Redirected[:len(o.Redirected)&^7]...))
	}
	opt(optMTU, o.MTU)
	opt(optNonce, o.Nonce)
	for i := range o.Routes {
		r := &o.Routes[i]
		b = append(b, optRouteInfo, 3, r.PrefixLen, r.Pref&3<<3)
		b = binary.BigEndian.AppendUint32(b, r.Lifetime)
		b = append(b, r.Prefix.AsSlice()...)
	}
	for _, u := range o.User {
		b = append(b, u...)
	}
	return b
}

func bit(on bool, b uint8) uint8 {
	if on {
		return b
	}
	return 0
}

// ChecksumND is the checksum of an ICMPv6 message with its pseudo-header: what belongs into a message
// whose checksum field is zero, and 0 when the message has the right one.
func ChecksumND(src, dst netip.Addr, msg []byte) uint16 {
	s, d := src.As16(), dst.As16()
	sum := uint64(len(msg)) + ipprotoICMPv6
	add := func(b []byte) {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint64(b[0])<<8 | uint64(b[1])
		}
		if len(b) == 1 {
			sum += uint64(b[0]) << 8
		}
	}
	add(s[:])
	add(d[:])
	add(msg)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
