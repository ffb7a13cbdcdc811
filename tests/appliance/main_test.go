// SPDX-License-Identifier: BSD-3-Clause

// Package appliance_test runs the skua binary as its operator does: a TOML file, real packets of
// real programs in network namespaces, ip through `skua exec`, signals, and what is left behind.
//
// The links are TAPs and veths in namespaces that each test makes and deletes. It needs root.
package appliance_test

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
	dir, err := os.MkdirTemp("", "skua-appliance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	bin = dir
	return m.Run()
}

func build(dir string) error {
	shim, err := filepath.Glob("../../nlserver/shim/*.c")
	if err != nil {
		return err
	}
	for _, cmd := range [][]string{
		{"chmod", "755", dir},
		{"go", "build", "-o", filepath.Join(dir, "skua"), "skua/appliance"},
		append(append([]string{"cc", "-std=gnu11", "-O2", "-fPIC", "-shared", "-o", filepath.Join(dir, "skua-shim.so")},
			shim...), "-ldl", "-lpthread"),
	} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd, err, out)
		}
	}
	return nil
}
