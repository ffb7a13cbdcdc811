// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// world is the router: a network namespace that is made of this thread's, and the programs in it.
type world struct {
	programs
	in0, gen0 *net.Interface
	ksoftirqd string // see cpuTime
	closers   []io.Closer
}

const (
	gateway    = "198.51.100.2"
	gatewayMAC = "02:00:00:00:02:02"
)

func newWorld() (*world, error) {
	w := &world{}
	for _, line := range []string{
		"link add gen0 numrxqueues 1 numtxqueues 1 type veth peer name in0 numrxqueues 1 numtxqueues 1",
		"link add out0 numrxqueues 1 numtxqueues 1 type veth peer name sink0 numrxqueues 1 numtxqueues 1",
		"link set gen0 up", "link set in0 up", "link set out0 up", "link set sink0 up",
		"addr add 192.0.2.1/24 dev in0", "addr add 198.51.100.1/24 dev out0",
		"neigh replace " + gateway + " lladdr " + gatewayMAC + " nud permanent dev out0",
		"route add 198.18.0.0/16 via " + gateway,
	} {
		if err := ip(strings.Fields(line)...); err != nil {
			return nil, err
		}
	}
	for file, value := range map[string]string{
		"ip_forward": "1", "conf/all/rp_filter": "0", "conf/in0/rp_filter": "0", "conf/in0/send_redirects": "0",
	} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+file, []byte(value), 0o644); err != nil {
			return nil, err
		}
	}
	for name, to := range map[string]**net.Interface{"in0": &w.in0, "gen0": &w.gen0} {
		dev, err := net.InterfaceByName(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		*to = dev
	}
	if err := w.load(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) close() {
	for _, c := range w.closers {
		_ = c.Close() // the process ends
	}
}

// measure makes packets for a while and counts those that arrive.
func (w *world) measure(make func(n uint32) error, at sink, length time.Duration) (run, error) {
	arrived := func() (uint64, error) {
		if at == nil {
			return 0, nil
		}
		return at()
	}
	var r run
	if err := make(1 << 12); err != nil { // warms up
		return r, err
	}
	made, err := w.made()
	if err != nil {
		return r, err
	}
	before, err := arrived()
	if err != nil {
		return r, err
	}
	start, err := cpuTime(w.ksoftirqd)
	if err != nil {
		return r, err
	}
	for r.took < length {
		if err := make(1 << 17); err != nil {
			return r, err
		}
		now, err := cpuTime(w.ksoftirqd)
		if err != nil {
			return r, err
		}
		r.took = now - start
	}
	after, err := arrived()
	if err != nil {
		return r, err
	}
	now, err := w.made()
	r.made, r.arrived = now-made, after-before
	return r, err
}

// fullTable loads the routes that Skua is measured with, and draws a destination in a route as often
// as there are routes, uniformly over the table.
func (w *world) fullTable(o options) ([]destination, error) {
	cmd := exec.Command(o.load, "4", strconv.Itoa(o.routes), "256", gateway)
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", o.load, err, text)
	}
	text, err := exec.Command("ip", "-4", "route", "show", "proto", "bgp").Output()
	if err != nil {
		return nil, fmt.Errorf("ip route show: %w", err)
	}
	routes, err := parseRoutes(text)
	if err != nil {
		return nil, err
	}
	if len(routes) != o.routes {
		return nil, fmt.Errorf("the kernel has %d routes, not %d", len(routes), o.routes)
	}
	return draw(routes, rand.New(rand.NewPCG(7, 7))), nil
}

// parseRoutes reads the prefixes of `ip route show`.
func parseRoutes(text []byte) ([]netip.Prefix, error) {
	var routes []netip.Prefix
	for line := range bytes.Lines(text) {
		first, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if first == "" {
			continue
		}
		if !strings.Contains(first, "/") {
			first += "/32"
		}
		p, err := netip.ParsePrefix(first)
		if err != nil || !p.Addr().Is4() {
			return nil, fmt.Errorf("%q is no IPv4 route", strings.TrimSpace(string(line)))
		}
		routes = append(routes, p)
	}
	return routes, nil
}

// draw is a destination for every route, each in a route drawn at random.
func draw(routes []netip.Prefix, rnd *rand.Rand) []destination {
	to := make([]destination, 0, len(routes))
	for tries := 0; len(to) < len(routes) && tries < 10*len(routes); tries++ {
		p := routes[rnd.IntN(len(routes))]
		a4 := p.Masked().Addr().As4()
		addr := binary.BigEndian.Uint32(a4[:])
		if p.Bits() < 32 {
			addr |= rnd.Uint32() >> p.Bits()
		}
		// what is not forwarded whatever the table says
		if first := addr >> 24; first == 0 || first == 127 || first >= 224 {
			continue
		}
		to = append(to, destinationOf(addr))
	}
	return to
}

// destination is what the generator writes into a frame: the address and the header's checksum.
type destination struct {
	Addr  [4]byte
	Check [2]byte
	_     [2]byte
}

func destinationOf(addr uint32) destination {
	var d destination
	h := header
	binary.BigEndian.PutUint32(h[16:], addr)
	copy(d.Addr[:], h[16:20])
	sum := uint32(0)
	for i := 0; i < len(h); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(h[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(d.Check[:], ^uint16(sum))
	return d
}

// header is IPv4's of every frame, without checksum and destination: 46 bytes, TTL 64, UDP.
var header = [20]byte{0: 0x45, 3: 46, 8: 64, 9: 17, 12: 192, 0, 2, 2}

// powerOfTwo is how many of n destinations the generator goes round: as many as a mask can count.
func powerOfTwo(n int) int { return 1 << (bits.Len(uint(n)) - 1) }

func ip(args ...string) error {
	if text, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("ip %s: %w", strings.Join(args, " "), err), errors.New(string(bytes.TrimSpace(text))))
	}
	return nil
}
