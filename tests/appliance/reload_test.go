// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// edit is the file of a running instance, which tests change piece by piece.
type edit struct {
	i    *instance
	text string
}

// write saves the file with some texts replaced, pairs of old and new.
func (e *edit) write(pairs ...string) string {
	e.i.w.t.Helper()
	text := e.text
	for n := 0; n < len(pairs); n += 2 {
		if !strings.Contains(text, pairs[n]) {
			e.i.w.t.Fatalf("%q is not in the file", pairs[n])
		}
		text = strings.Replace(text, pairs[n], pairs[n+1], 1)
	}
	e.i.w.write("skua.toml", text)
	return text
}

// reload saves and applies the file, and returns the steps that were done.
func (e *edit) reload(pairs ...string) []string {
	e.i.w.t.Helper()
	text := e.write(pairs...)
	r := e.i.skua("reload")
	if r.code != 0 || r.err != "" {
		e.i.w.t.Fatalf("reload: exit %d: %s\n%s", r.code, r.err, text)
	}
	e.text = text
	return strings.Split(strings.TrimSpace(r.out), "\n")
}

// state is all that ip shows.
func state(i *instance) string {
	i.w.t.Helper()
	var all []string
	for _, args := range []string{"-d addr", "-4 route show table all", "-6 route show table all", "-N neigh show nud permanent", "-4 netconf", "-6 netconf"} {
		all = append(all, "# ip "+args, i.ip(strings.Fields(args)...))
	}
	return strings.Join(all, "\n")
}

// settled waits until no address is tentative any more.
func settled(t *testing.T, i *instance) {
	t.Helper()
	eventually(t, patience, func() string {
		if out := i.ip("addr", "show", "tentative"); strings.Contains(out, "inet6") {
			return out
		}
		return ""
	})
}

func newEdit(t *testing.T, extra string) (*edit, *netns, *netns) {
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	e := &edit{text: fmt.Sprintf(router, a.name, b.name) + extra}
	e.i = w.start(e.text)
	return e, a, b
}

