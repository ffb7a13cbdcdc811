// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestExec(t *testing.T) {
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	i := w.start(fmt.Sprintf(router, a.name, b.name))

	t.Run("the program's input, output and exit status are its own", func(t *testing.T) {
		cmd := i.command("exec", "--", "sh", "-c", "cat; echo err >&2; exit 7")
		cmd.Stdin = strings.NewReader("in\n")
		if r := runCmd(cmd); r.code != 7 || r.out != "in\n" || r.err != "err\n" {
			t.Errorf("%+v", r)
		}
		if r := i.try("sh", "-c", "kill -TERM $$"); r.code != -1 { // ended by a signal
			t.Errorf("%+v", r)
		}
		// Flags behind the program are the program's, with or without --.
		if r := i.skua("exec", "ip", "-br", "-4", "addr", "show", "left"); r.code != 0 || !strings.Contains(r.out, "192.0.2.1/24") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("errors of ip are ip's", func(t *testing.T) {
		for _, c := range []struct {
			args, err string
			code      int
		}{
			{"ip route add 10.0.0.0/8 via 203.0.113.1", "Error: Nexthop has invalid gateway.\n", 2},
			{"ip link show nosuch", "Device \"nosuch\" does not exist.\n", 1},
			{"ip route del 10.0.0.0/8", "RTNETLINK answers: No such process\n", 2},
		} {
			if r := i.try(strings.Fields(c.args)...); r.code != c.code || r.err != c.err {
				t.Errorf("%s: %+v", c.args, r)
			}
		}
	})
	t.Run("a batch from standard input", func(t *testing.T) {
		cmd := i.command("exec", "--", "ip", "-batch", "-")
		cmd.Stdin = strings.NewReader("route add 10.1.0.0/16 via 192.0.2.2\nroute add 10.2.0.0/16 via 198.51.100.2\naddr add 10.3.0.1/24 dev right\n")
		if r := runCmd(cmd); r.code != 0 || r.err != "" {
			t.Errorf("%+v", r)
		}
		wantContains(t, "ip route", i.ip("route"), "10.1.0.0/16 via 192.0.2.2 dev left", "10.2.0.0/16 via 198.51.100.2 dev right", "10.3.0.0/24 dev right")
	})
	t.Run("JSON and route get", func(t *testing.T) {
		var links []struct {
			Ifname string
			Mtu    int
		}
		if err := json.Unmarshal([]byte(i.ip("-json", "link")), &links); err != nil || len(links) != 3 || links[1].Ifname != "left" || links[1].Mtu != 1500 {
			t.Errorf("%+v, %v", links, err)
		}
		wantContains(t, "ip route get", i.ip("route", "get", "198.51.100.9"), "198.51.100.9 dev right src 198.51.100.1")
		if kernel := must(t, "ip", "link"); strings.Contains(kernel, "left") {
			t.Errorf("the kernel has Skua's link:\n%s", kernel)
		}
	})
	t.Run("ip monitor sees the changes of others", func(t *testing.T) {
		lines := follow(t, i.command("exec", "--", "ip", "monitor"))
		via := []string{"192.0.2.3", "192.0.2.2"}
		eventually(t, patience, func() string { // it has joined its groups when it sees one
			i.ip("route", "replace", "10.9.0.0/16", "via", via[0]) // what changes nothing is not told
			slices.Reverse(via)
			select {
			case <-lines:
				return ""
			case <-time.After(100 * time.Millisecond):
				return "ip monitor says nothing"
			}
		})
		for _, c := range []struct{ cmd, want string }{
			{"route add 10.10.0.0/16 via 192.0.2.2", "10.10.0.0/16 via 192.0.2.2 dev left"},
			{"route del 10.10.0.0/16", "Deleted 10.10.0.0/16 via 192.0.2.2 dev left"},
			{"addr add 10.11.0.1/24 dev right", "inet 10.11.0.1/24 scope global right"},
			{"neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev left", "192.0.2.9 dev left lladdr 02:00:00:00:00:09 PERMANENT"},
			{"link set right mtu 1400", "right: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1400"},
			{"link set right down", "right: <BROADCAST,MULTICAST> mtu 1400"},
		} {
			i.ip(strings.Fields(c.cmd)...)
			awaitLine(t, lines, patience, c.want)
		}
		i.ip("link", "set", "right", "up")
		// The carrier of a TAP, of which no client says anything.
		a.must("ip", "link", "set", "eth0", "up")
		awaitLine(t, lines, patience, "left: <BROADCAST,MULTICAST,UP,LOWER_UP>", "state UP")
		a.must("ip", "link", "set", "eth0", "down")
		awaitLine(t, lines, patience, "left: <NO-CARRIER,BROADCAST,MULTICAST,UP>", "state DOWN")
	})
	t.Run("a program that is linked statically is supervised", func(t *testing.T) {
		src := w.write("static.c", "#include <net/if.h>\nint main(void) { return (int)if_nametoindex(\"left\"); }\n")
		must(t, "cc", "-static", "-o", w.path("static"), src)
		want, err := strconv.Atoi(strings.Split(i.ip("-o", "link", "show", "left"), ":")[0])
		if r := i.try(w.path("static")); err != nil || r.code != want || r.err != "" {
			t.Errorf("%+v, want %d %v", r, want, err)
		}
	})
	t.Run("programs that cannot be run under it", func(t *testing.T) {
		if r := i.try("skua-nosuch"); r.code != 127 || r.err != "skua: there is no program skua-nosuch\n" {
			t.Errorf("%+v", r)
		}
		text := w.write("text", "no program\n")
		if r := i.try(text); r.code != 126 || !strings.Contains(r.err, "permission denied") {
			t.Errorf("%+v", r)
		}
	})
	i.stop(syscall.SIGTERM)
	if r := i.try("ip", "link"); r.code != 1 || r.err != "skua: no Skua listens at "+w.socket()+
		": start one with \"skua run FILE\", or name its socket with --socket or SKUA_SOCKET\n" {
		t.Errorf("without an instance: %+v", r)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	const nobody, bin, daemon = 65534, 2, 1 // users and groups that every Debian has
	w := newWorld(t)
	i := w.start(strings.Replace("CONF\n[[link]]\nname = \"left\"\nvdev = \"net_null0\"\n", "CONF\n",
		"[appliance]\nsocket = \""+w.socket()+"\"\nsocket_group = \"daemon\"\nallow_users = [\"bin\"]\n[dataplane]\nhugepages = \"off\"\nmemory_mb = 128\nmbufs = 8192\n", 1))
	for _, name := range []string{"netlink.sock", "control.sock"} {
		st, err := os.Stat(filepath.Join(w.dir, "run", name))
		if err != nil || st.Mode().Perm() != 0o660 || st.Sys().(*syscall.Stat_t).Gid != daemon {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	// Of the group: everything can be read, nothing changed.
	if r := i.as(nobody, daemon, "exec", "--", "ip", "-br", "link"); r.code != 0 || !strings.Contains(r.out, "left") {
		t.Errorf("ip link: %+v", r)
	}
	if r := i.as(nobody, daemon, "stats"); r.code != 0 {
		t.Errorf("stats: %+v", r)
	}
	before := i.ip("-d", "addr")
	for _, cmd := range []string{"link set left mtu 1400", "addr add 10.0.0.1/8 dev left", "route add blackhole 10.0.0.0/8",
		"neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev left"} {
		r := i.as(nobody, daemon, append([]string{"exec", "--", "ip"}, strings.Fields(cmd)...)...)
		if r.code != 2 || r.err != "RTNETLINK answers: Operation not permitted\n" {
			t.Errorf("%s: %+v", cmd, r)
		}
	}
	if after := i.ip("-d", "addr"); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	if r := i.as(nobody, daemon, "reload"); r.code != 1 ||
		r.err != "skua: permission denied: be root, or one of appliance.allow_users\n" {
		t.Errorf("reload: %+v", r)
	}
	// Of nothing.
	for _, args := range [][]string{{"exec", "--", "ip", "link"}, {"stats"}, {"reload"}} {
		r := i.as(nobody, nobody, args...)
		if r.code != 1 || !strings.Contains(r.err, "permission denied: join the socket's group (appliance.socket_group), or be root") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	// Named in allow_users.
	if r := i.as(bin, daemon, "exec", "--", "ip", "link", "set", "left", "mtu", "1400"); r.code != 0 {
		t.Errorf("as a user who is allowed to: %+v", r)
	}
	wantContains(t, "ip link", i.ip("link", "show", "left"), "mtu 1400")
	if r := i.as(bin, daemon, "reload"); r.code != 0 {
		t.Errorf("reload as a user who is allowed to: %+v", r)
	}
}
