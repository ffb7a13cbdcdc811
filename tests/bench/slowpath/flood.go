// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Where the flood comes from, where it wants to go, and who is calm beside it.
//
//	hosts ── flood ┌────────┐ out ── gateway 10.4.0.2: 10.9.0.0/16 behind it
//	hosts ── plain │ router │ far ── 10.3.0.0/16, where nobody answers
//	friend ── calm └────────┘
var (
	floodOwn  = netip.MustParseAddr("10.1.0.1")
	floodHost = netip.MustParseAddr("10.1.1.0")
	beyond    = netip.MustParseAddr("10.9.0.0")
	nobody    = netip.MustParseAddr("10.3.1.0")
	plainHost = netip.MustParseAddr("10.5.1.0")
	gateway   = netip.MustParseAddr("10.4.0.2")
	calmOwn   = netip.MustParseAddr("10.2.0.1")
	calmHost  = netip.MustParseAddr("10.2.0.2")
	calmOwn6  = netip.MustParseAddr("2001:db8:2::1")
	calmHost6 = netip.MustParseAddr("2001:db8:2::2")
)

// floods are the kinds of packets that are punted.
var floods = []struct {
	name  string
	frame func(i int) []byte
}{
	{"closed_port", func(i int) []byte { return udp(routerMAC, next(floodHost, i), floodOwn, 1000, 33434, 64) }},
	{"ttl", func(i int) []byte { return udp(routerMAC, next(floodHost, i), next(beyond, i), 1000, 2000, 1) }},
	{"scan", func(i int) []byte { return udp(routerMAC, next(floodHost, i), next(nobody, i*61), 1000, 2000, 64) }},
	{"echo", func(i int) []byte { return echo(routerMAC, next(floodHost, i), floodOwn, 1, uint16(i)) }},
}

const floodFrames = 1024

// flood measures what is forwarded from link plain to link out, alone and beside each flood, and what
// becomes of what the friend sends meanwhile.
func (b *bench) flood() error {
	out, err := b.sink("out", "10.4.0.1/24")
	if err != nil {
		return err
	}
	far, err := b.sink("far", "10.3.0.1/16")
	if err != nil {
		return err
	}
	calm, err := b.ring("calm", "10.2.0.1/24", "2001:db8:2::1/64")
	if err != nil {
		return err
	}
	var frames [][]byte
	for i := range floodFrames {
		frames = append(frames, udp(routerMAC, next(plainHost, i), next(beyond, i), 1000, 2000, 64))
	}
	plain, err := b.source("plain", frames, "10.5.0.1/16")
	if err != nil {
		return err
	}
	for _, s := range []*side{out, far, calm, plain} {
		if err := s.up(); err != nil {
			return err
		}
	}
	if err := errors.Join(out.neighbour(gateway), out.route(netip.MustParsePrefix("10.9.0.0/16"), gateway)); err != nil {
		return err
	}
	// Those who ask are known, so that what is measured is the answer.
	for i := range friends {
		if err := errors.Join(calm.neighbour(next(calmHost, i)), calm.neighbour(next(calmHost6, i))); err != nil {
			return err
		}
	}
	settle()
	alone, err := b.beside("none", calm, out, nil)
	if err != nil {
		return err
	}
	var mixed [][]byte
	for i := range floodFrames {
		mixed = append(mixed, floods[i%len(floods)].frame(i/len(floods)))
	}
	for i := range len(floods) + 1 {
		name, frames := "mixed", mixed
		if i < len(floods) {
			name, frames = floods[i].name, nil
			for n := range floodFrames {
				frames = append(frames, floods[i].frame(n))
			}
		}
		src, err := b.source("flood", frames, "10.1.0.1/16")
		if err != nil {
			return err
		}
		if err := src.up(); err != nil {
			return err
		}
		settle()
		with, err := b.beside(name, calm, out, src)
		if err != nil {
			return err
		}
		b.results[len(b.results)-probeKinds-2].Extra["of_alone"] = with / alone
		if err := src.remove(); err != nil {
			return err
		}
	}
	for _, s := range []*side{plain, calm, far, out} {
		if err := s.remove(); err != nil {
			return err
		}
	}
	return nil
}

