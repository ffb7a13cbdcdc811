// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/controlplane/rule"
)

// flow4 is what a lookup of an IPv4 table goes by.
type flow4 struct {
	rule.Flow
	dst   key
	scope uint8
}

// newFlow4 is the flow of a lookup for dst, which came in by iif (lo: is our own).
func (q *Query) newFlow4(dst, src netip.Addr, iif, oif uint32) flow4 {
	return flow4{dst: keyOf(dst), Flow: rule.Flow{
		Family: familyIPv4, Dst: dst, Src: src, Iif: iif, Oif: oif, L3mdev: q.L3mdev, TOS: q.TOS & tosMask,
		Mark: q.Mark, UID: q.UID, Proto: q.Proto, Sport: q.Sport, Dport: q.Dport,
	}}
}

// result4 is struct fib_result.
type result4 struct {
	tab   *fibTable
	key   key
	plen  uint8
	alias uint32
	info  *nexthop.Info
	sel   int // index of the hop in info.Hops
}

func (r *result4) hop() *nexthop.Hop {
	if r.sel < len(r.info.Hops) {
		return &r.info.Hops[r.sel]
	}
	return &nexthop.Hop{}
}

// lookupTable4 is fib_table_lookup. The local and main tables are one, as they are in the kernel
// without rules of the user. EAGAIN: no route, go on to the next table.
func (t *Table) lookupTable4(id uint32, flow *flow4, ignoreLink bool, res *result4) syscall.Errno {
	first, second := t.v4.tables[id], (*fibTable)(nil)
	if t.v4.merged && (id == unix.RT_TABLE_LOCAL || id == unix.RT_TABLE_MAIN) {
		first, second = t.v4.tables[unix.RT_TABLE_LOCAL], t.v4.tables[unix.RT_TABLE_MAIN]
	}
	t.m1.n, t.m2.n = 0, 0
	if first != nil {
		first.trie.match(flow.dst, 32, &t.m1)
	}
	if second != nil {
		second.trie.match(flow.dst, 32, &t.m2)
	}
	for t.m1.n > 0 || t.m2.n > 0 {
		tab, m := first, &t.m1
		if t.m1.n == 0 || t.m2.n > 0 &&
			second.trie.at(t.m2.nodes[t.m2.n-1]).plen > first.trie.at(t.m1.nodes[t.m1.n-1]).plen {
			tab, m = second, &t.m2
		}
		m.n--
		if errno, done := t.semantic4(tab, m.nodes[m.n], flow, ignoreLink, res); done {
			return errno
		}
	}
	return unix.EAGAIN
}

// semantic4 looks for a usable alias of a node that matches.
func (t *Table) semantic4(tab *fibTable, node uint32, flow *flow4, ignoreLink bool, res *result4) (syscall.Errno, bool) {
	n := tab.trie.at(node)
	for a := n.head; a != 0; a = t.alias.at(a).next {
		al := t.alias.at(a)
		info := t.nexthops.At(al.info)
		if al.tos != 0 && al.tos != flow.TOS || info.Scope < flow.scope {
			continue
		}
		if errno := props[info.Type].errno; errno != 0 {
			*res = result4{tab: tab, key: n.key, plen: n.plen, alias: a, info: info}
			return errno, true
		}
		if info.Dead() {
			continue
		}
		if info.Blackhole() {
			*res = result4{tab: tab, key: n.key, plen: n.plen, alias: a, info: info}
			return unix.EINVAL, true
		}
		for h := range info.Hops {
			hop := &info.Hops[h]
			if !hop.Good(familyIPv4, ignoreLink) || flow.Oif != 0 && flow.Oif != hop.Oif() {
				continue
			}
			*res = result4{tab: tab, key: n.key, plen: n.plen, alias: a, info: info, sel: h}
			return 0, true
		}
		if info.Object != nil {
			break
		}
	}
	return 0, false
}

// fibLookup4 is fib_lookup: through the rules. It finds the L3 master device of the flow.
func (t *Table) fibLookup4(flow *flow4, ignoreLink bool, res *result4) syscall.Errno {
	t.rules.Update(&flow.Flow)
	errno := t.rules.Lookup(&flow.Flow, func(r *rule.Rule, id uint32) syscall.Errno {
		if !t.v4.looked(id) {
			return unix.EAGAIN
		}
		errno := t.lookupTable4(id, flow, ignoreLink, res)
		if errno == 0 && suppressed(r, res.plen, res.info) {
			return unix.EAGAIN
		}
		return errno
	})
	if errno == unix.ESRCH {
		return unix.ENETUNREACH
	}
	return errno
}

