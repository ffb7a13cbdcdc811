// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	chunkBits = 12
	chunkMask = 1<<chunkBits - 1

	// smallChunks is how many chunks are allocated one by one; a table that has more is large, and
	// gets blockChunks at a time.
	smallChunks = 16
	blockChunks = 64
)

// grow adds chunks of values without pointers. Those of large tables lie in huge pages where the
// system has them to give: a walk down a trie of a million prefixes is a chain of cache misses, and
// with small pages each of them is a miss of the TLB as well.
func grow[T any](chunks []*[1 << chunkBits]T) []*[1 << chunkBits]T {
	if len(chunks) < smallChunks {
		return append(chunks, new([1 << chunkBits]T))
	}
	block := new([blockChunks][1 << chunkBits]T)
	wantHugePages(unsafe.Pointer(block), unsafe.Sizeof(*block))
	for i := range block {
		chunks = append(chunks, &block[i])
	}
	return chunks
}

// wantHugePages asks for huge pages in the whole pages of a piece of memory. A refusal costs only
// speed.
func wantHugePages(p unsafe.Pointer, size uintptr) {
	page := uintptr(unix.Getpagesize())
	skip := -uintptr(p) % page
	if size < skip+page {
		return
	}
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, skip)), (size-skip)/page*page), unix.MADV_HUGEPAGE)
}
