// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#cgo noescape dp_neigh_set
#cgo nocallback dp_neigh_set
#cgo noescape dp_neigh_del
#cgo nocallback dp_neigh_del
#cgo noescape dp_neigh_used
#cgo nocallback dp_neigh_used
#include "dataplane.h"
*/
import "C"

import "skua/dataplane/dpif"

func cNeigh(e *dpif.Neigh) C.struct_dp_neigh {
	c := C.struct_dp_neigh{
		net:     C.uint32_t(e.Net),
		ifindex: C.uint32_t(e.Ifindex),
		nud:     C.uint16_t(e.NUD),
	}
	c.family = putAddr(&c.addr, e.Addr)
	putMAC(&c.lladdr, e.HardAddr)
	return c
}

// SetNeigh implements dpif.Writer.
func (d *Dataplane) SetNeigh(e dpif.Neigh) error {
	c := cNeigh(&e)
	return errnoOf(C.dp_neigh_set(&c))
}

// DelNeigh implements dpif.Writer.
func (d *Dataplane) DelNeigh(e dpif.Neigh) error {
	c := cNeigh(&e)
	return errnoOf(C.dp_neigh_del(&c))
}

// NeighUsed implements dpif.Writer.
func (d *Dataplane) NeighUsed(e dpif.Neigh) bool {
	c := cNeigh(&e)
	return C.dp_neigh_used(&c) == 1
}

// SetNeighHold says how many packets an unresolved neighbour holds, per worker.
func (d *Dataplane) SetNeighHold(packets uint32) error {
	return errnoOf(C.dp_neigh_hold_max(C.uint32_t(packets)))
}

// DumpNeighs implements dpif.Reader.
func (d *Dataplane) DumpNeighs(net uint32) ([]dpif.Neigh, error) {
	var neighs []dpif.Neigh
	err := dumpAll(func(cursor *C.uint32_t, out []C.struct_dp_neigh) C.int {
		return C.dp_neigh_dump(C.uint32_t(net), cursor, &out[0], C.uint32_t(len(out)))
	}, func(c *C.struct_dp_neigh) error {
		neighs = append(neighs, dpif.Neigh{
			Net:      uint32(c.net),
			Ifindex:  uint32(c.ifindex),
			Addr:     addrOf(c.family, &c.addr),
			NUD:      uint16(c.nud),
			HardAddr: macOf(&c.lladdr),
		})
		return nil
	})
	return neighs, err
}
