// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// shimLib builds the preloaded library once.
var shimLib = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "skua-shim")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "skua-shim.so")
	files, _ := filepath.Glob("shim/*.c")
	args := append([]string{"-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared",
		"-o", out}, files...)
	return out, compile(append(args, "-ldl", "-lpthread"))
})

func compile(args []string) error {
	text, err := exec.Command("cc", args...).CombinedOutput()
	if err != nil {
		return &exec.Error{Name: "cc", Err: &compileError{string(text)}}
	}
	return nil
}

type compileError struct{ text string }

func (e *compileError) Error() string { return e.text }

func TestMain(m *testing.M) {
	code := m.Run()
	if lib, err := shimLib(); err == nil {
		os.RemoveAll(filepath.Dir(lib))
	}
	os.Exit(code)
}

// world is a server with the toy family.
type world struct {
	t    *testing.T
	toy  *toy
	path string
	srv  *Server
	done chan error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "nl") // short, for sun_path
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, toy: newToy(), path: filepath.Join(dir, "s")}
	w.start()
	t.Cleanup(func() {
		w.stop()
		os.RemoveAll(dir)
	})
	return w
}

func (w *world) start() {
	w.t.Helper()
	srv, err := New(Config{Path: w.path, Families: []*Family{w.toy.family}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.srv, w.done = srv, make(chan error, 1)
	go func() { w.done <- srv.Serve(context.Background()) }()
}

func (w *world) stop() {
	w.t.Helper()
	w.srv.Close()
	select {
	case err := <-w.done:
		if err != nil {
			w.t.Errorf("Serve: %v", err)
		}
	case <-time.After(10 * time.Second):
		w.t.Fatal("Serve does not end")
	}
}

// command is a program under the shim.
func (w *world) command(name string, args ...string) *exec.Cmd {
	w.t.Helper()
	lib, err := shimLib()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LD_PRELOAD="+lib, "SKUA_SOCKET="+w.path, "LC_ALL=C")
	return cmd
}

// run gives what a program writes and its exit code.
func (w *world) run(stdin, name string, args ...string) (out string, code int) {
	w.t.Helper()
	cmd := w.command(name, args...)
	cmd.Stdin = bytes.NewBufferString(stdin)
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// runAs is run for another user.
func (w *world) runAs(uid uint32, stdin, name string, args ...string) string {
	w.t.Helper()
	cmd := w.command(name, args...)
	cmd.Stdin = bytes.NewBufferString(stdin)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Errorf("%s as %d: %v", name, uid, err)
	}
	return string(out)
}

func (w *world) ip(args ...string) (string, int) {
	w.t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		w.t.Skip("ip (package iproute2) is not installed")
	}
	return w.run("", "ip", args...)
}

// sockets is how many netlink sockets are open.
func (w *world) sockets() int {
	w.srv.mu.Lock()
	defer w.srv.mu.Unlock()
	return len(w.srv.sockets)
}
