// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startKeepalived starts Debian's keepalived with one address of each family to guard.
func (r *router) startKeepalived(name, link, state string, priority int) *daemon {
	r.t.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil {
		r.t.Skip("it needs Debian's package keepalived")
	}
	var text strings.Builder
	text.WriteString("global_defs {\n vrrp_version 3\n}\n")
	for i, vip := range []string{"198.51.100.254/24", "fe80::fe\n 2001:db8:2:0::fe/64"} {
		fmt.Fprintf(&text, "vrrp_instance V%d {\n state %s\n interface %s\n virtual_router_id %d\n priority %d\n advert_int 0.2\n virtual_ipaddress {\n %s\n }\n}\n",
			i, state, link, 10+i, priority, vip)
	}
	file := filepath.Join(r.dir, name+".conf")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		r.t.Fatal(err)
	}
	pid := filepath.Join(r.dir, name)
	return r.daemon(name, r.command("keepalived", "-n", "-l", "-P", "-f", file, "-p", pid+".pid", "-r", pid+"-vrrp.pid"))
}

// TestKeepalived: two routers share an address by VRRP; the better one has it while it is there.
func TestKeepalived(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, l *lab) {
		has := func(r *router, link string, want bool) func() string {
			return func() string {
				text := r.must("ip", "addr", "show", "dev", link)
				for _, vip := range []string{"198.51.100.254/24", "2001:db8:2::fe/64"} {
					if strings.Contains(text, vip) != want {
						return fmt.Sprintf("%s: not %v in\n%s", vip, want, text)
					}
				}
				return ""
			}
		}
		l.r3.startKeepalived("keepalived", "eth0", "BACKUP", 100)
		eventually(t, 20*time.Second, has(l.r3, "eth0", true)) // nobody else is there
		k := l.dut.startKeepalived("keepalived", "right0", "BACKUP", 200)
		eventually(t, 20*time.Second, has(l.dut, "right0", true))
		eventually(t, 20*time.Second, has(l.r3, "eth0", false))
		// Others are told by gratuitous ARP and unsolicited advertisements, and reach it.
		eventually(t, 20*time.Second, func() string {
			for _, vip := range []string{"198.51.100.254", "2001:db8:2::fe"} {
				if err := l.r3.ping(vip); err != nil {
					return err.Error()
				}
			}
			return ""
		})
		_ = k.cmd.Process.Signal(syscall.SIGTERM)
		<-k.done
		eventually(t, 20*time.Second, has(l.r3, "eth0", true))
		eventually(t, 20*time.Second, has(l.dut, "right0", false))
	})
}

// TestRadvd: a neighbour takes an address and its default route from Debian's radvd.
func TestRadvd(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, l *lab) {
		if _, err := exec.LookPath("radvd"); err != nil {
			t.Skip("it needs Debian's package radvd")
		}
		l.r1.must("sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=2", "net.ipv6.conf.eth0.autoconf=1")
		file := filepath.Join(l.dut.dir, "radvd.conf")
		text := "interface left0 {\n AdvSendAdvert on;\n MinRtrAdvInterval 3;\n MaxRtrAdvInterval 4;\n prefix 2001:db8:77::/64 { AdvOnLink on; AdvAutonomous on; };\n};\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		l.dut.daemon("radvd", l.dut.command("radvd", "-n", "-d", "1", "-m", "stderr", "-C", file, "-p", filepath.Join(l.dut.dir, "radvd.pid")))
		eventually(t, 30*time.Second, func() string {
			return missing(l.r1.must("ip", "-6", "addr", "show", "dev", "eth0")+l.r1.must("ip", "-6", "route", "show", "default"),
				"inet6 2001:db8:77:", "default via fe80::")
		})
	})
}
