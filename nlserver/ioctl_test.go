// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// ioctl answers for the toy's links what its netlink says of them.
func (t *toy) ioctl(c *Ioctl) (int, error) {
	if c.Request == unix.SIOCGIFCONF {
		return 0, t.ifconf(c)
	}
	ifr, err := c.Read(c.Arg, 40)
	if err != nil {
		return 0, err
	}
	name, _, _ := strings.Cut(strings.TrimRight(string(ifr[:16]), "\x00"), ":")
	for _, l := range t.links {
		if l.name != name && (c.Request != unix.SIOCGIFNAME || binary.NativeEndian.Uint32(ifr[16:]) != uint32(l.index)) {
			continue
		}
		u := make([]byte, 24)
		switch c.Request {
		case unix.SIOCGIFNAME:
			c.Write(c.Arg, append([]byte(l.name), 0))
			return 0, nil
		case unix.SIOCGIFINDEX:
			binary.NativeEndian.PutUint32(u, uint32(l.index))
		case unix.SIOCGIFFLAGS:
			binary.NativeEndian.PutUint16(u, uint16(l.flags))
		case unix.SIOCGIFMTU:
			binary.NativeEndian.PutUint32(u, 1500)
		case unix.SIOCGIFTXQLEN:
			binary.NativeEndian.PutUint32(u, 1000)
		case unix.SIOCGIFHWADDR:
			copy(u[2:], l.mac)
		case unix.SIOCGIFADDR:
			u = sockaddr(l.addr)
		case unix.SIOCGIFNETMASK:
			u = sockaddr([4]byte{255, 255, 255, 0})
		default:
			return 0, unix.EOPNOTSUPP
		}
		c.Write(c.Arg+16, u)
		return 0, nil
	}
	return 0, unix.ENODEV
}

func sockaddr(a [4]byte) []byte {
	u := make([]byte, 24)
	binary.NativeEndian.PutUint16(u, unix.AF_INET)
	copy(u[4:], a[:])
	return u
}

func (t *toy) ifconf(c *Ioctl) error {
	conf, err := c.Read(c.Arg, 16)
	if err != nil {
		return err
	}
	var all []byte
	for _, l := range t.links {
		name := make([]byte, 16)
		copy(name, l.name)
		all = append(append(all, name...), sockaddr(l.addr)...)
	}
	c.Write(binary.NativeEndian.Uint64(conf[8:]), all)
	c.Write(c.Arg, binary.NativeEndian.AppendUint32(nil, uint32(len(all))))
	return nil
}

// A handler that reads two places is asked three times: each answer wants the next, then all is
// there.
func TestIoctlIsAskedPieceByPiece(t *testing.T) {
	f := &Family{Ioctl: func(c *Ioctl) (int, error) {
		p, err := c.Read(c.Arg, 8)
		if err != nil {
			return 0, err
		}
		b, err := c.Read(binary.NativeEndian.Uint64(p), 3)
		if err != nil {
			return 0, err
		}
		c.Write(c.Arg, b)
		return 7, nil
	}}
	frame := binary.NativeEndian.AppendUint64(nil, 0x1000)
	step := func() (reply []byte, result int, more bool, err error) {
		c, ok := parseIoctl(frame)
		if !ok {
			t.Fatal("the frame is not understood")
		}
		return f.doIoctl(&c)
	}
	put := func(addr uint64, data []byte) {
		frame = appendChunk(frame, addr, uint32(len(data)))
		frame = append(frame, data...)
		for len(frame)%8 != 0 {
			frame = append(frame, 0)
		}
	}
	if reply, _, more, err := step(); !more || err != nil || string(reply) != string(appendChunk(nil, 0x1000, 8)) {
		t.Errorf("first: %x, more %v, %v", reply, more, err)
	}
	put(0x1000, binary.NativeEndian.AppendUint64(nil, 0x2000))
	if reply, _, more, err := step(); !more || err != nil || string(reply) != string(appendChunk(nil, 0x2000, 3)) {
		t.Errorf("second: %x, more %v, %v", reply, more, err)
	}
	put(0x2000, []byte("abc"))
	want := append(appendChunk(nil, 0x1000, 3), "abc\x00\x00\x00\x00\x00"...)
	if reply, result, more, err := step(); more || err != nil || result != 7 || string(reply) != string(want) {
		t.Errorf("third: %x, result %d, more %v, %v", reply, result, more, err)
	}
	frame = frame[:8]
	frame = appendChunk(frame, 0x1000, 8)
	binary.NativeEndian.PutUint32(frame[20:], chunkFault)
	if _, _, _, err := step(); !errors.Is(err, unix.EFAULT) {
		t.Errorf("memory that cannot be read: %v", err)
	}
}

// FuzzIoctl parses what a client sends as an ioctl: what is taken has all its bytes.
func FuzzIoctl(f *testing.F) {
	f.Add(binary.NativeEndian.AppendUint64(nil, 0x1000))
	f.Add(append(appendChunk(make([]byte, 8), 8, 3), "abc\x00\x00\x00\x00\x00"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, ok := parseIoctl(data)
		if !ok {
			return
		}
		total := 8
		for _, k := range c.chunks {
			total += chunkLen
			if !k.fault {
				total += len(k.data)
				if len(k.data) != int(k.len) {
					t.Errorf("a chunk of %d bytes has %d", k.len, len(k.data))
				}
			}
		}
		if total > len(data) {
			t.Errorf("%d bytes out of %d", total, len(data))
		}
	})
}
