// SPDX-License-Identifier: BSD-3-Clause

// Command static makes its system calls by itself: it lists links, adds a route, waits for the
// notification of it, and reads a setting of a driver by ioctl.
package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	links, err := net.Interfaces()
	fmt.Println("links", err)
	for _, l := range links {
		addrs, err := l.Addrs()
		fmt.Println(l.Index, l.Name, l.MTU, l.HardwareAddr, addrs, err)
	}
	mon := open(1 << (unix.RTNLGRP_IPV4_ROUTE - 1))
	route(open(0))
	b := make([]byte, 8192)
	n, from, err := unix.Recvfrom(mon, b, 0)
	if err != nil {
		fail("recvfrom", err)
	}
	nl, ok := from.(*unix.SockaddrNetlink)
	fmt.Println("notified", n > 16 && binary.NativeEndian.Uint16(b[4:]) == unix.RTM_NEWROUTE, ok && nl.Groups == 1<<(unix.RTNLGRP_IPV4_ROUTE-1))

	sock, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		fail("socket", err)
	}
	info, err := unix.IoctlGetEthtoolDrvinfo(sock, "p1")
	if err != nil {
		fail("SIOCETHTOOL", err)
	}
	fmt.Println("driver", unix.ByteSliceToString(info.Driver[:]))
	if _, err := unix.IoctlGetEthtoolDrvinfo(sock, "eth0"); err != nil {
		fmt.Println("no link of the host:", err)
	}
	os.Exit(7)
}

func fail(what string, err error) {
	fmt.Println(what, err)
	os.Exit(1)
}

func open(groups uint32) int {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		fail("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		fail("bind", err)
	}
	return fd
}

// route adds 203.0.113.0/24 by p1 and prints the errno of the ACK.
func route(fd int) {
	msg := make([]byte, 44)
	binary.NativeEndian.PutUint32(msg, 44)
	binary.NativeEndian.PutUint16(msg[4:], unix.RTM_NEWROUTE)
	binary.NativeEndian.PutUint16(msg[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE)
	binary.NativeEndian.PutUint32(msg[8:], 1)
	msg[16], msg[17] = unix.AF_INET, 24
	msg[20], msg[21], msg[22], msg[23] = unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_LINK, unix.RTN_UNICAST
	copy(msg[28:], []byte{8, 0, unix.RTA_DST, 0, 203, 0, 113, 0})
	copy(msg[36:], []byte{8, 0, unix.RTA_OIF, 0, 2, 0, 0, 0})
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		fail("sendto", err)
	}
	b := make([]byte, 8192)
	n, _, err := unix.Recvfrom(fd, b, 0)
	if err != nil || n < 20 {
		fail("ack", err)
	}
	fmt.Println("ack", int32(binary.NativeEndian.Uint32(b[16:])))
}
