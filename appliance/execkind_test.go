// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhoMakesItsOwnCalls(t *testing.T) {
	self, err := os.Executable() // is written in Go
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := func(name, first string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(first+"\nexit 0\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]bool{
		self:                               true,
		"/bin/sh":                          false,
		script("shell", "#! /bin/sh -e"):   false,
		script("own", "#!"+self+" -x"):     true,
		script("plain", "echo"):            false,
		script("env", "#!/usr/bin/env sh"): false,
		filepath.Join(dir, "nosuch"):       false,
	} {
		if ownCalls(path) != want {
			t.Errorf("%s: %v, want %v", path, !want, want)
		}
	}
}
