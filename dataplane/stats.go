// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

import (
	"syscall"
	"unsafe"

	"skua/dataplane/dpif"
)

var _ [C.DP_TURN_BUCKETS]uint64 = [dpif.TurnBuckets]uint64{}

// MIB implements dpif.Reader.
func (d *Dataplane) MIB(net uint32, mib dpif.MIB) ([]dpif.Counter, error) {
	n := C.dp_mib_size(C.uint32_t(mib))
	if n == 0 {
		return nil, syscall.EINVAL
	}
	values := make([]uint64, n)
	rc := C.dp_mib_read(C.uint32_t(net), C.uint32_t(mib), (*C.uint64_t)(unsafe.Pointer(&values[0])), n)
	if rc < 0 {
		return nil, syscall.Errno(-rc)
	}
	counters := make([]dpif.Counter, n)
	for i, v := range values {
		counters[i] = dpif.Counter{
			Name:  C.GoString(C.dp_mib_name(C.uint32_t(mib), C.uint32_t(i))),
			Value: v,
		}
	}
	return counters, nil
}

// Workers implements dpif.Reader.
func (d *Dataplane) Workers() ([]dpif.WorkerStats, error) {
	all := make([]dpif.WorkerStats, d.workers)
	for i := range all {
		w := &all[i]
		w.Worker = uint32(i)
		var c C.struct_dp_worker_stats
		if err := errnoOf(C.dp_worker_read(C.uint32_t(i), &c)); err != nil {
			return nil, err
		}
		w.Lcore = uint32(c.lcore)
		w.Polls, w.IdlePolls = uint64(c.polls), uint64(c.idle_polls)
		w.BusyCycles, w.IdleCycles = uint64(c.busy_cycles), uint64(c.idle_cycles)
		w.Packets, w.TurnMax, w.GapMax = uint64(c.packets), uint64(c.turn_max), uint64(c.gap_max)
		w.Gaps, w.TSCHz = uint64(c.gaps), uint64(c.tsc_hz)
		w.Sleeps, w.Wakeups, w.SleepCycles = uint64(c.sleeps), uint64(c.wakeups), uint64(c.sleep_cycles)
		w.GapLog = gapLog(&c)
		for b := range w.Turns {
			w.Turns[b] = uint64(c.turns[b])
		}
		for r := range w.Punted {
			w.Punted[r], w.Policed[r] = uint64(c.punted[r]), uint64(c.policed[r])
			w.PuntFull[r] = uint64(c.punt_full[r])
		}
		w.NeighDiscards = [2]uint64{uint64(c.neigh_discards[0]), uint64(c.neigh_discards[1])}
		w.Injected, w.InjectFull = uint64(c.injected), uint64(c.inject_full)
		w.RPSOut, w.RPSIn, w.RPSDropped = uint64(c.rps_out), uint64(c.rps_in), uint64(c.rps_dropped)
		var err error
		if w.Drops, err = drops(uint32(i)); err != nil {
			return nil, err
		}
		if w.Stages, err = stages(uint32(i)); err != nil {
			return nil, err
		}
		if w.Queues, err = queues(uint32(i)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// gapLog is what of a worker's gaps is remembered one by one, oldest first. The worker may put in
// another one meanwhile: the oldest of a full log may be a newer one.
func gapLog(c *C.struct_dp_worker_stats) []dpif.Gap {
	n := min(uint64(c.gaps), C.DP_GAP_LOG)
	log := make([]dpif.Gap, 0, n)
	for i := uint64(c.gaps) - n; i < uint64(c.gaps); i++ {
		g := &c.gap_log[i%C.DP_GAP_LOG]
		log = append(log, dpif.Gap{At: uint64(g.at), Length: uint64(g.len)})
	}
	return log
}

// ResetWorkers forgets the longest turns and gaps; everything else only grows.
func (d *Dataplane) ResetWorkers() {
	for i := range d.workers {
		C.dp_worker_reset(C.uint32_t(i))
	}
}

// drops returns the reasons that a worker dropped packets for.
func drops(worker uint32) ([]dpif.Counter, error) {
	values := make([]uint64, C.dp_drop_reasons())
	rc := C.dp_drops(C.uint32_t(worker), (*C.uint64_t)(unsafe.Pointer(&values[0])),
		C.uint32_t(len(values)))
	if rc < 0 {
		return nil, syscall.Errno(-rc)
	}
	var counters []dpif.Counter
	for i, v := range values {
		if v != 0 {
			name := C.GoString(C.dp_drop_reason_name(C.uint32_t(i)))
			counters = append(counters, dpif.Counter{Name: name, Value: v})
		}
	}
	return counters, nil
}

func stages(worker uint32) ([]dpif.StageStats, error) {
	out := make([]C.struct_dp_stage_stats, C.dp_stages())
	rc := C.dp_stage_read(C.uint32_t(worker), &out[0], C.uint32_t(len(out)))
	if rc < 0 {
		return nil, syscall.Errno(-rc)
	}
	all := make([]dpif.StageStats, len(out))
	for i := range out {
		all[i] = dpif.StageStats{
			Name:    C.GoString(C.dp_stage_name(C.uint32_t(i))),
			Cycles:  uint64(out[i].cycles),
			Packets: uint64(out[i].packets),
			Calls:   uint64(out[i].calls),
		}
	}
	return all, nil
}

// queues returns what a worker polls.
func queues(worker uint32) ([]dpif.RxQueue, error) {
	out := make([]C.struct_dp_rxq, 64)
	for {
		n := C.dp_worker_rxqs(C.uint32_t(worker), &out[0], C.uint32_t(len(out)))
		if n < 0 {
			return nil, syscall.Errno(-n)
		}
		if int(n) > len(out) {
			out = make([]C.struct_dp_rxq, n)
			continue
		}
		all := make([]dpif.RxQueue, n)
		for i, q := range out[:n] {
			all[i] = dpif.RxQueue{Port: uint16(q.port), Queue: uint16(q.queue)}
		}
		return all, nil
	}
}
