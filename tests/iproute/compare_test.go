// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCompare runs all scripts in both worlds.
func TestCompare(t *testing.T) {
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip (Debian: iproute2)")
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	lib := shim(t)
	known := readDifferences(t)
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			s, err := readScript(path)
			if err != nil {
				t.Fatal(err)
			}
			if s.skip != "" {
				t.Skip(s.skip)
			}
			skua := run(t, newSkua(t, lib), s)
			if os.Geteuid() != 0 {
				t.Skip("ran on Skua only: the kernel's side needs root")
			}
			if older(release(), s.kernel) {
				t.Skipf("ran on Skua only: this kernel is %s", release())
			}
			kernel := run(t, newKernel(t), s)
			compare(t, filepath.Base(path), s, kernel, skua, known)
		})
	}
	if !t.Failed() {
		known.unused(t)
	}
}

// compare reports the steps whose answers differ and are not listed.
func compare(t *testing.T, file string, s *script, kernel, skua []answer, known *differences) {
	known.ran(file)
	for i, st := range s.steps {
		k, g := kernel[i], skua[i]
		var diff []string
		if a, b := normalise(k.stdout), normalise(g.stdout); a != b {
			diff = append(diff, sideBySide("stdout", a, b))
		}
		if a, b := normalise(k.stderr), normalise(g.stderr); a != b {
			diff = append(diff, sideBySide("stderr", a, b))
		}
		if k.code != g.code {
			diff = append(diff, fmt.Sprintf("exit code: kernel %d, Skua %d", k.code, g.code))
		}
		if len(diff) > 0 && !known.has(file, st) {
			t.Errorf("%s:%s\n%s", file, st.text(), strings.Join(diff, "\n"))
		}
	}
}

// sideBySide shows two texts with the lines that only one of them has marked.
func sideBySide(what, kernel, skua string) string {
	a, b := strings.Split(kernel, "\n"), strings.Split(skua, "\n")
	// length[i][j] of the longest common subsequence of a[i:] and b[j:].
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "  %s (-kernel +Skua):\n", what)
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			fmt.Fprintf(&out, "      %s\n", a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			fmt.Fprintf(&out, "    - %s\n", a[i])
			i++
		default:
			fmt.Fprintf(&out, "    + %s\n", b[j])
			j++
		}
	}
	return out.String()
}

// differences are those that stay, of testdata/differences.
type differences struct {
	mu    sync.Mutex
	lines map[string]string // "file: command" to the reason
	used  map[string]bool
	files map[string]bool // that were compared
}

// readDifferences reads lines of the form "FILE: COMMAND => REASON".
func readDifferences(t *testing.T) *differences {
	d := &differences{lines: map[string]string{}, used: map[string]bool{}, files: map[string]bool{}}
	f, err := os.Open("testdata/differences")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		line := strings.TrimSpace(in.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		what, why, ok := strings.Cut(line, " => ")
		if !ok || why == "" {
			t.Fatalf("testdata/differences: no reason in %q", line)
		}
		d.lines[what] = why
	}
	return d
}

func (d *differences) has(file string, st step) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := fmt.Sprintf("%s: %s %s", file, st.verb, strings.Join(st.args, " "))
	if _, ok := d.lines[key]; !ok {
		return false
	}
	d.used[key] = true
	return true
}

// ran notes that a script has been compared.
func (d *differences) ran(file string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[file] = true
}

// unused complains about entries that no longer apply.
func (d *differences) unused(t *testing.T) {
	for key := range d.lines {
		file, _, _ := strings.Cut(key, ":")
		if d.files[file] && !d.used[key] {
			t.Errorf("testdata/differences: no longer differs: %s", key)
		}
	}
}

func release() string {
	var u unix.Utsname
	_ = unix.Uname(&u)
	return unix.ByteSliceToString(u.Release[:])
}

// older says whether a kernel release is older than want.
func older(have, want string) bool {
	if want == "" {
		return false
	}
	var a, b [2]int
	fmt.Sscanf(have, "%d.%d", &a[0], &a[1])
	fmt.Sscanf(want, "%d.%d", &b[0], &b[1])
	return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
}
