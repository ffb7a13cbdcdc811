// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// table is a full table: its prefixes, none in another, and the messages that announce and withdraw
// them.
type table struct {
	prefixes           []netip.Prefix
	announce, withdraw []byte
}

// lengths are how often prefixes are that long, in percent: about as in the Internet's tables.
var (
	lengths4 = []struct{ plen, percent int }{{24, 60}, {23, 12}, {22, 13}, {21, 6}, {20, 5}, {19, 3}, {18, 1}}
	lengths6 = []struct{ plen, percent int }{{48, 55}, {44, 15}, {40, 12}, {36, 6}, {32, 12}}
)

// perUpdate is how many prefixes share their attributes, and a message.
const perUpdate = 40

func newTable(n4, n6 int) *table {
	t := &table{}
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(of []struct{ plen, percent int }) int {
		for x := r.IntN(100); ; of = of[1:] {
			if x -= of[0].percent; x < 0 {
				return of[0].plen
			}
		}
	}
	// One after the other, each at a multiple of its size.
	at := uint64(20) << 24
	for range n4 {
		plen := pick(lengths4)
		size := uint64(1) << (32 - plen)
		at = (at + size - 1) &^ (size - 1)
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(at))
		t.prefixes = append(t.prefixes, netip.PrefixFrom(netip.AddrFrom4(b), plen))
		at += size
	}
	at = 0x2400 << 48
	for range n6 {
		plen := pick(lengths6)
		size := uint64(1) << (64 - plen)
		at = (at + size - 1) &^ (size - 1)
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], at)
		t.prefixes = append(t.prefixes, netip.PrefixFrom(netip.AddrFrom16(b), plen))
		at += size
	}
	t.encode(t.prefixes[:n4], r)
	t.encode(t.prefixes[n4:], r)
	return t
}

// encode appends the messages for prefixes of one family.
func (t *table) encode(prefixes []netip.Prefix, r *rand.Rand) {
	for len(prefixes) > 0 {
		n := min(perUpdate, len(prefixes))
		var nlri []bgp.PathNLRI
		for _, p := range prefixes[:n] {
			nlri = append(nlri, bgp.PathNLRI{NLRI: must(bgp.NewIPAddrPrefix(p))})
		}
		attrs := []bgp.PathAttributeInterface{
			bgp.NewPathAttributeOrigin(0),
			bgp.NewPathAttributeAsPath([]bgp.AsPathParamInterface{
				bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, []uint32{174, 1000 + r.Uint32N(60000), 1000 + r.Uint32N(60000)}),
			}),
			bgp.NewPathAttributeLocalPref(100),
		}
		gw := 2 + r.IntN(gateways)
		if prefixes[0].Addr().Is4() {
			attrs = append(attrs, must(bgp.NewPathAttributeNextHop(netip.MustParseAddr(fmt.Sprint("198.51.100.", gw)))))
			t.announce = append(t.announce, message(bgp.NewBGPUpdateMessage(nil, attrs, nlri))...)
			t.withdraw = append(t.withdraw, message(bgp.NewBGPUpdateMessage(nlri, nil, nil))...)
		} else {
			reach := must(bgp.NewPathAttributeMpReachNLRI(bgp.RF_IPv6_UC, nlri, netip.MustParseAddr(fmt.Sprint("2001:db8:2::", gw))))
			gone := must(bgp.NewPathAttributeMpUnreachNLRI(bgp.RF_IPv6_UC, nlri))
			t.announce = append(t.announce, message(bgp.NewBGPUpdateMessage(nil, append(attrs, reach), nil))...)
			t.withdraw = append(t.withdraw, message(bgp.NewBGPUpdateMessage(nil, []bgp.PathAttributeInterface{gone}, nil))...)
		}
		prefixes = prefixes[n:]
	}
}

func message(m *bgp.BGPMessage) []byte { return must(m.Serialize()) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // what is encoded is ours
	}
	return v
}
