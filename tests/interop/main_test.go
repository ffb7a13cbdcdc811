// SPDX-License-Identifier: BSD-3-Clause

// Package interop_test runs the routing daemons of Debian, unmodified, on a Skua between two routers
// of the kernel's, and on a kernel between them. It needs root.
package interop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bin is where the binary and the shim were built, "" without root.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Geteuid() != 0 {
		return m.Run() // every test says that it skips
	}
	dir, err := os.MkdirTemp("", "skua-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shim, err := filepath.Glob("../../nlserver/shim/*.c")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, cmd := range [][]string{
		{"chmod", "755", dir},
		{"go", "build", "-o", filepath.Join(dir, "skua"), "skua/appliance"},
		append(append([]string{"cc", "-std=gnu11", "-O2", "-fPIC", "-shared", "-o", filepath.Join(dir, "skua-shim.so")},
			shim...), "-ldl", "-lpthread"),
	} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", cmd, err, out)
			return 1
		}
	}
	bin = dir
	return m.Run()
}
