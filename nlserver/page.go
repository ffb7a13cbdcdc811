// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// page is struct skua_nl_page, which a client shares with us and may write at any time: what the
// client owns is only ever a hint, and what we own is never read back.
type page struct {
	version  atomic.Uint32
	done     atomic.Uint32
	result   atomic.Uint32 // an int32
	portid   atomic.Uint32
	admin    atomic.Uint32
	err      atomic.Uint32
	dumping  atomic.Uint32
	maxgroup atomic.Uint32
	groups   [groupWords]atomic.Uint32

	waiters atomic.Uint32
	options atomic.Uint32
	maxRecv atomic.Uint32
	_       [8]atomic.Uint32 // the client's own

	turn atomic.Uint32 // written by both
}

// windowPages are the pages that are unmapped together. To unmap memory is to interrupt every CPU
// that runs a thread of this process, the polling ones too, and for each page anew if it was
// written through its mapping: in a virtual machine that is 100 µs and more for each `ip` that
// ends. So pages are read through their mappings, written by pwrite(2), and given back by the
// window; those of busy clients, which are few and stay, are written through their mappings.
const windowPages = 64

// window is a stretch of addresses for the pages of clients, used from its start to its end and
// given back when the last of them has gone.
type window struct {
	base unsafe.Pointer
	used int // pages handed out
	live int // of them, those of open sockets
}

// pages maps what clients hand over.
type pages struct {
	mu  sync.Mutex
	now *window
}

// sharedPage is a client's page, as the server has it.
type sharedPage struct {
	*page
	file int // the memfd
	in   *window

	writable atomic.Bool // through the mapping

	shown struct { // what the client has of ours
		result  int64
		dumping uint32
		groups  [groupWords]uint32
	}
}

// open maps a client's memfd, which is sealed.
func (p *pages) open(memfd int) (*sharedPage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil || p.now.used == windowPages {
		base, err := unix.MmapPtr(-1, 0, nil, windowPages*pageSize, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return nil, err
		}
		p.now = &window{base: base}
	}
	w := p.now
	at, err := unix.MmapPtr(memfd, 0, unsafe.Add(w.base, w.used*pageSize), pageSize, unix.PROT_READ,
		unix.MAP_SHARED|unix.MAP_FIXED)
	if err != nil {
		return nil, err
	}
	file, err := unix.FcntlInt(uintptr(memfd), unix.F_DUPFD_CLOEXEC, 0)
	w.used++
	if err != nil {
		return nil, err
	}
	w.live++
	m := &sharedPage{page: (*page)(at), file: file, in: w}
	m.shown.result = -1 << 32 // none that there is
	return m, nil
}

// allowWrites lets the page of a client that is busy be written through its mapping. False: the
// client forbids that.
func (p *pages) allowWrites(m *sharedPage) bool {
	if m.writable.Load() {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _, errno := syscall.Syscall(unix.SYS_MPROTECT, uintptr(unsafe.Pointer(m.page)), pageSize,
		unix.PROT_READ|unix.PROT_WRITE)
	m.writable.Store(errno == 0)
	return m.writable.Load()
}

// close is the end of a page: nothing touches it any more.
func (p *pages) close(m *sharedPage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	unix.Close(m.file)
	m.in.live--
	if m.in.used == windowPages {
		p.free(m.in)
	}
}

// shut gives back the window in use, when no socket is.
func (p *pages) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		p.free(p.now)
	}
}

// free unmaps a window that no socket uses.
func (p *pages) free(w *window) {
	if w.live > 0 {
		return
	}
	_ = unix.MunmapPtr(w.base, windowPages*pageSize)
	if p.now == w {
		p.now = nil
	}
}

// put changes a word of ours. A client that forbids that (F_SEAL_WRITE) is not told.
func (m *sharedPage) put(word *atomic.Uint32, v uint32) {
	if m.writable.Load() {
		word.Store(v)
		return
	}
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], v)
	_, _ = unix.Pwrite(m.file, b[:], int64(uintptr(unsafe.Pointer(word))-uintptr(unsafe.Pointer(m.page))))
}

// complete tells the client that frame seq is done: the result first.
func (m *sharedPage) complete(seq uint32, result int32) {
	if int64(result) != m.shown.result {
		m.shown.result = int64(result)
		m.put(&m.result, uint32(result))
	}
	m.put(&m.done, seq)
	if m.waiters.Load() > 0 {
		futexWake(&m.done)
	}
}

// setGroup shows the client whether it is a member.
func (m *sharedPage) setGroup(group uint32, member bool) {
	i, bit := (group-1)/32, uint32(1)<<((group-1)%32)
	m.shown.groups[i] &^= bit
	if member {
		m.shown.groups[i] |= bit
	}
	m.put(&m.groups[i], m.shown.groups[i])
}

// setDumping shows the client whether more will come when it asks.
func (m *sharedPage) setDumping(on bool) {
	v := uint32(0)
	if on {
		v = 1
	}
	if v != m.shown.dumping {
		m.shown.dumping = v
		m.put(&m.dumping, v)
	}
}
