// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// hostFile is a file of the host's kernel, as the caller would see it.
func hostFile(path func(Caller) string) *Node {
	return &Node{Mode: unix.S_IFREG | 0o444, Read: func(c Caller) ([]byte, error) {
		data, err := os.ReadFile(path(c))
		return data, errnoOf(err)
	}}
}

// hostNet is /proc/net/NAME of the host, in the network namespace of the caller.
func hostNet(name string) *Node {
	return hostFile(func(c Caller) string {
		if c.PID == 0 {
			return "/proc/net/" + name
		}
		return fmt.Sprintf("/proc/%d/net/%s", c.PID, name)
	})
}

// hostSysctl is a file below /proc/sys of the host. Whose it is, is decided when it is opened, by
// the network namespace of who opens it: so a thread goes into the caller's for that.
//
// A namespace other than the first has not all of them; what it has not is read from ours.
func hostSysctl(path string, mode uint32) *Node {
	file := "/proc/sys/" + path
	if !hostHas(path) {
		return nil
	}
	n := &Node{Mode: unix.S_IFREG | mode}
	n.Read = func(c Caller) (data []byte, err error) {
		err = inNetns(c.PID, func() error {
			data, err = os.ReadFile(file)
			return err
		})
		if err != nil && errnoOf(err) == unix.ENOENT {
			data, err = os.ReadFile(file)
		}
		return data, errnoOf(err)
	}
	n.Write = func(c Caller, data []byte) error {
		return errnoOf(inNetns(c.PID, func() error {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.Write(data)
			return err
		}))
	}
	return n
}

func hostHas(path string) bool { return unix.Access("/proc/sys/"+path, unix.F_OK) == nil }

// inNetns runs f on a thread that is in the network namespace of pid; 0: in our own.
func inNetns(pid uint32, f func() error) error {
	if pid == 0 || sameNetns(pid) {
		return f()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with us
		done <- func() error {
			ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(ns)
			if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
				return err
			}
			return f()
		}()
	}()
	return <-done
}

func sameNetns(pid uint32) bool {
	var ours, theirs unix.Stat_t
	return unix.Stat("/proc/self/ns/net", &ours) == nil &&
		unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &theirs) == nil && ours.Ino == theirs.Ino
}

// errnoOf is the errno in what package os returns.
func errnoOf(err error) error {
	for err != nil {
		if no, ok := err.(syscall.Errno); ok {
			return no
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return syscall.EIO
		}
		err = u.Unwrap()
	}
	return nil
}
