// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/binary"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

type mac = [6]byte

// hostMAC is the link-layer address of the host a.
func hostMAC(a netip.Addr) mac {
	b := a.As16()
	return mac{0x02, 0x64, b[12], b[13], b[14], b[15]}
}

func ethernet(dst, src mac, ethertype uint16) []byte {
	b := append(append(make([]byte, 0, 128), dst[:]...), src[:]...)
	return binary.BigEndian.AppendUint16(b, ethertype)
}

// ip appends an IP header of the addresses' family for a payload of n bytes.
func ip(b []byte, src, dst netip.Addr, proto, ttl, tos uint8, n int) []byte {
	at := len(b)
	if src.Is4() {
		b = append(b, 0x45, tos, 0, 0, 0, 0, 0, 0, ttl, proto, 0, 0)
		binary.BigEndian.PutUint16(b[at+2:], uint16(20+n))
		b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
		binary.BigEndian.PutUint16(b[at+10:], sum(b[at:], 0))
		return b
	}
	b = append(b, 0x60|tos>>4, tos<<4, 0, 0, 0, 0, proto, ttl)
	binary.BigEndian.PutUint16(b[at+4:], uint16(n))
	return append(append(b, src.AsSlice()...), dst.AsSlice()...)
}

// pad makes a frame as long as the shortest on a wire, 64 bytes with its checksum.
func pad(b []byte) []byte {
	for len(b) < 60 {
		b = append(b, 0)
	}
	return b
}

// sum is the Internet checksum.
func sum(b []byte, pseudo uint32) uint16 {
	for i := 0; i+1 < len(b); i += 2 {
		pseudo += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		pseudo += uint32(b[len(b)-1]) << 8
	}
	for pseudo > 0xffff {
		pseudo = pseudo>>16 + pseudo&0xffff
	}
	return ^uint16(pseudo)
}

// pseudo is the sum of a pseudo header.
func pseudo(src, dst netip.Addr, proto uint8, n int) uint32 {
	both := append(src.AsSlice(), dst.AsSlice()...)
	return uint32(^sum(both, 0)) + uint32(proto) + uint32(n)
}

// echo is a ping of 64 bytes on the wire (74 bytes with IPv6, as short as that gets with 8 of data).
func echo(router mac, src, dst netip.Addr, id, seq uint16) []byte {
	typ, proto, etype, n := uint8(8), uint8(unix.IPPROTO_ICMP), uint16(unix.ETH_P_IP), 26
	if !src.Is4() {
		typ, proto, etype, n = 128, unix.IPPROTO_ICMPV6, unix.ETH_P_IPV6, 8
	}
	b := ip(ethernet(router, hostMAC(src), etype), src, dst, proto, 64, 0, n)
	at := len(b)
	b = append(b, make([]byte, n)...)
	b[at] = typ
	binary.BigEndian.PutUint16(b[at+4:], id)
	binary.BigEndian.PutUint16(b[at+6:], seq)
	var ps uint32
	if !src.Is4() {
		ps = pseudo(src, dst, proto, n)
	}
	binary.BigEndian.PutUint16(b[at+2:], sum(b[at:], ps))
	return pad(b)
}

// udp is a datagram of 64 bytes on the wire (66 with IPv6).
func udp(router mac, src, dst netip.Addr, sport, dport uint16, ttl uint8) []byte {
	n, etype := 18, uint16(unix.ETH_P_IP)
	if !src.Is4() {
		n, etype = 12, unix.ETH_P_IPV6
	}
	b := ip(ethernet(router, hostMAC(src), etype), src, dst, unix.IPPROTO_UDP, ttl, 0, n)
	at := len(b)
	b = append(b, make([]byte, n)...)
	binary.BigEndian.PutUint16(b[at:], sport)
	binary.BigEndian.PutUint16(b[at+2:], dport)
	binary.BigEndian.PutUint16(b[at+4:], uint16(n))
	binary.BigEndian.PutUint16(b[at+6:], sum(b[at:], pseudo(src, dst, unix.IPPROTO_UDP, n)))
	return pad(b)
}

// syn is the first packet of a connection.
func syn(router mac, src, dst netip.Addr, sport, dport uint16, seq uint32) []byte {
	b := ip(ethernet(router, hostMAC(src), unix.ETH_P_IP), src, dst, unix.IPPROTO_TCP, 255, 0xc0, 20)
	at := len(b)
	b = append(b, make([]byte, 20)...)
	binary.BigEndian.PutUint16(b[at:], sport)
	binary.BigEndian.PutUint16(b[at+2:], dport)
	binary.BigEndian.PutUint32(b[at+4:], seq)
	b[at+12], b[at+13], b[at+14] = 5<<4, 2, 0x40
	binary.BigEndian.PutUint16(b[at+16:], sum(b[at:], pseudo(src, dst, unix.IPPROTO_TCP, 20)))
	return pad(b)
}

// arp is a request (op 1) or a reply (op 2).
func arp(op uint16, dst, sha mac, spa netip.Addr, tha mac, tpa netip.Addr) []byte {
	b := append(ethernet(dst, sha, unix.ETH_P_ARP), 0, 1, 8, 0, 6, 4)
	b = binary.BigEndian.AppendUint16(b, op)
	b = append(append(b, sha[:]...), spa.AsSlice()...)
	return pad(append(append(b, tha[:]...), tpa.AsSlice()...))
}

// solicit is a neighbour solicitation to the solicited-node group.
func solicit(src, target netip.Addr) []byte {
	t := target.As16()
	group := netip.AddrFrom16([16]byte{0xff, 0x02, 11: 1, 12: 0xff, 13: t[13], 14: t[14], 15: t[15]})
	return nd(mac{0x33, 0x33, 0xff, t[13], t[14], t[15]}, src, group, target, 135, 0, 1)
}

// advertise is the answer to one.
func advertise(router mac, target, dst netip.Addr) []byte {
	return nd(router, target, dst, target, 136, 0x60, 2)
}

func nd(to mac, src, dst, target netip.Addr, typ, flags, option uint8) []byte {
	const n = 32
	from := hostMAC(src)
	b := ip(ethernet(to, from, unix.ETH_P_IPV6), src, dst, unix.IPPROTO_ICMPV6, 255, 0, n)
	at := len(b)
	b = append(b, typ, 0, 0, 0, flags, 0, 0, 0)
	b = append(append(b, target.AsSlice()...), option, 1)
	b = append(b, from[:]...)
	binary.BigEndian.PutUint16(b[at+2:], sum(b[at:], pseudo(src, dst, unix.IPPROTO_ICMPV6, n)))
	return b
}

// writePcap writes frames into a file that net_pcap reads.
func writePcap(name string, frames [][]byte) error {
	var b []byte
	for _, v := range []uint32{0xa1b2c3d4, 4<<16 | 2, 0, 0, 65535, 1} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for _, f := range frames {
		for _, v := range []uint32{0, 0, uint32(len(f)), uint32(len(f))} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = append(b, f...)
	}
	return os.WriteFile(name, b, 0o600)
}
