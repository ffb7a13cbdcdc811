// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// lab is three routers in a row, each a network namespace:
//
//	r1 ── (eth0) left0..  dut  right0.. (eth0..) ── r3
//
// r1 and r3 are the kernel's. What the one in the middle is, the test chooses: the kernel or Skua.
// The same test runs on both, and so says what is Skua's fault and what is not.
type lab struct {
	t   *testing.T
	dir string // anyone may enter it

	r1, dut, r3 *router
}

var labs atomic.Int32

// newLab makes the namespaces and the links; right is how many links there are to r3.
func newLab(t *testing.T, skua bool, right int) *lab {
	t.Helper()
	if bin == "" {
		t.Skip("network namespaces and devices need root")
	}
	dir, err := os.MkdirTemp("", "skua-interop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, dir: dir}
	n := labs.Add(1)
	for _, r := range []struct {
		at   **router
		name string
	}{{&l.r1, "r1"}, {&l.dut, "dut"}, {&l.r3, "r3"}} {
		*r.at = newRouter(t, filepath.Join(dir, r.name), fmt.Sprintf("skua-i%d-%d%s", os.Getpid(), n, r.name))
	}
	if skua {
		l.startSkua(right)
	} else {
		for _, w := range l.wires(right) {
			must(t, "ip", "link", "add", w.name, "netns", l.dut.ns, "type", "veth",
				"peer", "name", w.peer, "netns", w.to.ns)
			l.dut.must("ip", "link", "set", w.name, "up")
			l.dut.must("ip", "addr", "add", w.v4+".1/24", "dev", w.name)
			l.dut.must("ip", "addr", "add", w.v6+"::1/64", "dev", w.name, "nodad")
		}
		l.dut.must("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	}
	for _, w := range l.wires(right) {
		w.to.must("sysctl", "-qw", "net.ipv4.conf."+w.peer+".rp_filter=0")
		w.to.must("ip", "link", "set", w.peer, "up")
		w.to.must("ip", "addr", "add", w.v4+".2/24", "dev", w.peer)
		w.to.must("ip", "addr", "add", w.v6+"::2/64", "dev", w.peer, "nodad")
	}
	for i, r := range []*router{l.r1, l.r3} {
		r.must("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0")
		r.must("ip", "addr", "add", fmt.Sprintf("10.0.0.%d/32", 1+2*i), "dev", "lo")
		r.must("ip", "addr", "add", fmt.Sprintf("2001:db8::%d/128", 1+2*i), "dev", "lo")
	}
	return l
}

// wire is a link of the router in the middle.
type wire struct {
	name string // there
	to   *router
	peer string // its name on the other side
	v4   string // .1 is the router in the middle
	v6   string
}

func (l *lab) wires(right int) []wire {
	w := []wire{{"left0", l.r1, "eth0", "192.0.2", "2001:db8:1"}}
	for i := range right {
		w = append(w, wire{fmt.Sprintf("right%d", i), l.r3, fmt.Sprintf("eth%d", i), fmt.Sprintf("198.51.%d", 100+i), fmt.Sprintf("2001:db8:2:%d", i)})
	}
	return w
}

// startSkua makes the router in the middle a Skua, whose links are TAPs in the others' namespaces.
func (l *lab) startSkua(right int) {
	l.t.Helper()
	d := l.dut
	d.socket = filepath.Join(d.dir, "run/netlink.sock")
	var text strings.Builder
	fmt.Fprintf(&text, "[appliance]\nsocket = %q\nsocket_mode = \"0666\"\nallow_users = [\"frr\", \"bird\"]\ntwins = true\n[dataplane]\nmemory_mb = 128\nmbufs = 8192\n", d.socket)
	for _, w := range l.wires(right) {
		fmt.Fprintf(&text, "[[link]]\nname = %q\ntap = { name = %q, netns = %q }\naddresses = [\"%s.1/24\", \"%s::1/64\"]\n",
			w.name, w.peer, w.to.ns, w.v4, w.v6)
	}
	file := filepath.Join(d.dir, "skua.toml")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		l.t.Fatal(err)
	}
	log := d.start("skua", exec.Command("ip", "netns", "exec", d.ns, filepath.Join(bin, "skua"), "run", file))
	eventually(l.t, 20*time.Second, func() string {
		if !strings.Contains(log(), "msg=forwarding") {
			return "skua does not forward: " + log()
		}
		return ""
	})
}

// router is a network namespace with what runs in it.
type router struct {
	t      *testing.T
	dir    string
	ns     string
	socket string // of the Skua that its programs speak to; "": the kernel
}

func newRouter(t *testing.T, dir, ns string) *router {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, "ip", "netns", "add", ns)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
	r := &router{t: t, dir: dir, ns: ns}
	must(t, "ip", "-n", ns, "link", "set", "lo", "up")
	return r
}

// command is a program of the router's: under skua exec where that is Skua.
func (r *router) command(args ...string) *exec.Cmd {
	all := []string{"netns", "exec", r.ns}
	if r.socket != "" {
		all = append(all, filepath.Join(bin, "skua"), "exec", "--")
	}
	cmd := exec.Command("ip", append(all, args...)...)
	cmd.Env = append(os.Environ(), "SKUA_SOCKET="+r.socket)
	return cmd
}

func (r *router) try(args ...string) (string, error) {
	out, err := r.command(args...).CombinedOutput()
	return string(out), err
}

func (r *router) must(args ...string) string {
	r.t.Helper()
	out, err := r.try(args...)
	if err != nil {
		r.t.Fatalf("in %s: %s: %v\n%s", r.ns, strings.Join(args, " "), err, out)
	}
	return out
}

// ping says whether an address answers one packet.
func (r *router) ping(dst string, more ...string) error {
	out, err := r.try(append([]string{"ping", "-n", "-c", "1", "-W", "1", dst}, more...)...)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// start runs a program until the test ends, which shows what it said when it failed.
func (r *router) start(name string, cmd *exec.Cmd) (log func() string) {
	r.t.Helper()
	return r.daemon(name, cmd).logged
}

// daemon is a program that runs.
type daemon struct {
	cmd  *exec.Cmd
	path string // of its log
	done chan struct{}
}

func (r *router) daemon(name string, cmd *exec.Cmd) *daemon {
	r.t.Helper()
	d := &daemon{cmd: cmd, path: filepath.Join(r.dir, name+".log"), done: make(chan struct{})}
	file, err := os.OpenFile(d.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		r.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	file.Close()
	go func() {
		_ = cmd.Wait()
		close(d.done)
	}()
	r.t.Cleanup(func() {
		d.kill()
		if text := d.logged(); r.t.Failed() && text != "" {
			r.t.Logf("%s of %s said:\n%s", name, r.ns, text)
		}
	})
	return d
}

func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

func (d *daemon) logged() string {
	text, _ := os.ReadFile(d.path)
	return string(text)
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// eventually fails the test when what is wrong stays wrong; f returns "" when all is well.
func eventually(t *testing.T, within time.Duration, f func() string) {
	t.Helper()
	if err := settle(within, f); err != nil {
		t.Fatalf("still after %v: %v", within, err)
	}
}

func settle(within time.Duration, f func() string) error {
	deadline := time.Now().Add(within)
	for {
		wrong := f()
		if wrong == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New(wrong)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// onBoth runs a test with each kind of router in the middle.
func onBoth(t *testing.T, right int, f func(t *testing.T, l *lab)) {
	for _, kind := range []string{"kernel", "skua"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // they wait for timers most of the time
			f(t, newLab(t, kind == "skua", right))
		})
	}
}
