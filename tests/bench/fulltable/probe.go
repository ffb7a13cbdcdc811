// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"skua/tests/lab"
)

// sample is one in how many prefixes packets are sent to; the first and the last are always among
// them.
const sample = 500

// probes are packets from R1 to some of the table's prefixes, in sweeps, and what of them arrives at
// R3; and a flow to R3 itself beside them.
type probes struct {
	dst      []netip.Addr
	fd4, fd6 int // UDP in R1
	packet   int // a packet socket in R3

	mu      sync.Mutex
	arrived []uint32 // the last sweep that arrived at each
	when    time.Time
	sweep   uint32

	flow     sync.WaitGroup
	flowDone chan struct{}
	sent     int
	got      atomic.Int64
	reader   sync.WaitGroup
}

// A probe's payload: this, its kind, the sweep, and which destination.
const magic = 0x534b5541

const (
	kindProbe = 1
	kindFlow  = 2
	port      = 9
)

func newProbes(l *lab.Lab, t *table) (*probes, error) {
	p := &probes{flowDone: make(chan struct{})}
	for i, prefix := range t.prefixes {
		if i%sample == 0 || i == len(t.prefixes)-1 || i > 0 && prefix.Addr().Is4() != t.prefixes[i-1].Addr().Is4() ||
			i+1 < len(t.prefixes) && prefix.Addr().Is4() != t.prefixes[i+1].Addr().Is4() {
			p.dst = append(p.dst, prefix.Addr().Next())
		}
	}
	p.arrived = make([]uint32, len(p.dst))
	if err := l.R1.Inside(func() (err error) {
		if p.fd4, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
			p.fd6, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		}
		return err
	}); err != nil {
		return nil, err
	}
	l.R1.Must("ip", "route", "replace", "default", "via", "192.0.2.1")
	l.R1.Must("ip", "-6", "route", "replace", "default", "via", "2001:db8:1::1")
	if err := l.R3.Inside(func() (err error) {
		const all = unix.ETH_P_ALL>>8 | unix.ETH_P_ALL&0xff<<8
		p.packet, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, all)
		if err == nil {
			err = unix.SetsockoptInt(p.packet, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := unix.SetsockoptTimeval(p.packet, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100000}); err != nil {
		return nil, err
	}
	p.reader.Add(1)
	go p.read()
	return p, nil
}

// gatewaysAnswer makes the router in the middle learn its neighbours.
func (p *probes) gatewaysAnswer(l *lab.Lab) string {
	for i := range gateways {
		for _, dst := range []string{fmt.Sprint("198.51.100.", 2+i), fmt.Sprint("2001:db8:2::", 2+i)} {
			if err := l.R1.Ping(dst); err != nil {
				return err.Error()
			}
		}
	}
	return ""
}

func (p *probes) sendTo(dst netip.Addr, kind, sweep, index uint32) {
	var b [16]byte
	for i, v := range []uint32{magic, kind, sweep, index} {
		binary.BigEndian.PutUint32(b[4*i:], v)
	}
	// What finds no room now is sent again in the next sweep.
	if dst.Is4() {
		_ = unix.Sendto(p.fd4, b[:], unix.MSG_DONTWAIT, &unix.SockaddrInet4{Port: port, Addr: dst.As4()})
	} else {
		_ = unix.Sendto(p.fd6, b[:], unix.MSG_DONTWAIT, &unix.SockaddrInet6{Port: port, Addr: dst.As16()})
	}
}

// read notes what arrives at R3.
func (p *probes) read() {
	defer p.reader.Done()
	buf := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(p.packet, buf, 0)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil || p.packet < 0:
			return
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); !ok || ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		header := 28 // IPv4, UDP
		if n > 0 && buf[0]>>4 == 6 {
			header = 48
		}
		if n < header+16 || binary.BigEndian.Uint32(buf[header:]) != magic {
			continue
		}
		sweep, index := binary.BigEndian.Uint32(buf[header+8:]), binary.BigEndian.Uint32(buf[header+12:])
		if binary.BigEndian.Uint32(buf[header+4:]) == kindFlow {
			p.got.Add(1)
			continue
		}
		p.mu.Lock()
		if int(index) < len(p.arrived) && p.arrived[index] < sweep {
			p.arrived[index] = sweep
		}
		p.mu.Unlock()
	}
}

// sweepUntil sends to every destination again and again until the sweep before is as is wanted.
func (p *probes) sweepUntil(as func(sweep uint32) bool, within time.Duration) error {
	deadline := time.Now().Add(within)
	for {
		begin := time.Now()
		p.mu.Lock()
		p.sweep++
		sweep := p.sweep
		p.mu.Unlock()
		for i, dst := range p.dst {
			p.sendTo(dst, kindProbe, sweep, uint32(i))
			if i%64 == 63 {
				time.Sleep(time.Millisecond) // no burst that a queue has no room for
			}
		}
		time.Sleep(max(sweepEvery-time.Since(begin), 20*time.Millisecond)) // for the last of them
		if as(sweep) {
			p.when = begin
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v packets of sweep %d arrived at %d of %d destinations", within, sweep, p.count(sweep), len(p.dst))
		}
	}
}

func (p *probes) count(sweep uint32) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.arrived {
		if s == sweep {
			n++
		}
	}
	return n
}

func (p *probes) all(sweep uint32) bool { return p.count(sweep) == len(p.dst) }

func (p *probes) none(sweep uint32) bool { return p.count(sweep) == 0 }

// last is when the sweep began that was as wanted: so it was no later than that.
func (p *probes) last() time.Time { return p.when }

// startFlow sends a packet a millisecond to R3 itself.
func (p *probes) startFlow() {
	p.flow.Add(1)
	go func() {
		defer p.flow.Done()
		tick := time.NewTicker(flowEvery)
		defer tick.Stop()
		for {
			select {
			case <-p.flowDone:
				return
			case <-tick.C:
				p.sendTo(netip.MustParseAddr("198.51.100.2"), kindFlow, 0, 0)
				p.sent++
			}
		}
	}()
}

// endFlow says how many packets were sent, and how many of them did not arrive.
func (p *probes) endFlow() (sent, lost int) {
	close(p.flowDone)
	p.flow.Wait()
	time.Sleep(200 * time.Millisecond) // for those on their way
	return p.sent, p.sent - int(p.got.Load())
}

func (p *probes) close() {
	fd := p.packet
	p.packet = -1
	p.reader.Wait()
	for _, fd := range []int{fd, p.fd4, p.fd6} {
		unix.Close(fd)
	}
}
