// SPDX-License-Identifier: BSD-3-Clause

// Package lcores looks at what workers share. lines.c runs two of them and finds the cache lines that
// each writes; this model counts, for numbers of workers that the machine at hand does not have, how
// many lines move from one core's cache to another's for a packet.
package lcores

import (
	"fmt"
	"strings"
)

// Sizes are constants of the data plane, as `lines sizes` prints them.
type Sizes struct {
	Burst   float64 // packets taken from a receive queue in one go
	Slot    float64 // bytes of a slot of an RPS ring
	Ring    float64 // slots
	Pool    float64 // bytes of an entry of the packet pool's ring
	SkBuff  float64 // bytes of an sk_buff
	Mbuf    float64 // bytes of an mbuf
	Workers float64 // most that there can be
}

const lineSize = 64 // bytes of a cache line

// transfer is a structure that one core writes and another then reads or writes, and how many of its
// lines move for one packet with n workers, all of them busy: bursts are full, flows even.
type transfer struct {
	what    string
	writer  string
	reader  string
	perLine func(s Sizes, n float64) float64
}

// other is the chance that of n workers it is another one.
func other(n float64) float64 { return (n - 1) / n }

// A mode is a way for packets to get to their workers and out again.
type mode struct {
	name      string
	transfers []transfer
}

// What a worker counts, holds and decides by is its own or is written by the control plane alone:
// lines.c finds no line that two workers write. So in the first mode nothing is left.
var modes = []mode{
	{"RSS, a transmit queue for each worker", nil},
	{"RSS, one transmit queue under its lock", lockedTransmit},
	{"RSS, one transmit queue behind rings", ownedTransmit},
	{"RPS over all workers from one queue", steering},
}

var lockedTransmit = []transfer{
	{"_xmit_lock", "sender", "next sender", func(s Sizes, n float64) float64 { return other(n) / s.Burst }},
	{"the driver's indexes, the last descriptors", "sender", "next sender",
		func(s Sizes, n float64) float64 { return 3 * other(n) / s.Burst }},
	{"mbufs that were sent, freed by a later sender", "sender", "next sender",
		func(s Sizes, n float64) float64 { return s.Mbuf / lineSize * other(n) }},
}

var ownedTransmit = []transfer{
	{"mbufs", "worker", "owner of the queue", func(s Sizes, n float64) float64 { return s.Mbuf / lineSize * other(n) }},
	{"slots of the ring", "worker", "owner", func(s Sizes, n float64) float64 { return s.Slot / lineSize * other(n) }},
	{"tail of the ring, there and back", "worker", "owner", func(s Sizes, n float64) float64 { return 2 * other(n) / s.Burst }},
	{"pool's ring: freed by the owner, taken by the worker", "owner", "worker",
		func(s Sizes, n float64) float64 { return 2 * s.Pool / lineSize * other(n) }},
}

var steering = []transfer{
	{"mbuf", "worker that polls", "worker of the flow", func(s Sizes, n float64) float64 { return s.Mbuf / lineSize * other(n) }},
	{"first line of the packet", "card, then worker that polls", "worker of the flow",
		func(s Sizes, n float64) float64 { return other(n) }},
	{"sk_buff", "worker that had the mbuf before", "worker of the flow",
		func(s Sizes, n float64) float64 { return s.SkBuff / lineSize * other(n) }},
	{"mbuf, filled again", "worker of the flow", "worker that polls", func(s Sizes, n float64) float64 { return other(n) }},
	{"pool's ring, in and out", "worker of the flow", "worker that polls",
		func(s Sizes, n float64) float64 { return 2 * s.Pool / lineSize * other(n) }},
	{"rps_ring.slot", "worker that polls", "worker of the flow", func(s Sizes, n float64) float64 { return s.Slot / lineSize * other(n) }},
	{"rps_ring.tail, there and back", "worker that polls", "worker of the flow",
		// of each of the other workers once per burst, if something of the burst is its own
		func(s Sizes, n float64) float64 { return 2 * min(n-1, s.Burst*other(n)) / s.Burst }},
	{"rps_ring.head, there and back", "worker of the flow", "worker that polls",
		func(s Sizes, n float64) float64 { return 2 * other(n) / s.Ring }},
}

// Lines is how many lines move for a packet.
func (m mode) Lines(s Sizes, n float64) float64 {
	sum := 0.0
	for _, t := range m.transfers {
		sum += t.perLine(s, n)
	}
	return sum
}

// Table is the model as ARCHITECTURE.md shows it.
func Table(s Sizes) string {
	workers := []float64{1, 2, 4, s.Workers}
	var b strings.Builder
	row := func(name string, cell func(n float64) string) {
		fmt.Fprintf(&b, "%-58s", name)
		for _, n := range workers {
			fmt.Fprintf(&b, "%8s", cell(n))
		}
		b.WriteString("\n")
	}
	row("workers", func(n float64) string { return fmt.Sprintf("%.0f", n) })
	for _, m := range modes {
		row(m.name, func(n float64) string { return fmt.Sprintf("%.2f", m.Lines(s, n)) })
		for _, t := range m.transfers {
			row("  "+t.what, func(n float64) string { return fmt.Sprintf("%.2f", t.perLine(s, n)) })
		}
	}
	return b.String()
}
