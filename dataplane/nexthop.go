// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

import (
	"syscall"
	"time"

	"skua/dataplane/dpif"
)

// SetNexthop implements dpif.Writer.
func (d *Dataplane) SetNexthop(nh dpif.Nexthop) error {
	c := C.struct_dp_nexthop{
		net:       C.uint32_t(nh.Net),
		id:        C.uint32_t(nh.ID),
		ifindex:   C.uint32_t(nh.Ifindex),
		mtu:       C.uint32_t(nh.MTU),
		family:    C.uint8_t(nh.Family),
		_type:     C.uint8_t(nh.Type),
		scope:     C.uint8_t(nh.Scope),
		flags:     C.uint8_t(nh.Flags &^ C.DP_NH_GATEWAY),
		n_members: C.uint32_t(len(nh.Members)),
		n_buckets: C.uint32_t(nh.Buckets),
	}
	if nh.Gateway.IsValid() {
		c.flags |= C.DP_NH_GATEWAY
		c.gw_family = putAddr(&c.gw, nh.Gateway)
	}
	if len(nh.Members) > C.DP_MAX_GROUP {
		return syscall.EINVAL
	}
	if len(nh.Members) == 0 {
		return errnoOf(C.dp_nexthop_set(&c, nil))
	}
	members := make([]C.struct_dp_nh_member, len(nh.Members))
	for i, m := range nh.Members {
		members[i].id = C.uint32_t(m.ID)
		members[i].weight = C.uint32_t(m.Weight)
	}
	return errnoOf(C.dp_nexthop_set(&c, &members[0]))
}

// DelNexthop implements dpif.Writer.
func (d *Dataplane) DelNexthop(net, id uint32) error {
	return errnoOf(C.dp_nexthop_del(C.uint32_t(net), C.uint32_t(id)))
}

// SetBuckets implements dpif.Writer.
func (d *Dataplane) SetBuckets(net, id, first uint32, ids []uint32) error {
	if len(ids) == 0 {
		return nil
	}
	c := make([]C.uint32_t, len(ids))
	for i, id := range ids {
		c[i] = C.uint32_t(id)
	}
	return errnoOf(C.dp_nexthop_buckets_set(C.uint32_t(net), C.uint32_t(id), C.uint32_t(first), &c[0], C.uint32_t(len(c))))
}

// ReadBuckets implements dpif.Reader.
func (d *Dataplane) ReadBuckets(net, id uint32) ([]dpif.BucketUse, error) {
	out := make([]C.struct_dp_nh_bucket, 65535)
	n := C.dp_nexthop_buckets_read(C.uint32_t(net), C.uint32_t(id), &out[0], C.uint32_t(len(out)))
	if n < 0 {
		return nil, syscall.Errno(-n)
	}
	uses := make([]dpif.BucketUse, n)
	for i := range uses {
		uses[i] = dpif.BucketUse{
			ID: uint32(out[i].id), Stamp: uint64(out[i].stamp),
			Idle: time.Duration(out[i].idle_us) * time.Microsecond,
		}
	}
	return uses, nil
}

// DumpNexthops implements dpif.Reader.
func (d *Dataplane) DumpNexthops(net uint32) ([]dpif.Nexthop, error) {
	var nhs []dpif.Nexthop
	err := dumpAll(func(cursor *C.uint32_t, out []C.struct_dp_nexthop) C.int {
		return C.dp_nexthop_dump(C.uint32_t(net), cursor, &out[0], C.uint32_t(len(out)))
	}, func(c *C.struct_dp_nexthop) error {
		nh := dpif.Nexthop{
			Net:     uint32(c.net),
			ID:      uint32(c.id),
			Ifindex: uint32(c.ifindex),
			MTU:     uint32(c.mtu),
			Family:  uint8(c.family),
			Type:    uint8(c._type),
			Scope:   uint8(c.scope),
			Flags:   dpif.NexthopFlags(c.flags &^ C.DP_NH_GATEWAY),
			Buckets: uint32(c.n_buckets),
		}
		if c.flags&C.DP_NH_GATEWAY != 0 {
			nh.Gateway = addrOf(c.gw_family, &c.gw)
		}
		var err error
		if c.n_members > 0 {
			nh.Members, err = membersOf(c)
		}
		nhs = append(nhs, nh)
		return err
	})
	return nhs, err
}

func membersOf(c *C.struct_dp_nexthop) ([]dpif.Member, error) {
	out := make([]C.struct_dp_nh_member, C.DP_MAX_GROUP)
	n := C.dp_nexthop_members(c.net, c.id, &out[0], C.uint32_t(len(out)))
	if n < 0 {
		return nil, syscall.Errno(-n)
	}
	members := make([]dpif.Member, n)
	for i := range members {
		members[i] = dpif.Member{ID: uint32(out[i].id), Weight: uint32(out[i].weight)}
	}
	return members, nil
}

// SelectNexthop returns the member of group id that a flow of this hash takes; id itself when it is
// no group.
func (d *Dataplane) SelectNexthop(net, id, hash uint32) uint32 {
	return uint32(C.dp_nexthop_select(C.uint32_t(net), C.uint32_t(id), C.uint32_t(hash)))
}
