// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
)

// IPTOS_PREC_INTERNETCONTROL: errors go before data (RFC 1812 4.3.2.5).
const precInternetControl = 0xc0

// tosMask keeps of the TOS byte what errors keep (IPTOS_TOS_MASK).
const tosMask = 0x1e

// send4 is __icmp_send: an error, or a redirect, about k. info is the second word of the message.
//
// RFC 1122 3.2.2: never about a broadcast or multicast, in either layer, about a fragment other than
// the first, about an error.
func (h *Handler) send4(k *packet, typ, code uint8, info uint32) {
	if k.PktType != unix.PACKET_HOST || k.toGroup() {
		return
	}
	if binary.BigEndian.Uint16(k.ip[6:])&0x1fff != 0 {
		return
	}
	if isError4(typ) && k.ip[9] == unix.IPPROTO_ICMP {
		if k.l4 >= len(k.ip) {
			return
		}
		if inner := k.ip[k.l4]; inner > nrICMPTypes || isError4(inner) {
			return
		}
	}
	limited := h.limited4(typ, code)
	if limited && !(k.in != nil && k.in.Loopback()) && !h.allowGlobal() {
		h.mib.icmp.OutRateLimitGlobal++
		return
	}

	var src netip.Addr
	if k.RtType == unix.RTN_LOCAL {
		src = k.dst
	} else if h.Sysctl.ErrorsUseInboundIfaddr != 0 && k.in != nil {
		src = h.addrs.Select(k.in, k.src, unix.RT_SCOPE_LINK)
	}
	tos := k.ip[1]
	if isError4(typ) {
		tos = tos&tosMask | precInternetControl
	}
	bad := uint32(0)
	if typ == icmpParamProb {
		bad = info >> 24
	}
	opt, err := h.echoOptions(k, bad)
	if err != nil {
		return
	}

	dst := k.src
	if opt.faddr.IsValid() {
		dst = opt.faddr
	}
	r, err := h.routes.Lookup(route.Query{
		Family: unix.AF_INET, Dst: dst, Src: src, TOS: tos, Proto: unix.IPPROTO_ICMP,
		Sport: uint16(typ), Dport: uint16(code), L3mdev: k.l3mdev(),
	})
	if err != nil || r.Link == nil {
		return
	}
	if limited && !r.Link.Loopback() && !h.allowPeer4(dst) {
		return
	}
	room := min(int(r.MTU), icmpMaxSize) - ipHdrLen - len(opt.data) - icmpHdrLen
	if room <= ipHdrLen {
		return
	}
	msg := make([]byte, icmpHdrLen, icmpHdrLen+room)
	msg[0], msg[1] = typ, code
	binary.BigEndian.PutUint32(msg[4:], info)
	msg = append(msg, k.ip[:min(len(k.ip), room)]...)
	h.push4(&out4{
		route: &r, src: src, dst: k.src, tos: tos, opt: opt, proto: unix.IPPROTO_ICMP, twin: h.twinOf(k),
		payload: sumInto(msg, 2, 0),
	})
}
