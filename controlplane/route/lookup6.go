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

// How a lookup of an IPv6 table chooses (RT6_LOOKUP_F_*).
const (
	lookupIface      = 1 << iota // the hop must be on the link asked for
	lookupReachable              // hops with an unreachable gateway only when there is no other
	lookupIgnoreLink             // carrier never counts
	lookupPublished              // as the data plane has it: a route ends when it is told so
)

// flow6 is what a lookup of an IPv6 table goes by.
type flow6 struct {
	rule.Flow
	dst   key
	oif   uint32 // the link that the tables are asked for
	flags uint8
	hash  uint32
}

// result6 is struct fib6_result.
type result6 struct {
	tab   *fibTable
	key   key
	plen  uint8
	node  uint32
	alias uint32
	info  *nexthop.Info
	sel   int // index of the hop in info.Hops
}

// multipath6 is rt6_qualify_for_ecmp.
func multipath6(i *nexthop.Info) bool {
	return i.Flags&FlagAddrconf == 0 && i.Object == nil && i.Hops[0].Gateway.IsValid()
}

// usable6 is the nexthop id for packets of a node: what choose6 takes, with its siblings.
func (t *Table) usable6(tab *fibTable, node uint32) uint32 {
	a := t.choose6(tab.trie.at(node).head, 0, lookupPublished)
	if a == 0 {
		return 0
	}
	if info := t.info(a); multipath6(info) {
		if g := tab.groups[node]; g != nil && t.groupMetric(tab, node) == info.Priority {
			return g.ID()
		}
	}
	return t.info(a).ID()
}

// choose6 is find_rr_leaf: the best alias of the lowest metric that has a usable one.
func (t *Table) choose6(head, oif uint32, flags uint8) uint32 {
	var best uint32
	var bestScore int
	var metric uint32
	for a := head; a != 0; a = t.alias.at(a).next {
		info := t.info(a)
		if best != 0 && info.Priority != metric {
			break
		}
		if score := t.score6(a, info, oif, flags); score >= 0 && (best == 0 || score > bestScore) {
			best, bestScore, metric = a, score, info.Priority
			if t.topScore6(score, oif) {
				break
			}
		}
	}
	return best
}

// score6 is find_match and rt6_score_route; -1: not usable.
func (t *Table) score6(a uint32, info *nexthop.Info, oif uint32, flags uint8) int {
	if t.alias.at(a).expires {
		x := t.expires[a]
		if x.ended || flags&lookupPublished == 0 && !x.at.After(t.net.Clock.Now()) {
			return -1
		}
	}
	if info.Blackhole() {
		return blackholeScore
	}
	best := -1
	for h := range info.Hops {
		best = max(best, t.scoreHop6(info, &info.Hops[h], oif, flags))
	}
	return best
}

// blackholeScore is more than that of any hop: a blackhole ends the search.
const blackholeScore = 1 << 16

func (t *Table) scoreHop6(info *nexthop.Info, hop *nexthop.Hop, oif uint32, flags uint8) int {
	if !hop.Good(familyIPv6, flags&lookupIgnoreLink != 0) {
		return -1
	}
	score := 0
	if oif == 0 || hop.Oif() == oif {
		score = 2
	} else if flags&lookupIface != 0 {
		return -1
	}
	score |= decodePref(info.Pref) << 2
	if flags&lookupReachable != 0 && info.Flags&FlagNoNexthop == 0 && hop.Gateway.IsValid() &&
		t.Reachable != nil && !t.Reachable(hop.Link, hop.Gateway) {
		return -1
	}
	return score
}

// decodePref makes low, medium and high (3, 0, 1) 1, 2 and 3 (IPV6_DECODE_PREF).
func decodePref(pref uint8) int { return int(pref^2) & 3 }

