// SPDX-License-Identifier: BSD-3-Clause

package lab

import (
	"fmt"
	"os"
)

// Main is TestMain of a package whose tests run Skua: it makes the binary and the shim in a folder,
// which the tests find in bin; "" without root, for which every test says that it skips.
func Main(m interface{ Run() int }, bin *string) int {
	if os.Geteuid() != 0 {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "skua-test-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := Build(dir, "../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*bin = dir
	return m.Run()
}
