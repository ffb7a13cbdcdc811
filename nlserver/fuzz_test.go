// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// loopSocket is a socket of the toy whose client is the test itself.
func loopSocket(t testing.TB) (s *Socket, client int) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	toy := newToy()
	toy.family.prepare()
	s, err = newSocket(&Server{}, fds[0])
	if err != nil {
		t.Fatal(err)
	}
	memfd := memfdPage(t, pageSize, unix.F_SEAL_SHRINK)
	if s.page, err = s.srv.pages.open(memfd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.srv.pages.close(s.page)
		s.srv.pages.shut()
	})
	s.fam, s.admin = toy.family, true
	s.page.put(&s.page.options, optExtAck|optStrictChk)
	s.fam.autobind(s, 77)
	s.fam.join(s, unix.RTNLGRP_IPV4_ROUTE)
	return s, fds[1]
}

// FuzzMessages gives a stream of messages to a socket, as a client's send does. Whatever it is:
// nothing panics, all answers are whole messages, and each message that must be answered is,
// exactly once and in order.
func FuzzMessages(f *testing.F) {
	for _, script := range conversations {
		for line := range strings.Lines(script) {
			if at := strings.Index(line, "send "); at >= 0 {
				if b, err := hex.DecodeString(strings.TrimSpace(line[at+5:])); err == nil {
					f.Add(b)
				}
			}
		}
	}
	f.Add(append(routeRequest(unix.RTM_NEWROUTE, unix.NLM_F_ACK, 1, 5),
		routeRequest(unix.RTM_DELROUTE, unix.NLM_F_ECHO, 2, 5)...))
	f.Add(request(unix.RTM_GETROUTE, unix.NLM_F_DUMP, 3, make([]byte, 12)...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > 8192 {
			return
		}
		s, client := loopSocket(t)
		defer unix.Close(client)
		defer unix.Close(s.fd)
		s.receive(stream)

		var answered []uint32 // sequence numbers of the NLMSG_ERRORs
		buf := make([]byte, 1<<17)
		for {
			n, _, err := unix.Recvfrom(client, buf, unix.MSG_DONTWAIT)
			if err != nil {
				break
			}
			for rest := buf[:n]; len(rest) > 0; {
				h, msg, after, ok := nlmsg.Next(rest)
				if !ok {
					t.Fatalf("an answer is no whole message: %x", rest)
				}
				if h.Type == unix.NLMSG_ERROR {
					answered = append(answered, h.Seq)
					checkError(t, h, msg)
				}
				rest = after
			}
		}
		if s.page.err.Load() != 0 {
			return // there was no room for all
		}
		for _, seq := range mustAnswer(stream) {
			for len(answered) > 0 && answered[0] != seq {
				answered = answered[1:]
			}
			if len(answered) == 0 {
				t.Fatalf("message %d is not answered in its turn", seq)
			}
			answered = answered[1:]
		}
	})
}

// checkError wants the extended ACK's offset to lie in the request, and the request to be there.
func checkError(t *testing.T, h nlmsg.Header, msg []byte) {
	orig := nlmsg.ParseHeader(msg[20:])
	tail := msg[36:]
	if h.Flags&nlmsg.Capped == 0 {
		tail = tail[min(len(tail), nlmsg.Align(int(orig.Len)-16)):]
	}
	err := nlmsg.Each(tail, 0, func(a nlmsg.Attr) error {
		if a.Type() == nlmsg.ErrAttrOffs && (a.U32() < 16 || a.U32() >= orig.Len) {
			t.Fatalf("offset %d in a message of %d bytes", a.U32(), orig.Len)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// mustAnswer lists the messages of stream that are no requests, or control messages, and want an
// ACK: these have exactly one whatever the family does.
func mustAnswer(stream []byte) (seqs []uint32) {
	for len(stream) >= 16 {
		n := binary.NativeEndian.Uint32(stream)
		if n < 16 || int64(n) > int64(len(stream)) {
			return seqs
		}
		typ, flags := binary.NativeEndian.Uint16(stream[4:]), binary.NativeEndian.Uint16(stream[6:])
		if flags&4 != 0 && (flags&1 == 0 || typ < 16) {
			seqs = append(seqs, binary.NativeEndian.Uint32(stream[8:]))
		}
		stream = stream[min(len(stream), int(n+3)&^3):]
	}
	return seqs
}
