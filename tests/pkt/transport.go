// SPDX-License-Identifier: BSD-3-Clause

package pkt

import (
	"encoding/binary"
	"net/netip"
)

// sum adds b to a ones' complement sum (RFC 1071).
func sum(b []byte, s uint32) uint32 {
	for len(b) >= 2 {
		s += uint32(b[0])<<8 | uint32(b[1])
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return s
}

// fold makes a checksum of a sum.
func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

func pseudoSum(src, dst netip.Addr, proto, length int) uint32 {
	s := sum(src.AsSlice(), 0)
	s = sum(dst.AsSlice(), s)
	return s + uint32(proto) + uint32(length&0xffff) + uint32(length>>16)
}

// Checksum is the transport checksum of data, whose checksum field is as it is: 0 when it is right.
func Checksum(src, dst netip.Addr, proto uint8, data []byte) uint16 {
	return fold(sum(data, pseudoSum(src, dst, int(proto), len(data))))
}

// InternetChecksum is the checksum of b alone (IPv4 header, ICMP): 0 when it is right.
func InternetChecksum(b []byte) uint16 { return fold(sum(b, 0)) }

func (b *builder) transport(i int, l *Layer, ph pseudo) []byte {
	be := binary.BigEndian
	payload := b.layer(i+1, pseudo{})
	var h []byte
	var at int // offset of the checksum
	switch l.Name {
	case "udp":
		h = be.AppendUint16(h, uint16(b.num(l, "sport", 0)))
		h = be.AppendUint16(h, uint16(b.num(l, "dport", 0)))
		h = be.AppendUint16(h, uint16(b.num(l, "len", uint64(8+len(payload)))))
		h, at = append(h, 0, 0), 6
	case "tcp":
		opt := b.hex(l, "opt")
		for len(opt)%4 != 0 {
			opt = append(opt, 0)
		}
		h = be.AppendUint16(h, uint16(b.num(l, "sport", 0)))
		h = be.AppendUint16(h, uint16(b.num(l, "dport", 0)))
		h = be.AppendUint32(h, uint32(b.num(l, "seq", 0)))
		h = be.AppendUint32(h, uint32(b.num(l, "ack", 0)))
		flags := bit(l, "fin", 1) | bit(l, "syn", 2) | bit(l, "rst", 4) | bit(l, "psh", 8) |
			bit(l, "ackf", 16) | bit(l, "urg", 32) | bit(l, "ece", 64) | bit(l, "cwr", 128)
		h = be.AppendUint16(h, uint16(b.num(l, "doff", uint64(5+len(opt)/4))<<12|flags))
		h = be.AppendUint16(h, uint16(b.num(l, "win", 0)))
		h = append(h, 0, 0)
		h = be.AppendUint16(h, uint16(b.num(l, "urp", 0)))
		h, at = append(h, opt...), 16
	case "icmp":
		h, at = b.icmp(l), 2
	case "icmp6":
		h, at = b.icmp6(l), 2
	}
	out := append(h, payload...)
	s := uint32(0)
	if l.Name != "icmp" && ph.src.IsValid() {
		s = pseudoSum(ph.src, ph.dst, int(protocols[l.Name]), len(out))
	}
	right := fold(sum(out, s))
	if l.Name == "udp" && right == 0 {
		right = 0xffff
	}
	be.PutUint16(out[at:], b.sum(l, right))
	return out
}

// icmp is the 8 bytes of RFC 792, with the timestamps of types 13 and 14.
func (b *builder) icmp(l *Layer) []byte {
	be := binary.BigEndian
	h := make([]byte, 8)
	h[0], h[1] = byte(b.num(l, "type", 0)), byte(b.num(l, "code", 0))
	be.PutUint16(h[4:], uint16(b.num(l, "id", 0)))
	be.PutUint16(h[6:], uint16(b.num(l, "seq", b.num(l, "mtu", 0))))
	if has(l, "ptr") {
		h[4] = byte(b.num(l, "ptr", 0))
	}
	if has(l, "gw") {
		copy(h[4:], b.addr(l, "gw", false).AsSlice())
	}
	if has(l, "rest") {
		copy(h[4:8], b.hex(l, "rest"))
	}
	if has(l, "orig") {
		h = be.AppendUint32(h, uint32(b.num(l, "orig", 0)))
		h = be.AppendUint32(h, uint32(b.num(l, "recv", 0)))
		h = be.AppendUint32(h, uint32(b.num(l, "xmit", 0)))
	}
	return h
}

// icmp6 is the 8 bytes of RFC 4443, with what RFC 4861 puts after them for types 133 .. 137.
func (b *builder) icmp6(l *Layer) []byte {
	be := binary.BigEndian
	h := make([]byte, 8)
	h[0], h[1] = byte(b.num(l, "type", 0)), byte(b.num(l, "code", 0))
	switch h[0] {
	case 2, 4:
		be.PutUint32(h[4:], uint32(b.num(l, "mtu", b.num(l, "ptr", 0))))
	case 128, 129:
		be.PutUint16(h[4:], uint16(b.num(l, "id", 0)))
		be.PutUint16(h[6:], uint16(b.num(l, "seq", 0)))
	case 136:
		h[4] = byte(bit(l, "router", 0x80) | bit(l, "sol", 0x40) | bit(l, "over", 0x20))
	}
	if has(l, "rest") {
		copy(h[4:8], b.hex(l, "rest"))
	}
	if has(l, "target") {
		h = append(h, b.addr(l, "target", true).AsSlice()...)
	}
	if has(l, "dest") {
		h = append(h, b.addr(l, "dest", true).AsSlice()...)
	}
	if has(l, "slla") {
		h = append(append(h, 1, 1), b.mac(l, "slla")...)
	}
	if has(l, "tlla") {
		h = append(append(h, 2, 1), b.mac(l, "tlla")...)
	}
	if n := b.hex(l, "nonce"); len(n) > 0 {
		h = append(append(h, 14, byte((len(n)+2+7)/8)), n...)
	}
	return append(h, b.hex(l, "opt")...)
}
