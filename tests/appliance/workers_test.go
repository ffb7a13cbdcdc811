// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inside runs f on a thread that is in the namespace; sockets that it makes stay there.
func (ns *netns) inside(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends in the namespace
		result <- func() error {
			file, err := unix.Open("/run/netns/"+ns.name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(file)
			if err := unix.Setns(file, unix.CLONE_NEWNET); err != nil {
				return err
			}
			return f()
		}()
	}()
	return <-result
}

// echo answers every datagram with itself.
func (ns *netns) echo(addr string) {
	ns.t.Helper()
	var conn *net.UDPConn
	if err := ns.inside(func() (err error) {
		at, err := net.ResolveUDPAddr("udp", addr)
		if err == nil {
			conn, err = net.ListenUDP("udp", at)
		}
		return err
	}); err != nil {
		ns.t.Fatal(err)
	}
	ns.t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
}

// flows keeps n flows of numbered datagrams going to an echo, a few of each on their way, until done
// is closed. It returns how many came back; each flow's in the order in which they were sent.
func (ns *netns) flows(n int, addr string, done <-chan struct{}) int {
	ns.t.Helper()
	conns := make([]net.Conn, n)
	if err := ns.inside(func() (err error) {
		for i := range conns {
			if conns[i], err = net.Dial("udp", addr); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		ns.t.Fatal(err)
	}
	var back atomic.Int64
	var wait sync.WaitGroup
	for i, conn := range conns {
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer conn.Close()
			var sent, last uint32
			buf := make([]byte, 64)
			for over := false; !over; {
				select {
				case <-done:
					over = true // but for one round at least
				default:
				}
				for range 4 {
					sent++
					binary.BigEndian.PutUint32(buf, sent)
					_, _ = conn.Write(buf)
				}
				_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
				for last < sent {
					if _, err := conn.Read(buf); err != nil {
						break // lost: a TAP takes only so much
					}
					seq := binary.BigEndian.Uint32(buf)
					if seq <= last {
						ns.t.Errorf("flow %d to %s: datagram %d comes after %d", i, addr, seq, last)
						return
					}
					last = seq
					back.Add(1)
				}
			}
		}()
	}
	wait.Wait()
	return int(back.Load())
}

type workerLoad struct {
	Polls         []struct{ Link string }
	Packets       uint64
	RPSOut, RPSIn uint64
	Sleeps        uint64
}

func (i *instance) workers() (l []workerLoad) {
	i.w.t.Helper()
	var all struct {
		Lcores []struct {
			workerLoad
			Out uint64 `json:"rps_out"`
			In  uint64 `json:"rps_in"`
		}
	}
	r := i.skua("stats", "--lcores", "--json")
	if r.code != 0 || r.err != "" {
		i.w.t.Fatalf("%+v", r)
	}
	if err := json.Unmarshal([]byte(r.out), &all); err != nil {
		i.w.t.Fatalf("%v: %s", err, r.out)
	}
	for _, c := range all.Lcores {
		c.workerLoad.RPSOut, c.workerLoad.RPSIn = c.Out, c.In
		l = append(l, c.workerLoad)
	}
	return l
}

// polled says which links each worker polls.
func polled(l []workerLoad) string {
	var all []string
	for _, w := range l {
		var links []string
		for _, q := range w.Polls {
			links = append(links, q.Link)
		}
		slices.Sort(links)
		all = append(all, "["+strings.Join(links, " ")+"]")
	}
	return strings.Join(all, " ")
}

func needTwoCPUs(t *testing.T) {
	t.Helper()
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpus); err != nil {
		t.Fatal(err)
	}
	if cpus.Count() < 2 {
		t.Skip("two workers want a CPU each")
	}
}

