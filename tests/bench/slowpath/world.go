// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/route"
	"skua/dataplane"
	"skua/dataplane/dpif"
)

// world is a router: the data plane with one polling worker, and the control plane beside it.
type world struct {
	dp    *dataplane.Dataplane
	stack *controlplane.Stack
	dir   string // of capture files
	stop  context.CancelFunc
	done  chan error
	vdevs int
}

func newWorld(cpu int, fifo bool) (*world, error) {
	dp, err := dataplane.Open(dataplane.Config{CPUs: []int{cpu}, Hugepages: dataplane.HugepagesOff})
	if err != nil {
		return nil, err
	}
	w := &world{dp: dp, done: make(chan error, 1)}
	if w.dir, err = os.MkdirTemp("", "skua-slowpath-"); err != nil {
		return nil, err
	}
	if fifo {
		if err := realtime(); err != nil {
			return nil, err
		}
	}
	all, err := controlplane.NewStacks(controlplane.Options{DP: dp})
	if err != nil {
		return nil, err
	}
	w.stack = all.Host()
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	go func() { w.done <- all.Run(ctx) }()
	return w, w.sysctls(
		"net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
		"net.ipv6.conf.default.accept_dad=0",
		// as the operator of such a router sets them
		"net.ipv4.neigh.default.gc_thresh2=150000", "net.ipv4.neigh.default.gc_thresh3=200000",
		"net.ipv6.neigh.default.gc_thresh2=150000", "net.ipv6.neigh.default.gc_thresh3=200000",
	)
}

// realtime gives the threads of the process their CPUs for themselves: SCHED_FIFO. Those that come
// later inherit it.
func realtime() error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
		if err := unix.SchedSetAttr(tid, &attr, 0); err != nil {
			return fmt.Errorf("SCHED_FIFO: %w", err)
		}
	}
	return nil
}

func (w *world) close() error {
	w.stop()
	err := <-w.done
	os.RemoveAll(w.dir)
	if e := w.stack.Close(); err == nil {
		err = e
	}
	if e := w.dp.Close(); err == nil {
		err = e
	}
	return err
}

// locked runs f under RTNL.
func (w *world) locked(f func() error) error {
	w.stack.Net.Lock()
	defer w.stack.Net.Unlock()
	return f()
}

func (w *world) sysctls(settings ...string) error {
	return w.locked(func() error {
		for _, s := range settings {
			name, value, _ := strings.Cut(s, "=")
			if err := w.stack.Links.SetSysctl(name, value); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	})
}

// side is a link of the router with its port.
type side struct {
	w    *world
	link *link.Link
	port uint16
	mac  mac
}

// ring adds a link whose frames this program sends and receives.
func (w *world) ring(name string, addrs ...string) (*side, error) {
	return w.add(dataplane.PortConfig{Name: name, Kind: dataplane.PortRing}, addrs)
}

// sink adds a link that takes all that is sent.
func (w *world) sink(name string, addrs ...string) (*side, error) {
	return w.add(dataplane.PortConfig{Name: name, Kind: dataplane.PortVdev,
		Device: w.vdev("net_null") + ",no-rx=1"}, addrs)
}

// source adds a link that receives frames over and over, as fast as the worker takes them; what it
// sends is gone.
func (w *world) source(name string, frames [][]byte, addrs ...string) (*side, error) {
	vdev := w.vdev("net_pcap")
	file := filepath.Join(w.dir, vdev+".pcap")
	if err := writePcap(file, frames); err != nil {
		return nil, err
	}
	return w.add(dataplane.PortConfig{Name: name, Kind: dataplane.PortVdev,
		Device: vdev + ",rx_pcap=" + file + ",infinite_rx=1"}, addrs)
}

func (w *world) vdev(driver string) string {
	w.vdevs++
	return fmt.Sprint(driver, w.vdevs)
}

// routerMAC is the address that every link of the router has.
var routerMAC = mac{2, 0, 0, 0, 0, 1}

func (w *world) add(c dataplane.PortConfig, addrs []string) (*side, error) {
	port, info, err := w.dp.AddPort(c)
	if err != nil {
		return nil, err
	}
	s := &side{w: w, port: port, mac: routerMAC}
	return s, w.locked(func() error {
		l, err := w.stack.Links.Add(link.Config{Name: c.Name, Port: port, Kind: "dpdk", HardAddr: routerMAC,
			MTU: 1500, MinMTU: uint32(info.MinMTU), MaxMTU: uint32(info.MaxMTU), Carrier: true})
		if err != nil {
			return err
		}
		s.link = l
		for _, a := range addrs {
			p := netip.MustParsePrefix(a)
			if _, err := w.stack.Addrs.Add(addr.Config{Link: l, Prefix: p, Flags: unix.IFA_F_NODAD},
				unix.NLM_F_CREATE); err != nil {
				return fmt.Errorf("%s: %w", a, err)
			}
		}
		return nil
	})
}

// up sets the link up: a source begins to send.
func (s *side) up() error {
	return s.w.locked(func() error {
		return s.w.stack.Links.Change(s.link, link.Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP})
	})
}

// remove takes the link away.
func (s *side) remove() error {
	if err := s.w.locked(func() error { return s.w.stack.Links.Remove(s.link) }); err != nil {
		return err
	}
	return s.w.dp.DelPort(s.port)
}

// neighbour makes a a permanent neighbour.
func (s *side) neighbour(a netip.Addr) error {
	return s.w.locked(func() error {
		return s.w.stack.Neighs.Add(neigh.Config{Link: s.link, Addr: a, HardAddr: link.HardAddr(hostMAC(a)), HasAddr: true,
			NUD: unix.NUD_PERMANENT}, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	})
}

// route adds a route by way of a neighbour of the link.
func (s *side) route(to netip.Prefix, via netip.Addr) error {
	return s.w.locked(func() error {
		return s.w.stack.Routes.Add(&route.Config{Family: unix.AF_INET, Dst: to, Table: unix.RT_TABLE_MAIN,
			Protocol: unix.RTPROT_STATIC, Type: unix.RTN_UNICAST, Oif: s.link.Index, Gateway: via, NLFlags: unix.NLM_F_CREATE})
	})
}

// worker gives the counters of the one worker.
func (w *world) worker() (dpif.WorkerStats, error) {
	all, err := w.dp.Workers()
	if err != nil {
		return dpif.WorkerStats{}, err
	}
	return all[0], nil
}

func (s *side) stats() (dpif.LinkStats, error) { return s.w.dp.LinkStats(0, s.link.Index) }

// next is the address after n others.
func next(a netip.Addr, n int) netip.Addr {
	b := a.As16()
	for i := 15; i >= 0 && n > 0; i-- {
		n += int(b[i])
		b[i], n = byte(n), n>>8
	}
	r := netip.AddrFrom16(b)
	if a.Is4() {
		return r.Unmap()
	}
	return r
}

// settle lets what was set up come to rest.
func settle() { time.Sleep(100 * time.Millisecond) }
