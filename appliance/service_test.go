// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestService(t *testing.T) {
	root := t.TempDir()
	put := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("lib/systemd/system/frr.service", "[Service]\n")
	put("usr/lib/systemd/system/radvd.service", "[Service]\n")
	put("etc/skua/skua.toml", "[[link]]\nname = \"a\"\ntap = {}\n")
	var out bytes.Buffer
	s := &services{root: root, socket: "/run/x/netlink.sock", shim: "/usr/lib/skua/skua-shim.so", out: &out}

	// One that is not there, and nothing changes.
	for _, names := range [][]string{{"frr", "nosuch"}, {"frr", "../frr"}} {
		if err := s.each(names, s.enable); err == nil || !strings.HasPrefix(err.Error(), "there is no service "+names[1]) {
			t.Errorf("%v: %v", names, err)
		}
		if _, err := os.Stat(filepath.Join(root, "etc/systemd")); err == nil {
			t.Error("it changed something")
		}
	}
	if err := s.each([]string{"frr", "radvd.service"}, s.enable); err != nil {
		t.Fatal(err)
	}
	const said = "frr.service runs on Skua from its next start: systemctl restart frr.service\n" +
		"it runs as the user frr: /etc/skua/skua.toml has to say allow_users = [\"frr\"] in [appliance]\n" +
		"radvd.service runs on Skua from its next start: systemctl restart radvd.service\n"
	if out.String() != said {
		t.Errorf("it said %q", out.String())
	}
	text, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/frr.service.d/50-skua.conf"))
	if want := "\nEnvironment=LD_PRELOAD=/usr/lib/skua/skua-shim.so SKUA_SUPERVISE=/usr/lib/skua/skua-supervise SKUA_SOCKET=/run/x/netlink.sock\n"; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%v: %q", err, text)
	}
	if got, _, err := skua(t, "service", "list", "--root", root); err != nil || got != "frr.service\nradvd.service\n" {
		t.Errorf("list: %q %v", got, err)
	}
	if got, _, err := skua(t, "service", "disable", "--root", root, "frr"); err != nil || !strings.HasPrefix(got, "frr.service runs on the kernel") {
		t.Errorf("disable: %q %v", got, err)
	}
	if _, _, err := skua(t, "service", "disable", "--root", root, "frr"); err == nil || err.Error() != "frr.service does not run on Skua" {
		t.Errorf("disable: %v", err)
	}
	if got, _, err := skua(t, "service", "list", "--root", root); err != nil || got != "radvd.service\n" {
		t.Errorf("list: %q %v", got, err)
	}
}

// TestServiceOfAGoProgram: nothing can be preloaded into it, so that its command changes.
func TestServiceOfAGoProgram(t *testing.T) {
	root := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"lib/systemd/system", "usr/bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self, filepath.Join(root, "usr/bin/gobgpd")); err != nil {
		t.Fatal(err)
	}
	enable := func(commands string) (string, error) {
		t.Helper()
		unit := filepath.Join(root, "lib/systemd/system/gobgpd.service")
		if err := os.WriteFile(unit, []byte("[Service]\nExecStartPre=/bin/true\n"+commands+"Restart=always\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		s := &services{root: root, socket: "/run/x/netlink.sock", shim: "/usr/lib/skua/skua-shim.so", out: &bytes.Buffer{}}
		err := s.each([]string{"gobgpd"}, s.enable)
		text, _ := os.ReadFile(s.dropIn("gobgpd.service"))
		return string(text), err
	}
	text, err := enable("ExecStart=-/usr/bin/gobgpd -f \\\n  /etc/gobgpd.conf\n")
	if want := "ExecStart=\nExecStart=-" + self + " exec -- /usr/bin/gobgpd -f \\\n  /etc/gobgpd.conf\n"; err != nil || !strings.HasSuffix(text, want) {
		t.Errorf("%v: %q", err, text)
	}
	if _, err = enable("ExecStart=@/usr/bin/gobgpd other\n"); err == nil || !strings.Contains(err.Error(), "ExecStart=@") {
		t.Errorf("a name of its own: %v", err)
	}
}
