// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

func TestHostileClientsAreHungUpOnAndOthersServed(t *testing.T) {
	w := newWorld(t)
	good := memfdPage(t, pageSize, unix.F_SEAL_SHRINK)
	cases := map[string]func(c *rawClient){
		"not even a frame": func(c *rawClient) { c.conn.Write([]byte("hello")) },
		"an empty datagram": func(c *rawClient) {
			c.conn.WriteMsgUnix(nil, nil, nil)
		},
		"a send before the hello": func(c *rawClient) { c.write(frame{op: opSend}, []byte{1, 2, 3}, -1) },
		"a hello without a page": func(c *rawClient) {
			c.write(frame{op: opHello, a: wireVersion, c: unix.SOCK_RAW}, helloBytes(1, 0), -1)
		},
		"a page that can shrink": func(c *rawClient) {
			c.write(frame{op: opHello, a: wireVersion, c: unix.SOCK_RAW}, helloBytes(1, 0),
				memfdPage(t, pageSize, 0))
		},
		"a page that is too small": func(c *rawClient) {
			c.write(frame{op: opHello, a: wireVersion, c: unix.SOCK_RAW}, helloBytes(1, 0),
				memfdPage(t, pageSize-1, unix.F_SEAL_SHRINK))
		},
		"a file that is no memory": func(c *rawClient) {
			f, err := os.Open("server_test.go")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			c.write(frame{op: opHello, a: wireVersion, c: unix.SOCK_RAW}, helloBytes(1, 0), int(f.Fd()))
		},
		"a hello that is cut": func(c *rawClient) {
			c.write(frame{op: opHello, a: wireVersion, c: unix.SOCK_RAW}, helloBytes(1, 0)[:20], good)
		},
		"more groups than there are": func(c *rawClient) {
			b := helloBytes(1, 0)
			binary.NativeEndian.PutUint32(b[20:], 0x40000001)
			c.write(frame{op: opHello, a: wireVersion, c: unix.SOCK_RAW}, b, good)
		},
		"a version from the future": func(c *rawClient) {
			c.write(frame{op: opHello, a: 99, c: unix.SOCK_RAW}, helloBytes(1, 0), good)
		},
		"an operation that is none": func(c *rawClient) {
			*c = *w.open(t)
			c.write(frame{op: 77}, nil, -1)
		},
		"a second hello": func(c *rawClient) {
			*c = *w.open(t)
			c.write(frame{op: opHello, a: wireVersion, c: unix.SOCK_RAW}, helloBytes(1, 0), good)
		},
	}
	for name, misbehave := range cases {
		t.Run(name, func(t *testing.T) {
			c := w.dial(t)
			misbehave(c)
			if !c.gone() {
				t.Error("the connection is still there")
			}
		})
	}
	c := w.open(t)
	c.send(request(unix.NLMSG_NOOP, unix.NLM_F_ACK, 1))
	if hs := headers(c.recv()); len(hs) != 1 || hs[0].Type != unix.NLMSG_ERROR {
		t.Errorf("after them a client gets %v, want its ACK", hs)
	}
}

func TestSendsByFileAreChecked(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	b := request(unix.NLMSG_NOOP, unix.NLM_F_ACK, 9)
	fd := memfdPage(t, int64(len(b)), 0)
	unix.Pwrite(fd, b, 0)
	if r := c.frame(frame{op: opSendFD, len: uint32(len(b))}, nil, fd); int(r) != len(b) {
		t.Errorf("send of a file: %d, want %d", r, len(b))
	}
	if hs := headers(c.recv()); len(hs) != 1 || hs[0].Seq != 9 {
		t.Errorf("it is answered by %v", hs)
	}
	for _, tc := range []struct {
		name string
		len  uint32
		file int
		want unix.Errno
	}{
		{"no file", 100, -1, unix.EMSGSIZE},
		{"a file that is shorter than it says", 100, fd, unix.EFAULT},
		{"more than may be sent", sendMax + 1, fd, unix.EMSGSIZE},
	} {
		if r := c.frame(frame{op: opSendFD, len: tc.len}, nil, tc.file); r != -int32(tc.want) {
			t.Errorf("%s: %d, want -%d", tc.name, r, tc.want)
		}
	}
}

