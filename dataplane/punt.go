// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#cgo noescape dp_punt_read
#cgo nocallback dp_punt_read
#cgo nocallback dp_punt_arm
#include "dataplane.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

const (
	puntBuffer = 128 << 10 // bytes that one dp_punt_read copies at most: more than the largest record
	puntBatch  = 64        // records of one
)

// puntReader turns the workers' punt rings into packets. One goroutine at a time.
type puntReader struct {
	event *os.File // a duplicate of dp_punt_fd, in the runtime's poller

	buf  []uint64 // aligned as records are
	off  int      // bytes of buf that are handed over
	len  int      // bytes of buf that were read
	punt dpif.Punt
}

func (r *puntReader) open() error {
	fd, err := unix.FcntlInt(uintptr(C.dp_punt_fd()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("the punt eventfd: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return fmt.Errorf("the punt eventfd: %w", err)
	}
	r.event = os.NewFile(uintptr(fd), "punt")
	r.buf = make([]uint64, puntBuffer/8)
	return nil
}

func (r *puntReader) close() {
	if r.event != nil {
		r.event.Close()
	}
}

// next returns the next record, nil when all rings are empty. It is valid until the next call.
// Batches are small: what is urgent waits for the handling of one of them.
func (r *puntReader) next() *dpif.Punt {
	if r.off >= r.len {
		r.off = 0
		r.len = int(C.dp_punt_read(unsafe.Pointer(&r.buf[0]), puntBuffer, puntBatch))
		if r.len <= 0 {
			r.len = 0
			return nil
		}
	}
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&r.buf[0])), r.len)[r.off:]
	c := (*C.struct_dp_punt)(unsafe.Pointer(&buf[0]))
	end := C.sizeof_struct_dp_punt + int(c.len)
	r.off += (end + 7) &^ 7
	r.punt = dpif.Punt{
		Net:      uint32(c.net),
		Iif:      uint32(c.iif),
		Oif:      uint32(c.oif),
		PktLen:   uint32(c.pkt_len),
		Info:     uint32(c.info),
		Reason:   dpif.PuntReason(c.reason),
		Protocol: uint16(c.protocol),
		L3:       uint16(c.l3),
		L4:       uint16(c.l4),
		PktType:  uint8(c.pkt_type),
		IPProto:  uint8(c.ipproto),
		ICMPType: uint8(c.icmp_type),
		ICMPCode: uint8(c.icmp_code),
		RtType:   uint8(c.rt_type),
		Worker:   uint8(c.worker),
		Addr:     addrOf(c.family, &c.addr),
		Data:     buf[C.sizeof_struct_dp_punt:end:end],
	}
	return &r.punt
}

// PollPunts implements dpif.Packets.
func (d *Dataplane) PollPunts(max int, h func(*dpif.Punt)) int {
	d.inject.cork()
	defer d.inject.uncork()
	n := 0
	for ; n < max; n++ {
		p := d.punts.next()
		if p == nil {
			break
		}
		h(p)
	}
	return n
}

// WaitPunts implements dpif.Packets.
func (d *Dataplane) WaitPunts(ctx context.Context) error {
	r := &d.punts
	if err := ctx.Err(); err != nil || r.off < r.len || bool(C.dp_punt_arm()) {
		return err
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		r.event.SetReadDeadline(time.Unix(1, 0))
		close(fired)
	})
	defer func() {
		if !stop() {
			<-fired // else its deadline would meet the next call
			r.event.SetReadDeadline(time.Time{})
		}
	}()
	var count [8]byte
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if C.dp_punt_arm() {
			return nil
		}
		if _, err := r.event.Read(count[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// PuntRate implements dpif.Writer.
func (d *Dataplane) PuntRate(reason dpif.PuntReason) (rate, burst uint32, err error) {
	var r, b C.uint32_t
	err = errnoOf(C.dp_punt_rate(C.uint32_t(reason), &r, &b))
	return uint32(r), uint32(b), err
}

// Police implements dpif.Writer.
func (d *Dataplane) Police(reason dpif.PuntReason, rate, burst uint32) error {
	return errnoOf(C.dp_punt_police(C.uint32_t(reason), C.uint32_t(rate), C.uint32_t(burst)))
}
