// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
)

// twin is the routing tables of both families as lists: slow, and obvious beside the rules of
// fib_table_insert, fib_table_delete, ip6_route_add and ip6_route_del. It has one hop a route and
// knows only the routes that the test made.
type twin struct {
	routes []twinRoute // of a prefix in the order of its aliases
	down   map[uint32]bool
}

type twinRoute struct {
	family    uint8
	table     uint32
	dst       netip.Prefix
	tos, typ  uint8
	prio, oif uint32
	gw        netip.Addr
}

func (r *twinRoute) sameKey(o *twinRoute) bool {
	return r.family == o.family && r.table == o.table && r.dst == o.dst
}

func (r *twinRoute) sameHop(o *twinRoute) bool {
	return r.oif == o.oif && r.gw == o.gw && r.typ == o.typ
}

// before says whether r comes before o among the aliases of a prefix, by what users give.
func (r *twinRoute) before(o *twinRoute) bool {
	if r.tos != o.tos {
		return r.tos > o.tos
	}
	return r.prio < o.prio
}

func (r *twinRoute) equal(o *twinRoute) bool { return !r.before(o) && !o.before(r) }

func (w *twin) add(r twinRoute, flags uint16) error {
	if r.oif != 0 && w.down[r.oif] {
		return unix.ENETDOWN // or that there is no way to the gateway
	}
	var group []int
	at := len(w.routes)
	for i := range w.routes {
		o := &w.routes[i]
		if !o.sameKey(&r) {
			continue
		}
		if o.equal(&r) {
			group = append(group, i)
		}
		if r.before(o) && i < at {
			at = i
		}
	}
	if len(group) == 0 {
		if flags&unix.NLM_F_CREATE == 0 {
			return unix.ENOENT
		}
		w.routes = slices.Insert(w.routes, at, r)
		return nil
	}
	if flags&unix.NLM_F_EXCL != 0 {
		return unix.EEXIST
	}
	if r.family == unix.AF_INET6 {
		return w.join6(r, group, flags)
	}
	same := slices.IndexFunc(group, func(i int) bool { return w.routes[i].sameHop(&r) })
	switch {
	case flags&unix.NLM_F_REPLACE != 0 && same == 0:
		return nil
	case same >= 0:
		return unix.EEXIST
	case flags&unix.NLM_F_REPLACE != 0:
		w.routes[group[0]] = r
	case flags&unix.NLM_F_CREATE == 0:
		return unix.ENOENT
	case flags&unix.NLM_F_APPEND != 0:
		w.routes = slices.Insert(w.routes, group[len(group)-1]+1, r)
	default:
		w.routes = slices.Insert(w.routes, group[0], r)
	}
	return nil
}

// join6 adds to routes of the same metric: those over gateways are siblings.
func (w *twin) join6(r twinRoute, group []int, flags uint16) error {
	if flags&unix.NLM_F_REPLACE == 0 {
		for _, i := range group {
			if w.routes[i].oif == r.oif && w.routes[i].gw == r.gw {
				return unix.EEXIST
			}
		}
		w.routes = slices.Insert(w.routes, group[len(group)-1]+1, r)
		return nil
	}
	first := slices.IndexFunc(group, func(i int) bool { return w.routes[i].gw.IsValid() == r.gw.IsValid() })
	if first < 0 {
		first = 0
	}
	victim := w.routes[group[first]]
	w.routes[group[first]] = r
	if victim.gw.IsValid() { // its siblings go with it
		for n := len(group) - 1; n > 0; n-- {
			if i := group[n]; n != first && w.routes[i].gw.IsValid() {
				w.routes = slices.Delete(w.routes, i, i+1)
			}
		}
	}
	return nil
}

