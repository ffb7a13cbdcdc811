// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

func newTree(t testing.TB) *Tree {
	t.Helper()
	st, err := controlplane.New(controlplane.Options{DP: dpif.NewFake(), Clock: rtnl.NewManualClock()})
	if err != nil {
		t.Fatal(err)
	}
	st.Net.Lock()
	defer st.Net.Unlock()
	for _, name := range []string{"p1", "a.b"} {
		if _, err := st.Links.Add(link.Config{Name: name, HardAddr: link.HardAddr{2, 0, 0, 0, 0, 1}, Carrier: true}); err != nil {
			t.Fatal(err)
		}
	}
	return New(st)
}

func read(t testing.TB, tree *Tree, path string) string {
	t.Helper()
	n := tree.Find(path)
	if n == nil || n.Read == nil {
		t.Fatalf("%s is no file to read", path)
	}
	b, err := n.Read(Caller{})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(b)
}

func writeTo(t testing.TB, tree *Tree, path, text string) error {
	t.Helper()
	n := tree.Find(path)
	if n == nil || n.Write == nil {
		t.Fatalf("%s is no file to write", path)
	}
	return n.Write(Caller{Admin: true}, []byte(text))
}

// Whatever a directory lists is there, of the type that was listed, and can be read if its mode says
// so.
func TestWhatIsListedIsThere(t *testing.T) {
	tree := newTree(t)
	seen := 0
	var walk func(path string)
	walk = func(path string) {
		n := tree.Find(path)
		if n == nil {
			t.Errorf("%s is listed and not there", path)
			return
		}
		seen++
		switch n.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			names := map[string]bool{}
			for _, e := range n.List() {
				if names[e.Name] {
					t.Errorf("%s lists %s twice", path, e.Name)
				}
				names[e.Name] = true
				below := strings.TrimPrefix(path+"/"+e.Name, "/")
				if got := tree.Find(below); got != nil && got.Mode&unix.S_IFMT != e.Mode {
					t.Errorf("%s is listed as %o and is %o", below, e.Mode, got.Mode)
				}
				walk(below)
			}
		case unix.S_IFLNK:
			if n.Target == "" {
				t.Errorf("%s leads nowhere", path)
			}
		default:
			if n.Mode&0o400 != 0 && n.Read == nil || n.Mode&0o200 != 0 && n.Write == nil && !strings.Contains(path, "/vlan/") {
				t.Errorf("%s: mode %o, and no function for it", path, n.Mode)
			}
			if n.Mode&0o400 != 0 {
				_, _ = n.Read(Caller{}) // some fail, and none panics
			}
		}
	}
	walk("")
	if seen < 700 {
		t.Errorf("only %d files", seen)
	}
}

func TestSysctlFiles(t *testing.T) {
	tree := newTree(t)
	// A name with a dot is one component.
	if err := writeTo(t, tree, "proc/sys/net/ipv4/conf/a.b/rp_filter", "2\n"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, tree, "proc/sys/net/ipv4/conf/a.b/rp_filter"); got != "2\n" {
		t.Errorf("rp_filter of a.b is %q", got)
	}
	for _, c := range []struct {
		path, value string
		want        error
	}{
		{"ipv4/ip_forward", "1\n", nil},
		{"ipv4/ip_forward", "x\n", syscall.EINVAL},
		{"ipv4/ip_forward", "1\x00junk", nil},
		{"ipv4/ip_forward", strings.Repeat("1", sysctlMax+1), syscall.ENOMEM},
		{"ipv4/ip_forward_use_pmtu", "0\n", nil},
		{"ipv4/ip_forward_use_pmtu", "1\n", syscall.EOPNOTSUPP},
		{"ipv4/ip_forward_use_pmtu", "256\n", syscall.EINVAL},
		{"core/default_qdisc", "fq\n", syscall.EOPNOTSUPP},
		{"ipv4/route/flush", "1\n", nil},
		{"ipv6/route/flush", "\n", syscall.EINVAL},
	} {
		if err := writeTo(t, tree, "proc/sys/net/"+c.path, c.value); !errors.Is(err, c.want) {
			t.Errorf("%.20q to %s: %v, want %v", c.value, c.path, err, c.want)
		}
	}
	for _, path := range []string{"proc/sys/net/ipv4/nosuch", "proc/sys/netx", "proc/sys/net/ipv4/conf/p9", "proc/sys/kernel",
		"proc/sys/net/ipv4/conf/p1/", "proc/net/dev/x", "sys/class/net/p9", "sys/class/net/p1/mtu", "sys/devices/virtual/net/p1/queues/rx-1"} {
		if tree.Find(path) != nil {
			t.Errorf("%s is there", path)
		}
	}
}

