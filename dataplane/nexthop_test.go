// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// A resilient group: flows go by buckets, which say when they were used, and which stay when the
// group is set again.
func TestBuckets(t *testing.T) {
	r := newRouter(t)
	group := dpif.Nexthop{
		Net: r.Net, ID: 31, Family: unix.AF_INET, Type: unix.RTN_UNICAST, Buckets: 4,
		Members: []dpif.Member{{ID: nhVia, Weight: 1}, {ID: nhConn1, Weight: 65535}},
	}
	if err := r.DP.SetNexthop(group); err != nil {
		t.Fatal(err)
	}
	set := func(first uint32, ids ...uint32) error { return r.DP.SetBuckets(r.Net, group.ID, first, ids) }
	if err := set(0, nhVia, nhVia, nhConn1, nhConn1); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		first uint32
		ids   []uint32
	}{{3, []uint32{nhVia, nhVia}}, {5, []uint32{nhVia}}, {0, []uint32{0}}, {0, []uint32{dpif.MaxNexthops}}} {
		if err := set(bad.first, bad.ids...); err != unix.EINVAL {
			t.Errorf("buckets %v from %d: %v", bad.ids, bad.first, err)
		}
	}
	if err := r.DP.SetBuckets(r.Net, nhVia, 0, []uint32{nhConn1}); err != unix.ENOENT {
		t.Errorf("buckets of what is no group: %v", err)
	}
	for quarter, want := range []uint32{nhVia, nhVia, nhConn1, nhConn1} {
		for _, hash := range []uint32{uint32(quarter) << 29, uint32(quarter+1)<<29 - 1} {
			if got := r.DP.SelectNexthop(r.Net, group.ID, hash); got != want {
				t.Errorf("hash %#x takes %d, want %d", hash, got, want)
			}
		}
	}

	// used by packets, and only then
	uses := func() []dpif.BucketUse {
		t.Helper()
		u, err := r.DP.ReadBuckets(r.Net, group.ID)
		if err != nil || len(u) != 4 {
			t.Fatalf("buckets %v, %v", u, err)
		}
		return u
	}
	for n, u := range uses() {
		if u.Stamp != 0 {
			t.Errorf("bucket %d was used %v ago", n, u.Idle)
		}
	}
	if err := set(0, nhVia, nhVia, nhVia, nhVia); err != nil {
		t.Fatal(err)
	}
	if _, err := r.DP.SetRoutes([]dpif.Route{{
		Net: r.Net, Table: unix.RT_TABLE_MAIN, Prefix: netip.PrefixFrom(far, 32), NexthopID: group.ID,
	}}); err != nil {
		t.Fatal(err)
	}
	r.Send("p1", udp4(t, macH1, macP1, h1, far, 64))
	if r.Recv("p2", 10*time.Second) == nil {
		t.Fatal("nothing is forwarded by the group")
	}
	used := 0
	for _, u := range uses() {
		if u.Stamp != 0 {
			used++
		}
	}
	if used != 1 {
		t.Errorf("%d buckets are used by one packet", used)
	}

	// set again with as many they stay, with others they are new
	group.Members = append(group.Members, dpif.Member{ID: nhConn2, Weight: 1})
	if err := r.DP.SetNexthop(group); err != nil {
		t.Fatal(err)
	}
	again := 0
	for _, u := range uses() {
		if u.ID != nhVia {
			t.Errorf("a bucket leads to %d", u.ID)
		}
		if u.Stamp != 0 {
			again++
		}
	}
	if again != used {
		t.Errorf("%d buckets are used, %d were", again, used)
	}
	group.Buckets = 0
	if err := r.DP.SetNexthop(group); err != nil {
		t.Fatal(err)
	}
	if _, err := r.DP.ReadBuckets(r.Net, group.ID); err != unix.ENOENT {
		t.Errorf("buckets of a group without: %v", err)
	}
}
