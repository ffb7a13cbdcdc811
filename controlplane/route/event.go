// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/nexthop"
)

// Event is the subscriber to link.Event and addr.Event. It must come after package addr's own.
func (t *Table) Event(event any) {
	switch e := event.(type) {
	case link.Event:
		t.vrf(e)
		t.link4(e)
		t.link6(e)
	case nexthop.ObjectEvent:
		t.object(e)
	case addr.Event:
		t.checks.forget()
		switch {
		case e.Type == addr.Adding6:
		case e.Addr == nil:
			t.disable6(e.Link)
		case e.Addr.Is4():
			t.ifaddr4(e)
		default:
			t.ifaddr6(e)
		}
	}
}

// ifaddr4 follows the IPv4 addresses (fib_inetaddr_event).
func (t *Table) ifaddr4(e addr.Event) {
	l := e.Addr.Link
	switch e.Type {
	case addr.Added:
		t.addIfaddr4(e.Addr)
		t.nexthops.SyncUp4(l, unix.RTNH_F_DEAD)
	case addr.Deleted:
		t.delIfaddr4(e.Addr, nil)
		if len(t.addrs.OfLink(l, familyIPv4)) == 0 {
			t.disable4(l, nexthop.LinkDown, true)
		}
	case addr.RoutesDel:
		t.delIfaddr4(e.Addr, e.Primary)
	case addr.RoutesAdd:
		t.addIfaddr4(e.Addr)
	case addr.Changed:
		t.modifyMetric4(e.Addr, e.Old.Metric)
	}
}

// Lookup finds the way to q.Dst: that of a packet of our own (ip_route_output_key_hash,
// ip6_route_output), or with q.Iif that of a packet received there (ip_route_input,
// ip6_route_input). Its errors are errnos: ENETUNREACH no route, EHOSTUNREACH, EACCES and EINVAL by
// routes of the types unreachable, prohibit and blackhole, EINVAL also martians.
func (t *Table) Lookup(q Query) (Result, error) {
	q.Dst, q.Src = plain(q.Dst), plain(q.Src)
	switch {
	case q.Family == familyIPv6:
		return t.lookup6(&q)
	case q.Iif != 0:
		return t.input4(&q)
	default:
		return t.output4(&q)
	}
}

func plain(a netip.Addr) netip.Addr {
	if a.Zone() != "" {
		return a.WithZone("")
	}
	return a
}
