// SPDX-License-Identifier: BSD-3-Clause

// Package harness gives tests a router to send frames into and to receive frames from: the real C
// data plane in this process, or the Linux kernel in a network namespace. Both are a Router, so
// that one script runs on both and a difference is a bug of Skua's.
//
//	         p1           p2
//	test --------- Router --------- test
//	   Send, Recv            Send, Recv
package harness

import "time"

// Topology says which ports a router has. Nothing is set up on them: no address, and down.
type Topology struct {
	Ports []Port
}

// Port is one port of the router, and what the router's end of it is called.
type Port struct {
	Name string  // of the link, 1..15 bytes
	MAC  [6]byte // of the link; zero: DefaultMAC of its place
	MTU  int     // bytes, L3; 0: 1500
}

// DefaultMAC is the address of a port that does not say one: i counts from 0.
func DefaultMAC(i int) [6]byte {
	return [6]byte{0x02, 0, 0, 0, 0x01, byte(i + 1)}
}

func (t Topology) filled() []Port {
	ports := append([]Port(nil), t.Ports...)
	for i := range ports {
		if ports[i].MAC == ([6]byte{}) {
			ports[i].MAC = DefaultMAC(i)
		}
		if ports[i].MTU == 0 {
			ports[i].MTU = 1500
		}
	}
	return ports
}

// Router is what a script runs on. An unknown port, and anything that is the harness's own failure
// and not the router's, ends the test.
type Router interface {
	// Exec runs a command in the router's world and returns what it printed, stdout and stderr
	// together, and its exit code.
	Exec(args ...string) (out string, code int)
	// Send lets the router receive a frame.
	Send(port string, frame []byte)
	// Recv returns the next frame that the router transmitted, or nil when none came within
	// timeout. On Skua time is the control plane's clock: a timer fires, nobody waits.
	Recv(port string, timeout time.Duration) []byte
	// Ports returns the names of the ports, in the order of the Topology.
	Ports() []string
}

var (
	_ Router = (*SkuaRouter)(nil)
	_ Router = (*KernelRouter)(nil)
)
