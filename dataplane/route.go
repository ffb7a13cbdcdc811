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

	"skua/dataplane/dpif"
)

// routeBatchMax bounds the array that routes are converted into: 128 KiB, which the cache holds.
const routeBatchMax = 4096

// routeBatch is that array, kept from call to call: SetRoutes runs under RTNL.
type routeBatch struct {
	routes [routeBatchMax]C.struct_dp_route
	done   C.uint32_t
}

func putRoute(c *C.struct_dp_route, r *dpif.Route) {
	c.net = C.uint32_t(r.Net)
	c.table = C.uint32_t(r.Table)
	c.nh_id = C.uint32_t(r.NexthopID)
	c.tos = C.uint8_t(r.TOS)
	c.plen = C.uint8_t(r.Prefix.Bits())
	c.family = putAddr(&c.dst, r.Prefix.Addr())
}

// SetRoutes implements dpif.Writer: one C call per 4,096 routes, and no allocation.
func (d *Dataplane) SetRoutes(routes []dpif.Route) (int, error) {
	b := &d.routes
	done := 0
	for len(routes) > 0 {
		n := min(len(routes), routeBatchMax)
		for i := range routes[:n] {
			r, c := &routes[i], &b.routes[i]
			if !r.Prefix.IsValid() {
				n = i // those before it are set all the same
				break
			}
			putRoute(c, r)
		}
		if n == 0 {
			return done, syscall.EINVAL
		}
		b.done = 0
		rc := C.dp_route_set(&b.routes[0], C.uint32_t(n), &b.done)
		done += int(b.done)
		if rc < 0 {
			return done, syscall.Errno(-rc)
		}
		routes = routes[n:]
	}
	return done, nil
}

// AheadRoutes implements dpif.Writer.
func (d *Dataplane) AheadRoutes(routes []dpif.Route) {
	b := &d.routes
	n := min(len(routes), routeBatchMax)
	for i := range routes[:n] {
		putRoute(&b.routes[i], &routes[i])
	}
	if n > 0 {
		C.dp_route_ahead(&b.routes[0], C.uint32_t(n))
	}
}

// FlushTable deletes all routes of a table.
func (d *Dataplane) FlushTable(net uint32, family uint8, table uint32) error {
	return errnoOf(C.dp_table_flush(C.uint32_t(net), C.uint8_t(family), C.uint32_t(table)))
}

// Lookup implements dpif.Reader. All of dst are of one family.
func (d *Dataplane) Lookup(net, table uint32, dst []netip.Addr, ids []uint32) error {
	return d.LookupTOS(net, table, 0, dst, ids)
}

// LookupTOS implements dpif.Reader. All of dst are of one family.
func (d *Dataplane) LookupTOS(net, table uint32, tos uint8, dst []netip.Addr, ids []uint32) error {
	if len(ids) < len(dst) {
		return syscall.EINVAL
	}
	if len(dst) == 0 {
		return nil
	}
	addrs := make([][16]C.uint8_t, len(dst))
	for i, a := range dst {
		if family(a) != family(dst[0]) {
			return syscall.EINVAL
		}
		putAddr(&addrs[i], a)
	}
	return errnoOf(C.dp_fib_lookup(C.uint32_t(net), C.uint32_t(table), family(dst[0]), C.uint8_t(tos), &addrs[0],
		(*C.uint32_t)(unsafe.Pointer(&ids[0])), C.uint32_t(len(dst))))
}

// DumpTables implements dpif.Reader.
func (d *Dataplane) DumpTables(net uint32, family uint8) ([]uint32, error) {
	out := make([]uint32, C.DP_MAX_TABLES)
	n := C.dp_table_dump(C.uint32_t(net), C.uint8_t(family), (*C.uint32_t)(unsafe.Pointer(&out[0])),
		C.uint32_t(len(out)))
	if n < 0 {
		return nil, syscall.Errno(-n)
	}
	return out[:n], nil
}

// DumpRoutes implements dpif.Reader. Routes set or deleted meanwhile may or may not be seen.
func (d *Dataplane) DumpRoutes(net, table uint32, family uint8, each func(dpif.Route) bool) error {
	out := make([]dpif.Route, 1024)
	last := dpif.Route{Net: net, Table: table}
	for {
		n, err := d.NextRoutes(family, last, out)
		if err != nil || n == 0 {
			return err
		}
		for _, r := range out[:n] {
			if !each(r) {
				return nil
			}
		}
		last = out[n-1]
	}
}

// NextRoutes implements dpif.Reader.
func (d *Dataplane) NextRoutes(family uint8, after dpif.Route, out []dpif.Route) (int, error) {
	if len(out) == 0 {
		return 0, nil
	}
	batch := make([]C.struct_dp_route, len(out))
	var last C.struct_dp_route
	last.tos = C.uint8_t(after.TOS)
	if after.Prefix.IsValid() {
		putRoute(&last, &after)
		last.nh_id = 1 // not the start
	}
	n := C.dp_route_dump(C.uint32_t(after.Net), C.uint32_t(after.Table), C.uint8_t(family), &last, &batch[0],
		C.uint32_t(len(batch)))
	if n < 0 {
		return 0, syscall.Errno(-n)
	}
	for i := range batch[:n] {
		c := &batch[i]
		out[i] = dpif.Route{
			Net:       uint32(c.net),
			Table:     uint32(c.table),
			NexthopID: uint32(c.nh_id),
			TOS:       uint8(c.tos),
			Prefix:    netip.PrefixFrom(addrOf(c.family, &c.dst), int(c.plen)),
		}
	}
	return int(n), nil
}

// FindRoutes implements dpif.Reader.
func (d *Dataplane) FindRoutes(routes []dpif.Route) error {
	if len(routes) == 0 {
		return nil
	}
	batch := make([]C.struct_dp_route, len(routes))
	for i := range routes {
		if !routes[i].Prefix.IsValid() || routes[i].Net != routes[0].Net {
			return syscall.EINVAL
		}
		putRoute(&batch[i], &routes[i])
	}
	if rc := C.dp_route_find(&batch[0], C.uint32_t(len(batch))); rc < 0 {
		return syscall.Errno(-rc)
	}
	for i := range routes {
		routes[i].NexthopID = uint32(batch[i].nh_id)
	}
	return nil
}
