// SPDX-License-Identifier: BSD-3-Clause

package slowpath_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"skua/dataplane/dpif"
)

// What keeps the network together, asked by h1 and answered by p1.
var urgent = []struct{ name, ask, answer string }{
	{"arp", "eth h1 > bcast / arp request sha h1 spa h1 tha 0 tpa 10.0.1.1",
		"eth p1 > h1 / arp reply sha p1 spa 10.0.1.1 tha h1 tpa h1"},
	{"nd", "eth h1 > mcast:ff02::1:ff00:1 / ip6 h1 > ff02::1:ff00:1 hlim 255 / icmp6 ns target 2001:db8:1::1 slla h1",
		"eth p1 > h1 / ip6 2001:db8:1::1 > h1 / icmp6 na target 2001:db8:1::1"},
	{"bgp", "eth h1 > p1 / ip h1 > 10.0.1.1 / tcp 40000 > 179 syn seq 1",
		"eth p1 > h1 / ip 10.0.1.1 > h1 / tcp 179 > 40000 rst"},
}

func datagrams(n int) [][]byte {
	var all [][]byte
	for i := range n {
		all = append(all, frame("eth h2 > p2 / ip 10.8.%d.%d > 10.8.0.1 / udp 1000 > 33434 / data 18", 1+i/256, i%256))
	}
	return all
}

// However much waits to be handled, what is urgent is answered by the batch after it came.
func TestUrgentBeforeAFlood(t *testing.T) {
	for _, u := range urgent {
		t.Run(u.name, func(t *testing.T) {
			w := newWorld(t)
			before := w.counters()
			w.pause()
			w.send("p2", datagrams(6000)...)
			w.send("p1", frame("%s", u.ask))
			if got := w.sent("p1"); len(got) > 0 {
				t.Fatalf("%x is sent, and the control plane has seen nothing", got[0])
			}
			w.batch()
			if got := w.sent("p1"); !has(got, u.answer) {
				t.Errorf("no answer among %d frames", len(got))
			}
			after := w.counters()
			full := after.PuntFull[dpif.PuntLocal] - before.PuntFull[dpif.PuntLocal]
			if full == 0 {
				t.Error("6000 datagrams are no flood: all found room")
			}
			if dropped := drops(after, "PUNT_FULL") - drops(before, "PUNT_FULL"); dropped != full {
				t.Errorf("%d dropped as PUNT_FULL, %d counted by their reason", dropped, full)
			}
			w.resume()
			w.Run()
		})
	}
}

// Packets of one reason that are over its rate cost those of another nothing.
func TestPolicingIsPerReason(t *testing.T) {
	w := newWorld(t)
	rate, burst, err := w.DP.PuntRate(dpif.PuntLocal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.DP.Police(dpif.PuntLocal, rate, burst) })
	w.sysctl("skua.punt.local", "1 10")
	before := w.counters()
	w.send("p2", datagrams(500)...)
	after := w.counters()
	if n := after.Policed[dpif.PuntLocal] - before.Policed[dpif.PuntLocal]; n < 400 || n > 490 {
		t.Errorf("%d of 500 datagrams are policed, of which 10 may pass at once", n)
	}
	w.send("p1", frame("eth h1 > p1 / ip h1 > 10.0.1.1 / tcp 40000 > 80 syn seq 1"))
	if got := w.sent("p1"); len(got) > 0 {
		t.Errorf("a connection to port 80 is answered, though it is over the rate")
	}
	for _, u := range urgent {
		w.send("p1", frame("%s", u.ask))
		if got := w.sent("p1"); !has(got, u.answer) {
			t.Errorf("%s: no answer", u.name)
		}
	}
}