// lookupTable6 is fib6_table_lookup; false: no route.
func (t *Table) lookupTable6(tab *fibTable, flow *flow6, res *result6) bool {
	tab.trie.match(flow.dst, 128, &t.m1)
	flags := flow.flags
	for {
		for n := t.m1.n - 1; n >= 0; n-- {
			node := t.m1.nodes[n]
			at := tab.trie.at(node)
			if a := t.choose6(at.head, flow.oif, flags); a != 0 {
				a = t.sibling6(at.head, a, flow)
				*res = result6{tab: tab, key: at.key, plen: at.plen, node: node, alias: a, info: t.info(a)}
				if res.info.Object != nil {
					res.sel = t.selectHop6(res.info, flow, flags)
				}
				return true
			}
		}
		if flags&lookupReachable == 0 {
			return false
		}
		flags &^= lookupReachable
	}
}

// wantsLink says whether a hop is on the link that a packet of our own is bound to, so that the hash
// is not asked (have_oif_match of ip6_pol_route).
func (f *flow6) wantsLink(h *nexthop.Hop) bool {
	return f.oif != 0 && f.Iif == loopbackIndex && h.Oif() == f.oif
}

// selectHop6 is the hop of a nexthop object that a flow takes: the first that will do when that is on
// its link (rt6_nh_find_match), else by its hash.
func (t *Table) selectHop6(info *nexthop.Info, flow *flow6, flags uint8) int {
	for n := range info.Hops {
		if t.scoreHop6(info, &info.Hops[n], flow.oif, flags) < 0 {
			continue
		}
		if flow.wantsLink(&info.Hops[n]) {
			return n
		}
		break
	}
	return info.Object.Select(flow.hash)
}

// sibling6 is fib6_select_path: of the siblings of a the one for the flow's hash.
func (t *Table) sibling6(head, a uint32, flow *flow6) uint32 {
	info := t.info(a)
	if flow.wantsLink(&info.Hops[0]) || !multipath6(info) {
		return a
	}
	var total, sum uint64
	for pass := range 2 {
		for s := head; s != 0; s = t.alias.at(s).next {
			of := t.info(s)
			if of.Priority != info.Priority || !multipath6(of) || !of.Hops[0].Good(familyIPv6, false) {
				continue
			}
			if pass == 0 {
				total += uint64(of.Hops[0].Weight)
				continue
			}
			if sum += uint64(of.Hops[0].Weight); uint64(flow.hash) < sum<<31/total &&
				t.score6(s, of, flow.oif, flow.flags) >= 0 {
				return s
			}
		}
	}
	return a
}

// fibLookup6 is fib6_rule_lookup: through the rules. An error is that of the route found, that of a
// rule, or ENETUNREACH.
func (t *Table) fibLookup6(flow *flow6, res *result6) syscall.Errno {
	t.update6(flow)
	errno := t.rules.Lookup(&flow.Flow, func(r *rule.Rule, id uint32) syscall.Errno {
		tab := t.v6.tables[id]
		if tab == nil || !t.lookupTable6(tab, flow, res) || !t.sourceFits6(r, flow, res) {
			return unix.EAGAIN
		}
		if res.info.Blackhole() {
			return unix.EINVAL
		}
		if res.info.Flags&FlagReject != 0 {
			return props[res.info.Type].errno
		}
		if suppressed(r, res.plen, res.info) {
			return unix.EAGAIN
		}
		return 0
	})
	if errno != 0 {
		*res = result6{}
	}
	if errno == unix.ESRCH {
		return unix.ENETUNREACH
	}
	return errno
}

// update6 finds the L3 master device of a flow. As an output link such a device says which table,
// not which link.
func (t *Table) update6(flow *flow6) {
	oif := flow.Oif
	t.rules.Update(&flow.Flow)
	if oif != 0 && flow.oif == oif {
		flow.oif = flow.Oif
	}
}

