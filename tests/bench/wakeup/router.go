// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skua/dataplane"
	"skua/dataplane/dpif"
)

// Where a packet comes in; it always leaves by a ring.
//
//	ring 192.0.2.0/24     ──┐
//	tap  198.51.100.0/24  ──┴── worker ── 203.0.113.0/24 ring
const (
	ring = iota
	tap
	out
)

const netns = "skua-wakeup"

var (
	mac   = [3][6]byte{{2, 0, 0, 0, 1, 1}, {2, 0, 0, 0, 1, 2}, {2, 0, 0, 0, 1, 3}}
	peer  = [6]byte{2, 0, 0, 0, 2, 9}
	links = [3]netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("198.51.100.1/24"),
		netip.MustParsePrefix("203.0.113.1/24")}
	target = netip.MustParseAddr("203.0.113.9")
)

// router is a data plane with one worker that forwards to its last port.
type router struct {
	dp     *dataplane.Dataplane
	ports  [3]uint16
	out    uint16
	frames [2][]byte
	tapFD  int // AF_PACKET on the host's end of the TAP
	tapTo  unix.SockaddrLinklayer
}

func newRouter() (_ *router, err error) {
	r := &router{tapFD: -1}
	_ = exec.Command("ip", "netns", "del", netns).Run() // of a run that was killed
	if err := ip("netns", "add", netns); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if r.dp, err = dataplane.Open(dataplane.Config{Workers: 1, Mbufs: 4096, Hugepages: dataplane.HugepagesOff}); err != nil {
		return nil, err
	}
	if err := errors.Join(r.dp.AddNet(0), r.dp.SetTables(0, unix.AF_INET, []uint32{unix.RT_TABLE_MAIN})); err != nil {
		return nil, err
	}
	for i, c := range []dataplane.PortConfig{
		{Name: "in", Kind: dataplane.PortRing},
		{Name: "tap", Kind: dataplane.PortTap, Device: "tap0", Netns: netns},
		{Name: "out", Kind: dataplane.PortRing},
	} {
		if r.ports[i], _, err = r.dp.AddPort(c); err != nil {
			return nil, err
		}
		if err := r.addLink(uint32(i+1), c.Name, r.ports[i], mac[i], links[i]); err != nil {
			return nil, fmt.Errorf("link %s: %w", c.Name, err)
		}
	}
	r.out = r.ports[out]
	if err := r.dp.SetNeigh(dpif.Neigh{Ifindex: out + 1, Addr: target, NUD: unix.NUD_PERMANENT, HardAddr: peer}); err != nil {
		return nil, err
	}
	for i := range r.frames {
		r.frames[i] = udp(mac[i], links[i].Addr().Next(), target)
	}
	// Nothing but our packets: the kernel would ask for routers.
	if err := errors.Join(
		ip("netns", "exec", netns, "sysctl", "-qw", "net.ipv6.conf.tap0.disable_ipv6=1"),
		ip("-n", netns, "link", "set", "tap0", "up")); err != nil {
		return nil, err
	}
	return r, r.openTap()
}

func ip(args ...string) error {
	if text, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, text)
	}
	return nil
}

func (r *router) addLink(ifindex uint32, name string, port uint16, mac [6]byte, net netip.Prefix) error {
	const conf = dpif.ConfEnabled | dpif.ConfForwarding
	err := errors.Join(
		r.dp.SetLink(dpif.Link{Ifindex: ifindex, Name: name, Port: port, Carrier: true, Flags: unix.IFF_UP,
			MTU: 1500, MTU6: 1500, Conf4: conf, HardAddr: mac}),
		r.dp.SetNexthop(dpif.Nexthop{ID: ifindex, Ifindex: ifindex, Family: unix.AF_INET, Type: unix.RTN_UNICAST,
			Scope: unix.RT_SCOPE_LINK}))
	_, rerr := r.dp.SetRoutes([]dpif.Route{{Table: unix.RT_TABLE_MAIN, NexthopID: ifindex, Prefix: net.Masked()}})
	return errors.Join(err, rerr)
}

// addSilent adds a device that receives nothing and could not wake anybody.
func (r *router) addSilent() error {
	_, _, err := r.dp.AddPort(dataplane.PortConfig{Name: "silent", Kind: dataplane.PortVdev, Device: "net_null0,no-rx=1"})
	return err
}

// openTap opens a socket that sends on the host's end of the TAP. The calling thread stays ours.
func (r *router) openTap() error {
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer own.Close()
	there, err := os.Open("/run/netns/" + netns)
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	dev, err := net.InterfaceByName("tap0")
	if err == nil {
		r.tapTo = unix.SockaddrLinklayer{Ifindex: dev.Index, Halen: 6}
		r.tapFD, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	}
	return errors.Join(err, unix.Setns(int(own.Fd()), unix.CLONE_NEWNET))
}

func (r *router) send(in int) error {
	if in == tap {
		return unix.Sendto(r.tapFD, r.frames[tap], 0, &r.tapTo)
	}
	return r.dp.SendRing(r.ports[in], r.frames[in])
}

func (r *router) close() {
	if r.tapFD >= 0 {
		unix.Close(r.tapFD)
	}
	if r.dp != nil {
		r.dp.Close()
	}
	_ = ip("netns", "del", netns)
}

// udp is a frame of 64 bytes with its FCS.
func udp(to [6]byte, src, dst netip.Addr) []byte {
	f := make([]byte, 60)
	copy(f, to[:])
	copy(f[6:], peer[:])
	f[12] = 8
	h := f[14:34]
	h[0], h[3], h[8], h[9] = 0x45, 46, 64, unix.IPPROTO_UDP
	copy(h[12:], src.AsSlice())
	copy(h[16:], dst.AsSlice())
	var sum uint32
	for i := 0; i < len(h); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(h[i:]))
	}
	binary.BigEndian.PutUint16(h[10:], ^uint16(sum+sum>>16))
	f[35], f[37], f[39] = 9, 9, 26
	return f
}

// workerCPU is the share of a CPU that the worker's thread uses.
func workerCPU(over time.Duration) (float64, error) {
	files, _ := filepath.Glob("/proc/self/task/*/comm")
	for _, file := range files {
		name, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(name, []byte("worker")) {
			continue
		}
		spent := func() (time.Duration, error) {
			text, err := os.ReadFile(filepath.Join(filepath.Dir(file), "schedstat"))
			if err != nil {
				return 0, err
			}
			var ran time.Duration
			_, err = fmt.Sscan(string(text), &ran)
			return ran, err
		}
		start := time.Now()
		before, err := spent()
		if err != nil {
			return 0, err
		}
		time.Sleep(over)
		after, err := spent()
		return float64(after-before) / float64(time.Since(start)), err
	}
	return 0, errors.New("no thread is the worker's")
}
