// SPDX-License-Identifier: BSD-3-Clause

// Package fib compiles the routing tables of the data plane by themselves and runs them against a
// slow obvious twin: plain, under the address and undefined behaviour sanitizers, and under the
// thread sanitizer. The tests themselves are the C files beside this one.
package fib

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// sources are the C files of the tables, of RCU and of the tests.
func sources(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{
		"tests/fib/*.c",
		"dataplane/lib/rcu.c",
		"dataplane/lib/fib_*.c",
		"dataplane/net/ipv4/ip_fib.c",
		"dataplane/net/ipv4/fib_dir24_8*.c",
		"dataplane/net/ipv6/ip6_fib.c",
	} {
		match, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(match) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		files = append(files, match...)
	}
	return files
}

// build compiles the test program with the flags added and returns its path.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	for _, tool := range []string{cc, "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	dpdk, err := exec.Command("pkg-config", "--cflags", "libdpdk").Output()
	if err != nil {
		t.Skip("DPDK is not installed: pkg-config does not know libdpdk")
	}
	out := filepath.Join(t.TempDir(), "fib_test")
	args := []string{"-std=gnu11", "-g", "-O2", "-Wall", "-Wextra", "-Werror",
		"-I" + filepath.Join(root, "dataplane/include"), "-o", out}
	args = append(args, strings.Fields(string(dpdk))...)
	args = append(args, flags...)
	args = append(args, sources(t)...)
	args = append(args, "-lrte_rcu", "-lrte_eal", "-lpthread")
	if msg, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, msg)
	}
	return out
}

// run gives each test of the program a process of its own.
func run(t *testing.T, program string, env []string, changes string, tests ...string) {
	t.Helper()
	for _, name := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(program, "-n", changes, name)
			cmd.Env = append(os.Environ(), env...)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil {
				if strings.Contains(out.String(), "unexpected memory mapping") {
					t.Skip("this kernel's address space layout is not one that the thread sanitizer knows")
				}
				t.Fatalf("%v\n%s", err, out.String())
			}
			t.Log(out.String())
		})
	}
}

func changes(full, short string) string {
	if testing.Short() {
		return short
	}
	return full
}

func TestTables(t *testing.T) {
	run(t, build(t), nil, changes("1000000", "100000"),
		"rcu", "edges", "views", "memory", "twin4", "twin6", "readers4", "readers6")
}

// The sanitizer's own mappings make a test of exhausted memory meaningless.
func TestTablesAddressSanitizer(t *testing.T) {
	program := build(t, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	run(t, program, []string{"ASAN_OPTIONS=detect_leaks=1"}, changes("100000", "20000"),
		"rcu", "edges", "views", "twin4", "twin6", "readers4", "readers6")
}

// What the vector variants read the sanitizer does not see, so the program does without them.
func TestTablesThreadSanitizer(t *testing.T) {
	program := build(t, "-fsanitize=thread")
	run(t, program, nil, changes("100000", "20000"),
		"rcu", "readers4", "readers6")
}
