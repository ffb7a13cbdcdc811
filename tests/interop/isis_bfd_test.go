// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// isisd configures IS-IS, level 2, on links: it has no IP header, and speaks by packet sockets.
func isisd(id int, links ...string) string {
	var b strings.Builder
	for _, l := range append(links, "lo") {
		fmt.Fprintf(&b, "interface %s\n ip router isis X\n ipv6 router isis X\n", l)
		if l == "lo" {
			b.WriteString(" isis passive\n")
			continue
		}
		b.WriteString(" isis network point-to-point\n isis hello-interval 1\n isis hello-multiplier 4\n")
	}
	fmt.Fprintf(&b, "router isis X\n net 49.0001.0000.0000.000%d.00\n is-type level-2-only\n lsp-gen-interval 1\n spf-interval 1\n", id)
	return b.String()
}

func TestISIS(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, l *lab) {
		l.r1.startFRR(map[string]string{"zebra": "", "isisd": isisd(1, "eth0")})
		l.r3.startFRR(map[string]string{"zebra": "", "isisd": isisd(3, "eth0")})
		f := l.dut.startFRR(map[string]string{"zebra": "", "isisd": isisd(2, "left0", "right0")})
		eventually(t, 60*time.Second, func() string {
			return missing(l.dut.must("ip", "route")+l.dut.must("ip", "-6", "route")+f.vtysh("show isis neighbor"),
				"via 192.0.2.2 dev left0 proto isis", "via 198.51.100.2 dev right0 proto isis", "dev right0 proto isis metric 20 pref medium")
		})
		l.reachable(20 * time.Second)
	})
}

// TestBFD: a neighbour that is silent without its link going down is missed within a second or so,
// long before BGP's own hold time.
func TestBFD(t *testing.T) {
	t.Parallel()
	bfd := func(peers ...string) (text string) {
		text = "bfd\n"
		for _, p := range peers {
			text += fmt.Sprintf(" peer %s\n  receive-interval 100\n  transmit-interval 100\n", p)
		}
		return text
	}
	with := func(conf string, peers ...string) string {
		for _, p := range peers {
			conf = strings.Replace(conf, fmt.Sprintf(" neighbor %s timers connect", p),
				fmt.Sprintf(" neighbor %s bfd\n neighbor %s timers connect", p, p), 1)
		}
		return strings.ReplaceAll(conf, "timers 3 9", "timers 60 180")
	}
	onBoth(t, 1, func(t *testing.T, l *lab) {
		six := "2001:db8:2:0::"
		l.r1.startFRR(map[string]string{"zebra": "", "bgpd": bgpd(1, "", "192.0.2.1", "2001:db8:1::1")})
		l.r3.startFRR(map[string]string{"zebra": "", "bfdd": bfd("198.51.100.1", six+"1"), "bgpd": with(bgpd(3, "", "198.51.100.1", six+"1"), "198.51.100.1", six+"1")})
		f := l.dut.startFRR(map[string]string{"zebra": "", "bfdd": bfd("198.51.100.2", six+"2"),
			"bgpd": with(bgpd(2, "", "192.0.2.2", "2001:db8:1::2", "198.51.100.2", six+"2"), "198.51.100.2", six+"2")})
		l.reachable(60 * time.Second)
		eventually(t, 30*time.Second, func() string {
			if text := f.vtysh("show bfd peers brief"); strings.Count(text, " up ") != 2 {
				return text
			}
			return ""
		})
		// The link stays; r3 speaks no more.
		l.r3.must("ip", "addr", "flush", "dev", "eth0")
		eventually(t, 20*time.Second, func() string {
			if text := l.dut.must("ip", "route") + l.dut.must("ip", "-6", "route"); strings.Contains(text, "10.0.0.3") || strings.Contains(text, "2001:db8::3") {
				return "still there:\n" + text
			}
			return ""
		})
	})
}
