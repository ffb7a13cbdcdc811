// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A network namespace sees an instance of the stack of its own, whichever way its processes get
// there, and the instance ends with the namespace.
func TestNetworkNamespaces(t *testing.T) {
	w := newWorld(t)
	a := w.netns()
	i := w.start(fmt.Sprintf(`CONF
[[link]]
name = "left"
tap = { name = "eth0", netns = %q }
addresses = ["192.0.2.1/24"]
`, w.netns().name))
	inside := func(args ...string) result { // ip netns exec ns skua exec -- ip ...
		skua := i.command(append([]string{"exec", "--", "ip"}, args...)...)
		cmd := a.command(skua.Args...)
		cmd.Env = skua.Env
		return runCmd(cmd)
	}
	ways := map[string]func(args ...string) result{
		"skua exec in the namespace": inside,
		"ip netns exec under skua exec": func(args ...string) result {
			return i.try(append([]string{"ip", "netns", "exec", a.name, "ip"}, args...)...)
		},
		"ip -n under skua exec": func(args ...string) result {
			return i.try(append([]string{"ip", "-n", a.name}, args...)...)
		},
	}
	if out := inside("-o", "link", "show").out; strings.Count(out, "\n") != 1 ||
		!strings.Contains(out, "1: lo: <LOOPBACK> mtu 65536") || !strings.Contains(out, "state DOWN") {
		t.Fatalf("a new namespace has\n%s", out)
	}
	for name, ip := range ways {
		t.Run(name, func(t *testing.T) {
			if r := ip("addr", "add", "10.1.2.3/32", "dev", "lo"); r.code != 0 {
				t.Fatalf("addr add: %+v", r)
			}
			for other, ip := range ways {
				wantContains(t, other, ip("addr", "show", "dev", "lo").out, "inet 10.1.2.3/32")
			}
			if out := i.ip("addr"); strings.Contains(out, "10.1.2.3") || !strings.Contains(out, "192.0.2.1/24") {
				t.Errorf("the host's instance has\n%s", out)
			}
			if r := ip("link", "show", "dev", "left"); r.err != "Device \"left\" does not exist.\n" {
				t.Errorf("a link of the host's is seen from a namespace: %+v", r)
			}
			if r := ip("addr", "del", "10.1.2.3/32", "dev", "lo"); r.code != 0 {
				t.Fatalf("addr del: %+v", r)
			}
		})
	}

	t.Run("files", func(t *testing.T) {
		c := w.netns() // where nobody has spoken netlink
		sysctl := i.command("exec", "--", "sh", "-c", "echo 2 > /proc/sys/net/ipv4/conf/all/rp_filter; cat /proc/sys/net/ipv4/conf/all/rp_filter")
		cmd := c.command(sysctl.Args...)
		cmd.Env = sysctl.Env
		if r := runCmd(cmd); r.out != "2\n" {
			t.Errorf("rp_filter: %+v", r)
		}
		if r := i.try("cat", "/proc/sys/net/ipv4/conf/all/rp_filter"); r.out != "0\n" {
			t.Errorf("that of the host's: %+v", r)
		}
	})
	t.Run("ids", func(t *testing.T) {
		i.ip("netns", "set", a.name, "5")
		wantContains(t, "ip netns list-id", i.ip("netns", "list-id"), "nsid 5 (iproute2 netns name: "+a.name+")")
		r := i.try("ip", "netns", "set", a.name, "6")
		if !strings.Contains(r.err, "Peer netns already has a nsid assigned") {
			t.Errorf("a second id: %+v", r)
		}
	})
	t.Run("a link moves there and comes back", func(t *testing.T) {
		mon := follow(t, i.command("exec", "--", "ip", "-o", "monitor", "link"))
		eventually(t, 20*time.Second, func() string { // until the monitor listens
			i.ip("link", "set", "left", "alias", fmt.Sprint(time.Now().UnixNano()))
			select {
			case <-mon:
				return ""
			default:
				return "nothing from the monitor"
			}
		})
		i.ip("link", "set", "left", "netns", a.name)
		awaitLine(t, mon, 20*time.Second, "Deleted", "left", "new-netns "+a.name, "new-ifindex")
		if r := i.try("ip", "link", "show", "left"); r.code == 0 {
			t.Errorf("it is still in the host's: %s", r.out)
		}
		out := inside("addr", "show", "dev", "left").out
		wantContains(t, "in the namespace", out, "left:", "state DOWN")
		if strings.Contains(out, "192.0.2.1") {
			t.Errorf("it took its address along: %s", out)
		}
		if r := inside("link", "set", "lo", "netns", fmt.Sprint(i.cmd.Process.Pid)); !strings.Contains(r.err, "Invalid argument") {
			t.Errorf("lo moves: %+v", r)
		}
		if r := inside("link", "set", "left", "up"); r.code != 0 {
			t.Errorf("up: %+v", r)
		}
		if r := inside("link", "set", "left", "netns", fmt.Sprint(i.cmd.Process.Pid)); r.code != 0 {
			t.Fatalf("back by the process id of skua: %+v", r)
		}
		i.ip("link", "show", "left")
		i.ip("link", "set", "left", "netns", a.name)
		inside("link", "set", "left", "up")
	})
	t.Run("a link is made there from outside", func(t *testing.T) {
		i.ip("link", "add", "far", "netns", a.name, "type", "dummy")
		wantContains(t, "in the namespace", inside("-d", "link", "show", "dev", "far").out, "dummy")
		i.ip("link", "add", "near", "link-netnsid", "5", "type", "dummy") // made there, and moved here
		i.ip("link", "show", "dev", "near")
		i.ip("link", "del", "near")
	})
	t.Run("who may not change things", func(t *testing.T) {
		b := w.netns()
		if err := os.Chmod(i.socket, 0o666); err != nil {
			t.Fatal(err)
		}
		skua := i.command("exec", "--", "ip", "link")
		reader := append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, skua.Args...)
		cmd := a.command(reader...)
		cmd.Env = skua.Env
		if r := runCmd(cmd); r.code != 0 || !strings.Contains(r.out, "left") {
			t.Errorf("reading what is there: %+v", r)
		}
		cmd = b.command(reader...)
		cmd.Env = skua.Env
		if r := runCmd(cmd); r.code == 0 || !strings.Contains(r.err, "Operation not permitted") {
			t.Errorf("a namespace that nobody asked for yet: %+v", r)
		}
	})
	t.Run("the end", func(t *testing.T) {
		must(t, "ip", "netns", "del", a.name)
		i.waitLog("network namespace has gone")
		wantContains(t, "the host's links", i.ip("link"), "left")
		if out := i.ip("netns", "list-id"); strings.Contains(out, "nsid 5") {
			t.Errorf("the id is still there: %s", out)
		}
		must(t, "ip", "netns", "add", a.name)
		if out := inside("-o", "link").out; strings.Count(out, "\n") != 1 {
			t.Errorf("the next namespace of that name has\n%s", out)
		}
	})
}

// Namespaces come and go, more than there can be at a time.
func TestNetworkNamespacesComeAndGo(t *testing.T) {
	w := newWorld(t)
	i := w.start("CONF\n")
	for n := range 80 {
		cmd := i.command("exec", "--", "unshare", "-n", "ip", "-o", "link")
		if r := runCmd(cmd); r.code != 0 || strings.Count(r.out, "\n") != 1 {
			// The kernel ends namespaces in its own time.
			eventually(t, 20*time.Second, func() string {
				if r := runCmd(i.command("exec", "--", "unshare", "-n", "ip", "-o", "link")); r.code != 0 {
					return fmt.Sprintf("namespace %d: %+v", n, r)
				}
				return ""
			})
		}
	}
	eventually(t, 30*time.Second, func() string {
		made := strings.Count(i.logged(), `msg="network namespace"`)
		gone := strings.Count(i.logged(), `msg="network namespace has gone"`)
		if made < 80 || made != gone {
			return fmt.Sprintf("%d made, %d gone", made, gone)
		}
		return ""
	})
}
