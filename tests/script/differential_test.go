// SPDX-License-Identifier: BSD-3-Clause

package script

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"skua/tests/pkt"
)

// twins is the world in which both routers get the same frames: all that they could ask for is
// there, so that what they send depends on nothing but the frame.
const twins = `
-- topology --
link A 02:00:00:00:0a:fe 10.0.1.1/24 2001:db8:1::1/64
link B 02:00:00:00:0b:fe mtu 1400 10.0.2.1/24 2001:db8:2::1/64
host h1 A 02:00:00:00:0a:01 10.0.1.2 2001:db8:1::2 fe80::1:2
host h2 B 02:00:00:00:0b:01 10.0.2.2 2001:db8:2::2 fe80::b
host h3 B 02:00:00:00:0b:03 10.0.2.77 2001:db8:2::77
-- world --
ip route add 10.9.0.0/16 via 10.0.2.2
ip route add blackhole 10.8.0.0/16
ip route add 10.7.0.0/16 via 10.0.2.2 mtu 600
ip -6 route add 2001:db8:9::/48 via fe80::b dev B
ip -6 route add blackhole 2001:db8:8::/48
ip -6 route add prohibit 2001:db8:7::/48
sysctl net.ipv4.icmp_msgs_per_sec=1000000
sysctl net.ipv4.icmp_msgs_burst=1000000
`

// worlds are what is different in a world.
var worlds = map[string]string{
	"router":  "",
	"strict":  "sysctl net.ipv4.conf.A.rp_filter=1\n",
	"loose":   "sysctl net.ipv4.conf.A.rp_filter=2\nip route add default via 10.0.2.2\nip -6 route add default via fe80::b dev B\n",
	"lenient": "sysctl net.ipv4.conf.all.accept_source_route=1\nsysctl net.ipv4.conf.all.bc_forwarding=1\nsysctl net.ipv4.conf.A.bc_forwarding=1\nsysctl net.ipv4.conf.A.accept_local=1\nsysctl net.ipv4.icmp_echo_ignore_broadcasts=0\nsysctl net.ipv4.conf.A.route_localnet=1\n",
	"host":    "sysctl net.ipv4.ip_forward=0\nsysctl net.ipv6.conf.all.forwarding=0\nsysctl net.ipv4.conf.A.drop_unicast_in_l2_multicast=1\n",
}

