// SPDX-License-Identifier: BSD-3-Clause

// Package slowpath_test floods the router with what its control plane has to handle, and looks
// whether what keeps the network together is still answered: the real data plane, stepped, and the
// real control plane on a manual clock.
package slowpath_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/tests/harness"
	"skua/tests/pkt"
)

// world is a router with two links:
//
//	h1 10.0.1.2, 2001:db8:1::2 ── p1 [10.0.1.1, 2001:db8:1::1   10.8.0.1/16] p2 ── others
type world struct {
	*harness.SkuaRouter
	t     *testing.T
	all   *controlplane.Stacks
	stack *controlplane.Stack
	clock *rtnl.ManualClock
}

var names = pkt.Names{
	MAC: map[string]string{"p1": "02:00:00:00:01:01", "p2": "02:00:00:00:01:02", "h1": "02:00:00:00:02:01",
		"h2": "02:00:00:00:02:02"},
	IP4: map[string]string{"h1": "10.0.1.2"},
	IP6: map[string]string{"h1": "2001:db8:1::2"},
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: rtnl.NewManualClock(),
		SkuaRouter: harness.Skua(t, harness.Topology{Ports: []harness.Port{{Name: "p1"}, {Name: "p2"}}})}
	var err error
	w.Do(func() {
		w.all, err = controlplane.NewStacks(controlplane.Options{Net: w.Net, DP: w.DP, Clock: w.clock})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.stack = w.all.Host()
	t.Cleanup(func() {
		w.locked(func() error { w.stack.Neighs.Close(); return nil })
	})
	w.sysctl("net.ipv4.ip_forward", "1")
	w.sysctl("net.ipv6.conf.all.forwarding", "1")
	w.sysctl("net.ipv6.conf.default.accept_dad", "0")
	for name, addrs := range map[string][]string{
		"p1": {"10.0.1.1/24", "2001:db8:1::1/64"}, "p2": {"10.8.0.1/16"},
	} {
		port, info := w.Port(name)
		w.locked(func() error {
			l, err := w.stack.Links.Add(link.Config{Name: name, Port: port, Kind: "tun", HardAddr: info.MAC, MTU: 1500,
				MaxMTU: 65521, Carrier: true})
			if err != nil {
				return err
			}
			for _, a := range addrs {
				if _, err := w.stack.Addrs.Add(addr.Config{Link: l, Prefix: netip.MustParsePrefix(a),
					Flags: unix.IFA_F_NODAD}, unix.NLM_F_CREATE); err != nil {
					return err
				}
			}
			return w.stack.Links.Change(l, link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP})
		})
	}
	for _, a := range []string{"10.0.1.2", "2001:db8:1::2"} {
		w.neighbour("p1", a, "h1")
	}
	w.resume()
	for range 30 { // the links' groups are reported within seconds of their start
		w.advance(100 * time.Millisecond)
		w.Run()
		w.sent("p1")
		w.sent("p2")
	}
	return w
}

// resume lets the control plane take up what is punted; pause makes it busy with other things.
func (w *world) resume() { w.Hooks = harness.Hooks{Punts: w.batch, Advance: w.advance} }
func (w *world) pause()  { w.Hooks = harness.Hooks{} }

// batch lets the control plane handle one batch.
func (w *world) batch() int {
	n := 0
	hooks := w.Hooks
	w.pause()
	w.Do(func() { n = w.all.Poll() })
	w.Hooks = hooks
	return n
}

func (w *world) advance(d time.Duration) {
	hooks := w.Hooks
	w.pause()
	w.Do(func() { w.clock.Advance(d) })
	w.Hooks = hooks
}

// locked runs f under RTNL while the worker turns.
func (w *world) locked(f func() error) {
	w.t.Helper()
	var err error
	hooks := w.Hooks
	w.pause()
	w.Do(func() {
		w.stack.Net.Lock()
		defer w.stack.Net.Unlock()
		err = f()
	})
	w.Hooks = hooks
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sysctl(name, value string) {
	w.t.Helper()
	w.locked(func() error { return w.stack.Links.SetSysctl(name, value) })
}

func (w *world) neighbour(dev, a, mac string) {
	w.t.Helper()
	var ha link.HardAddr
	fmt.Sscanf(names.MAC[mac], "%02x:%02x:%02x:%02x:%02x:%02x", &ha[0], &ha[1], &ha[2], &ha[3], &ha[4], &ha[5])
	w.locked(func() error {
		return w.stack.Neighs.Add(neigh.Config{Link: w.stack.Links.ByName(dev), Addr: netip.MustParseAddr(a),
			HardAddr: ha, HasAddr: true, NUD: unix.NUD_PERMANENT}, unix.NLM_F_CREATE)
	})
}

// send gives the router frames, a few at a time.
func (w *world) send(port string, frames ...[]byte) {
	for i, f := range frames {
		w.Send(port, f)
		if i%256 == 255 {
			w.Run()
		}
	}
	w.Run()
}

// sent is what the router has transmitted, without waiting.
func (w *world) sent(port string) [][]byte {
	var all [][]byte
	for f := w.Recv(port, 0); f != nil; f = w.Recv(port, 0) {
		all = append(all, f)
	}
	return all
}

// has says whether one of the frames matches.
func has(frames [][]byte, text string) bool {
	want, err := pkt.Parse(text, names)
	if err != nil {
		panic(err)
	}
	for _, f := range frames {
		if pkt.Match(want, pkt.Decode(f)) == nil {
			return true
		}
	}
	return false
}

func frame(format string, args ...any) []byte {
	return pkt.MustBuild(fmt.Sprintf(format, args...), names)
}

func (w *world) counters() dpif.WorkerStats {
	w.t.Helper()
	all, err := w.DP.Workers()
	if err != nil {
		w.t.Fatal(err)
	}
	return all[0]
}

func drops(s dpif.WorkerStats, reason string) uint64 {
	for _, d := range s.Drops {
		if d.Name == reason {
			return d.Value
		}
	}
	return 0
}
