// SPDX-License-Identifier: BSD-3-Clause

// Command twins_bench measures one TCP stream of a socket of the appliance by its host twin, both
// ways, IPv4 and IPv6, and beside it the same stream between two namespaces that a veth joins, with
// no router between them: iperf3 in all of them, in turn, in each round.
//
//	[here] socket ── twin ── Skua ── TAP ── socket [peer]
//	[here] socket ────────── veth ───────── socket [peer]
//
// It prints, as JSON, Gbit/s of every round and how the segments came by the twin.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// Figure is a stream.
type Figure struct {
	Name   string               `json:"name"` // ipv4-out: from the appliance; ipv4-in: to it
	Gbit   []float64            `json:"gbit"` // a second, of each round
	Kernel []float64            `json:"kernel_gbit"`
	Extra  map[string][]float64 `json:"extra,omitempty"`
}

var streams = []struct {
	name, family string
	reverse      bool
}{
	{"ipv4-out", "-4", false}, {"ipv4-in", "-4", true}, {"ipv6-out", "-6", false}, {"ipv6-in", "-6", true},
}

func main() {
	bin := flag.String("bin", "out", "folder with skua")
	rounds := flag.Int("rounds", 5, "measurements of each stream")
	seconds := flag.Int("seconds", 1, "length of one")
	mtu := flag.Int("mtu", 1500, "of all links")
	only := flag.String("only", "", "one of the streams")
	peer := flag.Bool("kernel", true, "measure the kernel's veth too")
	flag.Parse()
	figures, err := run(*bin, *rounds, *mtu, *seconds, *only, *peer)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(figures)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "twins:", err)
		os.Exit(1)
	}
}

func run(bin string, rounds, mtu int, seconds int, only string, kernel bool) ([]*Figure, error) {
	w := &world{}
	defer w.close()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		w.close()
		os.Exit(130)
	}()
	if err := w.build(bin, mtu); err != nil {
		return nil, err
	}
	var figures []*Figure
	for _, s := range streams {
		if only == "" || only == s.name {
			figures = append(figures, &Figure{Name: s.name, Extra: map[string][]float64{}})
		}
	}
	for range rounds {
		for _, s := range streams {
			i := slices.IndexFunc(figures, func(f *Figure) bool { return f.Name == s.name })
			if i < 0 {
				continue
			}
			if err := w.measure(figures[i], s.family, s.reverse, seconds, kernel); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return figures, nil
}

// measure lets a stream run by Skua and by the kernel.
func (w *world) measure(f *Figure, family string, reverse bool, seconds int, kernel bool) error {
	before, err := w.taps()
	if err != nil {
		return err
	}
	got, err := w.skua.stream(family, reverse, seconds)
	if err != nil {
		return err
	}
	f.Gbit = append(f.Gbit, got.gbit)
	after, err := w.taps()
	if err != nil {
		return err
	}
	f.Extra["dropped"] = append(f.Extra["dropped"], after.dropped-before.dropped)
	in, out := after.since(before, reverse)
	f.Extra["packets_per_frame_in"] = append(f.Extra["packets_per_frame_in"], in)
	f.Extra["packets_per_frame_out"] = append(f.Extra["packets_per_frame_out"], out)
	f.Extra["retransmits"] = append(f.Extra["retransmits"], got.retransmits)
	if !kernel {
		return nil
	}
	if got, err = w.kernel.stream(family, reverse, seconds); err != nil {
		return err
	}
	f.Kernel = append(f.Kernel, got.gbit)
	return nil
}
