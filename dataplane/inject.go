// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#cgo noescape dp_inject_burst
#cgo nocallback dp_inject_burst
#include "dataplane.h"
*/
import "C"

import (
	"sync"
	"syscall"
	"unsafe"

	"skua/dataplane/dpif"
)

// injectBuffer is how many bytes of packets are gathered before they go down together.
const injectBuffer = 16 << 10

// injector gathers records for dp_inject_burst, so that sending allocates nothing and many packets
// cost one call.
type injector struct {
	mu    sync.Mutex
	corks int      // who gathers now
	buf   []uint64 // aligned as records are
	len   int      // bytes of buf that wait
}

// Inject implements dpif.Packets. The data is copied before it returns.
func (d *Dataplane) Inject(in dpif.Inject) error {
	switch {
	case len(in.Data) == 0:
		return syscall.EINVAL
	case len(in.Data) > d.conf.MbufSize:
		return syscall.EMSGSIZE
	}
	j := &d.inject
	j.mu.Lock()
	defer j.mu.Unlock()
	size := C.sizeof_struct_dp_inject + (len(in.Data)+7)&^7
	if j.len > 0 && j.len+size > injectBuffer {
		_ = j.flush() // counted in C
	}
	if need := (j.len + size + 7) / 8; need > len(j.buf) {
		j.buf = make([]uint64, max(need, injectBuffer/8)) // empty, or the first
	}
	at := unsafe.Slice((*byte)(unsafe.Pointer(&j.buf[0])), len(j.buf)*8)[j.len:]
	rec := (*C.struct_dp_inject)(unsafe.Pointer(&at[0]))
	*rec = C.struct_dp_inject{
		net:  C.uint32_t(in.Net),
		oif:  C.uint32_t(in.Oif),
		len:  C.uint32_t(len(in.Data)),
		kind: C.uint8_t(in.Kind),
	}
	rec.family = putAddr(&rec.addr, in.Addr)
	copy(at[C.sizeof_struct_dp_inject:], in.Data)
	j.len += size
	if j.corks > 0 {
		return nil
	}
	return j.flush()
}

// flush sends what was gathered.
func (j *injector) flush() error {
	if j.len == 0 {
		return nil
	}
	rc := C.dp_inject_burst(unsafe.Pointer(&j.buf[0]), C.uint32_t(j.len))
	j.len = 0
	return errnoOf(rc)
}

// Cork implements dpif.Packets.
func (d *Dataplane) Cork(f func()) {
	d.inject.cork()
	defer d.inject.uncork()
	f()
}

func (j *injector) cork() {
	j.mu.Lock()
	j.corks++
	j.mu.Unlock()
}

func (j *injector) uncork() {
	j.mu.Lock()
	if j.corks--; j.corks == 0 {
		_ = j.flush() // counted in C
	}
	j.mu.Unlock()
}
