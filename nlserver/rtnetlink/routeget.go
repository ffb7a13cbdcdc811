// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// ipProto is rtm_getroute_parse_ip_proto.
func ipProto(tb *nlmsg.Attrs, family uint8, unset uint8, ext *nlmsg.Extack) (uint8, error) {
	if !tb.Has(unix.RTA_IP_PROTO) {
		return unset, nil
	}
	p := tb.U8(unix.RTA_IP_PROTO)
	switch {
	case p == unix.IPPROTO_TCP, p == unix.IPPROTO_UDP,
		p == unix.IPPROTO_ICMP && family == unix.AF_INET,
		p == unix.IPPROTO_ICMPV6 && family == unix.AF_INET6:
		return p, nil
	}
	return 0, ext.Fail(unix.EOPNOTSUPP, "Unsupported ip proto")
}

// validGet4 is inet_rtm_valid_getroute_req.
func (r *routes) validGet4(req *nlserver.Request) (m rtmsg, err error) {
	ext := req.Ext
	if len(req.Payload()) < unix.SizeofRtMsg {
		return m, ext.Fail(unix.EINVAL, "ipv4: Invalid header for route get request")
	}
	m = parseRtmsg(req.Payload())
	if !req.Strict() {
		return m, req.Parse(unix.SizeofRtMsg, &r.tb, &route4Policy, nlmsg.Liberal)
	}
	if m.srcLen != 0 && m.srcLen != 32 || m.dstLen != 0 && m.dstLen != 32 ||
		m.table != 0 || m.protocol != 0 || m.scope != 0 || m.typ_ != 0 {
		return m, ext.Fail(unix.EINVAL, "ipv4: Invalid values in header for route get request")
	}
	if m.flags&^(rtmNotify|rtmLookupTable|unix.RTM_F_FIB_MATCH) != 0 {
		return m, ext.Fail(unix.EINVAL, "ipv4: Unsupported rtm_flags for route get request")
	}
	if err := req.Parse(unix.SizeofRtMsg, &r.tb, &route4Policy, nlmsg.DeprecatedStrict); err != nil {
		return m, err
	}
	if r.tb.Has(unix.RTA_SRC) && m.srcLen == 0 || r.tb.Has(unix.RTA_DST) && m.dstLen == 0 {
		return m, ext.Fail(unix.EINVAL, "ipv4: rtm_src_len and rtm_dst_len must be 32 for IPv4")
	}
	for i := 1; i < r.tb.Len(); i++ {
		switch i {
		case unix.RTA_IIF, unix.RTA_OIF, unix.RTA_SRC, unix.RTA_DST, unix.RTA_IP_PROTO,
			unix.RTA_SPORT, rtaDport, unix.RTA_MARK, unix.RTA_UID:
		default:
			if r.tb.Has(uint16(i)) {
				return m, ext.Fail(unix.EINVAL, "ipv4: Unsupported attribute in route get request")
			}
		}
	}
	return m, nil
}

// query is what a request asks for, without its addresses.
func (r *routes) query(family uint8, m *rtmsg) route.Query {
	tb := &r.tb
	q := route.Query{
		Family: family, TOS: m.tos, Oif: tb.U32(unix.RTA_OIF), Iif: tb.U32(unix.RTA_IIF),
		Mark: tb.U32(unix.RTA_MARK), UID: tb.U32(unix.RTA_UID),
		Sport: tb.U16BE(unix.RTA_SPORT), Dport: tb.U16BE(rtaDport), FlowLabel: tb.U32BE(rtaFlowlabel),
	}
	return q
}

