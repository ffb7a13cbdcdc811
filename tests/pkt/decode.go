// SPDX-License-Identifier: BSD-3-Clause

package pkt

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
)

// Packet is a decoded packet: its layers, and what is wrong with it (checksums, lengths) where a
// receiver would refuse it. What an ICMP error quotes is decoded too but not found fault with.
type Packet struct {
	Layers   []Layer
	Problems []string
}

// String gives the notation, and the problems.
func (p *Packet) String() string {
	s := String(p.Layers)
	for _, what := range p.Problems {
		s += " (" + what + ")"
	}
	return s
}

// Decode reads an Ethernet frame. It never fails: what cannot be read is data.
func Decode(frame []byte) *Packet {
	d := &decoder{}
	d.ether(frame)
	return &Packet{Layers: d.layers, Problems: d.problems}
}

// DecodeIP reads a packet that begins with its IPv4 or IPv6 header.
func DecodeIP(data []byte) *Packet {
	d := &decoder{}
	switch {
	case len(data) > 0 && data[0]>>4 == 4:
		d.ip(data)
	case len(data) > 0 && data[0]>>4 == 6:
		d.ip6(data)
	default:
		d.data(data)
	}
	return &Packet{Layers: d.layers, Problems: d.problems}
}

type decoder struct {
	layers   []Layer
	problems []string
	quoted   bool // inside of what an ICMP error quotes
}

func (d *decoder) fault(format string, args ...any) {
	if !d.quoted {
		d.problems = append(d.problems, fmt.Sprintf(format, args...))
	}
}

// add appends a layer; fields are key, value pairs, a value of type bool is a flag.
func (d *decoder) add(name string, fields ...any) *Layer {
	l := Layer{Name: name}
	for i := 0; i < len(fields); i += 2 {
		key := fields[i].(string)
		switch v := fields[i+1].(type) {
		case bool:
			if v {
				l.set(key, "")
			}
		case []byte:
			if len(v) > 0 {
				l.set(key, hex.EncodeToString(v))
			}
		case [6]byte:
			l.set(key, macString(v))
		default:
			l.set(key, fmt.Sprint(v))
		}
	}
	d.layers = append(d.layers, l)
	return &d.layers[len(d.layers)-1]
}

func (d *decoder) data(b []byte) {
	if len(b) > 0 {
		d.add("data", "is", "hex "+hex.EncodeToString(b))
	}
}

func (d *decoder) ether(b []byte) {
	if len(b) < 14 {
		d.fault("%d bytes are no Ethernet frame", len(b))
		d.data(b)
		return
	}
	proto := binary.BigEndian.Uint16(b[12:])
	d.add("eth", "src", [6]byte(b[6:12]), "dst", [6]byte(b[:6]), "type", proto, "len", len(b))
	d.etherType(proto, b[14:])
}

func (d *decoder) etherType(proto uint16, b []byte) {
	switch {
	case (proto == 0x8100 || proto == 0x88a8) && len(b) >= 4:
		tci, inner := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		d.add("vlan", "id", tci&0xfff, "prio", tci>>13, "type", inner)
		d.etherType(inner, b[4:])
	case proto == 0x0806 && len(b) >= 28:
		be := binary.BigEndian
		d.add("arp", "type", be.Uint16(b[6:]), "sha", [6]byte(b[8:14]), "spa", netip.AddrFrom4([4]byte(b[14:18])),
			"tha", [6]byte(b[18:24]), "tpa", netip.AddrFrom4([4]byte(b[24:28])),
			"htype", be.Uint16(b), "ptype", be.Uint16(b[2:]), "hlen", b[4], "plen", b[5])
		d.pad(b[28:])
	case proto == 0x0800:
		d.ip(b)
	case proto == 0x86dd:
		d.ip6(b)
	default:
		d.data(b)
	}
}

func (d *decoder) pad(b []byte) {
	if len(b) > 0 {
		d.add("pad", "is", "hex "+hex.EncodeToString(b))
	}
}

func (d *decoder) ip(b []byte) {
	be := binary.BigEndian
	if len(b) < 20 || b[0]>>4 != 4 || int(b[0]&15)*4 < 20 || int(b[0]&15)*4 > len(b) {
		d.fault("no IPv4 header")
		d.data(b)
		return
	}
	hlen, total, frag := int(b[0]&15)*4, int(be.Uint16(b[2:])), be.Uint16(b[6:])
	src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	d.add("ip", "src", src, "dst", dst, "ver", b[0]>>4, "ihl", b[0]&15, "tos", b[1], "len", total,
		"id", be.Uint16(b[4:]), "rf", frag&0x8000 != 0, "df", frag&0x4000 != 0, "mf", frag&0x2000 != 0,
		"off", int(frag&0x1fff)*8, "ttl", b[8], "proto", b[9], "sum", be.Uint16(b[10:]), "opt", b[20:hlen])
	if InternetChecksum(b[:hlen]) != 0 {
		d.fault("bad IPv4 checksum")
	}
	whole := frag&0x3fff == 0
	var pad []byte
	switch {
	case total < hlen:
		d.fault("total length %d", total)
		total = len(b)
	case total > len(b):
		d.fault("total length %d of %d bytes", total, len(b))
		total, whole = len(b), false
	default:
		pad = b[total:]
	}
	if frag&0x1fff != 0 {
		d.data(b[hlen:total])
	} else {
		d.transport(b[9], b[hlen:total], src, dst, whole)
	}
	d.pad(pad)
}

func (d *decoder) ip6(b []byte) {
	be := binary.BigEndian
	if len(b) < 40 || b[0]>>4 != 6 {
		d.fault("no IPv6 header")
		d.data(b)
		return
	}
	first, plen, whole := be.Uint32(b), int(be.Uint16(b[4:])), true
	src, dst := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	d.add("ip6", "src", src, "dst", dst, "ver", b[0]>>4, "tc", first>>20&0xff, "flow", first&0xfffff,
		"len", plen, "next", b[6], "hlim", b[7])
	end := 40 + plen
	if end > len(b) {
		d.fault("payload length %d of %d bytes", plen, len(b)-40)
		end, whole = len(b), false
	}
	d.chain(b[6], b[40:end], src, dst, whole)
	d.pad(b[end:])
}

// chain follows the extension headers.
func (d *decoder) chain(next uint8, b []byte, src, dst netip.Addr, whole bool) {
	for {
		switch next {
		case 0, 60, 43:
			if len(b) < 8 || len(b) < int(b[1])*8+8 {
				d.data(b)
				return
			}
			n := int(b[1])*8 + 8
			switch next {
			case 43:
				d.add("rt", "next", b[0], "len", b[1], "type", b[2], "left", b[3], "opt", b[4:n])
			default:
				d.add(map[uint8]string{0: "hbh", 60: "dst"}[next], "next", b[0], "len", b[1], "opt", b[2:n])
			}
			next, b = b[0], b[n:]
		case 44:
			if len(b) < 8 {
				d.data(b)
				return
			}
			off := binary.BigEndian.Uint16(b[2:])
			d.add("frag", "next", b[0], "off", off&^7, "mf", off&1 != 0, "id", binary.BigEndian.Uint32(b[4:]))
			if off&^7 != 0 {
				d.data(b[8:])
				return
			}
			if off&1 != 0 {
				whole = false
			}
			next, b = b[0], b[8:]
		default:
			d.transport(next, b, src, dst, whole)
			return
		}
	}
}
