// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

import (
	"fmt"
	"os"
	"unsafe"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// homeIndex names the twin of a net itself in dp_twin_set.
const homeIndex = 0

// Requests and flags of /dev/net/tun that x/sys does not have, or has without their arguments.
const (
	tunSetCarrier  = 0x400454e2 // TUNSETCARRIER
	tunGetDevNetns = 0x54e3     // TUNGETDEVNETNS
	tunFUSO4       = 0x20       // TUN_F_USO4, Linux 6.2
	tunFUSO6       = 0x40
)

// tapFD makes a TAP in the namespace of the calling thread, with an index of the caller's choice
// (0: the kernel's), and virtio-net headers.
func tapFD(name string, index uint32) (fd int, err error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return -1, fmt.Errorf("twin name %q: it has 1 to 15 bytes", name)
	}
	fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("/dev/net/tun: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if index != 0 {
		if err := unix.IoctlSetPointerInt(fd, unix.TUNSETIFINDEX, int(index)); err != nil {
			return -1, fmt.Errorf("TUNSETIFINDEX: %w", err)
		}
	}
	ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return -1, fmt.Errorf("TUNSETIFF: %w", err)
	}
	return fd, setOffload(fd)
}

// hereInstead runs f in our own namespace, on a thread that is not in another one.
func hereInstead(f func() error) error {
	result := make(chan error)
	go func() { result <- f() }()
	return <-result
}

// moveLink moves an interface of our own namespace into another one, where it has that name and index.
func moveLink(index int, ns *os.File, name string, newIndex uint32) error {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(ns.Fd()))))
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	if newIndex != 0 {
		req.AddData(nl.NewRtAttr(unix.IFLA_NEW_IFINDEX, nl.Uint32Attr(newIndex)))
	}
	return hereInstead(func() error {
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
}

// setOffload lets the host hand over what a socket wrote at once: checksums open, segments uncut.
func setOffload(fd int) error {
	const tcp = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN
	for _, flags := range []int{tcp | tunFUSO4 | tunFUSO6, tcp, 0} {
		if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, flags); err == nil {
			return nil
		} else if flags == 0 {
			return fmt.Errorf("TUNSETOFFLOAD: %w", err)
		}
	}
	return nil
}

func setTapCarrier(fd int, on bool) error {
	v := 0
	if on {
		v = 1
	}
	return unix.IoctlSetPointerInt(fd, tunSetCarrier, v)
}

// setTwin hands a TAP to C, which owns fd from then on; fd -1: only its address is another.
func setTwin(net, gen, index uint32, fd int, mac [6]byte) error {
	return errnoOf(C.dp_twin_set(C.uint32_t(net), C.uint32_t(gen), C.uint32_t(index), C.int(fd),
		(*C.uint8_t)(unsafe.Pointer(&mac[0]))))
}

func delTwin(net, gen, index uint32) error {
	return errnoOf(C.dp_twin_del(C.uint32_t(net), C.uint32_t(gen), C.uint32_t(index)))
}

// TwinGen tells a net from a later one of the same number. Under RTNL.
func (d *Dataplane) TwinGen(net uint32) uint32 { return uint32(C.dp_twin_gen(C.uint32_t(net))) }
