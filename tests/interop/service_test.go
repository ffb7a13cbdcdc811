// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skua/tests/lab"
)

// service is what systemd does with a unit of Debian's that has the drop-in of `skua service enable`.
type service struct {
	unit  string
	files map[string]string // its configuration: path to text
	owner string            // of those
	runs  string            // folder below /run that it has to itself
}

// TestServices starts the services of Debian's packages by their own units and the drop-in, in the
// folders where they look for their configuration.
func TestServices(t *testing.T) {
	t.Parallel()
	if bin == "" {
		t.Skip("network namespaces and devices need root")
	}
	l := lab.New(t, bin, true, 1)
	route := func(to, proto string) func() string {
		return func() string {
			return lab.Missing(l.DUT.Must("ip", "route"), to+" ", "via 192.0.2.2 dev left0 proto "+proto)
		}
	}
	for _, c := range []struct {
		service
		works func() string
	}{
		{service{"frr", map[string]string{
			"/etc/frr/daemons":  "vtysh_enable=yes\nzebra_options=\"-A 127.0.0.1 -P 0\"\nstaticd_options=\"-A 127.0.0.1 -P 0\"\n",
			"/etc/frr/frr.conf": "ip route 203.0.113.0/24 192.0.2.2\n", "/etc/frr/vtysh.conf": "service integrated-vtysh-config\n",
		}, "frr", "frr"}, route("203.0.113.0/24", "static")},
		{service{"bird", map[string]string{
			"/etc/bird/envvars": "BIRD_RUN_USER=bird\nBIRD_RUN_GROUP=bird\n",
			"/etc/bird/bird.conf": "router id 10.0.0.2;\nprotocol device {}\nprotocol static { ipv4; route 203.0.112.0/24 via 192.0.2.2; }\n" +
				"protocol kernel { ipv4 { export all; }; }\n",
		}, "bird", "bird"}, route("203.0.112.0/24", "bird")},
		{service{"keepalived", map[string]string{
			"/etc/keepalived/keepalived.conf": "vrrp_instance V {\n state MASTER\n interface right0\n virtual_router_id 9\n advert_int 1\n virtual_ipaddress {\n 198.51.100.9/24\n }\n}\n",
		}, "root", "keepalived"}, func() string {
			return lab.Missing(l.DUT.Must("ip", "addr", "show", "dev", "right0"), "inet 198.51.100.9/24")
		}},
	} {
		c.start(t, l.DUT)
		lab.Eventually(t, 40*time.Second, c.works)
	}
}

// start runs the commands of the unit until the test ends, in a mount and PID namespace of its own.
func (s *service) start(t *testing.T, r *lab.Router) {
	t.Helper()
	root := filepath.Join(r.Dir, "root")
	text, err := os.ReadFile("/lib/systemd/system/" + s.unit + ".service")
	if err != nil {
		t.Skipf("it needs Debian's package of the service %s", s.unit)
	}
	put(t, filepath.Join(root, "lib/systemd/system", s.unit+".service"), string(text))
	enable := exec.Command(filepath.Join(bin, "skua"), "service", "enable", "--root", root, "--socket", r.Socket, s.unit)
	if out, err := enable.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	more, err := os.ReadFile(filepath.Join(root, "etc/systemd/system", s.unit+".service.d/50-skua.conf"))
	if err != nil {
		t.Fatal(err)
	}

	script := []string{"set -e", "mount --make-rprivate /", "mount -t proc proc /proc"}
	for path, text := range s.files {
		put(t, filepath.Join(root, path), text)
	}
	for path := range s.files {
		dir := filepath.Dir(path)
		bind := fmt.Sprintf("mount --bind %s %s", filepath.Join(root, dir), dir)
		if last := script[len(script)-1]; last != bind {
			script = append(script, fmt.Sprintf("mkdir -p %s", dir), fmt.Sprintf("chown -R %s %s", s.owner, filepath.Join(root, dir)), bind)
		}
	}
	script = append(script, "mount -t tmpfs tmpfs /var/tmp", "mount -t tmpfs tmpfs /run", // it leaves nothing behind
		"mkdir -p /run/"+s.runs, "chown "+s.owner+" /run/"+s.runs)
	var start []string
	for _, line := range strings.Split(string(text)+string(more), "\n") {
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "Environment":
			script = append(script, "export "+value)
		case "EnvironmentFile":
			file := strings.TrimPrefix(value, "-")
			script = append(script, fmt.Sprintf("if [ -e %s ]; then set -a; . %s; set +a; fi", file, file))
		case "ExecStartPre", "ExecStart":
			start = append(start, value)
		}
	}
	script = append(append(script, start...), "sleep infinity") // those that fork go with PID 1
	r.Daemon(s.unit+".service", exec.Command("ip", "netns", "exec", r.NS, "unshare", "--mount", "--pid", "--fork", "--kill-child",
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c", strings.Join(script, "\n")))
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
