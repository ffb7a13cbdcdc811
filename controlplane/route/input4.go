// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"
	"syscall"

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
	lo := t.links.Loopback()
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
		return t.broadcast4(r, in)
	case isZeronet(src), isZeronet(dst), dst.IsLoopback() && !localnet, src.IsLoopback() && !localnet:
		return Result{}, unix.EINVAL
	}
	flow := flow4{dst: keyOf(dst), tos: q.TOS &^ 3}
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
			return t.broadcast4(r, in)
		}
	case unix.RTN_LOCAL:
		if _, ok := t.validSource4(src, in, 0); !ok {
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
func (t *Table) broadcast4(r Result, in *link.Link) (Result, error) {
	if !isZeronet(r.Src) {
		if _, ok := t.validSource4(r.Src, in, 0); !ok {
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
	direct, ok := t.validSource4(r.Src, in, out.Index)
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

// validSource4 is fib_validate_source. direct: the source is a neighbour, not behind a gateway.
func (t *Table) validSource4(src netip.Addr, in *link.Link, oif uint32) (direct, ok bool) {
	rp := in.RPFilter()
	if rp == 0 && (in.Index != oif || !in.SendRedirects()) {
		return false, in.AcceptLocal() || t.addrs.IsLocal(src) == nil
	}
	flow := flow4{dst: keyOf(src)}
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
	flow.oif = in.Index
	var errno syscall.Errno
	if errno = t.fibLookup4(&flow, false, &res); errno != 0 {
		return false, rp == 0
	}
	return res.info.Type == unix.RTN_UNICAST && res.hop().Scope >= unix.RT_SCOPE_LINK, true
}
