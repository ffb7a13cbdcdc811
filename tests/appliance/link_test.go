// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// veth joins two namespaces: skua's, where AF_PACKET sits on dev, and a host's, which has eth0. What
// leaves the host has its checksum: AF_PACKET would hand the program packets without.
//
//	host eth0 ── dev [skua]
func (ns *netns) veth(dev string, host *netns) {
	ns.t.Helper()
	ns.must("ip", "link", "add", dev, "type", "veth", "peer", "name", "eth0", "netns", host.name)
	ns.must("ip", "link", "set", dev, "addrgenmode", "none", "up")
	const (
		ethtoolSTXCSUM = 0x17
		ethtoolSTSO    = 0x1f
		ethtoolSGSO    = 0x24
	)
	for _, what := range []uint32{ethtoolSTSO, ethtoolSGSO, ethtoolSTXCSUM} {
		if err := host.ethtool("eth0", what, 0); err != nil {
			ns.t.Fatalf("ethtool %#x of eth0: %v", what, err)
		}
	}
}

// ethtool does what `ethtool -K` does.
func (ns *netns) ethtool(dev string, cmd, value uint32) error {
	return ns.inside(func() error {
		sock, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(sock)
		arg := [2]uint32{cmd, value} // struct ethtool_value
		var ifr struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}
		copy(ifr.name[:], dev)
		ifr.data = unsafe.Pointer(&arg)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(sock), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&ifr))); errno != 0 {
			return errno
		}
		return nil
	})
}