// Routing protocols are told apart by protocol, port and DSCP.
func TestControlReasons(t *testing.T) {
	w := newWorld(t)
	for text, want := range map[string]dpif.PuntReason{
		"eth h1 > p1 / ip h1 > 10.0.1.1 proto 89 / data 44":                      dpif.PuntControl,
		"eth h1 > p1 / ip h1 > 10.0.1.1 proto 112 / data 20":                     dpif.PuntControl,
		"eth h1 > p1 / ip h1 > 10.0.1.1 / tcp 179 > 4000  ackf":                  dpif.PuntControl,
		"eth h1 > p1 / ip h1 > 10.0.1.1 / udp 49152 > 3784 / data 24":            dpif.PuntControl,
		"eth h1 > p1 / ip h1 > 10.0.1.1 / udp 520 > 520 / data 24":               dpif.PuntControl,
		"eth h1 > p1 / ip6 h1 > 2001:db8:1::1 next 89 / data 36":                 dpif.PuntControl,
		"eth h1 > p1 / ip6 h1 > 2001:db8:1::1 / udp 521 > 521 / data 24":         dpif.PuntControl,
		"eth h1 > p1 / ip h1 > 10.0.1.1 tos 0xc0 / udp 9 > 9 / data 4":           dpif.PuntCS6,
		"eth h1 > p1 / ip h1 > 10.0.1.1 / udp 179 > 9 / data 4":                  dpif.PuntLocal,
		"eth h1 > p1 / ip h1 > 10.0.1.1 / tcp 4000 > 22 syn":                     dpif.PuntLocal,
		"eth h1 > p1 / ip h1 > 10.0.1.1 tos 0xc0 / icmp echo-request id 1 seq 1": dpif.PuntICMP,
	} {
		before := w.counters()
		w.send("p1", frame("%s", text))
		after := w.counters()
		for r := range dpif.PuntMax {
			n := after.Punted[r] - before.Punted[r]
			if r == want && n != 1 || r != want && n != 0 {
				t.Errorf("%s: %d punts for reason %v, want one for %v", text, n, r, want)
			}
		}
	}
}

// The answers to many pings that are handled at once leave in the order in which they were asked.
func TestAnswersKeepTheirOrder(t *testing.T) {
	w := newWorld(t)
	w.pause()
	const pings = 900
	for i := range pings {
		w.Send("p1", frame("eth h1 > p1 / ip h1 > 10.0.1.1 / icmp echo-request id %d seq %d", i%3, i))
	}
	w.Run()
	w.resume()
	w.Run()
	got := w.sent("p1")
	if len(got) != pings {
		t.Fatalf("%d answers to %d pings", len(got), pings)
	}
	for i, f := range got {
		if seq := int(binary.BigEndian.Uint16(f[40:])); seq != i {
			t.Fatalf("answer %d is to ping %d", i, seq)
		}
	}
}

// Thousands of hosts are found, though each hears only the second question; their packets wait.
func TestThousandsOfResolutions(t *testing.T) {
	const hosts, atOnce = 5000, 1000
	w := newWorld(t)
	for _, s := range []string{"gc_thresh2", "gc_thresh3"} {
		w.sysctl("net.ipv4.neigh.default."+s, "10000")
	}
	addr := func(i int) string { return fmt.Sprintf("10.8.%d.%d", 1+i/200, 1+i%200) }
	// what p2 sends is taken before its ring is full
	exchange := func(port string, n int, frame func(i int) []byte) (sent [][]byte) {
		for i := range n {
			w.Send(port, frame(i))
			if i%500 == 499 || i == n-1 {
				w.Run()
				sent = append(sent, w.sent("p2")...)
			}
		}
		return sent
	}
	for first := 0; first < hosts; first += atOnce {
		questions := exchange("p1", atOnce, func(i int) []byte {
			return frame("eth h1 > p1 / ip h1 > %s / udp 1 > 2 / data 4", addr(first+i))
		})
		if len(questions) != atOnce {
			t.Fatalf("%d questions after %d packets", len(questions), atOnce)
		}
		questions = nil
		for range 11 {
			w.advance(100 * time.Millisecond)
			for w.Run(); ; w.Run() {
				got := w.sent("p2")
				if questions = append(questions, got...); len(got) == 0 {
					break
				}
			}
		}
		if len(questions) != atOnce {
			t.Fatalf("%d questions a second later", len(questions))
		}
		arrived := map[string]bool{}
		for _, f := range exchange("p2", atOnce, func(i int) []byte {
			a := questions[i][38:42]
			return frame("eth h2 > p2 / arp reply sha h2 spa %d.%d.%d.%d tha p2 tpa 10.8.0.1", a[0], a[1], a[2], a[3])
		}) {
			arrived[fmt.Sprintf("%d.%d.%d.%d", f[30], f[31], f[32], f[33])] = true
		}
		for i := first; i < first+atOnce; i++ {
			if !arrived[addr(i)] {
				t.Fatalf("the packet to %s did not arrive, %d did", addr(i), len(arrived))
			}
		}
	}
}
