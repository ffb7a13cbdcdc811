// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/route"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// announceRoute fills the notifications of routes; false: msg is none.
func (f *family) announceRoute(msg any) bool {
	m, ok := msg.(*route.Msg)
	if !ok {
		return false
	}
	group := uint32(unix.RTNLGRP_IPV4_ROUTE)
	if m.Route.Family == unix.AF_INET6 {
		group = unix.RTNLGRP_IPV6_ROUTE
	}
	from := nlserver.Requester{Portid: m.Origin.PortID, Seq: m.Origin.Seq, Flags: m.Origin.Flags}
	if !f.nl.Wanted(group, from) {
		return true
	}
	e := &f.enc
	e.Reset(e.Buffer()[:0], 0)
	e.Begin(m.Type, m.NLFlags, m.Origin.Seq, m.Origin.PortID)
	fillRoute(e, &m.Route)
	if e.End() {
		f.nl.Notify(group, from, e.Buffer())
	}
	return true
}

// commit makes changes of this batch take effect that were held back (nlserver.Family.Commit):
// there are none, every route is in the data plane when its message has been handled.
func (f *family) commit() {}

// fillRoute fills a route of a table.
func fillRoute(e *nlmsg.Encoder, r *route.Route) {
	if r.Family == unix.AF_INET6 {
		fillRoute6(e, r, 0)
		return
	}
	fillRoute4(e, r, r.Type())
}

// tableCompat is rtm_table of a table whose number needs RTA_TABLE.
func tableCompat(id uint32) uint8 {
	if id < 256 {
		return uint8(id)
	}
	return unix.RT_TABLE_COMPAT
}

// fillRoute4 is fib_dump_info. typ is the route's, or what a lookup that found it came to.
func fillRoute4(e *nlmsg.Encoder, r *route.Route, typ uint8) {
	i := r.Info
	hops := shownHops(i)
	m := rtmsg{
		family: unix.AF_INET, dstLen: uint8(r.Dst.Bits()), tos: r.TOS, table: tableCompat(r.Table),
		protocol: i.Protocol, scope: i.Scope, typ_: typ, flags: i.Flags,
	}
	switch {
	case i.Object != nil && len(hops) == 0:
	case len(hops) == 0: // in the kernel a hop without a link
		m.flags &= unix.RTNH_F_ONLINK
	case len(hops) == 1:
		m.flags = uint32(shownFlags(&hops[0], unix.AF_INET))
	}
	if i.Blackhole() {
		m.typ_ = unix.RTN_BLACKHOLE
	}
	m.put(e.Raw(unix.SizeofRtMsg))
	e.U32(unix.RTA_TABLE, r.Table)
	if m.dstLen != 0 {
		addrAttr(e, unix.RTA_DST, r.Dst.Addr())
	}
	if i.Priority != 0 {
		e.U32(unix.RTA_PRIORITY, i.Priority)
	}
	fillMetrics(e, i.Metrics)
	if i.PrefSrc.IsValid() {
		addrAttr(e, unix.RTA_PREFSRC, i.PrefSrc)
	}
	if i.Object != nil {
		e.U32(rtaNHID, i.Object.ID)
	}
	switch len(hops) {
	case 0:
	case 1:
		fillHop(e, &hops[0], unix.AF_INET, false)
		if hops[0].Realm != 0 {
			e.U32(unix.RTA_FLOW, hops[0].Realm)
		}
	default:
		fillMultipath(e, hops, unix.AF_INET)
	}
}

// shownHops are the hops that a route is shown with: none when it names an object and user space
// is to look there.
func shownHops(i *nexthop.Info) []nexthop.Hop {
	if !i.ShowsHops() {
		return nil
	}
	return i.Hops
}

func fillMultipath(e *nlmsg.Encoder, hops []nexthop.Hop, family uint8) {
	nest := e.NestPlain(unix.RTA_MULTIPATH)
	for h := range hops {
		fillRtnh(e, &hops[h], family)
	}
	e.EndNest(nest)
}

