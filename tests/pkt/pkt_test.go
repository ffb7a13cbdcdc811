// SPDX-License-Identifier: BSD-3-Clause

package pkt

import (
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

var names = Names{
	MAC: map[string]string{"h1": "02:00:00:00:00:01", "A": "02:00:00:00:00:0a"},
	IP4: map[string]string{"h1": "10.0.1.2"},
	IP6: map[string]string{"h1": "2001:db8::2"},
}

var samples = []string{
	`eth h1 > A / ip h1 > 10.0.2.2 ttl 1 tos 3 id 7 df / udp 40000 > 20000 / data "hello"`,
	`eth h1 > A / ip h1 > 10.0.2.2 opt 07070400000000 / icmp echo-request id 1 seq 2 / data 33`,
	`eth h1 > A / ip h1 > 10.0.2.2 / tcp 1 > 2 syn ackf seq 5 ack 6 win 7 opt 020405b4`,
	`eth h1 > bcast / arp request sha h1 spa h1 tha 0 tpa 10.0.1.1 / pad 18`,
	`eth A > h1 / ip 10.0.1.1 > h1 / icmp unreachable code port / ip h1 > 10.0.1.1 / udp 1 > 2`,
	`eth h1 > A / ip6 h1 > 2001:db8::1 hlim 3 tc 4 flow 5 / udp 1 > 2 / data 5`,
	`eth h1 > A / ip6 h1 > 2001:db8::1 / hbh opt 0501 / frag off 0 mf id 9 / udp 1 > 2 len 100 sum 1 / data 8`,
	`eth h1 > mcast:ff02::1:ff00:1 / ip6 h1 > ff02::1:ff00:1 hlim 255 / icmp6 ns target 2001:db8::1 slla h1 nonce 010203040506`,
	`eth A > h1 / ip6 fe80::1 > h1 hlim 255 / icmp6 na router sol target fe80::1 tlla A`,
	`eth h1 > A / ip6 h1 > 2001:db8::1 / icmp6 packet-too-big mtu 1280 / ip6 2001:db8::1 > h1 / udp 1 > 2 / data 9`,
	`eth h1 > A / vlan id 5 prio 1 / ip h1 > 10.0.2.2 / udp 1 > 2`,
}

// What the text says is what Build writes and what Decode reads.
func TestTextToBytesAndBack(t *testing.T) {
	for _, text := range samples {
		want, err := Parse(text, names)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		data, err := Build(want)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := Decode(data)
		if strings.Contains(text, "len 100") {
			got.Problems = nil
		}
		if err := Match(want, got); err != nil {
			t.Errorf("%s\nread as %s: %v", text, got, err)
		}
	}
}

// gopacket, which shares no code with this package, finds the same layers and right checksums.
func TestBuildAgreesWithGopacket(t *testing.T) {
	for _, text := range samples {
		if strings.Contains(text, "len 100") {
			continue // a fragment
		}
		data := MustBuild(text, names)
		p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		for _, l := range p.Layers() {
			if t, ok := l.(interface {
				SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
			}); ok {
				_ = t.SetNetworkLayerForChecksum(p.NetworkLayer()) // VerifyChecksums says when it failed
			}
		}
		if fail := p.ErrorLayer(); fail != nil {
			t.Errorf("%s: %v", text, fail.Error())
		}
		if err, mismatches := p.VerifyChecksums(); err != nil || len(mismatches) > 0 {
			t.Errorf("%s: checksums %v %v", text, err, mismatches)
		}
	}
}

func TestMatchFindsEveryDifference(t *testing.T) {
	sent := `eth h1 > A / ip h1 > 10.0.2.2 ttl 64 df / udp 1 > 2 / data "abc"`
	for want, diff := range map[string]string{
		`eth h1 > A / ip * > 10.0.2.2 ttl 63`:                       "ip ttl is 64, not 63",
		`eth A > A`:                                                 "eth src is",
		`eth * > * / ip6`:                                           "ip where ip6 is expected",
		`eth * > * / ip * > * no-df`:                                "ip has df",
		`eth * > * / ip * > * mf`:                                   "ip has no mf",
		`eth * > * / ip * > * / udp 1 > 2 / data "abd"`:             `"abc", not "abd"`,
		`eth * > * / ip * > * / udp 1 > 2 / data 4`:                 "3 bytes, not 4",
		`eth * > * / ip * > * / udp 1 > 2 / data 3 / data 1`:        "no data in it",
		`eth * > * / ip * > * df no-mf off 0 / udp 1 > 2 / data 3`:  "",
		`eth * > * len 45 / ip h1 > * / udp * > * len 11 / data 3`:  "",
		`eth * > * / ip * > * / udp 1 > 2 / data "abc" / data 0`:    "",
		`eth h1 > 02:00:00:00:00:0a / ip 10.0.1.2 > 10.0.2.2 tos 0`: "",
	} {
		layers, err := Parse(want, names)
		if err != nil {
			t.Fatal(err)
		}
		err = Match(layers, Decode(MustBuild(sent, names)))
		if diff == "" && err != nil || diff != "" && (err == nil || !strings.Contains(err.Error(), diff)) {
			t.Errorf("%s: %v, want %q", want, err, diff)
		}
	}
}

func TestDecodeFindsFault(t *testing.T) {
	for text, fault := range map[string]string{
		`eth h1 > A / ip h1 > 10.0.2.2 sum bad / udp 1 > 2`:          "bad IPv4 checksum",
		`eth h1 > A / ip h1 > 10.0.2.2 len 2000 / udp 1 > 2`:         "total length 2000 of 28 bytes",
		`eth h1 > A / ip h1 > 10.0.2.2 / udp 1 > 2 sum bad`:          "bad UDP checksum",
		`eth h1 > A / ip h1 > 10.0.2.2 / icmp echo-request sum bad`:  "bad ICMP checksum",
		`eth h1 > A / ip6 h1 > ::1 / icmp6 echo-request sum bad`:     "bad ICMPv6 checksum",
		`eth h1 > A / ip6 h1 > ::1 / tcp 1 > 2 sum bad`:              "bad TCP checksum",
		`eth h1 > A / ip6 h1 > ::1 len 99 / tcp 1 > 2`:               "payload length 99 of 20 bytes",
		`eth h1 > A / ip h1 > 10.0.2.2 / udp 1 > 2 / trunc 9`:        "9 bytes are no Ethernet frame",
		`eth h1 > A / ip h1 > 10.0.2.2 ihl 4 / udp 1 > 2`:            "no IPv4 header",
		`eth h1 > A / ip h1 > 10.0.2.2 / tcp 1 > 2 doff 3 / data 60`: "bad TCP data offset",
	} {
		got := Decode(MustBuild(text, names))
		if len(got.Problems) == 0 || got.Problems[0] != fault {
			t.Errorf("%s: %q, want %q", text, got.Problems, fault)
		}
	}
}

// Whatever Decode reads, its text is parsed again, and nothing is out of bounds.
func FuzzDecode(f *testing.F) {
	for _, text := range samples {
		f.Add(MustBuild(text, names))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		p := Decode(frame)
		if len(p.Layers) == 0 {
			return
		}
		text := String(p.Layers)
		again, err := Parse(text, Names{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		p.Problems = nil
		if err := Match(again, p); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range samples {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		layers, err := Parse(text, names)
		if err != nil {
			return
		}
		if _, err := Build(layers); err != nil {
			return
		}
		if _, err := Parse(String(layers), names); err != nil {
			t.Fatalf("%s became %s: %v", text, String(layers), err)
		}
	})
}