// templates are packets worth changing a little.
var templates = []string{
	`eth h1 > A / ip h1 > h2 ttl 9 id 7 / udp 1000 > 2000 / data 40`,
	`eth h1 > A / ip h1 > 10.9.1.1 ttl 2 df / tcp 1000 > 80 syn seq 7`,
	`eth h1 > A / ip h1 > 10.0.1.1 / icmp echo-request id 1 seq 1 / data 20`,
	`eth h1 > A / ip h1 > 10.0.2.1 / icmp timestamp-request id 1 seq 1 orig 5`,
	`eth h1 > A / ip h1 > 10.0.1.1 / udp 1000 > 2000 / data 9`,
	`eth h1 > A / ip h1 > 10.0.1.1 tos 8 / tcp 1000 > 80 ackf seq 5 ack 6 / data 5`,
	`eth h1 > A / ip h1 > 10.0.1.1 proto 99 / data 9`,
	`eth h1 > A / ip h1 > h2 opt 070b04000000000000000000 / udp 1 > 2`,
	`eth h1 > A / ip h1 > h2 opt 4408050000000000 / udp 1 > 2`,
	`eth h1 > A / ip h1 > h2 opt 94040000 / udp 1 > 2`,
	`eth h1 > A / ip h1 > h2 opt 01010744 / udp 1 > 2`,
	`eth h1 > A / ip h1 > 10.7.0.1 df id 3 / udp 1 > 2 / data 800`,
	`eth h1 > A / ip h1 > 10.7.0.1 id 3 / udp 1 > 2 / data 800`,
	`eth h1 > A / ip h1 > 10.8.0.1 / udp 1 > 2 / data 8`,
	`eth h1 > bcast / ip h1 > 10.0.1.255 / udp 1 > 2 / data 8`,
	`eth h1 > mcast:224.0.0.1 / ip h1 > 224.0.0.1 ttl 1 / icmp echo-request id 1 seq 1`,
	`eth h1 > A / ip h1 > h2 ttl 1 / icmp unreachable code port / ip h2 > h1 / udp 1 > 2`,
	`eth h1 > A / ip6 h1 > h2 hlim 9 tc 3 flow 7 / udp 1000 > 2000 / data 40`,
	`eth h1 > A / ip6 h1 > 2001:db8:9::1 hlim 2 / tcp 1 > 2 syn`,
	`eth h1 > A / ip6 h1 > 2001:db8:1::1 / icmp6 echo-request id 1 seq 1 / data 20`,
	`eth h1 > A / ip6 h1 > 2001:db8:1::1 / udp 1000 > 2000 / data 9`,
	`eth h1 > A / ip6 h1 > 2001:db8:2::1 / tcp 1000 > 80 ackf seq 5 ack 6 / data 5`,
	`eth h1 > A / ip6 h1 > 2001:db8:1::1 next 99 / data 9`,
	`eth h1 > A / ip6 h1 > h2 / hbh opt 050200001e00 / udp 1 > 2`,
	`eth h1 > A / ip6 h1 > 2001:db8:1::1 / hbh opt 3e020000 / dst opt 1e020000 / udp 1 > 2`,
	`eth h1 > A / ip6 h1 > 2001:db8:1::1 / rt type 0 left 0 opt 00000000 / udp 1 > 2`,
	`eth h1 > A / ip6 h1 > h2 / frag off 0 mf id 3 / udp 1 > 2 / data 16`,
	`eth h1 > A / ip6 h1 > 2001:db8:1::1 / dst opt be020000 / icmp6 echo-request id 1 seq 1`,
	`eth h1 > A / ip6 h1 > 2001:db8:7::1 / udp 1 > 2`,
	`eth h1 > A / ip6 h1 > 2001:db8:8::1 / udp 1 > 2`,
	`eth h1 > A / ip6 h1 > h2 hlim 1 / icmp6 packet-too-big mtu 1280 / ip6 h2 > h1 / udp 1 > 2`,
	`eth h1 > mcast:ff02::1 / ip6 fe80::1:2 > ff02::1 hlim 1 / icmp6 echo-request id 1 seq 1`,
	`eth h1 > A / ip 10.0.2.77 > h2 / udp 1 > 2`,
	`eth h1 > A / ip 192.0.2.77 > h2 / udp 1 > 2`,
	`eth h1 > A / ip 10.0.1.255 > h2 / udp 1 > 2`,
	`eth h1 > A / ip 10.0.2.1 > h2 / udp 1 > 2`,
	`eth h1 > A / ip 127.0.0.1 > 10.0.1.1 / udp 1 > 2`,
	`eth h1 > A / ip 0.0.0.0 > h2 / udp 1 > 2`,
	`eth h1 > A / ip 224.1.1.1 > h2 / udp 1 > 2`,
	`eth h1 > A / ip 240.1.1.1 > h2 / udp 1 > 2`,
	`eth h1 > A / ip h1 > 10.0.2.255 / udp 1 > 2`,
	`eth h1 > A / ip h1 > 255.255.255.255 / udp 1 > 2`,
	`eth h1 > bcast / ip 0.0.0.0 > 255.255.255.255 / udp 68 > 67`,
	`eth h1 > bcast / ip h1 > h2 / udp 1 > 2`,
	`eth h1 > mcast:224.0.0.5 / ip h1 > 10.0.1.1 / icmp echo-request id 1`,
	`eth h1 > mcast:239.1.2.3 / ip h1 > 239.1.2.3 ttl 9 / udp 1 > 2`,
	`eth h1 > A / ip h1 > 127.0.0.5 / icmp echo-request id 1`,
	`eth h1 > A / ip h1 > 0.0.0.0 / udp 1 > 2`,
	`eth h1 > A / ip h1 > 10.0.1.1 opt 8307040a00020200 / udp 1 > 2 sum 0`,
	`eth h1 > A / ip h1 > 10.0.1.1 opt 89070c0a00020200 / icmp echo-request id 1`,
	`eth h1 > A / ip h1 > 10.0.1.1 opt 070f040000000000000000000000000000 / icmp echo-request id 1`,
	`eth h1 > A / ip h1 > 10.0.1.1 opt 440c05010000000000000000 / udp 1 > 2`,
	`eth h1 > A / ip6 2001:db8:2::77 > h2 / udp 1 > 2`,
	`eth h1 > A / ip6 ::1 > h2 / udp 1 > 2`,
	`eth h1 > A / ip6 ff02::1 > h2 / udp 1 > 2`,
	`eth h1 > A / ip6 :: > h2 / udp 1 > 2`,
	`eth h1 > A / ip6 fe80::1:2 > h2 / udp 1 > 2`,
	`eth h1 > A / ip6 fe80::1:2 > 2001:db8:2::1 / icmp6 echo-request id 1`,
	`eth h1 > A / ip6 h1 > 2001:db8:1:: / icmp6 echo-request id 1`,
	`eth h1 > A / ip6 h1 > fe80::ff:fe00:afe / udp 1 > 2`,
	`eth h1 > mcast:ff0e::1 / ip6 h1 > ff0e::1 / udp 1 > 2`,
	`eth h1 > mcast:ff02::1 / ip6 h1 > ff02::1 / hbh opt be020000 / udp 1 > 2`,
	`eth h1 > mcast:ff02::1:ff00:1 / ip6 h1 > ff02::1:ff00:1 hlim 255 / icmp6 ns target 2001:db8:1::1 slla h1`,
	`eth h1 > A / ip6 fe80::1:2 > fe80::ff:fe00:afe hlim 255 / icmp6 ns target fe80::ff:fe00:afe`,
	`eth h1 > mcast:ff02::1:ff00:1 / ip6 :: > ff02::1:ff00:1 hlim 255 / icmp6 ns target 2001:db8:1::1 nonce 010203040506`,
	`eth h1 > A / ip6 h1 > 2001:db8:1::1 hlim 255 / icmp6 na sol over target 2001:db8:1::2 tlla h1`,
	`eth h1 > A / ip6 fe80::1:2 > 2001:db8:1::1 hlim 255 / icmp6 redirect target fe80::1:2 dest 2001:db8:9::9 tlla h1`,
	`eth h1 > bcast / arp request sha h1 spa h1 tha 0 tpa 10.0.1.1 / pad 18`,
	`eth h1 > bcast / arp request sha h1 spa 0.0.0.0 tha 0 tpa 10.0.1.1`,
	`eth h1 > A / arp reply sha h1 spa h1 tha A tpa 10.0.1.1`,
	`eth h1 > bcast / arp request sha h1 spa h1 tha 0 tpa 10.0.2.1`,
	`eth h1 > A / vlan id 0 / ip h1 > h2 / udp 1 > 2`,
	`eth h1 > A / vlan id 7 / ip h1 > h2 / udp 1 > 2`,
}

