// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

import (
	"sync"
	"syscall"
	"unsafe"

	"skua/dataplane/dpif"
)

// injector holds the record that a packet goes down with, so that sending one allocates nothing.
type injector struct {
	mu  sync.Mutex
	rec C.struct_dp_inject
}

// Inject implements dpif.Packets. The data is copied before it returns.
func (d *Dataplane) Inject(in dpif.Inject) error {
	if len(in.Data) == 0 {
		return syscall.EINVAL
	}
	j := &d.inject
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rec = C.struct_dp_inject{
		net:  C.uint32_t(in.Net),
		oif:  C.uint32_t(in.Oif),
		len:  C.uint32_t(len(in.Data)),
		kind: C.uint8_t(in.Kind),
	}
	j.rec.family = putAddr(&j.rec.addr, in.Addr)
	return errnoOf(C.dp_inject(&j.rec, unsafe.Pointer(&in.Data[0])))
}