// Skua between a TAP and a veth: what ip sets on a link is what its device does.
//
//	a 192.0.2.2 ── left (TAP) [skua] right (AF_PACKET on sk0) ── 198.51.100.2 b
func TestLinksAndTheirDevices(t *testing.T) {
	w := newWorld(t)
	w.in = w.netns()
	a, b := w.netns(), w.netns()
	w.in.veth("sk0", b)
	i := w.start(fmt.Sprintf(`CONF
[[link]]
name = "left"
tap = { name = "eth0", netns = %q }
addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]
[[link]]
name = "right"
af_packet = "sk0"
addresses = ["198.51.100.1/24", "2001:db8:2::1/64"]
`, a.name))
	hosts(a, b)
	forwards(t, a, b)
	device := func() string { return w.in.must("ip", "-d", "link", "show", "sk0") }

	t.Run("mtu", func(t *testing.T) {
		for _, mtu := range []string{"1400", "1300", "1500"} {
			i.ip("link", "set", "right", "mtu", mtu)
			wantContains(t, "the device", device(), "mtu "+mtu+" ")
			wantContains(t, "the link", i.ip("link", "show", "right"), "mtu "+mtu+" ")
		}
		for _, c := range []struct{ link, mtu, err string }{
			{"left", "9000", "Error: mtu greater than device maximum.\n"}, // than a packet buffer, here
			{"right", "9000", "Error: mtu greater than device maximum.\n"},
			{"right", "60", "Error: mtu less than device minimum.\n"},
		} {
			if r := i.try("ip", "link", "set", c.link, "mtu", c.mtu); r.code != 2 || r.err != c.err {
				t.Errorf("mtu %s of %s: %+v", c.mtu, c.link, r)
			}
		}
		wantContains(t, "the device", device(), "mtu 1500 ")
		// A packet that the link does not take any more, and may not be cut.
		i.ip("link", "set", "right", "mtu", "1400")
		out, _ := a.command("ping", "-n", "-c", "1", "-W", "20", "-M", "do", "-s", "1400", "198.51.100.2").CombinedOutput()
		wantContains(t, "ping", string(out), "Frag needed and DF set (mtu = 1400)")
		i.ip("link", "set", "right", "mtu", "1500")
		a.must("ip", "route", "flush", "cache")
		a.must("ping", "-n", "-c", "1", "-W", "20", "-M", "do", "-s", "1472", "198.51.100.2")
	})
	t.Run("address", func(t *testing.T) {
		for _, c := range []struct {
			link string
			host *netns
			ip   string
		}{{"left", a, "192.0.2.1"}, {"right", b, "198.51.100.1"}} {
			i.ip("link", "set", c.link, "address", "02:00:00:00:aa:01")
			wantContains(t, "the link", i.ip("link", "show", c.link), "link/ether 02:00:00:00:aa:01 ")
			c.host.must("ip", "neigh", "flush", "dev", "eth0")
			if err := c.host.ping(c.ip); err != nil {
				t.Error(err)
			}
			wantContains(t, "the host's neighbour", c.host.must("ip", "neigh", "show", c.ip), "lladdr 02:00:00:00:aa:01")
		}
		wantContains(t, "the device", device(), "link/ether 02:00:00:00:aa:01 ")
		if r := i.try("ip", "link", "set", "right", "address", "01:00:00:00:00:01"); r.code != 2 ||
			r.err != "RTNETLINK answers: Cannot assign requested address\n" {
			t.Errorf("a group address: %+v", r)
		}
		forwards(t, a, b)
	})
	t.Run("promisc and allmulticast", func(t *testing.T) {
		i.ip("link", "set", "right", "promisc", "on")
		wantContains(t, "the link", i.ip("-d", "link", "show", "right"), "BROADCAST,MULTICAST,PROMISC,UP", "promiscuity 1")
		wantContains(t, "the device", device(), "promiscuity 1")
		i.ip("link", "set", "right", "promisc", "off", "allmulticast", "on")
		wantContains(t, "the link", i.ip("-d", "link", "show", "right"), "ALLMULTI", "promiscuity 0")
		wantContains(t, "the device", device(), "promiscuity 0")
		i.ip("link", "set", "right", "allmulticast", "off")
		forwards(t, a, b)
	})
	t.Run("down and up", func(t *testing.T) {
		for _, link := range []string{"left", "right"} {
			i.ip("link", "set", link, "down")
			wantContains(t, "the link", i.ip("link", "show", link), "<BROADCAST,MULTICAST> ", "state DOWN")
			if !a.silent("198.51.100.2") {
				t.Errorf("packets go through %s, which is down", link)
			}
			i.ip("link", "set", link, "up")
			// IPv6 addresses go with the link, as in the kernel.
			v6 := map[string]string{"left": "2001:db8:1::1/64", "right": "2001:db8:2::1/64"}[link]
			i.ip("addr", "add", v6, "dev", link)
			forwards(t, a, b)
		}
	})
	t.Run("carrier", func(t *testing.T) {
		for _, c := range []struct {
			link string
			host *netns
		}{{"left", a}, {"right", b}} {
			c.host.must("ip", "link", "set", "eth0", "down")
			eventually(t, patience, func() string {
				if out := i.ip("link", "show", c.link); !strings.Contains(out, "<NO-CARRIER,BROADCAST,MULTICAST,UP> ") || !strings.Contains(out, "state DOWN") {
					return out
				}
				return ""
			})
			wantContains(t, "ip route", i.ip("route", "show", "dev", c.link), "linkdown")
			c.host.must("ip", "link", "set", "eth0", "up")
			eventually(t, patience, func() string {
				if out := i.ip("link", "show", c.link); !strings.Contains(out, "<BROADCAST,MULTICAST,UP,LOWER_UP> ") || !strings.Contains(out, "state UP") {
					return out
				}
				return ""
			})
			if out := i.ip("route", "show", "dev", c.link); strings.Contains(out, "linkdown") {
				t.Error(out)
			}
		}
		hosts(a, b)
		forwards(t, a, b)
	})
	i.stop(syscall.SIGTERM)
	if left := device(); !strings.Contains(left, "promiscuity 0") {
		t.Errorf("left with the device: %s", left)
	}
}