// sweeps are all values of one field each.
func sweeps() []string {
	var out []string
	for v := range 256 {
		for _, text := range []string{
			`eth h1 > A / ip h1 > 10.0.1.1 proto %d / data 24`,
			`eth h1 > A / ip6 h1 > 2001:db8:1::1 next %d / data 24`,
			`eth h1 > A / ip h1 > h2 ttl 1 proto %d / data 24`,
			`eth h1 > A / ip6 h1 > h2 hlim 1 next %d / data 24`,
			`eth h1 > A / ip h1 > 10.0.1.1 / icmp %d / data 24`,
			`eth h1 > A / ip h1 > h2 ttl 1 / icmp %d / data 24`,
			`eth h1 > A / ip h1 > 10.0.1.1 / icmp echo-request code %d id 1`,
			`eth h1 > A / ip6 h1 > h2 hlim 1 / icmp6 %d / data 24`,
			`eth h1 > A / ip h1 > h2 opt ` + fmt.Sprintf("%02x", v) + `04000001010100 / udp 1 > 2`,
			`eth h1 > A / ip h1 > h2 opt 44` + fmt.Sprintf("%02x", v) + `05000000000000000000000000 / udp 1 > 2`,
			`eth h1 > A / ip h1 > h2 opt 4408` + fmt.Sprintf("%02x", v) + `0000000000 / udp 1 > 2`,
			`eth h1 > A / ip h1 > h2 opt 44080500` + fmt.Sprintf("%02x", v) + `000000 / udp 1 > 2`,
			`eth h1 > A / ip h1 > h2 opt 440805` + fmt.Sprintf("%02x", v) + `00000000 / udp 1 > 2`,
			`eth h1 > A / ip h1 > h2 opt 07` + fmt.Sprintf("%02x", v) + `040000000000000000000000 / udp 1 > 2`,
			`eth h1 > A / ip h1 > h2 opt 070b` + fmt.Sprintf("%02x", v) + `0000000000000000 / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > h2 / hbh opt ` + fmt.Sprintf("%02x", v) + `0200000100 / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > h2 / hbh opt 05` + fmt.Sprintf("%02x", v) + `00000100 / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > h2 / hbh len %d opt 050200000100 / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > 2001:db8:1::1 / dst opt ` + fmt.Sprintf("%02x", v) + `0200000100 / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > 2001:db8:1::1 / dst len %d opt 050200000100 / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > 2001:db8:1::1 / rt type %d left 0 opt 00000000 / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > 2001:db8:1::1 / rt type %d left 1 opt 00000000 / udp 1 > 2`,
			`eth h1 > A / ip h1 > h2 tos %d / udp 1 > 2`,
			`eth h1 > A / ip h1 > 10.0.1.1 tos %d / tcp 1 > 2 syn`,
			`eth h1 > A / ip h1 > 10.0.1.1 tos %d / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > 2001:db8:1::1 tc %d / tcp 1 > 2 syn`,
			`eth h1 > A / ip6 h1 > 2001:db8:1::1 tc %d / icmp6 echo-request id 1`,
		} {
			out = append(out, strings.ReplaceAll(text, "%d", strconv.Itoa(v)))
		}
		if v < 133 || v > 137 { // Neighbor Discovery remembers
			out = append(out, fmt.Sprintf(`eth h1 > A / ip6 h1 > 2001:db8:1::1 / icmp6 %d / data 60`, v))
		}
	}
	for n := range 14 {
		out = append(out,
			`eth h1 > A / ip6 h1 > h2 / hbh opt `+strings.Repeat("1e00", n+1)+` / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > h2 / hbh opt `+strings.Repeat("3102aaaa", n+1)+` / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > 2001:db8:1::1 / dst opt `+strings.Repeat("1e00", n+1)+` / udp 1 > 2`,
			`eth h1 > A / ip6 h1 > h2 / hbh opt 0500`+strings.Repeat("00", n)+` / udp 1 > 2`,
			`eth h1 > A / ip h1 > h2 opt 86`+fmt.Sprintf("%02x", n+2)+strings.Repeat("01", n)+` / udp 1 > 2`,
			`eth h1 > A / ip h1 > h2 opt 0186`+fmt.Sprintf("%02x", n+2)+strings.Repeat("01", n)+`0707040000000000 / udp 1 > 2`,
			fmt.Sprintf(`eth h1 > A / ip h1 > 10.0.1.1 proto 136 / udp 1 > 2 len %d sum 0 / data 3`, n),
			fmt.Sprintf(`eth h1 > A / ip h1 > h2 / udp 1 > 2 / data 50 / trunc %d`, 14+4*n),
			fmt.Sprintf(`eth h1 > A / ip6 h1 > h2 / udp 1 > 2 / data 50 / trunc %d`, 14+4*n),
			fmt.Sprintf(`eth h1 > A / ip h1 > 10.0.1.1 / tcp 1 > 2 syn / data 50 / trunc %d`, 14+4*n),
			fmt.Sprintf(`eth h1 > A / ip6 h1 > h2 / dst / rt type %d left 0 / frag off 0 id 2 / udp 1 > 2`, n),
			fmt.Sprintf(`eth h1 > A / ip6 h1 > 2001:db8:1::1 / rt type %d left 0 / dst / hbh / udp 1 > 2`, n),
			fmt.Sprintf(`eth h1 > A / ip6 h1 > 2001:db8:1::1 next %d / rt type 0 left 0 / dst / udp 1 > 2`, n),
		)
	}
	return out
}

