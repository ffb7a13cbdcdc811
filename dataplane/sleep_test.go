// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"skua/dataplane"
	"skua/dataplane/dpif"
)

// blocked says whether every thread of a worker waits in the kernel: one that has only lost its CPU
// takes no turns either.
func blocked(t *testing.T) bool {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/stat")
	if err != nil {
		t.Fatal(err)
	}
	workers := 0
	for _, name := range names {
		text, _ := os.ReadFile(name)                        // "": the thread has ended
		_, rest, _ := strings.Cut(string(text), "-worker-") // rte- or lcore-
		_, state, _ := strings.Cut(rest, ") ")
		if state != "" {
			workers++
			if state[0] != 'S' {
				return false
			}
		}
	}
	return workers > 0
}

// asleep waits until no worker takes turns, and returns their counters.
func asleep(t *testing.T, dp *dataplane.Dataplane) []dpif.WorkerStats {
	t.Helper()
	was := map[uint32]uint64{}
	for range 1000 {
		all, err := dp.Workers()
		if err != nil {
			t.Fatal(err)
		}
		still := 0
		for _, w := range all {
			if w.Sleeps > 0 && was[w.Worker] == w.Polls {
				still++
			}
			was[w.Worker] = w.Polls
		}
		if still == len(all) && blocked(t) {
			return all
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the workers do not sleep")
	return nil
}

// arrives waits until a frame comes out of a port.
func arrives(t *testing.T, dp *dataplane.Dataplane, port uint16, what string) {
	t.Helper()
	buf := make([]byte, 2048)
	for range 1000 {
		if n, err := dp.RecvRing(port, buf); n != 0 || err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not wake the worker", what)
}

// wakesUp looks whether the worker sleeps, and whether it is woken by a packet and by one of Go's.
func wakesUp(t *testing.T, dp *dataplane.Dataplane, ports [2]uint16) {
	t.Helper()
	frame := udp4(t, macH1, macP1, h1, h2, 64)
	const rounds = 10
	before := asleep(t, dp)[0]
	for range rounds {
		asleep(t, dp)
		if err := dp.SendRing(ports[0], frame); err != nil {
			t.Fatal(err)
		}
		arrives(t, dp, ports[1], "a packet")
		asleep(t, dp)
		if err := dp.Inject(dpif.Inject{Oif: ifP1 + 1, Kind: dpif.InjectXmit, Data: frame}); err != nil {
			t.Fatal(err)
		}
		arrives(t, dp, ports[1], "an injected packet")
	}
	after := asleep(t, dp)[0]
	if n := after.Wakeups - before.Wakeups; n < 2*rounds || after.Sleeps < after.Wakeups || after.SleepCycles <= before.SleepCycles {
		t.Errorf("%d wake-ups for %d packets: %+v", n, 2*rounds, after)
	}
	if err := dp.SetIdle(dataplane.Idle{MaxSleep: 2 * time.Second}); err == nil {
		t.Error("a sleep of 2 s is taken")
	}
	if err := dp.SetIdle(dataplane.Idle{Poll: true}); err != nil {
		t.Fatal(err)
	}
	read := func() dpif.WorkerStats {
		w, err := dp.Workers()
		if err != nil {
			t.Fatal(err)
		}
		return w[0]
	}
	polling := read()
	for range 3000 {
		if read().IdlePolls > polling.IdlePolls+1000000 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if now := read(); now.Sleeps > polling.Sleeps+1 || now.IdlePolls <= polling.IdlePolls+1000000 {
		t.Errorf("told to poll: %+v, then %+v", polling, now)
	}
	if err := dp.SetIdle(dataplane.Idle{}); err != nil {
		t.Fatal(err)
	}
}

// TestSleepers: two workers that sleep wake each other, and find queues that became theirs meanwhile.
func TestSleepers(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		sleepers(t)
		return
	}
	if runtime.NumCPU() < 2 {
		t.Skip("two workers want a CPU each")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSleepers$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestSleepers")) {
		t.Fatalf("%v\n%s", err, out)
	}
}

func sleepers(t *testing.T) {
	dp, err := dataplane.Open(dataplane.Config{Mbufs: 8192, Workers: 2, Hugepages: dataplane.HugepagesOff})
	if err != nil {
		t.Fatal(err)
	}
	defer dp.Close()
	conf := [2]dataplane.PortConfig{}
	var ports [2]uint16
	for i := range ports {
		conf[i] = dataplane.PortConfig{Kind: dataplane.PortRing, Name: fmt.Sprintf("p%d", i+1),
			Placement: dataplane.Placement{Workers: []int{0}, RPS: dataplane.RPS{Workers: []int{1}}}}
		if ports[i], _, err = dp.AddPort(conf[i]); err != nil {
			t.Fatal(err)
		}
	}
	setUp(t, dp, ports)
	const rounds = 10

	before := asleep(t, dp)
	for flow := range rounds { // worker 0 receives, worker 1 forwards
		asleep(t, dp)
		if err := dp.SendRing(ports[0], flowPacket(t, flow, 0, false)); err != nil {
			t.Fatal(err)
		}
		arrives(t, dp, ports[1], "a packet that another worker received")
	}
	after := asleep(t, dp)
	for i := range after {
		if n := after[i].Wakeups - before[i].Wakeups; n < rounds {
			t.Errorf("worker %d was woken %d times by %d packets", i, n, rounds)
		}
	}
	if n := after[1].RPSIn - before[1].RPSIn; n != rounds {
		t.Errorf("worker 1 took %d packets from worker 0, want %d", n, rounds)
	}

	for round := range rounds { // the queue moves while both sleep
		to := 1 - round%2
		asleep(t, dp)
		if err := dp.SetPortPlacement(ports[0], dataplane.Placement{Workers: []int{to}}); err != nil {
			t.Fatal(err)
		}
		before := asleep(t, dp)
		if err := dp.SendRing(ports[0], flowPacket(t, round, 0, false)); err != nil {
			t.Fatal(err)
		}
		arrives(t, dp, ports[1], "a packet on a queue that moved")
		after := asleep(t, dp)
		if after[to].Packets != before[to].Packets+1 || after[to].Wakeups == before[to].Wakeups {
			t.Errorf("worker %d was to be woken: %+v, then %+v", to, before[to], after[to])
		}
	}

	for range rounds { // a port goes and comes while both sleep: nobody waits for them
		asleep(t, dp)
		if err := dp.DelPort(ports[0]); err != nil {
			t.Fatal(err)
		}
		if ports[0], _, err = dp.AddPort(conf[0]); err != nil {
			t.Fatal(err)
		}
		setUp(t, dp, ports)
		asleep(t, dp)
		if err := dp.SendRing(ports[0], flowPacket(t, 0, 0, false)); err != nil {
			t.Fatal(err)
		}
		arrives(t, dp, ports[1], "a packet on a new port")
	}
}
