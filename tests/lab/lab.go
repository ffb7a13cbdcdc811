// SPDX-License-Identifier: BSD-3-Clause

// Package lab makes three routers in a row of network namespaces, one of which is what a test is
// about, and r.NS programs in them: for the tests of interoperation and for benches. It needs root.
package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// T is what a lab asks of its test: a *testing.T, or something that plays its part in a bench.
type T interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Skip(args ...any)
	Failed() bool
	Cleanup(f func())
}

// Lab is three routers in a row, each a network namespace:
//
//	r1 ── (eth0) left0..  dut  right0.. (eth0..) ── r3
//
// r1 and r3 are the kernel's. What the one in the middle is, the test chooses: the kernel or Skua.
// The same test r.NS on both, and so says what is Skua's fault and what is not.
type Lab struct {
	t   T
	dir string // anyone may enter it
	bin string

	R1, DUT, R3 *Router
}

var labs atomic.Int32

// New makes the namespaces and the links; right is how many links there are to R3, bin the folder
// that Build filled.
func New(t T, bin string, skua bool, right int) *Lab {
	t.Helper()
	dir, err := os.MkdirTemp("", "skua-interop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l := &Lab{t: t, dir: dir, bin: bin}
	n := labs.Add(1)
	for _, r := range []struct {
		at   **Router
		name string
	}{{&l.R1, "r1"}, {&l.DUT, "dut"}, {&l.R3, "r3"}} {
		*r.at = newRouter(t, bin, filepath.Join(dir, r.name), fmt.Sprintf("skua-i%d-%d%s", os.Getpid(), n, r.name))
	}
	if skua {
		l.startSkua(right)
	} else {
		for _, w := range l.Wires(right) {
			must(t, "ip", "link", "add", w.Name, "netns", l.DUT.NS, "type", "veth",
				"peer", "name", w.Peer, "netns", w.To.NS)
			l.DUT.Must("sysctl", "-qw", "net.ipv6.conf."+w.Name+".accept_dad=0")
			l.DUT.Must("ip", "link", "set", w.Name, "up")
			l.DUT.Must("ip", "addr", "add", w.V4+".1/24", "dev", w.Name)
			l.DUT.Must("ip", "addr", "add", w.V6+"::1/64", "dev", w.Name, "nodad")
		}
		l.DUT.Must("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	}
	for _, w := range l.Wires(right) {
		// No daemon is to find an address that is not there yet: FRR 8.4 may then miss it for good.
		w.To.Must("sysctl", "-qw", "net.ipv4.conf."+w.Peer+".rp_filter=0", "net.ipv6.conf."+w.Peer+".accept_dad=0")
		w.To.Must("ip", "link", "set", w.Peer, "up")
		w.To.Must("ip", "addr", "add", w.V4+".2/24", "dev", w.Peer)
		w.To.Must("ip", "addr", "add", w.V6+"::2/64", "dev", w.Peer, "nodad")
	}
	for i, r := range []*Router{l.R1, l.R3} {
		r.Must("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0")
		r.Must("ip", "addr", "add", fmt.Sprintf("10.0.0.%d/32", 1+2*i), "dev", "lo")
		r.Must("ip", "addr", "add", fmt.Sprintf("2001:db8::%d/128", 1+2*i), "dev", "lo")
	}
	return l
}

// Wire is a link of the router in the middle.
type Wire struct {
	Name string // there
	To   *Router
	Peer string // its name on the other side
	V4   string // without the last number: .1 is the router in the middle
	V6   string // the same: ::1
}

// Wires are the links of the router in the middle.
func (l *Lab) Wires(right int) []Wire {
	w := []Wire{{"left0", l.R1, "eth0", "192.0.2", "2001:db8:1"}}
	for i := range right {
		w = append(w, Wire{fmt.Sprintf("right%d", i), l.R3, fmt.Sprintf("eth%d", i), fmt.Sprintf("198.51.%d", 100+i), fmt.Sprintf("2001:db8:2:%d", i)})
	}
	return w
}

// startSkua makes the router in the middle a Skua, whose links are TAPs in the others' namespaces.
func (l *Lab) startSkua(right int) {
	l.t.Helper()
	d := l.DUT
	d.Socket = filepath.Join(d.Dir, "run/netlink.sock")
	var text strings.Builder
	fmt.Fprintf(&text, "[appliance]\nsocket = %q\nsocket_mode = \"0666\"\nallow_users = [\"frr\", \"bird\"]\ntwins = true\n[dataplane]\nhugepages = \"off\"\nmemory_mb = 128\nmbufs = 8192\n", d.Socket)
	for _, w := range l.Wires(right) {
		fmt.Fprintf(&text, "[[link]]\nname = %q\ntap = { name = %q, netns = %q }\naddresses = [\"%s.1/24\", \"%s::1/64\"]\n",
			w.Name, w.Peer, w.To.NS, w.V4, w.V6)
	}
	file := filepath.Join(d.Dir, "skua.toml")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		l.t.Fatal(err)
	}
	log := d.Daemon("skua", exec.Command("ip", "netns", "exec", d.NS, filepath.Join(l.bin, "skua"), "run", file)).Logged
	Eventually(l.t, 20*time.Second, func() string {
		if !strings.Contains(log(), "msg=forwarding") {
			return "skua does not forward: " + log()
		}
		return ""
	})
}

// Router is a network namespace with what runs in it.
type Router struct {
	t      T
	bin    string
	Dir    string // for its files
	NS     string // its namespace's name
	Socket string // of the Skua that its programs speak to; "": the kernel
}

func newRouter(t T, bin, dir, ns string) *Router {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, "ip", "netns", "add", ns)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
	r := &Router{t: t, bin: bin, Dir: dir, NS: ns}
	must(t, "ip", "-n", ns, "link", "set", "lo", "up")
	return r
}

// Command is a program of the router's: under skua exec where that is Skua.
func (r *Router) Command(args ...string) *exec.Cmd {
	all := []string{"netns", "exec", r.NS}
	if r.Socket != "" {
		all = append(all, filepath.Join(r.bin, "skua"), "exec", "--")
	}
	cmd := exec.Command("ip", append(all, args...)...)
	cmd.Env = append(os.Environ(), "SKUA_SOCKET="+r.Socket)
	return cmd
}

// Try runs a program and gives what it prints.
func (r *Router) Try(args ...string) (string, error) {
	out, err := r.Command(args...).CombinedOutput()
	return string(out), err
}

// Must is Try of what has to succeed.
func (r *Router) Must(args ...string) string {
	r.t.Helper()
	out, err := r.Try(args...)
	if err != nil {
		r.t.Fatalf("in %s: %s: %v\n%s", r.NS, strings.Join(args, " "), err, out)
	}
	return out
}

// Ping says whether an address answers one packet.
func (r *Router) Ping(dst string, more ...string) error {
	out, err := r.Try(append([]string{"ping", "-n", "-c", "1", "-W", "1", dst}, more...)...)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// Daemon is a program that runs.
type Daemon struct {
	Cmd  *exec.Cmd
	path string        // of its log
	Done chan struct{} // closed when it has ended
}

// Daemon runs a program until the test ends, which shows what it said when it failed.
func (r *Router) Daemon(name string, cmd *exec.Cmd) *Daemon {
	r.t.Helper()
	d := &Daemon{Cmd: cmd, path: filepath.Join(r.Dir, name+".log"), Done: make(chan struct{})}
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
		close(d.Done)
	}()
	r.t.Cleanup(func() {
		d.Kill()
		if text := d.Logged(); r.t.Failed() && text != "" {
			r.t.Logf("%s of %s said:\n%s", name, r.NS, text)
		}
	})
	return d
}

// Kill ends it at once.
func (d *Daemon) Kill() {
	_ = d.Cmd.Process.Kill()
	<-d.Done
}

// Logged is what it said.
func (d *Daemon) Logged() string {
	text, _ := os.ReadFile(d.path)
	return string(text)
}

// Build makes the binary, the shim and the supervisor in a folder that others may enter.
func Build(dir, root string) error {
	shim, _ := filepath.Glob(filepath.Join(root, "nlserver/shim/*.c"))
	supervise, _ := filepath.Glob(filepath.Join(root, "nlserver/supervise/*.c"))
	for _, cmd := range [][]string{
		{"chmod", "755", dir},
		{"go", "build", "-o", filepath.Join(dir, "skua"), "skua/appliance"},
		append(append([]string{"cc", "-std=gnu11", "-O2", "-fPIC", "-shared", "-o", filepath.Join(dir, "skua-shim.so")},
			shim...), "-ldl", "-lpthread"),
		append(append(append([]string{"cc", "-std=gnu11", "-O2", "-o", filepath.Join(dir, "skua-supervise")},
			supervise...), shim...), "-ldl", "-lpthread"),
	} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd, err, out)
		}
	}
	return nil
}

func must(t T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

// Eventually fails the test when what is wrong stays wrong; f returns "" when all is well.
func Eventually(t T, within time.Duration, f func() string) {
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

// Inside runs f on a thread that is in the router's namespace; sockets that it makes stay there.
func (r *Router) Inside(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends in the namespace
		result <- func() error {
			file, err := unix.Open("/run/netns/"+r.NS, unix.O_RDONLY|unix.O_CLOEXEC, 0)
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
