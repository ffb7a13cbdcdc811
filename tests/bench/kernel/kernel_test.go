// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRoutesOfIP(t *testing.T) {
	got, err := parseRoutes([]byte("203.0.113.0/24 via 198.51.100.2 dev out0 metric 5\n198.18.0.1 via 198.51.100.2 dev out0\n"))
	if err != nil || len(got) != 2 || got[0] != netip.MustParsePrefix("203.0.113.0/24") || got[1] != netip.MustParsePrefix("198.18.0.1/32") {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"2001:db8::/32 via x", "1.2.3.4/33 via x", "Dump was interrupted"} {
		if got, err := parseRoutes([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func FuzzParseRoutes(f *testing.F) {
	f.Add([]byte("203.0.113.0/24 via 198.51.100.2\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		routes, err := parseRoutes(text)
		for _, p := range routes {
			if err == nil && !(p.IsValid() && p.Addr().Is4()) {
				t.Errorf("%v", p)
			}
		}
	})
}

func FuzzParseSchedstat(f *testing.F) {
	f.Add("1 2 3")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := parseSchedstat(text); err == nil && d < 0 {
			t.Errorf("%v", d)
		}
	})
}

func TestDestinationsLieInTheRoutes(t *testing.T) {
	routes := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.18.0.1/32"), netip.MustParsePrefix("224.0.0.0/4")}
	seen := map[netip.Prefix]bool{}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		for _, d := range draw(routes, rnd) {
			in := false
			for _, p := range routes[:2] {
				if p.Contains(netip.AddrFrom4(d.Addr)) {
					in, seen[p] = true, true
				}
			}
			if !in {
				t.Fatalf("%v lies in no unicast route", d.Addr)
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("only %v were drawn from", seen)
	}
}

func TestFramesHaveTheRightChecksum(t *testing.T) {
	for _, addr := range []uint32{0, 0xffffffff, 0xc6120001} {
		d := destinationOf(addr)
		h := header
		copy(h[16:], d.Addr[:])
		copy(h[10:], d.Check[:])
		sum := uint32(0)
		for i := 0; i < len(h); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(h[i:]))
		}
		if sum = sum>>16 + sum&0xffff; sum != 0xffff && sum>>16+sum&0xffff != 0xffff {
			t.Errorf("%08x: the header adds up to %x", addr, sum)
		}
	}
}

func TestTheGeneratorsTimeIsTakenOff(t *testing.T) {
	var f figure
	f.add(run{took: 1100 * time.Nanosecond * 1000, made: 1000, arrived: 1000}, 100) // 1,000 ns each
	f.add(run{took: 600 * time.Nanosecond * 1000, made: 1000, arrived: 1000}, 100)  // 500 ns
	f.add(run{took: 1100 * time.Nanosecond * 1000, made: 1000, arrived: 990}, 100)
	if err := f.finish(); err != nil {
		t.Fatal(err)
	}
	if math.Abs(f.MppsBest-2) > 1e-9 || math.Abs(f.Mpps-1) > 1e-9 || f.NS != 500 || f.Lost != 10 || f.Forwarded != 2990 {
		t.Errorf("%+v", f)
	}
	f = figure{}
	f.add(run{took: time.Second, made: 100, arrived: 90}, 1)
	if err := f.finish(); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("10 %% lost: %v", err)
	}
	f = figure{}
	f.add(run{took: time.Second, made: 100}, 1)
	if err := f.finish(); err == nil {
		t.Error("nothing arrived, and that is no error")
	}
}

// The whole of it, for a moment: every packet that is made is forwarded, both ways.
func TestTheKernelForwards(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: network namespaces and BPF")
	}
	figures, err := measure(options{rounds: 1, seconds: 0.001, cpu: 0})
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("this kernel has no live frames for us: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(figures) != 2 {
		t.Fatalf("%d figures, want 2", len(figures))
	}
	for _, f := range figures {
		if f.Forwarded == 0 || f.Lost != 0 {
			t.Errorf("%s: %d forwarded, %d lost", f.Name, f.Forwarded, f.Lost)
		}
	}
}
