// SPDX-License-Identifier: BSD-3-Clause

// Package pkt writes and reads packets in one line of text, for tests:
//
//	eth h1 > A / ip 10.0.1.2 > 10.0.2.2 ttl 1 / udp 1000 > 2000 / data "hello"
//
// Parse turns the text into layers, Build turns layers into the bytes of a frame (lengths, next
// headers and checksums that are not given are computed; those that are given are used, be they
// true or lies), Decode turns bytes into layers, and Match says where a decoded packet differs
// from an expected one, of which only the written fields count. tests/script/README.md documents
// the notation.
package pkt

import (
	"fmt"
	"strings"
)

// Layer is a header, or the data, of a packet.
type Layer struct {
	Name   string
	Fields []Field
}

// Field is a field of a header with its value in canonical text: numbers in decimal, addresses as
// netip prints them, flags empty.
type Field struct {
	Key   string
	Value string
}

// Field finds a field's value.
func (l *Layer) Field(key string) (string, bool) {
	for _, f := range l.Fields {
		if f.Key == key {
			return f.Value, true
		}
	}
	return "", false
}

func (l *Layer) set(key, value string) {
	l.Fields = append(l.Fields, Field{key, value})
}

// Names gives meaning to words of a topology. The zero Names knows none.
type Names struct {
	MAC map[string]string // name to MAC address
	IP4 map[string]string // name to IPv4 address
	IP6 map[string]string
}

// kind says how the text of a value is read and made canonical.
type kind uint8

const (
	kNum kind = iota
	kHex      // bytes in hexadecimal
	kMAC
	kIP4
	kIP6
	kIP   // either family
	kFlag // present or not, no value
	kText // a quoted string, a byte count, or hex after "hex"
	kType // a number with names, first in its layer
	kSum  // a number, or "bad"
)

// def describes a layer: the pair "a > b" that it begins with, the type word, and the rest.
type def struct {
	src, dst string // keys of the pair; empty: no pair
	pair     kind
	typed    map[string]int // names of the type that the layer begins with
	codes    map[string]int // names of "code"
	keys     map[string]kind
}

var defs = map[string]def{
	"eth": {src: "src", dst: "dst", pair: kMAC, keys: map[string]kind{"type": kNum, "len": kNum}},
	"vlan": {keys: map[string]kind{
		"id": kNum, "prio": kNum, "type": kNum,
	}},
	"arp": {typed: arpOps, keys: map[string]kind{
		"sha": kMAC, "spa": kIP4, "tha": kMAC, "tpa": kIP4,
		"htype": kNum, "ptype": kNum, "hlen": kNum, "plen": kNum,
	}},
	"ip": {src: "src", dst: "dst", pair: kIP4, keys: map[string]kind{
		"ver": kNum, "ihl": kNum, "tos": kNum, "len": kNum, "id": kNum, "df": kFlag, "mf": kFlag,
		"rf": kFlag, "off": kNum, "ttl": kNum, "proto": kNum, "sum": kSum, "opt": kHex,
	}},
	"ip6": {src: "src", dst: "dst", pair: kIP6, keys: map[string]kind{
		"ver": kNum, "tc": kNum, "flow": kNum, "len": kNum, "next": kNum, "hlim": kNum,
	}},
	"hbh": {keys: map[string]kind{"next": kNum, "len": kNum, "opt": kHex}},
	"dst": {keys: map[string]kind{"next": kNum, "len": kNum, "opt": kHex}},
	"rt":  {keys: map[string]kind{"next": kNum, "len": kNum, "type": kNum, "left": kNum, "opt": kHex}},
	"frag": {keys: map[string]kind{
		"next": kNum, "off": kNum, "mf": kFlag, "id": kNum,
	}},
	"udp": {src: "sport", dst: "dport", pair: kNum, keys: map[string]kind{"len": kNum, "sum": kSum}},
	"tcp": {src: "sport", dst: "dport", pair: kNum, keys: map[string]kind{
		"seq": kNum, "ack": kNum, "doff": kNum, "fin": kFlag, "syn": kFlag, "rst": kFlag, "psh": kFlag,
		"ackf": kFlag, "urg": kFlag, "ece": kFlag, "cwr": kFlag, "win": kNum, "urp": kNum, "sum": kSum,
		"opt": kHex,
	}},
	"icmp": {typed: icmpTypes, codes: icmpCodes, keys: map[string]kind{
		"code": kNum, "id": kNum, "seq": kNum, "mtu": kNum, "ptr": kNum, "gw": kIP4, "sum": kSum,
		"rest": kHex, "orig": kNum, "recv": kNum, "xmit": kNum,
	}},
	"icmp6": {typed: icmp6Types, codes: icmp6Codes, keys: map[string]kind{
		"code": kNum, "id": kNum, "seq": kNum, "mtu": kNum, "ptr": kNum, "sum": kSum, "rest": kHex,
		"target": kIP6, "dest": kIP6, "router": kFlag, "sol": kFlag, "over": kFlag,
		"slla": kMAC, "tlla": kMAC, "nonce": kHex, "rd": kFlag, "opt": kHex,
	}},
	"igmp": {keys: map[string]kind{"type": kNum}},
	"data": {keys: map[string]kind{}},
	// Not headers: what is done to the whole frame.
	"pad":   {keys: map[string]kind{}}, // zero bytes after the frame
	"trunc": {keys: map[string]kind{}}, // the frame is cut to so many bytes
}

