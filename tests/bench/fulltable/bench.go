// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"os"
	"runtime"
)

// bench plays the part of a *testing.T for a lab.
type bench struct {
	failed   bool
	cleanups []func()
}

func (b *bench) Helper()      {}
func (b *bench) Failed() bool { return b.failed }

func (b *bench) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	b.failed = true
	runtime.Goexit()
}

func (b *bench) Fatalf(format string, args ...any) { b.Fatal(fmt.Sprintf(format, args...)) }

func (b *bench) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (b *bench) Skip(args ...any) { b.Fatal(args...) }

func (b *bench) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }

func (b *bench) cleanup() {
	for len(b.cleanups) > 0 {
		f := b.cleanups[len(b.cleanups)-1]
		b.cleanups = b.cleanups[:len(b.cleanups)-1]
		f()
	}
}
