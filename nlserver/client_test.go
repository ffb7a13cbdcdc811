// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"encoding/binary"
	"net"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// rawClient speaks frames itself, as the preloaded library does, so that a test sees each step.
type rawClient struct {
	t    *testing.T
	conn *net.UnixConn
	page *page
	mem  []byte
	seq  uint32
}

// memfdPage is a file for the shared page.
func memfdPage(t testing.TB, size int64, seals int) int {
	t.Helper()
	fd, err := unix.MemfdCreate("page", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Ftruncate(fd, size); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		t.Fatal(err)
	}
	return fd
}

func (w *world) dial(t *testing.T) *rawClient {
	t.Helper()
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: w.path, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &rawClient{t: t, conn: conn}
}

// open is dial and a hello that is taken.
func (w *world) open(t *testing.T) *rawClient {
	t.Helper()
	c := w.dial(t)
	fd := memfdPage(t, pageSize, unix.F_SEAL_SHRINK)
	mem, err := unix.Mmap(fd, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(mem) })
	c.mem, c.page = mem, (*page)(unsafe.Pointer(&mem[0]))
	if r := c.frame(frame{op: opHello, a: wireVersion, b: unix.NETLINK_ROUTE, c: unix.SOCK_RAW},
		helloBytes(4000, 0), fd); r != 0 {
		t.Fatalf("hello: %d", r)
	}
	return c
}

func helloBytes(tgid, portid uint32, groups ...uint32) []byte {
	b := make([]byte, 8, helloLen)
	for _, v := range []uint32{tgid, portid, 0, uint32(len(groups))} {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	for _, g := range groups {
		b = binary.NativeEndian.AppendUint32(b, g)
	}
	return b
}

// write sends a frame and does not wait.
func (c *rawClient) write(f frame, payload []byte, file int) {
	c.t.Helper()
	c.seq++
	f.seq = c.seq
	if f.len == 0 {
		f.len = uint32(len(payload))
	}
	var b []byte
	for _, v := range []uint32{f.op, f.seq, f.a, f.b, f.c, f.len} {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	var oob []byte
	if file >= 0 {
		oob = unix.UnixRights(file)
	}
	if _, _, err := c.conn.WriteMsgUnix(append(b, payload...), oob, nil); err != nil {
		c.t.Fatal(err)
	}
}

// frame sends one and gives the result it was completed with.
func (c *rawClient) frame(f frame, payload []byte, file int) int32 {
	c.t.Helper()
	c.write(f, payload, file)
	for end := time.Now().Add(10 * time.Second); c.page.done.Load() != c.seq; {
		if time.Now().After(end) {
			c.t.Fatalf("frame %d is not completed", f.op)
		}
		time.Sleep(50 * time.Microsecond)
	}
	return int32(c.page.result.Load())
}

func (c *rawClient) send(msgs []byte) {
	c.t.Helper()
	if r := c.frame(frame{op: opSend}, msgs, -1); int(r) != len(msgs) {
		c.t.Fatalf("send: %d, want %d", r, len(msgs))
	}
}

// recv gives the next datagram, nil when there is none.
func (c *rawClient) recv() []byte {
	c.t.Helper()
	b := make([]byte, 1<<20)
	raw, _ := c.conn.SyscallConn()
	n := 0
	raw.Read(func(fd uintptr) bool {
		var err error
		if n, _, err = unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT); err != nil {
			n = -1
		}
		return true
	})
	if n < 0 {
		return nil
	}
	return b[:n]
}

// gone waits until the server has closed the connection.
func (c *rawClient) gone() bool {
	c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := c.conn.Read(make([]byte, 16))
	ne, ok := err.(net.Error)
	return n <= 0 && err != nil && !(ok && ne.Timeout())
}

// headers lists the messages of a datagram.
func headers(b []byte) (hs []nlmsg.Header) {
	for {
		h, _, rest, ok := nlmsg.Next(b)
		if !ok {
			return hs
		}
		hs, b = append(hs, h), rest
	}
}

// request is a message with sequence number seq.
func request(typ, flags uint16, seq uint32, payload ...byte) []byte {
	e := nlmsg.NewEncoder(nil, 0)
	e.Begin(typ, flags|unix.NLM_F_REQUEST, seq, 0)
	copy(e.Raw(len(payload)), payload)
	e.End()
	return e.Buffer()
}

// routeRequest adds or deletes 10.x.y.0/24 of the toy.
func routeRequest(typ, flags uint16, seq uint32, n int) []byte {
	e := nlmsg.NewEncoder(nil, 0)
	e.Begin(typ, flags|unix.NLM_F_REQUEST, seq, 0)
	rtm := e.Raw(unix.SizeofRtMsg)
	rtm[0], rtm[1], rtm[4], rtm[7] = unix.AF_INET, 24, unix.RT_TABLE_MAIN, unix.RTN_UNICAST
	e.U32BE(unix.RTA_DST, 0x0a000000+uint32(n)<<8)
	e.U32(unix.RTA_OIF, 2)
	e.End()
	return e.Buffer()
}
