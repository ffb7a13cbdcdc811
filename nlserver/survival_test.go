// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// soon waits until what is wrong is right; wrong returns "" then.
func soon(t *testing.T, wrong func() string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		says := wrong()
		if says == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatal(says)
		}
	}
}

// descriptors makes room for n more of them in this process, as far as it may, and returns for how
// many there is.
func descriptors(t *testing.T, n int) int {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	want := unix.Rlimit{Cur: uint64(n) + 1000, Max: max(old.Max, uint64(n)+1000)}
	if old.Cur >= want.Cur {
		return n
	}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &want) != nil {
		want = unix.Rlimit{Cur: old.Max, Max: old.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &want); err != nil {
			t.Fatal(err)
		}
	}
	return int(min(want.Cur, uint64(n)+1000)) - 1000
}

func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "Threads:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Ten thousand clients are served, and are not as many threads; those that were long silent and
// those that come late are answered like the first.
func TestTenThousandClients(t *testing.T) {
	w := newWorld(t)
	n := min(descriptors(t, 4*10000)/4, 10000)
	if testing.Short() {
		n = min(n, 2*maxThreads)
	}
	if n <= maxThreads {
		t.Skipf("this process may have descriptors for %d clients only", n)
	}
	clients := make([]*rawClient, n)
	ask := func(i int) {
		t.Helper()
		seq := uint32(i) + 1
		clients[i].send(request(unix.NLMSG_NOOP, unix.NLM_F_ACK, seq))
		if hs := headers(clients[i].recv()); len(hs) != 1 || hs[0].Type != unix.NLMSG_ERROR || hs[0].Seq != seq {
			t.Fatalf("client %d gets %v", i, hs)
		}
	}
	for i := range clients {
		clients[i] = w.open(t)
		ask(i)
	}
	if got := w.sockets(); got != n {
		t.Errorf("there are %d connections, want %d", got, n)
	}
	if got := threads(t); got > maxThreads+200 {
		t.Errorf("%d clients are %d threads", n, got)
	}
	for _, i := range rand.Perm(n)[:n/4] {
		ask(i)
	}
	soon(t, func() string { // all were silent for a while
		if got := len(w.srv.threads); got > 0 {
			return fmt.Sprintf("%d connections still have a thread", got)
		}
		return ""
	})
	for i := range clients {
		if i%3 == 0 {
			ask(i)
		} else {
			clients[i].conn.Close()
		}
	}
	left := (n + 2) / 3
	soon(t, func() string {
		if got := w.sockets(); got != left {
			return fmt.Sprintf("there are %d connections, want %d", got, left)
		}
		return ""
	})
	w.toy.family.mu.Lock()
	defer w.toy.family.mu.Unlock()
	if got := len(w.toy.family.portids); got != left {
		t.Errorf("%d portids are taken by %d clients", got, left)
	}
}

// A connection that says nothing at all is hung up on also when it is parked.
func TestSilentStrangersAreHungUpOn(t *testing.T) {
	w := newWorld(t)
	for range maxThreads - spareThreads {
		w.srv.threads <- struct{}{} // as if as many clients were there
	}
	stranger, client := w.dial(t), w.open(t)
	client.send(request(unix.NLMSG_NOOP, unix.NLM_F_ACK, 1))
	if hs := headers(client.recv()); len(hs) != 1 {
		t.Errorf("a client gets %v", hs)
	}
	_ = stranger.conn.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := stranger.conn.Read(make([]byte, 16)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the stranger reads %d, %v", n, err)
	}
	for range maxThreads - spareThreads {
		<-w.srv.threads
	}
}

