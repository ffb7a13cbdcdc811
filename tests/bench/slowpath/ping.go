// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"net/netip"

	"skua/dataplane/dpif"
)

// pingers is how many hosts ping; pings how many different packets they send.
const (
	pingers = 256
	pings   = 1024
)

// ping: hosts on one link ping the router as fast as its worker takes packets. Counted are the
// answers that were transmitted.
func (b *bench) ping() error {
	for _, c := range []struct{ name, own, hosts string }{
		{"ping/ipv4", "10.0.0.1/16", "10.0.1.0"},
		{"ping/ipv6", "2001:db8::1/64", "2001:db8::1:0"},
	} {
		own, hosts := netip.MustParsePrefix(c.own).Addr(), netip.MustParseAddr(c.hosts)
		var frames [][]byte
		for i := range pings {
			frames = append(frames, echo(routerMAC, next(hosts, i%pingers), own, uint16(i%pingers), uint16(i)))
		}
		s, err := b.source("ping", frames, c.own)
		if err != nil {
			return err
		}
		if err := s.up(); err != nil {
			return err
		}
		for i := range pingers {
			if err := s.neighbour(next(hosts, i)); err != nil {
				return err
			}
		}
		settle()
		got, err := b.rate(func() ([]float64, error) {
			l, err1 := s.stats()
			w, err2 := b.worker()
			return []float64{
				float64(l.TxPackets), float64(l.RxPackets), float64(w.Policed[dpif.PuntICMP]),
				float64(w.PuntFull[dpif.PuntICMP]), float64(w.InjectFull),
			}, errors.Join(err1, err2)
		})
		if err != nil {
			return err
		}
		b.add(c.name, got[0], "answers/s", map[string]float64{
			"received/s": got[1], "policed/s": got[2], "too_fast/s": got[3] + got[4],
		})
		if err := s.remove(); err != nil {
			return err
		}
	}
	return nil
}