func TestDumpPiecesFitTheReader(t *testing.T) {
	w := newWorld(t)
	w.toy.repeat(routeRequest(unix.RTM_NEWROUTE, 0, 0, 1)[nlmsg.HdrLen:], 5000)
	ask := request(unix.RTM_GETROUTE, unix.NLM_F_DUMP, 5, unix.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, tc := range []struct {
		room, most int // bytes
	}{{0, 3776}, {4096, 4096}, {16384, 16384}, {1 << 20, 32768}} {
		c := w.open(t)
		c.page.maxRecv.Store(uint32(tc.room))
		c.send(ask)
		if c.page.dumping.Load() != 1 {
			t.Error("the client does not learn that a dump runs")
		}
		var count, datagrams, largest int
		for last := uint16(0); last != unix.NLMSG_DONE; {
			b := c.recv()
			if b == nil {
				t.Fatalf("room %d: after %d routes nothing is there", tc.room, count)
			}
			if c.recv() != nil {
				t.Fatal("more than one piece is there at a time")
			}
			largest = max(largest, len(b))
			datagrams++
			for _, h := range headers(b) {
				last = h.Type
				if h.Flags != unix.NLM_F_MULTI || h.Seq != 5 || h.PID != c.page.portid.Load() {
					t.Fatalf("a piece has header %+v", h)
				}
				if h.Type == unix.RTM_NEWROUTE {
					count++
				}
			}
			c.frame(frame{op: opMore}, nil, -1)
		}
		if count != 5000 || largest > tc.most || largest < tc.most-100 {
			t.Errorf("room %d: %d routes in %d datagrams of at most %d bytes, want 5000, near %d",
				tc.room, count, datagrams, largest, tc.most)
		}
		if c.page.dumping.Load() != 0 {
			t.Error("the dump still runs")
		}
	}
}

func TestDumpSaysThatItWasInterrupted(t *testing.T) {
	w := newWorld(t)
	w.toy.repeat(routeRequest(unix.RTM_NEWROUTE, 0, 0, 1)[nlmsg.HdrLen:], 300)
	c, other := w.open(t), w.open(t)
	c.send(request(unix.RTM_GETROUTE, unix.NLM_F_DUMP, 5, unix.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	// A second dump, and what else is asked meanwhile.
	c.send(request(unix.RTM_GETROUTE, unix.NLM_F_DUMP, 6, unix.AF_INET))
	other.send(routeRequest(unix.RTM_NEWROUTE, 0, 1, 2))
	var all []nlmsg.Header
	for {
		b := c.recv()
		if b == nil {
			break
		}
		all = append(all, headers(b)...)
		c.frame(frame{op: opMore}, nil, -1)
	}
	var intr, busy, done int
	for i, h := range all {
		switch {
		case h.Type == unix.NLMSG_ERROR && h.Seq == 6:
			busy++
		case h.Flags&unix.NLM_F_DUMP_INTR != 0:
			intr++
		}
		if h.Type == unix.NLMSG_DONE {
			done++
			if i != len(all)-1 {
				t.Error("NLMSG_DONE is not the end")
			}
		}
	}
	if intr == 0 || intr > 150 || busy != 1 || done != 1 {
		t.Errorf("%d messages with NLM_F_DUMP_INTR, %d EBUSY, %d NLMSG_DONE", intr, busy, done)
	}
}

func TestDumpEndsWithItsError(t *testing.T) {
	w := newWorld(t)
	var ended atomic.Int32
	table := NewTable()
	table.Register(unix.AF_UNSPEC, unix.RTM_GETLINK, Handler{
		Dumpit: func(d *Dump) error {
			d.AnswerFlags = unix.NLM_F_DUMP_FILTERED
			e := d.Begin(unix.RTM_NEWLINK)
			e.Raw(16)
			e.End()
			d.Begin(unix.RTM_NEWLINK) // and never ended
			return d.Ext.Fail(unix.ENODEV, "it is gone")
		},
		DumpDone: func(*Dump) { ended.Add(1) },
	})
	w.toy.dispatch(table)
	c := w.open(t)
	c.page.options.Store(optExtAck)
	c.send(request(unix.RTM_GETLINK, unix.NLM_F_DUMP, 3, make([]byte, 16)...))
	b := c.recv()
	hs := headers(b)
	if len(hs) != 2 || hs[1].Type != unix.NLMSG_DONE ||
		hs[1].Flags != unix.NLM_F_MULTI|unix.NLM_F_DUMP_FILTERED|nlmsg.AckTLVs {
		t.Fatalf("the answer is %+v", hs)
	}
	done := b[hs[0].Len+nlmsg.HdrLen:]
	if errno := int32(binary.NativeEndian.Uint32(done)); errno != -int32(unix.ENODEV) {
		t.Errorf("NLMSG_DONE says %d", errno)
	}
	if !bytes.HasSuffix(done, []byte("\x0f\x00\x01\x00it is gone\x00\x00")) {
		t.Errorf("NLMSG_DONE has no text: %q", done)
	}
	if n := ended.Load(); n != 1 {
		t.Errorf("DumpDone was called %d times", n)
	}
}

func TestDumpOfAClientThatLeavesIsForgotten(t *testing.T) {
	w := newWorld(t)
	ended := make(chan struct{})
	table := NewTable()
	table.Register(unix.AF_UNSPEC, unix.RTM_GETLINK, Handler{
		Dumpit: func(d *Dump) error {
			d.Begin(unix.RTM_NEWLINK).End()
			return nlmsg.ErrFull
		},
		DumpDone: func(*Dump) { close(ended) },
	})
	w.toy.dispatch(table)
	c := w.open(t)
	c.send(request(unix.RTM_GETLINK, unix.NLM_F_DUMP, 3, make([]byte, 16)...))
	c.conn.Close()
	<-ended
}

func TestNotificationsComeBeforeTheACK(t *testing.T) {
	w := newWorld(t)
	c, member, echoer := w.open(t), w.open(t), w.open(t)
	for _, m := range []*rawClient{c, member} {
		if r := m.frame(frame{op: opJoin, a: unix.RTNLGRP_IPV4_ROUTE}, nil, -1); r != 0 {
			t.Fatalf("join: %d", r)
		}
	}
	var batch []byte
	for i := range 3 {
		batch = append(batch, routeRequest(unix.RTM_NEWROUTE, unix.NLM_F_ACK, uint32(i+1), i)...)
	}
	c.send(batch)
	// The requester is a member: each notification, then the ACK.
	for i := range 3 {
		note, ack := headers(c.recv()), headers(c.recv())
		if len(note) != 2 || note[0].Type != unix.RTM_NEWROUTE || note[0].Seq != uint32(i+1) ||
			note[0].PID != c.page.portid.Load() {
			t.Fatalf("notification %d is %+v", i, note)
		}
		// The marker names the group.
		if mark := note[1]; mark.Type != unix.NLMSG_NOOP || mark.Seq != unix.RTNLGRP_IPV4_ROUTE {
			t.Errorf("the marker is %+v", mark)
		}
		if len(ack) != 1 || ack[0].Type != unix.NLMSG_ERROR || ack[0].Seq != uint32(i+1) {
			t.Fatalf("ACK %d is %+v", i, ack)
		}
		if got := headers(member.recv()); len(got) != 2 || got[0].Seq != uint32(i+1) {
			t.Errorf("the other member has %+v", got)
		}
	}
	// NLM_F_ECHO: once, as an answer, for a member and for one that is none.
	for _, asker := range []*rawClient{c, echoer} {
		typ := uint16(unix.RTM_DELROUTE)
		n := 0
		if asker == echoer {
			n = 1
		}
		asker.send(routeRequest(typ, unix.NLM_F_ECHO|unix.NLM_F_ACK, 9, n))
		echo, ack := headers(asker.recv()), headers(asker.recv())
		if len(echo) != 1 || echo[0].Type != typ || len(ack) != 1 || ack[0].Type != unix.NLMSG_ERROR {
			t.Errorf("echo %+v, ACK %+v", echo, ack)
		}
		if b := asker.recv(); b != nil {
			t.Errorf("something follows the ACK: %x", b)
		}
	}
	// Who leaves hears no more.
	member.frame(frame{op: opLeave, a: unix.RTNLGRP_IPV4_ROUTE}, nil, -1)
	c.frame(frame{op: opLeave, a: unix.RTNLGRP_IPV4_ROUTE}, nil, -1)
	for member.recv() != nil {
	}
	if w.toy.family.HasListeners(unix.RTNLGRP_IPV4_ROUTE) {
		t.Error("the group still has members")
	}
	c.send(routeRequest(unix.RTM_DELROUTE, 0, 10, 2))
	if b := member.recv(); b != nil {
		t.Errorf("a former member got %x", b)
	}
}

func TestOverrunIsSaidOnceAndEndsWhenTheQueueIsEmpty(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	c.frame(frame{op: opRcvbuf, a: 8192}, nil, -1)
	c.frame(frame{op: opJoin, a: unix.RTNLGRP_IPV4_ROUTE}, nil, -1)
	note := request(unix.RTM_NEWROUTE, 0, 0, make([]byte, 64)...)
	notify := func(n int) {
		for range n {
			w.toy.family.Notify(unix.RTNLGRP_IPV4_ROUTE, Requester{}, note)
		}
	}
	notify(100)
	if e := c.page.err.Swap(0); e != uint32(unix.ENOBUFS) {
		t.Fatalf("the error is %d, want ENOBUFS", e)
	}
	notify(100)
	if e := c.page.err.Swap(0); e != 0 {
		t.Errorf("the error comes again: %d", e)
	}
	// Congested until it is empty: with room for one nothing comes yet.
	c.recv()
	c.recv()
	notify(1)
	had := 2
	for c.recv() != nil {
		had++
	}
	if had < 3 || had > 50 {
		t.Errorf("%d datagrams were in a queue of 8 KiB", had)
	}
	notify(1)
	if c.recv() == nil || c.recv() != nil {
		t.Error("after it is empty the next one does not come, or one from before does")
	}
	// Who wants no ENOBUFS gets what fits at any time.
	c.page.options.Store(optNoEnobufs)
	notify(100)
	c.recv()
	c.recv()
	notify(1)
	if e := c.page.err.Load(); e != 0 {
		t.Errorf("with NETLINK_NO_ENOBUFS the error is %d", e)
	}
}

func TestAnswersLargerThanTheQueueStillCome(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	c.frame(frame{op: opRcvbuf, a: 4608}, nil, -1)
	c.send(request(124, 0, 3, make([]byte, 60000)...))
	if hs := headers(c.recv()); len(hs) != 1 || hs[0].Len != 60000+36 {
		t.Errorf("the error is %+v", hs)
	}
}

func TestOnlyAdminsChangeThings(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("another user's client needs root")
	}
	w := newWorld(t)
	os.Chmod(w.path, 0o666)
	os.Chmod(filepath.Dir(w.path), 0o755)
	lib, err := shimLib()
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(filepath.Dir(lib), 0o755)
	prog, err := nltalk()
	if err != nil {
		t.Fatal(err)
	}
	script := "socket 3 0\n" +
		"send " + msg(unix.RTM_NEWROUTE, fAck, "02000000 00000000 00000000") + "\nrecv 4096 0x40\n" +
		"send " + msg(unix.RTM_GETLINK, fDump, loIfi) + "\nquiet 4096 0x40\n" +
		"opt 1 33 1000\nopt 270 1 7\nopt 270 8 1\nsendto 99 0 00\nconnect 9 0\n"
	var results []string
	for line := range strings.Lines(w.runAs(65534, script, prog)) {
		if i := strings.LastIndex(line, ": "); i >= 0 {
			results = append(results, strings.Fields(line[i+2:])[0])
		} else { // an error's bytes; its errno
			results = append(results, strings.Fields(line)[4])
		}
	}
	// Asking and joining groups is free; changing, and sending to others, is not.
	if got, want := strings.Join(results, " "),
		"0 28 48 ffffffff 32 224 EPERM 0 EPERM EPERM EPERM"; got != want {
		t.Errorf("as nobody: %s\nwant %s", got, want)
	}
	srv := &Server{cfg: Config{AdminGIDs: []uint32{65534}}}
	if !srv.allowed(&unix.Ucred{Uid: 65534, Gid: 65534}, nil) ||
		!srv.allowed(&unix.Ucred{Uid: 7, Gid: 7}, []uint32{5, 65534}) ||
		srv.allowed(&unix.Ucred{Uid: 65534, Gid: 7}, []uint32{5}) {
		t.Error("the list of groups does not decide")
	}
}

func TestTheSocketFileIsReplacedOnlyWhenStale(t *testing.T) {
	w := newWorld(t)
	if _, err := New(Config{Path: w.path}); err == nil {
		t.Error("a second server took the place of one that runs")
	}
	w.stop()
	if _, err := os.Lstat(w.path); err == nil {
		t.Error("the file is still there after the end of its server")
	}
	stale, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: w.path, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	w.start()
	plain := filepath.Join(filepath.Dir(w.path), "plain")
	os.WriteFile(plain, nil, 0o600)
	if _, err := New(Config{Path: plain}); err == nil {
		t.Error("a file that is no socket was replaced")
	}
	gid := os.Getegid()
	path := filepath.Join(filepath.Dir(w.path), "other")
	srv, err := New(Config{Path: path, Mode: 0o604, Group: &gid})
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o604 {
		t.Errorf("its mode is %v, %v", st.Mode(), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := srv.Serve(ctx); err != nil {
		t.Error(err)
	}
}
