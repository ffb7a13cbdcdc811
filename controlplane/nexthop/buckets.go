// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
)

// DefaultIdleTimer is NH_RES_DEFAULT_IDLE_TIMER.
const DefaultIdleTimer = 120 * time.Second

// minUpkeep is NH_RES_UPKEEP_DW_MINIMUM_INTERVAL.
const minUpkeep = time.Second / 2

// ResilientConfig is NHA_RES_GROUP of a request.
type ResilientConfig struct {
	Buckets            uint16 // 1..65535
	IdleTimer          time.Duration
	UnbalancedTimer    time.Duration
	HasBuckets         bool
	HasIdleTimer       bool // else DefaultIdleTimer, or as it was
	HasUnbalancedTimer bool // else never, or as it was
}

// Buckets is the table of a resilient group (struct nh_res_table): a flow belongs to the bucket of
// its hash, and a bucket leads to a member. When members or weights change, a bucket is given to
// another member only when its member is gone, when no packet has used it for IdleTimer, or when
// the group has been out of balance for UnbalancedTimer.
type Buckets struct {
	IdleTimer       time.Duration
	UnbalancedTimer time.Duration // 0: never

	t       *Table
	id      uint32 // of the group
	buckets []bucket
	// underweight are the entries with fewer buckets than their share, in the order in which they
	// are served.
	underweight []*Entry
	since       time.Time // when it was first out of balance
	timer       rtnl.Timer
}

// bucket is struct nh_res_bucket.
type bucket struct {
	entry    *Entry
	used     time.Time // by a packet as far as is known, or else when entry got it
	busy     bool      // used by a packet since entry got it
	occupied bool      // entry is in the group
}

// Bucket is what is shown of a bucket.
type Bucket struct {
	Object *Object // that it leads to
	Idle   time.Duration
}

// BucketMsg is announced where the kernel calls nexthop_bucket_notify.
type BucketMsg struct {
	Group  *Object
	Index  int
	Bucket Bucket
}

func newBuckets(t *Table, id uint32, cfg *ResilientConfig) *Buckets {
	b := &Buckets{
		IdleTimer: DefaultIdleTimer, t: t, id: id, buckets: make([]bucket, cfg.Buckets),
	}
	if cfg.HasIdleTimer {
		b.IdleTimer = cfg.IdleTimer
	}
	if cfg.HasUnbalancedTimer {
		b.UnbalancedTimer = cfg.UnbalancedTimer
	}
	return b
}

// Len is the number of buckets.
func (b *Buckets) Len() int { return len(b.buckets) }

// At shows a bucket.
func (b *Buckets) At(n int) Bucket {
	return Bucket{Object: b.buckets[n].entry.Object, Idle: b.t.net.Clock.Now().Sub(b.buckets[n].used)}
}

// Unbalanced is how long members have had less than their share, 0: they have it.
func (b *Buckets) Unbalanced() time.Duration {
	if len(b.underweight) == 0 {
		return 0
	}
	return b.t.net.Clock.Now().Sub(b.since)
}

// rebalance computes the shares of g's members (nh_res_group_rebalance).
func (b *Buckets) rebalance(g *ObjectGroup) {
	total, sum, before := uint64(0), uint64(0), 0
	for _, e := range g.Entries {
		total += uint64(e.Weight)
	}
	b.underweight = b.underweight[:0]
	for _, e := range g.Entries {
		sum += uint64(e.Weight)
		upper := int((uint64(len(b.buckets))*sum + total/2) / total)
		e.wants, before = upper-before, upper
		if e.count < e.wants {
			if len(b.underweight) == 0 {
				b.since = b.t.net.Clock.Now()
			}
			b.underweight = slices.Insert(b.underweight, 0, e)
		}
	}
}

// migrate makes the buckets those of another group, or of the same one with other members or weights
// (replace_nexthop_grp_res).
func (b *Buckets) migrate(g *ObjectGroup) {
	since, unbalanced := b.since, len(b.underweight) > 0
	b.stop()
	entries := map[*Object]*Entry{}
	for _, e := range g.Entries {
		entries[e.Object], e.count = e, 0
	}
	for n := range b.buckets {
		k := &b.buckets[n]
		e := entries[k.entry.Object]
		if k.occupied = e != nil; k.occupied {
			k.entry = e
			e.count++
		}
	}
	b.rebalance(g)
	if unbalanced && len(b.underweight) > 0 {
		b.since = since
	}
	b.upkeep()
}