// mutate changes a frame behind its addresses: flips, cuts, lengthens, lies, and mostly makes the
// IPv4 checksum right again, so that what follows it is reached.
func mutate(rnd *rand.Rand, frame []byte) []byte {
	out := slices.Clone(frame)
	addrs := [2]int{26, 34} // where the addresses are: they stay
	switch {
	case out[12] == 0x86:
		addrs = [2]int{22, 54}
	case len(out) > 42 && out[12] == 0x08 && out[14] == 0x47 && out[34]&0xf0 == 0x80: // source route
		addrs[1] = 42
	case out[12] == 0x08 && out[13] == 0x06:
		addrs = [2]int{22, 32}
	}
	for range rnd.IntN(3) {
		switch rnd.IntN(8) {
		case 0: // cut
			out = out[:14+rnd.IntN(len(out)-13)]
		case 1: // lengthen
			out = append(out, make([]byte, rnd.IntN(40))...)
		case 2: // the first bytes of the header
			if len(out) > 22 {
				out[14+rnd.IntN(8)] = byte(rnd.Uint32())
			}
		case 3: // options, extension headers, transport
			if len(out) > 35 {
				out[34+rnd.IntN(len(out)-34)] = byte(rnd.Uint32())
			}
		case 4: // one bit
			if len(out) > 14 {
				out[14+rnd.IntN(len(out)-14)] ^= 1 << rnd.IntN(8)
			}
		case 5: // a length that lies
			if len(out) > 20 {
				at := 16
				if out[12] == 0x86 {
					at = 18
				}
				n := int(binary.BigEndian.Uint16(out[at:])) + rnd.IntN(25) - 12
				binary.BigEndian.PutUint16(out[at:], uint16(n))
			}
		case 6: // TTL, hop limit
			if len(out) > 22 {
				if out[12] == 0x86 {
					out[21] = byte(rnd.IntN(4))
				} else {
					out[22] = byte(rnd.IntN(4))
				}
			}
		}
	}
	if n := min(len(out), addrs[1]); n > addrs[0] {
		copy(out[addrs[0]:n], frame[addrs[0]:n])
	}
	if len(out) >= 34 && out[12] == 0x08 && rnd.IntN(8) != 0 {
		if n := int(out[14]&15) * 4; n >= 20 && 14+n <= len(out) {
			out[24], out[25] = 0, 0
			binary.BigEndian.PutUint16(out[24:], pkt.InternetChecksum(out[14:14+n]))
		}
	}
	if rnd.IntN(4) != 0 {
		mendTransport(out)
	}
	return out
}