// getRoute4 is inet_rtm_getroute.
func (r *routes) getRoute4(req *nlserver.Request) error {
	m, err := r.validGet4(req)
	if err != nil {
		return err
	}
	q := r.query(unix.AF_INET, &m)
	q.Dst, q.Src = nonzero4(r.tb.Get(unix.RTA_DST)), nonzero4(r.tb.Get(unix.RTA_SRC))
	if q.Proto, err = ipProto(&r.tb, unix.AF_INET, unix.IPPROTO_UDP, req.Ext); err != nil {
		return err
	}
	q.TOS &^= 3
	res, err := r.Routes.Lookup(q)
	if err != nil {
		return err
	}
	table := uint32(unix.RT_TABLE_MAIN)
	if m.flags&rtmLookupTable != 0 {
		table = res.Table
	}
	e := req.Reply(unix.RTM_NEWROUTE, 0)
	if m.flags&unix.RTM_F_FIB_MATCH == 0 {
		fillGet4(e, &q, &res, table, r.tb.Has(unix.RTA_UID))
	} else {
		if res.Route.Info == nil {
			return unix.EHOSTUNREACH
		}
		found := res.Route
		found.Table = table
		fillRoute4(e, &found, res.Type)
	}
	req.Send()
	return nil
}

// fillGet4 is rt_fill_info.
func fillGet4(e *nlmsg.Encoder, q *route.Query, r *route.Result, table uint32, uidGiven bool) {
	input := q.Iif != 0
	m := rtmsg{
		family: unix.AF_INET, dstLen: 32, tos: r.Route.TOS, table: tableCompat(table), typ_: r.Type,
		flags: r.Flags&^0xffff | unix.RTM_F_CLONED,
	}
	if q.Src.IsValid() {
		m.srcLen = 32
	}
	m.put(e.Raw(unix.SizeofRtMsg))
	e.U32(unix.RTA_TABLE, table)
	dst := q.Dst
	if !dst.IsValid() {
		dst = netip.IPv4Unspecified()
	}
	addrAttr(e, unix.RTA_DST, dst)
	if q.Src.IsValid() {
		addrAttr(e, unix.RTA_SRC, q.Src)
	}
	e.U32(unix.RTA_OIF, r.Link.Index)
	if r.Hop != nil && r.Hop.Realm != 0 {
		e.U32(unix.RTA_FLOW, r.Hop.Realm)
	}
	if !input && r.Src != q.Src && (q.Src.IsValid() || !r.Src.IsUnspecified()) {
		addrAttr(e, unix.RTA_PREFSRC, r.Src)
	}
	if gw := r.Gateway; gw.Is4() {
		addrAttr(e, unix.RTA_GATEWAY, gw)
	} else if gw.IsValid() {
		fillVia(e, gw)
	}
	fillMetrics(e, r.Metrics)
	if q.Mark != 0 {
		e.U32(unix.RTA_MARK, q.Mark)
	}
	if !input || uidGiven {
		e.U32(unix.RTA_UID, q.UID)
	}
	if input {
		e.U32(unix.RTA_IIF, q.Iif)
	}
	users := uint32(1) // us; and the nexthop, which keeps what can be used again
	if r.Hop != nil && r.Flags&route.CacheLocal == 0 {
		users++
	}
	fillCacheinfo(e, 0, users)
}

// validGet6 is inet6_rtm_valid_getroute_req.
func (r *routes) validGet6(req *nlserver.Request) (m rtmsg, err error) {
	ext := req.Ext
	if len(req.Payload()) < unix.SizeofRtMsg {
		return m, ext.Fail(unix.EINVAL, "ipv6: Invalid header for get route request")
	}
	m = parseRtmsg(req.Payload())
	if !req.Strict() {
		return m, req.Parse(unix.SizeofRtMsg, &r.tb, &route6Policy, nlmsg.Liberal)
	}
	if m.srcLen != 0 && m.srcLen != 128 || m.dstLen != 0 && m.dstLen != 128 ||
		m.table != 0 || m.protocol != 0 || m.scope != 0 || m.typ_ != 0 {
		return m, ext.Fail(unix.EINVAL, "ipv6: Invalid values in header for get route request")
	}
	if m.flags&^unix.RTM_F_FIB_MATCH != 0 {
		return m, ext.Fail(unix.EINVAL, "ipv6: Invalid flags for get route request")
	}
	if err := req.Parse(unix.SizeofRtMsg, &r.tb, &route6Policy, nlmsg.DeprecatedStrict); err != nil {
		return m, err
	}
	if r.tb.Has(unix.RTA_SRC) && m.srcLen == 0 || r.tb.Has(unix.RTA_DST) && m.dstLen == 0 {
		return m, ext.Fail(unix.EINVAL, "ipv6: rtm_src_len and rtm_dst_len must be 128 for IPv6")
	}
	if a := r.tb.Get(rtaFlowlabel); a.U32BE()&^0xfffff != 0 {
		return m, ext.FailAttr(unix.EINVAL, a, "Invalid flow label")
	}
	for i := 1; i < r.tb.Len(); i++ {
		switch i {
		case unix.RTA_SRC, unix.RTA_DST, unix.RTA_IIF, unix.RTA_OIF, unix.RTA_MARK, unix.RTA_UID,
			unix.RTA_SPORT, rtaDport, unix.RTA_IP_PROTO, rtaFlowlabel:
		default:
			if r.tb.Has(uint16(i)) {
				return m, ext.Fail(unix.EINVAL, "ipv6: Unsupported attribute in get route request")
			}
		}
	}
	return m, nil
}

