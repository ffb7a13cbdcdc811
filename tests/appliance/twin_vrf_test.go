// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bound is a Control that binds a socket to a device; "": to none.
func bound(dev string) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		if dev == "" {
			return nil
		}
		if e := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), dev) }); e != nil {
			return e
		}
		return err
	}
}

// answers opens a TCP and a UDP server that say a name to whoever asks, bound to a device.
func (ns *netns) answers(dev, addr, name string) {
	ns.t.Helper()
	var l net.Listener
	var u net.PacketConn
	if err := ns.inside(func() (err error) {
		c := net.ListenConfig{Control: bound(dev)}
		if l, err = c.Listen(context.Background(), "tcp", addr); err != nil {
			return err
		}
		u, err = c.ListenPacket(context.Background(), "udp", addr)
		return err
	}); err != nil {
		ns.t.Fatal(err)
	}
	ns.t.Cleanup(func() { l.Close(); u.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(name))
			c.Close()
		}
	}()
	go func() {
		b := make([]byte, 16)
		for {
			_, from, err := u.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = u.WriteTo([]byte(name), from)
		}
	}()
}

// asks says who answers a socket that is bound to a device.
func (ns *netns) asks(network, dev, addr string) (name string, err error) {
	deadline := time.Now().Add(patience)
	for {
		if name, err = ns.askOnce(network, dev, addr); err == nil || time.Now().After(deadline) {
			return name, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (ns *netns) askOnce(network, dev, addr string) (string, error) {
	var c net.Conn
	if err := ns.inside(func() (err error) {
		c, err = (&net.Dialer{Control: bound(dev), Timeout: time.Second}).Dial(network, addr)
		return err
	}); err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if network == "udp" {
		if _, err := c.Write([]byte("?")); err != nil {
			return "", err
		}
	}
	b := make([]byte, 16)
	n, err := c.Read(b)
	return string(b[:n]), err
}

// Two VRFs have the same addresses: sockets that are bound to one, and to one of its links, speak to
// its own neighbours, near and far, and hear those.
//
//	a 192.0.2.2 ── left  (red)  192.0.2.1 [skua] 192.0.2.1 (blue) right ── 192.0.2.2 b
func TestTwinSocketsOfVRFs(t *testing.T) {
	w := newWorld(t)
	w.in = w.netns()
	a, b := w.netns(), w.netns()
	i := w.startTwins(fmt.Sprintf(`CONF
[[link]]
name = "left"
tap = { name = "eth0", netns = %q }
[[link]]
name = "right"
tap = { name = "eth0", netns = %q }
`, a.name, b.name))
	for n, v := range []struct {
		vrf, link, name string
		ns              *netns
	}{{"red", "left", "a", a}, {"blue", "right", "b", b}} {
		i.ip("link", "add", v.vrf, "type", "vrf", "table", fmt.Sprint(100+n))
		i.ip("link", "set", v.vrf, "up")
		i.ip("link", "set", v.link, "master", v.vrf)
		i.ip("addr", "add", "192.0.2.1/24", "dev", v.link)
		i.ip("addr", "add", "2001:db8:1::1/64", "dev", v.link, "nodad")
		i.ip("route", "add", "203.0.113.0/24", "via", "192.0.2.2", "vrf", v.vrf)
		i.ip("route", "add", "2001:db8:113::/64", "via", "2001:db8:1::2", "vrf", v.vrf)
		v.ns.host("eth0", "192.0.2", "2001:db8:1")
		v.ns.must("ip", "addr", "add", "203.0.113.9/32", "dev", "lo")
		v.ns.must("ip", "addr", "add", "2001:db8:113::9/128", "dev", "lo", "nodad")
		for _, addr := range []string{"192.0.2.2", "203.0.113.9", "[2001:db8:1::2]", "[2001:db8:113::9]"} {
			v.ns.answers("", addr+":7000", v.name)
		}
	}
	w.in.answers("red", ":7001", "red")
	w.in.answers("blue", ":7001", "blue")
	for _, network := range []string{"tcp", "udp"} {
		for _, c := range []struct {
			ns              *netns
			dev, addr, want string
		}{
			{w.in, "red", "192.0.2.2:7000", "a"},
			{w.in, "blue", "192.0.2.2:7000", "b"},
			{w.in, "red", "[2001:db8:1::2]:7000", "a"},
			{w.in, "blue", "[2001:db8:1::2]:7000", "b"},
			{w.in, "red", "203.0.113.9:7000", "a"},
			{w.in, "blue", "203.0.113.9:7000", "b"},
			{w.in, "red", "[2001:db8:113::9]:7000", "a"},
			{w.in, "blue", "[2001:db8:113::9]:7000", "b"},
			{a, "", "192.0.2.1:7001", "red"},
			{b, "", "192.0.2.1:7001", "blue"},
			{a, "", "[2001:db8:1::1]:7001", "red"},
			{b, "", "[2001:db8:1::1]:7001", "blue"},
			{w.in, "red", "192.0.2.1:7001", "red"}, // itself
			{w.in, "blue", "192.0.2.1:7001", "blue"},
			{w.in, "red", "[2001:db8:1::1]:7001", "red"},
			{w.in, "blue", "[2001:db8:1::1]:7001", "blue"},
		} {
			if got, err := c.ns.asks(network, c.dev, c.addr); got != c.want || err != nil {
				t.Errorf("%s from %s to %s: %q, %v; want %q", network, c.dev, c.addr, got, err, c.want)
			}
		}
	}
	for _, dst := range []string{"192.0.2.2", "203.0.113.9", "2001:db8:113::9"} {
		w.in.must("ping", "-n", "-c", "1", "-w", "30", "-I", "blue", dst)
	}
	i.ip("link", "del", "red") // its links live on without it
	i.ip("addr", "replace", "2001:db8:1::1/64", "dev", "left", "nodad")
	for _, network := range []string{"tcp", "udp"} {
		if got, err := w.in.asks(network, "left", "192.0.2.2:7000"); got != "a" || err != nil {
			t.Errorf("%s from left: %q, %v", network, got, err)
		}
		if got, err := w.in.asks(network, "blue", "192.0.2.2:7000"); got != "b" || err != nil {
			t.Errorf("%s from blue when red has gone: %q, %v", network, got, err)
		}
	}
}
