// SPDX-License-Identifier: BSD-3-Clause

package script

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"skua/tests/pkt"
)

// What becomes of a packet does not depend on those that it is received with, and no flow is
// reordered: frames of all kinds, one by one and then in bursts, come out the same.
func TestBurstsAreAsPackets(t *testing.T) {
	const frames = 3000
	limits := "sysctl net.ipv4.icmp_ratelimit=0\nsysctl net.ipv6.icmp.ratelimit=0\n"
	s, err := Parse("bursts", twins+limits+"ip route add 10.6.0.0/16 nexthop via 10.0.2.2 nexthop via 10.0.2.77 weight 2\n")
	if err != nil {
		t.Fatal(err)
	}
	k := newSkua(t, s)
	run := &Run{Script: s, Router: k}
	if err := run.Setup(); err != nil {
		t.Fatal(err)
	}
	if err := run.Case(&s.Cases[0]); err != nil {
		t.Fatal(err)
	}

	rnd := rand.New(rand.NewPCG(2, 0))
	kinds := append(slices.Clone(templates), `eth h1 > A / ip h1 > 10.6.0.1 / udp 1 > 2`, `eth h1 > A / ip h1 > 10.6.0.1 / udp 1 > 3`)
	for done := 0; done < frames; {
		var burst [][]byte
		for range 1 + rnd.IntN(64) {
			text := kinds[rnd.IntN(len(kinds))]
			if rnd.IntN(2) == 0 { // what takes the straight way, between the others
				text = fmt.Sprintf("eth h1 > A / ip h1 > 10.9.0.%d ttl 9 id %d / udp 1 > 2 / data 9", rnd.IntN(3), len(burst))
			}
			f := pkt.MustBuild(text, s.Names)
			if stateful(f) {
				continue
			}
			burst = append(burst, mutate(rnd, f))
		}
		single := k.bursts(burst, 1)
		for _, size := range []int{3, 64} {
			if got := k.bursts(burst, size); !maps.EqualFunc(got, single, slices.Equal) {
				t.Fatalf("%d frames, by %d:\n%s\none by one:\n%s", len(burst), size, list(got), list(single))
			}
		}
		done += len(burst)
	}
}

// stateful says whether a frame changes what becomes of later ones: neighbours, pieces.
func stateful(frame []byte) bool {
	text := pkt.Decode(frame).String()
	return strings.Contains(text, "arp") || strings.Contains(text, "icmp6 n") || strings.Contains(text, "redirect") ||
		strings.Contains(text, "frag") || strings.Contains(text, " mf")
}

// bursts has the frames received size at a time and returns what was sent: on B flow by flow in
// order, on A, where the router only answers, in any.
func (k *skua) bursts(frames [][]byte, size int) map[string][]string {
	sent := map[string][]string{}
	for part := range slices.Chunk(frames, size) {
		for _, f := range part {
			k.r.Send("A", f)
		}
		k.r.Run()
		for _, link := range []string{"A", "B"} {
			for f := k.Recv(link, 0); f != nil; f = k.Recv(link, 0) {
				if text := comparable(f); text != "" {
					flow := link + " " + strings.Join(strings.SplitN(text, " / ", 3)[:2], " / ")
					flow, _, _ = strings.Cut(flow, " ver ")
					sent[flow] = append(sent[flow], text)
				}
			}
		}
	}
	for flow, frames := range sent {
		if strings.HasPrefix(flow, "A ") { // errors about packets that stages of their own found wrong
			slices.Sort(frames)
		}
	}
	return sent
}

func list(sent map[string][]string) string {
	var b strings.Builder
	for _, flow := range slices.Sorted(maps.Keys(sent)) {
		fmt.Fprintf(&b, "%s\n", flow)
		for _, text := range sent[flow] {
			fmt.Fprintf(&b, "    %s\n", text)
		}
	}
	return b.String()
}
