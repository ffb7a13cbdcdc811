// SPDX-License-Identifier: BSD-3-Clause

package lab

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// FRR is FRR on a router: Debian's Daemons as Debian's user, with a folder of their own.
type FRR struct {
	r       *Router
	dir     string
	Daemons map[string]*Daemon
}

// StartFRR starts zebra and the Daemons, each with its configuration.
func (r *Router) StartFRR(conf map[string]string) *FRR {
	r.t.Helper()
	if _, err := os.Stat("/usr/lib/frr/zebra"); err != nil {
		r.t.Skip("it needs Debian's package frr")
	}
	f := &FRR{r: r, dir: filepath.Join(r.Dir, "frr"), Daemons: map[string]*Daemon{}}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	chown(r.t, "frr", f.dir)
	f.Start("zebra", conf["zebra"])
	f.await("zebra")
	for _, name := range []string{"staticd", "bfdd", "ospfd", "ospf6d", "isisd", "bgpd", "vrrpd"} {
		if text, ok := conf[name]; ok {
			f.Start(name, text)
		}
	}
	for name := range conf {
		f.await(name)
	}
	return f
}

func chown(t T, name string, paths ...string) {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	for _, p := range paths {
		if err := os.Chown(p, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
}

// Start runs one of FRR's Daemons.
func (f *FRR) Start(name, conf string, more ...string) {
	f.r.t.Helper()
	file := filepath.Join(f.dir, name+".conf")
	if err := os.WriteFile(file, []byte("log stdout informational\n"+conf), 0o640); err != nil {
		f.r.t.Fatal(err)
	}
	chown(f.r.t, "frr", file)
	args := []string{"/usr/lib/frr/" + name, "-f", file, "-i", filepath.Join(f.dir, name+".pid"),
		"-z", filepath.Join(f.dir, "zserv.api"), "--vty_socket", f.dir, "-P", "0"}
	if name == "zebra" {
		// It takes an overrun for nothing when its peek is told of it, and misses what was lost.
		args = append(args, "-s", "90000000")
	}
	if name == "bgpd" {
		args = append(args, "-p", "179")
	}
	f.Daemons[name] = f.r.Daemon(name, f.r.Command(append(args, more...)...))
}

// await waits until a daemon can be talked to.
func (f *FRR) await(name string) {
	f.r.t.Helper()
	Eventually(f.r.t, 20*time.Second, func() string {
		select {
		case <-f.Daemons[name].Done:
			f.r.t.Fatalf("%s of %s has ended:\n%s", name, f.r.NS, f.Daemons[name].Logged())
		default:
		}
		if _, err := os.Stat(filepath.Join(f.dir, name+".vty")); err != nil {
			return err.Error()
		}
		return ""
	})
}

// Vtysh gives what commands print.
func (f *FRR) Vtysh(commands ...string) string {
	args := []string{"netns", "exec", f.r.NS, "vtysh", "--vty_socket", f.dir}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return err.Error() + ": " + string(out)
	}
	return string(out)
}

// Missing says which wanted text is not there; "" when all are.
func Missing(text string, want ...string) string {
	for _, w := range want {
		if !strings.Contains(text, w) {
			return w + " is not in\n" + text
		}
	}
	return ""
}
