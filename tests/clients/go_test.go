// SPDX-License-Identifier: BSD-3-Clause

package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"skua/tests/lab"
)

// made is what links come to of kinds that not every kernel has.
var made = map[string]string{
	"macvlan": "<nil>\nmacvlan true\ntrue true\n<nil> <nil>\n",
	"dummy":   "<nil>\ndummy true <nil> <nil>\n<nil> 1\n10.10.0.0/24 cd0 <nil> 10.10.0.1 254 1 kernel link 0 0 0\n<nil>\n",
	"vlan":    "<nil>\nvlan true\n5 802.1q true\nfile exists\n<nil>\n",
	"vrf": "<nil>\nvrf true\n100\n<nil> <nil> true\n<nil> 3\n" +
		"198.51.100.0/24 right0 <nil> 198.51.100.1 100 1 kernel link 0 0 0\n" +
		"198.51.100.1/32 right0 <nil> 198.51.100.1 100 2 kernel host 0 0 0\n" +
		"198.51.100.255/32 right0 <nil> 198.51.100.1 100 3 kernel link 0 0 0\n" +
		"<nil> 0 <nil>\n",
}

// sections are what the program in Go printed.
func sections(text string) (names []string, all map[string]string) {
	all = map[string]string{}
	for _, s := range strings.Split(text, "# ")[1:] {
		name, rest, _ := strings.Cut(s, "\n")
		names = append(names, name)
		all[name] = rest
	}
	return names, all
}

// goProgram builds testdata/golink.
func goProgram(t *testing.T, static bool) string {
	t.Helper()
	prog := filepath.Join(t.TempDir(), "golink")
	build := exec.Command("go", "build", "-o", prog, "./testdata/golink")
	build.Env = append(os.Environ(), "CGO_ENABLED="+map[bool]string{true: "0", false: "1"}[static])
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Chmod(filepath.Dir(prog), 0o755); err != nil {
		t.Fatal(err)
	}
	return prog
}

// TestGo runs a program that speaks netlink by the library that most programs in Go speak it by, on
// the kernel and on Skua, linked statically and with the C library. It makes its system calls by
// itself in both cases.
func TestGo(t *testing.T) {
	ours, theirs := newLab(t, true), newLab(t, false)
	for _, static := range []bool{true, false} {
		t.Run(map[bool]string{true: "static", false: "dynamic"}[static], func(t *testing.T) {
			prog := goProgram(t, static)
			run := func(r *lab.Router) result {
				ns := r.NS + "x"
				if r := runCmd(exec.Command("ip", "netns", "add", ns)); r.code != 0 {
					t.Fatal(r)
				}
				defer func() { _ = exec.Command("ip", "netns", "del", ns).Run() }()
				return runCmd(r.Command(prog, ns))
			}
			k, s := run(theirs.DUT), run(ours.DUT)
			if k.code != 0 || s.code != 0 || k.err != s.err {
				t.Fatalf("the kernel: %v\nSkua: %v", k, s)
			}
			names, kernel := sections(k.out)
			_, skua := sections(s.out)
			for _, name := range names {
				want, there := made[name]
				if !there || kernel[name] != "operation not supported\n" { // a kernel that has not this kind
					if skua[name] != kernel[name] {
						t.Errorf("%s: the kernel:\n%sSkua:\n%s", name, kernel[name], skua[name])
					}
				}
				if there && skua[name] != want {
					t.Errorf("%s: it prints\n%swant\n%s", name, skua[name], want)
				}
			}
		})
	}
}