// beside measures one situation; it returns the packets forwarded a second.
func (b *bench) beside(name string, calm, out, src *side) (float64, error) {
	got, err := b.rate(func() ([]float64, error) {
		o, err := out.stats()
		w, err2 := b.worker()
		v := []float64{float64(o.TxPackets), 0, 0, 0, 0}
		if src != nil {
			in, err := src.stats()
			v[1], err2 = float64(in.RxPackets), errors.Join(err, err2)
		}
		for r := range w.Punted {
			v[2] += float64(w.Punted[r])
			v[3] += float64(w.Policed[r])
			v[4] += float64(w.PuntFull[r])
		}
		return v, errors.Join(err, err2)
	})
	if err != nil {
		return 0, err
	}
	b.add("flood/"+name+"/forwarded", got[0]/1e6, "Mpps", map[string]float64{
		"flood_Mpps": got[1] / 1e6, "punted/s": got[2], "policed/s": got[3], "full/s": got[4],
	})
	return got[0], b.probes(name, calm)
}

// friends is how many addresses the friend has; of each kind.
const friends = 200

// pause lets others have the CPU: the control plane when it is awake, else also what wakes it.
func pause(waited time.Duration) {
	if waited < 50*time.Microsecond {
		runtime.Gosched()
	} else {
		time.Sleep(10 * time.Microsecond)
	}
}

// probeKinds is how many kinds of questions the friend has.
const probeKinds = 3

// probes asks, one question after the other, and notes how long the answers take.
func (b *bench) probes(name string, calm *side) error {
	kinds := [probeKinds]struct {
		name   string
		ask    func(i int) []byte
		answer func(f []byte, i int) bool
	}{
		{"arp", func(i int) []byte {
			who := next(calmHost, i%friends)
			return arp(1, mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, hostMAC(who), who, mac{}, calmOwn)
		}, func(f []byte, i int) bool {
			return f[12] == 8 && f[13] == 6 && f[21] == 2 && string(f[38:42]) == string(next(calmHost, i%friends).AsSlice())
		}},
		{"nd", func(i int) []byte { return solicit(next(calmHost6, i%friends), calmOwn6) },
			func(f []byte, i int) bool {
				return f[12] == 0x86 && f[54] == 136 && string(f[38:54]) == string(next(calmHost6, i%friends).AsSlice())
			}},
		{"bgp", func(i int) []byte { return syn(routerMAC, calmHost, calmOwn, uint16(40000+i), 179, 1) },
			func(f []byte, i int) bool {
				return f[12] == 8 && f[23] == unix.IPPROTO_TCP && binary.BigEndian.Uint16(f[36:]) == uint16(40000+i)
			}},
	}
	buf := make([]byte, 2048)
	for _, k := range kinds {
		var took []time.Duration
		asked := max(20, int(time.Duration(b.rounds)*b.round/(5*time.Millisecond)))
		for i := range asked {
			if err := b.dp.SendRing(calm.port, k.ask(i)); err != nil {
				return err
			}
			start := time.Now()
			for time.Since(start) < 250*time.Millisecond {
				n, err := b.dp.RecvRing(calm.port, buf)
				if err != nil {
					return err
				}
				waited := time.Since(start)
				if n > 0 && k.answer(buf[:n], i) {
					took = append(took, waited)
					break
				}
				pause(waited)
			}
			time.Sleep(time.Millisecond)
		}
		slices.Sort(took)
		at := func(q float64) float64 {
			if len(took) == 0 {
				return 0
			}
			return float64(took[min(int(q*float64(len(took))), len(took)-1)].Nanoseconds()) / 1e3
		}
		b.add(fmt.Sprintf("flood/%s/%s", name, k.name), 100*float64(len(took))/float64(asked), "% answered",
			map[string]float64{"asked": float64(asked), "p50_us": at(0.5), "p99_us": at(0.99), "max_us": at(1)})
	}
	return b.rtnl(name)
}

// rtnl measures how long a netlink request waits for the lock.
func (b *bench) rtnl(name string) error {
	var took []time.Duration
	for range 200 {
		start := time.Now()
		b.stack.Net.Lock()
		took = append(took, time.Since(start))
		b.stack.Net.Unlock()
		time.Sleep(time.Millisecond)
	}
	slices.Sort(took)
	us := func(i int) float64 { return float64(took[i].Nanoseconds()) / 1e3 }
	b.add("flood/"+name+"/rtnl", us(len(took)/2), "µs median wait", map[string]float64{
		"p99_us": us(len(took) * 99 / 100), "max_us": us(len(took) - 1),
	})
	return nil
}
