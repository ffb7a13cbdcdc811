// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// Cause says why nexthops of a link go down, as the event does in fib_sync_down_dev.
type Cause int

// Causes.
const (
	CarrierLost  Cause = iota + 1 // NETDEV_CHANGE: LINKDOWN
	LinkDown                      // NETDEV_DOWN: DEAD and LINKDOWN
	Unregistered                  // NETDEV_UNREGISTER
)

// SyncDown4 marks the IPv4 nexthops over l (fib_sync_down_dev). force also takes those of local
// addresses, whose scope is RT_SCOPE_NOWHERE. It says how many Infos have no hop left; those that
// are Dead must be flushed from the tables by the caller.
func (t *Table) SyncDown4(l *link.Link, cause Cause, force bool) (dead int) {
	of := t.onLink(l)
	for i := range of.infos {
		if i.Family != unix.AF_INET {
			continue
		}
		n := 0
		for h := range i.Hops {
			hop := &i.Hops[h]
			switch {
			case hop.Flags&unix.RTNH_F_DEAD != 0:
				n++
			case hop.Link == l && (force || hop.Scope != unix.RT_SCOPE_NOWHERE):
				hop.Flags |= flagsOf(cause)
				n++
			}
			if cause == Unregistered && hop.Link == l {
				n = len(i.Hops)
				break
			}
		}
		if n == len(i.Hops) {
			i.Flags |= uint32(flagsOf(cause))
			t.died(i)
			dead++
		}
	}
	t.markPaths(of, unix.AF_INET, cause, force)
	return dead
}

func flagsOf(cause Cause) uint8 {
	if cause == CarrierLost {
		return unix.RTNH_F_LINKDOWN
	}
	return unix.RTNH_F_LINKDOWN | unix.RTNH_F_DEAD
}

func (t *Table) markPaths(of *ofLink, family uint8, cause Cause, force bool) {
	for o := range of.paths {
		if o.family == family && (force || o.scope != unix.RT_SCOPE_NOWHERE) {
			t.setFlags(o, o.flags|flagsOf(cause))
		}
	}
}

// setFlags changes what the data plane knows of o and of the groups it is in.
func (t *Table) setFlags(o *path, flags uint8) {
	if flags == o.flags {
		return
	}
	o.flags = flags
	t.republish(o)
	for g := range o.groups {
		t.republish(g)
	}
}

// republish is publish where nothing can be undone: the link has changed already.
func (t *Table) republish(o *path) {
	if o.link != nil && o.link.Gone() {
		return // its prefixes go now, the path with the last of them
	}
	if err := t.publish(o); err != nil {
		t.net.Log.Error("data plane refuses the change of a nexthop", "id", o.id, "err", err)
	}
}

// SyncUp4 takes flags off the IPv4 nexthops over l (fib_sync_up), which must be up. flags is
// RTNH_F_DEAD when the link came up or got an address, RTNH_F_LINKDOWN for its carrier.
func (t *Table) SyncUp4(l *link.Link, flags uint8) {
	if !l.Up() {
		return
	}
	if flags&unix.RTNH_F_DEAD != 0 && l.Flags&(unix.IFF_RUNNING|unix.IFF_LOWER_UP) != 0 {
		flags |= unix.RTNH_F_LINKDOWN
	}
	of := t.onLink(l)
	for i := range of.infos {
		if i.Family != unix.AF_INET {
			continue
		}
		alive := 0
		for h := range i.Hops {
			hop := &i.Hops[h]
			switch {
			case hop.Flags&flags == 0:
				alive++
			case hop.Link == l && l.InDev:
				alive++
				hop.Flags &^= flags
			}
		}
		if alive > 0 {
			i.Flags &^= uint32(flags)
		}
	}
	t.clearPaths(of, unix.AF_INET, flags)
}

func (t *Table) clearPaths(of *ofLink, family, flags uint8) {
	for o := range of.paths {
		if o.family == family {
			t.setFlags(o, o.flags&^flags)
		}
	}
}

// SyncDown6 marks the IPv6 nexthops over l: of a multipath route that keeps another hop, or without
// carrier. Those of single routes are deleted by the caller before (fib6_ifdown).
func (t *Table) SyncDown6(l *link.Link, cause Cause) {
	of := t.onLink(l)
	for i := range of.infos {
		if i.Family == unix.AF_INET6 && (cause != CarrierLost || !localType(i.Type)) {
			i.Hops[0].Flags |= flagsOf(cause)
		}
	}
	for o := range of.paths {
		if o.family == unix.AF_INET6 && (cause != CarrierLost || !localType(o.typ)) {
			t.setFlags(o, o.flags|flagsOf(cause))
		}
	}
}

