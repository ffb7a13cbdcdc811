// SPDX-License-Identifier: BSD-3-Clause

package script

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Kernel is the Linux kernel as the router: a network namespace of its own, with TAP devices whose
// other end is here. It needs root. The namespace belongs to one thread and ends with it.
type Kernel struct {
	do   chan func()
	taps map[string]int
}

// NewKernel makes the namespace.
func NewKernel() (*Kernel, error) {
	k := &Kernel{do: make(chan func()), taps: map[string]int{}}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, and with it the namespace, ends here
		err := unix.Unshare(unix.CLONE_NEWNET)
		started <- err
		if err != nil {
			return
		}
		for f := range k.do {
			f()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("a network namespace: %w", err)
	}
	if out, err := k.IP("link", "set", "lo", "up"); err != nil {
		k.Close()
		return nil, fmt.Errorf("lo: %w: %s", err, out)
	}
	return k, nil
}

// in runs f on the thread of the namespace.
func (k *Kernel) in(f func() error) error {
	done := make(chan error)
	k.do <- func() { done <- f() }
	return <-done
}

// AddLink makes a TAP device.
func (k *Kernel) AddLink(name string, mac [6]byte, mtu int) error {
	return k.in(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
			unix.Close(fd)
			return err
		}
		k.taps[name] = fd
		out, err := exec.Command("ip", "link", "set", name, "address",
			fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]),
			"mtu", fmt.Sprint(mtu)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// IP runs the ip command in the namespace.
func (k *Kernel) IP(args ...string) (string, error) {
	var out []byte
	err := k.in(func() (err error) {
		out, err = exec.Command("ip", args...).CombinedOutput()
		return err
	})
	return string(out), err
}

// Sysctl writes below /proc/sys.
func (k *Kernel) Sysctl(name, value string) error {
	return k.in(func() error {
		return os.WriteFile(filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/")), []byte(value), 0)
	})
}

// SetCarrier is what the cable would do.
func (k *Kernel) SetCarrier(link string, up bool) error {
	v := 0
	if up {
		v = 1
	}
	return unix.IoctlSetPointerInt(k.taps[link], unix.TUNSETCARRIER, v)
}

// Send writes a frame to the TAP device.
func (k *Kernel) Send(link string, frame []byte) error {
	_, err := unix.Write(k.taps[link], frame)
	if errors.Is(err, unix.EINVAL) && len(frame) < 14 || errors.Is(err, unix.EIO) {
		return nil // shorter than a header, or down: lost on the wire
	}
	return err
}

// Recv reads one.
func (k *Kernel) Recv(link string, wait time.Duration) []byte {
	buf := make([]byte, 1<<16)
	end := time.Now().Add(wait)
	for {
		n, err := unix.Read(k.taps[link], buf)
		if err == nil {
			return buf[:n]
		}
		left := time.Until(end)
		if left <= 0 || !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return nil
		}
		fds := []unix.PollFd{{Fd: int32(k.taps[link]), Events: unix.POLLIN}}
		_, _ = unix.Poll(fds, int(left.Milliseconds())+1)
	}
}

// Advance sleeps.
func (k *Kernel) Advance(d time.Duration) { time.Sleep(d) }

// Close ends the namespace.
func (k *Kernel) Close() {
	for _, fd := range k.taps {
		unix.Close(fd)
	}
	close(k.do)
}
