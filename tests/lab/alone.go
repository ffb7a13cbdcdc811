// SPDX-License-Identifier: BSD-3-Clause

package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// NewAlone is a router that is a Skua without links, neighbours and twins; bin is the folder that
// Build filled.
func NewAlone(t T, bin string) *Router {
	t.Helper()
	dir, err := os.MkdirTemp("", "skua-interop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRouter(t, bin, dir, fmt.Sprintf("skua-i%d-%d", os.Getpid(), labs.Add(1)))
	r.Socket = filepath.Join(r.Dir, "run/netlink.sock")
	file := filepath.Join(r.Dir, "skua.toml")
	text := fmt.Sprintf("[appliance]\nsocket = %q\nsocket_mode = \"0666\"\nallow_users = [\"frr\"]\n[dataplane]\nmemory_mb = 128\nmbufs = 8192\n", r.Socket)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	log := r.Daemon("skua", exec.Command("ip", "netns", "exec", r.NS, filepath.Join(bin, "skua"), "run", file)).Logged
	Eventually(t, 20*time.Second, func() string {
		if !strings.Contains(log(), "msg=forwarding") {
			return "skua does not forward: " + log()
		}
		return ""
	})
	return r
}

// Skua runs a command of skua that speaks to the router's.
func (r *Router) Skua(args ...string) (string, error) {
	cmd := exec.Command("ip", append([]string{"netns", "exec", r.NS, filepath.Join(r.bin, "skua")}, args...)...)
	cmd.Env = append(os.Environ(), "SKUA_SOCKET="+r.Socket)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
