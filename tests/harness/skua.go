// SPDX-License-Identifier: BSD-3-Clause

package harness

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skua/dataplane"
)

// Hooks are what a SkuaRouter has above the data plane. The zero Hooks is a router without a
// control plane: whoever tests it speaks to DP.
type Hooks struct {
	// Punts hands the control plane what waits for it (DP.PollPunts) and returns how many packets
	// those were. Called between turns of the worker.
	Punts func() int
	// Advance moves the control plane's clock and runs the timers that are due.
	Advance func(d time.Duration)
	// Exec runs a command against the control plane; the worker goes on turning meanwhile.
	Exec func(args []string) (out string, code int)
}

// clockStep is how far Recv moves the clock at a time.
const clockStep = 10 * time.Millisecond

// quietAfter turns without a packet or a punt, nothing is on its way any more; a router that is
// not quiet after maxTurns is in a loop.
const (
	quietAfter = 2
	maxTurns   = 100000
)

// SkuaRouter is the C data plane on ports that are rings. Its one worker turns only when a method
// here turns it, so a test sees the same every time.
type SkuaRouter struct {
	Hooks
	DP  *dataplane.Dataplane // shared by the tests of the process
	Net uint32               // this test's own instance of the stack

	t     testing.TB
	step  *stepper
	names []string
	ports map[string]*skuaPort
	buf   []byte
}

type skuaPort struct {
	id     uint16
	info   dataplane.PortInfo
	frames [][]byte
}

// Skua brings a router up with an instance of the stack of its own, without links: port i of the
// topology is data-plane port Port(name). It needs neither root nor hugepages. Tests that use it
// run one after the other.
func Skua(t testing.TB, topo Topology) *SkuaRouter {
	t.Helper()
	step, err := theStepper()
	if err != nil {
		t.Fatalf("the data plane does not start: %v", err)
	}
	step.inUse.Lock()
	r := &SkuaRouter{
		DP:    step.dp,
		Net:   step.nextNet(),
		t:     t,
		step:  step,
		ports: make(map[string]*skuaPort),
		buf:   make([]byte, 65536),
	}
	mbufs := r.DP.Mempool().InUseCount()
	t.Cleanup(func() {
		r.down()
		if n := r.DP.Mempool().InUseCount(); n != mbufs {
			t.Errorf("%d packet buffers leaked", n-mbufs)
		}
		step.inUse.Unlock()
	})
	if err := r.DP.AddNet(r.Net); err != nil {
		t.Fatalf("net %d: %v", r.Net, err)
	}
	for _, p := range topo.filled() {
		id, info, err := r.DP.AddPort(dataplane.PortConfig{
			Name: p.Name, Kind: dataplane.PortRing, MAC: p.MAC, MTU: p.MTU,
		})
		if err != nil {
			t.Fatal(err)
		}
		r.names = append(r.names, p.Name)
		r.ports[p.Name] = &skuaPort{id: id, info: info}
	}
	return r
}

// down takes back what the test set, in the order that a control plane does.
func (r *SkuaRouter) down() {
	r.Do(func() {
		links, err := r.DP.DumpLinks(r.Net)
		if err != nil {
			r.t.Errorf("net %d: %v", r.Net, err)
		}
		for _, l := range links {
			if err := r.DP.DelLink(r.Net, l.Ifindex); err != nil {
				r.t.Errorf("link %s: %v", l.Name, err)
			}
		}
		if err := r.DP.DelNet(r.Net); err != nil {
			r.t.Errorf("net %d: %v", r.Net, err)
		}
		for _, p := range r.ports {
			if err := r.DP.DelPort(p.id); err != nil {
				r.t.Error(err)
			}
		}
	})
	r.turns(quietAfter)
}

func (r *SkuaRouter) port(name string) *skuaPort {
	r.t.Helper()
	p := r.ports[name]
	if p == nil {
		r.t.Fatalf("there is no port %q", name)
	}
	return p
}

// Ports implements Router.
func (r *SkuaRouter) Ports() []string { return append([]string(nil), r.names...) }

// Port returns the data plane's number of a port, and what it is.
func (r *SkuaRouter) Port(name string) (uint16, dataplane.PortInfo) {
	r.t.Helper()
	p := r.port(name)
	return p.id, p.info
}

