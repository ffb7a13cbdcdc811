// SPDX-License-Identifier: BSD-3-Clause

package pkt

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Build makes the bytes of a packet: a frame when the first layer is eth.
func Build(layers []Layer) ([]byte, error) {
	cut := -1
	if last := layers[len(layers)-1]; last.Name == "trunc" {
		v, _ := last.Field("is")
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, fmt.Errorf("trunc %s: %w", v, err)
		}
		cut, layers = n, layers[:len(layers)-1]
	}
	b := builder{layers: layers}
	data := b.layer(0, pseudo{})
	if b.err != nil {
		return nil, b.err
	}
	if cut >= 0 && cut < len(data) {
		data = data[:cut]
	}
	return data, nil
}

// MustBuild parses and builds, for tests whose text is right.
func MustBuild(text string, names Names) []byte {
	layers, err := Parse(text, names)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	data, err := Build(layers)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return data
}

// pseudo is what the checksums of the transport know of the network header.
type pseudo struct{ src, dst netip.Addr }

type builder struct {
	layers []Layer
	err    error
}

var etherTypes = map[string]uint64{"ip": 0x0800, "arp": 0x0806, "ip6": 0x86dd, "vlan": 0x8100}

var protocols = map[string]uint64{
	"hbh": 0, "icmp": 1, "igmp": 2, "ip": 4, "tcp": 6, "udp": 17, "ip6": 41, "rt": 43, "frag": 44,
	"icmp6": 58, "dst": 60,
}

// next is the number of the layer after i in the space of table, or what is left when nothing is.
func (b *builder) next(i int, table map[string]uint64, none uint64) uint64 {
	if i+1 < len(b.layers) {
		if n, ok := table[b.layers[i+1].Name]; ok {
			return n
		}
	}
	return none
}

func (b *builder) num(l *Layer, key string, otherwise uint64) uint64 {
	v, ok := l.Field(key)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("%s %s: %w", l.Name, key, err)
	}
	return n
}

func (b *builder) hex(l *Layer, key string) []byte {
	v, _ := l.Field(key)
	out, _ := hex.DecodeString(v)
	return out
}

func (b *builder) mac(l *Layer, key string) []byte {
	v, ok := l.Field(key)
	if !ok {
		return make([]byte, 6)
	}
	hw, _ := net.ParseMAC(v)
	return hw
}

func (b *builder) addr(l *Layer, key string, six bool) netip.Addr {
	v, ok := l.Field(key)
	if !ok {
		if six {
			return netip.IPv6Unspecified()
		}
		return netip.IPv4Unspecified()
	}
	return netip.MustParseAddr(v)
}

func has(l *Layer, key string) bool { _, ok := l.Field(key); return ok }

func bit(l *Layer, key string, v uint64) uint64 {
	if has(l, key) {
		return v
	}
	return 0
}

// layer builds layer i and all that follow it.
func (b *builder) layer(i int, ph pseudo) []byte {
	if i >= len(b.layers) {
		return nil
	}
	l := &b.layers[i]
	be := binary.BigEndian
	switch l.Name {
	case "eth":
		out := append(b.mac(l, "dst"), b.mac(l, "src")...)
		out = be.AppendUint16(out, uint16(b.num(l, "type", b.next(i, etherTypes, 0))))
		return append(out, b.layer(i+1, ph)...)
	case "vlan":
		out := be.AppendUint16(nil, uint16(b.num(l, "prio", 0)<<13|b.num(l, "id", 0)))
		out = be.AppendUint16(out, uint16(b.num(l, "type", b.next(i, etherTypes, 0))))
		return append(out, b.layer(i+1, ph)...)
	case "arp":
		out := be.AppendUint16(nil, uint16(b.num(l, "htype", 1)))
		out = be.AppendUint16(out, uint16(b.num(l, "ptype", 0x0800)))
		out = append(out, byte(b.num(l, "hlen", 6)), byte(b.num(l, "plen", 4)))
		out = be.AppendUint16(out, uint16(b.num(l, "type", 1)))
		out = append(out, b.mac(l, "sha")...)
		out = append(out, b.addr(l, "spa", false).AsSlice()...)
		out = append(out, b.mac(l, "tha")...)
		out = append(out, b.addr(l, "tpa", false).AsSlice()...)
		return append(out, b.layer(i+1, ph)...)
	case "ip":
		return b.ip(i, l)
	case "ip6":
		return b.ip6(i, l)
	case "hbh", "dst", "rt":
		return b.extension(i, l, ph)
	case "frag":
		out := []byte{byte(b.num(l, "next", b.next(i, protocols, 59))), 0}
		out = be.AppendUint16(out, uint16(b.num(l, "off", 0)&^7|bit(l, "mf", 1)))
		out = be.AppendUint32(out, uint32(b.num(l, "id", 0)))
		return append(out, b.layer(i+1, ph)...)
	case "udp", "tcp", "icmp", "icmp6":
		return b.transport(i, l, ph)
	case "igmp":
		out := make([]byte, 8)
		out[0] = byte(b.num(l, "type", 0x16))
		be.PutUint16(out[2:], fold(sum(out, 0)))
		return append(out, b.layer(i+1, ph)...)
	case "data":
		return append(b.data(l), b.layer(i+1, ph)...)
	case "pad":
		return append(b.data(l), b.layer(i+1, ph)...)
	}
	if b.err == nil {
		b.err = fmt.Errorf("%s cannot be built", l.Name)
	}
	return nil
}

