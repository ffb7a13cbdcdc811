// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"skua/dataplane"
	"skua/dataplane/dpif"
)

// TestInjectSpreads: what the control plane sends uses all workers, and the packets of a flow leave
// in order.
func TestInjectSpreads(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		injectSpreads(t)
		return
	}
	if runtime.NumCPU() < 2 {
		t.Skip("two workers want two CPUs")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestInjectSpreads$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestInjectSpreads")) {
		t.Fatalf("%v\n%s", err, out)
	}
}

func injectSpreads(t *testing.T) {
	dp, err := dataplane.Open(dataplane.Config{Workers: 2, Mbufs: 8192, Hugepages: dataplane.HugepagesOff})
	if err != nil {
		t.Fatal(err)
	}
	var ports [2]uint16
	for i := range ports {
		if ports[i], _, err = dp.AddPort(dataplane.PortConfig{Kind: dataplane.PortRing,
			Name: fmt.Sprintf("p%d", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	setUp(t, dp, ports)
	const flows, packets = 40, 4000
	next := [flows]uint16{}
	got := 0
	buf := make([]byte, 2048)
	take := func() {
		for {
			n, err := dp.RecvRing(ports[1], buf)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				return
			}
			flow, seq := int(buf[29])-1, binary.BigEndian.Uint16(buf[18:])
			if seq != next[flow] {
				t.Fatalf("packet %d of flow %d leaves when it is the turn of %d", seq, flow, next[flow])
			}
			next[flow]++
			got++
		}
	}
	for first := 0; first < packets; first += 400 {
		dp.Cork(func() {
			for i := first; i < first+400; i++ {
				// The source tells flows apart, the identification their packets.
				p := udp4(t, macP1, macH2, netip.AddrFrom4([4]byte{192, 0, 2, byte(i%flows + 1)}), h2, 64)[14:]
				binary.BigEndian.PutUint16(p[4:], uint16(i/flows))
				err := dp.Inject(dpif.Inject{Oif: ifP1 + 1, Kind: dpif.InjectIP, Addr: h2, Data: p})
				if err != nil {
					t.Error(err)
				}
			}
		})
		for range 2000 {
			if take(); got == first+400 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if got != first+400 {
			t.Fatalf("%d of %d packets left", got, first+400)
		}
	}
	workers, err := dp.Workers()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		if w.Injected < packets/8 {
			t.Errorf("worker %d took %d of %d packets", w.Worker, w.Injected, packets)
		}
	}
	if err := dp.Close(); err != nil {
		t.Error(err)
	}
}