var arpOps = map[string]int{"request": 1, "reply": 2}

var icmpTypes = map[string]int{
	"echo-reply": 0, "unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
	"router-advert": 9, "router-solicit": 10, "time-exceeded": 11, "parameter-problem": 12,
	"timestamp-request": 13, "timestamp-reply": 14, "info-request": 15, "address-request": 17,
}

var icmpCodes = map[string]int{
	"net": 0, "host": 1, "protocol": 2, "port": 3, "frag-needed": 4, "source-route": 5,
	"net-unknown": 6, "host-unknown": 7, "host-isolated": 8, "net-prohibited": 9,
	"host-prohibited": 10, "filtered": 13,
}

var icmp6Types = map[string]int{
	"unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4,
	"echo-request": 128, "echo-reply": 129, "mld-query": 130, "mld-report": 131, "mld-done": 132,
	"rs": 133, "ra": 134, "ns": 135, "na": 136, "redirect": 137, "mld2-report": 143,
}

var icmp6Codes = map[string]int{
	"no-route": 0, "prohibited": 1, "beyond-scope": 2, "addr": 3, "port": 4, "policy": 5, "reject": 6,
}

// String gives the notation of the layers, with addresses where names were.
func String(layers []Layer) string {
	var b strings.Builder
	for i, l := range layers {
		if i > 0 {
			b.WriteString(" / ")
		}
		b.WriteString(l.String())
	}
	return b.String()
}

// String gives the notation of one layer.
func (l *Layer) String() string {
	d := defs[l.Name]
	words := []string{l.Name}
	skip := map[string]bool{}
	if l.Name == "data" || l.Name == "pad" || l.Name == "trunc" {
		v, _ := l.Field("is")
		return l.Name + " " + v
	}
	if d.src != "" {
		s, _ := l.Field(d.src)
		t, _ := l.Field(d.dst)
		words = append(words, orAny(s), ">", orAny(t))
		skip[d.src], skip[d.dst] = true, true
	}
	if d.typed != nil {
		v, _ := l.Field("type")
		words = append(words, nameOf(d.typed, v))
		skip["type"] = true
	}
	for _, f := range l.Fields {
		switch {
		case skip[f.Key]:
		case f.Value == "":
			words = append(words, f.Key)
		default:
			words = append(words, f.Key, f.Value)
		}
	}
	return strings.Join(words, " ")
}

func orAny(v string) string {
	if v == "" {
		return "*"
	}
	return v
}

func nameOf(names map[string]int, v string) string {
	for name, n := range names {
		if fmt.Sprint(n) == v {
			return name
		}
	}
	return orAny(v)
}