func localType(typ uint8) bool { return typ == unix.RTN_LOCAL || typ == unix.RTN_ANYCAST }

// SyncUp6 takes flags off the IPv6 nexthops over l (rt6_sync_up).
func (t *Table) SyncUp6(l *link.Link, flags uint8) {
	if flags&unix.RTNH_F_DEAD != 0 && l.Carrier {
		flags |= unix.RTNH_F_LINKDOWN
	}
	of := t.onLink(l)
	for i := range of.infos {
		if i.Family == unix.AF_INET6 {
			i.Hops[0].Flags &^= flags
		}
	}
	t.clearPaths(of, unix.AF_INET6, flags)
}

// SyncDownAddr marks the IPv4 Infos of table whose preferred source is a, which is no longer ours
// (fib_sync_down_addr); the caller flushes them. It says how many there are.
func (t *Table) SyncDownAddr(a netip.Addr, table uint32) (dead int) {
	t.bySource(a, func(i *Info) {
		if i.Family == unix.AF_INET && i.PrefSrc == a && i.Table == table {
			i.Flags |= unix.RTNH_F_DEAD
			i.PrefSrcGone = true
			t.died(i)
			dead++
		}
	})
	return dead
}

// Refresh publishes the paths over l anew after a change of what IgnoreLinkdown says.
func (t *Table) Refresh(l *link.Link) {
	for o := range t.onLink(l).paths {
		for g := range o.groups {
			t.republish(g)
		}
	}
}

// PrefSrcRemoved takes the preferred source a off the IPv6 Infos over links for which keep is false
// (fib6_remove_prefsrc). The routes stay.
func (t *Table) PrefSrcRemoved(a netip.Addr, keep func(*link.Link) bool) {
	t.bySource(a, func(i *Info) {
		if i.Family == unix.AF_INET6 && i.Object == nil && i.PrefSrc == a && !keep(i.Hops[0].Link) {
			i.PrefSrc = netip.Addr{}
			t.orphan(i)
		}
	})
}

// orphan keeps Hold from finding i, whose content is its key's no longer.
func (t *Table) orphan(i *Info) {
	if t.byKey[i.key] == i {
		delete(t.byKey, i.key)
	}
	t.gen++
}

// LowerMTU6 makes the MTU metrics of IPv6 routes over l follow the link (fib6_nh_mtu_change): those
// that were larger than its new MTU or equal to its old one, unless locked.
func (t *Table) LowerMTU6(l *link.Link, old, mtu uint32) {
	for i := range t.onLink(l).infos {
		if !t.lowerMTU6(i, old, mtu) {
			continue
		}
		if o := i.out; o.link == l && o.mtuNow != mtu {
			o.mtuNow = mtu
			if t.paths[o.pathKey] == o {
				delete(t.paths, o.pathKey)
			}
			t.republish(o)
		}
	}
	t.lowerObjectMTU6(l, old, mtu)
}

// lowerMTU6 says whether the MTU of i has changed.
func (t *Table) lowerMTU6(i *Info, old, mtu uint32) bool {
	has := i.MTU()
	if i.Family != unix.AF_INET6 || has == 0 || i.MTULocked() || has < mtu && has != old {
		return false
	}
	m := *i.Metrics
	m.Value[unix.RTAX_MTU] = mtu
	i.Metrics = &m
	t.orphan(i)
	return true
}

// lowerObjectMTU6 is LowerMTU6 for the routes that name objects over l.
func (t *Table) lowerObjectMTU6(l *link.Link, old, mtu uint32) {
	for o := range t.onLink(l).objects {
		for _, x := range append([]*Object{o}, o.parents...) {
			for i := range x.infos {
				if !t.lowerMTU6(i, old, mtu) || i.out.object == nil || i.out.variant.mtu == mtu {
					continue
				}
				i.out.variant.mtu = mtu
				if err := t.follow(i.out); err != nil {
					t.net.Log.Error("data plane refuses the change of a nexthop", "id", x.ID, "err", err)
				}
			}
		}
	}
}
