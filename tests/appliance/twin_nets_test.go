// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A pair of veths of Skua's between two namespaces: each has twins of its own, by which ping and
// sockets there reach the other, and goes with them.
//
//	x v0 10.1.1.1 ──[skua]── 10.1.1.2 v1 y
func TestTwinsOfNets(t *testing.T) {
	w := newWorld(t)
	w.in = w.netns()
	x, y := w.netns(), w.netns()
	i := w.startTwins("CONF\n")
	skua := func(ns *netns, args ...string) {
		t.Helper()
		cmd := ns.command(append([]string{filepath.Join(bin, "skua"), "exec", "--", "ip"}, args...)...)
		cmd.Env = append(os.Environ(), "SKUA_SOCKET="+i.socket)
		if r := runCmd(cmd); r.code != 0 {
			t.Fatalf("ip %s: %s", strings.Join(args, " "), r.err)
		}
	}
	skua(x, "link", "set", "lo", "up")
	skua(y, "link", "set", "lo", "up")
	skua(x, "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", y.name)
	for _, e := range []struct {
		ns   *netns
		dev  string
		host string
	}{{x, "v0", "1"}, {y, "v1", "2"}} {
		skua(e.ns, "addr", "add", "10.1.1."+e.host+"/24", "dev", e.dev)
		skua(e.ns, "addr", "add", "2001:db8:1::"+e.host+"/64", "dev", e.dev, "nodad")
		skua(e.ns, "link", "set", e.dev, "up")
	}
	skua(y, "addr", "add", "192.0.2.1/32", "dev", "lo")
	skua(x, "route", "add", "default", "via", "10.1.1.2")
	for _, err := range []error{x.ping("10.1.1.2"), y.ping("10.1.1.1"), x.ping("2001:db8:1::2"), x.ping("192.0.2.1"), x.ping("127.0.0.1")} {
		if err != nil {
			t.Error(err)
		}
	}
	y.listen("192.0.2.1:7001")
	if err := x.send("192.0.2.1:7001", noise(1<<20)); err != nil {
		t.Error(err)
	}

	// What Skua's routes refuse, and the address and length that they want, sockets are told at once.
	says := func(dst string, parts ...string) {
		t.Helper()
		r := runCmd(x.command("ip", "route", "get", dst))
		for _, p := range parts {
			if !strings.Contains(r.out+r.err, p) {
				t.Errorf("ip route get %s in its namespace: not %q: %s%s", dst, p, r.out, r.err)
			}
		}
	}
	skua(x, "addr", "add", "10.9.9.9/32", "dev", "lo")
	skua(x, "nexthop", "add", "id", "1", "blackhole")
	for range 2 { // an address takes the routes with it that prefer it
		skua(x, "route", "add", "203.0.113.0/24", "via", "10.1.1.2", "src", "10.9.9.9", "mtu", "1300")
		says("203.0.113.1", "dev skua0 src 10.9.9.9", "mtu 1300")
		skua(x, "addr", "del", "10.9.9.9/32", "dev", "lo")
		says("203.0.113.1", "dev skua0 src 10.1.1.1")
		skua(x, "addr", "add", "10.9.9.9/32", "dev", "lo")
	}
	skua(x, "route", "add", "203.0.113.0/24", "nhid", "1")
	skua(x, "route", "add", "203.0.113.0/25", "via", "10.1.1.2")
	skua(x, "route", "add", "prohibit", "2001:db8:7::/48")
	says("203.0.113.200", "Invalid argument")
	says("203.0.113.1", "dev skua0 src 10.1.1.1")
	says("2001:db8:7::1", "Permission denied")
	skua(x, "nexthop", "replace", "id", "1", "via", "10.1.1.2", "dev", "v0")
	says("203.0.113.200", "dev skua0")
	skua(x, "nexthop", "replace", "id", "1", "blackhole")
	says("203.0.113.200", "Invalid argument")
	skua(x, "rule", "add", "pref", "100", "to", "203.0.113.0/24", "table", "7") // who knows what it says
	says("203.0.113.200", "dev skua0")

	skua(x, "link", "del", "v0")
	eventually(t, 15*time.Second, func() string {
		if out := y.must("ip", "-br", "link"); strings.Contains(out, "v1") {
			return out
		}
		return ""
	})
	must(t, "ip", "netns", "del", x.name)
	i.waitLog("network namespace has gone")
}
