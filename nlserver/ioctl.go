// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"encoding/binary"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Ioctl is an ioctl() of a client on a socket of any kind, about interfaces, routes or neighbours.
// What it points at is in the client's memory: who answers it reads there with Read and writes with
// Write. The client is asked for what it has not sent yet and sends the whole again, so that all
// reads must come before anything is done.
type Ioctl struct {
	Request uint32 // SIOC*
	Arg     uint64 // the third argument
	Admin   bool

	memory func(addr uint64, n int) []byte
	chunks []chunk
	want   chunk
	writes []byte
}

// NewIoctl makes an ioctl of a caller in this process, whose memory is what memory gives; nil is
// EFAULT.
func NewIoctl(request uint32, arg uint64, admin bool, memory func(addr uint64, n int) []byte) *Ioctl {
	return &Ioctl{Request: request, Arg: arg, Admin: admin, memory: memory}
}

// chunk is a piece of the client's memory.
type chunk struct {
	addr  uint64
	len   uint32
	fault bool // it is not the client's to read
	data  []byte
}

// errWant says that the client has to send more.
var errWant = errors.New("more of the client's memory is wanted")

const (
	chunkLen   = 16      // addr, len, flags
	chunkFault = 1       // of flags
	readMax    = 1 << 16 // of one Read, in bytes
	writeMax   = 1 << 17 // of all writes, in bytes

	ioctlDone = 0
	ioctlMore = 1
)

// Read gives n bytes at addr of the client. Its error is to be returned at once: EFAULT, or that the
// client has to be asked.
func (c *Ioctl) Read(addr uint64, n int) ([]byte, error) {
	if n > readMax {
		return nil, unix.ENOMEM
	}
	if c.memory != nil {
		if b := c.memory(addr, n); len(b) == n {
			return b, nil
		}
		return nil, unix.EFAULT
	}
	for _, k := range c.chunks {
		if k.addr != addr || int(k.len) != n {
			continue
		}
		if k.fault {
			return nil, unix.EFAULT
		}
		return k.data, nil
	}
	c.want = chunk{addr: addr, len: uint32(n)}
	return nil, errWant
}

// Write puts b at addr of the client, when the ioctl has come to its end without an error.
func (c *Ioctl) Write(addr uint64, b []byte) {
	c.writes = appendChunk(c.writes, addr, uint32(len(b)))
	c.writes = append(c.writes, b...)
	for len(c.writes)%8 != 0 {
		c.writes = append(c.writes, 0)
	}
}

func appendChunk(b []byte, addr uint64, n uint32) []byte {
	b = binary.NativeEndian.AppendUint64(b, addr)
	b = binary.NativeEndian.AppendUint32(b, n)
	return binary.NativeEndian.AppendUint32(b, 0)
}

// parseIoctl reads what a client sends: the argument, and chunks of its memory, padded to 8 bytes.
func parseIoctl(payload []byte) (c Ioctl, ok bool) {
	if len(payload) < 8 {
		return c, false
	}
	c.Arg = binary.NativeEndian.Uint64(payload)
	for b := payload[8:]; len(b) > 0; {
		if len(b) < chunkLen {
			return c, false
		}
		k := chunk{
			addr: binary.NativeEndian.Uint64(b), len: binary.NativeEndian.Uint32(b[8:]),
			fault: binary.NativeEndian.Uint32(b[12:])&chunkFault != 0,
		}
		b = b[chunkLen:]
		if !k.fault {
			if uint64(k.len) > uint64(len(b)) {
				return c, false
			}
			k.data = b[:k.len]
			b = b[min(len(b), int(k.len+7)&^7):]
		}
		c.chunks = append(c.chunks, k)
	}
	return c, true
}

// Do answers an ioctl whose memory is at hand. reply are chunks: with a result of ioctlMore one
// without bytes, which is wanted, else what is to be written. result is what the ioctl returns, with
// ioctlMore or ioctlDone in more.
func (f *Family) doIoctl(c *Ioctl) (reply []byte, result int, more bool, err error) {
	if f.Ioctl == nil {
		return nil, 0, false, unix.EOPNOTSUPP
	}
	f.lock()
	defer f.unlock()
	result, err = f.Ioctl(c)
	f.commit()
	if errors.Is(err, errWant) {
		return appendChunk(nil, c.want.addr, c.want.len), 0, true, nil
	}
	if len(c.writes) > writeMax {
		err = unix.ENOMEM
	}
	if err != nil {
		var no syscall.Errno
		if !errors.As(err, &no) {
			no = unix.EINVAL
		}
		return nil, 0, false, no
	}
	return c.writes, result, false, nil
}

// ioctl is opIoctl: the reply goes into the queue behind a word that says what it is and one with
// the result.
func (s *Socket) ioctl(f frame, payload []byte) error {
	c, ok := parseIoctl(payload)
	if !ok {
		return unix.EPROTO
	}
	c.Request, c.Admin = f.a, s.admin
	reply, result, more, err := s.fam.doIoctl(&c)
	if err != nil {
		return err
	}
	head := uint32(ioctlDone)
	if more {
		head = ioctlMore
	}
	b := binary.NativeEndian.AppendUint32(nil, head)
	b = binary.NativeEndian.AppendUint32(b, uint32(result))
	s.deliver(append(b, reply...), origin{})
	return nil
}
