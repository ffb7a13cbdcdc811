// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// router is Skua between two hosts.
//
//	a 192.0.2.2 ── left [skua] right ── 198.51.100.2 b
//	  2001:db8:1::2                     2001:db8:2::2
const router = `CONF
[[link]]
name = "left"
tap = { name = "eth0", netns = "%s" }
addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]
[[link]]
name = "right"
tap = { name = "eth0", netns = "%s" }
addresses = ["198.51.100.1/24", "2001:db8:2::1/64"]
`

func hosts(a, b *netns) {
	a.t.Helper()
	a.host("eth0", "192.0.2", "2001:db8:1")
	b.host("eth0", "198.51.100", "2001:db8:2")
}

func forwards(t *testing.T, a, b *netns) {
	t.Helper()
	for _, err := range []error{a.ping("198.51.100.2"), a.ping("2001:db8:2::2"), b.ping("192.0.2.2")} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// nothingLeft looks for what an instance must not leave behind.
func nothingLeft(t *testing.T, w *world, pid int, namespaces ...*netns) {
	t.Helper()
	if files, err := os.ReadDir(w.path("run")); err == nil && len(files) > 0 {
		t.Errorf("left in the folder of the socket: %v", files)
	}
	for _, ns := range namespaces {
		if out := ns.must("ip", "-br", "link"); strings.Count(out, "\n") != 1 {
			t.Errorf("left in the namespace:\n%s", out)
		}
	}
	for _, dir := range []string{"/var/run/dpdk", "/tmp/dpdk"} {
		if _, err := os.Stat(fmt.Sprintf("%s/skua-%d", dir, pid)); err == nil {
			t.Errorf("left: %s/skua-%d", dir, pid)
		}
	}
}

func TestForwardStopAndStartAgain(t *testing.T) {
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	text := fmt.Sprintf(router, a.name, b.name)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL, syscall.SIGTERM} {
		i := w.start(text)
		hosts(a, b)
		if sig != syscall.SIGINT { // that one goes while addresses are still tentative
			forwards(t, a, b)
		}
		if sig == syscall.SIGKILL { // its sockets stay, and are in nobody's way
			_ = i.cmd.Process.Kill()
			<-i.done
			continue
		}
		monitor := follow(t, i.command("exec", "--", "ip", "monitor"))
		time.Sleep(50 * time.Millisecond)
		i.stop(sig)
		nothingLeft(t, w, i.cmd.Process.Pid, a, b)
		_ = monitor
	}
}

func TestASecondInstanceIsRefused(t *testing.T) {
	w := newWorld(t)
	a := w.netns()
	text := "CONF\n[[link]]\nname = \"left\"\ntap = { name = \"eth0\", netns = \"" + a.name + "\" }\n"
	i := w.start(text)
	r := runCmd(exec.Command(filepath.Join(bin, "skua"), "run", i.file))
	if want := "skua: appliance.socket: another Skua serves " + w.socket() +
		": stop it, or give this one a socket of its own\n"; r.code != 1 || r.err != want {
		t.Errorf("on the same socket: exit %d: %s", r.code, r.err)
	}
	other := w.write("other.toml", strings.Replace(strings.Replace(text, "CONF\n", "", 1), "[[link]]",
		fmt.Sprintf("[appliance]\nsocket = %q\n[dataplane]\nhugepages = \"off\"\nmemory_mb = 128\nmbufs = 8192\n[[link]]", w.path("other/netlink.sock")), 1))
	r = runCmd(exec.Command(filepath.Join(bin, "skua"), "run", other))
	if want := "other.toml:7: link[0]: set link left: port left: tap eth0 is in use by another process\n"; r.code != 1 ||
		!strings.HasSuffix(r.err, want) {
		t.Errorf("on the same TAP: exit %d: %s", r.code, r.err)
	}
	if files, _ := os.ReadDir(w.path("other")); len(files) > 0 {
		t.Errorf("the one that was refused left %v", files)
	}
	// The first has not noticed.
	if s := i.skua("stats"); s.code != 0 || !strings.Contains(s.out, "left") {
		t.Errorf("stats of the first: %+v", s)
	}
	wantContains(t, "ip link of the first", i.ip("link"), "left: <")
	a.must("ip", "link", "show", "eth0")
	i.stop(syscall.SIGTERM)
}

