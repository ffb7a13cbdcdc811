// SPDX-License-Identifier: BSD-3-Clause

// Package appliance_test runs the skua binary as its operator does: a TOML file, real packets of
// real programs in network namespaces, ip through `skua exec`, signals, and what is left behind.
//
// The links are TAPs and veths in namespaces that each test makes and deletes. It needs root.
package appliance_test

import (
	"os"
	"testing"

	"skua/tests/lab"
)

// bin is where the binary and the shim were built, "" without root.
var bin string

func TestMain(m *testing.M) { os.Exit(lab.Main(m, &bin)) }
