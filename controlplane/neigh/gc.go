// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"math"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// GC says when entries are collected (net.ipv4.neigh.default.gc_*).
type GC struct {
	Interval                  time.Duration
	Thresh1, Thresh2, Thresh3 int
}

func defaultGC() GC {
	return GC{Interval: 30 * time.Second, Thresh1: 128, Thresh2: 512, Thresh3: 1024}
}

// GC gives the settings of a family, which the caller may change.
func (t *Table) GC(af uint8) *GC { return &t.of(af).gc }

// addSysctls adds the settings that a family has only once.
func (f *family) addSysctls(prefix string) {
	number := func(name string, get func() int, set func(int)) {
		f.t.links.AddSysctl(prefix+name, link.Knob{
			Get: func() string { return strconv.Itoa(get()) },
			Set: func(value string) error {
				v, err := link.ParseSysctl(value)
				if err != nil || v < 0 || v > math.MaxInt32 {
					return unix.EINVAL
				}
				set(int(v))
				return nil
			},
		})
	}
	number("gc_thresh1", func() int { return f.gc.Thresh1 }, func(v int) { f.gc.Thresh1 = v })
	number("gc_thresh2", func() int { return f.gc.Thresh2 }, func(v int) { f.gc.Thresh2 = v })
	number("gc_thresh3", func() int { return f.gc.Thresh3 }, func(v int) { f.gc.Thresh3 = v })
	number("gc_interval", func() int { return int(f.gc.Interval / time.Second) },
		func(v int) { f.gc.Interval = time.Duration(v) * time.Second })
}

// Stats are counters of a family (struct ndt_stats).
type Stats struct {
	Allocs, Destroys, HashGrows, ResFailed   uint64
	Lookups, Hits                            uint64
	RcvProbesMcast, RcvProbesUcast           uint64
	PeriodicGCRuns, ForcedGCRuns, TableFulls uint64
}

// Stats gives the counters of a family.
func (t *Table) Stats(af uint8) Stats { return t.of(af).stats }

// Ages gives how long ago the last forced collection and the last draw of the reachable times were,
// and how many delayed proxy answers wait.
func (t *Table) Ages(af uint8) (flush, draw time.Duration, waiting int) {
	f, now := t.of(af), t.now()
	return time.Duration(now - f.lastFlush), time.Duration(now - f.lastRand), len(f.delayed.waiting)
}

// ReachableTime is the time for which a confirmation counts on l now; l nil: that of "default".
func (t *Table) ReachableTime(af uint8, l *link.Link) time.Duration {
	f := t.of(af)
	if l == nil {
		return f.reachable(0, f.defaults().BaseReachableTime)
	}
	return f.reachable(l.Index, params(l, af).BaseReachableTime)
}

// ParamRefs counts who uses the settings of l: the link and its entries; l nil: those of "default".
func (t *Table) ParamRefs(af uint8, l *link.Link) uint32 {
	refs := uint32(1)
	if l != nil {
		for n := t.of(af).all.head; n != nil; n = n.next {
			if n.Link == l {
				refs++
			}
		}
	}
	return refs
}

const (
	forcedGCGap  = int64(5 * time.Second)   // since the last forced collection; and age of what it takes
	randInterval = int64(300 * time.Second) // between draws of the reachable times
)

func (f *family) defaults() *link.NeighParams {
	if f.af == unix.AF_INET {
		return &f.t.links.NeighDefault4
	}
	return &f.t.links.NeighDefault6
}

// alloc is the first half of neigh_alloc: whether there is room for one more entry.
func (f *family) alloc() bool {
	now := f.t.now()
	if f.gcCount >= f.gc.Thresh3 || f.gcCount >= f.gc.Thresh2 && now > f.lastFlush+forcedGCGap {
		if f.forcedGC(now) == 0 && f.gcCount >= f.gc.Thresh3 {
			f.stats.TableFulls++
			if f.lastWarn == 0 || now > f.lastWarn+forcedGCGap {
				f.lastWarn = now
				f.t.net.Log.Warn("neighbor table overflow!", "table", f.id)
			}
			return false
		}
	}
	return true
}

