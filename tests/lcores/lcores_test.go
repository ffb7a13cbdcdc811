// SPDX-License-Identifier: BSD-3-Clause

package lcores

import (
	"debug/elf"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

var update = flag.Bool("update", false, "write the table of ARCHITECTURE.md")

// compile links a program of this folder with the data plane.
func compile(dir, name string, flags ...string) (string, error) {
	out := filepath.Join(dir, name)
	cmd := exec.Command("sh", append([]string{"tests/fuzz/build.sh", out, "tests/lcores/" + name + ".c", "-Itests/fuzz"}, flags...)...)
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	return out, nil
}

// lines is lines.c, compiled once for all tests.
var lines = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "skua-lcores-")
	if err != nil {
		return "", err
	}
	return compile(dir, "lines", "-O2")
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := lines(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func needDPDK(t *testing.T) {
	t.Helper()
	if exec.Command("pkg-config", "--exists", "libdpdk").Run() != nil {
		t.Skip("DPDK is not installed: pkg-config does not know libdpdk")
	}
}

func build(t *testing.T) string {
	t.Helper()
	needDPDK(t)
	path, err := lines()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHash looks at the hash by which flows are spread, under ASan and UBSan.
func TestHash(t *testing.T) {
	needDPDK(t)
	path, err := compile(t.TempDir(), "hash", "-O1", "-fsanitize=address,undefined", "-fno-sanitize=alignment",
		"-fno-sanitize-recover=all")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestMove keeps a worker from its CPU while a flow that it has packets of is given to another.
func TestMove(t *testing.T) {
	needDPDK(t)
	path, err := compile(t.TempDir(), "move", "-O2")
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"rps", "queue"} {
		if out, err := exec.Command(path, what).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
}

// TestNoLineIsShared looks for lines that two workers write, or that one writes and all read.
func TestNoLineIsShared(t *testing.T) {
	path := build(t)
	for _, tt := range []struct {
		mode string
		code int
		says string
	}{
		{"queues", 0, "worker 1 wrote"},
		{"rps", 0, "worker 1 wrote"},
		{"same-lcore", 1, "both workers wrote line"}, // what there is to find is found
	} {
		out, err := exec.Command(path, tt.mode).CombinedOutput()
		code := 0
		if exit, ok := err.(*exec.ExitError); ok {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != tt.code || !strings.Contains(string(out), tt.says) {
			t.Errorf("%s: exit status %d, want %d\n%s", tt.mode, code, tt.code, out)
		}
	}
}

// What is written while packets flow, by workers or by the control plane, has no line in common with
// what every worker reads per packet or per turn. Tables that are replaced as a whole are not here.
var (
	written = []string{"dp_lock", "inject_lock", "rcu_calls", "punt_armed", "netdev_txqs"}
	hot     = []string{"flow_seed", "dp_stopping", "skb_pool", "softnet_data", "net_table", "netdev_ports", "punt_hz",
		"punt_rates", "rcu_qsbr"}
)

func TestGlobalsThatAreWrittenStandAlone(t *testing.T) {
	file, err := elf.Open(build(t))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	find := func(name string) elf.Symbol {
		for _, s := range symbols {
			if s.Name == name && elf.ST_TYPE(s.Info) == elf.STT_OBJECT {
				return s
			}
		}
		t.Fatalf("there is no variable %s", name)
		return elf.Symbol{}
	}
	for _, w := range written {
		for _, h := range hot {
			a, b := find(w), find(h)
			if a.Value/lineSize <= (b.Value+b.Size-1)/lineSize && b.Value/lineSize <= (a.Value+a.Size-1)/lineSize {
				t.Errorf("%s (%#x, %d bytes), which is written, shares a line with %s (%#x, %d bytes), which workers read",
					w, a.Value, a.Size, h, b.Value, b.Size)
			}
		}
	}
}

// sizes asks the program for the constants of the model.
func sizes(t *testing.T) Sizes {
	t.Helper()
	out, err := exec.Command(build(t), "sizes").Output()
	if err != nil {
		t.Fatal(err)
	}
	var s Sizes
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		name := strings.ToLower(v.Type().Field(i).Name)
		for l := range strings.Lines(strings.ReplaceAll(string(out), "_", "")) {
			if f := strings.Fields(l); len(f) == 2 && f[0] == name {
				n, err := strconv.Atoi(f[1])
				if err != nil {
					t.Fatal(err)
				}
				v.Field(i).SetFloat(float64(n))
			}
		}
		if v.Field(i).Float() == 0 {
			t.Fatalf("%s is not among\n%s", name, out)
		}
	}
	return s
}

// TestModel compares ARCHITECTURE.md with what the model says, by the constants of the C code.
func TestModel(t *testing.T) {
	s := sizes(t)
	for _, m := range modes {
		if n := m.Lines(s, 1); n != 0 {
			t.Errorf("%s: with one worker %v lines move", m.name, n)
		}
		for n := 2.0; n <= s.Workers; n++ {
			if m.Lines(s, n) < m.Lines(s, n-1) {
				t.Errorf("%s: fewer lines move with %v workers than with one less", m.name, n)
			}
		}
	}
	path := filepath.Join(root, "ARCHITECTURE.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "```lines\n")
	shown, after, ok := strings.Cut(rest, "```")
	want := Table(s)
	if *update && ok {
		if err := os.WriteFile(path, []byte(before+"```lines\n"+want+"```"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !ok || shown != want {
		t.Errorf("ARCHITECTURE.md shows (-update writes it)\n%swant\n%s", shown, want)
	}
}