// While the server can open no descriptor those who are there are served, and those who come then
// are when it can again.
func TestOutOfDescriptors(t *testing.T) {
	w := newWorld(t)
	there := w.open(t)
	const n = 40
	var fds [n]int
	for i := range fds {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		fds[i] = fd
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 3, Max: old.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	for i, fd := range fds {
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: w.path}); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	for i := range 20 {
		there.send(request(unix.NLMSG_NOOP, unix.NLM_F_ACK, uint32(i)))
		if hs := headers(there.recv()); len(hs) != 1 || hs[0].Type != unix.NLMSG_ERROR {
			t.Fatalf("who is there gets %v", hs)
		}
	}
	// An accept that waited already has the descriptor of one.
	if got := w.sockets(); got > 2 {
		t.Errorf("%d connections were accepted", got-1)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	soon(t, func() string {
		if got := w.sockets(); got != 1+n {
			return fmt.Sprintf("%d of %d connections are accepted when it can again", got-1, n)
		}
		return ""
	})
}

// Clients that are killed in the middle of anything leave nothing behind, and who lives is served.
func TestClientsAreKilled(t *testing.T) {
	w := newWorld(t)
	w.toy.repeat(request(unix.RTM_NEWROUTE, 0, 0, make([]byte, 64)...)[16:], 5000)
	good := w.open(t)
	r := rand.New(rand.NewPCG(1, 2))
	steps := []func(c *rawClient){
		func(c *rawClient) { // a dump that is not read
			c.write(frame{op: opSend}, request(unix.RTM_GETROUTE, unix.NLM_F_DUMP, 1, make([]byte, 12)...), -1)
		},
		func(c *rawClient) { c.write(frame{op: opMore}, nil, -1) },
		func(c *rawClient) { c.write(frame{op: opJoin, a: unix.RTNLGRP_IPV4_ROUTE}, nil, -1) },
		func(c *rawClient) { c.write(frame{op: opBind, a: 0x4000 + r.Uint32N(8), b: 0x440}, nil, -1) },
		func(c *rawClient) { c.write(frame{op: opRcvbuf, a: 4096}, nil, -1) },
		func(c *rawClient) { // answers that are not read
			c.write(frame{op: opSend}, bytes.Repeat(request(unix.NLMSG_NOOP, unix.NLM_F_ACK, 2), 500), -1)
		},
		func(c *rawClient) { c.recv() },
		func(c *rawClient) { // a page that is suddenly nonsense
			c.page.options.Store(r.Uint32())
			c.page.maxRecv.Store(r.Uint32())
			c.page.waiters.Store(r.Uint32())
		},
		func(c *rawClient) { // half of it
			c.write(frame{op: opSend, len: 1 << 20}, request(unix.NLMSG_NOOP, unix.NLM_F_ACK, 3)[:9], -1)
		},
	}
	for round := range 300 {
		c := w.open(t)
		for range r.IntN(6) {
			steps[r.IntN(len(steps))](c)
		}
		c.conn.Close()
		if round%10 == 0 {
			w.toy.family.Notify(unix.RTNLGRP_IPV4_ROUTE, Requester{}, request(unix.RTM_NEWROUTE, 0, 0))
			good.send(request(unix.NLMSG_NOOP, unix.NLM_F_ACK, uint32(round)))
			if hs := headers(good.recv()); len(hs) != 1 || hs[0].Seq != uint32(round) {
				t.Fatalf("who lives gets %v", hs)
			}
		}
	}
	soon(t, func() string {
		f := w.toy.family
		f.mu.Lock()
		defer f.mu.Unlock()
		if n := w.sockets(); n != 1 || len(f.portids) != 1 || f.HasListeners(unix.RTNLGRP_IPV4_ROUTE) {
			return fmt.Sprintf("%d connections, %d portids, listeners %v are left", n, len(f.portids), f.HasListeners(7))
		}
		return ""
	})
}

// A hundred monitors do not read while a hundred thousand routes change: each loses some, is told so
// once, and costs no memory; those who read get everything in order.
func TestSlowMonitors(t *testing.T) {
	w := newWorld(t)
	const slow, fast, pairs, inBatch = 100, 3, 50_000, 250
	group := frame{op: opJoin, a: unix.RTNLGRP_IPV4_ROUTE}
	var deaf [slow]*rawClient
	for i := range deaf {
		deaf[i] = w.open(t)
		deaf[i].frame(group, nil, -1)
	}
	type monitor struct {
		*rawClient
		got chan int // notifications so far
	}
	var all [fast]monitor
	var wait sync.WaitGroup
	for i := range all {
		m := monitor{w.open(t), make(chan int, 2*pairs/inBatch+1)}
		m.frame(frame{op: opRcvbuf, a: 4 << 20}, nil, -1)
		m.frame(group, nil, -1)
		all[i] = m
		wait.Add(1)
		go func() {
			defer wait.Done()
			b := make([]byte, 1<<16)
			_ = m.conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
			for n := 0; n < 2*pairs; n++ {
				k, err := m.conn.Read(b)
				hs := headers(b[:max(k, 0)])
				// The change number n carries its number; a deletion follows its addition.
				if err != nil || len(hs) == 0 || hs[0].Seq != uint32(n/2) || hs[0].Type != unix.RTM_NEWROUTE+uint16(n%2) {
					t.Errorf("monitor %d: notification %d is %v, %v", i, n, hs, err)
					m.got <- -1
					return
				}
				if (n+1)%(2*inBatch) == 0 {
					m.got <- n + 1
				}
			}
		}()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := w.open(t)
	for n := 0; n < pairs; n += inBatch {
		var b []byte
		for k := range inBatch {
			b = append(b, routeRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE, uint32(n+k), k)...)
			b = append(b, routeRequest(unix.RTM_DELROUTE, 0, uint32(n+k), k)...)
		}
		c.send(b)
		for i := range all { // who reads has read: the test is of those who do not
			if got := <-all[i].got; got != 2*(n+inBatch) {
				t.Fatalf("monitor %d has %d of %d", i, got, 2*(n+inBatch))
			}
		}
	}
	wait.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d MB more are in use", grown>>20)
	}
	if hs := headers(c.recv()); hs != nil {
		t.Errorf("who changed the routes gets %v", hs)
	}
	for i := range all {
		if e := all[i].page.err.Load(); e != 0 {
			t.Errorf("monitor %d, which reads, is told %v", i, unix.Errno(e))
		}
	}
	for i, d := range deaf {
		if e := d.page.err.Swap(0); e != uint32(unix.ENOBUFS) {
			t.Errorf("slow monitor %d is told %d, want ENOBUFS", i, e)
		}
		var had uint32
		for b := d.recv(); b != nil; b = d.recv() {
			// What it did get is from the start on without a gap.
			if hs := headers(b); hs[0].Seq != had/2 {
				t.Fatalf("slow monitor %d: notification %d is %v", i, had, hs)
			}
			had++
		}
		if had == 0 || had > 5000 {
			t.Errorf("slow monitor %d had %d notifications", i, had)
		}
	}
	c.send(routeRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE, 77, 1))
	for i, d := range deaf {
		if hs := headers(d.recv()); len(hs) == 0 || hs[0].Seq != 77 || d.page.err.Load() != 0 {
			t.Errorf("slow monitor %d has read all, and gets %v", i, hs)
		}
	}
}
