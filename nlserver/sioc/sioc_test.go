// SPDX-License-Identifier: BSD-3-Clause

package sioc_test

import (
	"encoding/binary"
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/nlserver"
	"skua/nlserver/sioc"
)

// world is a control plane with a TAP and a port.
func world(t testing.TB) (*controlplane.Stack, func(*nlserver.Ioctl) (int, error)) {
	ports := &dpif.FakePorts{Fake: dpif.NewFake(), Devices: map[uint16]*dpif.FakePort{7: {
		Driver: dpif.PortDriver{Driver: "net_card", Version: "22.11", Bus: "0000:03:00.0"},
		Rings:  dpif.PortRings{Rx: 1024, Tx: 512, RxMax: 4096, TxMax: 4096},
		RSS:    dpif.PortRSS{Key: []byte{1, 2, 3, 4}, Table: []uint32{0, 1}, Types: []string{"ipv4", "ipv4-tcp"}},
		Regs:   []byte{1, 2, 3, 4, 5, 6, 7, 8},
	}}}
	s, err := controlplane.New(controlplane.Options{DP: ports, Clock: rtnl.NewManualClock()})
	if err != nil {
		t.Fatal(err)
	}
	s.Net.Lock()
	defer s.Net.Unlock()
	for _, c := range []link.Config{
		{Index: 2, Name: "tap0", Kind: "tun", Port: 1, HardAddr: link.HardAddr{2, 0, 0, 0, 0, 1}, Carrier: true},
		{Index: 3, Name: "wan", Port: 7, HardAddr: link.HardAddr{2, 0, 0, 0, 0, 2}, Carrier: true},
	} {
		if _, err := s.Links.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	return s, sioc.New(sioc.Tables{Links: s.Links, Addrs: s.Addrs, Neighs: s.Neighs, Routes: s.Routes, Devices: s.Devices})
}

// memory is a client's: what is at an address.
type memory map[uint64][]byte

func (m memory) read(addr uint64, n int) []byte {
	for at, b := range m {
		if addr >= at && addr+uint64(n) <= at+uint64(len(b)) {
			return b[addr-at : addr-at+uint64(n)]
		}
	}
	return nil
}

const argAt, dataAt = 0x1000, 0x2000

// ethtoolReq is the memory of a SIOCETHTOOL with a command and the words that follow it.
func ethtoolReq(name string, words ...uint32) memory {
	ifr := make([]byte, 40)
	copy(ifr, name)
	binary.NativeEndian.PutUint64(ifr[16:], dataAt)
	data := make([]byte, 256)
	for i, w := range words {
		binary.NativeEndian.PutUint32(data[4*i:], w)
	}
	return memory{argAt: ifr, dataAt: data}
}

func TestWhoMay(t *testing.T) {
	_, do := world(t)
	for _, c := range []struct {
		what  string
		req   uint32
		mem   memory
		admin bool
		want  error
	}{
		{"a driver's name", unix.SIOCETHTOOL, ethtoolReq("wan", 3), false, nil},
		{"registers", unix.SIOCETHTOOL, ethtoolReq("wan", 4, 0, 8), false, unix.EPERM},
		{"registers for root", unix.SIOCETHTOOL, ethtoolReq("wan", 4, 0, 8), true, nil},
		{"rings", unix.SIOCETHTOOL, ethtoolReq("wan", 0x11, 0, 0, 0, 0, 256, 0, 0, 256), false, unix.EPERM},
		{"too large rings", unix.SIOCETHTOOL, ethtoolReq("wan", 0x11, 0, 0, 0, 0, 9000, 0, 0, 256), true, unix.EINVAL},
		{"rings of a tap", unix.SIOCETHTOOL, ethtoolReq("tap0", 0x10), true, unix.EOPNOTSUPP},
		{"nobody", unix.SIOCETHTOOL, ethtoolReq("nosuch", 3), true, unix.ENODEV},
		{"flags", unix.SIOCSIFFLAGS, ethtoolReq("wan"), false, unix.EPERM},
		{"a route", unix.SIOCADDRT, memory{argAt: make([]byte, 120)}, false, unix.EPERM},
		{"a route of no family", unix.SIOCADDRT, memory{argAt: make([]byte, 120)}, true, unix.EAFNOSUPPORT},
		{"a neighbour of no family", unix.SIOCSARP, memory{argAt: make([]byte, 68)}, true, unix.EPFNOSUPPORT},
		{"a bad pointer", unix.SIOCGIFMTU, memory{}, true, unix.EFAULT},
		{"a bad second pointer", unix.SIOCETHTOOL, memory{argAt: ethtoolReq("wan", 3)[argAt]}, true, unix.EFAULT},
		{"a bridge", 0x89a0, ethtoolReq("br0"), true, unix.EOPNOTSUPP},
		{"an interface's memory", unix.SIOCGIFMEM, ethtoolReq("wan"), true, unix.ENOTTY},
	} {
		_, err := do(nlserver.NewIoctl(c.req, argAt, c.admin, c.mem.read))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
}

// FuzzIoctl answers requests whose memory is made of what the fuzzer says.
func FuzzIoctl(f *testing.F) {
	for cmd := uint32(1); cmd < 0x54; cmd++ {
		f.Add(uint32(unix.SIOCETHTOOL), append([]byte("wan\x00"), ethtoolReq("", cmd, 1, 2)[dataAt]...))
	}
	for _, req := range []uint32{unix.SIOCADDRT, unix.SIOCSARP, unix.SIOCSIFADDR, unix.SIOCSIFNETMASK,
		unix.SIOCGIFCONF, unix.SIOCGIFVLAN, unix.SIOCSIFNAME, unix.SIOCSIFFLAGS} {
		f.Add(req, append([]byte("tap0"), make([]byte, 150)...))
	}
	f.Fuzz(func(t *testing.T, req uint32, data []byte) {
		s, do := world(t)
		s.Net.Lock()
		defer s.Net.Unlock()
		name := "wan"
		if len(data) > 3 && string(data[:4]) == "tap0" {
			name = "tap0"
		}
		ifr := make([]byte, 40)
		copy(ifr, name)
		binary.NativeEndian.PutUint64(ifr[16:], dataAt)
		m := func(addr uint64, n int) []byte {
			if addr == argAt && n == 40 && req == unix.SIOCETHTOOL {
				return ifr
			}
			b := make([]byte, n)
			copy(b, data[min(len(data), 4):])
			if addr == argAt && n == 40 {
				copy(b, ifr[:16])
			}
			return b
		}
		_, err := do(nlserver.NewIoctl(req, argAt, true, m))
		var no syscall.Errno
		if err != nil && !errors.As(err, &no) {
			t.Errorf("an error without a number: %v", err)
		}
		if s.Links.ByIndex(3) == nil {
			t.Error("the port is gone")
		}
	})
}
