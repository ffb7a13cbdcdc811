// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// frr is FRR on a router: Debian's daemons as Debian's user, with a folder of their own.
type frr struct {
	r       *router
	dir     string
	daemons map[string]*daemon
}

// startFRR starts zebra and the daemons, each with its configuration.
func (r *router) startFRR(conf map[string]string) *frr {
	r.t.Helper()
	if _, err := os.Stat("/usr/lib/frr/zebra"); err != nil {
		r.t.Skip("it needs Debian's package frr")
	}
	f := &frr{r: r, dir: filepath.Join(r.dir, "frr"), daemons: map[string]*daemon{}}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	chown(r.t, "frr", f.dir)
	f.start("zebra", conf["zebra"])
	f.await("zebra")
	for _, name := range []string{"staticd", "bfdd", "ospfd", "ospf6d", "isisd", "bgpd", "vrrpd"} {
		if text, ok := conf[name]; ok {
			f.start(name, text)
		}
	}
	for name := range conf {
		f.await(name)
	}
	return f
}

func chown(t *testing.T, name string, paths ...string) {
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

// start runs one of FRR's daemons.
func (f *frr) start(name, conf string, more ...string) {
	f.r.t.Helper()
	file := filepath.Join(f.dir, name+".conf")
	if err := os.WriteFile(file, []byte("log stdout informational\n"+conf), 0o640); err != nil {
		f.r.t.Fatal(err)
	}
	chown(f.r.t, "frr", file)
	args := []string{"/usr/lib/frr/" + name, "-f", file, "-i", filepath.Join(f.dir, name+".pid"),
		"-z", filepath.Join(f.dir, "zserv.api"), "--vty_socket", f.dir, "-P", "0"}
	if name == "zebra" {
		args = append(args, "-s", "4000000")
	}
	if name == "bgpd" {
		args = append(args, "-p", "179")
	}
	f.daemons[name] = f.r.daemon(name, f.r.command(append(args, more...)...))
}

// await waits until a daemon can be talked to.
func (f *frr) await(name string) {
	f.r.t.Helper()
	eventually(f.r.t, 20*time.Second, func() string {
		select {
		case <-f.daemons[name].done:
			f.r.t.Fatalf("%s of %s has ended:\n%s", name, f.r.ns, f.daemons[name].logged())
		default:
		}
		if _, err := os.Stat(filepath.Join(f.dir, name+".vty")); err != nil {
			return err.Error()
		}
		return ""
	})
}

// vtysh gives what commands print.
func (f *frr) vtysh(commands ...string) string {
	args := []string{"netns", "exec", f.r.ns, "vtysh", "--vty_socket", f.dir}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return err.Error() + ": " + string(out)
	}
	return string(out)
}

// lines says whether every wanted text is in one line each.
func missing(text string, want ...string) string {
	for _, w := range want {
		if !strings.Contains(text, w) {
			return w + " is not in\n" + text
		}
	}
	return ""
}
