// SPDX-License-Identifier: BSD-3-Clause

package pkt

import (
	"encoding/binary"
	"net/netip"
)

func (d *decoder) transport(proto uint8, b []byte, src, dst netip.Addr, whole bool) {
	be := binary.BigEndian
	check := func(name string) {
		if whole && Checksum(src, dst, proto, b) != 0 {
			d.fault("bad %s checksum", name)
		}
	}
	switch {
	case proto == 17 && len(b) >= 8:
		d.add("udp", "sport", be.Uint16(b), "dport", be.Uint16(b[2:]), "len", be.Uint16(b[4:]), "sum", be.Uint16(b[6:]))
		if be.Uint16(b[6:]) != 0 {
			check("UDP")
		}
		d.data(b[8:])
	case proto == 6 && len(b) >= 20:
		f, doff := b[13], int(b[12]>>4)*4
		if doff < 20 || doff > len(b) {
			d.fault("bad TCP data offset")
			doff = 20
		}
		d.add("tcp", "sport", be.Uint16(b), "dport", be.Uint16(b[2:]), "seq", be.Uint32(b[4:]),
			"ack", be.Uint32(b[8:]), "doff", b[12]>>4, "fin", f&1 != 0, "syn", f&2 != 0, "rst", f&4 != 0,
			"psh", f&8 != 0, "ackf", f&16 != 0, "urg", f&32 != 0, "ece", f&64 != 0, "cwr", f&128 != 0,
			"win", be.Uint16(b[14:]), "sum", be.Uint16(b[16:]), "urp", be.Uint16(b[18:]), "opt", b[20:doff])
		check("TCP")
		d.data(b[doff:])
	case proto == 1 && len(b) >= 8:
		if whole && InternetChecksum(b) != 0 {
			d.fault("bad ICMP checksum")
		}
		d.icmp(b)
	case proto == 58 && len(b) >= 8:
		check("ICMPv6")
		d.icmp6(b)
	case proto == 2 && len(b) >= 8:
		d.add("igmp", "type", b[0])
		d.data(b[8:])
	case proto == 4:
		d.ip(b)
	case proto == 41:
		d.ip6(b)
	default:
		d.data(b)
	}
}

func (d *decoder) icmp(b []byte) {
	be := binary.BigEndian
	fields := []any{"type", b[0], "code", b[1], "sum", be.Uint16(b[2:]), "rest", b[4:8]}
	n := 8
	quotes := false
	switch b[0] {
	case 3, 4, 11:
		fields, quotes = append(fields, "mtu", be.Uint16(b[6:])), true
	case 12:
		fields, quotes = append(fields, "ptr", b[4]), true
	case 5:
		fields, quotes = append(fields, "gw", netip.AddrFrom4([4]byte(b[4:8]))), true
	case 13, 14:
		if len(b) >= 20 {
			fields = append(fields, "orig", be.Uint32(b[8:]), "recv", be.Uint32(b[12:]), "xmit", be.Uint32(b[16:]))
			n = 20
		}
		fallthrough
	default:
		fields = append(fields, "id", be.Uint16(b[4:]), "seq", be.Uint16(b[6:]))
	}
	d.add("icmp", fields...)
	if !quotes {
		d.data(b[n:])
		return
	}
	d.quote(b[n:], d.ip)
}

// quote decodes what an error quotes.
func (d *decoder) quote(b []byte, read func([]byte)) {
	if len(b) == 0 {
		return
	}
	was := d.quoted
	d.quoted = true
	read(b)
	d.quoted = was
}

func (d *decoder) icmp6(b []byte) {
	be := binary.BigEndian
	fields := []any{"type", b[0], "code", b[1], "sum", be.Uint16(b[2:]), "rest", b[4:8]}
	switch b[0] {
	case 1, 2, 3, 4:
		switch b[0] {
		case 2:
			fields = append(fields, "mtu", be.Uint32(b[4:]))
		case 4:
			fields = append(fields, "ptr", be.Uint32(b[4:]))
		}
		d.add("icmp6", fields...)
		d.quote(b[8:], d.ip6)
		return
	case 128, 129:
		d.add("icmp6", append(fields, "id", be.Uint16(b[4:]), "seq", be.Uint16(b[6:]))...)
		d.data(b[8:])
		return
	case 133, 134, 135, 136, 137:
		d.nd(b, fields)
		return
	}
	d.add("icmp6", fields...)
	d.data(b[8:])
}

// nd decodes RFC 4861: the fixed part, then the options that the notation knows; others are data.
func (d *decoder) nd(b []byte, fields []any) {
	n := map[uint8]int{133: 8, 134: 16, 135: 24, 136: 24, 137: 40}[b[0]]
	if len(b) < n {
		d.add("icmp6", fields...)
		d.data(b[8:])
		return
	}
	if n >= 24 {
		fields = append(fields, "target", netip.AddrFrom16([16]byte(b[8:24])))
	}
	if n >= 40 {
		fields = append(fields, "dest", netip.AddrFrom16([16]byte(b[24:40])))
	}
	if b[0] == 136 {
		fields = append(fields, "router", b[4]&0x80 != 0, "sol", b[4]&0x40 != 0, "over", b[4]&0x20 != 0)
	}
	var other, header []byte
	opts := b[n:]
	for len(opts) >= 8 && opts[1] != 0 && int(opts[1])*8 <= len(opts) {
		body := opts[2 : int(opts[1])*8]
		switch {
		case opts[0] == 1 && len(body) == 6:
			fields = append(fields, "slla", [6]byte(body))
		case opts[0] == 2 && len(body) == 6:
			fields = append(fields, "tlla", [6]byte(body))
		case opts[0] == 14:
			fields = append(fields, "nonce", body)
		case opts[0] == 4:
			fields, header = append(fields, "rd", true), body[6:]
		default:
			other = append(other, opts[:2+len(body)]...)
		}
		opts = opts[2+len(body):]
	}
	d.add("icmp6", append(fields, "opt", other)...)
	if header != nil {
		d.quote(header, d.ip6)
	}
	d.data(opts)
}
