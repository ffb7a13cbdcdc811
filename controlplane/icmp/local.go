// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
	"skua/dataplane/dpif"
)

const (
	udpHdrLen = 8
	tcpHdrLen = 20

	tcpFIN = 0x01
	tcpSYN = 0x02
	tcpRST = 0x04
	tcpACK = 0x10

	inetECNMask = 3
)

// HandleLocal takes a packet for us that is neither ICMP nor ND (DP_PUNT_LOCAL). There are no
// sockets: UDP finds its port closed, TCP is reset, other protocols are unknown.
func (h *Handler) HandleLocal(p *dpif.Punt) {
	k, ok := h.open(p)
	if !ok {
		return
	}
	switch p.IPProto {
	case unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE:
		h.udp(&k, p.IPProto)
	case unix.IPPROTO_TCP:
		h.tcp(&k)
	case unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6, unix.IPPROTO_IGMP:
		if k.is4() == (p.IPProto != unix.IPPROTO_ICMPV6) {
			return // spoken here, and not by this way
		}
		h.unknown(&k)
	case unix.IPPROTO_PIM: // the kernel speaks it as far as to take it
	case unix.IPPROTO_NONE:
		if k.is4() {
			h.unknown(&k)
		}
	default:
		h.unknown(&k)
	}
}

// unknown is the end of ip_protocol_deliver_rcu and ip6_protocol_deliver_rcu.
func (h *Handler) unknown(k *packet) {
	if k.is4() {
		h.send4(k, icmpDestUnreach, icmpProtUnreach, 0)
		return
	}
	h.send6(k, icmp6ParamProb, icmp6UnkNexthdr, k.nexthdrOffset())
}

// nexthdrOffset is where the field stands that named the transport protocol.
func (k *packet) nexthdrOffset() uint32 {
	field, next, at := 6, k.ip[6], ip6HdrLen
	for at < k.l4 && at+8 <= len(k.ip) {
		length := 8 * (int(k.ip[at+1]) + 1)
		switch next {
		case unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS:
		case unix.IPPROTO_FRAGMENT:
			length = 8
		default:
			return uint32(field)
		}
		field, next, at = at, k.ip[at], at+length
	}
	return uint32(field)
}

// udp is __udp4_lib_rcv and __udp6_lib_rcv for a port that nobody listens on, of UDP and UDP-Lite.
func (h *Handler) udp(k *packet, proto uint8) {
	c := &h.mib.local
	if !k.is4() {
		c = &h.mib.local6
	}
	d := k.transport()
	if len(d) < udpHdrLen {
		return
	}
	// covered are the bytes that the checksum is over.
	covered := int(binary.BigEndian.Uint16(d[4:]))
	if covered == 0 && (proto == unix.IPPROTO_UDPLITE || !k.is4()) {
		covered = len(d)
	}
	if covered > len(d) || covered < udpHdrLen {
		c.UDPInErrors++
		return
	}
	if proto == unix.IPPROTO_UDP {
		d = d[:covered]
		k.ip = k.ip[:k.l4+covered] // pskb_trim_rcsum: an error quotes no more
	}
	sum := binary.BigEndian.Uint16(d[6:])
	must := proto == unix.IPPROTO_UDPLITE || !k.is4()
	if sum == 0 && must || sum != 0 && checksum(d[:covered], pseudo(k.src, k.dst, proto, len(d))) != 0 {
		c.UDPInCsumErrors++
		c.UDPInErrors++
		return
	}
	if k.toGroup() || k.dst.IsMulticast() {
		return // __udp4_lib_mcast_deliver: nobody
	}
	c.UDPNoPorts++
	if k.is4() {
		h.send4(k, icmpDestUnreach, icmpPortUnreach, 0)
	} else {
		h.send6(k, icmp6DestUnreach, icmp6PortUnreach, 0)
	}
}

// tcp is tcp_v4_rcv and tcp_v6_rcv for a connection that does not exist, with
// tcp_v4_send_reset and tcp_v6_send_reset (RFC 9293 3.5.2).
func (h *Handler) tcp(k *packet) {
	c := &h.mib.local
	if !k.is4() {
		c = &h.mib.local6
	}
	if k.PktType != unix.PACKET_HOST {
		return
	}
	c.TCPInSegs++
	s := k.transport()
	if len(s) < tcpHdrLen {
		c.TCPInErrs++
		return
	}
	doff := int(s[12]>>4) * 4
	if doff < tcpHdrLen || doff > len(s) {
		c.TCPInErrs++
		return
	}
	if checksum(s, pseudo(k.src, k.dst, unix.IPPROTO_TCP, len(s))) != 0 {
		c.TCPInCsumErrors++
		c.TCPInErrs++
		return
	}
	flags := s[13]
	if flags&tcpRST != 0 || k.RtType != unix.RTN_LOCAL || k.dst.IsMulticast() {
		return
	}
	rst := make([]byte, tcpHdrLen)
	copy(rst[0:], s[2:4])
	copy(rst[2:], s[0:2])
	rst[12] = tcpHdrLen / 4 << 4
	rst[13] = tcpRST
	if flags&tcpACK != 0 {
		copy(rst[4:8], s[8:12])
	} else {
		ack := binary.BigEndian.Uint32(s[4:]) + uint32(len(s)-doff)
		if flags&tcpSYN != 0 {
			ack++
		}
		if flags&tcpFIN != 0 {
			ack++
		}
		rst[13] |= tcpACK
		binary.BigEndian.PutUint32(rst[8:], ack)
	}
	q := route.Query{Family: unix.AF_INET, Dst: k.src, Src: k.dst, Proto: unix.IPPROTO_TCP, L3mdev: k.l3mdev()}
	q.Sport, q.Dport = binary.BigEndian.Uint16(rst), binary.BigEndian.Uint16(rst[2:])
	if !k.is4() {
		q.Family = unix.AF_INET6
		if k.src.IsLinkLocalUnicast() {
			q.Oif = k.Iif
		}
	} else {
		q.TOS = k.ip[1]
	}
	r, err := h.routes.Lookup(q)
	if err != nil {
		return
	}
	c.TCPOutRsts++
	c.TCPOutSegs++
	if k.is4() {
		h.push4(&out4{
			route: &r, src: k.dst, dst: k.src, tos: k.ip[1] &^ inetECNMask, df: true, proto: unix.IPPROTO_TCP,
			payload: sumInto(rst, 16, pseudo(k.dst, k.src, unix.IPPROTO_TCP, len(rst))),
		})
		return
	}
	h.push6(&out6{
		route: &r, src: k.dst, dst: k.src, tclass: k.tclass() &^ inetECNMask, proto: unix.IPPROTO_TCP,
		payload: rst, sum: 16,
	})
}
