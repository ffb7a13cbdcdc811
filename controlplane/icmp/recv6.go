// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
)

// Types and codes of RFC 4443.
const (
	icmp6DestUnreach = 1
	icmp6PktTooBig   = 2
	icmp6ParamProb   = 4
	icmp6EchoRequest = 128
	icmp6EchoReply   = 129
	icmp6MLDQuery    = 130
	icmp6MLDReport   = 131

	icmp6PortUnreach = 4
	icmp6UnkNexthdr  = 1
	icmp6UnkOption   = 2
)

// recv6 is icmpv6_rcv.
func (h *Handler) recv6(k *packet) {
	c := &h.mib.icmp6
	c.InMsgs++
	msg := k.transport()
	if msg == nil || checksum(msg, pseudo(k.src, k.dst, unix.IPPROTO_ICMPV6, len(msg))) != 0 {
		c.InCsumErrors++
		c.InErrors++
		return
	}
	if len(msg) < icmpHdrLen {
		c.InErrors++
		return
	}
	c.in[msg[0]]++
	switch msg[0] {
	case icmp6EchoRequest:
		if h.Sysctl.EchoIgnoreAll6 == 0 {
			h.echo6(k, msg)
		}
	case icmp6MLDQuery, icmp6MLDReport:
		if h.MLD != nil {
			h.MLD(k.in, k.ip, k.l4, k.PktType)
		}
	case icmp6PktTooBig:
		if len(msg) < icmpHdrLen+ip6HdrLen {
			c.InErrors++
		}
	case 1, 3, icmp6ParamProb:
		if len(msg) < icmpHdrLen+ip6HdrLen+8 {
			c.InErrors++ // icmpv6_notify
		}
	}
}

// echo6 is icmpv6_echo_reply. What came to a group or an anycast address is answered from the
// address that the route back chooses.
func (h *Handler) echo6(k *packet, msg []byte) {
	if k.dst.IsMulticast() && h.Sysctl.EchoIgnoreMulticast6 != 0 {
		return
	}
	src, anycast := k.dst, k.RtType == unix.RTN_ANYCAST
	if src.IsMulticast() || anycast && h.Sysctl.AnycastSrcEchoReply == 0 {
		src = netip.Addr{}
	}
	if anycast && h.Sysctl.EchoIgnoreAnycast6 != 0 {
		return
	}
	r, err := h.routes.Lookup(route.Query{
		Family: unix.AF_INET6, Dst: k.src, Src: src, Oif: k.in.Index, Proto: unix.IPPROTO_ICMPV6,
		Sport: icmp6EchoReply,
	})
	if err != nil || r.Link == nil {
		return
	}
	if !src.IsValid() {
		src = r.Src
	}
	limited := h.limited6(icmp6EchoReply)
	if !src.IsValid() || limited && !h.allowGlobal() || limited && !h.allowPeer6(k.src) {
		return
	}
	reply := append([]byte(nil), msg...)
	reply[0] = icmp6EchoReply
	h.push6(&out6{
		route: &r, src: src, dst: k.src, tclass: k.tclass(), proto: unix.IPPROTO_ICMPV6,
		payload: reply, sum: 2,
	})
}

// tclass is the traffic class of an IPv6 packet.
func (k *packet) tclass() uint8 { return k.ip[0]<<4 | k.ip[1]>>4 }
