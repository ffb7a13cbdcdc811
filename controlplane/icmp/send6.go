// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
)

// send6 is icmp6_send: an error about k. info is the second word of the message: an MTU or a
// pointer.
//
// RFC 4443 2.4(e): never about an error, about what did not come for this host alone (but for packet
// too big and an unknown option that asks for it), to a source that is not one node.
func (h *Handler) send6(k *packet, typ, code uint8, info uint32) {
	if k.in == nil {
		return
	}
	var src netip.Addr
	if k.RtType == unix.RTN_ANYCAST { // ipv6_chk_acast_addr_src
		src = k.dst
	} else if a := h.addrs.Find(k.in, k.dst); a != nil && a.Flags&unix.IFA_F_TENTATIVE == 0 ||
		!k.dst.IsLinkLocalUnicast() && h.local6(k.dst) {
		src = k.dst
	}
	if k.dst.IsMulticast() || k.PktType != unix.PACKET_HOST {
		if typ != icmp6PktTooBig &&
			!(typ == icmp6ParamProb && code == icmp6UnkOption && k.optionAsks(info)) {
			return
		}
		src = netip.Addr{}
	}
	iif := uint32(0)
	if k.src.IsLinkLocalUnicast() {
		iif = k.in.Index
	}
	if k.src.IsUnspecified() || k.src.IsMulticast() || k.ineligible() {
		return
	}
	limited := h.limited6(typ)
	if limited && !k.in.Loopback() && !h.allowGlobal() {
		h.mib.icmp6.OutRateLimitGlobal++
		return
	}
	if !src.IsValid() {
		src = h.source6(k, iif)
	}
	r, err := h.routes.Lookup(route.Query{
		Family: unix.AF_INET6, Dst: k.src, Src: src, Oif: iif, Proto: unix.IPPROTO_ICMPV6,
		Sport: uint16(typ), Dport: uint16(code),
	})
	if err != nil || r.Link == nil {
		return
	}
	if limited && !r.Link.Loopback() && !h.allowPeer6(k.src) {
		return
	}
	if r.Type == unix.RTN_ANYCAST && h.Sysctl.ErrorAnycastAsUnicast6 == 0 {
		return
	}
	if !src.IsValid() {
		src = r.Src
	}
	if !src.IsValid() {
		return
	}
	room := ip6MinMTU - ip6HdrLen - icmpHdrLen
	msg := make([]byte, icmpHdrLen, icmpHdrLen+room)
	msg[0], msg[1] = typ, code
	binary.BigEndian.PutUint32(msg[4:], info)
	msg = append(msg, k.ip[:min(len(k.ip), room)]...)
	h.push6(&out6{
		route: &r, src: src, dst: k.src, proto: unix.IPPROTO_ICMPV6, payload: msg, sum: 2, twin: h.twinOf(k),
	})
}

// local6 says whether a is an own address of any link, for data (ipv6_chk_addr without strict).
func (h *Handler) local6(a netip.Addr) bool {
	own := h.addrs.IsLocal(a)
	return own != nil && own.Flags&unix.IFA_F_TENTATIVE == 0
}

// source6 is icmpv6_rt_has_prefsrc and what follows it: without a preferred source of the route
// back, an address of the link that the packet came in by.
func (h *Handler) source6(k *packet, iif uint32) netip.Addr {
	r, err := h.routes.Lookup(route.Query{
		Family: unix.AF_INET6, Dst: k.src, Oif: iif, Proto: unix.IPPROTO_ICMPV6,
	})
	if err == nil && r.Route.Info != nil && r.Route.Info.PrefSrc.IsValid() {
		return netip.Addr{}
	}
	return h.addrs.Select(k.in, k.src, unix.RT_SCOPE_UNIVERSE)
}

// optionAsks is opt_unrec: has the option at offset at the type 10xxxxxx, "an error even about a
// group"?
func (k *packet) optionAsks(at uint32) bool {
	return int64(at) >= int64(len(k.ip)) || k.ip[at]&0xc0 == 0x80
}

// ineligible is is_ineligible: k is an ICMPv6 error, or a message whose type is not there to see.
func (k *packet) ineligible() bool {
	next, at, frag, ok := skipExthdr(k.ip)
	if !ok || next != unix.IPPROTO_ICMPV6 {
		return false
	}
	if at >= len(k.ip) {
		return !frag
	}
	return k.ip[at]&0x80 == 0
}

// skipExthdr is ipv6_skip_exthdr: the transport protocol of ip, where its header begins, and
// whether the packet is a fragment other than the first. ok false: the headers end nowhere.
func skipExthdr(ip []byte) (next uint8, at int, frag, ok bool) {
	next, at = ip[6], ip6HdrLen
	for {
		switch next {
		case unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS, unix.IPPROTO_FRAGMENT,
			unix.IPPROTO_AH:
		default:
			return next, at, frag, next != unix.IPPROTO_NONE
		}
		if at+8 > len(ip) {
			return next, at, frag, false
		}
		length := 8 * (int(ip[at+1]) + 1)
		switch next {
		case unix.IPPROTO_FRAGMENT:
			length = 8
			if binary.BigEndian.Uint16(ip[at+2:])&^7 != 0 {
				return next, at, true, true // what follows is nobody's header
			}
		case unix.IPPROTO_AH:
			length = 4 * (int(ip[at+1]) + 2)
		}
		next, at = ip[at], at+length
	}
}
