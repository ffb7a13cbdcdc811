// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink_test

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// nexthopSeeds are requests about nexthop objects, that follow each other: what FuzzRequest begins
// with.
func nexthopSeeds() [][]byte {
	nhmsg := []byte{unix.AF_INET, 0, 0, 0, 0, 0, 0, 0}
	unspec := make([]byte, 8)
	id := func(id uint32) func(*nlmsg.Encoder) {
		return func(e *nlmsg.Encoder) { e.U32(unix.NHA_ID, id) }
	}
	members := func(ids ...byte) func(*nlmsg.Encoder) {
		return func(e *nlmsg.Encoder) {
			b := e.Payload(unix.NHA_GROUP, 8*len(ids))
			for n, id := range ids {
				b[8*n] = id
			}
		}
	}
	up := []byte{0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}
	add := message(unix.RTM_NEWNEXTHOP, unix.NLM_F_CREATE, nhmsg, id(1), func(e *nlmsg.Encoder) { e.U32(unix.NHA_OIF, 2) })
	hole := message(unix.RTM_NEWNEXTHOP, unix.NLM_F_CREATE, nhmsg, id(2), func(e *nlmsg.Encoder) { e.Flag(unix.NHA_BLACKHOLE) })
	group := message(unix.RTM_NEWNEXTHOP, unix.NLM_F_CREATE, unspec, id(3), members(1))
	resilient := message(unix.RTM_NEWNEXTHOP, unix.NLM_F_CREATE, unspec, id(4), members(1),
		func(e *nlmsg.Encoder) { e.U16(unix.NHA_GROUP_TYPE, 1) },
		func(e *nlmsg.Encoder) {
			nest := e.Nest(12)
			e.U16(1, 8)
			e.U32(2, 100)
			e.U32(3, 100)
			e.EndNest(nest)
		})
	lo := slices.Concat(up)
	lo[4] = 1
	world := slices.Concat(message(unix.RTM_NEWLINK, 0, lo), message(unix.RTM_NEWLINK, 0, up), add, hole, group, resilient)
	bucket := func(typ uint16, v uint32) func(*nlmsg.Encoder) {
		return func(e *nlmsg.Encoder) {
			nest := e.Nest(13)
			if typ == 1 {
				e.U16(typ, uint16(v))
			} else {
				e.U32(typ, v)
			}
			e.EndNest(nest)
		}
	}
	return [][]byte{
		world,
		slices.Concat(world, message(unix.RTM_GETNEXTHOP, 0, unspec, id(3))),
		slices.Concat(world, message(unix.RTM_GETNEXTHOP, unix.NLM_F_DUMP, unspec, func(e *nlmsg.Encoder) { e.U32(unix.NHA_OIF, 2) })),
		slices.Concat(world, message(unix.RTM_GETNEXTHOPBUCKET, unix.NLM_F_DUMP, unspec, id(4), bucket(3, 1))),
		slices.Concat(world, message(unix.RTM_GETNEXTHOPBUCKET, 0, unspec, id(4), bucket(1, 7))),
		slices.Concat(world, message(unix.RTM_NEWNEXTHOP, unix.NLM_F_REPLACE, nhmsg, id(1), func(e *nlmsg.Encoder) { e.Flag(unix.NHA_BLACKHOLE) })),
		slices.Concat(world, message(unix.RTM_NEWNEXTHOP, unix.NLM_F_REPLACE, unspec, id(4), members(1, 2))),
		slices.Concat(world, message(unix.RTM_DELNEXTHOP, 0, unspec, id(1))),
		slices.Concat(world, message(unix.RTM_NEWROUTE, unix.NLM_F_CREATE, []byte{unix.AF_INET, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0},
			func(e *nlmsg.Encoder) { e.U32(30, 4) })),
	}
}

// The seeds above do what they are for: what they make is there.
func TestNexthopSeeds(t *testing.T) {
	w := newWorld(t)
	w.options(optExtAck)
	w.frame([]uint32{opSend, 0, 0, 0, 0}, nexthopSeeds()[0], nil)
	w.drain(0)
	dump := message(unix.RTM_GETNEXTHOP, unix.NLM_F_DUMP, make([]byte, 8))
	w.frame([]uint32{opSend, 0, 0, 0, 0}, dump, nil)
	if n := w.drain(unix.RTM_NEWNEXTHOP); n != 4 {
		t.Errorf("%d nexthops are shown, 4 were made", n)
	}
	dump = message(unix.RTM_GETNEXTHOPBUCKET, unix.NLM_F_DUMP, make([]byte, 8))
	w.frame([]uint32{opSend, 0, 0, 0, 0}, dump, nil)
	if n := w.drain(unix.RTM_NEWNEXTHOPBUCKET); n != 8 {
		t.Errorf("%d buckets are shown, 8 were made", n)
	}
}

// Lightweight tunnels are refused, by the kernel's words where it has been built without.
func TestNexthopEncapIsRefused(t *testing.T) {
	w := newWorld(t)
	w.options(optExtAck)
	w.frame([]uint32{opSend, 0, 0, 0, 0}, nexthopSeeds()[0], nil)
	w.drain(0)
	for _, attrs := range [][]func(*nlmsg.Encoder){
		{func(e *nlmsg.Encoder) { e.U16(unix.NHA_ENCAP_TYPE, 1) }},
		{func(e *nlmsg.Encoder) { e.EndNest(e.Nest(unix.NHA_ENCAP)) }},
		{func(e *nlmsg.Encoder) { e.U16(unix.NHA_ENCAP_TYPE, 1) }, func(e *nlmsg.Encoder) { e.EndNest(e.Nest(unix.NHA_ENCAP)) }},
	} {
		attrs = append(attrs, func(e *nlmsg.Encoder) { e.U32(unix.NHA_OIF, 2) })
		w.frame([]uint32{opSend, 0, 0, 0, 0}, message(unix.RTM_NEWNEXTHOP, unix.NLM_F_CREATE, []byte{unix.AF_INET, 0, 0, 0, 0, 0, 0, 0}, attrs...), nil)
		if n := w.drain(unix.NLMSG_ERROR); n != 1 {
			t.Errorf("%d errors", n)
		}
	}
	w.frame([]uint32{opSend, 0, 0, 0, 0}, message(unix.RTM_GETNEXTHOP, unix.NLM_F_DUMP, make([]byte, 8)), nil)
	if n := w.drain(unix.RTM_NEWNEXTHOP); n != 4 {
		t.Errorf("%d nexthops are shown, 4 were made", n)
	}
}
