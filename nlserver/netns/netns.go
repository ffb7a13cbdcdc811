// SPDX-License-Identifier: BSD-3-Clause

// Package netns watches network namespaces of the host: which one a file is, and when one ends. It
// keeps none of them alive.
package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"skua/nlserver"
)

// Inode is the number of a namespace's file.
func Inode(f *os.File) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, fmt.Errorf("network namespace %s: %w", f.Name(), err)
	}
	return st.Ino, nil
}

// Own opens the network namespace of the calling thread.
func Own() (*os.File, error) { return os.Open("/proc/thread-self/ns/net") }

// Cookie is SO_NETNS_COOKIE of a namespace, of the calling thread's when f is nil. EPERM: it takes
// CAP_SYS_ADMIN to look at another.
func Cookie(f *os.File) (cookie uint64, err error) {
	look := func() error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if cookie = nlserver.NetnsCookie(fd); cookie == 0 {
			return errors.New("the kernel tells no cookies of network namespaces: it takes Linux 5.14")
		}
		return nil
	}
	if f == nil {
		err = look()
	} else {
		err = Do(f, look)
	}
	return cookie, err
}

// Do runs fn on a thread that is in the namespace.
func Do(f *os.File, fn func() error) error {
	own, err := Own()
	if err != nil {
		return err
	}
	defer own.Close()
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			result <- fmt.Errorf("entering network namespace %s: %w", f.Name(), err)
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
