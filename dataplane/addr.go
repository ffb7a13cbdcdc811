// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// family returns AF_INET or AF_INET6; AF_UNSPEC for the zero Addr.
func family(a netip.Addr) C.uint8_t {
	switch {
	case a.Is4():
		return unix.AF_INET
	case a.Is6():
		return unix.AF_INET6
	}
	return unix.AF_UNSPEC
}

// putAddr writes a in network order, IPv4 into the first four bytes, and returns its family.
func putAddr(dst *[16]C.uint8_t, a netip.Addr) C.uint8_t {
	b := (*[16]byte)(unsafe.Pointer(dst))
	*b = [16]byte{}
	f := family(a)
	switch f {
	case unix.AF_INET:
		a4 := a.As4()
		copy(b[:], a4[:])
	case unix.AF_INET6:
		*b = a.As16()
	}
	return f
}

// addrOf reads what putAddr wrote; the zero Addr for another family.
func addrOf(family C.uint8_t, src *[16]C.uint8_t) netip.Addr {
	b := (*[16]byte)(unsafe.Pointer(src))
	switch family {
	case unix.AF_INET:
		return netip.AddrFrom4([4]byte(b[:4]))
	case unix.AF_INET6:
		return netip.AddrFrom16(*b)
	}
	return netip.Addr{}
}

func macOf(src *[6]C.uint8_t) [6]byte { return *(*[6]byte)(unsafe.Pointer(src)) }

func putMAC(dst *[6]C.uint8_t, mac [6]byte) { *(*[6]byte)(unsafe.Pointer(dst)) = mac }

func boolOf(b bool) C.uint8_t {
	if b {
		return 1
	}
	return 0
}

func cAddr(a dpif.Addr) *C.struct_dp_addr {
	c := &C.struct_dp_addr{
		net:       C.uint32_t(a.Net),
		ifindex:   C.uint32_t(a.Ifindex),
		tentative: boolOf(a.Tentative),
	}
	c.family = putAddr(&c.addr, a.Addr)
	return c
}

// SetAddr implements dpif.Writer.
func (d *Dataplane) SetAddr(a dpif.Addr) error { return errnoOf(C.dp_addr_set(cAddr(a))) }

// DelAddr implements dpif.Writer.
func (d *Dataplane) DelAddr(a dpif.Addr) error { return errnoOf(C.dp_addr_del(cAddr(a))) }

// SetMcast implements dpif.Writer.
func (d *Dataplane) SetMcast(a dpif.Addr) error { return errnoOf(C.dp_mcast_set(cAddr(a))) }

// DelMcast implements dpif.Writer.
func (d *Dataplane) DelMcast(a dpif.Addr) error { return errnoOf(C.dp_mcast_del(cAddr(a))) }

// DumpAddrs implements dpif.Reader.
func (d *Dataplane) DumpAddrs(net uint32) ([]dpif.Addr, error) {
	return dumpAddrs(func(cursor *C.uint32_t, out []C.struct_dp_addr) C.int {
		return C.dp_addr_dump(C.uint32_t(net), cursor, &out[0], C.uint32_t(len(out)))
	})
}

// DumpMcasts implements dpif.Reader.
func (d *Dataplane) DumpMcasts(net uint32) ([]dpif.Addr, error) {
	return dumpAddrs(func(cursor *C.uint32_t, out []C.struct_dp_addr) C.int {
		return C.dp_mcast_dump(C.uint32_t(net), cursor, &out[0], C.uint32_t(len(out)))
	})
}

func dumpAddrs(read func(*C.uint32_t, []C.struct_dp_addr) C.int) ([]dpif.Addr, error) {
	var addrs []dpif.Addr
	err := dumpAll(read, func(c *C.struct_dp_addr) error {
		addrs = append(addrs, dpif.Addr{
			Net:       uint32(c.net),
			Ifindex:   uint32(c.ifindex),
			Addr:      addrOf(c.family, &c.addr),
			Tentative: c.tentative != 0,
		})
		return nil
	})
	return addrs, err
}

// dumpAll reads a dump with a cursor to its end, a batch per call.
func dumpAll[T any](read func(*C.uint32_t, []T) C.int, each func(*T) error) error {
	out := make([]T, 256)
	var cursor C.uint32_t
	for {
		n := read(&cursor, out)
		if n < 0 {
			return syscall.Errno(-n)
		}
		for i := range out[:n] {
			if err := each(&out[i]); err != nil {
				return err
			}
		}
		if cursor == 0 {
			return nil
		}
	}
}
