// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// twinWorld is Skua with host twins in a namespace of its own, between two hosts.
//
//	a 192.0.2.2 ── left [skua, s] right ── 198.51.100.2 b
func twinWorld(t *testing.T) (w *world, i *instance, s, a, b *netns) {
	t.Helper()
	w = newWorld(t)
	w.in = w.netns()
	a, b = w.netns(), w.netns()
	text := strings.Replace(fmt.Sprintf(`CONF
[[link]]
name = "left"
tap = { name = "eth0", netns = %q }
addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]
[[link]]
name = "right"
tap = { name = "eth0", netns = %q }
addresses = ["198.51.100.1/24", "2001:db8:2::1/64"]
[[route]]
to = "203.0.113.0/24"
via = "198.51.100.2"
[[route]]
to = "203.0.114.0/24"
via = "198.51.100.2"
mtu = 1300
[[route]]
to = "2001:db8:114::/64"
via = "2001:db8:2::2"
mtu = 1300
`, a.name, b.name), "CONF\n", "CONF\n", 1)
	i = w.startTwins(text)
	hosts(a, b)
	for _, err := range []error{w.in.ping("192.0.2.2"), w.in.ping("198.51.100.2"), w.in.ping("2001:db8:1::2"), w.in.ping("2001:db8:2::2")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w, i, w.in, a, b
}

// startTwins starts Skua with twins.
func (w *world) startTwins(text string) *instance {
	w.t.Helper()
	return w.start(strings.Replace(text, "CONF\n", fmt.Sprintf(
		"[appliance]\nsocket = %q\ntwins = true\n[dataplane]\nhugepages = \"off\"\nmemory_mb = 128\nmbufs = 16384\n", w.socket()), 1))
}

// listen opens a TCP listener in the namespace that sends back the SHA-256 of what it got.
func (ns *netns) listen(addr string) net.Listener {
	ns.t.Helper()
	var l net.Listener
	if err := ns.inside(func() (err error) {
		l, err = net.Listen("tcp", addr)
		return err
	}); err != nil {
		ns.t.Fatal(err)
	}
	ns.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				sum := sha256.New()
				if _, err := io.Copy(sum, c); err == nil {
					_, _ = c.Write(sum.Sum(nil))
				}
			}()
		}
	}()
	return l
}

// send sends data to a listener and compares what it says of it.
func (ns *netns) send(addr string, data []byte) error { return ns.sendMSS(addr, data, 0) }

// csumErrors adds up the InCsumErrors of TCP in files like /proc/net/snmp.
func csumErrors(t *testing.T, snmp string) int {
	t.Helper()
	sum, files := 0, 0
	for line := range strings.Lines(snmp) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "Tcp:" || f[1] == "RtoAlgorithm" {
			continue
		}
		n, err := strconv.Atoi(f[len(f)-1]) // InCsumErrors stands last
		if err != nil {
			t.Fatal(err)
		}
		sum, files = sum+n, files+1
	}
	if files != 2 {
		t.Fatalf("no counters of TCP in\n%s", snmp)
	}
	return sum
}

// sendMSS does it in segments of at most so many bytes; 0: as the link has them.
func (ns *netns) sendMSS(addr string, data []byte, mss int) error {
	var c net.Conn
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: func(_, _ string, raw syscall.RawConn) error {
		if mss == 0 {
			return nil
		}
		var err error
		cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, mss) })
		return errors.Join(err, cerr)
	}}
	if err := ns.inside(func() (err error) {
		c, err = dialer.Dial("tcp", addr)
		return err
	}); err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(data); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if want := sha256.Sum256(data); !bytes.Equal(got, want[:]) {
		return fmt.Errorf("%d bytes to %s arrived as others", len(data), addr)
	}
	return nil
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	_, _ = r.Read(b)
	return b
}

