// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

// TunStats are the counters of the TAP of a host twin, or of a port: frames as the kernel behind it
// has them, which may be of many packets, and packets as the data plane has them.
type TunStats struct {
	RxFrames  uint64 `json:"rx_frames"`  // that it gave
	RxPackets uint64 `json:"rx_packets"` // that those became
	RxBytes   uint64 `json:"rx_bytes"`
	RxDropped uint64 `json:"rx_dropped"` // packets for which there was no room
	TxPackets uint64 `json:"tx_packets"` // for it
	TxFrames  uint64 `json:"tx_frames"`  // that those became
	TxBytes   uint64 `json:"tx_bytes"`
	TxDropped uint64 `json:"tx_dropped"` // packets that it did not take
}

func tunStats(c *C.struct_dp_tun_stats) TunStats {
	return TunStats{
		RxFrames: uint64(c.rx_frames), RxPackets: uint64(c.rx_packets), RxBytes: uint64(c.rx_bytes),
		RxDropped: uint64(c.rx_dropped), TxPackets: uint64(c.tx_packets), TxFrames: uint64(c.tx_frames),
		TxBytes: uint64(c.tx_bytes), TxDropped: uint64(c.tx_dropped),
	}
}

// TwinStats reads the counters of the twin of a link; index 0: of the net itself. ENOENT: it has
// none.
func (d *Dataplane) TwinStats(net, index uint32) (TunStats, error) {
	var c C.struct_dp_tun_stats
	err := errnoOf(C.dp_twin_stats(C.uint32_t(net), C.uint32_t(index), &c))
	return tunStats(&c), err
}

// TapStats reads the counters of the TAP behind a port. ENODEV: there is none.
func (d *Dataplane) TapStats(port uint16) (TunStats, error) {
	d.ports.mu.Lock()
	defer d.ports.mu.Unlock()
	var c C.struct_dp_tun_stats
	err := errnoOf(C.dp_ring_port_stats(C.uint16_t(port), &c))
	return tunStats(&c), err
}
