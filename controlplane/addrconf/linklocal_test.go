// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

func TestAddrGenModes(t *testing.T) {
	for name, c := range map[string]struct {
		sysctls []string
		want    string
	}{
		"eui64":             {nil, ll},
		"none":              {[]string{"net.ipv6.conf.default.addr_gen_mode=1"}, ""},
		"stable, no secret": {[]string{"net.ipv6.conf.default.addr_gen_mode=2"}, ""},
		"disabled":          {[]string{"net.ipv6.conf.default.disable_ipv6=1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, c.sysctls...)
			e.up(true)
			got := ""
			for _, a := range e.addrs.OfLink(e.l, unix.AF_INET6) {
				got += a.Local().String()
			}
			if got != c.want {
				t.Errorf("has %q, want %q", got, c.want)
			}
		})
	}
}

// One secret gives one address, another secret, prefix or counter another.
func TestStableAddress(t *testing.T) {
	e := newEnv(t)
	e.l.Secret6 = &[16]byte{0x20, 1, 0xd, 0xb8, 15: 1}
	a, _, ok := e.conf.stable(e.l, linkLocalPrefix, 0)
	b, _, _ := e.conf.stable(e.l, linkLocalPrefix, 0)
	if !ok || a != b || !a.IsLinkLocalUnicast() {
		t.Fatalf("%v, then %v", a, b)
	}
	seen := map[netip.Addr]bool{a: true}
	for range 2 {
		for retry := uint8(1); retry < 3; retry++ {
			x, _, _ := e.conf.stable(e.l, linkLocalPrefix, retry)
			if seen[x] {
				t.Errorf("%v again", x)
			}
			seen[x] = true
		}
		e.l.Secret6[15]++
	}
}

// A duplicate of a stable-privacy address makes room for the next, after idgen_delay.
func TestStableAddressRetries(t *testing.T) {
	e := newEnv(t)
	e.set("net.ipv6.conf.eth1.stable_secret=2001:db8::1")
	e.set("net.ipv6.conf.eth1.addr_gen_mode=2")
	e.up(true)
	first, _, _ := e.conf.stable(e.l, linkLocalPrefix, 0)
	second, _, _ := e.conf.stable(e.l, linkLocalPrefix, 1)
	if e.addrs.Find(e.l, first) == nil {
		t.Fatal("no address")
	}
	e.conf.Conflict(e.l, first, link.HardAddr{2, 9})
	e.advance(500 * time.Millisecond)
	if e.addrs.Find(e.l, second) != nil {
		t.Error("the next comes at once")
	}
	e.advance(3 * time.Second)
	if a := e.addrs.Find(e.l, second); a == nil || !a.Usable6() {
		t.Errorf("the next: %+v", a)
	}
}

// The kernel makes the same address of the same secret, prefix and MAC.
func TestStableAddressIsTheKernels(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a network namespace with a veth pair")
	}
	out, err := exec.Command("unshare", "-n", "sh", "-c", `
		ip link add eth1 address 02:00:00:00:00:01 type veth peer name eth2 &&
		echo 2001:db8::77 > /proc/sys/net/ipv6/conf/eth1/stable_secret &&
		ip link set eth1 addrgenmode stable_secret && ip link set eth1 up && ip link set eth2 up &&
		ip -o -6 addr show dev eth1`).CombinedOutput()
	if err != nil {
		t.Skipf("no veth in a namespace here: %v: %s", err, out)
	}
	e := newEnv(t)
	// What a device without an address of its own says is perm_addr: zero, and then six bytes of it.
	want := ""
	for _, perm := range []link.HardAddr{{2, 0, 0, 0, 0, 1}, {}} {
		e.l.PermAddr, e.l.HardAddr = perm, perm
		e.l.Secret6 = &[16]byte{0x20, 1, 0xd, 0xb8, 15: 0x77}
		a, _, _ := e.conf.stable(e.l, linkLocalPrefix, 0)
		want += a.String() + " "
		if strings.Contains(string(out), a.String()+"/64") {
			return
		}
	}
	t.Errorf("the kernel says %s, want one of %s", out, want)
}

func TestReservedIdentifiers(t *testing.T) {
	for a, reserved := range map[string]bool{
		"fe80::": true, "fe80::1": false, "fe80::200:5eff:fe00:1": true, "fe80::200:5eff:fd00:1": false,
		"fe80::fdff:ffff:ffff:ff80": true, "fe80::fdff:ffff:ffff:ff7f": false,
	} {
		if got := reservedID(netip.MustParseAddr(a).As16()); got != reserved {
			t.Errorf("%s: %t", a, got)
		}
	}
}

// The groups of a host and of a router, of its addresses, and their end.
func TestGroups(t *testing.T) {
	e := newEnv(t)
	if got, want := e.groups(), "ff01::1 ff02::1"; got != want {
		t.Errorf("registered: %s, want %s", got, want)
	}
	e.up(true)
	e.advance(3 * time.Second)
	if got, want := e.groups(), "224.0.0.1 ff01::1 ff02::1 ff02::1:ff00:1"; got != want {
		t.Errorf("up: %s, want %s", got, want)
	}
	e.set("net.ipv6.conf.all.forwarding=1")
	router := "224.0.0.1 ff01::1 ff01::2 ff02::1 ff02::2 ff02::1:ff00:0 ff02::1:ff00:1 ff05::2"
	if got := e.groups(); got != router {
		t.Errorf("router: %s, want %s", got, router)
	}
	// Another address with the same last 24 bits: one group, counted twice.
	a := e.add("2001:db8::1/64", unix.IFA_F_NODAD, nil)
	if got := e.groups(); got != router {
		t.Errorf("address: %s, want %s", got, router)
	}
	if !e.conf.IsAnycast(e.l, netip.MustParseAddr("2001:db8::")) {
		t.Error("2001:db8:: is no anycast address")
	}
	e.addrs.Remove(a)
	if got := e.groups(); got != router {
		t.Errorf("address gone: %s, want %s", got, router)
	}
	e.set("net.ipv6.conf.all.forwarding=0")
	e.up(false)
	if got, want := e.groups(), "ff01::1 ff02::1"; got != want {
		t.Errorf("down: %s, want %s", got, want)
	}
	if err := e.links.Remove(e.l); err != nil {
		t.Fatal(err)
	}
	if list, _ := e.dp.DumpMcasts(0); len(list) != 2 { // lo's ff01::1 and ff02::1
		t.Errorf("the data plane still has %v", list)
	}
}
