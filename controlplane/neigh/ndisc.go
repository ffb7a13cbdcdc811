// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// HandleND takes a punted message of Neighbor Discovery (icmpv6_rcv, ndisc_rcv).
func (t *Table) HandleND(p *dpif.Punt) {
	l := t.links.ByIndex(p.Iif)
	if l == nil || !l.Up() {
		t.drop(DropUnknownLink)
		return
	}
	if !l.Enabled6() {
		t.drop(DropDisabled6)
		return
	}
	src, dst, hopLimit, msg, fragment, err := ndPayload(p)
	if err != nil {
		t.drop(err.(Drop))
		return
	}
	if ChecksumND(src, dst, msg) != 0 {
		t.drop(DropChecksum)
		return
	}
	if fragment && l.Conf6.SuppressFragNDISC != 0 {
		t.drop(DropFragmented)
		return
	}
	m, err := ParseND(src, dst, hopLimit, msg)
	if err != nil {
		t.drop(err.(Drop))
		return
	}
	var reason Drop
	switch m.Type {
	case NDNeighborSolicit:
		reason = t.recvNS(l, &m, p.PktType, false)
	case NDNeighborAdvert:
		reason = t.recvNA(l, &m, p.PktType)
	case NDRouterSolicit:
		reason = t.recvRS(l, &m)
	case NDRouterAdvert:
		reason = t.recvRA(l, &m)
	case NDRedirect:
		reason = t.recvRedirect(l, &m)
	}
	if reason != "" {
		t.drop(reason)
	}
}

// ndPayload finds the message in a punt. Offsets are the data plane's, lengths are not believed.
func ndPayload(p *dpif.Punt) (src, dst netip.Addr, hopLimit uint8, msg []byte, fragment bool, err error) {
	l3, l4 := int(p.L3), int(p.L4)
	if l4 < l3+ipv6HdrLen || l4 > len(p.Data) {
		return src, dst, 0, nil, false, DropTooSmall
	}
	ip := p.Data[l3:]
	end := ipv6HdrLen + int(binary.BigEndian.Uint16(ip[4:]))
	if end > len(ip) || end < l4-l3 {
		return src, dst, 0, nil, false, DropTooSmall
	}
	src, dst = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:]))
	return src, dst, ip[7], ip[l4-l3 : end], hasFragmentHdr(ip[:l4-l3]), nil
}

// hasFragmentHdr walks the extension headers in ip, which ends where the transport header begins.
func hasFragmentHdr(ip []byte) bool {
	next, off := ip[6], ipv6HdrLen
	for off+8 <= len(ip) {
		switch next {
		case unix.IPPROTO_FRAGMENT:
			return true
		case unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS:
			next, off = ip[off], off+8*(int(ip[off+1])+1)
		default:
			return false
		}
	}
	return false
}