func TestSysfsChangesLinks(t *testing.T) {
	tree := newTree(t)
	const p1 = "sys/devices/virtual/net/p1/"
	for _, c := range []struct {
		name, value string
		want        error
		then        string
	}{
		{"mtu", "1400\n", nil, "1400\n"},
		{"mtu", "0x578", nil, "1400\n"},
		{"mtu", "1 2", syscall.EINVAL, "1400\n"},
		{"mtu", "99999999999999999999", syscall.ERANGE, "1400\n"},
		{"ifalias", "to the north\n", nil, "to the north\n"},
		{"ifalias", strings.Repeat("x", 256), syscall.EINVAL, "to the north\n"},
		{"flags", "0x1003\n", nil, "0x1003\n"},
		{"tx_queue_len", "0b1\n", syscall.EINVAL, "1000\n"},
		{"gro_flush_timeout", "1\n", syscall.EOPNOTSUPP, "0\n"},
	} {
		if err := writeTo(t, tree, p1+c.name, c.value); !errors.Is(err, c.want) {
			t.Errorf("%.20q to %s: %v, want %v", c.value, c.name, err, c.want)
		}
		if got := read(t, tree, p1+c.name); got != c.then {
			t.Errorf("%s is %q, want %q", c.name, got, c.then)
		}
	}
	if read(t, tree, p1+"operstate") != "up\n" || read(t, tree, p1+"carrier") != "1\n" {
		t.Error("a link that is up does not say so")
	}
	tree.Speed = func(*link.Link) (int, bool, bool) { return 25000, true, true }
	if read(t, tree, p1+"speed") != "25000\n" || read(t, tree, p1+"duplex") != "full\n" {
		t.Error("speed and duplex are not those of the port")
	}
}

// A file of a link that is gone fails, also one that is still open.
func TestFileOfALinkThatIsGone(t *testing.T) {
	tree := newTree(t)
	n := tree.Find("sys/devices/virtual/net/p1/mtu")
	tree.lock(func() {
		if err := tree.st.Links.Remove(tree.st.Links.ByName("p1")); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := n.Read(Caller{}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("reading: %v", err)
	}
	if err := n.Write(Caller{Admin: true}, []byte("1400")); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("writing: %v", err)
	}
	if tree.Find("sys/class/net/p1") != nil || tree.Find("proc/sys/net/ipv4/conf/p1") != nil {
		t.Error("it is still listed")
	}
}

func TestCountersAreTheDataPlanes(t *testing.T) {
	st, err := controlplane.New(controlplane.Options{DP: dpif.NewFake(), Clock: rtnl.NewManualClock()})
	if err != nil {
		t.Fatal(err)
	}
	fake := st.Net.DP.(*dpif.Fake)
	fake.SetMIB(0, dpif.MIBIP, []dpif.Counter{{Name: "InReceives", Value: 42}, {Name: "ForwDatagrams", Value: 41}})
	fake.SetMIB(0, dpif.MIBIP6, []dpif.Counter{{Name: "Ip6InReceives", Value: 7}})
	fake.SetMIB(0, dpif.MIBIPExt, []dpif.Counter{{Name: "InOctets", Value: 9000}})
	tree := New(st)
	ip := strings.Split(read(t, tree, "proc/net/snmp"), "\n")[1]
	if f := strings.Fields(ip); f[3] != "42" || f[6] != "41" {
		t.Errorf("snmp: %s", ip)
	}
	if got := read(t, tree, "proc/net/snmp6"); !strings.HasPrefix(got, "Ip6InReceives                   \t7\n") {
		t.Errorf("snmp6 begins with %.60q", got)
	}
	if got := read(t, tree, "proc/net/netstat"); !strings.Contains(got, " 9000 ") {
		t.Errorf("netstat has no octets:\n%s", got)
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"", "proc/net/dev", "proc/sys/net/ipv4/conf/p1/rp_filter", "sys/class/net/p1",
		"sys/devices/virtual/net/p1/queues/rx-0/rps_cpus", "proc/net/vlan/config", "proc/sys/net//", "sys/devices/virtual/net/p1/"} {
		f.Add(s)
	}
	tree := newTree(f)
	f.Fuzz(func(t *testing.T, path string) {
		n := tree.Find(path)
		if n == nil {
			return
		}
		switch n.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			n.List()
		case unix.S_IFREG, unix.S_IFLNK:
		default:
			t.Errorf("%q is of no type: %o", path, n.Mode)
		}
	})
}

// Whatever is written to files that change links, the link that is read afterwards is whole.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{"1\n", "0x5dc", "add p1 01:00:5e:00:00:01\n", "del p1 x", "-1", "2001:db8::1\n", "0-1,3-127\n"} {
		for which := range 6 {
			f.Add(uint8(which), s)
		}
	}
	paths := []string{"skua/link_groups", "sys/devices/virtual/net/p1/mtu", "sys/devices/virtual/net/p1/flags",
		"proc/sys/net/ipv6/icmp/ratemask", "proc/sys/net/ipv6/conf/p1/stable_secret", "proc/sys/net/ipv4/conf/all/rp_filter"}
	tree := newTree(f)
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		if n := tree.Find(paths[int(which)%len(paths)]); n != nil { // IPv6 is not on a link of a small MTU
			_ = n.Write(Caller{Admin: true}, []byte(text))
		}
		if got := read(t, tree, "sys/devices/virtual/net/p1/ifindex"); got != "2\n" {
			t.Errorf("p1 has index %q", got)
		}
	})
}
