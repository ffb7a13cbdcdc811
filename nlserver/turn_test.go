// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// busyClient is one that the server waits for at its page.
func (w *world) busyClient(t *testing.T) *rawClient {
	t.Helper()
	c := w.open(t)
	c.page.options.Store(optPosts)
	for i := range uint32(2 * busyFrames) {
		c.send(request(unix.NLMSG_NOOP, unix.NLM_F_ACK, i))
		c.wantAck(t, i)
		if c.page.turn.Load() == turnPage {
			return c
		}
	}
	t.Fatal("the server does not wait at the page of a busy client")
	return nil
}

func (c *rawClient) wantAck(t *testing.T, seq uint32) {
	t.Helper()
	if hs := headers(c.recv()); len(hs) != 1 || hs[0].Type != unix.NLMSG_ERROR || hs[0].Seq != seq {
		t.Fatalf("request %d is answered by %v", seq, hs)
	}
}

// put writes a frame into the page and wakes the server, if it waits there.
func (c *rawClient) put(f frame, payload []byte) (taken bool) {
	c.seq++
	b := c.mem[postAt:postAt]
	for _, v := range []uint32{f.op, c.seq, f.a, f.b, f.c, f.len} {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	copy(c.mem[postAt+frameLen:], payload)
	taken = c.page.turn.CompareAndSwap(turnPage, turnPosted)
	futexWake(&c.page.turn)
	return taken
}

// look makes the server look at the connection, if it waits at the page.
func (c *rawClient) look() {
	if c.page.turn.CompareAndSwap(turnPage, turnLook) {
		futexWake(&c.page.turn)
	}
}

// post is send by way of the page; false: the server waits there no longer.
func (c *rawClient) post(t *testing.T, msgs []byte) bool {
	t.Helper()
	if !c.put(frame{op: opSend, len: uint32(len(msgs))}, msgs) {
		return false
	}
	c.completed(t, msgs)
	return true
}

func (c *rawClient) completed(t *testing.T, msgs []byte) {
	t.Helper()
	soon(t, func() string {
		if done := c.page.done.Load(); done != c.seq {
			return fmt.Sprintf("frame %d is completed, want %d", done, c.seq)
		}
		return ""
	})
	if r := int(c.page.result.Load()); r != len(msgs) {
		t.Fatalf("a send of %d bytes is completed with %d", len(msgs), r)
	}
}

// What is posted in the page is answered like what comes by the connection, each as often as the
// client likes.
func TestFramesArePosted(t *testing.T) {
	w := newWorld(t)
	c := w.busyClient(t)
	posted := 0
	for i := range uint32(200) {
		m := request(unix.NLMSG_NOOP, unix.NLM_F_ACK, i)
		if i%3 == 0 || !c.post(t, m) {
			c.write(frame{op: opSend}, m, -1)
			c.look()
			c.completed(t, m)
		} else {
			posted++
		}
		c.wantAck(t, i)
	}
	if posted == 0 {
		t.Error("the server never waited at the page")
	}
}

// A client that does not know of turn is never waited for there: it would not wake the server.
func TestClientsThatDoNotPostAreReadFrom(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	for i := range uint32(10 * busyFrames) {
		c.send(request(unix.NLMSG_NOOP, unix.NLM_F_ACK, i))
		c.wantAck(t, i)
		if turn := c.page.turn.Load(); turn != turnSocket {
			t.Fatalf("after %d frames it is the turn of %d", i+1, turn)
		}
	}
}

// Who falls silent is waited for at the connection again, so that its end is seen.
func TestSilentClientsAreWaitedForAtTheConnection(t *testing.T) {
	w := newWorld(t)
	c := w.busyClient(t)
	soon(t, func() string {
		if turn := c.page.turn.Load(); turn == turnPage {
			return "the server still waits at the page of a silent client"
		}
		return ""
	})
	c.send(request(unix.NLMSG_NOOP, unix.NLM_F_ACK, 7))
	c.wantAck(t, 7)
	if gone := w.busyClient(t); gone.conn.Close() != nil {
		t.Fatal("close")
	}
	soon(t, func() string {
		if n := w.sockets(); n != 1 {
			return fmt.Sprintf("%d sockets are open, want 1", n)
		}
		return ""
	})
}

// The server ends while it waits at pages.
func TestTheServerEndsWhileItWaitsAtPages(t *testing.T) {
	w := newWorld(t)
	for range 8 {
		w.busyClient(t)
	}
	w.stop()
	w.start()
}

// A posted frame that breaks the protocol ends the connection, and no other.
func TestHostilePosts(t *testing.T) {
	w := newWorld(t)
	good := w.open(t)
	r := rand.New(rand.NewPCG(3, 4))
	noop := request(unix.NLMSG_NOOP, unix.NLM_F_ACK, 1)
	for _, f := range []frame{
		{op: opSend, len: postMax}, {op: opSend, len: 1 << 31}, {op: opHello, len: 24}, {op: 77}, {op: opSend, len: postMax - frameLen + 1},
	} {
		c := w.busyClient(t)
		c.put(f, noop)
	}
	soon(t, func() string {
		if n := w.sockets(); n != 1 {
			return fmt.Sprintf("%d sockets are open, want 1", n)
		}
		return ""
	})
	// These do no harm but to the client.
	for range 50 {
		c := w.busyClient(t)
		for range r.IntN(20) {
			c.page.turn.Store(r.Uint32N(6))
			futexWake(&c.page.turn)
			r.Uint32()
			for i := range c.mem[postAt:] {
				c.mem[postAt+i] = byte(r.Uint32N(4))
			}
		}
		c.conn.Close()
		c.look()
	}
	good.send(noop)
	good.wantAck(t, 1)
	soon(t, func() string {
		if n := w.sockets(); n != 1 {
			return fmt.Sprintf("%d sockets are left, want 1", n)
		}
		return ""
	})
}
