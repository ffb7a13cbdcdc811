// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// supervisor is skua-supervise: that of "make", or one built here.
func supervisor(t *testing.T) string {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(root, "out", "skua-supervise")
	var sources, c []string
	for _, dir := range []string{"shim", "supervise"} {
		files, err := filepath.Glob(filepath.Join(root, "nlserver", dir, "*.[ch]"))
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, files...)
	}
	if newer(made, sources) {
		return made
	}
	for _, s := range sources {
		if strings.HasSuffix(s, ".c") {
			c = append(c, s)
		}
	}
	own := filepath.Join(t.TempDir(), "skua-supervise")
	args := append([]string{"-std=gnu11", "-O2", "-o", own}, c...)
	if out, err := exec.Command("cc", append(args, "-ldl", "-lpthread")...).CombinedOutput(); err != nil {
		t.Fatalf("the supervisor does not compile: %v\n%s", err, out)
	}
	return own
}

// supervised is a world whose tools nothing is preloaded into. It needs a kernel that hands system
// calls over, and rights to look into other processes.
func supervised(t *testing.T) *skuaWorld {
	w := newSkua(t, "")
	w.under = []string{supervisor(t)}
	for i, e := range w.env {
		if strings.HasPrefix(e, "LD_PRELOAD=") {
			w.env[i] = "SKUA_LIBS="
		}
	}
	if out, err := w.command("true", nil).CombinedOutput(); err != nil {
		t.Skipf("no supervisor here: %v %s", err, out)
	}
	return w
}

// TestSupervisedCompare runs scripts of the comparison with the kernel again, with ip and ethtool
// supervised instead of preloaded: all that they print is to be the same.
func TestSupervisedCompare(t *testing.T) {
	lib := shim(t)
	for _, name := range []string{"link_show", "route4", "addr4", "monitor", "output", "ethtool", "ethtool_ioctl"} {
		t.Run(name, func(t *testing.T) {
			s, err := readScript(filepath.Join("testdata", name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			if s.skip != "" {
				t.Skip(s.skip)
			}
			preloaded := run(t, newSkua(t, lib), s)
			got := run(t, supervised(t), s)
			for i, st := range s.steps {
				if normalise(preloaded[i].stdout) != normalise(got[i].stdout) || preloaded[i].code != got[i].code ||
					normalise(preloaded[i].stderr) != normalise(got[i].stderr) {
					t.Errorf("%s: preloaded\n%s%s\nsupervised\n%s%s", st.text(), preloaded[i].stdout,
						preloaded[i].stderr, got[i].stdout, got[i].stderr)
				}
			}
		})
	}
}

func up(t *testing.T, w *skuaWorld) {
	w.net.Lock()
	defer w.net.Unlock()
	if err := w.links.Change(w.links.ByName("p1"), link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}); err != nil {
		t.Fatal(err)
	}
}

// A program in Go without the C library, started directly and by a shell that has the shim.
func TestStaticProgram(t *testing.T) {
	for _, byShell := range []bool{false, true} {
		prog := staticProgram(t)
		w := supervised(t)
		up(t, w)
		cmd := w.command(prog, nil)
		if byShell {
			cmd = exec.Command("sh", "-c", prog+"; exit $?")
			cmd.Env = append(w.env, "LD_PRELOAD="+shim(t), "SKUA_SUPERVISE="+w.under[0])
		}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 7 {
			t.Errorf("by a shell: %v: it ends with %v", byShell, err)
		}
		if string(out) != staticPrints {
			t.Errorf("by a shell: %v: it prints\n%s\nwant\n%s", byShell, out, staticPrints)
		}
	}
}

func staticProgram(t *testing.T) string {
	prog := filepath.Join(t.TempDir(), "static")
	build := exec.Command("go", "build", "-o", prog, "./testdata/static")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return prog
}

const staticPrints = `links <nil>
1 lo 65536  [] <nil>
2 p1 1500 02:00:00:00:01:01 [fe80::ff:fe00:101/64] <nil>
3 p2 1500 02:00:00:00:01:02 [] <nil>
4 p3 1500 02:00:00:00:01:03 [] <nil>
ack 0
notified true true
driver tun
no link of the host: no such device
`

// A supervised program's exit status, its death by a signal, and its children are its own.
func TestSupervisedProcess(t *testing.T) {
	w := supervised(t)
	sh := func(script string) (string, *os.ProcessState) {
		cmd := w.command("sh", []string{"-c", script})
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState
	}
	if _, st := sh("exit 3"); st.ExitCode() != 3 {
		t.Errorf("exit 3: %v", st)
	}
	if _, st := sh("kill -TERM $$"); st.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("a signal: %v", st)
	}
	if out, _ := sh("ip -br link show p1 & wait; ip -br link show p2"); strings.Count(out, "02:00:00:00:01:0") != 2 {
		t.Errorf("children: %s", out)
	}
	if out, _ := sh("wait; echo done"); out != "done\n" {
		t.Errorf("it has a child that it did not start: %s", out)
	}

	cmd := w.command("ip", []string{"monitor", "route"}) // waits in recvmsg
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(hangTime); !w.listens(0); {
		if time.Now().After(end) {
			t.Fatal("it does not listen")
		}
		time.Sleep(5 * time.Millisecond)
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	if cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("a signal while it waits: %v", cmd.ProcessState)
	}
	for end := time.Now().Add(hangTime); w.listens(0); { // the server sees its sockets close
		if time.Now().After(end) {
			t.Fatal("its socket is still there")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
