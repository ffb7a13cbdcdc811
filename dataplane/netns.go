// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// netns is a network namespace of the host, which a port's device lives in. The nil one is our own.
type netns struct {
	name string
	file *os.File // keeps it there when its name goes
}

// openNetns finds a namespace: a name of ip-netns(8), a path, or "".
func openNetns(name string) (*netns, error) {
	if name == "" {
		return nil, nil
	}
	path := name
	if !strings.Contains(name, "/") {
		path = filepath.Join("/run/netns", name)
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("network namespace %s is not there: `ip netns add %s`", name, name)
	}
	if err != nil {
		return nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	return &netns{name, f}, nil
}

func (n *netns) close() {
	if n != nil {
		n.file.Close()
	}
}

// do runs fn on a thread that is in the namespace: sockets belong to the one they are opened in,
// and drivers open some for every question.
func (n *netns) do(fn func() error) error {
	if n == nil {
		return fn()
	}
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer own.Close()
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			result <- fmt.Errorf("entering network namespace %s: %w (it needs root)", n.name, err)
			return
		}
		err := fn()
		if unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with the goroutine
		result <- err
	}()
	return <-result
}