// recvNS is ndisc_recv_ns. redo: it comes from the queue of delayed proxy answers.
func (t *Table) recvNS(l *link.Link, m *ND, pktType uint8, redo bool) Drop {
	dad, toGroup := m.Src.IsUnspecified(), m.Dst.IsMulticast()
	if m.Target.IsMulticast() {
		return DropNDTarget
	}
	if dad && !isSolicitedNode(m.Dst) {
		return DropNDDest
	}
	lladdr, hasAddr := LLAddr(m.Options.SrcLLAddr)
	if m.Options.SrcLLAddr != nil && (!hasAddr || dad) {
		return DropBadOptions
	}

	own := t.own6(l, m.Target)
	router := l.Forwarding6()
	if own != nil {
		if own.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC) != 0 {
			switch {
			case dad && t.loopedBack(l, m):
				return DropLoopedNonce
			case dad:
				t.dadConflict(l, m.Target, link.HardAddr{})
				return ""
			case own.Flags&unix.IFA_F_OPTIMISTIC == 0:
				return "" // not ours yet
			}
		}
	} else {
		answer, delay := t.ndProxied(l, m.Target, &router)
		if !answer {
			return ""
		}
		if delay && !redo && pktType != unix.PACKET_HOST && toGroup && l.Neigh6.ProxyDelay != 0 {
			later := ND{Type: m.Type, Src: m.Src, Dst: m.Dst, Target: m.Target}
			if hasAddr {
				later.Options.SrcLLAddr = append([]byte(nil), m.Options.SrcLLAddr...)
			}
			t.nd.enqueue(l, func() { t.recvNS(l, &later, pktType, true) })
			return ""
		}
	}
	if dad {
		t.SendNA(l, AllNodes, m.Target, router, false, own != nil, true)
		return ""
	}
	if toGroup {
		t.nd.stats.RcvProbesMcast++
	} else {
		t.nd.stats.RcvProbesUcast++
	}
	n := t.Lookup(l, m.Src)
	if n == nil && (!toGroup || hasAddr) {
		n = t.lookupOrCreate(l, m.Src)
	}
	if n == nil {
		return ""
	}
	_ = t.Update(n, lladdr, hasAddr, unix.NUD_STALE, WeakOverride|Override, 0)
	t.SendNA(l, m.Src, m.Target, router, true, own != nil && toGroup, toGroup)
	return ""
}

// loopedBack says whether a solicitation of DAD is the one that we sent (RFC 7527).
func (t *Table) loopedBack(l *link.Link, m *ND) bool {
	nonce := m.Options.NonceValue()
	return nonce != 0 && t.DADNonce != nil && t.DADNonce(l, m.Target) == nonce
}

func (t *Table) dadConflict(l *link.Link, target netip.Addr, from link.HardAddr) {
	if t.OnDADConflict != nil {
		t.OnDADConflict(l, target, from)
	}
}

// ndProxied says whether to answer for target, which is not an address of l: an anycast address, or
// one with a proxy entry, whose router flag then counts.
func (t *Table) ndProxied(l *link.Link, target netip.Addr, router *bool) (answer, delay bool) {
	if t.anycast(l, target) {
		return true, true
	}
	if !l.Forwarding6() || t.links.All6.ProxyNDP == 0 && l.Conf6.ProxyNDP == 0 {
		return false, false
	}
	p := t.LookupProxy(l, target)
	if p == nil {
		return false, false
	}
	*router = p.Flags&FlagRouter != 0
	return true, true
}

// recvNA is ndisc_recv_na.
func (t *Table) recvNA(l *link.Link, m *ND, pktType uint8) Drop {
	if m.Target.IsMulticast() {
		return DropNDTarget
	}
	if m.Dst.IsMulticast() && m.Solicited {
		return DropNDDest
	}
	if !m.Solicited && l.Conf6.DropUnsolicitedNA != 0 {
		return DropUnsolicited
	}
	lladdr, hasAddr := LLAddr(m.Options.TgtLLAddr)
	if m.Options.TgtLLAddr != nil && !hasAddr {
		return DropBadOptions
	}
	if own := t.own6(l, m.Target); own != nil {
		if pktType != unix.PACKET_LOOPBACK && own.Flags&unix.IFA_F_TENTATIVE != 0 {
			t.dadConflict(l, m.Target, lladdr)
		} else if pktType != unix.PACKET_LOOPBACK {
			t.net.Log.Warn("NA: someone advertised our address", "lladdr", lladdr, "addr", m.Target, "link", l.Name)
		}
		return ""
	}

	state := uint16(unix.NUD_STALE)
	if m.Solicited {
		state = unix.NUD_REACHABLE
	}
	n := t.Lookup(l, m.Target)
	if n == nil && hasAddr && l.Forwarding6() && t.acceptUntracked(l, m.Src) {
		n, state = t.lookupOrCreate(l, m.Target), unix.NUD_STALE // RFC 9131
	}
	if n == nil || n.NUD&unix.NUD_FAILED != 0 {
		return ""
	}
	// A proxy's advertisement of our own making says nothing new.
	if hasAddr && lladdr == l.HardAddr && t.links.All6.Forwarding != 0 && t.links.All6.ProxyNDP != 0 &&
		t.LookupProxy(l, m.Target) != nil {
		return ""
	}
	flags := WeakOverride | OverrideIsRouter
	if m.Override {
		flags |= Override
	}
	if m.Router {
		flags |= IsRouter
	}
	was := n.Flags
	_ = t.Update(n, lladdr, hasAddr, state, flags, 0)
	if was&^n.Flags&FlagRouter != 0 && t.OnRouterToHost != nil {
		t.OnRouterToHost(l, m.Src)
	}
	return ""
}