// Send implements Router. The frame waits in the port's ring until the next Run.
func (r *SkuaRouter) Send(port string, frame []byte) {
	r.t.Helper()
	if err := r.DP.SendRing(r.port(port).id, frame); err != nil {
		r.t.Fatalf("send to %s: %v", port, err)
	}
}

// Run lets the worker and the control plane take turns until nothing moves any more.
func (r *SkuaRouter) Run() {
	r.t.Helper()
	quiet := 0
	for turn := 0; quiet < quietAfter; turn++ {
		if turn == maxTurns {
			r.t.Fatalf("packets go round for %d turns", turn)
		}
		if r.turn() == 0 {
			quiet++
		} else {
			quiet = 0
		}
	}
}

// turn is one of the worker and one of the control plane; it returns the packets that moved.
func (r *SkuaRouter) turn() int {
	n := r.step.poll()
	if r.Punts != nil {
		n += r.Punts()
	}
	return n
}

func (r *SkuaRouter) turns(n int) {
	for range n {
		r.turn()
	}
}

// Do runs fn on another goroutine while the worker goes on turning: for calls that wait until the
// worker has seen a change.
func (r *SkuaRouter) Do(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	pause := time.NewTicker(200 * time.Microsecond)
	defer pause.Stop()
	for {
		r.turn()
		select {
		case <-done:
			return
		case <-pause.C:
		}
	}
}

// Recv implements Router.
func (r *SkuaRouter) Recv(port string, timeout time.Duration) []byte {
	r.t.Helper()
	p := r.port(port)
	for {
		r.Run()
		r.collect(p)
		if len(p.frames) > 0 {
			frame := p.frames[0]
			p.frames = p.frames[1:]
			return frame
		}
		if timeout <= 0 || r.Advance == nil {
			return nil
		}
		d := min(clockStep, timeout)
		timeout -= d
		r.Advance(d)
	}
}

// collect takes what the port transmitted, so that its ring never fills.
func (r *SkuaRouter) collect(p *skuaPort) {
	r.t.Helper()
	for {
		n, err := r.DP.RecvRing(p.id, r.buf)
		if err != nil {
			r.t.Fatalf("receive: %v", err)
		}
		if n == 0 {
			return
		}
		p.frames = append(p.frames, append([]byte(nil), r.buf[:n]...))
	}
}

// Exec implements Router.
func (r *SkuaRouter) Exec(args ...string) (string, int) {
	r.t.Helper()
	if r.Hooks.Exec == nil {
		r.t.Fatal("this router has no control plane that runs commands")
	}
	var out string
	var code int
	r.Do(func() { out, code = r.Hooks.Exec(args) })
	r.Run()
	return out, code
}

// stepper is the data plane of the process, and the thread that is its worker.
type stepper struct {
	dp    *dataplane.Dataplane
	inUse sync.Mutex // by one router at a time
	nets  atomic.Uint32

	ask    chan struct{}
	packet chan int
}

var theStepper = sync.OnceValues(func() (*stepper, error) {
	var seed [40]byte
	for i := range seed {
		seed[i] = byte(i*7 + 1)
	}
	dp, err := dataplane.Open(dataplane.Config{
		Stepped:   true,
		Hugepages: dataplane.HugepagesOff,
		MemoryMB:  256,
		Mbufs:     8192,
		HashSeed:  &seed,
	})
	if err != nil {
		return nil, err
	}
	s := &stepper{dp: dp, ask: make(chan struct{}), packet: make(chan int)}
	entered := make(chan error)
	go s.worker(entered)
	return s, <-entered
})

// worker is the data plane's worker 0: C knows it by its thread.
func (s *stepper) worker(entered chan<- error) {
	runtime.LockOSThread()
	err := s.dp.EnterWorker()
	entered <- err
	if err != nil {
		return
	}
	for range s.ask {
		s.packet <- s.dp.PollWorker()
	}
}

func (s *stepper) poll() int {
	s.ask <- struct{}{}
	return <-s.packet
}

// nextNet returns a net that no test uses now: 1..63, so that 0 is free for others.
func (s *stepper) nextNet() uint32 {
	return s.nets.Add(1)%63 + 1
}
