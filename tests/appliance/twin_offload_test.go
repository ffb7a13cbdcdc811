// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"fmt"
	"testing"
)

// tap is what went through a TAP: frames of its kernel, and packets of the data plane.
type tap struct{ rxFrames, rxPackets, txFrames, txPackets uint64 }

// tap is that of the port of a link; "": of all twins.
func (s *stats) tap(link string) (sum tap) {
	for _, x := range s.Taps {
		if link == "" && x.Twin || link == x.Link && !x.Twin {
			sum.rxFrames += x.RxFrames
			sum.rxPackets += x.RxPackets
			sum.txFrames += x.TxFrames
			sum.txPackets += x.TxPackets
		}
	}
	return sum
}

// A stream of TCP goes through the TAPs of twins and ports in frames of many packets, both ways, and
// what the far end gets is what was sent; also when the path wants shorter packets than the links.
func TestTwinOffload(t *testing.T) {
	_, i, s, a, b := twinWorld(t)
	s.listen("0.0.0.0:7001")
	s.listen("[::]:7002")
	b.listen("0.0.0.0:7001")
	b.listen("[::]:7002")
	b.must("ip", "addr", "add", "203.0.114.1/32", "dev", "lo")
	b.must("ip", "addr", "add", "2001:db8:114::1/128", "dev", "lo", "nodad")
	data := noise(8 << 20)
	for _, c := range []struct {
		name     string
		from     *netns
		to4, to6 string
		in, out  string // where the data comes in, and leaves
	}{
		{"from the appliance", s, "198.51.100.2", "2001:db8:2::2", "", "right"},
		{"to the appliance", b, "198.51.100.1", "2001:db8:2::1", "right", ""},
		{"forwarded", a, "198.51.100.2", "2001:db8:2::2", "left", "right"},
		{"forwarded, with an MTU of 1300 on the way", a, "203.0.114.1", "2001:db8:114::1", "left", "right"},
	} {
		for _, to := range []string{fmt.Sprintf("%s:7001", c.to4), fmt.Sprintf("[%s]:7002", c.to6)} {
			t.Run(c.name+" to "+to, func(t *testing.T) {
				before := readStats(t, i)
				if err := c.from.send(to, data); err != nil {
					t.Fatal(err)
				}
				after := readStats(t, i)
				in, inBefore := after.tap(c.in), before.tap(c.in)
				frames, packets := in.rxFrames-inBefore.rxFrames, in.rxPackets-inBefore.rxPackets
				if packets < uint64(len(data)/1500) || frames*4 > packets {
					t.Errorf("%d packets came in as %d frames", packets, frames)
				}
				out, outBefore := after.tap(c.out), before.tap(c.out)
				frames, packets = out.txFrames-outBefore.txFrames, out.txPackets-outBefore.txPackets
				if packets < uint64(len(data)/1500) || frames*2 > packets {
					t.Errorf("%d packets left as %d frames", packets, frames)
				}
			})
		}
	}
}

// By a route with a short MTU the appliance's own streams learn it.
func TestTwinOffloadPathMTU(t *testing.T) {
	_, _, s, _, b := twinWorld(t)
	b.must("ip", "addr", "add", "203.0.114.1/32", "dev", "lo")
	b.must("ip", "addr", "add", "2001:db8:114::1/128", "dev", "lo", "nodad")
	b.listen("0.0.0.0:7001")
	b.listen("[::]:7002")
	data := noise(4 << 20)
	for _, to := range []string{"203.0.114.1:7001", "[2001:db8:114::1]:7002"} {
		if err := s.send(to, data); err != nil {
			t.Errorf("to %s: %v", to, err)
		}
	}
}
