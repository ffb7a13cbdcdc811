// SPDX-License-Identifier: BSD-3-Clause

package lcores

import (
	"debug/elf"
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

// program builds lines.c once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "skua-lcores-")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "lines")
	cmd := exec.Command("sh", "tests/fuzz/build.sh", out, "tests/lcores/lines.c", "-O2", "-Itests/fuzz")
	cmd.Dir = root
	text, err := cmd.CombinedOutput()
	if err != nil {
		return string(text), err
	}
	return out, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func build(t *testing.T) string {
	t.Helper()
	if exec.Command("pkg-config", "--exists", "libdpdk").Run() != nil {
		t.Skip("DPDK is not installed: pkg-config does not know libdpdk")
	}
	path, err := program()
	if err != nil {
		t.Fatalf("%v\n%s", err, path)
	}
	return path
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
			if a.Value/line <= (b.Value+b.Size-1)/line && b.Value/line <= (a.Value+a.Size-1)/line {
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
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```lines\n")
	shown, _, ok := strings.Cut(rest, "```")
	if want := Table(s); !ok || shown != want {
		t.Errorf("ARCHITECTURE.md shows\n%swant\n%s", shown, want)
	}
}