// Two instances joined by memif, each with a host on a TAP.
//
//	a 192.0.2.2 ── left [one] mem ── 10.0.0.0/24 ── mem [two] right ── 198.51.100.2 b
func TestMemif(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("two instances poll a CPU each")
	}
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	text := `[appliance]
socket = "%s"
[dataplane]
cpus = [%d]
hugepages = "off"
memory_mb = 128
mbufs = 8192
[[link]]
name = "%s"
tap = { name = "eth0", netns = "%s" }
addresses = ["%s.1/24"]
[[link]]
name = "mem"
memif = { socket = "` + w.path("memif.sock") + `", id = 3, role = "%s" }
addresses = ["10.0.0.%d/24"]
[[route]]
to = "%s.0/24"
via = "10.0.0.%d"
`
	one := w.startAt("one.toml", fmt.Sprintf(text, w.path("one/netlink.sock"), 0, "left", a.name, "192.0.2", "server", 1, "198.51.100", 2), w.path("one/netlink.sock"))
	wantContains(t, "a memif without a peer", one.ip("link", "show", "mem"), "NO-CARRIER")
	two := w.startAt("two.toml", fmt.Sprintf(text, w.path("two/netlink.sock"), 1, "right", b.name, "198.51.100", "client", 2, "192.0.2", 1), w.path("two/netlink.sock"))
	a.host("eth0", "192.0.2", "")
	b.host("eth0", "198.51.100", "")
	eventually(t, patience, func() string {
		for _, i := range []*instance{one, two} {
			if out := i.ip("link", "show", "mem"); !strings.Contains(out, "LOWER_UP") {
				return out
			}
		}
		return ""
	})
	for _, err := range []error{a.ping("198.51.100.2"), b.ping("192.0.2.2")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	out := a.must("ping", "-n", "-c", "1", "-W", "20", "198.51.100.2")
	wantContains(t, "ping", out, "ttl=62")
	two.stop(syscall.SIGTERM)
	eventually(t, patience, func() string {
		if out := one.ip("link", "show", "mem"); !strings.Contains(out, "NO-CARRIER") {
			return out
		}
		return ""
	})
	one.stop(syscall.SIGTERM)
}

// Devices of DPDK that are nobody's, and the interface of a host that AF_XDP may or may not have.
func TestOtherKinds(t *testing.T) {
	w := newWorld(t)
	w.in = w.netns()
	a := w.netns()
	i := w.start(fmt.Sprintf(`CONF
[[link]]
name = "left"
tap = { name = "eth0", netns = %q }
addresses = ["192.0.2.1/24"]
[[link]]
name = "null"
vdev = "net_null0"
addresses = ["10.0.0.1/24"]
[[neigh]]
dev = "null"
to = "10.0.0.2"
lladdr = "02:00:00:00:00:02"
`, a.name))
	a.host("eth0", "192.0.2", "")
	if err := a.ping("10.0.0.1"); err != nil {
		t.Error(err)
	}
	if !a.silent("10.0.0.2") {
		t.Error("net_null answers")
	}
	s := readStats(t, i)
	if _, tx := s.link("null"); tx == 0 {
		t.Errorf("net_null was sent nothing: %+v", s.Links)
	}
	i.stop(syscall.SIGTERM)

	b := w.netns()
	w.in.veth("sk1", b)
	xdp := w.launch(w.write("xdp.toml", "CONF\n[[link]]\nname = \"right\"\naf_xdp = \"sk1\"\naddresses = [\"198.51.100.1/24\"]\n"), w.socket())
	eventually(t, patience, func() string {
		select {
		case <-xdp.done:
			return ""
		default:
		}
		if strings.Contains(xdp.logged(), "msg=forwarding") {
			return ""
		}
		return "neither starts nor ends"
	})
	select {
	case <-xdp.done:
		wantContains(t, "AF_XDP where there is none", xdp.logged(), "xdp.toml:7: link[0]: set link right: port right: ", "AF_XDP")
		nothingLeft(t, w, xdp.cmd.Process.Pid)
	default:
		b.host("eth0", "198.51.100", "")
		if err := b.ping("198.51.100.1"); err != nil {
			t.Error(err)
		}
		xdp.stop(syscall.SIGTERM)
	}
}
