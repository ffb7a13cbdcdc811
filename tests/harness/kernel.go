// SPDX-License-Identifier: BSD-3-Clause

package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// KernelRouter is the kernel's own stack in a network namespace without a name, on TAP devices that
// the test holds the far ends of. Both go with the test.
type KernelRouter struct {
	t     testing.TB
	ns    *os.File
	names []string
	taps  map[string]int
	buf   []byte
}

// Kernel brings a router up. Without root the test is skipped.
func Kernel(t testing.TB, topo Topology) *KernelRouter {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes a network namespace and TAP devices")
	}
	r := &KernelRouter{t: t, taps: make(map[string]int), buf: make([]byte, 65536)}
	t.Cleanup(r.down)
	ports := topo.filled()
	if err := onThread(func() error { return r.up(ports) }); err != nil {
		if errors.Is(err, unix.EPERM) {
			t.Skipf("needs CAP_SYS_ADMIN and CAP_NET_ADMIN: %v", err)
		}
		t.Fatal(err)
	}
	for _, p := range ports {
		mac := fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x",
			p.MAC[0], p.MAC[1], p.MAC[2], p.MAC[3], p.MAC[4], p.MAC[5])
		out, code := r.Exec("ip", "link", "set", p.Name, "address", mac, "mtu", fmt.Sprint(p.MTU))
		if code != 0 {
			t.Fatalf("port %s: %s", p.Name, out)
		}
	}
	return r
}

// onThread runs fn on a thread that is in our own network namespace again afterwards.
func onThread(fn func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		own, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			runtime.UnlockOSThread()
			result <- err
			return
		}
		defer own.Close()
		err = fn()
		if unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with the goroutine
		result <- err
	}()
	return <-result
}

func (r *KernelRouter) up(ports []Port) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("a network namespace: %w", err)
	}
	var err error
	if r.ns, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	for _, p := range ports {
		fd, err := tap(p.Name)
		if err != nil {
			return fmt.Errorf("tap %s: %w", p.Name, err)
		}
		r.names = append(r.names, p.Name)
		r.taps[p.Name] = fd
	}
	return nil
}

func tap(name string) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	ifr, err := unix.NewIfreq(name)
	if err == nil {
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (r *KernelRouter) down() {
	for _, fd := range r.taps {
		unix.Close(fd)
	}
	if r.ns != nil {
		r.ns.Close()
	}
}

func (r *KernelRouter) tap(port string) int {
	r.t.Helper()
	fd, ok := r.taps[port]
	if !ok {
		r.t.Fatalf("there is no port %q", port)
	}
	return fd
}

// Ports implements Router.
func (r *KernelRouter) Ports() []string { return append([]string(nil), r.names...) }

// Exec implements Router. Paths under /proc/sys/net are the namespace's.
func (r *KernelRouter) Exec(args ...string) (string, int) {
	r.t.Helper()
	var out []byte
	cmd := exec.Command(args[0], args[1:]...)
	err := onThread(func() error {
		if err := unix.Setns(int(r.ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return err
		}
		var err error
		out, err = cmd.CombinedOutput() // a child is in the namespace of the thread that forks
		return err
	})
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatalf("%q: %v", args, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// Send implements Router. What a link that is down is sent, or what is no frame (EINVAL), is lost.
func (r *KernelRouter) Send(port string, frame []byte) {
	r.t.Helper()
	_, err := unix.Write(r.tap(port), frame)
	if err != nil && !errors.Is(err, unix.EIO) && !errors.Is(err, unix.EINVAL) {
		r.t.Fatalf("send to %s: %v", port, err)
	}
}

// SetCarrier is what the other end of the cable would do.
func (r *KernelRouter) SetCarrier(port string, up bool) {
	r.t.Helper()
	v := 0
	if up {
		v = 1
	}
	if err := unix.IoctlSetPointerInt(r.tap(port), unix.TUNSETCARRIER, v); err != nil {
		r.t.Fatalf("carrier of %s: %v", port, err)
	}
}

// Recv implements Router.
func (r *KernelRouter) Recv(port string, timeout time.Duration) []byte {
	r.t.Helper()
	fd := r.tap(port)
	end := time.Now().Add(timeout)
	for {
		n, err := unix.Read(fd, r.buf)
		if err == nil {
			return append([]byte(nil), r.buf[:n]...)
		}
		if err != unix.EAGAIN && err != unix.EINTR {
			r.t.Fatalf("receive from %s: %v", port, err)
		}
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		ms := int((left + time.Millisecond - 1) / time.Millisecond)
		if _, err := unix.Poll(poll, ms); err != nil && err != unix.EINTR {
			r.t.Fatalf("receive from %s: %v", port, err)
		}
	}
}

// Netns returns a path of the network namespace, good as long as the test runs.
func (r *KernelRouter) Netns() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), r.ns.Fd())
}
