// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"skua/tests/lab"
)

// ospfd configures OSPFv2 on links, point to point, with short timers.
func ospfd(id string, links ...string) string {
	var b strings.Builder
	for _, l := range links {
		fmt.Fprintf(&b, "interface %s\n ip ospf hello-interval 1\n ip ospf dead-interval 4\n ip ospf network point-to-point\n ip ospf area 0\n", l)
	}
	fmt.Fprintf(&b, "interface lo\n ip ospf area 0\nrouter ospf\n ospf router-id %s\n timers throttle spf 0 50 500\n maximum-paths 16\n", id)
	return b.String()
}

// ospf6d is the same for OSPFv3.
func ospf6d(id string, links ...string) string {
	var b strings.Builder
	for _, l := range links {
		fmt.Fprintf(&b, "interface %s\n ipv6 ospf6 hello-interval 1\n ipv6 ospf6 dead-interval 4\n ipv6 ospf6 network point-to-point\n ipv6 ospf6 area 0\n", l)
	}
	fmt.Fprintf(&b, "interface lo\n ipv6 ospf6 area 0\nrouter ospf6\n ospf6 router-id %s\n timers throttle spf 0 50 500\n maximum-paths 16\n", id)
	return b.String()
}

func names(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(prefix, i))
	}
	return all
}

// reachable waits until r1 and r3 have each other's loopbacks.
func (l *routers) reachable(within time.Duration) {
	l.t.Helper()
	lab.Eventually(l.t, within, func() string {
		for _, c := range [][2]string{{"10.0.0.3", "10.0.0.1"}, {"2001:db8::3", "2001:db8::1"}} {
			if err := l.R1.Ping(c[0], "-I", c[1]); err != nil {
				return err.Error()
			}
		}
		return ""
	})
}

// TestOSPF: both versions find their neighbours and each other's loopbacks over eight links at once,
// and go on over those that are left.
func TestOSPF(t *testing.T) {
	t.Parallel()
	const ways = 8
	onBoth(t, ways, func(t *testing.T, l *routers) {
		l.R1.StartFRR(map[string]string{"zebra": "", "ospfd": ospfd("10.0.0.1", "eth0"), "ospf6d": ospf6d("10.0.0.1", "eth0")})
		right := names("eth", ways)
		l.R3.StartFRR(map[string]string{"zebra": "", "ospfd": ospfd("10.0.0.3", right...), "ospf6d": ospf6d("10.0.0.3", right...)})
		links := append(names("right", ways), "left0")
		f := l.DUT.StartFRR(map[string]string{"zebra": "", "ospfd": ospfd("10.0.0.2", links...), "ospf6d": ospf6d("10.0.0.2", links...)})

		paths := func(n int) func() string {
			return func() string {
				v4 := l.DUT.Must("ip", "route", "show", "10.0.0.3")
				v6 := l.DUT.Must("ip", "-6", "route", "show", "2001:db8::3")
				if strings.Count(v4, "nexthop via 198.51.") != n || strings.Count(v6, "nexthop via fe80::") != n {
					return fmt.Sprintf("not over %d links:\n%s%s%s", n, v4, v6, f.Vtysh("show ip ospf neighbor", "show ipv6 ospf6 neighbor"))
				}
				return lab.Missing(v4+v6+l.DUT.Must("ip", "route", "show", "10.0.0.1"), "proto ospf metric 20", "via 192.0.2.2 dev left0 proto ospf")
			}
		}
		lab.Eventually(t, 60*time.Second, paths(ways))
		l.reachable(20 * time.Second)

		l.R3.Must("ip", "link", "set", "eth3", "down") // its carrier is seen here
		lab.Eventually(t, 20*time.Second, paths(ways-1))
		l.reachable(5 * time.Second)
	})
}
