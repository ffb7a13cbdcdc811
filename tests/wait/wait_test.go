// SPDX-License-Identifier: BSD-3-Clause

// Package wait runs the protocol by which workers sleep and are woken (dataplane/include/lib/wait.h)
// against threads that try to slip between its two sides: plain, and under the thread sanitizer. The
// test itself is the C file beside this one.
package wait

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func build(t *testing.T, flags ...string) string {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	if _, err := exec.LookPath(cc); err != nil {
		t.Skipf("%s is not installed", cc)
	}
	out := filepath.Join(t.TempDir(), "wait")
	args := append([]string{"-std=gnu11", "-g", "-O2", "-Wall", "-Wextra", "-I../../dataplane/include",
		"-o", out, "wait.c", "-lpthread"}, flags...)
	if msg, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, msg)
	}
	return out
}

func run(t *testing.T, program, what, rounds string) {
	t.Helper()
	out, err := exec.Command(program, what, rounds).CombinedOutput()
	if bytes.Contains(out, []byte("unexpected memory mapping")) {
		t.Skip("this kernel's address space layout is not one that the thread sanitizer knows")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(strings.TrimSpace(string(out)))
}

func rounds(full, short string) string {
	if testing.Short() {
		return short
	}
	return full
}

// Without either fence this fails, as a rule within a million rounds.
func TestNoWakeUpIsLost(t *testing.T) {
	program := build(t, "-Werror")
	run(t, program, "meet", rounds("2000000", "100000"))
	run(t, program, "sleep", rounds("500000", "20000"))
}

func TestThreadSanitizer(t *testing.T) {
	program := build(t, "-fsanitize=thread")
	run(t, program, "meet", rounds("100000", "20000"))
	run(t, program, "sleep", rounds("100000", "20000"))
}