// udp opens a UDP socket in the namespace, connected to addr.
func (ns *netns) udp(addr string) net.Conn {
	ns.t.Helper()
	var c net.Conn
	if err := ns.inside(func() (err error) {
		c, err = net.Dial("udp", addr)
		return err
	}); err != nil {
		ns.t.Fatal(err)
	}
	ns.t.Cleanup(func() { c.Close() })
	return c
}

// complains says what a UDP socket is told of what it sent to addr.
func (ns *netns) complains(addr string) error {
	c := ns.udp(addr)
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := c.Write([]byte("?")); err != nil {
			return err
		}
		_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err != nil && !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
			return err
		}
	}
	return nil
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// Sockets of the host that skua runs on speak through it: to hosts behind it, and they to them.
func TestTwinSockets(t *testing.T) {
	_, i, s, a, b := twinWorld(t)

	t.Run("tcp", func(t *testing.T) {
		data := noise(3 << 20)
		s.listen("0.0.0.0:7001")
		s.listen("[::]:7002")
		b.listen("0.0.0.0:7001")
		b.listen("[::]:7002")
		for _, c := range []struct {
			from *netns
			to   string
		}{
			{s, "198.51.100.2:7001"}, {s, "[2001:db8:2::2]:7002"},
			{b, "198.51.100.1:7001"}, {b, "[2001:db8:2::1]:7002"},
			{a, "198.51.100.1:7001"}, // an address of the other link
		} {
			if err := c.from.send(c.to, data); err != nil {
				t.Errorf("from %s to %s: %v", c.from.name, c.to, err)
			}
		}
	})
	t.Run("tcp of every segment size", func(t *testing.T) {
		data := noise(100_000)
		before := b.must("cat", "/proc/net/snmp") + s.must("cat", "/proc/net/snmp")
		for _, mss := range []int{88, 89, 536, 1000, 1219, 1220, 1439, 1440} {
			for _, c := range []struct {
				from *netns
				to   string
			}{{s, "198.51.100.2:7001"}, {s, "[2001:db8:2::2]:7002"}, {b, "198.51.100.1:7001"}, {b, "[2001:db8:2::1]:7002"}} {
				if err := c.from.sendMSS(c.to, data, mss); err != nil {
					t.Errorf("from %s to %s, MSS %d: %v", c.from.name, c.to, mss, err)
				}
			}
		}
		after := b.must("cat", "/proc/net/snmp") + s.must("cat", "/proc/net/snmp")
		if x, y := csumErrors(t, before), csumErrors(t, after); x != y {
			t.Errorf("the kernels found %d wrong checksums", y-x)
		}
	})
	t.Run("udp and errors", func(t *testing.T) {
		for _, c := range []struct {
			from *netns
			to   string
			want error
		}{
			{s, "198.51.100.2:9", syscall.ECONNREFUSED}, {s, "[2001:db8:2::2]:9", syscall.ECONNREFUSED},
			{b, "198.51.100.1:9", syscall.ECONNREFUSED}, {b, "[2001:db8:2::1]:9", syscall.ECONNREFUSED},
		} {
			if err := c.from.complains(c.to); !errors.Is(err, c.want) {
				t.Errorf("from %s to %s: %v, want %v", c.from.name, c.to, err, c.want)
			}
		}
	})
	t.Run("no way", func(t *testing.T) {
		for _, c := range []struct {
			to   string
			want error
		}{
			{"203.0.115.1:9", syscall.ENETUNREACH}, {"[2001:db8:9::1]:9", syscall.ENETUNREACH}, // Skua has no route
			{"192.0.2.99:9", syscall.EHOSTUNREACH}, {"[2001:db8:1::99]:9", syscall.EHOSTUNREACH}, // nobody is there
		} {
			if err := s.send(c.to, nil); !errors.Is(err, c.want) {
				t.Errorf("to %s: %v, want %v", c.to, err, c.want)
			}
		}
	})
	t.Run("link-local", func(t *testing.T) {
		for _, dev := range []struct {
			name string
			host *netns
		}{{"left", a}, {"right", b}} {
			out := dev.host.must("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link")
			ll, _, _ := strings.Cut(strings.Fields(out)[3], "/")
			if err := s.ping(ll + "%" + dev.name); err != nil {
				t.Error(err)
			}
			out = s.must("ip", "-6", "-o", "addr", "show", "dev", dev.name, "scope", "link")
			ll, _, _ = strings.Cut(strings.Fields(out)[3], "/")
			if err := dev.host.ping(ll + "%eth0"); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("traceroute and path MTU", func(t *testing.T) {
		b.must("sysctl", "-qw", "net.ipv4.ip_forward=1")
		b.must("ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.77", "mtu", "lock", "1280")
		out, _ := s.command("ping", "-n", "-c", "1", "-W", "5", "-t", "1", "203.0.113.1").CombinedOutput()
		wantContains(t, "ping with a TTL of 1", string(out), "From 198.51.100.2", "Time to live exceeded")
		for _, c := range []struct{ dst, text string }{
			{"203.0.113.1", "Frag needed and DF set (mtu = 1280)"}, // says b
			{"203.0.114.1", "Frag needed and DF set (mtu = 1300)"}, // says Skua
			{"2001:db8:114::1", "Packet too big: mtu=1300"},
		} {
			out, _ := s.command("ping", "-n", "-c", "1", "-W", "5", "-M", "do", "-s", "1400", c.dst).CombinedOutput()
			wantContains(t, "ping of 1400 bytes to "+c.dst, string(out), c.text)
		}
	})
	t.Run("a host that is not there any more", func(t *testing.T) {
		wantContains(t, "the links", s.must("ip", "-br", "link"), "left", "right", "skua0")
		if err := i.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-i.done
		if out := s.must("ip", "-br", "link"); strings.Count(out, "\n") != 1 {
			t.Errorf("left behind:\n%s", out)
		}
		if out := s.must("ip", "rule"); strings.Count(out, "\n") != 3 {
			t.Errorf("left behind:\n%s", out)
		}
	})
}

// raw opens a raw IP or packet socket in the namespace. Reads give up after a while.
func (ns *netns) raw(domain, typ, proto int, prepare func(fd int) error) int {
	ns.t.Helper()
	fd := -1
	if err := ns.inside(func() (err error) {
		if fd, err = unix.Socket(domain, typ|unix.SOCK_CLOEXEC, proto); err != nil {
			return err
		}
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 300000}); err != nil {
			return err
		}
		return prepare(fd)
	}); err != nil {
		ns.t.Fatal(err)
	}
	ns.t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// ifindex is that of an interface in the namespace.
func (ns *netns) ifindex(name string) int {
	ns.t.Helper()
	index := 0
	if err := ns.inside(func() error {
		ifi, err := net.InterfaceByName(name)
		if err == nil {
			index = ifi.Index
		}
		return err
	}); err != nil {
		ns.t.Fatal(err)
	}
	return index
}

// arrives sends until what was sent is received by the other socket.
func arrives(t *testing.T, what string, payload []byte, send func() error, fd int) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	buf := make([]byte, 2048)
	for time.Now().Before(deadline) {
		if err := send(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		until := time.Now().Add(300 * time.Millisecond)
		for time.Now().Before(until) {
			n, _, err := unix.Recvfrom(fd, buf, 0)
			if err != nil {
				break
			}
			if bytes.Contains(buf[:n], payload) {
				return
			}
		}
	}
	t.Errorf("%s: nothing arrives", what)
}

// A routing protocol's sockets: bound to a link, joined to its group, in both directions; and frames
// that are no IP.
func TestTwinMulticastAndFrames(t *testing.T) {
	_, _, s, a, _ := twinWorld(t)
	const ospf = 89
	left, eth0 := s.ifindex("left"), a.ifindex("eth0")

	t.Run("224.0.0.5", func(t *testing.T) {
		group := [4]byte{224, 0, 0, 5}
		open := func(ns *netns, index int) int {
			return ns.raw(unix.AF_INET, unix.SOCK_RAW, ospf, func(fd int) error {
				mreq := &unix.IPMreqn{Multiaddr: group, Ifindex: int32(index)}
				return errors.Join(
					unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, mreq),
					unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, mreq),
					unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0))
			})
		}
		in, out := open(s, left), open(a, eth0)
		to := &unix.SockaddrInet4{Addr: group}
		arrives(t, "to the twin", []byte("hello, twin"), func() error {
			return unix.Sendto(out, []byte("hello, twin"), 0, to)
		}, in)
		arrives(t, "from the twin", []byte("hello, host"), func() error {
			return unix.Sendto(in, []byte("hello, host"), 0, to)
		}, out)
	})
	t.Run("239.1.1.1, which a socket joins", func(t *testing.T) {
		group := [4]byte{239, 1, 1, 1}
		in := s.raw(unix.AF_INET, unix.SOCK_RAW, ospf, func(fd int) error {
			return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: group, Ifindex: int32(left)})
		})
		out := a.raw(unix.AF_INET, unix.SOCK_RAW, ospf, func(fd int) error {
			return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(eth0)})
		})
		arrives(t, "to the twin", []byte("hello, group"), func() error {
			return unix.Sendto(out, []byte("hello, group"), 0, &unix.SockaddrInet4{Addr: group})
		}, in)
	})
	t.Run("ff02::5", func(t *testing.T) {
		group := [16]byte{0xff, 2, 15: 5}
		open := func(ns *netns, index int) int {
			return ns.raw(unix.AF_INET6, unix.SOCK_RAW, ospf, func(fd int) error {
				return errors.Join(
					unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
						&unix.IPv6Mreq{Multiaddr: group, Interface: uint32(index)}),
					unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0))
			})
		}
		in, out := open(s, left), open(a, eth0)
		arrives(t, "to the twin", []byte("hello, twin"), func() error {
			return unix.Sendto(out, []byte("hello, twin"), 0, &unix.SockaddrInet6{Addr: group, ZoneId: uint32(eth0)})
		}, in)
		arrives(t, "from the twin", []byte("hello, host"), func() error {
			return unix.Sendto(in, []byte("hello, host"), 0, &unix.SockaddrInet6{Addr: group, ZoneId: uint32(left)})
		}, out)
	})
	t.Run("frames", func(t *testing.T) {
		const lldp = 0x88cc
		open := func(ns *netns, index int) int {
			return ns.raw(unix.AF_PACKET, unix.SOCK_RAW, 0, func(fd int) error {
				return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: lldp>>8 | lldp&0xff<<8, Ifindex: index})
			})
		}
		in, out := open(s, left), open(a, eth0)
		frame := func(text string) []byte {
			f := []byte{0x01, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 9, lldp >> 8, lldp & 0xff}
			return append(append(f, text...), make([]byte, 40)...)
		}
		arrives(t, "to the twin", []byte("hello, twin"), func() error {
			_, err := unix.Write(out, frame("hello, twin"))
			return err
		}, in)
		arrives(t, "from the twin", frame("hello, host")[:25], func() error { // its source is what the program wrote
			_, err := unix.Write(in, frame("hello, host"))
			return err
		}, out)
	})
	t.Run("arp", func(t *testing.T) {
		seen := s.raw(unix.AF_PACKET, unix.SOCK_RAW, 0, func(fd int) error {
			return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: unix.ETH_P_ARP<<8&0xff00 | unix.ETH_P_ARP>>8, Ifindex: left})
		})
		arrives(t, "a request", []byte{0, 1, 8, 0, 6, 4, 0, 1}, func() error {
			a.must("ip", "neigh", "flush", "dev", "eth0")
			_ = a.command("ping", "-n", "-c", "1", "-W", "1", "192.0.2.1").Run()
			return nil
		}, seen)
	})
}
