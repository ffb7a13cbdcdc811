// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// resolution is one run of resolve: packets come in by from for hosts on lan, which answer when they
// are asked for.
type resolution struct {
	b         *bench
	from, lan *side
	own       netip.Addr
	first     netip.Addr // of the hosts
	arrived   []bool
	left      int // hosts that nothing has arrived at
	asked     int // solicitations
	sent      int
	buf       []byte
}

// resolve: nobody has spoken to any of the hosts before. Counted is the time until every host is
// REACHABLE and has its packet; those that are lost on the way are sent again, as their senders would.
func (b *bench) resolve() error {
	for _, c := range []struct{ name, from, lan, source, first string }{
		{"resolve/ipv4", "10.6.0.1/24", "10.128.0.1/15", "10.6.0.2", "10.128.1.0"},
		{"resolve/ipv6", "2001:db8:6::1/64", "2001:db8:7::1/64", "2001:db8:6::2", "2001:db8:7::1:0"},
	} {
		from, err := b.ring("from", c.from)
		if err != nil {
			return err
		}
		lan, err := b.ring("lan", c.lan)
		if err != nil {
			return err
		}
		if err := errors.Join(from.up(), lan.up()); err != nil {
			return err
		}
		settle()
		r := resolution{
			b: b, from: from, lan: lan, own: netip.MustParsePrefix(c.lan).Addr(),
			first: netip.MustParseAddr(c.first), arrived: make([]bool, b.hosts), left: b.hosts,
			buf: make([]byte, 2048),
		}
		took, err := r.run(netip.MustParseAddr(c.source))
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		b.add(c.name, took.Seconds(), fmt.Sprintf("s for %d neighbours", b.hosts), map[string]float64{
			"solicitations": float64(r.asked), "packets": float64(r.sent), "neighbours/s": float64(b.hosts) / took.Seconds(),
		})
		if err := errors.Join(from.remove(), lan.remove()); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolution) run(source netip.Addr) (time.Duration, error) {
	frames := make([][]byte, r.b.hosts)
	for i := range frames {
		frames[i] = udp(routerMAC, source, next(r.first, i), 1000, 2000, 64)
	}
	start := time.Now()
	deadline := start.Add(30 * time.Second)
	for r.left > 0 {
		for i, f := range frames {
			if r.arrived[i] {
				continue
			}
			for {
				err := r.b.dp.SendRing(r.from.port, f)
				if err == nil {
					break
				}
				if err != syscall.ENOBUFS {
					return 0, err
				}
				if _, err := r.answer(); err != nil {
					return 0, err
				}
				time.Sleep(time.Microsecond) // the worker's turn, and what wakes the control plane
			}
			r.sent++
			if i%16 == 0 {
				if _, err := r.answer(); err != nil {
					return 0, err
				}
			}
		}
		// What is on its way may still arrive.
		for quiet := time.Now(); r.left > 0 && time.Since(quiet) < 20*time.Millisecond; {
			n, err := r.answer()
			if err != nil {
				return 0, err
			}
			if n > 0 {
				quiet = time.Now()
				runtime.Gosched()
			} else {
				time.Sleep(time.Microsecond)
			}
			if quiet.After(deadline) {
				return 0, fmt.Errorf("%d hosts still wait after %v", r.left, quiet.Sub(start))
			}
		}
	}
	for {
		if n := r.reachable(); n == r.b.hosts {
			return time.Since(start), nil
		} else if time.Now().After(deadline) {
			return 0, fmt.Errorf("%d of %d are REACHABLE", n, r.b.hosts)
		}
		time.Sleep(time.Millisecond)
	}
}

// answer takes what the router sent to the hosts: their packets, and questions, which they answer.
func (r *resolution) answer() (int, error) {
	for n := 0; ; n++ {
		size, err := r.b.dp.RecvRing(r.lan.port, r.buf)
		if err != nil || size == 0 {
			return n, err
		}
		f := r.buf[:size]
		switch {
		case f[12] == 8 && f[13] == 6 && f[21] == 1:
			target := netip.AddrFrom4([4]byte(f[38:42]))
			err = r.reply(arp(2, routerMAC, hostMAC(target), target, routerMAC, r.own))
		case f[12] == 0x86 && f[20] == unix.IPPROTO_ICMPV6 && f[54] == 135:
			err = r.reply(advertise(routerMAC, netip.AddrFrom16([16]byte(f[62:78])), netip.AddrFrom16([16]byte(f[22:38]))))
		case f[12] == 8 && f[13] == 0 && f[23] == unix.IPPROTO_UDP:
			r.arrive(f[30:34])
		case f[12] == 0x86 && f[20] == unix.IPPROTO_UDP:
			r.arrive(f[50:54])
		}
		if err != nil {
			return n, err
		}
	}
}

func (r *resolution) reply(f []byte) error {
	r.asked++
	for {
		err := r.b.dp.SendRing(r.lan.port, f)
		if err != syscall.ENOBUFS {
			return err
		}
		runtime.Gosched() // the worker takes some
	}
}

// arrive notes a packet by the last 32 bits of its destination.
func (r *resolution) arrive(low []byte) {
	first := r.first.As16()
	i := int(binary.BigEndian.Uint32(low) - binary.BigEndian.Uint32(first[12:]))
	if i >= 0 && i < len(r.arrived) && !r.arrived[i] {
		r.arrived[i] = true
		r.left--
	}
}

// reachable counts the hosts that are REACHABLE.
func (r *resolution) reachable() int {
	n := 0
	_ = r.b.locked(func() error {
		for i := range r.arrived {
			if e := r.b.stack.Neighs.Lookup(r.lan.link, next(r.first, i)); e != nil && e.NUD == unix.NUD_REACHABLE {
				n++
			}
		}
		return nil
	})
	return n
}
