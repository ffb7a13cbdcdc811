// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// input4 finds the way of a packet that came in on q.Iif (ip_route_input_rcu). EINVAL: a martian;
// EHOSTUNREACH: the link does not forward.
func (t *Table) input4(q *Query) (Result, error) {
	in := t.links.ByIndex(q.Iif)
	if in == nil {
		return Result{}, unix.ENODEV
	}
	dst, src := q.Dst, q.Src
	if !dst.IsValid() {
		dst = any4
	}
	if !src.IsValid() {
		src = any4
	}
	lo := t.loopbackOf(in)
	r := Result{Link: lo, Dst: dst, Src: src, MTU: lo.MTU}
	if dst.IsMulticast() {
		if !in.InDev || t.Joined == nil || !t.Joined(in, dst) {
			return Result{}, unix.EINVAL
		}
		r.Type, r.Flags = unix.RTN_MULTICAST, CacheMulticast|CacheLocal
		return r, nil
	}
	localnet := in.RouteLocalnet()
	switch {
	case !in.InDev, src.IsMulticast(), isLimitedBroadcast(src):
		return Result{}, unix.EINVAL
	case isLimitedBroadcast(dst), src == any4 && dst == any4:
		return t.broadcast4(q, r, in)
	case isZeronet(src), isZeronet(dst), dst.IsLoopback() && !localnet, src.IsLoopback() && !localnet:
		return Result{}, unix.EINVAL
	}
	flow := q.newFlow4(dst, src, q.Iif, 0)
	flow.UID = 0 // nobody's
	var res result4
	if errno := t.fibLookup4(&flow, false, &res); errno != 0 {
		if !in.Forwarding4() {
			errno = unix.EHOSTUNREACH
		}
		return Result{}, errno
	}
	switch res.info.Type {
	case unix.RTN_BROADCAST:
		if !in.BcForwarding() {
			t.from4(&r, &res)
			return t.broadcast4(q, r, in)
		}
	case unix.RTN_LOCAL:
		if _, ok := t.validSource4(q, in, 0); !ok {
			return Result{}, unix.EINVAL
		}
		t.from4(&r, &res)
		r.Type, r.Flags = unix.RTN_LOCAL, CacheLocal
		return r, nil
	default:
		if !in.Forwarding4() {
			return Result{}, unix.EHOSTUNREACH
		}
		if res.info.Type != unix.RTN_UNICAST {
			return Result{}, unix.EINVAL
		}
	}
	return t.forward4(q, r, in, &res)
}

// broadcast4 is brd_input of ip_route_input_slow.
func (t *Table) broadcast4(q *Query, r Result, in *link.Link) (Result, error) {
	if !isZeronet(r.Src) {
		if _, ok := t.validSource4(q, in, 0); !ok {
			return Result{}, unix.EINVAL
		}
	}
	r.Type, r.Flags = unix.RTN_BROADCAST, CacheBroadcast|CacheLocal
	return r, nil
}

// forward4 is ip_mkroute_input.
func (t *Table) forward4(q *Query, r Result, in *link.Link, res *result4) (Result, error) {
	if len(res.info.Hops) > 1 {
		res.sel = selectHop(res.info, q.hash(r.Src, r.Dst, t.links.MultipathHashPolicy[0]))
	}
	out := res.hop().Link
	direct, ok := t.validSource4(q, in, out.Index)
	if !ok {
		return Result{}, unix.EINVAL
	}
	t.from4(&r, res)
	r.Type, r.Link, r.MTU = res.info.Type, out, out.MTU
	viaHop4(&r, res.info, res)
	if out == in && direct && in.SendRedirects() &&
		(in.SharedMedia() || t.addrs.OnLink(out, r.Src, r.Gateway)) {
		r.Flags |= CacheDoRedirect
	}
	return r, nil
}

// validSource4 is fib_validate_source for a packet that came in by a link and leaves by oif, 0: is for
// us. direct: the source is a neighbour, not behind a gateway.
func (t *Table) validSource4(q *Query, in *link.Link, oif uint32) (direct, ok bool) {
	rp := in.RPFilter()
	src := q.Src
	if !src.IsValid() {
		src = any4
	}
	if rp == 0 && (in.Index != oif || !in.SendRedirects()) && !t.rules.Custom(familyIPv4) {
		return false, in.AcceptLocal() || t.addrs.IsLocal(src) == nil
	}
	if rp == 0 && (in.Index != oif || !in.SendRedirects()) && in.AcceptLocal() {
		return false, true
	}
	flow := reverse4(q, src, in, oif)
	var res result4
	if errno := t.fibLookup4(&flow, false, &res); errno != 0 {
		return false, rp == 0
	}
	if typ := res.info.Type; typ != unix.RTN_UNICAST && (typ != unix.RTN_LOCAL || !in.AcceptLocal()) {
		return false, false
	}
	if res.info.UsesLink(in) {
		return res.hop().Scope >= unix.RT_SCOPE_LINK, true
	}
	if len(t.addrs.OfLink(in, familyIPv4)) == 0 {
		return false, rp == 0
	}
	if rp == 1 {
		return false, false
	}
	flow.Oif = in.Index
	if errno := t.fibLookup4(&flow, false, &res); errno != 0 {
		return false, rp == 0
	}
	return res.info.Type == unix.RTN_UNICAST && res.hop().Scope >= unix.RT_SCOPE_LINK, true
}

// reverse4 is the flow of a packet's way back (__fib_validate_source).
func reverse4(q *Query, src netip.Addr, in *link.Link, oif uint32) flow4 {
	if oif == 0 {
		oif = loopbackIndex
	}
	flow := q.newFlow4(src, q.Dst, oif, 0)
	flow.UID, flow.Mark = 0, 0 // the mark counts with src_valid_mark only
	flow.Sport, flow.Dport = q.Dport, q.Sport
	if m := in.L3Master(); m != nil {
		flow.L3mdev = m.Index
	}
	return flow
}

// loopbackIndex is LOOPBACK_IFINDEX.
const loopbackIndex = 1
