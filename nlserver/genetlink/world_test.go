// SPDX-License-Identifier: BSD-3-Clause

package genetlink_test

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/nlserver"
	"skua/nlserver/genetlink"
	"skua/nlserver/nlmsg"
)

// The links of a world: a TAP, and a port whose driver can nearly everything.
const (
	tapIndex  = 2
	portIndex = 3
)

// world is a control plane behind a netlink server.
type world struct {
	t      testing.TB
	stack  *controlplane.Stack
	ports  *dpif.FakePorts
	family *nlserver.Family
	path   string
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, ports: &dpif.FakePorts{Fake: dpif.NewFake(), Devices: map[uint16]*dpif.FakePort{7: {
		Driver:   dpif.PortDriver{Driver: "net_card", Version: "22.11", Firmware: "8.1", Bus: "0000:03:00.0"},
		Medium:   dpif.PortMedium{Up: true, Speed: 25000, Full: true, Autoneg: true, Capable: dpif.Speed10G | dpif.Speed25G},
		Counters: []dpif.Counter{{Name: "rx_good_packets", Value: 11}, {Name: "tx_good_packets", Value: 12}},
		RSS:      dpif.PortRSS{Key: []byte{1, 2, 3, 4}, Table: []uint32{0, 1, 0, 1}, Types: []string{"ipv4"}},
		Rings:    dpif.PortRings{Rx: 1024, Tx: 512, RxMax: 4096, TxMax: 4096},
		Queues:   dpif.PortQueues{Rx: 2, Tx: 1, RxMax: 8, TxMax: 1},
		Pause:    &dpif.PortPause{Rx: true},
		FEC:      &dpif.PortFEC{Configured: dpif.FECRS, Active: dpif.FECRS},
		Regs:     []byte{1, 0, 0, 0, 2, 0, 0, 0},
		EEPROM:   []byte("an eeprom"),
	}}}}
	var err error
	if w.stack, err = controlplane.New(controlplane.Options{DP: w.ports, Clock: rtnl.NewManualClock()}); err != nil {
		t.Fatal(err)
	}
	w.stack.Net.Lock()
	for _, c := range []link.Config{
		{Index: tapIndex, Name: "tap0", Kind: "tun", Port: 1, HardAddr: link.HardAddr{2, 0, 0, 0, 0, 1}, Carrier: true},
		{Index: portIndex, Name: "wan", Port: 7, HardAddr: link.HardAddr{2, 0, 0, 0, 0, 2}, Carrier: true},
	} {
		if _, err := w.stack.Links.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	w.stack.Net.Unlock()
	dir, err := os.MkdirTemp("", "nl") // short, for sun_path
	if err != nil {
		t.Fatal(err)
	}
	w.path = filepath.Join(dir, "s")
	w.family = genetlink.New(genetlink.Tables{Net: w.stack.Net, Links: w.stack.Links, Devices: w.stack.Devices})
	srv, err := nlserver.New(nlserver.Config{Path: w.path, Families: []*nlserver.Family{w.family}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(context.Background()) }()
	t.Cleanup(func() { srv.Close(); <-done; os.RemoveAll(dir) })
	return w
}

// client is a netlink socket of a world.
type client struct {
	t    testing.TB
	conn *net.UnixConn
	page []byte
	seq  uint32
}

// Offsets in struct skua_nl_page, and operations of a frame (shim/skua_nl.h).
const (
	pageDone    = 4
	pageOptions = 8*4 + 64*4 + 4
	opHello     = 1
	opSend      = 4
	opJoin      = 7
	optExtAck   = 1 << 5
)

func (w *world) client() *client {
	c := &client{t: w.t}
	var err error
	if c.conn, err = net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: w.path, Net: "unixpacket"}); err != nil {
		w.t.Fatal(err)
	}
	fd, err := unix.MemfdCreate("page", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		w.t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, 4096); err != nil {
		w.t.Fatal(err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK); err != nil {
		w.t.Fatal(err)
	}
	if c.page, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.conn.Close(); _ = unix.Munmap(c.page) })
	hello := make([]byte, 8)
	for _, v := range []uint32{4000, 0, 0, 0} {
		hello = binary.NativeEndian.AppendUint32(hello, v)
	}
	c.frame([]uint32{opHello, 0, 1, unix.NETLINK_GENERIC, unix.SOCK_RAW}, hello, unix.UnixRights(fd))
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&c.page[pageOptions])), optExtAck)
	return c
}

// frame sends a frame and waits until all that it causes is in the queue.
func (c *client) frame(words []uint32, payload, oob []byte) {
	c.t.Helper()
	c.seq++
	words[1] = c.seq
	var b []byte
	for _, v := range append(words, uint32(len(payload))) {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	if _, _, err := c.conn.WriteMsgUnix(append(b, payload...), oob, nil); err != nil {
		c.t.Fatal(err)
	}
	done := (*uint32)(unsafe.Pointer(&c.page[pageDone]))
	for end := time.Now().Add(30 * time.Second); atomic.LoadUint32(done) != c.seq; {
		if time.Now().After(end) {
			c.t.Fatal("a send does not end")
		}
		time.Sleep(10 * time.Microsecond)
	}
}

// answer is a message.
type answer struct {
	nlmsg.Header
	body []byte // behind the netlink header
}

// drain reads what is in the queue.
func (c *client) drain() (all []answer) {
	c.t.Helper()
	raw, err := c.conn.SyscallConn()
	if err != nil {
		c.t.Fatal(err)
	}
	b := make([]byte, 1<<18)
	for {
		size := -1
		_ = raw.Read(func(fd uintptr) bool {
			size, _, _ = unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
			return true
		})
		if size <= 0 {
			return all
		}
		for rest := b[:size]; ; {
			h, msg, more, ok := nlmsg.Next(rest)
			if !ok {
				break
			}
			if int(h.Len) != len(msg) {
				c.t.Errorf("an answer of %d bytes says that it has %d", len(msg), h.Len)
			}
			if h.Type != unix.NLMSG_NOOP {
				all = append(all, answer{h, append([]byte(nil), msg[nlmsg.HdrLen:]...)})
			}
			rest = more
		}
	}
}

// ask sends a request and gives what came back, and the errno of its ACK; -1: there was none.
func (c *client) ask(req []byte) (all []answer, errno int) {
	c.t.Helper()
	c.frame([]uint32{opSend, 0, 0, 0, 0}, req, nil)
	errno = -1
	for _, a := range c.drain() {
		if a.Type == unix.NLMSG_ERROR {
			errno = -int(int32(binary.NativeEndian.Uint32(a.body)))
			continue
		}
		all = append(all, a)
	}
	return all, errno
}

// message builds a request to a family.
func message(family, flags uint16, cmd uint8, attrs ...func(*nlmsg.Encoder)) []byte {
	e := nlmsg.NewEncoder(nil, 0)
	e.Begin(family, flags|unix.NLM_F_REQUEST, 1, 0)
	e.Raw(4)[0] = cmd
	for _, a := range attrs {
		a(e)
	}
	e.End()
	return e.Buffer()
}

// device is the header of a request to the family "ethtool".
func device(typ uint16, index uint32, flags uint32) func(*nlmsg.Encoder) {
	return func(e *nlmsg.Encoder) {
		nest := e.Nest(typ)
		if index != 0 {
			e.U32(unix.ETHTOOL_A_HEADER_DEV_INDEX, index)
		}
		e.U32(unix.ETHTOOL_A_HEADER_FLAGS, flags)
		e.EndNest(nest)
	}
}
