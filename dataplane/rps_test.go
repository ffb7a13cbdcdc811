// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/dataplane"
	"skua/dataplane/dpif"
)

// TestRPS starts a data plane of two workers whose ports have one queue each, and looks which worker
// forwards what.
func TestRPS(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		spreading(t)
		return
	}
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpus); err != nil {
		t.Fatal(err)
	}
	if cpus.Count() < 2 {
		t.Skip("two workers want a CPU each")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRPS$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestRPS")) {
		t.Fatalf("%v\n%s", err, out)
	}
}

const (
	flows   = 32
	perFlow = 100
)

// flowPacket is number seq of a flow, by UDP from h1 to h2, or the other way.
func flowPacket(t *testing.T, flow, seq int, back bool) []byte {
	src, dst, from, to := h1, h2, macH1, macP1
	sport, dport := 1000+flow, 53
	if back {
		src, dst, from, to = h2, h1, macH2, macP2
		sport, dport = dport, sport
	}
	b := udp4(t, from, to, src, dst, 64)
	binary.BigEndian.PutUint16(b[34:], uint16(sport))
	binary.BigEndian.PutUint16(b[36:], uint16(dport))
	binary.BigEndian.PutUint16(b[40:], 0)           // no UDP checksum
	binary.BigEndian.PutUint32(b[42:], uint32(seq)) // of the flow
	return b
}

func spreading(t *testing.T) {
	dp, err := dataplane.Open(dataplane.Config{Mbufs: 8192, Workers: 2, Hugepages: dataplane.HugepagesOff})
	if err != nil {
		t.Fatal(err)
	}
	defer dp.Close()
	var ports [2]uint16
	for i := range ports {
		if ports[i], _, err = dp.AddPort(dataplane.PortConfig{Kind: dataplane.PortRing,
			Name: fmt.Sprintf("p%d", i+1), Placement: dataplane.Placement{RPS: dataplane.RPS{All: true}}}); err != nil {
			t.Fatal(err)
		}
	}
	setUp(t, dp, ports)
	workers, err := dp.Workers()
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range workers {
		if !slices.Equal(w.Queues, []dpif.RxQueue{{Port: ports[i]}}) {
			t.Errorf("worker %d polls %+v", i, w.Queues)
		}
	}

	forth := spread(t, dp, ports[0], ports[1], false)
	in, out := rpsCounts(t, dp)
	// By the seed of the hash; that none or all of 32 flows stay has a chance of 1 in 2^31.
	if out[0] == 0 || out[0] == flows*perFlow || out[1] != 0 || in[1] != out[0] || in[0] != 0 {
		t.Errorf("workers handed over %v and took %v of %d packets that worker 0 polled", out, in, flows*perFlow)
	}
	back := spread(t, dp, ports[1], ports[0], true)
	in2, out2 := rpsCounts(t, dp)
	if n := out2[1]; n != uint64(flows*perFlow)-out[0] || in2[0] != n {
		// What worker 0 kept is what worker 1 hands over: the same flows, backwards.
		t.Errorf("worker 0 kept %d packets, worker 1 handed over %d of their replies", flows*perFlow-out[0], n)
	}
	if forth != flows || back != flows {
		t.Errorf("%d and %d of %d flows came through whole", forth, back, flows)
	}

	// As a reload does it: everything to worker 1, and nothing spread.
	for _, p := range ports {
		if err := dp.SetPortPlacement(p, dataplane.Placement{Workers: []int{1}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := spread(t, dp, ports[0], ports[1], false); n != flows {
		t.Errorf("after the queues moved %d of %d flows came through whole", n, flows)
	}
	if in3, out3 := rpsCounts(t, dp); in3 != in2 || out3 != out2 {
		t.Errorf("with RPS off packets are handed over: %v, then %v", out2, out3)
	}
	if err := dp.SetPortPlacement(ports[0], dataplane.Placement{Workers: []int{2}}); err == nil ||
		err.Error() != "port p1: workers: there is no worker 2: they are 0 to 1" {
		t.Errorf("worker 2: %v", err)
	}
	stats, err := dp.LinkStats(0, ifP1)
	if err != nil || stats.RxPackets != 2*flows*perFlow || stats.TxPackets != flows*perFlow || stats.RxDropped != 0 {
		t.Errorf("p1 counted %+v, %v", stats, err)
	}
}

func rpsCounts(t *testing.T, dp *dataplane.Dataplane) (in, out [2]uint64) {
	t.Helper()
	workers, err := dp.Workers()
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range workers {
		in[i], out[i] = w.RPSIn, w.RPSOut
		if w.RPSDropped != 0 {
			t.Errorf("worker %d dropped %d packets", i, w.RPSDropped)
		}
	}
	return in, out
}

// spread sends the packets of all flows interleaved into a port, and returns how many flows came out
// of another whole and in order.
func spread(t *testing.T, dp *dataplane.Dataplane, from, to uint16, back bool) int {
	t.Helper()
	buf := make([]byte, 2048)
	next := map[uint16]uint32{}
	got := 0
	take := func() {
		for {
			n, err := dp.RecvRing(to, buf)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				return
			}
			at := 34
			if back {
				at = 36
			}
			flow := binary.BigEndian.Uint16(buf[at:]) - 1000
			if seq := binary.BigEndian.Uint32(buf[42:n]); seq != next[flow] {
				t.Fatalf("flow %d: packet %d comes where %d should", flow, seq, next[flow])
			}
			next[flow]++
			got++
		}
	}
	deadline := time.Now().Add(20 * time.Second)
	for seq := range perFlow {
		for flow := range flows {
			if err := dp.SendRing(from, flowPacket(t, flow, seq, back)); err != nil {
				t.Fatal(err)
			}
		}
		// No more than a ring holds is on its way.
		for take(); got < (seq+1)*flows-512 && time.Now().Before(deadline); take() {
			time.Sleep(time.Millisecond)
		}
	}
	for take(); got < flows*perFlow && time.Now().Before(deadline); take() {
		time.Sleep(time.Millisecond)
	}
	whole := 0
	for _, n := range next {
		if n == perFlow {
			whole++
		}
	}
	return whole
}
