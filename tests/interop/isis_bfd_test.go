// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"skua/tests/lab"
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
	onBoth(t, 1, func(t *testing.T, l *routers) {
		l.R1.StartFRR(map[string]string{"zebra": "", "isisd": isisd(1, "eth0")})
		l.R3.StartFRR(map[string]string{"zebra": "", "isisd": isisd(3, "eth0")})
		f := l.DUT.StartFRR(map[string]string{"zebra": "", "isisd": isisd(2, "left0", "right0")})
		lab.Eventually(t, 60*time.Second, func() string {
			return lab.Missing(l.DUT.Must("ip", "route")+l.DUT.Must("ip", "-6", "route")+f.Vtysh("show isis neighbor"),
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
	onBoth(t, 1, func(t *testing.T, l *routers) {
		six := "2001:db8:2:0::"
		l.R1.StartFRR(map[string]string{"zebra": "", "bgpd": bgpd(1, "", "192.0.2.1", "2001:db8:1::1")})
		l.R3.StartFRR(map[string]string{"zebra": "", "bfdd": bfd("198.51.100.1", six+"1"), "bgpd": with(bgpd(3, "", "198.51.100.1", six+"1"), "198.51.100.1", six+"1")})
		f := l.DUT.StartFRR(map[string]string{"zebra": "", "bfdd": bfd("198.51.100.2", six+"2"),
			"bgpd": with(bgpd(2, "", "192.0.2.2", "2001:db8:1::2", "198.51.100.2", six+"2"), "198.51.100.2", six+"2")})
		l.reachable(60 * time.Second)
		lab.Eventually(t, 30*time.Second, func() string {
			if text := f.Vtysh("show bfd peers brief"); strings.Count(text, " up ") != 2 {
				return text
			}
			return ""
		})
		// The link stays; r3 speaks no more.
		l.R3.Must("ip", "addr", "flush", "dev", "eth0")
		lab.Eventually(t, 20*time.Second, func() string {
			if text := l.DUT.Must("ip", "route") + l.DUT.Must("ip", "-6", "route"); strings.Contains(text, "10.0.0.3") || strings.Contains(text, "2001:db8::3") {
				return "still there:\n" + text
			}
			return ""
		})
	})
}