func TestErrorsAtTheStartSayWhatToDo(t *testing.T) {
	w := newWorld(t)
	a := w.netns()
	a.must("ip", "link", "add", "notap", "type", "veth", "peer", "name", "far")
	tap := "CONF\n[[link]]\nname = \"left\"\n"
	for _, c := range []struct {
		name, text string
		nobody     bool
		want       string // regular expression
	}{
		{"no such interface", tap + `af_packet = "nosuch0"`, false,
			`skua.toml:7: link\[0\]: .*the host has no interface nosuch0: .ip link. lists those it has`},
		{"no such namespace", tap + `tap = { netns = "skua-nosuch" }`, false,
			`network namespace skua-nosuch is not there: .ip netns add skua-nosuch.`},
		{"no tap", tap + `tap = { name = "notap", netns = "` + a.name + `" }`, false,
			`there is an interface notap that is no tap`},
		{"no such card", strings.Replace(tap, "CONF", "AUTO", 1) + `pci = "0000:ff:1f.7"`, false,
			`PCI device 0000:ff:1f.7 is not there: lspci -D lists|hugepages: \d+ MiB are free, \d+ are needed: reserve them with .sysctl vm.nr_hugepages=\d+`},
		{"not enough hugepages", strings.Replace(tap, "CONF", "HUGE", 1) + "tap = {}", false,
			`skua: \d+ MiB of hugepages are free, \d+ are needed: reserve them with .sysctl vm.nr_hugepages=\d+`},
		{"the folder of the socket is root's", tap + `vdev = "net_null0"`, true,
			`appliance.socket: .*permission denied: run as root, or choose a folder of your own`},
		{"a tap without privilege", tap + "tap = {}", true,
			`/dev/net/tun: run as root|needs root or CAP_NET_ADMIN`},
		{"a file with a mistake", tap + "tap = {}\nmtu = 12\n", false, `skua.toml:10: link\[0\].mtu: 12 is out of range`},
		{"no route to the gateway", tap + "tap = {}\n[[route]]\nto = \"default\"\nvia = \"192.0.2.9\"\n", false,
			`skua.toml:10: route\[0\]: set route 0.0.0.0/0 table 254: network is unreachable: Nexthop has invalid gateway`},
	} {
		t.Run(c.name, func(t *testing.T) {
			head := fmt.Sprintf("[appliance]\nsocket = %q\n[dataplane]\n", w.socket())
			file := w.write("skua.toml", strings.NewReplacer("AUTO\n", head,
				"HUGE\n", head+"hugepages = \"require\"\nmbufs = 4000000\n").Replace(c.text)) // 9 GiB
			if err := os.RemoveAll(w.path("run")); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(filepath.Join(bin, "skua"), "run", file)
			if c.nobody {
				cmd.Dir = "/"
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
				if strings.Contains(c.name, "tap") {
					if err := os.Mkdir(w.path("run"), 0o777); err != nil {
						t.Fatal(err)
					}
					if err := os.Chmod(w.path("run"), 0o777); err != nil {
						t.Fatal(err)
					}
				}
			}
			begin := time.Now()
			timer := time.AfterFunc(2*patience, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			r := runCmd(cmd)
			if r.code != 1 || !regexp.MustCompile(c.want).MatchString(r.err) || r.out != "" {
				t.Errorf("exit %d after %v, want %s\n%s%s", r.code, time.Since(begin), c.want, r.out, r.err)
			}
			if files, _ := os.ReadDir(w.path("run")); len(files) > 0 {
				t.Errorf("left: %v", files)
			}
			if out, err := exec.Command("ip", "link", "show", "left").CombinedOutput(); err == nil {
				t.Errorf("left: %s", out)
			}
			if _, err := os.Stat(fmt.Sprintf("/var/run/dpdk/skua-%d", cmd.Process.Pid)); err == nil {
				t.Error("left: the folder of EAL")
			}
		})
	}
}
