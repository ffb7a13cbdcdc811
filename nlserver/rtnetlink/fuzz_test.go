// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink_test

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"slices"
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
	"skua/nlserver/nlmsg"
	"skua/nlserver/rtnetlink"
)

// world is a whole control plane behind a netlink server, with two links.
type world struct {
	t    testing.TB
	conn *net.UnixConn
	page []byte
	seq  uint32
	dir  string
}

// Offsets in struct skua_nl_page, and operations of a frame (shim/skua_nl.h).
const (
	pageDone    = 4
	pageOptions = 20
	opHello     = 1
	opSend      = 4
	optExtAck   = 1 << 5
	optStrict   = 1 << 6
)

func newWorld(t testing.TB) *world {
	dp := dpif.NewFake()
	s, err := controlplane.New(controlplane.Options{DP: dp, Clock: rtnl.NewManualClock()})
	if err != nil {
		t.Fatal(err)
	}
	s.Net.Lock()
	for i, name := range []string{"p1", "p2"} {
		_, err := s.Links.Add(link.Config{Name: name, HardAddr: link.HardAddr{2, 0, 0, 0, 0, byte(i)}, Carrier: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Net.Unlock()
	dir, err := os.MkdirTemp("", "nl") // short, for sun_path
	if err != nil {
		t.Fatal(err)
	}
	family := rtnetlink.New(rtnetlink.Tables{
		Net: s.Net, Links: s.Links, Addrs: s.Addrs, Neighs: s.Neighs, Rules: s.Rules, Routes: s.Routes,
		Addrconf: s.Addrconf,
	})
	srv, err := nlserver.New(nlserver.Config{Path: filepath.Join(dir, "s"), Families: []*nlserver.Family{family}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(context.Background()) }()
	w := &world{t: t, dir: dir}
	w.open(filepath.Join(dir, "s"))
	t.Cleanup(func() {
		w.conn.Close()
		_ = unix.Munmap(w.page)
		srv.Close()
		<-done
		os.RemoveAll(dir)
	})
	return w
}

func (w *world) open(path string) {
	var err error
	if w.conn, err = net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"}); err != nil {
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
	if w.page, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		w.t.Fatal(err)
	}
	hello := make([]byte, 8)
	for _, v := range []uint32{4000, 0, 0, 0} {
		hello = binary.NativeEndian.AppendUint32(hello, v)
	}
	w.frame([]uint32{opHello, 0, 1, unix.NETLINK_ROUTE, unix.SOCK_RAW}, hello, unix.UnixRights(fd))
}

// frame sends a frame and waits until all that it causes is in the queue.
func (w *world) frame(words []uint32, payload, oob []byte) {
	w.t.Helper()
	w.seq++
	words[1] = w.seq
	var b []byte
	for _, v := range append(words, uint32(len(payload))) {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	if _, _, err := w.conn.WriteMsgUnix(append(b, payload...), oob, nil); err != nil {
		w.t.Fatal(err)
	}
	done := (*uint32)(unsafe.Pointer(&w.page[pageDone]))
	for end := time.Now().Add(10 * time.Second); atomic.LoadUint32(done) != w.seq; {
		if time.Now().After(end) {
			w.t.Fatal("a send does not end")
		}
		time.Sleep(10 * time.Microsecond)
	}
}

func (w *world) options(v uint32) {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&w.page[pageOptions])), v)
}

// drain reads what is in the queue and says how many messages of a type there were.
func (w *world) drain(typ uint16) (n int) {
	w.t.Helper()
	raw, err := w.conn.SyscallConn()
	if err != nil {
		w.t.Fatal(err)
	}
	b := make([]byte, 1<<18)
	for {
		size := -1
		_ = raw.Read(func(fd uintptr) bool {
			size, _, _ = unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
			return true
		})
		if size <= 0 {
			return n
		}
		for rest := b[:size]; ; {
			h, msg, more, ok := nlmsg.Next(rest)
			if !ok {
				break
			}
			if int(h.Len) != len(msg) {
				w.t.Errorf("an answer of %d bytes says that it has %d", len(msg), h.Len)
			}
			if h.Type == typ {
				n++
			}
			rest = more
		}
	}
}

// message builds a request.
func message(typ, flags uint16, header []byte, attrs ...func(*nlmsg.Encoder)) []byte {
	e := nlmsg.NewEncoder(nil, 0)
	e.Begin(typ, flags|unix.NLM_F_REQUEST, 1, 0)
	copy(e.Raw(len(header)), header)
	for _, a := range attrs {
		a(e)
	}
	e.End()
	return e.Buffer()
}

// FuzzRequest sends bytes to the server as a client that may do everything: whatever they say, it
// goes on serving, and what it answers is well formed.
func FuzzRequest(f *testing.F) {
	ifinfo := make([]byte, unix.SizeofIfInfomsg)
	ifinfo[4] = 2
	ifaddr4 := []byte{unix.AF_INET, 24, 0, 0, 2, 0, 0, 0}
	ifaddr6 := []byte{unix.AF_INET6, 64, 0, 0, 2, 0, 0, 0}
	rtmsg := []byte{unix.AF_INET, 24, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0}
	ndmsg := []byte{unix.AF_INET, 0, 0, 0, 2, 0, 0, 0, 0x80, 0, 0, 0}
	ip4 := func(typ uint16) func(*nlmsg.Encoder) {
		return func(e *nlmsg.Encoder) { e.Bytes(typ, []byte{10, 0, 0, 1}) }
	}
	seeds := [][]byte{
		message(unix.RTM_GETLINK, 0, ifinfo, func(e *nlmsg.Encoder) { e.U32(unix.IFLA_EXT_MASK, 9) }),
		message(unix.RTM_GETLINK, unix.NLM_F_DUMP, make([]byte, 16)),
		message(unix.RTM_NEWLINK, unix.NLM_F_ACK, ifinfo,
			func(e *nlmsg.Encoder) { e.U32(unix.IFLA_MTU, 1400) },
			func(e *nlmsg.Encoder) { e.String(unix.IFLA_IFNAME, "q1") },
			func(e *nlmsg.Encoder) { e.Bytes(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 9}) }),
		message(unix.RTM_NEWLINK, unix.NLM_F_ACK, ifinfo, func(e *nlmsg.Encoder) {
			spec := e.Nest(unix.IFLA_AF_SPEC)
			inet6 := e.Nest(unix.AF_INET6)
			e.U8(unix.IFLA_INET6_ADDR_GEN_MODE, 1)
			e.EndNest(inet6)
			inet := e.Nest(unix.AF_INET)
			conf := e.Nest(unix.IFLA_INET_CONF)
			e.U32(1, 1)
			e.EndNest(conf)
			e.EndNest(inet)
			e.EndNest(spec)
		}),
		message(unix.RTM_NEWLINKPROP, unix.NLM_F_ACK, ifinfo, func(e *nlmsg.Encoder) {
			list := e.Nest(unix.IFLA_PROP_LIST)
			e.String(unix.IFLA_ALT_IFNAME, "front")
			e.EndNest(list)
		}),
		message(unix.RTM_NEWADDR, unix.NLM_F_ACK, ifaddr4, ip4(unix.IFA_LOCAL), ip4(unix.IFA_ADDRESS)),
		message(unix.RTM_DELADDR, unix.NLM_F_ACK, ifaddr4, ip4(unix.IFA_LOCAL)),
		message(unix.RTM_NEWADDR, unix.NLM_F_ACK, ifaddr6,
			func(e *nlmsg.Encoder) { e.Payload(unix.IFA_LOCAL, 16)[0] = 0xfd },
			func(e *nlmsg.Encoder) { e.Payload(unix.IFA_CACHEINFO, 16)[4] = 9 }),
		message(unix.RTM_GETADDR, unix.NLM_F_DUMP, make([]byte, 8)),
		message(unix.RTM_GETNETCONF, unix.NLM_F_DUMP, []byte{unix.AF_INET}),
		message(unix.RTM_NEWROUTE, unix.NLM_F_CREATE, rtmsg, ip4(unix.RTA_DST), ip4(unix.RTA_GATEWAY)),
		message(unix.RTM_GETROUTE, 0, []byte{unix.AF_INET, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ip4(unix.RTA_DST)),
		message(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE, ndmsg, ip4(unix.NDA_DST),
			func(e *nlmsg.Encoder) { e.Bytes(unix.NDA_LLADDR, []byte{2, 0, 0, 0, 0, 7}) }),
	}
	seeds = append(seeds, bridgeSeeds()...)
	seeds = append(seeds, nexthopSeeds()...)
	route := message(unix.RTM_NEWROUTE, unix.NLM_F_CREATE, rtmsg, ip4(unix.RTA_DST), ip4(unix.RTA_GATEWAY))
	seeds = append(seeds, slices.Concat(route, route), slices.Concat(route, message(unix.RTM_DELROUTE, 0, rtmsg, ip4(unix.RTA_DST)), route[:20]))
	for _, s := range seeds {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, strict bool) {
		w := newWorld(t)
		opts := uint32(optExtAck)
		if strict {
			opts |= optStrict
		}
		w.options(opts)
		if len(data) > 100000 {
			return
		}
		w.frame([]uint32{opSend, 0, 0, 0, 0}, data, nil)
		w.drain(0)
		// A dump that the bytes began may still run on this socket: then this one is refused.
		w.frame([]uint32{opSend, 0, 0, 0, 0}, message(unix.RTM_GETLINK, 0, ifinfo), nil)
		if w.drain(unix.RTM_NEWLINK) == 0 {
			t.Error("the link is no longer shown")
		}
	})
}
