// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

var nlbench = sync.OnceValues(func() (string, error) {
	lib, err := shimLib()
	if err != nil {
		return "", err
	}
	out := filepath.Join(filepath.Dir(lib), "nlbench")
	return out, compile([]string{"-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-o", out,
		"testdata/nlbench.c"})
})

// benchWorld is a toy whose NEWROUTE reads its attributes and keeps nothing, and whose dump says
// one route many times.
func benchWorld(b *testing.B) *world {
	dir, err := os.MkdirTemp("", "nl")
	if err != nil {
		b.Fatal(err)
	}
	w := &world{t: new(testing.T), toy: newToy(), path: filepath.Join(dir, "s")}
	table := NewTable()
	table.Register(unix.AF_INET, unix.RTM_NEWROUTE, Handler{
		Policy: &toyRoutePolicy, HdrLen: unix.SizeofRtMsg,
		Doit: func(req *Request) error {
			if req.Attrs.U32(unix.RTA_DST) == 0 || req.Attrs.U32(unix.RTA_OIF) == 0 {
				return unix.EINVAL
			}
			return req.Attrs.Err()
		},
	})
	table.Register(unix.AF_INET, unix.RTM_GETROUTE, Handler{Dumpit: func(d *Dump) error {
		for ; d.Args[0] < uint64(w.toy.scale); d.Args[0]++ {
			e := d.Begin(unix.RTM_NEWROUTE)
			rtm := e.Raw(unix.SizeofRtMsg)
			rtm[0], rtm[1], rtm[4], rtm[7] = unix.AF_INET, 24, unix.RT_TABLE_MAIN, unix.RTN_UNICAST
			e.U32(unix.RTA_TABLE, unix.RT_TABLE_MAIN)
			e.U32BE(unix.RTA_DST, 0x0b000000+uint32(d.Args[0])<<8)
			e.U32(unix.RTA_PRIORITY, 20)
			e.U32BE(unix.RTA_GATEWAY, 0xc0000209)
			e.U32(unix.RTA_OIF, 2)
			if !e.End() {
				return nlmsg.ErrFull
			}
		}
		return nil
	}})
	w.toy.family.Rcv = table.Rcv
	w.start()
	w.bench(b, "1 answers, 0 errors\n", "routes", "1", "1")
	b.Cleanup(func() {
		w.stop()
		os.RemoveAll(dir)
	})
	return w
}

// bench runs the client and reports the processor time of both sides, which other work on the
// machine disturbs less than it does the time that passes.
func (w *world) bench(b *testing.B, want string, args ...string) {
	prog, err := nlbench()
	if err != nil {
		b.Fatal(err)
	}
	server, client := cpuTime(unix.RUSAGE_SELF), cpuTime(unix.RUSAGE_CHILDREN)
	out, _ := w.run("", prog, args...)
	if out != want {
		b.Fatalf("it says %q, want %q", out, want)
	}
	b.ReportMetric(float64(cpuTime(unix.RUSAGE_SELF)-server)/float64(b.N), "server-ns/op")
	b.ReportMetric(float64(cpuTime(unix.RUSAGE_CHILDREN)-client)/float64(b.N), "client-ns/op")
}

func cpuTime(who int) int64 {
	var ru unix.Rusage
	unix.Getrusage(who, &ru)
	return ru.Utime.Nano() + ru.Stime.Nano()
}

// BenchmarkRoutes adds one route per operation, with ACK, 1 to 2,048 to a send.
func BenchmarkRoutes(b *testing.B) {
	for _, batch := range []int{1, 64, 2048} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			w := benchWorld(b)
			b.ResetTimer()
			w.bench(b, fmt.Sprintf("%d answers, 0 errors\n", b.N), "routes", fmt.Sprint(b.N),
				fmt.Sprint(batch))
		})
	}
}

// BenchmarkDump dumps one route per operation.
func BenchmarkDump(b *testing.B) {
	w := benchWorld(b)
	w.toy.scale = b.N
	b.ResetTimer()
	w.bench(b, fmt.Sprintf("%d answers, 0 errors\n", b.N+1), "dump")
}