// mendTransport makes the checksum behind an IP header without extension headers right.
func mendTransport(frame []byte) {
	if len(frame) < 34 {
		return
	}
	ip := frame[14:]
	var proto byte
	var l4, end int
	be := binary.BigEndian
	switch {
	case frame[12] == 0x08 && frame[13] == 0 && be.Uint16(ip[6:])&0x3fff == 0:
		proto, l4, end = ip[9], int(ip[0]&15)*4, int(be.Uint16(ip[2:]))
	case frame[12] == 0x86 && len(ip) >= 40:
		proto, l4, end = ip[6], 40, 40+int(be.Uint16(ip[4:]))
	default:
		return
	}
	at, ok := map[byte]int{1: 2, 58: 2, 6: 16, 17: 6}[proto]
	if !ok || l4+at+2 > end || end > len(ip) {
		return
	}
	msg := ip[l4:end]
	msg[at], msg[at+1] = 0, 0
	src, dst := netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
	if frame[12] == 0x86 {
		src, dst = netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40]))
	}
	sum := pkt.InternetChecksum(msg)
	if proto != 1 {
		sum = pkt.Checksum(src, dst, proto, msg)
	}
	be.PutUint16(msg[at:], sum)
}

// comparable is what must be the same of a frame: not identifications, flow labels and times that
// the router chooses, nor the checksums over them, which are only right or wrong.
func comparable(frame []byte) string {
	p := pkt.Decode(frame)
	if ignored(p) {
		return ""
	}
	if len(frame) > 34 && frame[14]>>4 == 4 && strings.Trim(string(frame[min(len(frame), 14+int(frame[14]&15)*4):]), "\x00") == "" {
		p.Problems = nil // a reply of zeros: the kernel's checksum is the other zero of ones' complement
	}
	quoted := false
	for i := range p.Layers {
		l := &p.Layers[i]
		own := false // made by the router: addresses say so
		for _, f := range l.Fields {
			own = own || f.Key == "src" && (strings.HasPrefix(f.Value, "10.0.1.1") && !strings.HasPrefix(f.Value, "10.0.1.1.") ||
				f.Value == "10.0.2.1" || f.Value == "2001:db8:1::" || strings.HasPrefix(f.Value, "127.") || strings.HasSuffix(f.Value, "::1") || strings.HasPrefix(f.Value, "fe80::ff"))
		}
		kept := l.Fields[:0]
		for _, f := range l.Fields {
			switch {
			case f.Key == "sum" && !quoted:
			case (f.Key == "id" && (l.Name == "ip" || l.Name == "frag") || f.Key == "flow") && own && !quoted:
			case f.Key == "recv" || f.Key == "xmit":
			default:
				kept = append(kept, f)
			}
		}
		l.Fields = kept
		if t, _ := l.Field("type"); l.Name == "icmp" && t != "0" && t != "8" || l.Name == "icmp6" && len(t) == 1 {
			quoted = true
		}
	}
	s := p.String()
	if strings.Contains(s, " opt 44") { // a timestamp
		s = s[:strings.Index(s, " opt 44")+14] + s[min(len(s), strings.Index(s, " opt 44")+22):]
		s = strings.SplitN(s, " opt 44", 2)[0]
	}
	return s
}

