// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"hash/maphash"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
)

var hashSeed = maphash.MakeSeed()

// hash is the flow's place among the nexthops of a multipath route (fib_multipath_hash,
// rt6_multipath_hash): by addresses, with policy 1 by the 5-tuple. It is not the data plane's hash:
// the nexthop of one packet is not foretold, only that a flow keeps to one.
func (q *Query) hash(src, dst netip.Addr, policy uint32) uint32 {
	type flow struct {
		src, dst     [16]byte
		proto        uint8
		sport, dport uint16
		label        uint32
	}
	f := flow{dst: dst.As16()}
	if src.IsValid() {
		f.src = src.As16()
	}
	if policy == 1 {
		f.proto, f.sport, f.dport = q.Proto, q.Sport, q.Dport
	} else if q.Family == unix.AF_INET6 {
		f.proto, f.label = q.Proto, q.FlowLabel
	}
	return uint32(maphash.Comparable(hashSeed, f) >> 33)
}

// selectHop is fib_select_multipath: hash, of 31 bits, against the weights of the good hops.
func selectHop(i *nexthop.Info, hash uint32) int {
	if i.Object != nil {
		return i.Object.Select(hash)
	}
	var total, sum uint64
	for h := range i.Hops {
		if i.Hops[h].Good(i.Family, false) {
			total += uint64(i.Hops[h].Weight)
		}
	}
	for h := range i.Hops {
		if !i.Hops[h].Good(i.Family, false) {
			continue
		}
		sum += uint64(i.Hops[h].Weight)
		if uint64(hash) < sum<<31/total {
			return h
		}
	}
	return 0
}
