// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// world is what one test has: a folder for its files, and the names of its namespaces.
type world struct {
	t   *testing.T
	dir string // anyone may enter it
	in  *netns // that skua runs in; nil: our own
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if bin == "" {
		t.Skip("network namespaces and devices need root")
	}
	dir, err := os.MkdirTemp("", "skua-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, dir: dir}
}

var (
	nsMu   sync.Mutex
	nsLast int
)

// netns is a network namespace of the host's kernel.
type netns struct {
	t    *testing.T
	name string
}

func (w *world) netns() *netns {
	w.t.Helper()
	nsMu.Lock()
	nsLast++
	ns := &netns{t: w.t, name: fmt.Sprintf("skua-q%d-%d", os.Getpid(), nsLast)}
	nsMu.Unlock()
	must(w.t, "ip", "netns", "add", ns.name)
	w.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns.name).Run() })
	ns.must("ip", "link", "set", "lo", "up")
	return ns
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// command runs inside the namespace.
func (ns *netns) command(args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", ns.name}, args...)...)
}

func (ns *netns) must(args ...string) string {
	ns.t.Helper()
	out, err := ns.command(args...).CombinedOutput()
	if err != nil {
		ns.t.Fatalf("in %s: %s: %v\n%s", ns.name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// host gives a namespace's end of a link its addresses and its default routes: of net "192.0.2",
// 192.0.2.2 with gateway .1, and 2001:db8:2::2 with gateway ::1 for v6 "2001:db8:2".
func (ns *netns) host(dev, v4, v6 string) {
	ns.t.Helper()
	ns.must("ip", "link", "set", dev, "up")
	ns.must("ip", "addr", "replace", v4+".2/24", "dev", dev)
	ns.must("ip", "route", "replace", "default", "via", v4+".1")
	if v6 != "" {
		ns.must("ip", "addr", "replace", v6+"::2/64", "dev", dev, "nodad")
		ns.must("ip", "-6", "route", "replace", "default", "via", v6+"::1", "dev", dev)
	}
}

// ping says whether dst answers within a while: the first packets find addresses being checked
// for duplicates, and neighbours unknown.
func (ns *netns) ping(dst string) error {
	deadline := time.Now().Add(patience)
	for {
		out, err := ns.command("ping", "-n", "-c", "1", "-W", "1", dst).CombinedOutput()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("ping %s from %s: %w\n%s", dst, ns.name, err, out)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// silent says whether dst does not answer a single packet.
func (ns *netns) silent(dst string) bool {
	return ns.command("ping", "-n", "-c", "1", "-W", "1", dst).Run() != nil
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) socket() string { return w.path("run/netlink.sock") }

// write makes a file of the test's folder. CONF in the text stands for the usual beginning.
func (w *world) write(name, text string) string {
	w.t.Helper()
	text = strings.Replace(text, "CONF\n", fmt.Sprintf(
		"[appliance]\nsocket = %q\n[dataplane]\nhugepages = \"off\"\nmemory_mb = 128\nmbufs = 8192\n", w.socket()), 1)
	path := w.path(name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// instance is a running skua.
type instance struct {
	w      *world
	file   string
	socket string
	cmd    *exec.Cmd
	done   chan struct{} // closed when it has ended
	err    error         // of Wait, after done

	mu  sync.Mutex
	log bytes.Buffer
}

// start runs `skua run` and waits until it forwards. The test fails when it does not.
func (w *world) start(text string) *instance {
	w.t.Helper()
	return w.startAt("skua.toml", text, w.socket())
}

func (w *world) startAt(name, text, socket string) *instance {
	w.t.Helper()
	i := w.launch(w.write(name, text), socket)
	i.waitLog("msg=forwarding")
	return i
}

func (w *world) launch(file, socket string) *instance {
	w.t.Helper()
	i := &instance{w: w, file: file, socket: socket, done: make(chan struct{})}
	i.cmd = exec.Command(filepath.Join(bin, "skua"), "run", file)
	if w.in != nil {
		i.cmd = w.in.command(i.cmd.Args...)
	}
	r, err := i.cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := i.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadString('\n')
			i.mu.Lock()
			i.log.WriteString(line)
			i.mu.Unlock()
			if err != nil {
				break
			}
		}
		i.err = i.cmd.Wait()
		close(i.done)
	}()
	w.t.Cleanup(func() {
		_ = i.cmd.Process.Kill()
		<-i.done
		if w.t.Failed() {
			w.t.Logf("the log of skua (%s):\n%s", file, i.logged())
		}
	})
	return i
}

func (i *instance) logged() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.log.String()
}

// waitLog waits until the log has a text.
func (i *instance) waitLog(text string) {
	i.w.t.Helper()
	deadline := time.Now().Add(patience)
	for !strings.Contains(i.logged(), text) {
		select {
		case <-i.done:
			if !strings.Contains(i.logged(), text) {
				i.w.t.Fatalf("skua ended: %v\n%s", i.err, i.logged())
			}
		case <-time.After(10 * time.Millisecond):
			if time.Now().After(deadline) {
				i.w.t.Fatalf("no %q in the log:\n%s", text, i.logged())
			}
		}
	}
}

// stop sends a signal and waits for a clean end: exit status 0 and nothing said but that it stops.
func (i *instance) stop(sig os.Signal) {
	i.w.t.Helper()
	i.consistent()
	if err := i.cmd.Process.Signal(sig); err != nil {
		i.w.t.Fatal(err)
	}
	select {
	case <-i.done:
	case <-time.After(patience):
		i.w.t.Fatalf("it does not end at %v", sig)
	}
	if i.err != nil {
		i.w.t.Errorf("at %v it ended with %v", sig, i.err)
	}
	_, end, ok := strings.Cut(i.logged(), "msg=stopping\n")
	for line := range strings.Lines(end) {
		ok = ok && strings.HasPrefix(line, "libxdp: ") // which speaks of the machine
	}
	if !ok {
		i.w.t.Errorf("at its end it said %q", end)
	}
}

// result is what a command came to.
type result struct {
	out, err string
	code     int
}

func runCmd(cmd *exec.Cmd) result {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	r := result{out: out.String(), err: errs.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		r.code, r.err = -1, err.Error()
	}
	return r
}

// command is one of skua that speaks to the instance, from the namespace that it runs in.
func (i *instance) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(bin, "skua"), args...)
	if i.w.in != nil {
		cmd = i.w.in.command(cmd.Args...)
	}
	cmd.Env = append(os.Environ(), "SKUA_SOCKET="+i.socket)
	return cmd
}

func (i *instance) skua(args ...string) result { return runCmd(i.command(args...)) }

// try runs a program under skua exec.
func (i *instance) try(args ...string) result {
	return i.skua(append([]string{"exec", "--"}, args...)...)
}

// ip runs ip under skua exec; it has to succeed.
func (i *instance) ip(args ...string) string {
	i.w.t.Helper()
	r := i.try(append([]string{"ip"}, args...)...)
	if r.code != 0 || r.err != "" {
		i.w.t.Fatalf("ip %s: exit %d: %s", strings.Join(args, " "), r.code, r.err)
	}
	return r.out
}

// user runs a command as another user and group.
func (i *instance) as(uid, gid uint32, args ...string) result {
	cmd := i.command(args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	return runCmd(cmd)
}

// patience is how long what has to come may take: a loaded machine gives no CPU for seconds.
const patience = 30 * time.Second

// eventually fails the test when what is wrong stays wrong; f returns "" when all is well.
func eventually(t *testing.T, within time.Duration, f func() string) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		wrong := f()
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %v: %s", within, wrong)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func wantContains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s: %q is not in\n%s", what, p, text)
		}
	}
}

// follow hands the lines of a running program over.
func follow(t *testing.T, cmd *exec.Cmd) <-chan string {
	t.Helper()
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 4096)
	go func() {
		s := bufio.NewScanner(r)
		for s.Scan() {
			lines <- s.Text()
		}
		_, _ = io.Copy(io.Discard, r)
		close(lines)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return lines
}

// awaitLine reads lines until one has all parts.
func awaitLine(t *testing.T, lines <-chan string, within time.Duration, parts ...string) {
	t.Helper()
	var seen []string
	timeout := time.After(within)
next:
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("it ended before a line with %q:\n%s", parts, strings.Join(seen, "\n"))
			}
			seen = append(seen, line)
			for _, p := range parts {
				if !strings.Contains(line, p) {
					continue next
				}
			}
			return
		case <-timeout:
			t.Fatalf("no line with %q within %v:\n%s", parts, within, strings.Join(seen, "\n"))
		}
	}
}