// Whatever frame it is, Skua sends what the kernel sends.
func TestSkuaDoesWhatTheKernelDoes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: the kernel is asked too")
	}
	n, seed := 5000, uint64(1)
	if v, err := strconv.Atoi(os.Getenv("SKUA_DIFFERENTIAL")); err == nil { // frames
		n = v
	}
	if v, err := strconv.ParseUint(os.Getenv("SKUA_SEED"), 10, 64); err == nil {
		seed = v
	}
	for name, lines := range worlds {
		t.Run(name, func(t *testing.T) {
			s, err := Parse("twins", twins+lines)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, s, n/len(worlds), seed)
		})
	}
}

func compare(t *testing.T, s *Script, n int, seed uint64) {
	c := comparison{t: t, s: s, routers: []Router{newKernel(t, s), newSkua(t, s)}}
	for _, r := range c.routers {
		run := &Run{Script: s, Router: r}
		if err := run.Setup(); err != nil {
			t.Fatal(err)
		}
		if err := run.Case(&s.Cases[0]); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range slices.Concat(templates, sweeps()) {
		c.frame(text, pkt.MustBuild(text, s.Names))
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		c.frame(fmt.Sprintf("frame %d", i), mutate(rnd, pkt.MustBuild(templates[rnd.IntN(len(templates))], s.Names)))
	}
}

type comparison struct {
	t        *testing.T
	s        *Script
	routers  []Router // the kernel, Skua
	failures int
}

// frame gives both routers a frame and compares what they send.
func (c *comparison) frame(name string, frame []byte) {
	var sent [2][]string
	for k, r := range c.routers {
		if err := r.Send("A", frame); err != nil {
			c.t.Fatal(err)
		}
		sent[k] = receive(r, c.s, 0)
	}
	if !slices.Equal(sent[0], sent[1]) {
		sent[0] = append(sent[0], receive(c.routers[0], c.s, 20*time.Millisecond)...) // it was slow
		slices.Sort(sent[0])
	}
	if slices.Equal(sent[0], sent[1]) {
		return
	}
	c.t.Errorf("%s: %s\n  %x\nthe kernel sends\n  %s\nSkua\n  %s", name, pkt.Decode(frame), frame,
		strings.Join(sent[0], "\n  "), strings.Join(sent[1], "\n  "))
	if c.failures++; c.failures == 20 {
		c.t.FailNow()
	}
}

// receive takes what a router sent, on all links, sorted.
func receive(r Router, s *Script, wait time.Duration) []string {
	var out []string
	for _, l := range s.Links {
		for frame := r.Recv(l.Name, wait); frame != nil; frame = r.Recv(l.Name, 0) {
			if text := comparable(frame); text != "" {
				out = append(out, fmt.Sprintf("%s: %s", l.Name, text))
			}
		}
	}
	slices.Sort(out)
	return out
}
