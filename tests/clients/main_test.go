// SPDX-License-Identifier: BSD-3-Clause

// Package clients_test runs programs of README's table of clients that no other package of tests
// runs, on a Skua between two routers of the kernel's and on a kernel between them. It needs root.
package clients_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"skua/tests/lab"
)

// bin is where the binary and the shim were built, "" without root.
var bin string

func TestMain(m *testing.M) { os.Exit(lab.Main(m, &bin)) }

// newLab makes three routers in a row; the one in the middle is Skua or the kernel.
func newLab(t *testing.T, skua bool) *lab.Lab {
	t.Helper()
	if bin == "" {
		t.Skip("network namespaces and devices need root")
	}
	return lab.New(t, bin, skua, 1)
}

// need skips the test without a program.
func need(t *testing.T, program, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s (Debian: %s; make deps)", program, pkg)
	}
}

// result is what a program came to.
type result struct {
	out, err string
	code     int
}

func (r result) String() string { return fmt.Sprintf("exit code %d\n%s%s", r.code, r.out, r.err) }

func runCmd(cmd *exec.Cmd) result {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	r := result{out: out.String(), err: errs.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		r.code, r.err = -1, err.Error()
	}
	return r
}

// kernel is a command in a router's namespace that speaks to the kernel, also where the router is
// Skua.
func kernel(r *lab.Router, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", r.NS}, args...)...)
}

func wantContains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s: %q is not in\n%s", what, p, text)
		}
	}
}