// TestWorkers: two workers share the flows of two TAPs, which have one queue each. No flow is put out
// of order, also not by reloads that give queues to other workers.
func TestWorkers(t *testing.T) {
	needTwoCPUs(t)
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	e := &edit{text: strings.NewReplacer("CONF\n", "CONF\nworkers = 2\n", "name = \"left\"", "name = \"left\"\nrps = true",
		"name = \"right\"", "name = \"right\"\nrps = true").Replace(fmt.Sprintf(router, a.name, b.name))}
	e.i = w.start(e.text)
	hosts(a, b)
	forwards(t, a, b)
	b.echo("198.51.100.2:7")
	b.echo("[2001:db8:2::2]:7")

	run := func(d time.Duration) int {
		t.Helper()
		var back [2]int
		var wait sync.WaitGroup
		done := make(chan struct{})
		for n, addr := range []string{"198.51.100.2:7", "[2001:db8:2::2]:7"} {
			wait.Add(1)
			go func() {
				defer wait.Done()
				back[n] = a.flows(16, addr, done)
			}()
		}
		time.Sleep(d)
		close(done)
		wait.Wait()
		for n := range back {
			if back[n] == 0 {
				t.Errorf("no datagram of family %d came back", n)
			}
		}
		return back[0] + back[1]
	}

	t.Run("flows spread", func(t *testing.T) {
		before := e.i.workers()
		if got := polled(before); got != "[left] [right]" {
			t.Errorf("the workers poll %s", got)
		}
		back := uint64(run(time.Second))
		eventually(t, patience, func() string {
			after := e.i.workers()
			var out, in [2]uint64
			for i := range after {
				out[i], in[i] = after[i].RPSOut-before[i].RPSOut, after[i].RPSIn-before[i].RPSIn
				// The hash has a random key, but not all of 32 flows go to one worker.
				if out[i] < back/32 || out[i] > back {
					return fmt.Sprintf("worker %d handed over %d packets of the %d that came back", i, out[i], back)
				}
			}
			if out[0] != in[1] || out[1] != in[0] { // packets of the hosts' own go on
				return fmt.Sprintf("handed over %v, taken %v", out, in)
			}
			return ""
		})
	})
	t.Run("both asleep", func(t *testing.T) {
		eventually(t, patience, func() string {
			before := e.i.workers()
			time.Sleep(100 * time.Millisecond)
			after := e.i.workers()
			for i := range after {
				if after[i].Sleeps == before[i].Sleeps && after[i].Packets != before[i].Packets {
					return "they do not sleep"
				}
			}
			return ""
		})
		for n := range 8 { // by some of these flows each worker has to wake the other
			a.must("ping", "-n", "-c", "1", "-W", "20", fmt.Sprintf("198.51.100.%d", 1+n%2))
		}
	})
	t.Run("reload moves queues", func(t *testing.T) {
		done := make(chan struct{})
		var back int
		var wait sync.WaitGroup
		wait.Add(1)
		go func() {
			defer wait.Done()
			back = a.flows(16, "198.51.100.2:7", done)
		}()
		for range 5 {
			steps := e.reload("name = \"left\"\nrps = true", "name = \"left\"\nrps = false\nworkers = [1]",
				"name = \"right\"\nrps = true", "name = \"right\"\nworkers = [1]")
			if !slices.Equal(steps, []string{"set link left", "set link right"}) {
				t.Errorf("steps %q", steps)
			}
			if got := polled(e.i.workers()); got != "[] [left right]" {
				t.Errorf("the workers poll %s", got)
			}
			e.reload("name = \"left\"\nrps = false\nworkers = [1]", "name = \"left\"\nworkers = [1]\nrps = [0]",
				"name = \"right\"\nworkers = [1]", "name = \"right\"\nworkers = [0]")
			if got := polled(e.i.workers()); got != "[right] [left]" {
				t.Errorf("the workers poll %s", got)
			}
			e.reload("name = \"left\"\nworkers = [1]\nrps = [0]", "name = \"left\"\nrps = true",
				"name = \"right\"\nworkers = [0]", "name = \"right\"\nrps = true")
		}
		close(done)
		wait.Wait()
		if back == 0 {
			t.Error("nothing came back")
		}
		if run(200*time.Millisecond) == 0 {
			t.Error("nothing comes back")
		}
	})
	t.Run("what is wrong is refused", func(t *testing.T) {
		was := polled(e.i.workers())
		for _, c := range []struct{ line, err string }{
			{"workers = [2]", "link[0].workers: there is no worker 2: they are 0 to 1"},
			{"rps = [0, 5]", "link[0].rps: there is no worker 5: they are 0 to 1"},
			{"rps = \"on\"", "link[0].rps: rps is \"auto\", true, false or a list of workers, not on"},
		} {
			e.write("name = \"left\"\nrps = true", "name = \"left\"\n"+c.line)
			if r := e.i.skua("reload"); r.code != 1 || !strings.Contains(r.err, c.err) {
				t.Errorf("%s: exit %d: %s", c.line, r.code, r.err)
			}
		}
		e.write("workers = 2", "workers = 1")
		if r := e.i.skua("reload"); r.code != 1 ||
			r.err != "skua: dataplane.workers: a change takes effect only at the next start of Skua\n" {
			t.Errorf("exit %d: %s", r.code, r.err)
		}
		if got := polled(e.i.workers()); got != was {
			t.Errorf("the workers poll %s, and polled %s", got, was)
		}
	})
	e.i.stop(syscall.SIGTERM)
}

// TestWorkersThatThereAreNoCPUsFor: the error at the start names the field.
func TestWorkersThatThereAreNoCPUsFor(t *testing.T) {
	w := newWorld(t)
	if runtime.NumCPU() >= 16 {
		t.Skip("there are CPUs for the most workers that there can be")
	}
	i := w.launch(w.write("skua.toml", "CONF\nworkers = 16\n"), w.socket())
	i.waitLog("dataplane.workers: 16 workers want a CPU each, and this process may use")
	<-i.done
	if i.err == nil {
		t.Error("it starts")
	}
}
