// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kernelWorld is a network namespace. One thread lives in it, which ends with the test; what it
// starts is born into the namespace.
type kernelWorld struct {
	do   chan func()
	taps map[string]int // file descriptors
}

// newKernel needs root.
func newKernel(t *testing.T) *kernelWorld {
	w := &kernelWorld{do: make(chan func()), taps: map[string]int{}}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread and the namespace go with the goroutine
		ready <- enter()
		for f := range w.do {
			f()
		}
	}()
	if err := <-ready; err != nil {
		t.Skipf("no network namespace: %v", err)
	}
	t.Cleanup(func() {
		w.in(func() {
			for _, fd := range w.taps {
				unix.Close(fd)
			}
		})
		close(w.do)
	})
	for i, p := range ports {
		var err error
		w.in(func() { err = w.tap(p.name, p.mac, i+2) })
		if err != nil {
			t.Skipf("no TAP device: %v", err)
		}
	}
	return w
}

// enter makes the thread's namespaces: a network, and a /sys that shows it.
func enter() error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("sysfs", "/sys", "sysfs", 0, "")
}

// in runs f on the thread of the namespace.
func (w *kernelWorld) in(f func()) {
	done := make(chan struct{})
	w.do <- func() { f(); close(done) }
	<-done
}

func (w *kernelWorld) tap(name string, mac [6]byte, index int) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	w.taps[name] = fd
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETIFINDEX, index); err != nil {
		return err
	}
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return err
	}
	out, err := exec.Command("ip", "link", "set", name, "address", net6(mac)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func net6(m [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

func (w *kernelWorld) command(tool string, args []string) *exec.Cmd {
	return exec.Command(tool, args...)
}

func (w *kernelWorld) start(cmd *exec.Cmd) (err error) {
	w.in(func() { err = cmd.Start() })
	return err
}

func (w *kernelWorld) sysctl(name string, value *string) (got string, err error) {
	if !strings.Contains(name, "/") {
		name = strings.ReplaceAll(name, ".", "/")
	}
	path := filepath.Join("/proc/sys", name)
	w.in(func() {
		if value != nil {
			err = os.WriteFile(path, []byte(*value), 0)
			return
		}
		var b []byte
		b, err = os.ReadFile(path)
		got = strings.TrimSpace(string(b))
	})
	return got, err
}

func (w *kernelWorld) carrier(port string, up bool) (err error) {
	on := 0
	if up {
		on = 1
	}
	w.in(func() { err = unix.IoctlSetPointerInt(w.taps[port], unix.TUNSETCARRIER, on) })
	return err
}

// listens looks for a socket with groups in the process's /proc/net/netlink: nobody else in the
// namespace has one. Its address is the process's number only when it is the process's first.
func (w *kernelWorld) listens(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/netlink", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) { // sk Eth Pid Groups ...
		f := strings.Fields(line)
		if len(f) > 3 && f[2] != "0" && strings.Trim(f[3], "0") != "" {
			return true
		}
	}
	return false
}

func (w *kernelWorld) wait(d time.Duration) { time.Sleep(d) }

// settle waits for linkwatch, which reports at once, or after a second when it has just reported.
func (w *kernelWorld) settle() { time.Sleep(20 * time.Millisecond) }

// errno is the error number of err as text, the same in both worlds.
func errno(err error) string {
	var no syscall.Errno
	if ok := asErrno(err, &no); ok {
		return unix.ErrnoName(no)
	}
	return err.Error()
}