// acceptUntracked is accept_untracked_na.
func (t *Table) acceptUntracked(l *link.Link, src netip.Addr) bool {
	switch l.Conf6.AcceptUntrackedNA {
	case 1:
		return true
	case 2: // ipv6_chk_prefix
		for _, a := range t.addrs.OfLink(l, unix.AF_INET6) {
			if a.Bits() > 0 && a.Net().Contains(src) {
				return true
			}
		}
	}
	return false
}

// recvRS is ndisc_recv_rs: a router learns from it.
func (t *Table) recvRS(l *link.Link, m *ND) Drop {
	if !l.Forwarding6() {
		return DropNotForwarder
	}
	if m.Src.IsUnspecified() {
		return ""
	}
	lladdr, hasAddr := LLAddr(m.Options.SrcLLAddr)
	if m.Options.SrcLLAddr != nil && !hasAddr {
		return DropBadOptions
	}
	if n := t.lookupOrCreate(l, m.Src); n != nil {
		_ = t.Update(n, lladdr, hasAddr, unix.NUD_STALE, WeakOverride|Override|OverrideIsRouter, 0)
	}
	return ""
}

// recvRA is the part of ndisc_router_discovery that is about the neighbour; what the advertisement
// configures is addrconf's, and nothing on a link that forwards.
func (t *Table) recvRA(l *link.Link, m *ND) Drop {
	if !m.Src.IsLinkLocalUnicast() {
		return DropNDSource
	}
	lladdr, hasAddr := LLAddr(m.Options.SrcLLAddr)
	if m.Options.SrcLLAddr != nil && !hasAddr {
		return DropBadOptions
	}
	if n := t.lookupOrCreate(l, m.Src); n != nil {
		_ = t.Update(n, lladdr, hasAddr, unix.NUD_STALE, WeakOverride|Override|OverrideIsRouter|IsRouter, 0)
	}
	if accept := l.Conf6.AcceptRA; t.OnRA != nil && (accept == 2 || accept == 1 && !l.Forwarding6()) {
		t.OnRA(l, m)
	}
	return ""
}

// recvRedirect is ndisc_redirect_rcv and the checks of rt6_do_redirect. A router ignores it.
func (t *Table) recvRedirect(l *link.Link, m *ND) Drop {
	if !m.Src.IsLinkLocalUnicast() {
		return DropNDSource
	}
	if m.Dest.IsMulticast() {
		return DropNDDest
	}
	onLink := m.Dest == m.Target
	if !onLink && !m.Target.IsLinkLocalUnicast() {
		return DropNDTarget
	}
	if l.Forwarding6() || l.Conf6.AcceptRedirects == 0 {
		return ""
	}
	lladdr, hasAddr := LLAddr(m.Options.TgtLLAddr)
	if m.Options.TgtLLAddr != nil && !hasAddr {
		return DropBadOptions
	}
	flags := WeakOverride | Override
	if !onLink {
		flags |= OverrideIsRouter | IsRouter
	}
	if n := t.lookupOrCreate(l, m.Target); n != nil {
		_ = t.Update(n, lladdr, hasAddr, unix.NUD_STALE, flags, 0)
		if t.OnRedirect != nil {
			t.OnRedirect(l, m)
		}
	}
	return ""
}
