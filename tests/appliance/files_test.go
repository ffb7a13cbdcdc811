// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The settings and the files of a running Skua, by its own command and by the kernel's programs.
func TestFilesAndSysctl(t *testing.T) {
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	i := w.start(fmt.Sprintf(router, a.name, b.name))
	if _, err := os.Stat(w.socket() + ".fs"); err != nil {
		t.Skipf("no files are served here: %v", err)
	}

	t.Run("skua sysctl says what sysctl says", func(t *testing.T) {
		for _, args := range []string{
			"net.ipv4.ip_forward", "-n net.ipv4.conf.left.rp_filter", "net.ipv4.conf.left", "net/ipv4/conf/left/tag",
			"-N net.ipv4.conf.right", "-w net.ipv4.conf.left.rp_filter=1", "-w net.ipv4.ip_forward=x",
			"-w net.ipv4.nosuch=1", "net.ipv4.nosuch", "-w net.ipv4.ip_no_pmtu_disc=1",
		} {
			ours := i.skua(append([]string{"sysctl"}, strings.Fields(args)...)...)
			theirs := i.try(append([]string{"sysctl"}, strings.Fields(args)...)...)
			if ours != theirs {
				t.Errorf("sysctl %s:\nskua sysctl: %+v\nsysctl: %+v", args, ours, theirs)
			}
		}
	})
	t.Run("a file of settings", func(t *testing.T) {
		conf := w.write("sysctl.conf", "# two of them\nnet.ipv4.conf.left.tag = 5\n; and\n-net.ipv4.nosuch = 1\nnet.ipv4.conf.*.arp_ignore = 2\n")
		if r := i.skua("sysctl", "-q", "-p", conf); r.code != 0 || r.out != "" || r.err != "" {
			t.Errorf("%+v", r)
		}
		if r := i.skua("sysctl", "-n", "net.ipv4.conf.left.tag", "net.ipv4.conf.right.arp_ignore"); r.out != "5\n2\n" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("links by their files", func(t *testing.T) {
		r := i.try("sh", "-c", "ls /sys/class/net; cat /sys/class/net/left/address; echo 1400 > /sys/class/net/left/mtu")
		if r.out != "left\nlo\nright\n02:00:00:00:01:01\n" && r.code != 0 {
			t.Errorf("%+v", r)
		}
		wantContains(t, "ip link", i.ip("link", "show", "left"), "mtu 1400")
	})
	t.Run("packets are counted in /proc/net/dev", func(t *testing.T) {
		a.host("eth0", "192.0.2", "")
		if err := a.ping("192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		r := i.try("awk", "$1 == \"left:\" { print ($3 > 0 && $11 > 0) }", "/proc/net/dev")
		if r.out != "1\n" {
			t.Errorf("%+v\n%s", r, i.try("cat", "/proc/net/dev").out)
		}
		if r := i.try("netstat", "-s"); !strings.Contains(r.out, "ICMP messages received") || strings.Contains(r.out, " 0 ICMP messages received") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a neighbour is in /proc/net/arp", func(t *testing.T) {
		if r := i.try("arp", "-n", "192.0.2.2"); !strings.Contains(r.out, "192.0.2.2") || !strings.Contains(r.out, "left") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("another network namespace has files of its own", func(t *testing.T) {
		c := w.netns()
		r := i.try("ip", "netns", "exec", c.name, "sh", "-c",
			"ls /sys/class/net; echo 7 > /proc/sys/net/ipv4/conf/all/tag; cat /proc/sys/net/ipv4/conf/all/tag; ls /proc/self/net/dev_snmp6")
		if r.out != "lo\n7\nlo\n" || r.err != "" || r.code != 0 {
			t.Errorf("%+v", r)
		}
		if r := i.try("cat", "/proc/sys/net/ipv4/conf/all/tag"); r.out != "0\n" {
			t.Errorf("the first has it too: %+v", r)
		}
	})
	i.stop(os.Interrupt)
	if _, err := os.Stat(w.socket() + ".fs"); err == nil {
		t.Error("the mount point is there after the end")
	}
}
