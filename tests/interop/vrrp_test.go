// SPDX-License-Identifier: BSD-3-Clause

package interop_test

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

	"skua/tests/lab"
)

// startKeepalived starts Debian's keepalived with one address of each family to guard.
func startKeepalived(t *testing.T, r *lab.Router, name, link, state string, priority int) *lab.Daemon {
	t.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil {
		t.Skip("it needs Debian's package keepalived")
	}
	var text strings.Builder
	text.WriteString("global_defs {\n vrrp_version 3\n}\n")
	for i, vip := range []string{"198.51.100.254/24", "fe80::fe\n 2001:db8:2:0::fe/64"} {
		fmt.Fprintf(&text, "vrrp_instance V%d {\n state %s\n interface %s\n virtual_router_id %d\n priority %d\n advert_int 0.2\n virtual_ipaddress {\n %s\n }\n}\n",
			i, state, link, 10+i, priority, vip)
	}
	file := filepath.Join(r.Dir, name+".conf")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	pid := filepath.Join(r.Dir, name)
	return r.Daemon(name, r.Command("keepalived", "-n", "-l", "-P", "-f", file, "-p", pid+".pid", "-r", pid+"-vrrp.pid"))
}

// TestKeepalived: two routers share an address by VRRP; the better one has it while it is there.
func TestKeepalived(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, l *routers) {
		has := func(r *lab.Router, link string, want bool) func() string {
			return func() string {
				text := r.Must("ip", "addr", "show", "dev", link)
				for _, vip := range []string{"198.51.100.254/24", "2001:db8:2::fe/64"} {
					if strings.Contains(text, vip) != want {
						return fmt.Sprintf("%s: not %v in\n%s", vip, want, text)
					}
				}
				return ""
			}
		}
		startKeepalived(t, l.R3, "keepalived", "eth0", "BACKUP", 100)
		lab.Eventually(t, 20*time.Second, has(l.R3, "eth0", true)) // nobody else is there
		k := startKeepalived(t, l.DUT, "keepalived", "right0", "BACKUP", 200)
		lab.Eventually(t, 20*time.Second, has(l.DUT, "right0", true))
		lab.Eventually(t, 20*time.Second, has(l.R3, "eth0", false))
		// Others are told by gratuitous ARP and unsolicited advertisements, and reach it.
		lab.Eventually(t, 20*time.Second, func() string {
			for _, vip := range []string{"198.51.100.254", "2001:db8:2::fe"} {
				if err := l.R3.Ping(vip); err != nil {
					return err.Error()
				}
			}
			return ""
		})
		_ = k.Cmd.Process.Signal(syscall.SIGTERM)
		<-k.Done
		lab.Eventually(t, 20*time.Second, has(l.R3, "eth0", true))
		lab.Eventually(t, 20*time.Second, has(l.DUT, "right0", false))
	})
}

// TestRadvd: a neighbour takes an address and its default route from Debian's radvd.
func TestRadvd(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, l *routers) {
		if _, err := exec.LookPath("radvd"); err != nil {
			t.Skip("it needs Debian's package radvd")
		}
		l.R1.Must("sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=2", "net.ipv6.conf.eth0.autoconf=1")
		file := filepath.Join(l.DUT.Dir, "radvd.conf")
		text := "interface left0 {\n AdvSendAdvert on;\n MinRtrAdvInterval 3;\n MaxRtrAdvInterval 4;\n prefix 2001:db8:77::/64 { AdvOnLink on; AdvAutonomous on; };\n};\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		l.DUT.Daemon("radvd", l.DUT.Command("radvd", "-n", "-d", "1", "-m", "stderr", "-C", file, "-p", filepath.Join(l.DUT.Dir, "radvd.pid")))
		lab.Eventually(t, 30*time.Second, func() string {
			return lab.Missing(l.R1.Must("ip", "-6", "addr", "show", "dev", "eth0")+l.R1.Must("ip", "-6", "route", "show", "default"),
				"inet6 2001:db8:77:", "default via fe80::")
		})
	})
}

// TestVRRP: FRR's vrrpd speaks from a macvlan with the MAC address of the virtual router.
func TestVRRP(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, l *routers) {
		l.need("macvlan", "link", "right0")
		start := func(r *lab.Router, link string, priority int) *lab.FRR {
			for i, vip := range []string{"198.51.100.254/24", "2001:db8:2::fe/64"} {
				name := fmt.Sprint("vrrp", 4+2*i)
				r.Must("ip", "link", "add", name, "link", link, "type", "macvlan", "mode", "bridge")
				r.Must("ip", "link", "set", name, "address", fmt.Sprintf("00:00:5e:00:0%d:05", 1+i))
				r.Must("ip", "addr", "add", vip, "dev", name)
				r.Must("ip", "link", "set", name, "up")
			}
			return r.StartFRR(map[string]string{"zebra": "", "vrrpd": fmt.Sprintf(
				"interface %s\n vrrp 5\n vrrp 5 priority %d\n vrrp 5 advertisement-interval 200\n vrrp 5 ip 198.51.100.254\n vrrp 5 ipv6 2001:db8:2::fe\n",
				link, priority)})
		}
		state := func(f *lab.FRR, want string) func() string {
			return func() string {
				text := f.Vtysh("show vrrp")
				for _, family := range []string{"v4", "v6"} {
					if !regexp.MustCompile(`Status \(` + family + `\) +` + want).MatchString(text) {
						return "not " + want + ":\n" + text
					}
				}
				return ""
			}
		}
		l.R1.Must("ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.1")
		b := start(l.R3, "eth0", 100)
		lab.Eventually(t, 30*time.Second, state(b, "Master"))
		a := start(l.DUT, "right0", 200)
		lab.Eventually(t, 30*time.Second, state(a, "Master"))
		lab.Eventually(t, 30*time.Second, state(b, "Backup"))
		lab.Eventually(t, 20*time.Second, func() string {
			if err := l.R1.Ping("198.51.100.254"); err != nil {
				return err.Error()
			}
			return ""
		})
		a.Daemons["vrrpd"].Kill()
		lab.Eventually(t, 30*time.Second, state(b, "Master"))
	})
}
