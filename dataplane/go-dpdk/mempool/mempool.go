// SPDX-License-Identifier: BSD-3-Clause

// Package mempool reads DPDK's pools of fixed-size objects.
package mempool

/*
#cgo pkg-config: libdpdk
#include <rte_mempool.h>
*/
import "C"

// Mempool is a struct rte_mempool.
type Mempool C.struct_rte_mempool

func (mp *Mempool) c() *C.struct_rte_mempool {
	return (*C.struct_rte_mempool)(mp)
}

// AvailCount returns how many objects are free, those in lcore caches included. It walks the
// caches: for debugging and tests.
func (mp *Mempool) AvailCount() int {
	return int(C.rte_mempool_avail_count(mp.c()))
}

// InUseCount returns how many objects are taken; see AvailCount.
func (mp *Mempool) InUseCount() int {
	return int(C.rte_mempool_in_use_count(mp.c()))
}
