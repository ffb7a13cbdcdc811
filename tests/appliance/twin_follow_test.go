// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What ip changes in Skua, the host's own ip shows.
func TestTwinsFollow(t *testing.T) {
	w, i, s, a, _ := twinWorld(t)
	shows := func(what string, parts ...string) {
		t.Helper()
		eventually(t, 15*time.Second, func() string {
			out := s.must(append([]string{"ip", "-d"}, strings.Fields(what)...)...)
			for _, p := range parts {
				if no, ok := strings.CutPrefix(p, "!"); ok && strings.Contains(out, no) || !ok && !strings.Contains(out, p) {
					return "ip " + what + ": " + p + " in\n" + out
				}
			}
			return ""
		})
	}
	index := func(out string) string { n, _, _ := strings.Cut(out, ":"); return n }
	if host, skua := s.must("ip", "-o", "link", "show", "left"), i.ip("-o", "link", "show", "left"); index(host) != index(skua) {
		t.Errorf("indexes differ:\n%s%s", host, skua)
	}

	i.ip("addr", "add", "192.0.2.9/24", "dev", "left")
	i.ip("addr", "add", "2001:db8:7::1/64", "dev", "left")
	i.ip("addr", "add", "192.0.2.129/32", "peer", "192.0.2.130/32", "dev", "left")
	i.ip("addr", "add", "10.255.0.1/32", "dev", "lo")
	shows("addr show left", "inet 192.0.2.9/24", "inet6 2001:db8:7::1/64", "inet 192.0.2.129 peer 192.0.2.130/32")
	shows("addr show skua0", "inet 10.255.0.1/32")
	i.ip("addr", "del", "192.0.2.1/24", "dev", "left") // its secondary goes with it
	i.ip("addr", "add", "192.0.2.1/24", "dev", "left")
	shows("addr show left", "inet 192.0.2.1/24", "!192.0.2.9/24")
	// An address of lo reaches hosts, by way of Skua's tables.
	s.must("ping", "-n", "-c", "1", "-W", "5", "-I", "10.255.0.1", "192.0.2.2")

	i.ip("link", "set", "left", "mtu", "1400")
	shows("link show left", "mtu 1400 ")
	i.ip("link", "set", "left", "mtu", "1500")
	i.ip("link", "set", "left", "address", "02:00:00:00:aa:01")
	shows("link show left", "link/ether 02:00:00:00:aa:01 ", "mtu 1500 ")
	a.must("ip", "neigh", "flush", "dev", "eth0")
	if err := s.ping("192.0.2.2"); err != nil {
		t.Error(err)
	}

	a.must("ip", "link", "set", "eth0", "down")
	shows("link show left", "NO-CARRIER")
	a.host("eth0", "192.0.2", "2001:db8:1")
	shows("link show left", "LOWER_UP")

	i.ip("link", "set", "left", "down")
	shows("link show left", "!,UP")
	i.ip("link", "set", "left", "up")
	i.ip("addr", "add", "2001:db8:1::1/64", "dev", "left")
	shows("link show left", ",UP")
	shows("addr show left", "inet6 2001:db8:1::1/64", "inet 192.0.2.1/24")

	i.ip("link", "set", "left", "name", "west")
	shows("addr show west", "inet 192.0.2.1/24", "inet6 2001:db8:1::1/64", "inet6 fe80::")
	i.ip("link", "set", "right", "name", "left")
	i.ip("link", "set", "west", "name", "right") // they have changed their names
	shows("addr show right", "inet 192.0.2.1/24")
	shows("addr show left", "inet 198.51.100.1/24")
	for _, dst := range []string{"192.0.2.2", "198.51.100.2", "2001:db8:1::2"} {
		if err := s.ping(dst); err != nil {
			t.Error(err)
		}
	}

	i.ip("route", "add", "blackhole", "203.0.113.128/25")
	shows("route show table 21248", "blackhole 203.0.113.128/25")
	if err := i.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-i.done
	shows("link", "!skua0", "!left", "!right")
	// What a killed one leaves in the way of packets, the next one takes away.
	i = w.startAt("again.toml", "[appliance]\nsocket = \""+w.socket()+
		"\"\ntwins = true\n[dataplane]\nhugepages = \"off\"\nmemory_mb = 128\nmbufs = 8192\n", w.socket())
	shows("link", "skua0")
	shows("route show table all", "!blackhole")
	i.stop(unix.SIGTERM)
	shows("rule", "!192.0.2.1")
}

