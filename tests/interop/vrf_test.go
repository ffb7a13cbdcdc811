// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"strings"
	"testing"
	"time"

	"skua/tests/lab"
)

// TestVRF: both neighbours are in a VRF; BGP and OSPF speak there by sockets that are bound to it,
// and what they learn is in its table only.
func TestVRF(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, l *routers) {
		l.need("vrf", "table", "99")
		l.DUT.Must("ip", "link", "add", "red", "type", "vrf", "table", "100")
		l.DUT.Must("ip", "link", "set", "red", "up")
		for _, link := range []string{"left0", "right0"} {
			l.DUT.Must("ip", "link", "set", link, "master", "red")
		}
		for _, w := range l.Wires(1) { // the kernel takes them away with the change
			l.DUT.Must("ip", "addr", "replace", w.V6+"::1/64", "dev", w.Name, "nodad")
		}
		l.R1.StartFRR(map[string]string{"zebra": "", "bgpd": bgpd(1, "", "192.0.2.1", "2001:db8:1::1")})
		l.R3.StartFRR(map[string]string{"zebra": "", "ospfd": ospfd("10.0.0.3", "eth0"), "ospf6d": ospf6d("10.0.0.3", "eth0")})
		const exchange = " address-family ipv4 unicast\n  redistribute ospf\n address-family ipv6 unicast\n  redistribute ospf6\n"
		f := l.DUT.StartFRR(map[string]string{"zebra": "",
			"bgpd": strings.Replace(bgpd(2, "", "192.0.2.2", "2001:db8:1::2"), "router bgp 65002", "router bgp 65002 vrf red", 1) + exchange,
			"ospfd": strings.NewReplacer("router ospf\n", "router ospf vrf red\n redistribute bgp\n", "interface lo\n ip ospf area 0\n", "").
				Replace(ospfd("10.0.0.2", "right0")),
			"ospf6d": strings.NewReplacer("router ospf6\n", "router ospf6 vrf red\n redistribute bgp\n", "interface lo\n ipv6 ospf6 area 0\n", "").
				Replace(ospf6d("10.0.0.2", "right0"))})
		lab.Eventually(t, 60*time.Second, func() string {
			return lab.Missing(l.DUT.Must("ip", "route", "show", "vrf", "red")+l.DUT.Must("ip", "-6", "route", "show", "vrf", "red")+
				f.Vtysh("show bgp vrf red summary", "show ip ospf vrf red neighbor", "show ipv6 ospf6 vrf red neighbor"),
				"10.0.0.1 nhid", "via 192.0.2.2 dev left0 proto bgp", "via 198.51.100.2 dev right0 proto ospf",
				"2001:db8::1 nhid", "2001:db8::3 nhid")
		})
		if text := l.DUT.Must("ip", "route") + l.DUT.Must("ip", "-6", "route"); strings.Contains(text, "10.0.0.") || strings.Contains(text, "2001:db8::") {
			t.Errorf("outside of the VRF:\n%s", text)
		}
		l.reachable(20 * time.Second)
	})
}