// getRoute6 is inet6_rtm_getroute.
func (r *routes) getRoute6(req *nlserver.Request) error {
	m, err := r.validGet6(req)
	if err != nil {
		return err
	}
	dst, src := r.tb.Get(unix.RTA_DST), r.tb.Get(unix.RTA_SRC)
	if src.Present() && src.Len() < 16 || dst.Present() && dst.Len() < 16 {
		return unix.EINVAL
	}
	q := r.query(unix.AF_INET6, &m)
	q.Dst, q.Src = whole6(dst), whole6(src)
	if q.Proto, err = ipProto(&r.tb, unix.AF_INET6, 0, req.Ext); err != nil {
		return err
	}
	res, err := r.Routes.Lookup(q)
	if err != nil {
		return err
	}
	if q.Iif != 0 && q.Dst.IsMulticast() {
		return unix.EMSGSIZE // what comes of asking a multicast router that is not there
	}
	e := req.Reply(unix.RTM_NEWROUTE, 0)
	if m.flags&unix.RTM_F_FIB_MATCH != 0 {
		fillRoute6(e, &res.Route, q.Iif)
	} else {
		fillGet6(e, &q, &res)
	}
	req.Send()
	return nil
}

// fillGet6 is rt6_fill_node with the dst of a lookup.
func fillGet6(e *nlmsg.Encoder, q *route.Query, r *route.Result) {
	i := r.Route.Info
	m := rtmsg{
		family: unix.AF_INET6, dstLen: 128, srcLen: 128, table: tableCompat(r.Table), protocol: i.Protocol, typ_: i.Type,
	}
	dst := q.Dst
	if !dst.IsValid() {
		dst = netip.IPv6Unspecified()
	}
	m.put(e.Raw(unix.SizeofRtMsg))
	e.U32(unix.RTA_TABLE, r.Table)
	addrAttr(e, unix.RTA_DST, dst)
	src := q.Src
	if !src.IsValid() {
		src = netip.IPv6Unspecified()
	}
	addrAttr(e, unix.RTA_SRC, src)
	if q.Iif != 0 {
		e.U32(unix.RTA_IIF, q.Iif)
	} else if r.PrefSrc.IsValid() {
		addrAttr(e, unix.RTA_PREFSRC, r.PrefSrc)
	}
	if i.PrefSrc.IsValid() {
		addrAttr(e, unix.RTA_PREFSRC, i.PrefSrc)
	}
	fillMetrics(e, r.Metrics)
	e.U32(unix.RTA_PRIORITY, i.Priority)
	if r.Gateway.IsValid() {
		addrAttr(e, unix.RTA_GATEWAY, r.Gateway)
	}
	e.U32(unix.RTA_OIF, r.Link.Index)
	fillCacheinfo(e, 0, 2) // the end of a route is not that of its dst (rt6_set_from)
	e.U8(unix.RTA_PREF, i.Pref)
}
