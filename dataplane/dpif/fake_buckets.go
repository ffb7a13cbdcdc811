// SPDX-License-Identifier: BSD-3-Clause

package dpif

import (
	"fmt"
	"slices"
	"syscall"
)

// makeBuckets gives a group its buckets, which it keeps as long as their number stays.
func (n *fakeNet) makeBuckets(nh Nexthop) {
	if int(nh.Buckets) != len(n.buckets[nh.ID]) {
		n.buckets[nh.ID] = make([]BucketUse, nh.Buckets)
	}
}

// SetBuckets implements Writer.
func (f *Fake) SetBuckets(net, id, first uint32, ids []uint32) error {
	return f.write("SetBuckets", func() (string, error) {
		n, err := f.net(net)
		if err != nil {
			return "", err
		}
		nh, ok := n.nexthops[id]
		if !ok {
			return "", syscall.ENOENT
		}
		if int(first)+len(ids) > int(nh.Buckets) {
			return "", syscall.EINVAL
		}
		for i, to := range ids {
			if !slices.ContainsFunc(nh.Members, func(m Member) bool { return m.ID == to }) {
				return "", syscall.ENOENT
			}
			n.buckets[id][int(first)+i].ID = to
		}
		return fmt.Sprint("SetBuckets ", net, " ", id, " ", first, " ", ids), nil
	})
}

// ReadBuckets implements Reader.
func (f *Fake) ReadBuckets(net, id uint32) ([]BucketUse, error) {
	return dump(f, net, func(n *fakeNet) []BucketUse { return slices.Clone(n.buckets[id]) })
}

// UseBucket is a packet that a bucket of a group takes.
func (f *Fake) UseBucket(net, id, bucket uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nets[net].buckets[id][bucket].Stamp++
}