// data is the bytes of "data" and "pad": given, or a count of them (0, 1, 2, … or zeros).
func (b *builder) data(l *Layer) []byte {
	v, _ := l.Field("is")
	switch {
	case strings.HasPrefix(v, `"`):
		return []byte(strings.Trim(v, `"`))
	case strings.HasPrefix(v, "hex "):
		out, _ := hex.DecodeString(v[4:])
		return out
	case v == "":
		return nil
	}
	n, err := strconv.Atoi(v)
	if (err != nil || n > 1<<20) && b.err == nil {
		b.err = fmt.Errorf("%s %s: not a count", l.Name, v)
		return nil
	}
	out := make([]byte, n)
	for i := range out {
		if l.Name == "data" {
			out[i] = byte(i)
		}
	}
	return out
}

// tail splits what follows a network header: the packet, and the padding after it.
func (b *builder) tail(i int, ph pseudo) (payload, pad []byte) {
	for j := i + 1; j < len(b.layers); j++ {
		if b.layers[j].Name == "pad" {
			pad = b.data(&b.layers[j])
			inner := builder{layers: b.layers[:j]}
			payload = inner.layer(i+1, ph)
			if b.err == nil {
				b.err = inner.err
			}
			return payload, pad
		}
	}
	return b.layer(i+1, ph), nil
}

func (b *builder) ip(i int, l *Layer) []byte {
	be := binary.BigEndian
	src, dst := b.addr(l, "src", false), b.addr(l, "dst", false)
	opt := b.hex(l, "opt")
	for len(opt)%4 != 0 {
		opt = append(opt, 0)
	}
	payload, pad := b.tail(i, pseudo{src, dst})
	hlen := 20 + len(opt)
	h := make([]byte, hlen)
	h[0] = byte(b.num(l, "ver", 4)<<4 | b.num(l, "ihl", uint64(hlen/4))&0xf)
	h[1] = byte(b.num(l, "tos", 0))
	be.PutUint16(h[2:], uint16(b.num(l, "len", uint64(hlen+len(payload)))))
	be.PutUint16(h[4:], uint16(b.num(l, "id", 0)))
	be.PutUint16(h[6:], uint16(bit(l, "rf", 0x8000)|bit(l, "df", 0x4000)|bit(l, "mf", 0x2000)|b.num(l, "off", 0)/8))
	h[8] = byte(b.num(l, "ttl", 64))
	h[9] = byte(b.num(l, "proto", b.next(i, protocols, 255)))
	copy(h[12:], src.AsSlice())
	copy(h[16:], dst.AsSlice())
	copy(h[20:], opt)
	be.PutUint16(h[10:], b.sum(l, fold(sum(h, 0))))
	return append(append(h, payload...), pad...)
}

func (b *builder) ip6(i int, l *Layer) []byte {
	be := binary.BigEndian
	src, dst := b.addr(l, "src", true), b.addr(l, "dst", true)
	payload, pad := b.tail(i, pseudo{src, dst})
	h := make([]byte, 40)
	be.PutUint32(h, uint32(b.num(l, "ver", 6)<<28|b.num(l, "tc", 0)<<20|b.num(l, "flow", 0)&0xfffff))
	be.PutUint16(h[4:], uint16(b.num(l, "len", uint64(len(payload)))))
	h[6] = byte(b.num(l, "next", b.next(i, protocols, 59)))
	h[7] = byte(b.num(l, "hlim", 64))
	copy(h[8:], src.AsSlice())
	copy(h[24:], dst.AsSlice())
	return append(append(h, payload...), pad...)
}

func (b *builder) extension(i int, l *Layer, ph pseudo) []byte {
	opt := b.hex(l, "opt")
	out := []byte{byte(b.num(l, "next", b.next(i, protocols, 59))), 0}
	if l.Name == "rt" {
		out = append(out, byte(b.num(l, "type", 0)), byte(b.num(l, "left", 0)))
	}
	out = append(out, opt...)
	switch pad := (8 - len(out)%8) % 8; {
	case pad == 0:
	case l.Name == "rt":
		out = append(out, make([]byte, pad)...)
	case pad == 1:
		out = append(out, 0) // Pad1
	default:
		out = append(out, 1, byte(pad-2)) // PadN
		out = append(out, make([]byte, pad-2)...)
	}
	out[1] = byte(b.num(l, "len", uint64(len(out)/8-1)))
	return append(out, b.layer(i+1, ph)...)
}

// sum is the checksum that is put into a header: right unless the text says otherwise.
func (b *builder) sum(l *Layer, right uint16) uint16 {
	if v, ok := l.Field("sum"); ok && v == "bad" {
		return right ^ 0x5555
	}
	return uint16(b.num(l, "sum", uint64(right)))
}