func (w *twin) del(r twinRoute, hop bool) error {
	for i := range w.routes {
		o := w.routes[i]
		if !o.sameKey(&r) || o.tos != r.tos || r.prio != 0 && o.prio != r.prio {
			continue
		}
		if hop && (o.oif != r.oif || r.gw.IsValid() && o.gw != r.gw) {
			continue
		}
		all := r.family == unix.AF_INET6 && o.gw.IsValid() && !(hop && r.gw.IsValid())
		w.routes = slices.DeleteFunc(w.routes, func(x twinRoute) bool {
			return all && x.sameKey(&o) && x.prio == o.prio && x.gw.IsValid()
		})
		if !all {
			w.routes = slices.Delete(w.routes, i, i+1)
		}
		return nil
	}
	return unix.ESRCH
}

// linkDown takes the routes over a link away; of IPv6 siblings those with another link keep theirs
// as dead ones.
func (w *twin) linkDown(oif uint32) {
	w.down[oif] = true
	old := slices.Clone(w.routes)
	w.routes = slices.DeleteFunc(w.routes, func(r twinRoute) bool {
		if r.oif != oif {
			if r.family != unix.AF_INET6 || !r.gw.IsValid() || !w.down[r.oif] {
				return false
			}
		}
		if r.family == unix.AF_INET6 && r.gw.IsValid() {
			for i := range old {
				if o := &old[i]; o.sameKey(&r) && o.prio == r.prio && o.gw.IsValid() && !w.down[o.oif] {
					return false
				}
			}
		}
		return true
	})
}

func (r *twinRoute) text() string {
	gw := ""
	if r.gw.IsValid() {
		gw = " via " + r.gw.String()
	}
	return fmt.Sprintf("%d %v tos %d prio %d type %d%s oif %d", r.table, r.dst, r.tos, r.prio, r.typ, gw, r.oif)
}

// dump gives the routes in the order of a dump.
func (w *twin) dump(family uint8) (all []string) {
	list := slices.DeleteFunc(slices.Clone(w.routes), func(r twinRoute) bool { return r.family != family })
	slices.SortStableFunc(list, func(a, b twinRoute) int {
		if c := cmp.Compare(a.table&0xff, b.table&0xff); c != 0 {
			return c
		}
		ca := cursor{key: keyOf(a.dst.Addr()), plen: uint8(a.dst.Bits())}
		cb := cursor{key: keyOf(b.dst.Addr()), plen: uint8(b.dst.Bits())}
		switch {
		case ca == cb:
			return 0
		case before(family, ca, cb):
			return -1
		default:
			return 1
		}
	})
	seen := map[string]bool{}
	for i := range list {
		r := &list[i]
		id := fmt.Sprint(r.table, r.dst, r.prio, r.gw.IsValid())
		if family == unix.AF_INET6 && r.gw.IsValid() {
			if seen[id] {
				continue // shown as a hop of its first sibling
			}
			seen[id] = true
		}
		text := r.text()
		if family == unix.AF_INET6 && r.gw.IsValid() {
			for j := i + 1; j < len(list); j++ {
				if o := &list[j]; o.sameKey(r) && o.prio == r.prio && o.gw.IsValid() {
					text += fmt.Sprint(" + ", o.gw)
				}
			}
		}
		all = append(all, text)
	}
	return all
}

// dumped gives the routes of a table that the test made, as dump does, by pieces of n.
func (e *env) dumped(family uint8, n int) (all []string) {
	var c Cursor
	for done := false; !done; {
		left := n
		done = e.routes.Dump(family, &Filter{}, &c, func(r *Route) bool {
			if left == 0 {
				return false
			}
			left--
			if r.Info.Protocol == unix.RTPROT_KERNEL {
				return true
			}
			t := twinRoute{table: r.Table, dst: r.Dst, tos: r.TOS, typ: r.Type(), prio: r.Info.Priority}
			if len(r.Info.Hops) > 0 && r.Info.Flags&FlagReject == 0 {
				t.oif, t.gw = r.Info.Hops[0].Oif(), r.Info.Hops[0].Gateway
			}
			text := t.text()
			for _, s := range r.Siblings {
				text += fmt.Sprint(" + ", s.Hops[0].Gateway)
			}
			all = append(all, text)
			return true
		})
	}
	return all
}

