// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"os"
	"testing"

	"skua/controlplane"
	"skua/nlserver"
	"skua/nlserver/kernfs"
	"skua/nlserver/procfs"
)

// mountFiles serves /proc and /sys of stack where the preloaded library looks for them. It needs
// root; without, clients see the kernel's.
func mountFiles(t *testing.T, stack *controlplane.Stack, srv *nlserver.Server, path string) {
	if os.Geteuid() != 0 {
		return
	}
	tree := procfs.New(stack)
	files, err := kernfs.Mount(kernfs.Config{
		Path: path, Admin: srv.AdminProcess,
		Tree: func(uint64, uint32) *procfs.Tree { return tree },
	})
	if err != nil {
		t.Logf("no files: %v", err)
		return
	}
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	})
}