func TestReload(t *testing.T) {
	e, a, b := newEdit(t, "")
	c := e.i.w.netns()
	hosts(a, b)
	forwards(t, a, b)

	if got := e.reload(); got[0] != "nothing changed" {
		t.Errorf("without a change: %q", got)
	}

	// What the operator adds with ip is there before and after all that follows.
	e.i.ip("route", "add", "203.0.113.0/24", "via", "192.0.2.2")
	e.i.ip("route", "add", "2001:db8:99::/48", "via", "2001:db8:1::2")
	e.i.ip("addr", "add", "192.0.2.77/24", "dev", "left")
	e.i.ip("neigh", "add", "192.0.2.50", "lladdr", "02:00:00:00:00:50", "dev", "left")
	defer func() {
		wantContains(t, "what the operator added", state(e.i), "203.0.113.0/24 via 192.0.2.2", "2001:db8:99::/48 via 2001:db8:1::2",
			"inet 192.0.2.77/24 scope global secondary left", "192.0.2.50 dev left lladdr 02:00:00:00:00:50 PERMANENT")
		e.i.stop(syscall.SIGTERM)
	}()

	t.Run("a link, routes, neighbours and sysctls come", func(t *testing.T) {
		got := e.reload("CONF\n", "CONF\n[sysctl]\n\"net.ipv4.conf.third.rp_filter\" = 1\n\"net.ipv4.conf.left.send_redirects\" = 0\n",
			"2001:db8:2::1/64\"]\n", `2001:db8:2::1/64"]
[[link]]
name = "third"
tap = { name = "eth0", netns = "`+c.name+`" }
mtu = 1600
mac = "02:00:00:00:03:01"
addresses = ["10.3.0.1/24"]
[[route]]
to = "10.4.0.0/16"
via = "10.3.0.2"
metric = 7
[[route]]
to = "10.5.0.0/16"
type = "unreachable"
[[neigh]]
dev = "third"
to = "10.3.0.9"
lladdr = "02:00:00:00:03:09"
`)
		want := "add link third|set sysctl net.ipv4.conf.third.rp_filter|set link third|set address 10.3.0.1/24 dev third|" +
			"set neigh 10.3.0.9 dev third|set route 10.4.0.0/16 table 254|set route 10.5.0.0/16 table 254"
		if !strings.Contains(strings.Join(got, "|"), want) {
			t.Errorf("steps %q", got)
		}
		wantContains(t, "ip", state(e.i), "link/ether 02:00:00:00:03:01", "mtu 1600", "inet 10.3.0.1/24 scope global third",
			"10.4.0.0/16 via 10.3.0.2 dev third proto static metric 7", "unreachable 10.5.0.0/16 proto static",
			"10.3.0.9 dev third lladdr 02:00:00:00:03:09 PERMANENT")
		wantContains(t, "netconf", e.i.ip("-4", "netconf", "show", "dev", "third"), "rp_filter strict")
		c.host("eth0", "10.3.0", "")
		if err := c.ping("192.0.2.2"); err != nil {
			t.Error(err)
		}
	})
	t.Run("they change", func(t *testing.T) {
		e.reload("mtu = 1600\nmac = \"02:00:00:00:03:01\"\naddresses = [\"10.3.0.1/24\"]", "mtu = 1280\naddresses = [\"10.3.0.7/24\"]",
			"10.5.0.0/16", "10.6.0.0/16", "metric = 7\n", "metric = 8\n", "02:00:00:00:03:09", "02:00:00:00:03:19",
			"\"net.ipv4.conf.third.rp_filter\" = 1\n", "")
		s := state(e.i)
		wantContains(t, "ip", s, "mtu 1280", "inet 10.3.0.7/24", "10.4.0.0/16 via 10.3.0.2 dev third proto static metric 8",
			"unreachable 10.6.0.0/16", "lladdr 02:00:00:00:03:19 PERMANENT")
		for _, gone := range []string{"10.3.0.1", "metric 7", "10.5.0.0", "03:09", "02:00:00:00:03:01"} {
			if strings.Contains(s, gone) {
				t.Errorf("%s is still there:\n%s", gone, s)
			}
		}
		wantContains(t, "netconf", e.i.ip("-4", "netconf", "show", "dev", "third"), "rp_filter off")
	})
	t.Run("down and up, and what was on it is there again", func(t *testing.T) {
		e.reload("mtu = 1280\n", "mtu = 1280\nup = false\n", "[[route]]\nto = \"10.4.0.0/16\"\nvia = \"10.3.0.2\"\nmetric = 8\n", "")
		wantContains(t, "ip link", e.i.ip("link", "show", "third"), "state DOWN")
		e.reload("up = false\n", "", "[[neigh]]", "[[route]]\nto = \"10.4.0.0/16\"\nvia = \"10.3.0.2\"\n[[neigh]]")
		wantContains(t, "ip", state(e.i), "10.4.0.0/16 via 10.3.0.2 dev third", "10.3.0.9 dev third lladdr 02:00:00:00:03:19 PERMANENT")
	})
	t.Run("another TAP", func(t *testing.T) {
		e.reload(`name = "eth0", netns = "`+c.name, `name = "eth9", netns = "`+c.name)
		c.must("ip", "link", "show", "eth9")
		if err := c.command("ip", "link", "show", "eth0").Run(); err == nil {
			t.Error("the TAP of before is still there")
		}
		wantContains(t, "ip", state(e.i), "10.4.0.0/16 via 10.3.0.2 dev third", "inet 10.3.0.7/24 scope global third", "10.3.0.9 dev third")
		c.host("eth9", "10.3.0", "")
		c.must("ip", "route", "replace", "default", "via", "10.3.0.7")
		if err := c.ping("192.0.2.2"); err != nil {
			t.Error(err)
		}
	})
	t.Run("the link goes", func(t *testing.T) {
		begin := strings.Index(e.text, "[[link]]\nname = \"third\"")
		e.reload(e.text[begin:], "")
		if s := state(e.i); strings.Contains(s, "third") || strings.Contains(s, "10.6.0.0") {
			t.Errorf("it is still there:\n%s", s)
		}
		if err := c.command("ip", "link", "show", "eth9").Run(); err == nil {
			t.Error("its TAP is still there")
		}
		forwards(t, a, b)
	})
	t.Run("SIGHUP", func(t *testing.T) {
		e.text = e.write("192.0.2.1/24\"", "192.0.2.1/24\", \"10.99.0.1/24\"")
		if err := e.i.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		e.i.waitLog("msg=reloaded changes=\"set address 10.99.0.1/24 dev left\"")
		wantContains(t, "ip addr", e.i.ip("addr"), "inet 10.99.0.1/24 scope global left")
		e.write("10.99.0.1/24", "10.99.0.300/24")
		if err := e.i.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		e.i.waitLog("skua.toml:12: link[0].addresses: \\\"10.99.0.300/24\\\" is no prefix")
		wantContains(t, "the log", e.i.logged(), "level=ERROR msg=\"reload: nothing was changed\"")
	})
	t.Run("what needs a restart is refused by name", func(t *testing.T) {
		before := state(e.i)
		e.write("CONF\n", "CONF\nrx_desc = 512\ntx_desc = 512\n", "10.99.0.1/24", "10.98.0.1/24")
		r := e.i.skua("reload")
		if want := "skua: dataplane.rx_desc, dataplane.tx_desc: a change takes effect only at the next start of Skua\n"; r.code != 1 || r.err != want {
			t.Errorf("exit %d: %s", r.code, r.err)
		}
		if after := state(e.i); after != before {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
	})
}

func TestAReloadThatFailsChangesNothing(t *testing.T) {
	e, a, b := newEdit(t, `[[link]]
name = "goes"
vdev = "net_null0"
addresses = ["10.7.0.1/24"]
[[link]]
name = "changes"
vdev = "net_null1"
addresses = ["10.9.0.1/24", "2001:db8:9::1/64"]
[[route]]
to = "10.8.0.0/16"
via = "198.51.100.2"
[[neigh]]
dev = "left"
to = "192.0.2.60"
lladdr = "02:00:00:00:00:60"
`)
	hosts(a, b)
	b.must("ip", "link", "add", "notap", "type", "veth", "peer", "name", "far")
	// The operator's own, on all links, in the way of the new file, and set otherwise than in the old one.
	for _, cmd := range []string{
		"route add 203.0.113.0/24 via 192.0.2.2",
		"route add 10.77.0.0/16 via 10.7.0.9 dev goes",
		"route add 10.78.0.0/16 via 10.9.0.9 src 10.9.0.1",
		"route add 10.79.0.0/16 nexthop via 192.0.2.9 nexthop via 10.9.0.9 weight 3",
		"route add 2001:db8:79::/48 nexthop via 2001:db8:1::9 nexthop via 2001:db8:9::9 weight 3",
		"route add 10.66.0.0/16 via 192.0.2.9 metric 5",
		"route add blackhole 10.65.0.0/16",
		"addr add 10.9.0.77/24 dev changes",
		"addr add 10.64.0.1/24 dev left",
		"neigh add 10.9.0.50 lladdr 02:00:00:00:00:50 dev changes",
		"neigh add 192.0.2.61 lladdr 02:00:00:00:00:61 dev left",
		"link set changes mtu 1444 promisc on alias uplink txqueuelen 77",
		"link set changes address 02:00:00:00:09:99",
		"link property add dev changes altname another",
	} {
		e.i.ip(strings.Fields(cmd)...)
	}
	settled(t, e.i)
	before := state(e.i)

	// All of it has been done when the last step fails.
	much := []string{
		"CONF\n", "CONF\n[sysctl]\n\"net.ipv4.conf.left.rp_filter\" = 1\n\"net.ipv4.conf.all.log_martians\" = 1\n",
		"\"2001:db8:1::1/64\"]", "\"10.64.0.1/24\"]\nmtu = 1700\nmac = \"02:00:00:00:01:11\"",
		"[[link]]\nname = \"goes\"\nvdev = \"net_null0\"\naddresses = [\"10.7.0.1/24\"]\n", "",
		"net_null1", "net_null2", "[[route]]\nto = \"10.8.0.0/16\"\nvia = \"198.51.100.2\"\n",
		"[[route]]\nto = \"10.66.0.0/16\"\nvia = \"198.51.100.9\"\nmetric = 5\n" +
			"[[route]]\nto = \"10.65.0.0/16\"\nvia = \"198.51.100.9\"\n",
		"192.0.2.60\"", "192.0.2.61\"",
	}
	for _, c := range []struct {
		name, more, want string
	}{
		{"a namespace that is not there", "[[link]]\nname = \"new\"\ntap = { netns = \"skua-nosuch\" }\n",
			"link[3]: set link new: port new: network namespace skua-nosuch is not there: `ip netns add skua-nosuch`"},
		{"a name that is taken", "[[link]]\nname = \"new\"\ntap = { name = \"notap\", netns = \"" + b.name + "\" }\n",
			"link[3]: set link new: port new: there is an interface notap that is no tap"},
		{"a gateway that cannot be reached", "[[route]]\nto = \"10.67.0.0/16\"\nvia = \"172.31.0.1\"\n",
			"route[2]: set route 10.67.0.0/16 table 254: network is unreachable: Nexthop has invalid gateway"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := e.write(append(much, "[[neigh]]", c.more+"[[neigh]]")...)
			r := e.i.skua("reload")
			line := 1 + strings.Count(strings.Replace(text[:strings.Index(text, c.more)], "CONF\n", strings.Repeat("\n", 6), 1), "\n")
			if want := fmt.Sprintf("skua.toml:%d: %s", line, c.want); r.code != 1 || !strings.Contains(r.err, want) || strings.Contains(r.err, "not all is as it was") {
				t.Errorf("exit %d, want %s\n%s", r.code, want, r.err)
			}
			settled(t, e.i)
			after := state(e.i)
			if addrs, _, _ := strings.Cut(before, "# ip -4 route"); !strings.HasPrefix(after, addrs) {
				t.Errorf("the addresses changed\n%s\n%s", addrs, after)
			}
			// Routes of one prefix that differ in the link only (fe80::/64) may come back in another order.
			if sorted(after) != sorted(before) {
				t.Errorf("it changed\n%s", diff(before, after))
			}
		})
	}
	t.Run("and the good part of it works", func(t *testing.T) {
		e.reload(much...)
		s := state(e.i)
		wantContains(t, "ip", s, "link/ether 02:00:00:00:01:11", "10.66.0.0/16 via 198.51.100.9 dev right proto static metric 5",
			"203.0.113.0/24 via 192.0.2.2", "rp_filter strict")
		if strings.Contains(s, "goes") || strings.Contains(s, "10.8.0.0/16") {
			t.Errorf("still there:\n%s", s)
		}
	})
	e.i.stop(syscall.SIGTERM)
}

func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// diff shows the lines that only one of two texts has.
func diff(before, after string) string {
	var out []string
	for _, side := range []struct{ mark, a, b string }{{"- ", before, after}, {"+ ", after, before}} {
		for line := range strings.Lines(side.a) {
			if !strings.Contains(side.b, line) {
				out = append(out, side.mark+line)
			}
		}
	}
	if len(out) == 0 {
		return "(the order)\n" + before + "\n" + after
	}
	return strings.Join(out, "")
}
