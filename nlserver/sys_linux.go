// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// setRecvTimeout makes receives fail after seconds, or never for 0.
func setRecvTimeout(fd, seconds int) {
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(seconds)})
}

// inbox reads frames.
type inbox struct {
	buf *[]byte // from the server's pool while a frame is being handled
	oob []byte
	msg unix.Msghdr
	iov unix.Iovec
}

var errFrame = errors.New("malformed frame")

// next waits for a frame. file is the descriptor that came with it, or -1; payload is valid until
// release.
func (in *inbox) next(s *Socket) (f frame, payload []byte, file int, err error) {
	if err := waitReadable(s.fd); err != nil {
		return f, nil, -1, err
	}
	in.buf = s.srv.buffers.Get().(*[]byte)
	in.iov.Base = unsafe.SliceData(*in.buf)
	in.iov.SetLen(len(*in.buf))
	in.msg = unix.Msghdr{Iov: &in.iov, Iovlen: 1, Control: unsafe.SliceData(in.oob)}
	in.msg.SetControllen(len(in.oob))
	n, err := recvmsg(s.fd, &in.msg)
	file = -1
	if in.msg.Controllen > 0 && err == nil {
		file = passedFile(in.oob[:in.msg.Controllen])
	}
	switch {
	case err != nil:
	case n == 0:
		err = io.EOF
	case n < frameLen || in.msg.Flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
		err = errFrame
	}
	if err != nil {
		if file >= 0 {
			unix.Close(file)
		}
		in.release(s)
		return f, nil, -1, err
	}
	return parseFrame(*in.buf), (*in.buf)[frameLen:n], file, nil
}

// waitReadable looks at the next datagram without taking it: so that a silent connection holds no
// buffer.
func waitReadable(fd int) error {
	for {
		_, _, errno := syscall.Syscall6(unix.SYS_RECVFROM, uintptr(fd), 0, 0, unix.MSG_PEEK, 0, 0)
		if errno == 0 {
			return nil
		}
		if errno != unix.EINTR {
			return errno
		}
	}
}

// recvmsg takes what waitReadable saw.
func recvmsg(fd int, msg *unix.Msghdr) (int, error) {
	for {
		r, _, errno := syscall.RawSyscall(unix.SYS_RECVMSG, uintptr(fd),
			uintptr(unsafe.Pointer(msg)), unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if errno == 0 {
			return int(r), nil
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// release gives the buffer back: the frame's payload is gone.
func (in *inbox) release(s *Socket) {
	if in.buf != nil {
		s.srv.buffers.Put(in.buf)
		in.buf = nil
	}
}

// passedFile keeps the first descriptor of SCM_RIGHTS and closes the others.
func passedFile(oob []byte) int {
	keep := -1
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return keep
	}
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if keep < 0 {
				keep = fd
			} else {
				unix.Close(fd)
			}
		}
	}
	return keep
}

// sealed says whether fd is a memfd that holds a page and cannot shrink, so that touching its
// mapping never faults.
func sealed(fd int) bool {
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil || seals&unix.F_SEAL_SHRINK == 0 {
		return false
	}
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Size >= pageSize
}

// futexWake wakes all that wait for word, in any process.
func futexWake(word *atomic.Uint32) {
	const futexWakeOp = 1
	syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWakeOp, 1<<30, 0, 0, 0)
}

// send queues a datagram without waiting.
func send(fd int, b []byte) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))),
		uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return errno
}

// sendmmsg queues datagrams without waiting and returns how many.
func sendmmsg(fd int, msgs []mmsghdr) (int, syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(msgs))), uintptr(len(msgs)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return int(r), errno
}

// setSndbuf asks for n bytes, which the kernel doubles; without privilege it may grant fewer.
func setSndbuf(fd, n int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, n) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, n)
	}
}

// peerGroups are the supplementary groups of the process at the other end; none on error.
func peerGroups(fd int) []uint32 {
	buf := make([]byte, 4*256)
	for {
		n := uint32(len(buf))
		_, _, errno := syscall.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET,
			unix.SO_PEERGROUPS, uintptr(unsafe.Pointer(unsafe.SliceData(buf))),
			uintptr(unsafe.Pointer(&n)), 0)
		if errno == unix.ERANGE && int(n) > len(buf) {
			buf = make([]byte, n)
			continue
		}
		if errno != 0 {
			return nil
		}
		groups := make([]uint32, n/4)
		for i := range groups {
			groups[i] = binary.NativeEndian.Uint32(buf[i*4:])
		}
		return groups
	}
}

// firstGroup is the lowest group of a mask, 0 when there is none.
func firstGroup(mask uint32) uint32 {
	if mask == 0 {
		return 0
	}
	return uint32(bits.TrailingZeros32(mask)) + 1
}