// upkeep gives buckets to the members that have too few, as far as may be now, and sees to the rest
// when it may be (nh_res_table_upkeep). It gives the buckets that have changed.
func (b *Buckets) upkeep() (changed []int) {
	b.readUse()
	now := b.t.net.Clock.Now()
	wait := b.IdleTimer
	if b.UnbalancedTimer > 0 {
		wait = b.UnbalancedTimer
	}
	deadline := now.Add(wait)
	for n := range b.buckets {
		if len(b.underweight) == 0 {
			break
		}
		if k := &b.buckets[n]; b.shouldMigrate(k, now, &deadline) {
			b.give(k, now)
			changed = append(changed, n)
		}
	}
	if len(b.underweight) > 0 {
		b.timer = b.t.net.AfterFunc(max(deadline.Sub(now), minUpkeep), b.due)
	}
	return changed
}

// shouldMigrate is nh_res_bucket_should_migrate; deadline comes down to when it may.
func (b *Buckets) shouldMigrate(k *bucket, now time.Time, deadline *time.Time) bool {
	if !k.occupied {
		return true
	}
	if k.entry.count <= k.entry.wants {
		return false
	}
	idle := now // not used since it came here
	if k.busy {
		idle = k.used.Add(b.IdleTimer)
	}
	if !now.Before(idle) {
		return true
	}
	if b.UnbalancedTimer > 0 {
		forced := b.since.Add(b.UnbalancedTimer)
		if now.After(forced) {
			return true
		}
		*deadline = earlier(*deadline, forced)
	}
	*deadline = earlier(*deadline, idle)
	return false
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// give is nh_res_bucket_migrate.
func (b *Buckets) give(k *bucket, now time.Time) {
	e := b.underweight[0]
	if k.occupied {
		k.entry.count--
	}
	k.entry, k.occupied, k.used, k.busy = e, true, now, false
	if e.count++; e.count == e.wants {
		b.underweight = slices.Delete(b.underweight, 0, 1)
	}
}

func (b *Buckets) stop() {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}

// due is nh_res_table_upkeep_dw.
func (b *Buckets) due() {
	o := b.t.objects[b.id]
	if b.timer == nil || o == nil || o.Grp == nil || o.Grp.Table != b {
		return // it was stopped while it waited for RTNL
	}
	b.timer = nil
	changed := b.upkeep()
	for _, p := range o.paths {
		b.t.pushBuckets(p, changed)
	}
	for _, n := range changed {
		b.t.net.Announce(BucketMsg{Group: o, Index: n, Bucket: b.At(n)})
	}
}

// pushBuckets tells the data plane of changed buckets, runs of them at once.
func (t *Table) pushBuckets(p *path, changed []int) {
	for len(changed) > 0 && p.buckets > 0 {
		n := 1
		for n < len(changed) && changed[n] == changed[0]+n {
			n++
		}
		if err := t.publishBuckets(p, changed[0], changed[0]+n); err != nil {
			t.net.Log.Error("data plane refuses buckets of a nexthop group", "id", p.object.ID, "err", err)
			return
		}
		changed = changed[n:]
	}
}

// readUse learns from the data plane which buckets packets have used.
func (b *Buckets) readUse() {
	o := b.t.objects[b.id]
	if o == nil || o.Grp == nil || o.Grp.Table != b {
		return // not there yet
	}
	now := b.t.net.Clock.Now()
	for _, p := range o.paths {
		if p.buckets == 0 {
			continue
		}
		uses, err := b.t.net.DP.ReadBuckets(b.t.net.ID, p.id)
		if err != nil || len(uses) != len(b.buckets) {
			b.t.net.Log.Warn("data plane does not say what buckets are used", "id", o.ID, "err", err)
			continue
		}
		if len(p.stamps) != len(uses) {
			p.stamps = make([]uint64, len(uses))
		}
		for n, u := range uses {
			if u.Stamp == 0 || u.Stamp == p.stamps[n] {
				continue
			}
			p.stamps[n] = u.Stamp
			k := &b.buckets[n]
			k.used, k.busy = later(k.used, now.Add(-u.Idle)), true
		}
	}
}

// Refresh learns which buckets are in use, for those that want to show it.
func (b *Buckets) Refresh() { b.readUse() }

// ErrBucket is said of an index that is too high.
var ErrBucket = rtnl.Errorf(unix.ENOENT, "Bucket index out of bounds")

// ResilientObject finds a resilient group (nexthop_find_group_resilient).
func (t *Table) ResilientObject(id uint32) (*Object, error) {
	o := t.objects[id]
	switch {
	case o == nil:
		return nil, unix.ENOENT
	case o.Grp == nil:
		return nil, rtnl.Errorf(unix.EINVAL, "Not a nexthop group")
	case o.Grp.Type != GroupResilient:
		return nil, rtnl.Errorf(unix.EINVAL, "Nexthop group not of type resilient")
	}
	return o, nil
}