// suppressed is fib4_rule_suppress: whether a rule does not want the route that was found.
func suppressed(r *rule.Rule, plen uint8, info *nexthop.Info) bool {
	if int32(plen) <= r.SuppressPrefixLen {
		return true
	}
	return r.SuppressIfGroup != -1 && len(info.Hops) > 0 && info.Hops[0].Link != nil &&
		info.Hops[0].Link.Group == uint32(r.SuppressIfGroup)
}

func isLimitedBroadcast(a netip.Addr) bool { return a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

func isZeronet(a netip.Addr) bool { return a == any4 }

// localMulticast is ipv4_is_local_multicast: 224.0.0.0/24.
func localMulticast(a netip.Addr) bool {
	b := a.As4()
	return b[0] == 224 && b[1] == 0 && b[2] == 0
}

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	any4      = netip.IPv4Unspecified()
)

// output4 finds the way of a packet of our own (ip_route_output_key_hash_rcu).
func (t *Table) output4(q *Query) (Result, error) {
	o := output4{q: q, dst: q.Dst, src: q.Src, oif: q.Oif, origOif: q.Oif}
	if !o.dst.IsValid() {
		o.dst = any4
	}
	if o.src.IsValid() && o.src.IsUnspecified() {
		o.src = netip.Addr{}
	}
	if errno := t.source4(&o); errno != 0 {
		return Result{}, errno
	}
	if o.link == nil && o.oif != 0 {
		done, errno := t.device4(&o)
		if errno != 0 {
			return Result{}, errno
		}
		if done {
			return t.makeOutput4(&o)
		}
	} else if o.link != nil {
		return t.makeOutput4(&o)
	}
	if o.dst.IsUnspecified() {
		if o.dst = o.src; !o.dst.IsValid() {
			o.dst, o.src = loopback4, loopback4
		}
		o.link, o.oif, o.typ = t.links.Loopback(), t.links.Loopback().Index, unix.RTN_LOCAL
		o.flags |= CacheLocal
		return t.makeOutput4(&o)
	}
	flow := q.newFlow4(o.dst, o.src, t.links.Loopback().Index, o.oif)
	flow.scope = q.Scope
	if errno := t.fibLookup4(&flow, false, &o.res); errno != 0 {
		if o.oif == 0 || flow.L3mdev != 0 && !o.dst.IsMulticast() {
			return Result{}, errno
		}
		// The tables are only asked whether a gateway is in between; with a link it works anyway.
		o.res = result4{}
		if !o.src.IsValid() {
			o.src = t.addrs.Select4(o.link, netip.Addr{}, unix.RT_SCOPE_LINK)
		}
		o.typ = unix.RTN_UNICAST
		return t.makeOutput4(&o)
	}
	o.typ = o.res.info.Type
	if o.typ == unix.RTN_LOCAL {
		if !o.src.IsValid() {
			if o.src = o.res.info.PrefSrc; !o.src.IsValid() {
				o.src = o.dst
			}
		}
		o.origOif = o.res.hop().Oif()
		o.link = t.loopbackOf(o.res.hop().Link)
		o.oif = o.link.Index
		o.flags |= CacheLocal
		return t.makeOutput4(&o)
	}
	if o.oif == 0 && len(o.res.info.Hops) > 1 {
		o.res.sel = selectHop(o.res.info, q.hash(o.src, o.dst, t.links.MultipathHashPolicy[0]))
	}
	if !o.src.IsValid() {
		o.src = t.prefSrc4(&o.res)
	}
	o.link = o.res.hop().Link
	return t.makeOutput4(&o)
}

// output4 is an output lookup under way (flowi4 as the kernel rewrites it).
type output4 struct {
	q            *Query
	dst, src     netip.Addr
	oif, origOif uint32
	link         *link.Link
	typ          uint8
	flags        uint32
	res          result4
}

// source4 checks a given source, which may decide the link of a multicast.
func (t *Table) source4(o *output4) syscall.Errno {
	if !o.src.IsValid() {
		return 0
	}
	if o.src.IsMulticast() || isLimitedBroadcast(o.src) || isZeronet(o.src) {
		return unix.EINVAL
	}
	a := t.addrs.IsLocal(o.src)
	if o.oif == 0 && (o.dst.IsMulticast() || isLimitedBroadcast(o.dst)) {
		if a == nil {
			return unix.ENETUNREACH
		}
		o.link, o.oif = a.Link, a.Link.Index
		return 0
	}
	if a == nil && t.AddrType(o.src) != unix.RTN_LOCAL {
		return unix.ENETUNREACH
	}
	return 0
}