// forcedGC is neigh_forced_gc: the oldest entries that no timer watches go, until gc_thresh2 is met.
func (f *family) forcedGC(now int64) int {
	if f.lastFull != 0 && now < f.lastFull+minTimer {
		return 0 // nothing has become old since: a scan of a large prefix must not cost a walk each
	}
	f.stats.ForcedGCRuns++
	want := f.gcCount + 1 - f.gc.Thresh2
	shrunk := 0
	var next *Entry
	for n := f.gcList.head; n != nil; n = next {
		next = n.gcNext
		if n.timer != 0 {
			continue
		}
		switch {
		case n.NUD == unix.NUD_FAILED, n.NUD == unix.NUD_NOARP,
			n.Addr.IsMulticast(), n.updated < now-forcedGCGap:
			f.t.remove(n)
			shrunk++
		}
		if shrunk >= want {
			break
		}
	}
	f.lastFlush = now
	if shrunk == 0 {
		f.lastFull = now
	}
	return shrunk
}

// updateGC is neigh_update_gc_list: permanent entries, and those that someone else learned, neither
// count nor are collected.
func (f *family) updateGC(n *Entry) {
	exempt := n.NUD&unix.NUD_PERMANENT != 0 || n.Flags&(FlagExtLearned|FlagExtValidated) != 0
	switch {
	case n.Dead:
	case exempt && n.onGC:
		f.gcList.remove(n)
		f.gcCount--
	case !exempt && !n.onGC:
		f.gcList.push(n)
		f.gcCount++
	}
}

func (f *family) schedulePeriodic() {
	if f.t.closed {
		return
	}
	every := max(f.defaults().BaseReachableTime/2, 10*time.Millisecond)
	f.periodic = f.t.net.AfterFunc(every, f.periodicWork)
}

// periodicWork is neigh_periodic_work.
func (f *family) periodicWork() {
	if f.t.closed {
		return
	}
	now := f.t.now()
	f.stats.PeriodicGCRuns++
	if now > f.lastRand+randInterval {
		f.lastRand = now
		for i, r := range f.reach {
			f.reach[i] = reach{r.base, f.randReachTime(r.base)}
		}
	}
	f.sweepAt, f.sweepAll = f.all.head, len(f.entries) >= f.gc.Thresh1
	f.sweep()
}

// sweepChunk is how many entries are looked at before others get RTNL.
const sweepChunk = 512

// sweep looks at some of the entries, and goes on when others had their turn.
func (f *family) sweep() {
	if f.t.closed {
		return
	}
	now := f.t.now()
	for range sweepChunk {
		n := f.sweepAt
		if n == nil {
			f.schedulePeriodic()
			return
		}
		f.sweepAt = n.next // remove moves it on
		// A use whose notice was lost on the way would leave the entry stale for ever.
		if n.NUD == unix.NUD_STALE && f.t.net.DP.NeighUsed(n.dp(f.t)) {
			f.t.eventSend(n)
			continue
		}
		if !f.sweepAll || n.NUD&(unix.NUD_PERMANENT|InTimer) != 0 || n.Flags&(FlagExtLearned|FlagExtValidated) != 0 {
			continue
		}
		if n.used < n.confirmed && n.confirmed <= now {
			n.used = n.confirmed
		}
		if n.NUD == unix.NUD_FAILED || now >= n.used+int64(n.params().GCStaleTime) {
			f.t.remove(n)
		}
	}
	f.periodic = f.t.net.AfterFunc(0, f.sweep)
}

// dp is the entry as the data plane gets it: with one state. An operator may have set several.
func (n *Entry) dp(t *Table) dpif.Neigh {
	nud := n.NUD
	for _, s := range []uint16{unix.NUD_PERMANENT, unix.NUD_NOARP, unix.NUD_REACHABLE} {
		if nud&s != 0 {
			nud = s
		}
	}
	nud &= -nud
	return dpif.Neigh{Net: t.net.ID, Ifindex: n.Link.Index, Addr: n.Addr, NUD: nud, HardAddr: n.HardAddr}
}