func TestTablesAgainstSlowTwin(t *testing.T) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		for seed := range uint64(6) {
			t.Run(fmt.Sprint(family, "/", seed), func(t *testing.T) { twinRun(t, family, seed) })
		}
	}
}

// gateways4 and gateways6 are behind p1, p1, p2 and p3.
var (
	gateways4 = []string{"10.0.1.2", "10.0.1.3", "10.0.2.2", "10.0.3.2"}
	gateways6 = []string{"2001:db8:1::2", "2001:db8:1::3", "2001:db8:2::2", "2001:db8:3::2"}
	oifs      = []uint32{2, 2, 3, 4}
)

func twinRun(t *testing.T, family uint8, seed uint64) {
	r := rand.New(rand.NewPCG(seed, uint64(family)))
	e := newEnv(t, nil)
	for i := range 3 {
		name := fmt.Sprint("p", i+1)
		e.up(name, true)
		e.addAddr(name, fmt.Sprintf("10.0.%d.1/24", i+1))
		e.addAddr(name, fmt.Sprintf("2001:db8:%d::1/64", i+1))
	}
	w := &twin{down: map[uint32]bool{}}
	for step := range 1500 {
		if r.IntN(60) == 0 {
			twinLink(e, w, r)
		} else {
			twinStep(t, e, w, r, family, step)
		}
		if step%10 == 0 || step > 1450 {
			got, want := e.dumped(family, 1+r.IntN(5)), w.dump(family)
			if !slices.Equal(got, want) {
				t.Fatalf("step %d:\n got %q\nwant %q", step, got, want)
			}
		}
		e.checkForwarding(family, randomAddr(r, family), 0)
		if family == unix.AF_INET {
			e.checkForwarding(family, randomAddr(r, family), uint8(1+r.IntN(7))*4)
		}
	}
}

// twinLink takes p2 or p3 down or up in both.
func twinLink(e *env, w *twin, r *rand.Rand) {
	oif := uint32(3 + r.IntN(2))
	name := fmt.Sprint("p", oif-1)
	if !w.down[oif] {
		w.linkDown(oif)
		e.up(name, false)
		return
	}
	delete(w.down, oif)
	e.up(name, true)
	e.addAddr(name, fmt.Sprintf("2001:db8:%d::1/64", oif-1))
}

func randomDst(r *rand.Rand, family uint8) netip.Prefix {
	a := randomAddr(r, family)
	bits := []int{0, 8, 16, 24, 25, 26, 32}
	if family == unix.AF_INET6 {
		bits = []int{0, 16, 32, 48, 49, 64, 128}
	}
	return netip.PrefixFrom(a, bits[r.IntN(len(bits))]).Masked()
}

// randomAddr draws from few addresses, so that prefixes meet.
func randomAddr(r *rand.Rand, family uint8) netip.Addr {
	if family == unix.AF_INET {
		return netip.AddrFrom4([4]byte{192, byte(r.IntN(2)), byte(r.IntN(2)), byte(r.IntN(4) * 64)})
	}
	var b [16]byte
	b[0], b[1], b[3], b[5], b[6], b[15] = 0x30, byte(r.IntN(2)), byte(r.IntN(2)), byte(r.IntN(2)), byte(r.IntN(2)*128), byte(r.IntN(2))
	return netip.AddrFrom16(b)
}

