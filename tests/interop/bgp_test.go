// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"skua/tests/lab"
)

// bgpd configures a router of AS 65000+id with eBGP neighbours, each an address or a link.
func bgpd(id int, extra string, neighbours ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "router bgp %d\n bgp router-id 10.0.0.%d\n no bgp ebgp-requires-policy\n no bgp network import-check\n%s", 65000+id, id, extra)
	var unnumbered bool
	for _, n := range neighbours {
		if strings.ContainsAny(n, ".:") {
			fmt.Fprintf(&b, " neighbor %s remote-as external\n", n)
		} else {
			fmt.Fprintf(&b, " neighbor %s interface remote-as external\n", n)
			unnumbered = true
		}
		fmt.Fprintf(&b, " neighbor %s timers 3 9\n neighbor %s timers connect 1\n neighbor %s advertisement-interval 0\n", n, n, n)
	}
	for _, af := range []string{"ipv4", "ipv6"} {
		fmt.Fprintf(&b, " address-family %s unicast\n  redistribute connected\n  maximum-paths 16\n", af)
		for _, n := range neighbours {
			if six := strings.Contains(n, ":"); unnumbered || six == (af == "ipv6") {
				fmt.Fprintf(&b, "  neighbor %s activate\n", n)
			} else if !six {
				continue
			} else {
				fmt.Fprintf(&b, "  no neighbor %s activate\n", n)
			}
		}
		b.WriteString(" exit-address-family\n")
	}
	return b.String()
}

// TestBGP: a session for each family, between addresses.
func TestBGP(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, l *routers) {
		l.R1.StartFRR(map[string]string{"zebra": "", "bgpd": bgpd(1, "", "192.0.2.1", "2001:db8:1::1")})
		l.R3.StartFRR(map[string]string{"zebra": "", "bgpd": bgpd(3, "", "198.51.100.1", "2001:db8:2:0::1")})
		f := l.DUT.StartFRR(map[string]string{"zebra": "", "bgpd": bgpd(2, "", "192.0.2.2", "2001:db8:1::2", "198.51.100.2", "2001:db8:2:0::2")})
		lab.Eventually(t, 60*time.Second, func() string {
			return lab.Missing(l.DUT.Must("ip", "route")+l.DUT.Must("ip", "-6", "route")+f.Vtysh("show bgp summary"),
				"via 192.0.2.2 dev left0 proto bgp", "via 198.51.100.2 dev right0 proto bgp", "dev right0 proto bgp metric 20 pref medium")
		})
		l.reachable(20 * time.Second)

		// Its neighbour is gone: so are its routes.
		l.R3.Must("ip", "link", "set", "eth0", "down")
		lab.Eventually(t, 30*time.Second, func() string {
			if text := l.DUT.Must("ip", "route") + l.DUT.Must("ip", "-6", "route"); strings.Contains(text, "10.0.0.3") || strings.Contains(text, "2001:db8::3") {
				return "still there:\n" + text
			}
			return ""
		})
	})
}

// TestBGPUnnumbered: sessions between link-local addresses that the neighbours find by router
// advertisements; IPv4 goes over IPv6 gateways.
func TestBGPUnnumbered(t *testing.T) {
	t.Parallel()
	const ra = "interface %s\n ipv6 nd ra-interval 1\n no ipv6 nd suppress-ra\n"
	zebra := func(links ...string) (text string) {
		for _, link := range links {
			text += fmt.Sprintf(ra, link)
		}
		return text
	}
	onBoth(t, 2, func(t *testing.T, l *routers) {
		l.R1.StartFRR(map[string]string{"zebra": zebra("eth0"), "bgpd": bgpd(1, "", "eth0")})
		l.R3.StartFRR(map[string]string{"zebra": zebra("eth0", "eth1"), "bgpd": bgpd(3, "", "eth0", "eth1")})
		f := l.DUT.StartFRR(map[string]string{"zebra": zebra("left0", "right0", "right1"), "bgpd": bgpd(2, "", "left0", "right0", "right1")})
		lab.Eventually(t, 60*time.Second, func() string {
			v4 := l.DUT.Must("ip", "route", "show", "10.0.0.3")
			if strings.Count(v4, "nexthop via inet6 fe80::") != 2 {
				return "not over two links:\n" + v4 + f.Vtysh("show bgp summary")
			}
			return ""
		})
		l.reachable(20 * time.Second)
	})
}

// TestGracefulRestart: packets go on while bgpd is killed and started again. The neighbours have static
// routes to each other: their bgpd gives up what it kept as soon as the first session is back, which
// may be before the router has heard from the other neighbour (on every kernel).
func TestGracefulRestart(t *testing.T) {
	t.Parallel()
	const graceful = " bgp graceful-restart\n bgp graceful-restart preserve-fw-state\n bgp graceful-restart restart-time 60\n"
	onBoth(t, 1, func(t *testing.T, l *routers) {
		l.R1.StartFRR(map[string]string{"zebra": "", "bgpd": bgpd(1, graceful, "192.0.2.1", "2001:db8:1::1")})
		l.R3.StartFRR(map[string]string{"zebra": "", "bgpd": bgpd(3, graceful, "198.51.100.1", "2001:db8:2:0::1")})
		conf := bgpd(2, graceful, "192.0.2.2", "2001:db8:1::2", "198.51.100.2", "2001:db8:2:0::2")
		f := l.DUT.StartFRR(map[string]string{"zebra": "", "bgpd": conf})
		l.reachable(60 * time.Second)
		established := func() string {
			return lab.Missing(f.Vtysh("show bgp neighbors 198.51.100.2"), "BGP state = Established", "End-of-RIB", "Graceful Restart Capability: advertised and received")
		}
		lab.Eventually(t, 30*time.Second, established)

		l.R1.Must("ip", "route", "replace", "10.0.0.3", "via", "192.0.2.1", "src", "10.0.0.1")
		l.R3.Must("ip", "route", "replace", "10.0.0.1", "via", "198.51.100.1", "src", "10.0.0.3")
		pings := exec.Command("ip", "netns", "exec", l.R1.NS, "ping", "-n", "-i", "0.02", "-I", "10.0.0.1", "10.0.0.3")
		p := l.R1.Daemon("ping", pings)
		_ = f.Daemons["bgpd"].Cmd.Process.Signal(syscall.SIGKILL)
		<-f.Daemons["bgpd"].Done
		time.Sleep(time.Second) // the time that bgpd is away for
		f.Start("bgpd", conf)
		lab.Eventually(t, 40*time.Second, established)
		_ = pings.Process.Signal(syscall.SIGINT)
		<-p.Done
		answered, last := 0, 0 // what was on its way at the end is not lost
		for _, line := range strings.Split(p.Logged(), "\n") {
			var bytes, seq int
			if n, _ := fmt.Sscanf(line, "%d bytes from 10.0.0.3: icmp_seq=%d ttl=63", &bytes, &seq); n == 2 {
				answered, last = answered+1, max(last, seq)
			}
		}
		if answered < last-5 || last < 50 { // FRR replaces each route when it learns it again
			t.Errorf("%d of %d packets were lost:\n%s", last-answered, last, p.Logged())
		}
	})
}
