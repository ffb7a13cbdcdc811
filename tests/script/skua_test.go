// SPDX-License-Identifier: BSD-3-Clause

package script

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/rtnetlink"
	"skua/tests/harness"
)

// skua is Skua as the router: the C data plane turned by the harness, the control plane on a manual
// clock, and the unmodified ip command by way of the netlink server and the preloaded library.
type skua struct {
	t     *testing.T
	r     *harness.SkuaRouter
	all   *controlplane.Stacks
	stack *controlplane.Stack
	clock *rtnl.ManualClock
	env   []string
	busy  bool // the control plane runs on another goroutine
}

func newSkua(t *testing.T, s *Script) *skua {
	k := &skua{t: t, r: harness.Skua(t, s.topologyOf()), clock: rtnl.NewManualClock()}
	k.r.Hooks = harness.Hooks{Punts: k.punts, Advance: k.Advance}
	var family *nlserver.Family
	k.do(func() {
		var err error
		k.all, err = controlplane.NewStacks(controlplane.Options{Net: k.r.Net, DP: k.r.DP, Clock: k.clock})
		if err != nil {
			t.Error(err)
			return
		}
		k.stack = k.all.Host()
		st := k.stack
		family = rtnetlink.New(rtnetlink.Tables{
			Net: st.Net, Links: st.Links, Addrs: st.Addrs, Neighs: st.Neighs, Rules: st.Rules, Routes: st.Routes,
		})
	})
	if k.stack == nil {
		t.FailNow()
	}
	path := filepath.Join(t.TempDir(), "nl")
	srv, err := nlserver.New(nlserver.Config{Path: path, Families: []*nlserver.Family{family}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ctx) }()
	k.env = append(os.Environ(), "LD_PRELOAD="+shim(t), "SKUA_SOCKET="+path)
	t.Cleanup(func() {
		k.do(func() {
			cancel()
			srv.Close()
			<-done
			k.stack.Net.Lock()
			k.stack.Neighs.Close()
			k.stack.Net.Unlock()
		})
	})
	if out, err := k.IP("link", "set", "lo", "up"); err != nil {
		t.Fatalf("lo: %v: %s", err, out)
	}
	return k
}

// do runs f, which may wait for the worker, while the worker turns.
func (k *skua) do(f func()) {
	if k.busy {
		f()
		return
	}
	k.busy = true
	k.r.Do(f)
	k.busy = false
}

// locked is do under RTNL.
func (k *skua) locked(f func() error) (err error) {
	k.do(func() {
		k.stack.Net.Lock()
		defer k.stack.Net.Unlock()
		err = f()
	})
	return err
}

func (k *skua) punts() int {
	if k.busy || k.stack == nil {
		return 0
	}
	n := 0
	k.do(func() { n = k.all.Poll() })
	return n
}

// AddLink binds a port of the harness to a link.
func (k *skua) AddLink(name string, mac [6]byte, mtu int) error {
	port, _ := k.r.Port(name)
	return k.locked(func() error {
		_, err := k.stack.Links.Add(link.Config{
			Name: name, Port: port, Kind: "tun", HardAddr: mac, MTU: uint32(mtu), MaxMTU: 65521, Carrier: true,
		})
		return err
	})
}

func (k *skua) IP(args ...string) (string, error) {
	cmd := exec.Command("ip", args...)
	cmd.Env = k.env
	var out []byte
	var err error
	k.do(func() { out, err = cmd.CombinedOutput() })
	return string(out), err
}

func (k *skua) Sysctl(name, value string) error {
	return k.locked(func() error { return k.stack.Links.SetSysctl(name, value) })
}

func (k *skua) SetCarrier(name string, up bool) error {
	return k.locked(func() error { return k.stack.Links.SetCarrier(k.stack.Links.ByName(name), up) })
}

// Send lets the frame be received and all that follows from it happen.
func (k *skua) Send(link string, frame []byte) error {
	k.r.Send(link, frame)
	k.r.Run()
	return nil
}

// Recv waits in the control plane's time: its timers fire, nobody sleeps.
func (k *skua) Recv(link string, wait time.Duration) []byte { return k.r.Recv(link, wait) }

// Advance moves the clock in steps, so that a packet that a timer sends is answered in its time.
func (k *skua) Advance(d time.Duration) {
	for d > 0 {
		step := min(d, 10*time.Millisecond)
		k.do(func() { k.clock.Advance(step) })
		if !k.busy {
			k.r.Run()
		}
		d -= step
	}
}

// Skua does what the kernel does, with the real data plane and without root; and in the end the
// data plane holds what the control plane believes.
func TestSkua(t *testing.T) {
	for _, s := range scripts(t) {
		t.Run(s.Name, func(t *testing.T) {
			k := newSkua(t, s)
			run(t, s, k, "skua")
			err := k.locked(func() error {
				for _, line := range k.stack.Consistency() {
					t.Error(line)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// shim is the preloaded library: that of "make", or one built here.
func shim(t *testing.T) string {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(root, "out", "skua-shim.so")
	sources, err := filepath.Glob(filepath.Join(root, "nlserver", "shim", "*.[ch]"))
	if err != nil {
		t.Fatal(err)
	}
	if newer(made, sources) {
		return made
	}
	builtShim.Do(func() { builtShim.path, builtShim.err = buildShim(sources) })
	if builtShim.err != nil {
		t.Fatal(builtShim.err)
	}
	return builtShim.path
}

var builtShim struct {
	sync.Once
	path string
	err  error
}

func buildShim(sources []string) (string, error) {
	dir, err := os.MkdirTemp("", "skua-shim")
	if err != nil {
		return "", err
	}
	own := filepath.Join(dir, "skua-shim.so")
	args := []string{"-std=gnu11", "-O2", "-fPIC", "-shared", "-o", own}
	for _, s := range sources {
		if strings.HasSuffix(s, ".c") {
			args = append(args, s)
		}
	}
	out, err := exec.Command("cc", append(args, "-ldl", "-lpthread")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the shim does not compile: %w\n%s", err, out)
	}
	return own, nil
}

// newer says whether path is there and not older than any of the sources.
func newer(path string, sources []string) bool {
	var made, src unix.Stat_t
	if unix.Stat(path, &made) != nil {
		return false
	}
	for _, s := range sources {
		if unix.Stat(s, &src) != nil || src.Mtim.Nano() > made.Mtim.Nano() {
			return false
		}
	}
	return true
}