func twinStep(t *testing.T, e *env, w *twin, r *rand.Rand, family uint8, step int) {
	tr := twinRoute{family: family, dst: randomDst(r, family), typ: unix.RTN_UNICAST, table: unix.RT_TABLE_MAIN}
	cfg := Config{Family: family, Protocol: unix.RTPROT_BOOT, Dst: tr.dst}
	switch r.IntN(12) {
	case 0:
		tr.table = 100
	case 1:
		tr.table = unix.RT_TABLE_DEFAULT
	case 2:
		// Late, so that the data plane has one table for local and main for most of the test. A
		// default route there would come between the gateways and their links.
		if family == unix.AF_INET || tr.dst.Bits() == 128 || step > 900 && tr.dst.Bits() > 0 {
			tr.table = unix.RT_TABLE_LOCAL
		}
	}
	if r.IntN(3) == 0 {
		tr.prio = uint32(1 + r.IntN(3))
	}
	if family == unix.AF_INET && r.IntN(6) == 0 {
		tr.tos = []uint8{0x10, 0x08, 0x20}[r.IntN(3)]
	}
	n := r.IntN(len(oifs))
	switch k := r.IntN(8); {
	case k == 0:
		tr.typ = []uint8{unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT, unix.RTN_THROW}[r.IntN(4)]
		cfg.Flags = FlagReject
		if family == unix.AF_INET {
			cfg.Flags = 0
		}
	case k == 1:
		tr.oif, cfg.Scope = oifs[n], unix.RT_SCOPE_LINK
	case family == unix.AF_INET:
		tr.oif, tr.gw = oifs[n], netip.MustParseAddr(gateways4[n])
	default:
		tr.oif, tr.gw = oifs[n], netip.MustParseAddr(gateways6[n])
	}
	cfg.Table, cfg.Priority, cfg.TOS, cfg.Type, cfg.Gateway = tr.table, tr.prio, tr.tos, tr.typ, tr.gw
	cfg.Oif = tr.oif
	var got, want error
	if r.IntN(3) == 0 {
		hop := r.IntN(2) == 0 && tr.typ == unix.RTN_UNICAST
		if !hop {
			cfg.Gateway, cfg.Oif = netip.Addr{}, 0
		}
		cfg.Type, cfg.Scope, cfg.Protocol = 0, unix.RT_SCOPE_NOWHERE, unix.RTPROT_BOOT
		got, want = e.routes.Delete(&cfg), w.del(tr, hop)
	} else {
		if family == unix.AF_INET6 && tr.prio == 0 {
			tr.prio = MetricUser
		}
		flags := []uint16{
			unix.NLM_F_CREATE | unix.NLM_F_EXCL, unix.NLM_F_CREATE | unix.NLM_F_REPLACE,
			unix.NLM_F_CREATE | unix.NLM_F_APPEND, unix.NLM_F_CREATE, unix.NLM_F_REPLACE,
		}[r.IntN(5)]
		cfg.NLFlags = flags
		got, want = e.routes.Add(&cfg), w.add(tr, flags)
	}
	if (got == nil) != (want == nil) || want != nil && want != unix.ENETDOWN && rtnl.Errno(got) != want {
		t.Fatalf("step %d: %+v: %v, want %v", step, cfg, got, want)
	}
}

// checkForwarding compares what the data plane does with a packet to dst with what Lookup says.
func (e *env) checkForwarding(family uint8, dst netip.Addr, tos uint8) {
	e.Helper()
	var want string
	res, err := e.routes.Lookup(Query{Family: family, Dst: dst, TOS: tos})
	switch rtnl.Errno(err) {
	case 0:
		switch {
		case len(res.Route.Siblings) > 0:
			live := 0
			for _, i := range append(slices.Clone(res.Route.Siblings), res.Route.Info) {
				if i.Hops[0].Good(family, false) {
					live++
				}
			}
			want = fmt.Sprint("group ", live)
		case res.Gateway.IsValid():
			want = fmt.Sprint("via ", res.Gateway, " ", res.Hop.Oif())
		default:
			want = fmt.Sprint("type ", res.Type, " ", res.Hop.Oif())
		}
	case unix.EINVAL:
		want = fmt.Sprint("type ", unix.RTN_BLACKHOLE, " 0")
	case unix.EHOSTUNREACH:
		want = fmt.Sprint("type ", unix.RTN_UNREACHABLE, " 0")
	case unix.EACCES:
		want = fmt.Sprint("type ", unix.RTN_PROHIBIT, " 0")
	default:
		want = "none"
	}
	if got := e.forwards(dst, tos); got != want {
		e.Fatalf("%v tos %#x: the data plane does %q, a lookup says %q (%v)", dst, tos, got, want, err)
	}
}