// sourceFits6 is fib6_rule_saddr: when a rule for sources asks for it, the source that would be
// chosen must be one of them.
func (t *Table) sourceFits6(r *rule.Rule, flow *flow6, res *result6) bool {
	if r.Flags&rule.FlagFindSaddr == 0 || !r.Src.IsValid() || flow.Src.IsValid() {
		return true
	}
	src := t.source6(res.info, flow.Dst)
	return src.IsValid() && r.Src.Contains(src)
}

// needStrict6 is rt6_need_strict: addresses that mean something on one link only.
func needStrict6(a netip.Addr) bool {
	return a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsLoopback()
}

// newFlow6 is the flow of a packet of our own.
func (q *Query) newFlow6(dst, src netip.Addr) flow6 {
	return flow6{dst: keyOf(dst), oif: q.Oif, Flow: rule.Flow{
		Family: familyIPv6, Dst: dst, Src: src, Iif: loopbackIndex, Oif: q.Oif, L3mdev: q.L3mdev,
		TOS: q.TOS, Mark: q.Mark, UID: q.UID, Proto: q.Proto, Sport: q.Sport, Dport: q.Dport,
	}}
}

// lookup6 is ip6_route_output_flags and ip6_route_input_lookup, as inet6_rtm_getroute has them.
func (t *Table) lookup6(q *Query) (Result, error) {
	dst, src := q.Dst, q.Src
	if !dst.IsValid() {
		dst = netip.IPv6Unspecified()
	}
	if src.IsValid() && src.IsUnspecified() {
		src = netip.Addr{}
	}
	flow := q.newFlow6(dst, src)
	flow.hash = q.hash(src, dst, t.links.MultipathHashPolicy[1])
	var in *link.Link
	if q.Iif != 0 {
		if in = t.links.ByIndex(q.Iif); in == nil {
			return Result{}, unix.ENODEV
		}
		flow.oif, flow.Iif, flow.Oif = q.Iif, q.Iif, 0
	}
	if needStrict6(dst) || in == nil && q.Oif != 0 && !src.IsValid() {
		flow.flags |= lookupIface
	}
	if t.links.All6.Forwarding == 0 {
		flow.flags |= lookupReachable
	}
	var res result6
	if errno := t.fibLookup6(&flow, &res); errno != 0 {
		return Result{}, errno
	}
	return t.result6(q, dst, src, &res), nil
}

// result6 turns what was found into the way to go (ip6_rt_copy_init, ip6_rt_get_dev_rcu).
func (t *Table) result6(q *Query, dst, src netip.Addr, res *result6) Result {
	info := res.info
	hop := &info.Hops[res.sel]
	r := Result{
		Type: info.Type, Table: res.tab.id, Link: hop.Link, Hop: hop, Gateway: hop.Gateway, Dst: dst,
		Metrics: info.Metrics, Route: t.route6(res.tab, res.key, res.plen, res.alias),
		Src: src,
	}
	r.MTU = info.MTU()
	if r.MTU == 0 {
		r.MTU = hop.Link.MTU6()
	}
	if info.Flags&(FlagLocal|FlagAnycast) != 0 {
		r.Flags |= CacheLocal
		r.Link = t.localLink6(hop.Link, res.key)
	}
	if q.Iif == 0 {
		r.PrefSrc = t.source6(info, dst)
		if !src.IsValid() {
			r.Src = r.PrefSrc
		}
	}
	return r
}

// localLink6 is the link that packets to an address of l of our own go by (ip6_rt_get_dev_rcu).
func (t *Table) localLink6(l *link.Link, k key) *link.Link {
	if l.L3Master() != l && needStrict6(k.addr(familyIPv6)) {
		return t.links.Loopback()
	}
	return t.loopbackOf(l)
}

// source6 is ip6_route_get_saddr; invalid: there is none.
func (t *Table) source6(info *nexthop.Info, dst netip.Addr) netip.Addr {
	if info.PrefSrc.IsValid() {
		return info.PrefSrc
	}
	return t.addrs.Select6(info.Hops[0].Link, dst)
}
