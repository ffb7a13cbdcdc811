// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"encoding/binary"
	"net/netip"
)

// add adds b to a ones' complement sum.
func add(b []byte, sum uint64) uint64 {
	for len(b) >= 4 {
		sum += uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(b)) << 16
		b = b[2:]
		if len(b) == 1 {
			sum += uint64(b[0]) << 8
		}
		return sum
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 24
	}
	return sum
}

func fold(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// checksum is the Internet checksum of b on top of a pseudo header's sum: 0 when the one that b
// carries is right.
func checksum(b []byte, pseudo uint64) uint16 { return fold(add(b, pseudo)) }

// pseudo is the sum of the pseudo header of TCP and UDP, and of all over IPv6.
func pseudo(src, dst netip.Addr, proto uint8, length int) uint64 {
	return add(src.AsSlice(), add(dst.AsSlice(), uint64(proto)+uint64(length)))
}

// sumInto writes the checksum of b at offset at, and returns b.
func sumInto(b []byte, at int, pseudo uint64) []byte {
	b[at], b[at+1] = 0, 0
	binary.BigEndian.PutUint16(b[at:], checksum(b, pseudo))
	return b
}