// device4 checks a given link; done: there is nothing to look up.
func (t *Table) device4(o *output4) (done bool, errno syscall.Errno) {
	l := t.links.ByIndex(o.oif)
	switch {
	case l == nil:
		return false, unix.ENODEV
	case !l.Up() || !l.InDev:
		return false, unix.ENETUNREACH
	}
	o.link = l
	if localMulticast(o.dst) || isLimitedBroadcast(o.dst) || o.q.Proto == unix.IPPROTO_IGMP {
		if !o.src.IsValid() {
			o.src = t.addrs.Select4(l, netip.Addr{}, unix.RT_SCOPE_LINK)
		}
		return true, 0
	}
	if !o.src.IsValid() {
		if o.dst.IsMulticast() {
			o.src = t.addrs.Select4(l, netip.Addr{}, o.q.Scope)
		} else if o.dst.IsUnspecified() {
			o.src = t.addrs.Select4(l, netip.Addr{}, unix.RT_SCOPE_HOST)
		}
	}
	return false, 0
}

// loopbackOf is the link that packets to an address of l of our own go by: the L3 master device is
// the loopback of its domain.
func (t *Table) loopbackOf(l *link.Link) *link.Link {
	if l != nil {
		if m := l.L3Master(); m != nil {
			return m
		}
	}
	return t.links.Loopback()
}

// prefSrc4 is fib_result_prefsrc.
func (t *Table) prefSrc4(res *result4) netip.Addr {
	if res.info.PrefSrc.IsValid() {
		return res.info.PrefSrc
	}
	h := res.hop()
	gw := netip.Addr{}
	if h.Gateway.Is4() {
		gw = h.Gateway
	}
	return t.addrs.Select4(h.Link, gw, res.info.Scope)
}

// makeOutput4 is __mkroute_output.
func (t *Table) makeOutput4(o *output4) (Result, error) {
	l := o.link
	if !l.InDev {
		return Result{}, unix.EINVAL
	}
	if !l.RouteLocalnet() && o.src.IsLoopback() && !l.Loopback() {
		return Result{}, unix.EINVAL
	}
	switch {
	case isLimitedBroadcast(o.dst):
		o.typ = unix.RTN_BROADCAST
	case o.dst.IsMulticast():
		o.typ = unix.RTN_MULTICAST
	case isZeronet(o.dst):
		return Result{}, unix.EINVAL
	}
	if l.Loopback() {
		o.flags |= CacheLocal
	}
	info := o.res.info
	switch o.typ {
	case unix.RTN_BROADCAST:
		o.flags |= CacheBroadcast | CacheLocal
		info = nil
	case unix.RTN_MULTICAST:
		o.flags |= CacheMulticast
		if t.Joined != nil && t.Joined(l, o.dst) {
			o.flags |= CacheLocal
		}
		if info != nil && o.res.plen < 4 {
			info = nil
		}
	}
	src := o.src
	if !src.IsValid() {
		src = any4
	}
	r := Result{Type: o.typ, Link: l, Dst: o.dst, Src: src, Flags: o.flags, MTU: l.MTU}
	t.from4(&r, &o.res)
	viaHop4(&r, info, &o.res)
	return r, nil
}

// from4 says which route r comes from. A route of the local table is said to be the main one's, whose
// lookup found it.
func (t *Table) from4(r *Result, res *result4) {
	if res.tab == nil {
		return
	}
	r.Table, r.Scope = res.tab.id, res.info.Scope
	if t.v4.merged && r.Table == unix.RT_TABLE_LOCAL {
		r.Table = unix.RT_TABLE_MAIN
	}
	r.Route = t.route(res.tab, res.key, res.plen, res.alias)
}

// viaHop4 is rt_set_nexthop.
func viaHop4(r *Result, info *nexthop.Info, res *result4) {
	if info == nil {
		return
	}
	r.Hop, r.Metrics = res.hop(), info.Metrics
	if r.Hop.Gateway.IsValid() && r.Hop.Scope == unix.RT_SCOPE_LINK {
		r.Gateway = r.Hop.Gateway
	}
	if mtu := info.MTU(); mtu != 0 {
		r.MTU = mtu
	} else if info.MTULocked() && r.Gateway.IsValid() {
		r.MTU = min(r.MTU, 576)
	}
}
