// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/dataplane"
	"skua/dataplane/dpif"
)

// DPDK starts once in a process, so what a running data plane does is seen in another one.
const childEnv = "SKUA_TEST_CHILD"

// TestRunning starts the data plane with a polling lcore: it forwards, tells Go of a punt, blocks
// signals, and ends.
func TestRunning(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		running(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRunning$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestRunning")) {
		t.Fatalf("%v\n%s", err, out)
	}
}

func running(t *testing.T) {
	dp, err := dataplane.Open(dataplane.Config{Mbufs: 4096, Hugepages: dataplane.HugepagesOff})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dataplane.Open(dataplane.Config{}); err == nil {
		t.Error("a second data plane opens")
	}
	var ports [2]uint16
	for i := range ports {
		if ports[i], _, err = dp.AddPort(dataplane.PortConfig{Kind: dataplane.PortRing,
			Name: fmt.Sprintf("p%d", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	setUp(t, dp, ports)
	if err := dp.SendRing(ports[0], udp4(t, macH1, macP1, h1, h2, 64)); err != nil {
		t.Fatal(err)
	}
	want, got := udp4(t, macP2, macH2, h1, h2, 63), make([]byte, 2048)
	n := 0
	for range 1000 {
		if n, err = dp.RecvRing(ports[1], got); n != 0 || err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil || !bytes.Equal(got[:n], want) {
		t.Errorf("p2 sent\n%x, %v, want\n%x", got[:n], err, want)
	}

	punted := make(chan dpif.PuntReason, 1)
	go func() {
		if err := dp.WaitPunts(t.Context()); err != nil {
			t.Errorf("waiting for a punt: %v", err)
		}
		dp.PollPunts(1, func(p *dpif.Punt) { punted <- p.Reason })
	}()
	// Expired: somebody has to say so.
	if err := dp.SendRing(ports[0], udp4(t, macH1, macP1, h1, h2, 1)); err != nil {
		t.Fatal(err)
	}
	if reason := <-punted; reason != dpif.PuntICMPSend {
		t.Errorf("punted for reason %d, want %d", reason, dpif.PuntICMPSend)
	}

	workers, err := dp.Workers()
	if err != nil || len(workers) != 1 || workers[0].Lcore != 1 || workers[0].Polls == 0 {
		t.Errorf("workers %+v, %v", workers, err)
	}
	wakesUp(t, dp, ports)
	checkSignals(t)
	if err := dp.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if left, _ := filepath.Glob(fmt.Sprintf("/var/run/dpdk/skua-%d", os.Getpid())); len(left) > 0 {
		t.Errorf("%s is left behind", left)
	}
}

func setUp(t *testing.T, dp *dataplane.Dataplane, ports [2]uint16) {
	t.Helper()
	const conf = dpif.ConfEnabled | dpif.ConfForwarding
	do := []error{dp.AddNet(0), dp.SetTables(0, unix.AF_INET, []uint32{tableMain})}
	for i, l := range []struct {
		mac, neigh [6]byte
		host       netip.Addr
	}{{macP1, macH1, h1}, {macP2, macH2, h2}} {
		id := uint32(ifP1 + i)
		do = append(do,
			dp.SetLink(dpif.Link{Ifindex: id, Name: fmt.Sprintf("p%d", i+1), Port: ports[i],
				Carrier: true, Flags: unix.IFF_UP, MTU: 1500, MTU6: 1500, Conf4: conf, HardAddr: l.mac}),
			dp.SetNexthop(dpif.Nexthop{ID: id, Ifindex: id, Family: unix.AF_INET,
				Type: unix.RTN_UNICAST, Scope: unix.RT_SCOPE_LINK}),
			dp.SetNeigh(dpif.Neigh{Ifindex: id, Addr: l.host, NUD: unix.NUD_PERMANENT,
				HardAddr: l.neigh}))
		_, err := dp.SetRoutes([]dpif.Route{{Table: tableMain, NexthopID: id,
			Prefix: netip.PrefixFrom(l.host, 24).Masked()}})
		do = append(do, err)
	}
	for i, err := range do {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}

// checkSignals looks whether a signal could be delivered to a polling thread.
func checkSignals(t *testing.T) {
	t.Helper()
	seen := false
	files, _ := filepath.Glob("/proc/self/task/*/status")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(b, []byte("rte-worker")) && !bytes.Contains(b, []byte("lcore-worker")) {
			continue
		}
		seen = true
		for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
			mask, ok := strings.CutPrefix(lines.Text(), "SigBlk:\t")
			// All but SIGKILL, SIGSTOP and the two that libc keeps for itself.
			if ok && mask != "fffffffe7ffbfeff" {
				t.Errorf("%s blocks signals %s only", name, mask)
			}
		}
	}
	if !seen {
		t.Error("no thread polls")
	}
}

// A batch of routes is converted in place.
func TestSetRoutesAllocatesNothing(t *testing.T) {
	r := newRouter(t)
	routes := make([]dpif.Route, 1000)
	for i := range routes {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0})
		routes[i] = dpif.Route{Net: r.Net, Table: 100, Prefix: netip.PrefixFrom(a, 24), NexthopID: nhVia}
	}
	if n := testing.AllocsPerRun(3, func() {
		if done, err := r.DP.SetRoutes(routes); done != len(routes) || err != nil {
			t.Fatalf("%d, %v", done, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d routes", n, len(routes))
	}
}
