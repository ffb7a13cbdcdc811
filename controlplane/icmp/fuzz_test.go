// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
	"skua/tests/pkt"
)

// FuzzICMP hands the handlers punts whose packet and whose record are anything. Nothing is read out
// of bounds, and what is sent is well formed and never about an error.
func FuzzICMP(f *testing.F) {
	for _, text := range []string{
		`eth h > r / ip h > r / icmp echo-request id 1 seq 2 / data 9`,
		`eth h > r / ip h > r opt 070b04000000000000000044080500000000 / icmp echo-request`,
		`eth h > r / ip h > r opt 830b0c0a0000050a000006 / icmp timestamp-request orig 1`,
		`eth h > r / ip h > far ttl 1 / udp 1 > 2 / data 30`,
		`eth h > r / ip h > r / tcp 1 > 2 syn opt 020405b4`,
		`eth h > r / ip6 h > r / icmp6 echo-request id 1 seq 2 / data 9`,
		`eth h > r / ip6 h > far / dst opt 01020000 / frag off 8 next 58 / data 20`,
		`eth h > r / ip6 h > r / hbh opt be020000 / udp 1 > 2 / data 30`,
	} {
		for reason := byte(0); reason < 3; reason++ {
			f.Add(reason, byte(3), byte(0), uint32(42), uint16(14), uint16(34), byte(0), byte(2), pkt.MustBuild(text, names))
		}
	}
	f.Fuzz(func(t *testing.T, reason, typ, code byte, info uint32, l3, l4 uint16, pktType, rtType byte, frame []byte) {
		e := newEnv(t)
		p := &dpif.Punt{
			Iif: e.in.Index, Oif: e.in.Index, Data: frame, PktLen: uint32(len(frame)) + info%3, Info: info,
			L3: l3, L4: l4, PktType: pktType % 4, RtType: rtType, ICMPType: typ, ICMPCode: code,
			Addr: netip.MustParseAddr("10.0.0.3"),
		}
		if len(frame) > 23 {
			p.IPProto = frame[23]
			if frame[12] == 0x86 {
				p.IPProto = frame[20]
				p.Addr = netip.MustParseAddr("fe80::3")
			}
		}
		switch reason % 3 {
		case 0:
			p.Reason = dpif.PuntICMP
			e.h.HandleICMP(p)
		case 1:
			p.Reason = dpif.PuntLocal
			e.h.HandleLocal(p)
		default:
			p.Reason = dpif.PuntICMPSend
			e.h.HandleSend(p)
		}
		for _, in := range e.dp.Injected() {
			got := pkt.DecodeIP(in.Data)
			if len(got.Problems) > 0 {
				t.Fatalf("sent %s", got)
			}
			if p.Reason == dpif.PuntICMPSend && isAboutError(in.Data) {
				t.Fatalf("an error about an error: %s", got)
			}
		}
	})
}

// isAboutError says whether an ICMP error quotes an ICMP error.
func isAboutError(ip []byte) bool {
	if ip[0]>>4 != 4 || ip[9] != unix.IPPROTO_ICMP || binary.BigEndian.Uint16(ip[6:])&0x1fff != 0 {
		return false
	}
	msg := ip[int(ip[0]&15)*4:]
	if len(msg) < 28 || !isError4(msg[0]) || msg[8]>>4 != 4 || msg[17] != unix.IPPROTO_ICMP {
		return false
	}
	at := 8 + int(msg[8]&15)*4
	return at < len(msg) && isError4(msg[at])
}