// fillRoute6 is rt6_fill_node without a dst; iif, when not 0, is that of a lookup.
func fillRoute6(e *nlmsg.Encoder, r *route.Route, iif uint32) {
	i := r.Info
	m := rtmsg{
		family: unix.AF_INET6, dstLen: uint8(r.Dst.Bits()), table: tableCompat(r.Table),
		protocol: i.Protocol, typ_: i.Type,
	}
	hops := shownHops(i)
	multipath := i.Object != nil && i.Object.Multipath()
	if i.Blackhole() {
		m.typ_ = unix.RTN_BLACKHOLE
	}
	if len(r.Siblings) == 0 && len(hops) > 0 && !multipath {
		m.flags = uint32(shownFlags(&i.Hops[0], unix.AF_INET6))
	}
	m.put(e.Raw(unix.SizeofRtMsg))
	e.U32(unix.RTA_TABLE, r.Table)
	if m.dstLen != 0 {
		addrAttr(e, unix.RTA_DST, r.Dst.Addr())
	}
	if iif != 0 {
		e.U32(unix.RTA_IIF, iif)
	}
	if i.PrefSrc.IsValid() {
		addrAttr(e, unix.RTA_PREFSRC, i.PrefSrc)
	}
	fillMetrics(e, i.Metrics)
	e.U32(unix.RTA_PRIORITY, i.Priority)
	if len(r.Siblings) > 0 {
		nest := e.NestPlain(unix.RTA_MULTIPATH)
		fillRtnh(e, &i.Hops[0], unix.AF_INET6)
		for _, s := range r.Siblings {
			fillRtnh(e, &s.Hops[0], unix.AF_INET6)
		}
		e.EndNest(nest)
	} else {
		if i.Object != nil {
			e.U32(rtaNHID, i.Object.ID)
		}
		switch {
		case len(hops) == 0:
		case multipath:
			fillMultipath(e, hops, unix.AF_INET6)
		default:
			fillHop(e, &hops[0], unix.AF_INET6, false)
		}
	}
	fillCacheinfo(e, r.Expires, 0)
	e.U8(unix.RTA_PREF, i.Pref)
}

// shownFlags is what fib_nexthop_info says of a hop.
func shownFlags(h *nexthop.Hop, family uint8) uint8 {
	flags := h.Flags & (unix.RTNH_F_DEAD | unix.RTNH_F_LINKDOWN | unix.RTNH_F_ONLINK)
	if flags&unix.RTNH_F_LINKDOWN != 0 && nexthop.IgnoreLinkdown(h.Link, family) {
		flags |= unix.RTNH_F_DEAD
	}
	return flags
}

// fillHop fills gateway and link of a hop (fib_nexthop_info).
func fillHop(e *nlmsg.Encoder, h *nexthop.Hop, family uint8, skipOif bool) {
	switch {
	case !h.Gateway.IsValid():
	case h.Gateway.Is6() && family == unix.AF_INET:
		fillVia(e, h.Gateway)
	default:
		addrAttr(e, unix.RTA_GATEWAY, h.Gateway)
	}
	if !skipOif && h.Link != nil {
		e.U32(unix.RTA_OIF, h.Link.Index)
	}
}

func fillVia(e *nlmsg.Encoder, gw netip.Addr) {
	b := e.Payload(unix.RTA_VIA, 2+16)
	native.PutUint16(b, unix.AF_INET6)
	a := gw.As16()
	copy(b[2:], a[:])
}

// fillRtnh fills a struct rtnexthop (fib_add_nexthop).
func fillRtnh(e *nlmsg.Encoder, h *nexthop.Hop, family uint8) {
	at := e.Len()
	b := e.Raw(sizeofRtnh)
	b[2], b[3] = shownFlags(h, family), uint8(h.Weight-1)
	native.PutUint32(b[4:], h.Oif())
	fillHop(e, h, family, true)
	if h.Realm != 0 {
		e.U32(unix.RTA_FLOW, h.Realm)
	}
	if !e.Full() {
		native.PutUint16(e.Buffer()[at:], uint16(e.Len()-at))
	}
}

// fillMetrics is rtnetlink_put_metrics.
func fillMetrics(e *nlmsg.Encoder, m *nexthop.Metrics) {
	if m == nil {
		return
	}
	nest, n := e.NestPlain(unix.RTA_METRICS), 0
	for i := 1; i <= unix.RTAX_MAX; i++ {
		switch v := m.Value[i]; {
		case i == unix.RTAX_CC_ALGO && m.CCAlgo != "":
			e.String(unix.RTAX_CC_ALGO, m.CCAlgo)
			n++
		case v != 0:
			e.U32(uint16(i), v)
			n++
		}
	}
	if n == 0 {
		e.CancelNest(nest)
		return
	}
	e.EndNest(nest)
}

// fillCacheinfo is rtnl_put_cacheinfo; expires in 1/100 s, users of what a lookup made.
func fillCacheinfo(e *nlmsg.Encoder, expires int32, users uint32) {
	b := e.Payload(unix.RTA_CACHEINFO, sizeofCacheinfo)
	native.PutUint32(b, users)
	native.PutUint32(b[8:], uint32(expires))
}

// addrAttr appends an address of either family.
func addrAttr(e *nlmsg.Encoder, typ uint16, a netip.Addr) {
	if a.Is4() {
		b := a.As4()
		copy(e.Payload(typ, 4), b[:])
		return
	}
	b := a.As16()
	copy(e.Payload(typ, 16), b[:])
}
