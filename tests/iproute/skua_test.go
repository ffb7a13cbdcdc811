// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/nlserver"
	"skua/nlserver/genetlink"
)

// skuaWorld is the control plane behind the netlink server, over a data plane of maps.
type skuaWorld struct {
	net   *rtnl.Net
	links *link.Table
	clock *rtnl.ManualClock
	nl    *nlserver.Family
	env   []string
	under []string // what runs the tools: nothing, or the supervisor
}

func newSkua(t *testing.T, shim string) *skuaWorld {
	clock := rtnl.NewManualClock()
	stack, family := assemble(t, dpif.NewFake(), clock)
	w := &skuaWorld{net: stack.Net, links: stack.Links, clock: clock, nl: family}

	w.net.Lock()
	for i, p := range ports {
		_, err := w.links.Add(link.Config{
			Index: uint32(i + 2), Name: p.name, Port: uint16(i), Kind: "tun", HardAddr: p.mac,
			MaxMTU: 65521, Carrier: true,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.net.Unlock()

	path := filepath.Join(t.TempDir(), "nl")
	srv, err := nlserver.New(nlserver.Config{Path: path, Families: []*nlserver.Family{family, genetlink.New(genetlink.Tables{
		Net: stack.Net, Links: stack.Links, Devices: stack.Devices,
	})}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ctx) }()
	t.Cleanup(func() { cancel(); srv.Close(); <-done })
	mountFiles(t, stack, srv, path+".fs")
	w.env = append(os.Environ(), "LD_PRELOAD="+shim, "SKUA_SOCKET="+path)
	return w
}

func (w *skuaWorld) command(tool string, args []string) *exec.Cmd {
	if w.under != nil {
		if path, err := exec.LookPath(tool); err == nil {
			args = append([]string{path, tool}, args...)
		}
		args = append(w.under[1:], args...)
		tool = w.under[0]
	}
	cmd := exec.Command(tool, args...)
	cmd.Env = w.env
	return cmd
}

func (w *skuaWorld) start(cmd *exec.Cmd) error { return cmd.Start() }

func (w *skuaWorld) sysctl(name string, value *string) (string, error) {
	w.net.Lock()
	defer w.net.Unlock()
	if value != nil {
		return "", w.links.SetSysctl(name, *value)
	}
	return w.links.Sysctl(name)
}

func (w *skuaWorld) carrier(port string, up bool) error {
	w.net.Lock()
	defer w.net.Unlock()
	return w.links.SetCarrier(w.links.ByName(port), up)
}

// listens needs no pid: a monitor is the only one that joins groups.
func (w *skuaWorld) listens(int) bool {
	for group := range w.nl.Groups + 1 {
		if w.nl.HasListeners(group) {
			return true
		}
	}
	return false
}

func (w *skuaWorld) wait(d time.Duration) { w.clock.Advance(d) }

// settle runs what was to happen at once.
func (w *skuaWorld) settle() { w.clock.Advance(0) }

func asErrno(err error, no *syscall.Errno) bool { return errors.As(err, no) }

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
	own := filepath.Join(t.TempDir(), "skua-shim.so")
	args := []string{"-std=gnu11", "-O2", "-fPIC", "-shared", "-o", own}
	for _, s := range sources {
		if strings.HasSuffix(s, ".c") {
			args = append(args, s)
		}
	}
	out, err := exec.Command("cc", append(args, "-ldl", "-lpthread")...).CombinedOutput()
	if err != nil {
		t.Fatalf("the shim does not compile: %v\n%s", err, out)
	}
	return own
}

// newer says whether path is there and not older than any of the sources.
func newer(path string, sources []string) bool {
	st, err := os.Stat(path)
	if err != nil {
		return false
	}
	for _, s := range sources {
		if src, err := os.Stat(s); err != nil || src.ModTime().After(st.ModTime()) {
			return false
		}
	}
	return true
}