// A default route of the host's own stays the one that is used, but for packets that have an address
// of Skua's.
func TestTwinsLeaveTheHostItsRoutes(t *testing.T) {
	w := newWorld(t)
	w.in = w.netns()
	a, lan := w.netns(), w.netns()
	w.in.must("ip", "link", "add", "mgmt", "type", "veth", "peer", "name", "eth0", "netns", lan.name)
	w.in.must("ip", "addr", "add", "10.9.0.1/24", "dev", "mgmt")
	w.in.must("ip", "link", "set", "mgmt", "up")
	lan.must("ip", "addr", "add", "10.9.0.2/24", "dev", "eth0")
	lan.must("ip", "link", "set", "eth0", "up")
	w.in.must("ip", "route", "add", "default", "via", "10.9.0.2")
	i := w.startTwins(`CONF
[[link]]
name = "left"
tap = { name = "eth0", netns = "` + a.name + `" }
addresses = ["192.0.2.1/24"]
[[route]]
to = "default"
via = "192.0.2.2"
`)
	a.host("eth0", "192.0.2", "")
	if err := w.in.ping("192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	i.ip("route", "add", "unreachable", "198.51.100.0/24")
	wantContains(t, "route past what Skua refuses", w.in.must("ip", "route", "get", "198.51.100.1"), "via 10.9.0.2 dev mgmt")
	r := runCmd(w.in.command("ip", "route", "get", "198.51.100.1", "from", "192.0.2.1"))
	wantContains(t, "route from Skua's address to what it refuses", r.out+r.err, "No route to host")
	wantContains(t, "route", w.in.must("ip", "route", "get", "203.0.113.1"), "via 10.9.0.2 dev mgmt")
	wantContains(t, "route from Skua's address", w.in.must("ip", "route", "get", "203.0.113.1", "from", "192.0.2.1"), "dev skua0")
	w.in.must("ip", "route", "del", "default")
	eventually(t, 15*time.Second, func() string {
		out := w.in.must("ip", "route", "get", "203.0.113.1")
		if !strings.Contains(out, "dev skua0 src 192.0.2.1") {
			return out
		}
		return ""
	})
	a.must("ip", "addr", "add", "203.0.113.1/32", "dev", "lo")
	if err := w.in.ping("203.0.113.1"); err != nil {
		t.Error(err)
	}
}

// TestTwinsBeforeTheACK: what a program was told to be done, sockets of the host find done.
func TestTwinsBeforeTheACK(t *testing.T) {
	_, i, s, _, _ := twinWorld(t)
	for n := range 10 {
		addr := fmt.Sprintf("192.0.2.%d", 10+n)
		i.ip("addr", "add", addr+"/24", "dev", "left")
		if out := s.must("ip", "-br", "addr", "show", "left"); !strings.Contains(out, addr+"/24") {
			t.Fatalf("without %s: %s", addr, out)
		}
		i.ip("addr", "del", addr+"/24", "dev", "left")
		if out := s.must("ip", "-br", "addr", "show", "left"); strings.Contains(out, addr+"/24") {
			t.Fatalf("still with %s: %s", addr, out)
		}
	}
	i.ip("link", "add", "d0", "type", "dummy")
	s.must("ip", "link", "show", "d0")
	i.ip("link", "del", "d0")
	if out, err := s.command("ip", "link", "show", "d0").Output(); err == nil {
		t.Errorf("still there: %s", out)
	}
}
