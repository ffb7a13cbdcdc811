// SPDX-License-Identifier: BSD-3-Clause

// Package icmp is ICMP and ICMPv6 of an instance of the stack, and the answers that packets for us
// get which no socket wants. The flow, in the order of the files:
//
//	HandleICMP   recv4.go, recv6.go  icmp_rcv, icmpv6_rcv: echo, timestamp
//	HandleLocal  local.go            UDP and TCP without a socket, unknown protocols
//	HandleSend   send4.go, send6.go  __icmp_send, icmp6_send: an error about a packet, asked for by C
//	             redirect.go         ip_rt_send_redirect, ndisc_send_redirect
//	             limit.go            the rate limits in between
//	             options.go          ip_options_echo: IPv4 options carried into the answer
//	             output4.go, 6       ip_push_pending_frames: header, fragments, inject
//
// Everything runs under RTNL. Order of checks, limits and defaults are the kernel's.
package icmp

import (
	"hash/maphash"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/route"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// Routes is what this package asks of route.Table.
type Routes interface {
	Lookup(q route.Query) (route.Result, error)
	AddrType(a netip.Addr) uint8
}

// Handler is ICMP of a Net.
type Handler struct {
	Sysctl Sysctl
	// Twins says that packets of our own come from sockets of the host, which are told of errors.
	Twins bool
	// MLD receives the queries and the reports of MLD version 1 whose checksum is right: an IPv6 packet,
	// where in it the message begins, and the type of its frame (PACKET_*). nil: nobody listens.
	MLD func(in *link.Link, ip []byte, at int, pktType uint8)

	net    *rtnl.Net
	links  *link.Table
	addrs  *addr.Table
	routes Routes
	neighs *neigh.Table // nil: redirects have no link-layer address

	start  time.Time
	mib    mibs
	global bucket
	peers  peers
	idents [256]uint32
	seed   maphash.Seed
}

// New makes a Handler and adds its sysctls to those of links.
func New(net *rtnl.Net, links *link.Table, addrs *addr.Table, routes Routes, neighs *neigh.Table) *Handler {
	h := &Handler{
		Sysctl: defaults(), net: net, links: links, addrs: addrs, routes: routes, neighs: neighs,
		start: net.Clock.Now(), seed: maphash.MakeSeed(),
	}
	h.peers.init()
	for i := range h.idents {
		h.idents[i] = net.Rand.Uint32()
	}
	h.addKnobs()
	return h
}

// packet is a punted packet, measured: lengths in it were not believed before they were compared.
type packet struct {
	*dpif.Punt
	in       *link.Link // received on; nil: gone, or our own
	ip       []byte     // from the network header to the end of the packet, without padding
	whole    int        // bytes that ip had before the punt cut it
	l4       int        // offset of the transport header in ip
	src, dst netip.Addr
}

const (
	ipHdrLen    = 20
	ip6HdrLen   = 40
	icmpHdrLen  = 8
	ip6MinMTU   = 1280
	icmpMaxSize = 576 // RFC 1812 4.3.2.3
)

// open measures a punt: its IP header is there and whole; ok false: it is not.
func (h *Handler) open(p *dpif.Punt) (k packet, ok bool) {
	l3 := int(p.L3)
	if l3 >= len(p.Data) {
		return k, false
	}
	k = packet{Punt: p, in: h.links.ByIndex(p.Iif), ip: p.Data[l3:]}
	if k.in == nil && p.Iif == 0 && h.Twins {
		k.in = h.links.Loopback()
	}
	k.whole = int(p.PktLen) - l3
	be16 := func(at int) int { return int(k.ip[at])<<8 | int(k.ip[at+1]) }
	var least, total int
	switch {
	case len(k.ip) >= ipHdrLen && k.ip[0]>>4 == 4:
		least, total = int(k.ip[0]&15)*4, be16(2)
		k.src = netip.AddrFrom4([4]byte(k.ip[12:16]))
		k.dst = netip.AddrFrom4([4]byte(k.ip[16:20]))
		k.l4 = least
	case len(k.ip) >= ip6HdrLen && k.ip[0]>>4 == 6:
		least, total = ip6HdrLen, ip6HdrLen+be16(4)
		if be16(4) == 0 && k.ip[6] == unix.IPPROTO_HOPOPTS {
			total = k.whole // a jumbogram has its length in an option, or none
		}
		k.src = netip.AddrFrom16([16]byte(k.ip[8:24]))
		k.dst = netip.AddrFrom16([16]byte(k.ip[24:40]))
		k.l4 = int(p.L4) - l3
	default:
		return k, false
	}
	if least < ipHdrLen || least > len(k.ip) || total < least {
		return k, false
	}
	if total > k.whole {
		return k, false
	}
	k.whole = total
	k.ip = k.ip[:min(total, len(k.ip))]
	return k, true
}

// transport is what follows the network headers; nil: nothing, or the punt cut it.
func (k *packet) transport() []byte {
	if k.l4 < ipHdrLen || k.l4 > len(k.ip) || len(k.ip) != k.whole {
		return nil
	}
	return k.ip[k.l4:]
}

func (k *packet) is4() bool { return k.src.Is4() }

// toGroup says that the route of the packet is a broadcast or multicast one (RTCF_BROADCAST,
// RTCF_MULTICAST).
func (k *packet) toGroup() bool {
	return k.RtType == unix.RTN_BROADCAST || k.RtType == unix.RTN_MULTICAST
}

// HandleICMP takes an ICMP or ICMPv6 packet that was delivered to us (DP_PUNT_ICMP, and MLD of
// DP_PUNT_IGMP).
func (h *Handler) HandleICMP(p *dpif.Punt) {
	k, ok := h.open(p)
	switch {
	case !ok || k.in == nil:
	case k.is4() && p.IPProto == unix.IPPROTO_ICMP:
		h.recv4(&k)
	case !k.is4() && p.IPProto == unix.IPPROTO_ICMPV6:
		h.recv6(&k)
	}
}

// HandleSend sends the error that C asks for about a packet (DP_PUNT_ICMP_SEND), if one may be sent.
func (h *Handler) HandleSend(p *dpif.Punt) {
	k, ok := h.open(p)
	switch {
	case !ok:
	case k.is4() && p.ICMPType == icmpRedirect:
		h.redirect4(&k)
	case k.is4():
		if h.routeError(&k) && !h.allowRouteError(&k) {
			return
		}
		h.send4(&k, p.ICMPType, p.ICMPCode, info4(p))
	case p.ICMPType == neigh.NDRedirect:
		h.redirect6(&k)
	default:
		h.send6(&k, p.ICMPType, p.ICMPCode, p.Info)
	}
}

// twinOf is the link whose twin an error about k goes to: that of the socket that sent k; 0: none.
func (h *Handler) twinOf(k *packet) uint32 {
	if !h.Twins || k.Iif != 0 {
		return 0
	}
	return k.Oif
}

// info4 is what follows the checksum of the error: an MTU, or a pointer in the first byte.
func info4(p *dpif.Punt) uint32 {
	switch p.ICMPType {
	case icmpDestUnreach:
		return p.Info & 0xffff
	case icmpParamProb:
		return p.Info << 24
	}
	return 0
}
